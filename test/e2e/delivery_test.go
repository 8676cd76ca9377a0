//go:build linux

package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/test/sandbox"
)

func TestParametersLandInTheCluster(t *testing.T) {
	w := begin(t)
	for _, cluster := range []string{"tokyo-1", "paris-1"} {
		for _, tc := range []struct{ addon, in, namespace string }{
			{"chart", cluster, "default"},
			{"layered", cluster, "default"},
			{"beside", "", "addons-" + cluster}, // in the management cluster
		} {
			var got corev1.ConfigMap
			w.must(w.Client(tc.in).Get(w.ctx, client.ObjectKey{Namespace: tc.namespace, Name: tc.addon}, &got))
			if diff := cmp.Diff(map[string]string{"cluster": cluster}, got.Data); diff != "" {
				t.Errorf("%s on %s (-want +got):\n%s", tc.addon, cluster, diff)
			}
		}
	}
}

// TestApplicationsAreAsCompiled holds what the real ApplicationSet controller makes of our template and its patches.
func TestApplicationsAreAsCompiled(t *testing.T) {
	w := begin(t)
	commit, err := w.Config.Repo.Resolve(release["1.31"] + "^{commit}")
	w.must(err)
	server := w.Workloads["tokyo-1"].Config.Host
	for addon, want := range map[string]string{
		"base":    fmt.Sprintf("%s path=addons/base revision=%s helm=<nil> kustomize=<nil> finalizers=[]", server, commit),
		"chart":   fmt.Sprintf("%s path=addons/chart revision=%s helm=map[cluster:map[name:tokyo-1]] kustomize=<nil> finalizers=[]", server, commit),
		"beside":  fmt.Sprintf("https://kubernetes.default.svc path=addons/beside revision=%s helm=map[cluster:map[name:tokyo-1]] kustomize=<nil> finalizers=[]", commit),
		"layered": fmt.Sprintf("%s path=addons/layered revision=%s helm=<nil> kustomize=1 patch finalizers=[]", server, commit),
	} {
		app := &unstructured.Unstructured{}
		app.SetAPIVersion("argoproj.io/v1alpha1")
		app.SetKind("Application")
		w.must(w.Client("").Get(w.ctx, client.ObjectKey{Namespace: sandbox.Namespace, Name: "tokyo-1-" + addon}, app))
		field := func(path ...string) any {
			value, _, err := unstructured.NestedFieldNoCopy(app.Object, append([]string{"spec"}, path...)...)
			w.must(err)
			return value
		}
		kustomize := field("source", "kustomize", "patches")
		if patches, ok := kustomize.([]any); ok {
			kustomize = fmt.Sprintf("%d patch", len(patches))
		}
		got := fmt.Sprintf("%v path=%v revision=%v helm=%v kustomize=%v finalizers=%v", field("destination", "server"), field("source", "path"),
			field("source", "targetRevision"), field("source", "helm", "valuesObject"), kustomize, app.GetFinalizers())
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", addon, got, want)
		}
	}
}

func TestSwitchingOffPrunes(t *testing.T) {
	w := begin(t)
	app := w.await("tokyo-1", release["1.31"], usual...)["pruned"]
	before := w.identities("tokyo-1")
	delete(before, "pruned")
	delete(before, "pruned: ConfigMap default/pruned")
	w.label("tokyo-1", "pruned", "")
	w.must(w.AwaitGone(w.ctx, app, false))
	w.unchanged("tokyo-1", before)
}

func TestSwitchingOffRetains(t *testing.T) {
	w := begin(t)
	app := w.await("tokyo-1", release["1.31"], usual...)["kept"]
	objects := w.objects(app)
	w.label("tokyo-1", "kept", "")
	w.must(w.AwaitGone(w.ctx, app, true))
	w.label("tokyo-1", "kept", "enabled")
	again := w.await("tokyo-1", release["1.31"], usual...)["kept"]
	if again.UID == app.UID {
		t.Error("the Application never left")
	}
	if diff := cmp.Diff(objects, w.objects(again)); diff != "" {
		t.Errorf("UIDs of the objects after off and on (-before +after):\n%s", diff)
	}
}
