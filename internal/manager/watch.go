package manager

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// queue is where handlers put clusters.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// limiter retries soon and never waits longer than half a minute: what failed is one cluster's write, and nobody else waits for it.
func limiter[T comparable]() workqueue.TypedRateLimiter[T] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[T](20*time.Millisecond, 30*time.Second)
}

// specChanged skips the events of our own status writes.
func specChanged() builder.ForOption {
	return builder.WithPredicates(predicate.GenerationChangedPredicate{})
}

// watchClusters queues a cluster whenever something that its decision depends on changes.
func watchClusters(mgr ctrl.Manager, r *clusters, asked *probes, workers int, wake, again <-chan event.GenericEvent) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("cluster").
		Watches(&corev1.Secret{}, &secretHandler{reader: mgr.GetClient(), namespace: r.namespace, asked: asked}).
		Watches(&argocd.ApplicationSet{}, byOwner(), builder.WithPredicates(predicate.Funcs{UpdateFunc: setChanged})).
		Watches(&argocd.Application{}, byOwner(), builder.WithPredicates(predicate.Funcs{UpdateFunc: applicationChanged})).
		Watches(&v1alpha1.ClusterAddons{}, byName()).
		WatchesRawSource(source.Channel(wake, handler.EnqueueRequestsFromMapFunc(r.everyCluster))).
		WatchesRawSource(source.Channel(again, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers, RateLimiter: limiter[reconcile.Request]()}).
		Complete(r)
}

func request(name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Name: name}}
}

func toName(name string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{request(name)} })
}

// byName queues the cluster that an object is named after. Every request names a cluster without a namespace: two names for one cluster
// would let two workers at it at once.
func byName() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		return []reconcile.Request{request(o.GetName())}
	})
}

// byOwner queues the cluster that an object of ours belongs to.
func byOwner() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		if name, ok := argocd.ClusterOf(o.GetLabels(), o.GetAnnotations()); ok {
			return []reconcile.Request{request(name)}
		}
		return nil
	})
}

func setChanged(e event.UpdateEvent) bool {
	return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || metadataChanged(e) ||
		e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
}

func metadataChanged(e event.UpdateEvent) bool {
	a, b := e.ObjectOld, e.ObjectNew
	return !maps.Equal(a.GetLabels(), b.GetLabels()) || !maps.Equal(a.GetAnnotations(), b.GetAnnotations()) ||
		!slices.Equal(a.GetFinalizers(), b.GetFinalizers()) || a.GetDeletionTimestamp().IsZero() != b.GetDeletionTimestamp().IsZero()
}

// applicationChanged skips what Argo CD writes every few seconds and no decision or report depends on.
func applicationChanged(e event.UpdateEvent) bool {
	return setChanged(e) && (e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion() || metadataChanged(e) ||
		argocd.Changed(e.ObjectOld.(*argocd.Application), e.ObjectNew.(*argocd.Application)))
}

// everyCluster asks for all clusters that exist or have anything delivered.
func (r *clusters) everyCluster(ctx context.Context, _ client.Object) []reconcile.Request {
	names := r.names(ctx)
	requests := make([]reconcile.Request, len(names))
	for i, name := range names {
		requests[i] = request(name)
	}
	return requests
}

// names are those of all clusters that exist or have anything delivered, sorted.
func (r *clusters) names(ctx context.Context) []string {
	names := map[string]bool{}
	var secrets corev1.SecretList
	var sets argocd.ApplicationSetList
	var apps argocd.ApplicationList
	var reports v1alpha1.ClusterAddonsList
	for _, list := range []client.ObjectList{&secrets, &sets, &apps, &reports} {
		// Lists come from memory; one that fails is made up for by the objects' own events.
		_ = r.client.List(ctx, list, client.InNamespace(r.namespace), client.UnsafeDisableDeepCopy)
	}
	for i := range secrets.Items {
		names[secrets.Items[i].Name] = true
	}
	for i := range sets.Items {
		names[sets.Items[i].Name] = true
	}
	for i := range apps.Items {
		if name, ok := argocd.ClusterOf(apps.Items[i].Labels, apps.Items[i].Annotations); ok {
			names[name] = true
		}
	}
	for i := range reports.Items {
		names[reports.Items[i].Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// secretHandler queues a cluster when its facts change, and with it those that it clashes or clashed with.
type secretHandler struct {
	reader    client.Reader
	namespace string
	asked     *probes
}

func (h *secretHandler) Create(ctx context.Context, e event.TypedCreateEvent[client.Object], q queue) {
	q.Add(request(e.Object.GetName()))
	h.peers(ctx, q, e.Object.(*corev1.Secret))
}

func (h *secretHandler) Update(ctx context.Context, e event.TypedUpdateEvent[client.Object], q queue) {
	old, now := e.ObjectOld.(*corev1.Secret), e.ObjectNew.(*corev1.Secret)
	if string(old.Data[digestKey]) != string(now.Data[digestKey]) {
		h.asked.Renew(now.Name, factsOf(now).Server, string(now.Data[digestKey]))
	}
	resync := old.ResourceVersion == now.ResourceVersion
	if !resync && sameFacts(old, now) {
		return
	}
	q.Add(request(now.Name))
	if a, b := factsOf(old), factsOf(now); a.ServerKey() != b.ServerKey() || a.DisplayName != b.DisplayName {
		h.peers(ctx, q, old)
		h.peers(ctx, q, now)
	}
}

func (h *secretHandler) Delete(ctx context.Context, e event.TypedDeleteEvent[client.Object], q queue) {
	q.Add(request(e.Object.GetName()))
	if s, ok := e.Object.(*corev1.Secret); ok {
		h.peers(ctx, q, s)
	}
}

func (h *secretHandler) Generic(_ context.Context, e event.TypedGenericEvent[client.Object], q queue) {
	q.Add(request(e.Object.GetName()))
}

func (h *secretHandler) peers(ctx context.Context, q queue, s *corev1.Secret) {
	f := factsOf(s)
	for index, value := range map[string]string{indexServer: f.ServerKey(), indexDisplayName: f.DisplayName} {
		if value == "" {
			continue
		}
		var same corev1.SecretList
		if err := h.reader.List(ctx, &same, client.InNamespace(h.namespace), client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy); err != nil {
			continue // Not from memory, then; the next resync finds them.
		}
		for i := range same.Items {
			if same.Items[i].Name != f.Name {
				q.Add(request(same.Items[i].Name))
			}
		}
	}
}
