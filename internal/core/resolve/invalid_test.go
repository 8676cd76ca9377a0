package resolve_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

// TestInvalidPolicyStopsEverything lets no release move on and nothing be deleted while nobody knows how carefully that should be done; what a
// label switches on still comes, at the release the cluster has.
func TestInvalidPolicyStopsEverything(t *testing.T) {
	w := newWorld()
	w.release("v1.31-ake.1", "name: old", "name: new")
	w.secrets(secret("a", "old=enabled"), secret("b", "old=enabled"))
	mustSettle(t, w)
	w.release("v1.31-ake.2", "name: old", "name: new")
	w.secrets(secret("a"), secret("b", "old=enabled", "new=enabled"), secret("c", "old=enabled"))
	w.policy.Invalid = &fault.Reason{Code: "PolicyInvalid", Message: "spec.rollout is wrong"}
	want := []string{
		"a/old hold LabelRemoved: label addons.kaas.dev/old is not set, and the addon is optional. PolicyInvalid: spec.rollout is wrong.",
		`b/new install SwitchedOn: label addons.kaas.dev/new is "enabled".`,
		"b/old hold PolicyInvalid: spec.rollout is wrong.",
		"c/old hold PolicyInvalid: spec.rollout is wrong.",
	}
	plan := resolve.Make(w.input())
	if d := cmp.Diff(want, told(plan)); d != "" {
		t.Fatalf("plan (-want +got):\n%s", d)
	}
	if got := plan.Pairs[1].Element.Release; got != "v1.31-ake.1" {
		t.Errorf("new comes from %s, want the release that the cluster has", got)
	}
}
