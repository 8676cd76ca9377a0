package resolve_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

// TestWhatIsSwitchedOffTogetherWaitsTogether lets nothing slip through before the rest is due: labels that are lost within minutes are one
// accident, however they are spread over those minutes.
func TestWhatIsSwitchedOffTogetherWaitsTogether(t *testing.T) {
	w := newWorld()
	limits := budget.Default()
	w.policy = resolve.Policy{Deletion: resolve.Deletion{Grace: 10 * time.Minute, Budget: &limits}}
	w.release("v1.31-ake.1", "name: x")
	w.secrets(secret("a", "x=enabled"), secret("b", "x=enabled"), secret("c", "x=enabled"))
	mustSettle(t, w)
	actions := func() map[string]string {
		plan := resolve.Make(w.input())
		got := map[string]string{}
		for _, p := range plan.Pairs {
			got[p.Cluster] = string(p.Action)
			for _, r := range p.Reasons {
				if r.Code == budget.CodeDeletionQuarantined {
					got[p.Cluster] += " quarantined"
				}
			}
		}
		w.apply(plan)
		if _, err := w.argo(); err != nil {
			t.Fatal(err)
		}
		return got
	}
	step := func(what string, want map[string]string) {
		t.Helper()
		if d := cmp.Diff(want, actions()); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	w.secrets(secret("a"), secret("b", "x=enabled"), secret("c", "x=enabled"))
	step("one label is lost", map[string]string{"a": "disable", "b": "keep", "c": "keep"})
	w.now = w.now.Add(time.Minute)
	w.secrets(secret("a"), secret("b"), secret("c"))
	actions()
	step("all are", map[string]string{"a": "disable quarantined", "b": "disable quarantined", "c": "disable quarantined"})
	w.now = w.now.Add(9 * time.Minute)
	step("the first is due", map[string]string{"a": "hold quarantined", "b": "disable quarantined", "c": "disable quarantined"})
	w.secrets(secret("a"), secret("b", "x=enabled"), secret("c", "x=enabled"))
	actions()
	step("the others were put back", map[string]string{"a": "remove", "b": "keep", "c": "keep"})
}

// TestApprovedBeforeItIsDue lets a list that a person approved early through, each of it when its grace is over.
func TestApprovedBeforeItIsDue(t *testing.T) {
	w := newWorld()
	limits := budget.Default()
	w.policy = resolve.Policy{Deletion: resolve.Deletion{Grace: 10 * time.Minute, Budget: &limits}}
	w.release("v1.31-ake.1", "name: x")
	w.secrets(secret("a", "x=enabled"), secret("b", "x=enabled"))
	mustSettle(t, w)
	w.secrets(secret("a"), secret("b"))
	mustSettle(t, w)
	plan := resolve.Make(w.input())
	if plan.Quarantine == nil || len(plan.Quarantine.Deletions) != 2 {
		t.Fatalf("quarantine: %+v", plan.Quarantine)
	}
	limits.Approved = map[string]bool{plan.Quarantine.Hash: true}
	mustSettle(t, w)
	if len(w.apps) != 2 {
		t.Fatalf("gone before the grace was over: %s", w)
	}
	w.now = w.now.Add(10 * time.Minute)
	mustSettle(t, w)
	if len(w.apps) != 0 {
		t.Errorf("still there: %s", w)
	}
}
