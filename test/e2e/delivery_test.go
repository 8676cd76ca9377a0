//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
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

// TestSwitchingOffRetains leaves the objects where they are, lists them, and takes exactly them over when a person has them adopted.
func TestSwitchingOffRetains(t *testing.T) {
	w := begin(t)
	app := w.await("tokyo-1", release["1.31"], usual...)["kept"]
	objects := w.objects(app)
	w.label("tokyo-1", "kept", "")
	w.must(w.AwaitGone(w.ctx, app, true))
	w.eventually(func() error {
		return contains("status", w.run("addon-manager", "status", "--cluster", "tokyo-1"), "kept on tokyo-1: left on the cluster since ")
	})
	w.run("addon-manager", "adopt", "tokyo-1", "kept")
	again := w.await("tokyo-1", release["1.31"], usual...)["kept"]
	if again.UID == app.UID {
		t.Error("the Application never left")
	}
	if diff := cmp.Diff(objects, w.objects(again)); diff != "" {
		t.Errorf("UIDs of the objects after they were left and adopted (-before +after):\n%s", diff)
	}
	w.eventually(func() error {
		report, err := w.Report(w.ctx, "tokyo-1")
		if err == nil && len(report.Status.Released) > 0 {
			err = fmt.Errorf("adopted and still listed as left on the cluster: %v", report.Status.Released)
		}
		return err
	})
}

// TestSwitchingOnInTime ends the grace: nothing happened.
func TestSwitchingOnInTime(t *testing.T) {
	w := begin(t)
	before := w.identities("tokyo-1")
	w.must(w.Change(w.ctx, func(spec *v1alpha1.CatalogSourceSpec) {
		spec.Deletion.Grace = &metav1.Duration{Duration: 10 * time.Minute}
	}))
	w.label("tokyo-1", "pruned", "disabled")
	w.eventually(func() error {
		return contains("kubectl get ca", w.run("kubectl", "-n", sandbox.Namespace, "get", "ca", "tokyo-1"), "pruned until ")
	})
	w.label("tokyo-1", "pruned", "enabled")
	w.eventually(func() error {
		report, err := w.Report(w.ctx, "tokyo-1")
		if err == nil && report.Status.Leaving != "" {
			err = fmt.Errorf("it still leaves: %s", report.Status.Leaving)
		}
		return err
	})
	w.await("tokyo-1", release["1.31"], usual...)
	w.unchanged("tokyo-1", before)
}

// TestCustomResourceDefinitions stay when their addon is pruned, for users' objects hang on them; they go where the catalog says so, and only
// on that cluster.
func TestCustomResourceDefinitions(t *testing.T) {
	w := begin(t)
	both := append(slices.Clone(usual), "kinds", "pruned-kinds")
	for _, cluster := range []string{"tokyo-1", "paris-1"} {
		w.label(cluster, "kinds", "enabled")
		w.label(cluster, "pruned-kinds", "enabled")
	}
	apps, others := w.await("tokyo-1", release["1.31"], both...), w.await("paris-1", release["1.32"], both...)
	paris := w.identities("paris-1")
	widget := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "e2e.example.com/v1", "kind": "Widget"}}
	widget.SetName("of-a-user")
	w.must(w.Client("tokyo-1").Create(w.ctx, widget))

	const pruned = "apiextensions.k8s.io/CustomResourceDefinition gadgets.e2e.example.com"
	gone := func(app sandbox.Application) (all []string) {
		missing, err := w.Missing(w.ctx, app)
		w.must(err)
		for _, o := range missing {
			all = append(all, strings.TrimPrefix(o.Group+"/"+o.Kind+" "+o.Name, "/"))
		}
		slices.Sort(all)
		return all
	}
	w.label("tokyo-1", "kinds", "")
	w.label("tokyo-1", "pruned-kinds", "")
	w.await("tokyo-1", release["1.31"], usual...)
	if diff := cmp.Diff([]string{"ConfigMap kinds"}, gone(apps["kinds"])); diff != "" {
		t.Errorf("what went with the addon that keeps its kinds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ConfigMap pruned-kinds", pruned}, gone(apps["pruned-kinds"])); diff != "" {
		t.Errorf("what went with the addon that prunes its kinds (-want +got):\n%s", diff)
	}
	live := widget.DeepCopy()
	w.must(w.Client("tokyo-1").Get(w.ctx, client.ObjectKeyFromObject(widget), live))
	if live.GetUID() != widget.GetUID() || live.GetDeletionTimestamp() != nil {
		t.Errorf("the user's Widget: UID %s, deleted %v; want %s as before", live.GetUID(), live.GetDeletionTimestamp(), widget.GetUID())
	}
	for _, addon := range []string{"kinds", "pruned-kinds"} {
		if left := gone(others[addon]); len(left) > 0 {
			t.Errorf("gone from paris-1, where %s is on: %v", addon, left)
		}
	}
	w.unchanged("paris-1", paris)
	w.must(w.Client("tokyo-1").Delete(w.ctx, widget)) // for another run of this test
}
