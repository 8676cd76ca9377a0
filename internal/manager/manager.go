// Package manager is the controller: it watches cluster Secrets, Applications and its own resources, decides with package resolve,
// and writes one ApplicationSet and one ClusterAddons for each cluster.
//
// Every pass gathers facts, decides about all of them, and writes only what differs. Nothing is remembered between passes that the
// objects do not say, so a restart at any point ends in the same state.
package manager

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/adapter/kube"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// DefaultProject is the AppProject that deploy/ ships.
const DefaultProject = "addons"

// Options are the manager's settings.
type Options struct {
	// Namespace is Argo CD's: cluster Secrets, ApplicationSets, Applications and the manager's own resources live in it.
	Namespace string
	// MetricsAddress, ProbeAddress and WebhookAddress are host:port; "0" or "" switches the first, the second and the third off. With the metrics
	// the fleet is served, for those who want to know which clusters a change touches.
	MetricsAddress, ProbeAddress, WebhookAddress string
	// LeaderElection lets one of several managers work; LeaseDuration is how long a dead one blocks the next (default 15 s).
	LeaderElection bool
	LeaseDuration  time.Duration
	// CacheDir holds the mirror of the config repository; empty means a temporary folder.
	CacheDir string
	// GitTimeout bounds one fetch (default 60 s).
	GitTimeout time.Duration
	// Workers is how many clusters are worked on at once (default 8).
	Workers int
	// AllowExec lets version probes run the credential programs that cluster Secrets name.
	AllowExec bool
	// Registry takes the manager's metrics (default: the one that MetricsAddress serves).
	Registry prometheus.Registerer
	// Clock tells the time that decisions are made by (default time.Now).
	Clock func() time.Time
	// ProbeInterval is how often a cluster that reports no version is asked (default 60 s).
	ProbeInterval time.Duration
	// UnlistWait is how long after an Application was taken off its ApplicationSet's list it is deleted at the earliest. Argo CD's ApplicationSet
	// controller may be at work on the list before, and would create it again.
	UnlistWait time.Duration
}

// Scheme knows every type that the manager reads and writes.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, argocd.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Names of the indexes over cached objects.
const (
	indexCluster     = "cluster"
	indexServer      = "server"
	indexDisplayName = "displayName"
)

// Run works until the context ends or leadership is lost.
func Run(ctx context.Context, cfg *rest.Config, o Options) error {
	o = o.withDefaults()
	scheme, err := Scheme()
	if err != nil {
		return err
	}
	cfg = rest.CopyConfig(cfg)
	// The API server warns about the name of Argo CD's finalizer with every write.
	cfg.WarningHandler = rest.NoWarnings{}
	mgr, err := ctrl.NewManager(cfg, managerOptions(o, scheme))
	if err != nil {
		return err
	}
	if err := indexes(ctx, mgr); err != nil {
		return err
	}
	if orOff(o.MetricsAddress) != "0" {
		if err := mgr.AddMetricsServerExtraHandler("/fleet", &fleetView{reader: mgr.GetClient(), namespace: o.Namespace, now: time.Now}); err != nil {
			return fmt.Errorf("serve the fleet: %w", err)
		}
	}
	if err := setup(mgr, o); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = 8
	}
	if o.GitTimeout <= 0 {
		o.GitTimeout = time.Minute
	}
	if o.ProbeInterval <= 0 {
		o.ProbeInterval = time.Minute
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Registry == nil {
		o.Registry = metrics.Registry
	}
	if o.LeaseDuration <= 0 {
		o.LeaseDuration = 15 * time.Second
	}
	return o
}

func managerOptions(o Options, scheme *runtime.Scheme) ctrl.Options {
	managed := labels.SelectorFromSet(labels.Set{argocd.LabelManagedBy: argocd.Manager})
	renew, retry := o.LeaseDuration*2/3, o.LeaseDuration/7
	resync := 10 * time.Minute
	return ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       server.Options{BindAddress: orOff(o.MetricsAddress)},
		HealthProbeBindAddress:        orOff(o.ProbeAddress),
		LeaderElection:                o.LeaderElection,
		LeaderElectionID:              "addon-manager.addons.kaas.dev",
		LeaderElectionNamespace:       o.Namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &o.LeaseDuration,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		Controller:                    config.Controller{SkipNameValidation: ptr(true)},
		Cache: cache.Options{
			DefaultNamespaces: map[string]cache.Config{o.Namespace: {}},
			SyncPeriod:        &resync,
			DefaultTransform:  cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Secret{}: {
					Label:     labels.SelectorFromSet(labels.Set{cluster.SecretTypeLabel: cluster.SecretType}),
					Transform: transform(slimSecret),
				},
				&argocd.Application{}:    {Label: managed, Transform: transform(argocd.Slim)},
				&argocd.ApplicationSet{}: {Label: managed, Transform: transform(argocd.SlimSet)},
			},
		},
	}
}

