package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/cli"

	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
)

func newCanUpgrade() *cobra.Command {
	var (
		in         inputs
		to, output string
	)
	cmd := &cobra.Command{
		Use:   "can-upgrade CLUSTER --to MINOR",
		Short: "Tell what a Kubernetes upgrade would do to a cluster's addons, before it is made",
		Long: "Decides about the cluster as if it ran MINOR already: whether there is a release for it, whether every enabled addon is offered\n" +
			"and in range there, what would come, move and go, and in which order. Nothing is changed.\n" +
			"Exit code 3 means that something blocks the upgrade; each blocker says what to do about it.\n\n" +
			"It reads the fleet of the current kubeconfig and the repository of its CatalogSource, or files as plan does.",
		Args: cli.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := show.ParseFormat(output)
			if err != nil {
				return cli.Usagef("%w", err)
			}
			if to == "" {
				return cli.Usagef("--to is missing: name a Kubernetes minor, such as 1.33")
			}
			minor, err := version.ParseMinor(strings.TrimPrefix(to, "v"))
			if err != nil {
				return cli.Usagef("--to: %w", err)
			}
			if err := in.check(); err != nil {
				return err
			}
			fleet, err := in.fleet(cmd)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(fleet.Clusters, func(c resolve.Cluster) bool { return c.Name == args[0] && !c.Gone })
			if i < 0 {
				return fmt.Errorf("there is no cluster Secret %q; clusters: %s", args[0], clusterNames(fleet.Clusters))
			}
			src, err := in.source(cmd.Context(), &fleet)
			if err != nil {
				return err
			}
			if src.Unavailable != nil {
				return fmt.Errorf("%s", src.Unavailable.Message)
			}
			c := fleet.Clusters[i]
			answer := resolve.Prepare(src, fleet.Policy, resolve.NamesOf(fleet.Delivered)).CanUpgrade(c, fleet.Delivered[c.Name], minor, time.Now())
			if format == show.Table {
				err = printUpgrade(cmd.OutOrStdout(), answer)
			} else {
				err = show.Encode(cmd.OutOrStdout(), format, answer)
			}
			if err == nil && !answer.Possible {
				err = cli.ErrFinding
			}
			return err
		},
	}
	in.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&to, "to", "", "Kubernetes minor asked about, such as 1.33")
	flags.StringVarP(&output, "output", "o", "table", "table, json or yaml")
	return cmd
}

func clusterNames(clusters []resolve.Cluster) string {
	const most = 10
	var names []string
	for _, c := range clusters {
		if !c.Gone {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return cmp.Or(strings.Join(names, ", "), "none (they carry label "+cluster.SecretTypeLabel+")")
}

func printUpgrade(w io.Writer, u resolve.Upgrade) error {
	verdict := "possible"
	if !u.Possible {
		verdict = "BLOCKED"
	}
	fmt.Fprintf(w, "%s: from %s to %s: %s\n", u.Cluster, cmp.Or(u.From, "an unknown version"), u.To, verdict)
	if u.Release != "" {
		fmt.Fprintf(w, "release  %s\n", u.Release)
	}
	for _, list := range []struct {
		word    string
		reasons []resolve.UpgradeReason
	}{{"blocked ", u.Blockers}, {"warning ", u.Warnings}} {
		for _, r := range list.reasons {
			about := ""
			if r.Addon != "" {
				about = r.Addon + ": "
			}
			fmt.Fprintf(w, "%s %s%s\n", list.word, about, r.Message)
		}
	}
	line := func(word string, names []string) {
		if len(names) > 0 {
			fmt.Fprintf(w, "%s %s\n", word, strings.Join(names, ", "))
		}
	}
	line("added   ", u.Added)
	moved := make([]string, len(u.Moved))
	for i, m := range u.Moved {
		moved[i] = fmt.Sprintf("%s (%s)", m.Addon, cmp.Or(m.From, "-"))
	}
	line("moved   ", moved)
	line("dropped ", u.Dropped)
	line("order   ", u.Order)
	_, err := fmt.Fprint(w)
	return err
}
