package delivered

import (
	"context"
	"fmt"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/manager/gather"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Live reads the fleet from Argo CD's namespace. Where a Secret reports no version, the one that the controller found counts; no cluster
// is asked.
func Live(ctx context.Context, c client.Reader, namespace string) (gather.Fleet, error) {
	var p gather.Parts
	in := client.InNamespace(namespace)
	managed := client.MatchingLabels{argocd.LabelManagedBy: argocd.Manager}
	var (
		secrets corev1.SecretList
		sets    argocd.ApplicationSetList
		apps    argocd.ApplicationList
		reports v1alpha1.ClusterAddonsList
		sources v1alpha1.CatalogSourceList
	)
	for _, l := range []struct {
		what    string
		list    client.ObjectList
		options []client.ListOption
	}{
		{"cluster Secrets", &secrets, []client.ListOption{in, client.MatchingLabels{cluster.SecretTypeLabel: cluster.SecretType}}},
		{"ApplicationSets", &sets, []client.ListOption{in, managed}},
		{"Applications", &apps, []client.ListOption{in, managed}},
		{"ClusterAddons", &reports, []client.ListOption{in}},
		{"CatalogSources", &sources, []client.ListOption{in}},
	} {
		if err := c.List(ctx, l.list, l.options...); err != nil {
			return gather.Fleet{}, fmt.Errorf("list %s in namespace %q: %w", l.what, namespace, err)
		}
	}
	found := map[string]v1alpha1.ClusterAddonsStatus{}
	for i := range reports.Items {
		r := &reports.Items[i]
		found[r.Name] = r.Status
	}
	for _, s := range secrets.Items {
		one := resolve.Cluster{Facts: cluster.Read(gather.Secret(&s))}
		if v, err := version.ParseKubernetes(found[s.Name].KubernetesVersion); err == nil {
			one.Detected = v
		} else {
			one.Undetected = "the controller has not found one"
		}
		p.Clusters = append(p.Clusters, one)
	}
	var o Objects
	for i := range sets.Items {
		o.addSet(&sets.Items[i])
	}
	for i := range apps.Items {
		o.addApplication(&apps.Items[i])
	}
	p.Reports, p.Sources = reports.Items, sources.Items
	var err error
	if p.Delivered, p.Admitted, err = o.Delivered(); err != nil {
		return gather.Fleet{}, err
	}
	return gather.Assemble(p), nil
}
