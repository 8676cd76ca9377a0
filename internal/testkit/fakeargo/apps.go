package fakeargo

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// apps is what others see of the application controller.
type apps struct {
	*Argo
	client client.Client

	mu sync.Mutex
	// began is when an Application was first seen at the revision that it names. A new controller begins anew, which is what a restart
	// of Argo CD looks like too: it may report Progressing once more.
	began map[types.UID]attempt
}

type attempt struct {
	revision string
	at       time.Time
}

func (a *Argo) setupApps(mgr ctrl.Manager) error {
	r := &apps{Argo: a, client: mgr.GetClient(), began: map[types.UID]attempt{}}
	return ctrl.NewControllerManagedBy(mgr).
		Named("application").
		For(&argo.Application{}).
		WatchesRawSource(source.Channel(a.refresh, handler.EnqueueRequestsFromMapFunc(r.all))).
		WithOptions(a.settings()).
		Complete(r)
}

func (r *apps) all(ctx context.Context, _ client.Object) (requests []reconcile.Request) {
	var list argo.ApplicationList
	if r.client.List(ctx, &list, r.in()) != nil {
		return nil // From memory; it does not fail while the controller runs.
	}
	for i := range list.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}

// Reconcile implements reconcile.Reconciler.
func (r *apps) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	app := &argo.Application{}
	if err := r.client.Get(ctx, req.NamespacedName, app); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	outcome := r.ask(app)
	if app.DeletionTimestamp != nil {
		return ctrl.Result{}, r.prune(ctx, app, outcome)
	}
	left := r.wait(app, outcome.After)
	return ctrl.Result{RequeueAfter: left}, r.report(ctx, app, outcome, left == 0)
}

func (r *apps) ask(app *argo.Application) Outcome {
	r.Argo.mu.Lock()
	script := r.script
	r.Argo.mu.Unlock()
	if script == nil {
		return Outcome{}
	}
	return script(app.DeepCopy())
}

// wait tells how long an Application still is Progressing.
func (r *apps) wait(app *argo.Application, after time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, revision := time.Now(), commitOf(app)
	if r.began[app.UID].revision != revision {
		r.began[app.UID] = attempt{revision, now}
	}
	return max(0, r.began[app.UID].at.Add(after).Sub(now))
}

// report writes the status, if there is anything new to say.
func (r *apps) report(ctx context.Context, app *argo.Application, o Outcome, ready bool) error {
	now := metav1.NewTime(r.options.Now())
	after := app.DeepCopy()
	after.Status = o.settled(app, ready, now)
	if len(app.Status.Conditions) > 0 && len(after.Status.Conditions) > 0 && app.Status.Conditions[0].Message == after.Status.Conditions[0].Message {
		after.Status.Conditions = app.Status.Conditions // Its time is that of the first.
	}
	_, asked := after.Annotations[argo.AnnotationKeyRefresh]
	if o.State != Silent {
		delete(after.Annotations, argo.AnnotationKeyRefresh)
	}
	if changed, err := client.MergeFrom(app).Data(after); err != nil || string(changed) == "{}" && !(asked && o.State != Silent) {
		return err
	}
	after.Status.ReconciledAt = &now
	if after.Status.Health.Status != app.Status.Health.Status {
		after.Status.Health.LastTransitionTime = &now
	}
	if o.State != Silent && o.State != Stale && o.State != Unreachable && !(o.State == Failed && ready) {
		r.synced(app)
	}
	return client.IgnoreNotFound(r.client.Patch(ctx, after, client.MergeFrom(app)))
}

func (r *apps) synced(app *argo.Application) {
	r.Argo.mu.Lock()
	defer r.Argo.mu.Unlock()
	r.objects[app.Name] = commitOf(app)
}

// prune ends a deletion that deletes the Application's objects. Other finalizers are those of others.
func (r *apps) prune(ctx context.Context, app *argo.Application, o Outcome) error {
	rest := slices.DeleteFunc(slices.Clone(app.Finalizers), func(f string) bool {
		return f == argo.ResourcesFinalizerName || strings.HasPrefix(f, argo.ResourcesFinalizerName+"/")
	})
	if len(rest) == len(app.Finalizers) || o.Stuck || o.State == Unreachable || o.State == Silent {
		return nil
	}
	after := app.DeepCopy()
	after.Finalizers = rest
	if err := r.client.Patch(ctx, after, client.MergeFrom(app)); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.Argo.mu.Lock()
	defer r.Argo.mu.Unlock()
	delete(r.objects, app.Name)
	return nil
}
