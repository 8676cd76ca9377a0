package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/cli"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
}

func newStatus() *cobra.Command {
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
			s := selectStatus(reports.Items, cluster, addon)
			if cluster != "" && len(s.Clusters) == 0 {
				return fmt.Errorf("--cluster: there is no ClusterAddons %q in namespace %q; `kubectl get ca` lists those there are", cluster, connect.namespace)
			}
			if format != show.Table {
				return show.Encode(cmd.OutOrStdout(), format, s)
			}
			return printStatus(cmd.OutOrStdout(), s)
		},
	}
	connect.add(cmd)
	cmd.Flags().StringVar(&addon, "addon", "", "show only this addon")
	cmd.Flags().StringVar(&cluster, "cluster", "", "show only this cluster")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or yaml")
	return cmd
}

func selectStatus(reports []v1alpha1.ClusterAddons, cluster, addon string) fleetStatus {
	s := fleetStatus{Pairs: []row{}, Clusters: []clusterStatus{}}
	slices.SortFunc(reports, func(a, b v1alpha1.ClusterAddons) int { return cmp.Compare(a.Name, b.Name) })
	for _, r := range reports {
		if cluster != "" && r.Name != cluster {
			continue
		}
		st := r.Status
		s.Clusters = append(s.Clusters, clusterStatus{
			Name: r.Name, KubernetesVersion: st.KubernetesVersion, Release: st.Release, Delivered: st.Delivered, Ready: st.Ready, Hold: st.Hold,
			Reasons: st.Reasons, Problems: st.Problems,
		})
		for _, a := range st.Addons {
			if addon == "" || a.Name == addon {
				s.Pairs = append(s.Pairs, row{Cluster: r.Name, KubernetesVersion: st.KubernetesVersion, AddonStatus: a})
			}
		}
	}
	return s
}

func printStatus(w io.Writer, s fleetStatus) error {
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
	return nil
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

func newExplain() *cobra.Command {
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
			if format != show.Table {
				return show.Encode(cmd.OutOrStdout(), format, selectStatus([]v1alpha1.ClusterAddons{*report}, args[0], args[1]))
			}
			explain(cmd.OutOrStdout(), report, args[1])
			return nil
		},
	}
	connect.add(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table (a text), json or yaml")
	return cmd
}

func explain(w io.Writer, report *v1alpha1.ClusterAddons, addon string) {
	s := report.Status
	fmt.Fprintf(w, "cluster     %s\n", report.Name)
	fmt.Fprintf(w, "kubernetes  %s\n", orUnknown(s.KubernetesVersion))
	fmt.Fprintf(w, "release     %s\n", orNone(s.Release))
	if s.Release != "" {
		fmt.Fprintf(w, "            is the newest usable release for Kubernetes %s\n", s.Minor)
	}
	for _, r := range s.Reasons {
		fmt.Fprintf(w, "            %s: %s\n", r.Code, r.Message)
	}
	fmt.Fprintf(w, "addon       %s\n", addon)
	i := slices.IndexFunc(s.Addons, func(a v1alpha1.AddonStatus) bool { return a.Name == addon })
	if i < 0 {
		fmt.Fprintf(w, "            is off on this cluster. If the release offers it, switch it on with\n"+
			"            kubectl label secret %s addons.kaas.dev/%s=enabled -n %s\n", report.Name, addon, report.Namespace)
	} else {
		explainPair(w, s.Addons[i])
	}
	for _, p := range s.Problems {
		if strings.Contains(p.Message, addon) || i < 0 {
			fmt.Fprintf(w, "problem     %s: %s\n", p.Code, p.Message)
		}
	}
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
		fmt.Fprint(w, " (at another revision than the one wanted: no evidence yet)")
	}
	fmt.Fprintln(w)
	if a.Message != "" {
		fmt.Fprintf(w, "            %s\n", a.Message)
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
}

func orNone(s string) string    { return cmp.Or(s, "none") }
func orUnknown(s string) string { return cmp.Or(s, "unknown") }
