package deploy_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestBranchBotIsAccepted applies deploy/branch-bot twice to a restricted namespace, as an overlay would: an API server takes every field, and the Pod.
func TestBranchBotIsAccepted(t *testing.T) {
	c, err := client.New(cluster.Get(t).Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const name = "branch-bot"
	restricted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	if err := c.Create(t.Context(), restricted); err != nil {
		t.Fatal(err)
	}
	objects := build(t, "deploy/branch-bot")
	for _, o := range objects {
		o.SetNamespace(name)
	}
	applied := func() map[string]string {
		t.Helper()
		apply(t, c, objects)
		versions := map[string]string{}
		for _, o := range objects {
			live := &unstructured.Unstructured{}
			live.SetGroupVersionKind(o.GroupVersionKind())
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), live); err != nil {
				t.Fatal(err)
			}
			versions[o.GetKind()] = live.GetResourceVersion()
		}
		return versions
	}
	first, second := applied(), applied()
	for _, kind := range []string{"Deployment", "NetworkPolicy", "Service", "ServiceAccount"} {
		if first[kind] == "" || first[kind] != second[kind] {
			t.Errorf("%s has the versions %q and then %q", kind, first[kind], second[kind])
		}
	}
	if len(first) != 4 {
		t.Errorf("it makes %v: the bot needs nothing else in a cluster", first)
	}
	for _, o := range objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		template, _, err := unstructured.NestedMap(o.Object, "spec", "template", "spec")
		if err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: name, GenerateName: "branch-bot-"}}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, &pod.Spec); err != nil {
			t.Fatal(err)
		}
		if err := c.Create(t.Context(), pod, client.DryRunAll); err != nil {
			t.Errorf("a namespace with the restricted Pod security standard refuses the bot: %v", err)
		}
	}
}
