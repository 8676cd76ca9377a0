package manager

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// foreign knows the names of the Applications that are not ours. The cache holds only ours, and to ask for every new name alone would
// make a first pass over a fleet a matter of minutes.
type foreign struct {
	live      client.Reader
	namespace string

	mu    sync.Mutex
	until time.Time
	names map[string]bool
}

// foreignAge is how old the list may be. A foreign Application that appears in between loses at most what a race would cost it anyway.
const foreignAge = 10 * time.Second

// has reports whether somebody else has an Application of this name.
func (f *foreign) has(ctx context.Context, name string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.After(f.until) {
		names, err := f.list(ctx)
		if err != nil {
			return false, err
		}
		f.names, f.until = names, now.Add(foreignAge)
	}
	return f.names[name], nil
}

func (f *foreign) list(ctx context.Context) (map[string]bool, error) {
	notOurs, err := labels.NewRequirement(argocd.LabelManagedBy, selection.NotEquals, []string{argocd.Manager})
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(argocd.ApplicationGVK.GroupVersion().WithKind(argocd.ApplicationGVK.Kind + "List"))
	for {
		err := f.live.List(ctx, list, client.InNamespace(f.namespace), client.MatchingLabelsSelector{Selector: labels.NewSelector().Add(*notOurs)},
			client.Limit(1000), client.Continue(list.Continue))
		if err != nil {
			return nil, fmt.Errorf("look for foreign Applications: %w", err)
		}
		for i := range list.Items {
			names[list.Items[i].Name] = true
		}
		if list.Continue == "" {
			return names, nil
		}
	}
}
