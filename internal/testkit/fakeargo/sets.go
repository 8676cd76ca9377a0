package fakeargo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/argoproj/argo-cd/v2/applicationset/controllers/template"
	"github.com/argoproj/argo-cd/v2/applicationset/generators"
	"github.com/argoproj/argo-cd/v2/applicationset/utils"
	argoutil "github.com/argoproj/argo-cd/v2/util/argo"
	"github.com/argoproj/argo-cd/v2/util/argo/normalizers"
	"github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
)

// Render makes the Applications of an ApplicationSet with Argo CD's own generators and templates. Of the generators only the list is
// known: nothing here needs another.
func Render(set *argo.ApplicationSet) ([]argo.Application, error) {
	list := map[string]generators.Generator{"List": generators.NewListGenerator()}
	apps, _, err := template.GenerateApplications(quiet.WithField("applicationset", set.Name), *set, list, &utils.Render{}, nil)
	if err != nil {
		return nil, fmt.Errorf("Argo CD cannot generate Applications from ApplicationSet %q: %w", set.Name, err)
	}
	return apps, nil
}

// quiet drops what Argo CD logs: errors are returned too.
var quiet = func() *logrus.Logger {
	l := logrus.New()
	l.SetLevel(logrus.PanicLevel)
	return l
}()

// sets is the ApplicationSet controller, with the policy that our ApplicationSets ask for: create and update, never delete.
type sets struct {
	*Argo
	client client.Client

	mu sync.Mutex
	// rendered is what the newest generation of an ApplicationSet makes: rendering costs more than all the rest, and every change of an
	// Application asks for it again.
	rendered map[types.UID]rendered
}

type rendered struct {
	generation int64
	apps       []argo.Application
}

// render answers Applications that the caller may change.
func (r *sets) render(set *argo.ApplicationSet) ([]argo.Application, error) {
	r.mu.Lock()
	have, known := r.rendered[set.UID]
	r.mu.Unlock()
	if !known || have.generation != set.Generation {
		apps, err := Render(set)
		if err != nil {
			return nil, err
		}
		have = rendered{set.Generation, apps}
		r.mu.Lock()
		r.rendered[set.UID] = have
		r.mu.Unlock()
	}
	apps := make([]argo.Application, len(have.apps))
	for i := range apps {
		have.apps[i].DeepCopyInto(&apps[i])
	}
	return apps, nil
}

func (a *Argo) setupSets(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("applicationset").
		For(&argo.ApplicationSet{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{}))).
		Owns(&argo.Application{}, builder.WithPredicates(predicate.Funcs{UpdateFunc: ownedChanged})).
		WithOptions(a.settings()).
		Complete(&sets{Argo: a, client: mgr.GetClient(), rendered: map[types.UID]rendered{}})
}

// ownedChanged tells whether anything of an Application changed that the ApplicationSet controller puts back.
func ownedChanged(e event.UpdateEvent) bool {
	a, b := e.ObjectOld.(*argo.Application), e.ObjectNew.(*argo.Application)
	return !sameSpec(&a.Spec, &b.Spec) || !maps.Equal(a.Labels, b.Labels) || !maps.Equal(a.Annotations, b.Annotations) || !slices.Equal(a.Finalizers, b.Finalizers)
}

// sameSpec compares as JSON: Argo CD's types have unexported fields.
func sameSpec(a, b *argo.ApplicationSpec) bool {
	x := client.MergeFrom(&argo.Application{Spec: *a})
	changed, err := x.Data(&argo.Application{Spec: *b})
	return err == nil && string(changed) == "{}"
}

// Reconcile implements reconcile.Reconciler.
func (r *sets) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	set := &argo.ApplicationSet{}
	if err := r.client.Get(ctx, req.NamespacedName, set); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if set.DeletionTimestamp != nil {
		return ctrl.Result{}, r.leave(ctx, set)
	}
	apps, err := r.render(set)
	if err != nil {
		r.options.Fail(err)
		return ctrl.Result{}, nil // Only another spec can mend it.
	}
	var first error
	for i := range apps {
		if err := r.bring(ctx, set, &apps[i]); err != nil && first == nil {
			first = err
		}
	}
	return ctrl.Result{}, first
}

// leave lets go of an ApplicationSet that is being deleted: its Applications stay and belong to nobody.
func (r *sets) leave(ctx context.Context, set *argo.ApplicationSet) error {
	var apps argo.ApplicationList
	if err := r.client.List(ctx, &apps, r.in()); err != nil {
		return err
	}
	for i := range apps.Items {
		app := &apps.Items[i]
		if owner := metav1.GetControllerOf(app); owner == nil || owner.UID != set.UID {
			continue
		}
		app.OwnerReferences = nil
		if err := r.client.Update(ctx, app); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	if !controllerutil.RemoveFinalizer(set, argo.ResourcesFinalizerName) {
		return nil
	}
	return client.IgnoreNotFound(r.client.Update(ctx, set))
}

// bring creates an Application, or makes one that exists what the ApplicationSet says. It is Argo CD's own order of steps.
func (r *sets) bring(ctx context.Context, set *argo.ApplicationSet, want *argo.Application) error {
	want.Spec = *argoutil.NormalizeApplicationSpec(&want.Spec)
	have := &argo.Application{ObjectMeta: metav1.ObjectMeta{Name: want.Name, Namespace: want.Namespace}}
	before := ""
	done, err := utils.CreateOrUpdate(ctx, quiet.WithField("app", want.Name), r.client, set.Spec.IgnoreApplicationDifferences, normalizers.IgnoreNormalizerOpts{}, have, func() error {
		if have.Spec.Source != nil {
			before = have.Spec.Source.TargetRevision
		}
		have.Spec, have.Labels, have.Finalizers = want.Spec, want.Labels, want.Finalizers
		have.Annotations = preserved(set, want.Annotations, have.Annotations)
		return controllerutil.SetControllerReference(set, have, r.client.Scheme())
	})
	if err != nil {
		return fmt.Errorf("application %q: %w", want.Name, err)
	}
	if now := have.Spec.Source; done != controllerutil.OperationResultNone && now != nil && now.TargetRevision != before {
		r.moved(have)
	}
	return nil
}

// preserved keeps the annotations with which people ask Argo CD for something, and those that the ApplicationSet says.
func preserved(set *argo.ApplicationSet, want, have map[string]string) map[string]string {
	all := maps.Clone(want)
	keys := []string{argo.AnnotationKeyRefresh, argo.AnnotationKeyHydrate, "notified.notifications.argoproj.io"}
	if set.Spec.PreservedFields != nil {
		keys = append(keys, set.Spec.PreservedFields.Annotations...)
	}
	for _, key := range keys {
		if v, ok := have[key]; ok {
			if all == nil {
				all = map[string]string{}
			}
			all[key] = v
		}
	}
	return all
}

func (a *Argo) moved(app *argo.Application) {
	cluster, _ := argocd.ClusterOf(app.Labels, app.Annotations)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.moves = append(a.moves, Move{
		Application: app.Name, Cluster: cluster, Release: app.Labels[argocd.LabelRelease], Revision: app.Spec.Source.TargetRevision, At: a.options.Now(),
	})
}
