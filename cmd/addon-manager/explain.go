package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/cli"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func newExplain(now func() time.Time) *cobra.Command {
	var (
		connect connection
		output  string
	)
	cmd := &cobra.Command{
		Use:   "explain CLUSTER ADDON",
		Short: "Say why an addon on a cluster is as it is",
		Args:  cli.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := show.ParseFormat(output)
			if err != nil {
				return cli.Usagef("%w", err)
			}
			c, err := connect.client()
			if err != nil {
				return err
			}
			report := &v1alpha1.ClusterAddons{}
			err = c.Get(cmd.Context(), client.ObjectKey{Namespace: connect.namespace, Name: args[0]}, report)
			if apierrors.IsNotFound(err) {
				return fmt.Errorf("there is no cluster %q: namespace %q has no ClusterAddons of that name; `kubectl get ca` lists those there are", args[0], connect.namespace)
			}
			if err != nil {
				return err
			}
			source, err := findSource(cmd.Context(), c, connect.namespace)
			if err != nil {
				return err
			}
			if format != show.Table {
				return show.Encode(cmd.OutOrStdout(), format, selectStatus(source, []v1alpha1.ClusterAddons{*report}, args[0], args[1]))
			}
			return explain(cmd.OutOrStdout(), source, report, args[1], now())
		},
	}
	connect.add(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table (a text), json or yaml")
	return cmd
}

// explain tells the story of one pair, from the cluster to the addon. There may be no source.
func explain(w io.Writer, source *v1alpha1.CatalogSource, report *v1alpha1.ClusterAddons, addon string, now time.Time) error {
	s := report.Status
	var text strings.Builder
	fmt.Fprintf(&text, "cluster     %s\n", report.Name)
	fmt.Fprintf(&text, "kubernetes  %s\n", orUnknown(s.KubernetesVersion))
	fmt.Fprintf(&text, "release     %s\n", orNone(s.Release))
	if line := newestLine(source, s); line != "" {
		fmt.Fprintf(&text, "            %s\n", line)
	}
	for _, r := range s.Reasons {
		fmt.Fprintf(&text, "            %s: %s\n", r.Code, r.Message)
	}
	for _, o := range ordersFor(ordersAbout(report.Spec, addon), now) {
		fmt.Fprintf(&text, "%-11s %s\n", o.what, o.line)
	}
	fmt.Fprintf(&text, "addon       %s\n", addon)
	i := slices.IndexFunc(s.Addons, func(a v1alpha1.AddonStatus) bool { return a.Name == addon })
	j := slices.IndexFunc(s.Released, func(r v1alpha1.ReleasedAddon) bool { return r.Name == addon })
	if i < 0 {
		fmt.Fprintf(&text, "            is off on this cluster. If the release offers it, switch it on with\n"+
			"            kubectl label secret %s addons.kaas.dev/%s=enabled -n %s\n", report.Name, addon, report.Namespace)
	} else {
		explainPair(&text, s.Addons[i])
	}
	if j >= 0 {
		fmt.Fprintf(&text, "released    %s\n"+
			"            have it delivered again with addon-manager adopt %s %s\n"+
			"            or taken off this list with addon-manager forget %s %s\n", releasedLine(s.Released[j]), report.Name, addon, report.Name, addon)
	}
	for _, p := range s.Problems {
		if strings.Contains(p.Message, addon) || i < 0 {
			fmt.Fprintf(&text, "problem     %s: %s\n", p.Code, p.Message)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// newestLine says where the cluster's release stands among those of its minor.
func newestLine(source *v1alpha1.CatalogSource, s v1alpha1.ClusterAddonsStatus) string {
	if source == nil || s.Release == "" {
		return ""
	}
	switch newest := rollingOut(source, s.Minor); newest {
	case "":
		return ""
	case s.Release:
		return "is the newest usable release for Kubernetes " + s.Minor
	default:
		return fmt.Sprintf("%s is the newest usable release for Kubernetes %s", newest, s.Minor)
	}
}

// ordersAbout leaves out the pins of other addons.
func ordersAbout(spec v1alpha1.ClusterAddonsSpec, addon string) v1alpha1.ClusterAddonsSpec {
	spec.Pins = slices.DeleteFunc(slices.Clone(spec.Pins), func(p v1alpha1.Pin) bool { return p.Addon != "" && p.Addon != addon })
	return spec
}

func explainPair(w io.Writer, a v1alpha1.AddonStatus) {
	fmt.Fprintf(w, "application %s\n", a.Application)
	if why := enabledBy[a.EnabledBy]; why != "" {
		fmt.Fprintf(w, "on because  %s\n", why)
	}
	fmt.Fprintf(w, "wanted      %s\n", orNone(a.Wanted))
	fmt.Fprintf(w, "delivered   %s\n", orNone(a.Delivered))
	fmt.Fprintf(w, "argo cd     %s, %s", orUnknown(a.Sync), orUnknown(a.Health))
	if a.Sync == "Synced" && !a.Synced {
		fmt.Fprint(w, " (of another revision than the one wanted, or from before it was written: no evidence yet)")
	}
	fmt.Fprintln(w)
	if a.Message != "" {
		fmt.Fprintf(w, "            %s\n", a.Message)
	}
	if line := leavingLine(a); line != "" {
		fmt.Fprintf(w, "leaving     %s\n", line)
	}
	fmt.Fprintf(w, "action      %s\n", a.Action)
	for _, r := range a.Reasons {
		fmt.Fprintf(w, "            %s: %s\n", r.Code, r.Message)
	}
}

// enabledBy says in words what switched an addon on.
var enabledBy = map[string]string{
	string(resolve.CodeSwitchedOn):       "the cluster's label says enabled",
	string(resolve.CodeEnabledByDefault): "the catalog enables it by default",
	string(resolve.CodeAlwaysOn):         "the catalog enables it on every cluster",
	string(resolve.CodeAdopted):          "somebody adopted what was left of it",
}
