package argocd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// withCRDs is an Application of ours of which Argo CD reports the named CustomResourceDefinitions and some other objects.
func withCRDs(names ...string) *argocd.Application {
	app := &argocd.Application{ObjectMeta: metav1.ObjectMeta{
		Name: "tokyo-cert-manager", Finalizers: []string{"resources-finalizer.argocd.argoproj.io"},
		Labels:      map[string]string{argocd.LabelManagedBy: argocd.Manager, argocd.LabelCluster: "tokyo"},
		Annotations: map[string]string{argocd.AnnotationCluster: "tokyo"},
	}}
	for _, n := range names {
		app.Status.Resources = append(app.Status.Resources, argo.ResourceStatus{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Name: n})
	}
	app.Status.Resources = append(app.Status.Resources,
		argo.ResourceStatus{Group: "apps", Version: "v1", Kind: "Deployment", Name: "webhook"},
		argo.ResourceStatus{Group: "example.com", Version: "v1", Kind: "CustomResourceDefinition", Name: "homonym"},
		argo.ResourceStatus{Group: "apiextensions.k8s.io", Version: "v1", Kind: "ConversionReview", Name: "other"},
	)
	return app
}

func TestCRDsOf(t *testing.T) {
	for name, tc := range map[string]struct {
		app  *argocd.Application
		want []string
	}{
		"none":          {withCRDs(), nil},
		"nothing known": {&argocd.Application{}, nil},
		"sorted":        {withCRDs("b.io", "a.io", "b.io"), []string{"a.io", "b.io"}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, argocd.CRDsOf(tc.app)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// The names survive the deletion of everything else that tells them, and the cache; taking the finalizer off leaves what others put there.
func TestCRDsOfAnApplicationThatGoes(t *testing.T) {
	app := withCRDs("b.io", "a.io")
	before := app.DeepCopy()
	with, err := argocd.WithCRDFinalizer(app)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before.ObjectMeta, app.ObjectMeta); d != "" {
		t.Errorf("the original was changed (-want +got):\n%s", d)
	}
	want := before.DeepCopy()
	want.Annotations[argocd.AnnotationCRDs] = "a.io,b.io"
	want.Finalizers = append(want.Finalizers, argocd.FinalizerCRDs)
	if d := cmp.Diff(want.ObjectMeta, with.ObjectMeta); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	again, err := argocd.WithCRDFinalizer(with)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(with.ObjectMeta, again.ObjectMeta); d != "" {
		t.Errorf("the second time (-want +got):\n%s", d)
	}

	argocd.Slim(with)
	names, waits := argocd.CRDsLeft(with)
	if d := cmp.Diff([]string{"a.io", "b.io"}, names); d != "" || !waits {
		t.Errorf("waits: %t (-want +got):\n%s", waits, d)
	}
	if d := cmp.Diff(before.Finalizers, argocd.WithoutCRDFinalizer(with)); d != "" {
		t.Errorf("without (-want +got):\n%s", d)
	}
	if !argocd.Prunes(with) {
		t.Error("Argo CD would not prune the rest")
	}
}

func TestCRDFinalizerIsNotForAll(t *testing.T) {
	none, err := argocd.WithCRDFinalizer(withCRDs())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(withCRDs().ObjectMeta, none.ObjectMeta); d != "" {
		t.Errorf("without any (-want +got):\n%s", d)
	}

	foreign := withCRDs("a.io")
	delete(foreign.Labels, argocd.LabelManagedBy)
	_, err = argocd.WithCRDFinalizer(foreign)
	if want := `Application "tokyo-cert-manager" is not managed by addon-manager`; err == nil || err.Error() != want {
		t.Errorf("somebody else's: error %v, want %s", err, want)
	}

	many := make([]string, 6000)
	for i := range many {
		many[i] = fmt.Sprintf("%040d.io", i)
	}
	_, err = argocd.WithCRDFinalizer(withCRDs(many...))
	if want := "has 6000 CustomResourceDefinitions, more than fit into annotation addons.kaas.dev/crds (26"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("too many: error %v, want %s", err, want)
	}
	if _, err = argocd.WithCRDFinalizer(withCRDs(many[:5900]...)); err != nil {
		t.Errorf("just enough: %v", err)
	}
}

func TestCRDsLeft(t *testing.T) {
	marked := func(finalizers []string, annotation string) *argocd.Application {
		app := withCRDs()
		app.Finalizers = finalizers
		app.Annotations[argocd.AnnotationCRDs] = annotation
		return app
	}
	foreign := marked([]string{argocd.FinalizerCRDs}, "a.io")
	foreign.Labels = nil
	for name, tc := range map[string]struct {
		app   *argocd.Application
		want  []string
		waits bool
	}{
		"waits":           {marked([]string{argocd.FinalizerCRDs}, "a.io,b.io"), []string{"a.io", "b.io"}, true},
		"edited by hand":  {marked([]string{argocd.FinalizerCRDs}, " b.io, ,a.io,a.io,"), []string{"a.io", "b.io"}, true},
		"annotation lost": {marked([]string{argocd.FinalizerCRDs}, ""), nil, true},
		"no finalizer":    {marked([]string{"resources-finalizer.argocd.argoproj.io"}, "a.io"), nil, false},
		"somebody else's": {foreign, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, waits := argocd.CRDsLeft(tc.app)
			if d := cmp.Diff(tc.want, got, cmp.Transformer("nil", func(s []string) []string { return append([]string(nil), s...) })); d != "" || waits != tc.waits {
				t.Errorf("waits: %t, want %t (-want +got):\n%s", waits, tc.waits, d)
			}
		})
	}
}
