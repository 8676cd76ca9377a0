package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
)

// rolloutReport is what rollout status -o json prints: how far releases have come, and the orders that stand.
type rolloutReport struct {
	Paused     bool                      `json:"paused"`
	Rollouts   []v1alpha1.RolloutStatus  `json:"rollouts"`
	Halted     []v1alpha1.ReleaseName    `json:"halted"`
	Resumed    []v1alpha1.ResumedRelease `json:"resumed"`
	RolledBack []v1alpha1.ReleaseName    `json:"rolledBack"`
	Emergency  []v1alpha1.ReleaseName    `json:"emergency"`
}

func newRolloutStatus() *cobra.Command {
	var (
		connect       connection
		minor, output string
	)
	cmd := &cobra.Command{
		Use:   "status [--minor MINOR]",
		Short: "Show how far the release of each minor has come, group by group",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := show.ParseFormat(output)
			if err != nil {
				return cli.Usagef("%w", err)
			}
			c, err := connect.client()
			if err != nil {
				return err
			}
			s, err := requireSource(cmd.Context(), c, connect.namespace)
			if err != nil {
				return err
			}
			report := reportRollouts(s, minor)
			if minor != "" && len(report.Rollouts) == 0 {
				return fmt.Errorf("--minor: no rollout for Kubernetes %q is reported; reported are: %s", minor, orNone(listed(minorsOf(s))))
			}
			if format != show.Table {
				return show.Encode(cmd.OutOrStdout(), format, report)
			}
			return report.print(cmd.OutOrStdout())
		},
	}
	connect.add(cmd)
	cmd.Flags().StringVar(&minor, "minor", "", "show only this Kubernetes minor, such as 1.31")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or yaml")
	return cmd
}

func minorsOf(s *v1alpha1.CatalogSource) (minors []string) {
	for _, r := range s.Status.Rollouts {
		minors = append(minors, r.Minor)
	}
	return minors
}

// reportRollouts selects what is about a minor, or everything.
func reportRollouts(s *v1alpha1.CatalogSource, minor string) rolloutReport {
	about := func(name v1alpha1.ReleaseName) bool {
		tag, err := release.ParseTag(string(name))
		return minor == "" || err == nil && tag.Minor.String() == minor
	}
	r := rolloutReport{
		Paused: s.Spec.Paused, Rollouts: []v1alpha1.RolloutStatus{},
		Halted: []v1alpha1.ReleaseName{}, Resumed: []v1alpha1.ResumedRelease{}, RolledBack: []v1alpha1.ReleaseName{}, Emergency: []v1alpha1.ReleaseName{},
	}
	for _, one := range s.Status.Rollouts {
		if minor == "" || one.Minor == minor {
			r.Rollouts = append(r.Rollouts, one)
		}
	}
	orders := rolloutOrders(s)
	for _, list := range []struct {
		from []v1alpha1.ReleaseName
		into *[]v1alpha1.ReleaseName
	}{{orders.Halted, &r.Halted}, {orders.RolledBack, &r.RolledBack}, {orders.Emergency, &r.Emergency}} {
		for _, name := range list.from {
			if about(name) {
				*list.into = append(*list.into, name)
			}
		}
	}
	for _, one := range orders.Resumed {
		if about(one.Release) {
			r.Resumed = append(r.Resumed, one)
		}
	}
	return r
}

func (r rolloutReport) print(w io.Writer) error {
	var rows [][]string
	for _, one := range r.Rollouts {
		if len(one.Groups) == 0 {
			rows = append(rows, []string{one.Minor, one.Release, "", one.State, "", "", "", "", "", "", "", ""})
		}
		for _, g := range one.Groups {
			row := []string{one.Minor, one.Release, g.Name, g.State}
			for _, n := range []int32{g.Clusters, g.ToApply, g.Progressing, g.Succeeded, g.Failed, g.TimeOut, g.Skip, g.Exempt} {
				row = append(row, fmt.Sprint(n))
			}
			rows = append(rows, row)
		}
	}
	header := []string{"MINOR", "RELEASE", "GROUP", "STATE", "CLUSTERS", "TOAPPLY", "PROGRESSING", "SUCCEEDED", "FAILED", "TIMEOUT", "SKIP", "EXEMPT"}
	if err := show.Rows(w, header, rows); err != nil {
		return err
	}
	_, err := io.WriteString(w, r.notes())
	return err
}

// notes say in words what the numbers do not.
func (r rolloutReport) notes() string {
	var text strings.Builder
	for _, one := range r.Rollouts {
		if one.Message == "" && !slices.ContainsFunc(one.Groups, func(g v1alpha1.RolloutGroupStatus) bool { return g.Message != "" || len(g.Late) > 0 }) {
			continue
		}
		fmt.Fprintf(&text, "\n%s\n", rolloutLine(one))
		for _, g := range one.Groups {
			if g.Message != "" {
				fmt.Fprintf(&text, "  %s: %s\n", g.Name, g.Message)
			}
			if len(g.Late) > 0 {
				fmt.Fprintf(&text, "  %s: failed, late or unreachable: %s\n", g.Name, strings.Join(g.Late, ", "))
			}
		}
	}
	if orders := r.orders(); len(orders) > 0 {
		fmt.Fprintf(&text, "\n%s\n", strings.Join(orders, "\n"))
	}
	return text.String()
}

// orders are what people ordered and what still stands.
func (r rolloutReport) orders() (lines []string) {
	if r.Paused {
		lines = append(lines, "paused       nothing changes on any cluster; addon-manager unpause")
	}
	for _, list := range []struct {
		what  string
		names []v1alpha1.ReleaseName
	}{{"halted", r.Halted}, {"rolled back", r.RolledBack}, {"emergency", r.Emergency}} {
		if len(list.names) > 0 {
			lines = append(lines, fmt.Sprintf("%-12s %s", list.what, releaseNames(list.names)))
		}
	}
	for _, one := range r.Resumed {
		lines = append(lines, fmt.Sprintf("resumed      %s, in spite of %s", one.Release, listed(one.Accept)))
	}
	return lines
}

// rolloutLine is a rollout in one line.
func rolloutLine(r v1alpha1.RolloutStatus) string {
	line := fmt.Sprintf("%s %s: %s", r.Minor, orNone(r.Release), r.State)
	if r.Message != "" {
		line += ": " + r.Message
	}
	return line
}
