package manager

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// names indexes the Applications that exist. It answers from the cache as it is when asked, not as it was when built.
func (r *sources) names(ctx context.Context) (resolve.Names, error) {
	var apps argocd.ApplicationList
	if err := r.client.List(ctx, &apps, client.InNamespace(r.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Applications: %w", err)
	}
	addons := map[string]bool{}
	for i := range apps.Items {
		addons[apps.Items[i].Labels[argocd.LabelAddon]] = true
	}
	return cachedNames{reader: r.client, namespace: r.namespace, addons: slices.Sorted(maps.Keys(addons))}, nil
}

type cachedNames struct {
	reader    client.Reader
	namespace string
	addons    []string
}

func (n cachedNames) Addons() []string { return n.addons }

func (n cachedNames) Owner(application string) (resolve.PairKey, bool) {
	app := &argocd.Application{}
	// The reader is the cache: it does not block, and an error other than "not found" cannot come from memory.
	if err := n.reader.Get(context.Background(), client.ObjectKey{Namespace: n.namespace, Name: application}, app); err != nil {
		return resolve.PairKey{}, false
	}
	name, ok := argocd.ClusterOf(app.Labels, app.Annotations)
	return resolve.PairKey{Cluster: name, Addon: app.Labels[argocd.LabelAddon]}, ok
}
