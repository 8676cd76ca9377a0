package budget_test

import (
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/google/go-cmp/cmp"
)

// TestComing counts what is about to be due, and grants none of it early.
func TestComing(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	one := func(cluster string) budget.Deletion {
		return budget.Deletion{Cluster: cluster, Addon: "loki", Action: "remove"}
	}
	for name, tc := range map[string]struct {
		due, coming []budget.Deletion
		approve     bool
		granted     []string
		quarantined int
	}{
		"one due":                        {due: []budget.Deletion{one("a")}, granted: []string{"a"}},
		"one coming":                     {coming: []budget.Deletion{one("a")}},
		"one due and one coming":         {due: []budget.Deletion{one("a")}, coming: []budget.Deletion{one("b")}, quarantined: 2},
		"the same, approved":             {due: []budget.Deletion{one("a")}, coming: []budget.Deletion{one("b")}, approve: true, granted: []string{"a", "b"}},
		"two coming":                     {coming: []budget.Deletion{one("a"), one("b")}, quarantined: 2},
		"one coming that is due already": {due: []budget.Deletion{one("a")}, coming: []budget.Deletion{one("a")}},
	} {
		t.Run(name, func(t *testing.T) {
			policy := budget.Default()
			in := budget.Input{Policy: policy, Due: tc.due, Coming: tc.coming, Pairs: map[string]int{"loki": 10, "other": 90}, Now: now}
			got := budget.Decide(in)
			if tc.approve {
				in.Policy.Approved = map[string]bool{got.Quarantine.Hash: true}
				got = budget.Decide(in)
			}
			var granted []string
			for _, g := range got.Ledger.Grants {
				granted = append(granted, g.Cluster)
			}
			if d := cmp.Diff(tc.granted, granted); d != "" {
				t.Errorf("granted (-want +got):\n%s", d)
			}
			quarantined := 0
			if got.Quarantine != nil {
				quarantined = len(got.Quarantine.Deletions)
			}
			if quarantined != tc.quarantined {
				t.Errorf("%d quarantined, want %d", quarantined, tc.quarantined)
			}
			in.Ledger = got.Ledger
			if again := budget.Decide(in); !cmp.Equal(again, got) {
				t.Errorf("the same again: %s", cmp.Diff(got, again))
			}
		})
	}
}
