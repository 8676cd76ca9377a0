// Package fakeargo plays Argo CD 2.14 in memory against a real API server: its ApplicationSet controller, with Argo CD's own code where
// that decides anything, and the part of its application controller that others see, which is the status of Applications and the end of
// their deletion. No repository is read and no cluster is written: what would come of a sync is scripted, by default that it succeeds.
//
// The caller installs Argo CD's CustomResourceDefinitions first. One Argo serves one namespace.
package fakeargo

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
)

// Options of an Argo; Namespace is the only one that has no default.
type Options struct {
	Namespace string
	// Script says what comes of each Application (default: Healthy at once).
	Script Script
	// Workers is how many objects each controller works on at once (default 4).
	Workers int
	// Now is the clock of what is written into status (default: time.Now).
	Now func() time.Time
	// Fail is told of ApplicationSets that Argo CD could not render (default: they are ignored).
	Fail func(error)
}

// Argo is a fake Argo CD. Its two controllers can be stopped and started one by one, as if their Deployments were scaled.
type Argo struct {
	Sets, Apps *Controller

	options Options
	refresh chan event.GenericEvent

	mu      sync.Mutex
	script  Script
	moves   []Move
	objects map[string]string
}

// Move is one write of the ApplicationSet controller that made an Application name another revision.
type Move struct {
	Application, Cluster, Release, Revision string
	// At is when it was written.
	At time.Time
}

// New prepares an Argo that runs once it is started.
func New(cfg *rest.Config, o Options) *Argo {
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Fail == nil {
		o.Fail = func(error) {}
	}
	a := &Argo{options: o, script: o.Script, objects: map[string]string{}, refresh: make(chan event.GenericEvent, 1)}
	a.Sets = &Controller{cfg: cfg, namespace: o.Namespace, setup: a.setupSets}
	a.Apps = &Controller{cfg: cfg, namespace: o.Namespace, setup: a.setupApps}
	return a
}

// Start starts both controllers, unless they run, and waits until they have seen everything that exists. They end with ctx.
func (a *Argo) Start(ctx context.Context) error {
	if err := a.Sets.Start(ctx); err != nil {
		return err
	}
	return a.Apps.Start(ctx)
}

// Stop stops both controllers. What they were about to write is not written.
func (a *Argo) Stop() {
	a.Sets.Stop()
	a.Apps.Stop()
}

// SetScript replaces the script; every Application is looked at anew.
func (a *Argo) SetScript(s Script) {
	a.mu.Lock()
	a.script = s
	a.mu.Unlock()
	select {
	case a.refresh <- event.GenericEvent{Object: &argocd.Application{}}:
	default: // One is waiting already, and will be answered with the new script.
	}
}

// Moves tells which Applications were brought to which revision, in order, first installations included.
func (a *Argo) Moves() []Move {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Move(nil), a.moves...)
}

// Objects tells for each Application that was ever synced the revision whose objects are on its cluster. An entry ends only when an
// Application was deleted with the resources finalizer on, which is when Argo CD deletes the objects.
func (a *Argo) Objects() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.objects)
}

// Controller is one of Argo CD's controllers.
type Controller struct {
	cfg       *rest.Config
	namespace string
	setup     func(ctrl.Manager) error

	mu   sync.Mutex
	stop func()
}

// Start starts the controller, unless it runs, and waits until it has seen what exists. It ends with ctx.
func (c *Controller) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		return nil
	}
	scheme := runtime.NewScheme()
	if err := argocd.AddToScheme(scheme); err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(c.cfg, ctrl.Options{
		Scheme:  scheme,
		Metrics: server.Options{BindAddress: "0"},
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{c.namespace: {}}},
		// The two kinds are known, so nothing is asked before the first list, and an API server that has lost them is met like Argo CD meets it.
		MapperProvider: mapper,
		Controller:     config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		return fmt.Errorf("fake Argo CD: %w", err)
	}
	if err := c.setup(mgr); err != nil {
		return fmt.Errorf("fake Argo CD: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	c.stop = func() { cancel(); <-done }
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		c.stop()
		c.stop = nil
		return fmt.Errorf("fake Argo CD: the caches were not filled: %w", context.Cause(ctx))
	}
	return nil
}

// Stop ends the controller, as if its process were killed.
func (c *Controller) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
}

// mapper knows the two kinds and their lists.
func mapper(*rest.Config, *http.Client) (meta.RESTMapper, error) {
	m := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []schema.GroupVersionKind{argocd.ApplicationGVK, argocd.ApplicationSetGVK} {
		m.Add(kind, meta.RESTScopeNamespace)
		m.Add(kind.GroupVersion().WithKind(kind.Kind+"List"), meta.RESTScopeNamespace)
	}
	return m, nil
}

// settings of a controller of ours: what fails is tried again soon.
func (a *Argo) settings() controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: a.options.Workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](10*time.Millisecond, time.Second),
	}
}

// in is the namespace served.
func (a *Argo) in() client.InNamespace { return client.InNamespace(a.options.Namespace) }
