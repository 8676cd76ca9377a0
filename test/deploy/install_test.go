package deploy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestApplyingTwiceChangesNothing(t *testing.T) {
	c := installed(t)
	before := versions(t, c)
	apply(t, c, build(t, "deploy"))
	if diff := cmp.Diff(before, versions(t, c)); diff != "" {
		t.Errorf("resource versions after the second apply (-before +after):\n%s", diff)
	}
}

// versions are the resource versions of what deploy/ ships, but for the CRDs, whose status the API server itself writes.
func versions(t *testing.T, c client.Client) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, o := range build(t, "deploy") {
		live := &unstructured.Unstructured{}
		live.SetGroupVersionKind(o.GroupVersionKind())
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), live); err != nil {
			t.Fatal(err)
		}
		if o.GetKind() != "CustomResourceDefinition" {
			all[o.GetKind()+" "+o.GetName()] = live.GetResourceVersion()
		}
	}
	return all
}

func TestPodFitsARestrictedNamespace(t *testing.T) {
	c := installed(t)
	restricted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "restricted", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	if err := c.Create(t.Context(), restricted); err != nil {
		t.Fatal(err)
	}
	pod := podOf(t)
	if err := c.Create(t.Context(), pod, client.DryRunAll); err != nil {
		t.Errorf("a namespace with the restricted Pod security standard refuses the manager: %v", err)
	}
	root := podOf(t)
	root.Spec.SecurityContext.RunAsNonRoot = nil
	if err := c.Create(t.Context(), root, client.DryRunAll); err == nil {
		t.Error("the namespace does not enforce the standard: it took a Pod that may run as root")
	}
}

// podOf is a Pod of the Deployment, in the restricted namespace.
func podOf(t *testing.T) *corev1.Pod {
	t.Helper()
	for _, o := range build(t, "deploy") {
		if o.GetKind() != "Deployment" {
			continue
		}
		template, _, err := unstructured.NestedMap(o.Object, "spec", "template", "spec")
		if err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "restricted", GenerateName: "addon-manager-"}}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &pod.Spec); err != nil {
			t.Fatal(err)
		}
		return pod
	}
	t.Fatal("deploy/ has no Deployment")
	return nil
}

func TestExampleOverlayIsAccepted(t *testing.T) {
	c := installed(t)
	var source, project *unstructured.Unstructured
	for _, o := range build(t, "deploy/examples/overlay") {
		//nolint:staticcheck // the typed replacement needs generated apply configurations
		if err := c.Patch(t.Context(), o.DeepCopy(), client.Apply, client.FieldOwner("test"), client.DryRunAll); err != nil {
			t.Errorf("apply %s %q: %v", o.GetKind(), o.GetName(), err)
		}
		switch o.GetKind() {
		case "CatalogSource":
			source = o
		case "AppProject":
			project = o
		}
	}
	if source == nil || project == nil {
		t.Fatal("the overlay lacks a CatalogSource or the AppProject")
	}
	url, _, _ := unstructured.NestedString(source.Object, "spec", "url")
	repos, _, _ := unstructured.NestedStringSlice(project.Object, "spec", "sourceRepos")
	if diff := cmp.Diff([]string{url}, repos); diff != "" {
		t.Errorf("the project allows other repositories than the CatalogSource names (-want +got):\n%s", diff)
	}
}
