package gather

import (
	"context"
	"fmt"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Live reads the fleet from Argo CD's namespace. Where a Secret reports no version, the one that the controller found counts; no cluster
// is asked.
func Live(ctx context.Context, c client.Reader, namespace string) (Fleet, error) {
	f := newFleet()
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
			return f, fmt.Errorf("list %s in namespace %q: %w", l.what, namespace, err)
		}
	}
	found := map[string]v1alpha1.ClusterAddonsStatus{}
	for i := range reports.Items {
		r := &reports.Items[i]
		found[r.Name], f.reports[r.Name] = r.Status, r
	}
	for _, s := range secrets.Items {
		one := resolve.Cluster{Facts: cluster.Read(Secret(&s))}
		if v, err := version.ParseKubernetes(found[s.Name].KubernetesVersion); err == nil {
			one.Detected = v
		} else {
			one.Undetected = "the controller has not found one"
		}
		f.Clusters = append(f.Clusters, one)
	}
	byCluster, bySet := map[string][]argocd.Application{}, map[string]*argocd.ApplicationSet{}
	for i := range sets.Items {
		if name, ok := argocd.ClusterOf(sets.Items[i].Labels, sets.Items[i].Annotations); ok {
			bySet[name] = &sets.Items[i]
		}
	}
	for _, a := range apps.Items {
		if name, ok := argocd.ClusterOf(a.Labels, a.Annotations); ok {
			byCluster[name] = append(byCluster[name], a)
		}
	}
	for i := range sources.Items {
		f.remember(&sources.Items[i])
	}
	if err := f.deliver(bySet, byCluster); err != nil {
		return f, err
	}
	f.recall()
	return f, nil
}
