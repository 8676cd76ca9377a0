package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// Application is what Argo CD says about one Application.
type Application struct {
	Name, UID            string
	Cluster, Addon       string // as addon-manager labels it
	Release, Placement   string
	Wanted, Delivered    string // revision in the spec, revision that sync compares with
	Sync, Health         string
	Operation, Condition string // phase and message of the last sync, first condition
	DestinationNamespace string
	Finalizers           []string
	Objects              []Object // what it delivers
}

// Object is one object that an Application delivers.
type Object struct{ Group, Version, Kind, Namespace, Name string }

// String is Kind namespace/name.
func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// String is one line for progress and errors.
func (a Application) String() string {
	s := fmt.Sprintf("%s: %s, %s", a.Name, or(a.Sync, "no sync status"), or(a.Health, "no health"))
	for _, more := range []string{a.Operation, a.Condition} {
		if more != "" {
			s += ", " + more
		}
	}
	return s
}

// Good says whether it is Synced and Healthy.
func (a Application) Good() bool { return a.Sync == "Synced" && a.Health == "Healthy" }

// Application reads an Application of the management cluster.
func (s *Sandbox) Application(ctx context.Context, name string) (Application, error) {
	o := newApplication()
	if err := s.Client("").Get(ctx, client.ObjectKey{Namespace: Namespace, Name: name}, o); err != nil {
		return Application{}, err
	}
	return ReadApplication(o)
}

// Applications reads all Applications that addon-manager has for a cluster, or with "" for all; by name.
func (s *Sandbox) Applications(ctx context.Context, cluster string) (map[string]Application, error) {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("argoproj.io/v1alpha1")
	list.SetKind("ApplicationList")
	want := client.MatchingLabels{"app.kubernetes.io/managed-by": "addon-manager"}
	if cluster != "" {
		want["addons.kaas.dev/cluster"] = cluster
	}
	if err := s.Client("").List(ctx, list, client.InNamespace(Namespace), want); err != nil {
		return nil, err
	}
	all := map[string]Application{}
	for i := range list.Items {
		app, err := ReadApplication(&list.Items[i])
		if err != nil {
			return nil, err
		}
		all[app.Name] = app
	}
	return all, nil
}

func newApplication() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("argoproj.io/v1alpha1")
	o.SetKind("Application")
	return o
}

// ReadApplication reads an Application; what it does not say yet stays empty.
func ReadApplication(o *unstructured.Unstructured) (Application, error) {
	var content struct {
		Spec struct {
			Source      struct{ TargetRevision string }
			Destination struct{ Namespace string }
		}
		Status struct {
			Sync           struct{ Status, Revision string }
			Health         struct{ Status string }
			OperationState struct{ Phase, Message string }
			Conditions     []struct{ Type, Message string }
			Resources      []Object
		}
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &content); err != nil {
		return Application{}, fmt.Errorf("read Application %s: %w", o.GetName(), err)
	}
	label := func(name string) string { return o.GetLabels()["addons.kaas.dev/"+name] }
	spec, status := content.Spec, content.Status
	a := Application{
		Name: o.GetName(), UID: string(o.GetUID()), Finalizers: o.GetFinalizers(),
		Cluster: label("cluster"), Addon: label("addon"), Release: label("release"), Placement: label("placement"),
		Wanted: spec.Source.TargetRevision, DestinationNamespace: spec.Destination.Namespace,
		Delivered: status.Sync.Revision, Sync: status.Sync.Status, Health: status.Health.Status, Objects: status.Resources,
	}
	if op := status.OperationState; op.Phase != "" && op.Phase != "Succeeded" {
		a.Operation = op.Phase + ": " + op.Message
	}
	if len(status.Conditions) > 0 {
		a.Condition = status.Conditions[0].Type + ": " + status.Conditions[0].Message
	}
	return a, nil
}

// AwaitHealthy waits until all of the Applications are Synced and Healthy at a commit ("" for whatever they name); its
// error says how far each of the others is.
func (s *Sandbox) AwaitHealthy(ctx context.Context, commit string, names ...string) error {
	return plane.Every(ctx, look, func(ctx context.Context) error {
		var errs []error
		for _, name := range names {
			app, err := s.Application(ctx, name)
			switch {
			case err != nil:
			case !app.Good():
				err = errors.New(app.String())
			case commit != "" && app.Delivered != commit:
				err = fmt.Errorf("%s, at %s instead of %s", app, app.Delivered, commit)
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}

// look is how often the fleet is looked at: a delivery takes seconds, and looking takes from the machine that delivers.
const look = 200 * time.Millisecond

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
