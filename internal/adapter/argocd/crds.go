package argocd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Argo CD 2.14 deletes no CustomResourceDefinition when an Application goes. Where they shall go too, these keep the Application and the
// names of its CustomResourceDefinitions until the manager has deleted them. While an ApplicationSet lists the Application, Argo CD takes
// off both again, unless the list's patch and preservedFields name them.
const (
	// FinalizerCRDs keeps an Application until its CustomResourceDefinitions are deleted.
	FinalizerCRDs = catalog.LabelPrefix + "crds"
	// AnnotationCRDs lists their names, separated by commas.
	AnnotationCRDs = catalog.LabelPrefix + "crds"
)

// maxAnnotations is what an API server takes as annotations of one object, keys and values together: some 6,000 names.
const maxAnnotations = 256 << 10

// CRDsOf lists the CustomResourceDefinitions that Argo CD reports as parts of an Application, sorted. It needs an Application as the API
// server has it: Slim drops them.
func CRDsOf(app *Application) []string {
	var names []string
	for _, r := range app.Status.Resources {
		if r.Group == "apiextensions.k8s.io" && r.Kind == "CustomResourceDefinition" && r.Name != "" {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// WithCRDFinalizer is a copy of an Application of ours that outlives its objects until its CustomResourceDefinitions are deleted: those that
// CRDsOf and CRDsLeft know. Without any it is the copy alone.
func WithCRDFinalizer(app *Application) (*Application, error) {
	if _, ours := ClusterOf(app.Labels, app.Annotations); !ours {
		return nil, fmt.Errorf("Application %q is not managed by %s", app.Name, Manager)
	}
	app = app.DeepCopy()
	names := append(CRDsOf(app), listedCRDs(app)...)
	if len(names) == 0 {
		return app, nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if app.Annotations == nil {
		app.Annotations = map[string]string{}
	}
	app.Annotations[AnnotationCRDs] = strings.Join(names, ",")
	size := 0
	for k, v := range app.Annotations {
		size += len(k) + len(v)
	}
	if size > maxAnnotations {
		return nil, fmt.Errorf("Application %q has %d CustomResourceDefinitions, more than fit into annotation %s (%d of %d bytes); delete some by hand first", app.Name, len(names), AnnotationCRDs, size, maxAnnotations)
	}
	if !slices.Contains(app.Finalizers, FinalizerCRDs) {
		app.Finalizers = append(app.Finalizers, FinalizerCRDs)
	}
	return app, nil
}

// CRDsLeft lists the CustomResourceDefinitions that an Application of ours waits for, sorted, and reports whether it waits. It may wait with
// none listed, when somebody took the annotation off.
func CRDsLeft(app *Application) (names []string, waits bool) {
	_, ours := ClusterOf(app.Labels, app.Annotations)
	if !ours || !slices.Contains(app.Finalizers, FinalizerCRDs) {
		return nil, false
	}
	return listedCRDs(app), true
}

func listedCRDs(app *Application) []string {
	names := strings.FieldsFunc(app.Annotations[AnnotationCRDs], func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(names)
	return slices.Compact(names)
}

// WithoutCRDFinalizer lists an object's finalizers but FinalizerCRDs, for an Application whose CustomResourceDefinitions are deleted.
func WithoutCRDFinalizer(o metav1.Object) []string {
	return slices.DeleteFunc(slices.Clone(o.GetFinalizers()), func(f string) bool { return f == FinalizerCRDs })
}
