package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/cli"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// row is one pair as status prints it.
type row struct {
	Cluster           string `json:"cluster"`
	KubernetesVersion string `json:"kubernetesVersion"`
	v1alpha1.AddonStatus
}

// fleetStatus is what status -o json prints.
type fleetStatus struct {
	Pairs    []row           `json:"pairs"`
	Clusters []clusterStatus `json:"clusters"`
	// Paused, Rollouts and Quarantine are of the CatalogSource.
	Paused     bool                     `json:"paused"`
	Rollouts   []v1alpha1.RolloutStatus `json:"rollouts"`
	Quarantine *v1alpha1.Quarantine     `json:"quarantine,omitempty"`
}

type clusterStatus struct {
	Name              string            `json:"name"`
	KubernetesVersion string            `json:"kubernetesVersion"`
	Release           string            `json:"release"`
	Delivered         string            `json:"delivered"`
	Ready             string            `json:"ready"`
	Hold              string            `json:"hold"`
	Reasons           []v1alpha1.Reason `json:"reasons"`
	Problems          []v1alpha1.Reason `json:"problems"`
	// Leaving says in one line which addons are on their way out; Released are those whose objects were left.
	Leaving  string                   `json:"leaving,omitempty"`
	Released []v1alpha1.ReleasedAddon `json:"released,omitempty"`
	// Orders are what people ordered for the cluster.
	Orders v1alpha1.ClusterAddonsSpec `json:"orders"`
}

func newStatus(now func() time.Time) *cobra.Command {
	var (
		connect        connection
		addon, cluster string
		output         string
	)
	cmd := &cobra.Command{
		Use:   "status [--addon NAME] [--cluster NAME]",
		Short: "Show the state of every addon on every cluster",
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
			var reports v1alpha1.ClusterAddonsList
			if err := c.List(cmd.Context(), &reports, client.InNamespace(connect.namespace)); err != nil {
				return fmt.Errorf("list ClusterAddons in namespace %q: %w", connect.namespace, err)
			}
			source, err := findSource(cmd.Context(), c, connect.namespace)
			if err != nil {
				return err
			}
			s := selectStatus(source, reports.Items, cluster, addon)
			if cluster != "" && len(s.Clusters) == 0 {
				return fmt.Errorf("--cluster: there is no ClusterAddons %q in namespace %q; `kubectl get ca` lists those there are", cluster, connect.namespace)
			}
			if format != show.Table {
				return show.Encode(cmd.OutOrStdout(), format, s)
			}
			return printStatus(cmd.OutOrStdout(), s, now())
		},
	}
	connect.add(cmd)
	cmd.Flags().StringVar(&addon, "addon", "", "show only this addon")
	cmd.Flags().StringVar(&cluster, "cluster", "", "show only this cluster")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or yaml")
	return cmd
}

// selectStatus picks what is shown: everything, or what is about one cluster, one addon, or both. There may be no source.
func selectStatus(source *v1alpha1.CatalogSource, reports []v1alpha1.ClusterAddons, cluster, addon string) fleetStatus {
	s := fleetStatus{Pairs: []row{}, Clusters: []clusterStatus{}, Rollouts: []v1alpha1.RolloutStatus{}}
	minors := map[string]bool{}
	slices.SortFunc(reports, func(a, b v1alpha1.ClusterAddons) int { return cmp.Compare(a.Name, b.Name) })
	for _, r := range reports {
		if cluster != "" && r.Name != cluster {
			continue
		}
		st := r.Status
		s.Clusters = append(s.Clusters, clusterStatus{
			Name: r.Name, KubernetesVersion: st.KubernetesVersion, Release: st.Release, Delivered: st.Delivered, Ready: st.Ready, Hold: st.Hold,
			Reasons: st.Reasons, Problems: st.Problems, Leaving: st.Leaving, Orders: r.Spec,
			Released: slices.DeleteFunc(slices.Clone(st.Released), func(r v1alpha1.ReleasedAddon) bool { return addon != "" && r.Name != addon }),
		})
		minors[st.Minor] = true
		for _, a := range st.Addons {
			if addon == "" || a.Name == addon {
				s.Pairs = append(s.Pairs, row{Cluster: r.Name, KubernetesVersion: st.KubernetesVersion, AddonStatus: a})
			}
		}
	}
	if source == nil {
		return s
	}
	s.Paused, s.Quarantine = source.Spec.Paused, quarantineOf(source)
	for _, r := range source.Status.Rollouts {
		if cluster == "" || minors[r.Minor] {
			s.Rollouts = append(s.Rollouts, r)
		}
	}
	return s
}