func orOff(address string) string {
	if address == "" {
		return "0"
	}
	return address
}

func ptr[T any](v T) *T { return &v }

// transform drops from an object what nobody reads before it is cached.
func transform[T any](slim func(*T)) func(any) (any, error) {
	return func(o any) (any, error) {
		if typed, ok := o.(*T); ok {
			slim(typed)
		}
		return o, nil
	}
}

func indexes(ctx context.Context, mgr ctrl.Manager) error {
	for _, i := range []struct {
		object client.Object
		name   string
		values func(client.Object) []string
	}{
		{&argocd.Application{}, indexCluster, func(o client.Object) []string {
			name, _ := argocd.ClusterOf(o.GetLabels(), o.GetAnnotations())
			return nonEmpty(name)
		}},
		{&corev1.Secret{}, indexServer, func(o client.Object) []string { return nonEmpty(factsOf(o.(*corev1.Secret)).ServerKey()) }},
		{&corev1.Secret{}, indexDisplayName, func(o client.Object) []string { return nonEmpty(factsOf(o.(*corev1.Secret)).DisplayName) }},
	} {
		if err := mgr.GetFieldIndexer().IndexField(ctx, i.object, i.name, i.values); err != nil {
			return fmt.Errorf("index %s: %w", i.name, err)
		}
	}
	return nil
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// setup builds both reconcilers and connects them.
func setup(mgr ctrl.Manager, o Options) error {
	var (
		view  atomic.Pointer[published]
		all   fleet
		count = newCounters()
		wake  = make(chan event.GenericEvent, 1)
		again = make(chan event.GenericEvent, 1024)
	)
	for _, c := range append(count.collectors(), &all) {
		if err := o.Registry.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	events := mgr.GetEventRecorderFor("addon-manager")
	asked := newProbes(kube.ProberOptions{AllowExec: o.AllowExec, InCluster: mgr.GetConfig(), TTL: o.ProbeInterval}, mgr.GetAPIReader(), o.Namespace, count, again)
	if err := mgr.Add(asked); err != nil {
		return err
	}
	src := &sources{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), namespace: o.Namespace, cacheDir: o.CacheDir, timeout: o.GitTimeout,
		published: &view, wake: wake, fleet: &all, counters: count, events: events, now: time.Now,
	}
	conduct := newConductor(mgr.GetClient(), mgr.GetAPIReader(), &view, &all, count, again, o.Clock)
	if err := mgr.Add(conduct); err != nil {
		return err
	}
	cls := &clusters{
		conductor: conduct, client: mgr.GetClient(), live: mgr.GetAPIReader(), foreign: &foreign{live: mgr.GetAPIReader(), namespace: o.Namespace},
		namespace: o.Namespace, published: &view, versions: asked, crds: asked,
		fleet: &all, counters: count, events: events, clock: o.Clock, now: time.Now, unlistWait: o.UnlistWait,
	}
	conduct.clusters, src.conducts = cls.names, conduct.Poke
	if err := watchSources(mgr, src); err != nil {
		return err
	}
	if err := watchClusters(mgr, cls, asked, o.Workers, wake, again); err != nil {
		return err
	}
	if o.WebhookAddress != "" {
		if err := mgr.Add(&webhook{address: o.WebhookAddress, demand: func() { src.Demand(); nudge(src) }}); err != nil {
			return err
		}
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.AddReadyzCheck("caches", func(req *http.Request) error {
		if !mgr.GetCache().WaitForCacheSync(req.Context()) {
			return fmt.Errorf("the caches are not filled yet")
		}
		return nil
	})
}

func watchSources(mgr ctrl.Manager, r *sources) error {
	r.poke = make(chan event.GenericEvent, 1)
	return ctrl.NewControllerManagedBy(mgr).
		Named("catalogsource").
		For(&v1alpha1.CatalogSource{}, specChanged()).
		// A pin can name a release that nothing else needs.
		Watches(&v1alpha1.ClusterAddons{}, toName("orders"), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(source.Channel(r.poke, toName("webhook"))).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1, RateLimiter: limiter[reconcile.Request]()}).
		Complete(r)
}

// nudge queues the source once more; one waiting nudge is enough.
func nudge(r *sources) {
	select {
	case r.poke <- event.GenericEvent{Object: &v1alpha1.CatalogSource{}}:
	default:
	}
}
