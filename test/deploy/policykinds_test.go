package deploy_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestKindsAreNotDeletedWithEverythingDelivered tries to delete CustomResourceDefinitions, which takes every object along past all policies.
// Everything is a dry run: other tests need the kinds.
func TestKindsAreNotDeletedWithEverythingDelivered(t *testing.T) {
	c := installed(t)
	newTrial(t) // which waits until policies count
	const label = "test.example.com/kind"
	for name, tc := range map[string]struct {
		kind, reason string
		refused      bool
	}{
		"Applications":                     {kind: "applications.argoproj.io", refused: true},
		"ApplicationSets":                  {kind: "applicationsets.argoproj.io", refused: true},
		"Applications, without a reason":   {kind: "applications.argoproj.io", reason: " ", refused: true},
		"Applications, glass broken":       {kind: "applications.argoproj.io", reason: "Argo CD goes"},
		"AppProjects, which are not ours":  {kind: "appprojects.argoproj.io"},
		"ClusterAddons, when we uninstall": {kind: "clusteraddons.addons.kaas.dev"},
	} {
		t.Run(name, func(t *testing.T) {
			crd := named("apiextensions.k8s.io/v1", "CustomResourceDefinition", tc.kind)
			crd.SetNamespace("")
			patch(t, c, crd.DeepCopy(), `{"metadata":{"labels":{"`+label+`":"`+tc.kind+`"},"annotations":{"`+glass+`":"`+tc.reason+`"}}}`)
			defer patch(t, c, crd.DeepCopy(), `{"metadata":{"labels":{"`+label+`":null},"annotations":{"`+glass+`":null}}}`)
			for how, err := range map[string]error{
				"delete":              c.Delete(t.Context(), crd.DeepCopy(), client.DryRunAll),
				"delete orphaning":    c.Delete(t.Context(), crd.DeepCopy(), client.DryRunAll, client.PropagationPolicy(metav1.DeletePropagationOrphan)),
				"delete a collection": c.DeleteAllOf(t.Context(), crd.DeepCopy(), client.DryRunAll, client.MatchingLabels{label: tc.kind}),
			} {
				switch {
				case !tc.refused && err != nil:
					t.Errorf("%s: %v", how, err)
				case tc.refused && (err == nil || !strings.Contains(err.Error(), "kubectl annotate crd "+tc.kind+" "+glass)):
					t.Errorf("%s: %v, want a refusal that says how to break the glass", how, err)
				}
			}
		})
	}
}
