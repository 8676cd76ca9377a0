package sandbox

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// Application is what Argo CD says about one Application.
type Application struct {
	Name, UID            string
	Wanted, Delivered    string // revision in the spec, revision that sync compares with
	Sync, Health         string
	Operation, Condition string // phase and message of the last sync, first condition
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
	c, err := client.New(s.Management.Config, client.Options{})
	if err != nil {
		return Application{}, err
	}
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("argoproj.io/v1alpha1")
	o.SetKind("Application")
	if err := c.Get(ctx, client.ObjectKey{Namespace: Namespace, Name: name}, o); err != nil {
		return Application{}, err
	}
	text := func(path ...string) string {
		value, _, _ := unstructured.NestedString(o.Object, path...) // absent and odd are both "nothing yet"
		return value
	}
	a := Application{
		Name: name, UID: string(o.GetUID()),
		Wanted: text("spec", "source", "targetRevision"), Delivered: text("status", "sync", "revision"),
		Sync: text("status", "sync", "status"), Health: text("status", "health", "status"),
	}
	if phase := text("status", "operationState", "phase"); phase != "" && phase != "Succeeded" {
		a.Operation = phase + ": " + text("status", "operationState", "message")
	}
	if conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions"); len(conditions) > 0 {
		if first, ok := conditions[0].(map[string]any); ok {
			a.Condition = fmt.Sprint(first["type"], ": ", first["message"])
		}
	}
	return a, nil
}

// AwaitHealthy waits until all of the Applications are Synced and Healthy at a commit ("" for whatever they name); its
// error says how far each of the others is.
func (s *Sandbox) AwaitHealthy(ctx context.Context, commit string, names ...string) error {
	return plane.Until(ctx, func(ctx context.Context) error {
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

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