func printStatus(w io.Writer, s fleetStatus, now time.Time) error {
	rows := make([][]string, 0, len(s.Pairs))
	for _, p := range s.Pairs {
		rows = append(rows, []string{p.Cluster, p.KubernetesVersion, p.Name, p.Wanted, p.Delivered, p.Sync, p.Health, p.Action, why(p.AddonStatus)})
	}
	if err := show.Rows(w, []string{"CLUSTER", "KUBERNETES", "ADDON", "WANTED", "DELIVERED", "SYNC", "HEALTH", "ACTION", "WHY"}, rows); err != nil {
		return err
	}
	for _, c := range s.Clusters {
		if c.Hold != "" && len(c.Reasons) > 0 {
			fmt.Fprintf(w, "\n%s is held: %s\n", c.Name, messages(c.Reasons))
		}
		for _, p := range c.Problems {
			fmt.Fprintf(w, "problem  %s\n", p.Message)
		}
	}
	if notes := statusNotes(s, now); len(notes) > 0 {
		fmt.Fprintf(w, "\n%s\n", strings.Join(notes, "\n"))
	}
	return nil
}

// statusNotes say what goes on beside the table: what leaves, what was left, what people ordered, how far releases are, what waits for approval.
func statusNotes(s fleetStatus, now time.Time) (lines []string) {
	for _, p := range s.Pairs {
		if line := leavingLine(p.AddonStatus); line != "" {
			lines = append(lines, fmt.Sprintf("leaving     %s on %s: %s", p.Name, p.Cluster, line))
		}
	}
	for _, c := range s.Clusters {
		for _, r := range c.Released {
			lines = append(lines, fmt.Sprintf("released    %s on %s: %s", r.Name, c.Name, releasedLine(r)))
		}
	}
	for _, c := range s.Clusters {
		for _, o := range ordersFor(c.Orders, now) {
			lines = append(lines, fmt.Sprintf("%-11s %s: %s", o.what, c.Name, o.line))
		}
	}
	for _, r := range s.Rollouts {
		lines = append(lines, "rollout     "+rolloutLine(r))
	}
	if s.Paused {
		lines = append(lines, "paused      nothing changes on any cluster until `addon-manager unpause`")
	}
	if q := s.Quarantine; q != nil {
		lines = append(lines, "quarantine  "+quarantineLine(q))
	}
	return lines
}

// leavingLine says when an addon that is on its way out goes; "" for any other.
func leavingLine(a v1alpha1.AddonStatus) string {
	if a.DisabledSince == nil {
		return ""
	}
	line := "on its way out since " + clock(a.DisabledSince.Time)
	if a.RemovalAt != nil {
		line += ", goes at " + clock(a.RemovalAt.Time) + " at the earliest"
	}
	return line + "; it stays if what led to it is undone"
}

// quarantineLine is the manager's own message, which says all there is to say.
func quarantineLine(q *v1alpha1.Quarantine) string {
	if q.Message != "" {
		return q.Message
	}
	return counted(int(q.Count), "deletion waits for approval", "deletions wait for approval") + "; look at them with `addon-manager plan`, let exactly these through with `addon-manager approve " + q.Hash + "`"
}

// standing is one order that people gave for a cluster.
type standing struct{ what, line string }

// ordersFor are the orders that stand for a cluster.
func ordersFor(spec v1alpha1.ClusterAddonsSpec, now time.Time) (orders []standing) {
	for _, p := range sortedPins(&v1alpha1.ClusterAddons{Spec: spec}) {
		what := "pin"
		if !now.Before(p.Expires.Time) {
			what = "expired pin"
		}
		orders = append(orders, standing{what, pinLine(p)})
	}
	if f := spec.Freeze; f != nil {
		what := "freeze"
		if !now.Before(f.Until.Time) {
			what = "old freeze"
		}
		orders = append(orders, standing{what, freezeLine(f)})
	}
	if d := spec.Decommission; d != nil {
		line := fmt.Sprintf("decommissioned (%s) since %s", d.Mode, clock(d.Requested.Time))
		if d.Mode == v1alpha1.DecommissionPrune {
			line += ", what is left at " + clock(deadlineOf(d)) + " stays"
		}
		orders = append(orders, standing{"given up", line})
	}
	return orders
}

// why is the reason that matters most: of the action, or else of Argo CD.
func why(a v1alpha1.AddonStatus) string {
	if len(a.Reasons) > 0 {
		return messages(a.Reasons)
	}
	return a.Message
}

func messages(reasons []v1alpha1.Reason) string {
	texts := make([]string, len(reasons))
	for i, r := range reasons {
		texts[i] = r.Message
	}
	return strings.Join(texts, "; ")
}

func orNone(s string) string    { return cmp.Or(s, "none") }
func orUnknown(s string) string { return cmp.Or(s, "unknown") }
