package resolve_test

import (
	"errors"
	"maps"
	"math/rand"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// TestHistories lets time pass and everything happen to random fleets with groups and a budget: managers that die in the middle of their
// writes, reports that are old or bad, clusters that vanish, and people who change their minds.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
		if err := live(draw, resolve.Make); err != nil {
			t.Fatal(err)
		}
	})
}

// TestHistoriesCatchFaults plants a fault in the decision, or in what it is told; what must hold over time then does not.
func TestHistoriesCatchFaults(t *testing.T) {
	told := func(change func(in *resolve.Input)) decider {
		return func(in resolve.Input) resolve.Plan {
			in.Clusters = slices.Clone(in.Clusters)
			change(&in)
			return resolve.Make(in)
		}
	}
	statuses := func(change func(d *resolve.Delivered)) decider {
		return told(func(in *resolve.Input) {
			all := map[string][]resolve.Delivered{}
			for name, delivered := range in.Delivered {
				for _, d := range delivered {
					change(&d)
					all[name] = append(all[name], d)
				}
			}
			in.Delivered = all
		})
	}
	for name, tc := range map[string]struct {
		decide decider
		want   []error
	}{
		"no grace": {told(func(in *resolve.Input) {
			in.Policy.Deletion.Grace = 0
		}), []error{errGrace}},
		"a grace that runs while the addon is on": {statuses(func(d *resolve.Delivered) {
			if d.Disabled == "" {
				d.Disabled = "2026-01-01T00:00:00Z"
			}
		}), []error{errGrace, errHeld}},
		"no budget": {told(func(in *resolve.Input) {
			in.Policy.Deletion.Budget = nil
		}), []error{errUngranted}},
		"a budget that is too large": {told(func(in *resolve.Input) {
			in.Policy.Deletion.Budget = &budget.Policy{PerAddon: budget.Limit{Value: 9}, Fleet: budget.Limit{Value: 9}}
		}), []error{errBudget}},
		"what was spent is forgotten": {told(func(in *resolve.Input) {
			in.Ledger.Spent = nil
		}), []error{errBudget}},
		"any approval will do": {func(in resolve.Input) resolve.Plan {
			plan := resolve.Make(in)
			if q := plan.Quarantine; q != nil {
				policy := *in.Policy.Deletion.Budget
				policy.Approved = map[string]bool{q.Hash: true}
				in.Policy.Deletion.Budget = &policy
				plan = resolve.Make(in)
			}
			return plan
		}, []error{errApproval}},
		"groups are ignored": {told(func(in *resolve.Input) {
			in.Policy.Rollout.Groups = []rollout.Group{in.Policy.Rollout.Groups[0]}
			in.Policy.Rollout.Groups[0].Selector, _ = labels.Parse("tier!=canary")
		}), []error{errOvertakes}},
		"no soak": {told(func(in *resolve.Input) {
			in.Policy.Rollout.Groups = []rollout.Group{in.Policy.Rollout.Groups[0]}
			in.Policy.Rollout.Groups[0].Pace.MinSuccessTime = time.Second
		}), []error{errSlots, errOvertakes}},
		"as many at once as there are": {told(func(in *resolve.Input) {
			in.Policy.Rollout.Rest.Pace.MaxConcurrency = rollout.Limit{Value: 9}
		}), []error{errSlots}},
		"stale reports are believed": {statuses(func(d *resolve.Delivered) {
			d.Status.Sync, d.Status.Health, d.Status.Revision = "Synced", "Healthy", d.Commit
			d.Status.Reconciled, d.Status.Operation = time.Time{}, resolve.Operation{}
		}), []error{errGate, errSlots, errOvertakes}},
		"what is released is not recorded": {func(in resolve.Input) resolve.Plan {
			plan := resolve.Make(in)
			for i := range plan.Clusters {
				plan.Clusters[i].Released = nil
				for j := range plan.Clusters[i].Pairs {
					if p := &plan.Clusters[i].Pairs[j]; p.Action == resolve.Release && p.Element == nil {
						p.Delete = true
					}
				}
			}
			return plan
		}, []error{errForgotten}},
		"a lost Secret is an order": {told(func(in *resolve.Input) {
			for i := range in.Clusters {
				if c := &in.Clusters[i]; c.Gone {
					c.Orders.Decommission = &resolve.Decommission{Abandon: true}
				}
			}
		}), []error{errLeaves, errUngranted}},
		"an unreadable label counts as removed": {told(func(in *resolve.Input) {
			for i := range in.Clusters {
				in.Clusters[i].Labels = maps.Clone(in.Clusters[i].Labels)
				maps.DeleteFunc(in.Clusters[i].Labels, func(_, value string) bool { return value == "yes" })
			}
		}), []error{errLeaves}},
		"a refused release is used": {func(in resolve.Input) resolve.Plan {
			in.Source.Releases = append([]resolve.SourceRelease(nil), in.Source.Releases...)
			for i := range in.Source.Releases {
				in.Source.Releases[i].Refused = nil
			}
			return resolve.Make(in)
		}, []error{errRevision}},
		"what a cluster was let to is forgotten": {func(in resolve.Input) resolve.Plan {
			plan := resolve.Make(in)
			for i := range plan.Clusters {
				plan.Clusters[i].Admitted = resolve.Admitted{}
			}
			return plan
		}, []error{errRevision, errStuck, errSlots}},
		"a cluster with nothing on it holds up the others": {func(in resolve.Input) resolve.Plan {
			in.Policy.Rollout.Rest.Pace.MaxConcurrency = rollout.Limit{}
			return resolve.Make(in)
		}, []error{errStuck}},
		"a decision that flips": {func(in resolve.Input) resolve.Plan {
			plan := resolve.Make(in)
			for i := range plan.Pairs {
				if p := &plan.Pairs[i]; p.Action == resolve.Keep && in.Now.Hour()%2 == 0 {
					e := *p.Element
					e.Path += "/"
					p.Element = &e
				}
			}
			return plan
		}, []error{errConverges}},
	} {
		t.Run(name, func(t *testing.T) {
			const tries = 400
			for seed := range int64(tries) {
				r := rand.New(rand.NewSource(seed))
				if err := live(r.Intn, tc.decide); err != nil {
					if !slices.ContainsFunc(tc.want, func(want error) bool { return errors.Is(err, want) }) {
						t.Errorf("seed %d: found another fault: %v", seed, err)
					}
					return
				}
			}
			t.Errorf("not found in %d histories", tries)
		})
	}
}
