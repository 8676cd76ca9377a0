package budget_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/fault"
)

var noon = time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)

// due lists deletions of one addon on the clusters c01, c02 …
func due(addon, action string, from, to int) (list []budget.Deletion) {
	for i := from; i <= to; i++ {
		list = append(list, budget.Deletion{
			Cluster: fmt.Sprintf("c%02d", i), Addon: addon, Action: action, Due: noon.Add(-time.Minute), Why: "SwitchedOff",
		})
	}
	return list
}

func grants(at time.Time, approval string, of ...budget.Deletion) (list []budget.Grant) {
	for _, d := range of {
		list = append(list, budget.Grant{Cluster: d.Cluster, Addon: d.Addon, Action: d.Action, At: at, Approval: approval})
	}
	return list
}

func spent(addon string, before time.Duration, count int) budget.Spent {
	return budget.Spent{Addon: addon, At: noon.Add(-before).Truncate(time.Minute), Count: count}
}

// all joins lists into the order in which they are told.
func all(lists ...[]budget.Deletion) []budget.Deletion {
	list := slices.Concat(lists...)
	slices.SortFunc(list, func(a, b budget.Deletion) int {
		return slices.Compare([]string{a.Cluster, a.Addon, a.Action}, []string{b.Cluster, b.Addon, b.Action})
	})
	return list
}

func hold(message, hash string, deletions []budget.Deletion) *budget.Quarantine {
	return &budget.Quarantine{
		Hash: hash, Deletions: deletions,
		Message: message + "; `addon-manager plan` lists them; run `addon-manager approve " + hash + "` if all are meant, otherwise undo what led to them",
	}
}

func approve(hashes ...string) budget.Policy {
	p := budget.Default()
	p.Approved = map[string]bool{}
	for _, h := range hashes {
		p.Approved[h] = true
	}
	return p
}

func TestDecide(t *testing.T) {
	a2, a3 := due("a", "remove", 1, 2), due("a", "remove", 1, 3)
	b1, b2 := due("b", "release", 1, 1), due("b", "release", 1, 2)
	hashOf := func(lists ...[]budget.Deletion) string { return budget.HashOf(slices.Concat(lists...)) }
	type ledger = budget.Ledger
	for name, tc := range map[string]struct {
		in   budget.Input
		want budget.Result
	}{
		"nothing": {budget.Input{Policy: budget.Default()}, budget.Result{}},
		"as many as the limit": {
			budget.Input{Policy: budget.Default(), Due: a2, Pairs: map[string]int{"a": 20, "b": 20}},
			budget.Result{Ledger: ledger{Grants: grants(noon, "", a2...)}},
		},
		"one more than the limit: none is granted": {
			budget.Input{Policy: budget.Default(), Due: a3, Pairs: map[string]int{"a": 29, "b": 20}},
			budget.Result{Quarantine: hold("3 deletions wait for approval: a has 3 due, and at most 2 of its 29 pairs may go within an hour", hashOf(a3), a3)},
		},
		"one of few is always within the limit": {
			budget.Input{Policy: budget.Default(), Due: b1, Pairs: map[string]int{"b": 1}},
			budget.Result{Ledger: ledger{Grants: grants(noon, "", b1...)}},
		},
		"one addon exceeds its limit, another does not": {
			budget.Input{Policy: budget.Default(), Due: slices.Concat(a3, b1), Pairs: map[string]int{"a": 20, "b": 20}},
			budget.Result{
				Ledger:     ledger{Grants: grants(noon, "", b1...)},
				Quarantine: hold("3 deletions wait for approval: a has 3 due, and at most 2 of its 20 pairs may go within an hour", hashOf(a3), a3),
			},
		},
		"each within its limit, together beyond the fleet's": {
			budget.Input{
				Policy: budget.Policy{PerAddon: budget.Limit{Value: 2}, Fleet: budget.Limit{Value: 3}},
				Due:    slices.Concat(b2, a2), Pairs: map[string]int{"a": 20, "b": 20, "c": 1},
			},
			budget.Result{Quarantine: hold("4 deletions wait for approval: the fleet has 4 due, and at most 3 of its 41 pairs may go within an hour", hashOf(a2, b2), all(a2, b2))},
		},
		"beyond an addon's limit and the rest beyond the fleet's": {
			budget.Input{
				Policy: budget.Policy{PerAddon: budget.Limit{Value: 2}, Fleet: budget.Limit{Value: 1}},
				Due:    slices.Concat(a3, b2), Pairs: map[string]int{"a": 20, "b": 20},
			},
			budget.Result{Quarantine: hold("5 deletions wait for approval: a has 3 due, and at most 2 of its 20 pairs may go within an hour; the fleet has 2 due, and at most 1 of its 40 pairs may go within an hour",
				hashOf(a3, b2), all(a3, b2))},
		},
		"many addons beyond their limits": {
			budget.Input{
				Policy: budget.Policy{Fleet: budget.Limit{Value: 100, Percent: true}},
				Due:    slices.Concat(due("a", "remove", 1, 1), due("b", "remove", 1, 1), due("c", "remove", 1, 1), due("d", "remove", 1, 1), due("e", "remove", 1, 1)),
				Pairs:  map[string]int{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1},
			},
			budget.Result{Quarantine: hold("5 deletions wait for approval: a has 1 due, and at most 0 of its 1 pair may go within an hour; b has 1 due, and at most 0 of its 1 pair may go within an hour; c has 1 due, and at most 0 of its 1 pair may go within an hour; 2 more addons are beyond their limits",
				"d58182c4b8e9", []budget.Deletion{due("a", "remove", 1, 1)[0], due("b", "remove", 1, 1)[0], due("c", "remove", 1, 1)[0], due("d", "remove", 1, 1)[0], due("e", "remove", 1, 1)[0]})},
		},
		"what is granted and still there counts, once": {
			budget.Input{
				Policy: budget.Default(), Due: a2, Pairs: map[string]int{"a": 19},
				Ledger: ledger{Grants: grants(noon.Add(-3*time.Hour), "", a2[0])},
			},
			budget.Result{
				Ledger: ledger{Grants: grants(noon.Add(-3*time.Hour), "", a2[0])},
				Quarantine: hold("1 deletion waits for approval: a has 1 due beside 1 already granted, and at most 1 of its 19 pairs may go within an hour",
					hashOf(a2[1:]), a2[1:]),
			},
		},
		"what is gone becomes spending, and counts among the pairs": {
			budget.Input{
				Policy: budget.Default(), Due: a2[1:], Pairs: map[string]int{"a": 19},
				Ledger: ledger{Grants: grants(noon.Add(-3*time.Hour), "", a2[0])},
			},
			budget.Result{Ledger: ledger{Grants: grants(noon, "", a2[1]), Spent: []budget.Spent{spent("a", 0, 1)}}},
		},
		"spending of the last hour": {
			budget.Input{
				Policy: budget.Default(), Due: a2, Pairs: map[string]int{"a": 19, "b": 5},
				Ledger: ledger{Spent: []budget.Spent{spent("a", 59*time.Minute, 1), spent("b", 30*time.Minute, 1)}},
			},
			budget.Result{
				Ledger: ledger{Spent: []budget.Spent{spent("a", 59*time.Minute, 1), spent("b", 30*time.Minute, 1)}},
				Quarantine: hold("2 deletions wait for approval: a has 2 due beside 1 already granted, and at most 2 of its 20 pairs may go within an hour",
					hashOf(a2), a2),
				// Then a's spending is over; but two of 19 are too many then as well.
				Next: time.Time{},
			},
		},
		"spending is over when its whole minute is an hour ago": {
			budget.Input{
				Policy: approve(), Due: a2, Pairs: map[string]int{"a": 20},
				Ledger: ledger{Spent: []budget.Spent{{Addon: "a", At: noon.Add(-61 * time.Minute).Truncate(time.Minute), Count: 2}}},
			},
			budget.Result{Ledger: ledger{Grants: grants(noon, "", a2...)}},
		},
		"spending of 60 minutes ago may have been in the next second": {
			budget.Input{
				Policy: budget.Default(), Due: a2, Pairs: map[string]int{"a": 20},
				Ledger: ledger{Spent: []budget.Spent{spent("a", 30*time.Minute, 1), spent("a", 60*time.Minute, 1)}},
			},
			budget.Result{
				Ledger: ledger{Spent: []budget.Spent{spent("a", 60*time.Minute, 1), spent("a", 30*time.Minute, 1)}},
				Quarantine: hold("2 deletions wait for approval: a has 2 due beside 2 already granted, and at most 2 of its 22 pairs may go within an hour",
					hashOf(a2), a2),
				// One minute from now one is free, which is not enough for both.
				Next: noon.Add(31 * time.Minute).Truncate(time.Minute),
			},
		},
		"the clock was set back: spending in the future counts, and what is seen now is not older": {
			budget.Input{
				Policy: budget.Default(), Due: a2[1:], Pairs: map[string]int{"a": 18},
				Ledger: ledger{Grants: grants(noon, "", a2[0]), Spent: []budget.Spent{spent("a", -2*time.Hour, 1)}},
			},
			budget.Result{
				Ledger: ledger{Spent: []budget.Spent{spent("a", -2*time.Hour, 2)}},
				Quarantine: hold("1 deletion waits for approval: a has 1 due beside 2 already granted, and at most 2 of its 20 pairs may go within an hour",
					hashOf(a2[1:]), a2[1:]),
				Next: noon.Add(3*time.Hour + time.Minute).Truncate(time.Minute),
			},
		},
		"a clock that was a year ahead does not stop the fleet for a year": {
			budget.Input{
				Policy: budget.Default(), Pairs: map[string]int{"a": 18},
				Ledger: ledger{Spent: []budget.Spent{spent("a", -365*24*time.Hour, 1)}},
			},
			budget.Result{Ledger: ledger{Spent: []budget.Spent{spent("a", -24*time.Hour, 1)}}},
		},
		"an approved list": {
			budget.Input{Policy: approve(hashOf(a3)), Due: slices.Concat(a3, b1), Pairs: map[string]int{"a": 3, "b": 20}},
			budget.Result{Ledger: ledger{Grants: slices.Concat(grants(noon, hashOf(a3), a3[0]), grants(noon, "", b1...), grants(noon, hashOf(a3), a3[1:]...))}},
		},
		"approved was another list": {
			budget.Input{Policy: approve(hashOf(a2), hashOf(a3, b1)), Due: slices.Concat(a3, b1), Pairs: map[string]int{"a": 3, "b": 20}},
			budget.Result{
				Ledger:     ledger{Grants: grants(noon, "", b1...)},
				Quarantine: hold("3 deletions wait for approval: a has 3 due, and at most 1 of its 3 pairs may go within an hour", hashOf(a3), a3),
			},
		},
		"approved grants are not spending": {
			budget.Input{
				Policy: approve(hashOf(a3)), Due: slices.Concat(a3[:1], due("a", "remove", 9, 9)), Pairs: map[string]int{"a": 10},
				Ledger: ledger{Grants: grants(noon, hashOf(a3), a3...)},
			},
			budget.Result{Ledger: ledger{Grants: slices.Concat(grants(noon, hashOf(a3), a3[0]), grants(noon, "", due("a", "remove", 9, 9)...))}},
		},
		"an approval that was used does not let the same list through again": {
			budget.Input{
				Policy: approve(hashOf(a3)), Due: a3, Pairs: map[string]int{"a": 10},
				Ledger: ledger{Used: []string{hashOf(a3)}},
			},
			budget.Result{
				Ledger:     ledger{Used: []string{hashOf(a3)}},
				Quarantine: hold("3 deletions wait for approval: a has 3 due, and at most 1 of its 10 pairs may go within an hour", "7a667964fc28", a3),
			},
		},
		"but a new one does": {
			budget.Input{
				Policy: approve(hashOf(a3), "7a667964fc28"), Due: a3, Pairs: map[string]int{"a": 10},
				Ledger: ledger{Used: []string{hashOf(a3)}},
			},
			budget.Result{Ledger: ledger{Used: []string{hashOf(a3)}, Grants: grants(noon, "7a667964fc28", a3...)}},
		},
		"an approval is used once its last grant ended": {
			budget.Input{Policy: approve(hashOf(a3)), Pairs: map[string]int{"a": 10}, Ledger: ledger{Grants: grants(noon, hashOf(a3), a3...)}},
			budget.Result{Ledger: ledger{Used: []string{hashOf(a3)}}},
		},
		"and forgotten once nobody lists it": {
			budget.Input{Policy: budget.Default(), Ledger: ledger{Used: []string{hashOf(a3)}}},
			budget.Result{},
		},
		"an approval that is taken back": {
			budget.Input{
				Policy: budget.Default(), Due: a3, Pairs: map[string]int{"a": 10},
				Ledger: ledger{Grants: grants(noon, hashOf(a3), a3...)},
			},
			budget.Result{Quarantine: hold("3 deletions wait for approval: a has 3 due, and at most 1 of its 10 pairs may go within an hour", hashOf(a3), a3)},
		},
		"another action needs another grant, and is counted once": {
			budget.Input{
				Policy: budget.Default(), Due: due("a", "release", 1, 1), Pairs: map[string]int{"a": 10},
				Ledger: ledger{Grants: grants(noon.Add(-time.Minute), "", a2[0])},
			},
			budget.Result{Ledger: ledger{Grants: grants(noon, "", due("a", "release", 1, 1)...)}},
		},
		"another action needs another approval": {
			budget.Input{
				Policy: approve(hashOf(a2)), Due: due("a", "release", 1, 2), Pairs: map[string]int{"a": 10},
				Ledger: ledger{Grants: grants(noon, hashOf(a2), a2...)},
			},
			budget.Result{
				Ledger: ledger{Used: []string{hashOf(a2)}},
				Quarantine: hold("2 deletions wait for approval: a has 2 due, and at most 1 of its 10 pairs may go within an hour",
					hashOf(due("a", "release", 1, 2)), due("a", "release", 1, 2)),
			},
		},
		"the clock was set back while a grant was open": {
			budget.Input{Policy: budget.Default(), Pairs: map[string]int{"a": 9}, Ledger: ledger{Grants: grants(noon.Add(2*time.Hour), "", a2[0])}},
			budget.Result{Ledger: ledger{Spent: []budget.Spent{spent("a", -2*time.Hour, 1)}}},
		},
		"a ledger that somebody edited": {
			budget.Input{
				Policy: budget.Default(), Due: a2[:1], Pairs: map[string]int{"a": 10},
				Ledger: ledger{
					Grants: slices.Concat(grants(noon.In(time.FixedZone("", 3600)), "", a2[0]), grants(noon.Add(-time.Hour), "", a2[0])),
					Spent:  []budget.Spent{spent("a", 0, -5), spent("b", 0, 1), spent("b", 0, 2), spent("a", 0, 0)},
				},
			},
			budget.Result{Ledger: ledger{Grants: grants(noon, "", a2[0]), Spent: []budget.Spent{spent("b", 0, 3)}}},
		},
		"limits were lowered below what is granted already": {
			budget.Input{
				Policy: budget.Policy{PerAddon: budget.Limit{Value: 1}, Fleet: budget.Limit{Value: 1}}, Due: a2, Pairs: map[string]int{"a": 10, "b": 10},
				Ledger: ledger{Spent: []budget.Spent{spent("b", 0, 3)}},
			},
			budget.Result{
				Ledger:     ledger{Spent: []budget.Spent{spent("b", 0, 3)}},
				Quarantine: hold("2 deletions wait for approval: a has 2 due, and at most 1 of its 10 pairs may go within an hour", hashOf(a2), a2),
			},
		},
		"a zero policy allows nothing": {
			budget.Input{Due: b1, Pairs: map[string]int{"b": 100}},
			budget.Result{Quarantine: hold("1 deletion waits for approval: b has 1 due, and at most 0 of its 100 pairs may go within an hour", hashOf(b1), b1)},
		},
		"one pair listed twice": {
			budget.Input{Policy: budget.Default(), Due: slices.Concat(b1, b1), Pairs: map[string]int{"b": 10}},
			budget.Result{Ledger: ledger{Grants: grants(noon, "", b1...)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.in.Now = noon
			got := budget.Decide(tc.in)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("Decide (-want +got):\n%s", d)
			}
			tc.in.Ledger = got.Ledger
			again := budget.Decide(tc.in)
			if tc.want.Quarantine == nil && again.Quarantine != nil {
				t.Errorf("a second decision quarantines: %+v", again.Quarantine)
			}
			if d := cmp.Diff(got.Ledger, again.Ledger); d != "" {
				t.Errorf("a second decision writes (-first +second):\n%s", d)
			}
		})
	}
}

func TestHashOf(t *testing.T) {
	list := due("a", "remove", 1, 3)
	same := []budget.Deletion{{Cluster: "c03", Addon: "a", Action: "remove"}, list[0], list[1], list[0]}
	if got, want := budget.HashOf(same), budget.HashOf(list); got != want {
		t.Errorf("order, repeats, times and reasons make a difference: %s and %s", got, want)
	}
	seen := map[string]string{}
	for name, list := range map[string][]budget.Deletion{
		"none":           nil,
		"list":           list,
		"one less":       list[:2],
		"another action": due("a", "release", 1, 3),
		"another addon":  due("b", "remove", 1, 3),
		"shifted":        {{Cluster: `c01" "a`, Addon: "remove"}},
		"not shifted":    {{Cluster: "c01", Addon: `a" "remove`}},
	} {
		hash := budget.HashOf(list)
		if len(hash) != 12 {
			t.Errorf("%s: hash %q, want 12 digits", name, hash)
		}
		if other, taken := seen[hash]; taken {
			t.Errorf("%s and %s have the same hash %s", name, other, hash)
		}
		seen[hash] = name
	}
	// People may have written it down: it stays the same from version to version.
	if got := budget.HashOf(list); got != "dde493f2208f" {
		t.Errorf("HashOf = %s", got)
	}
}

func TestReasons(t *testing.T) {
	q := budget.Quarantine{Hash: "x", Message: "3 wait"}
	if d := cmp.Diff(fault.Reason{Code: budget.CodeDeletionQuarantined, Message: "3 wait"}, q.Reason()); d != "" {
		t.Error(d)
	}
	if got := (budget.Grant{}).Reason(); got != nil {
		t.Errorf("a grant within the budget: %v", got)
	}
	want := &fault.Reason{Code: budget.CodeDeletionApproved, Message: "approved as part of the list dde493f2208f"}
	if d := cmp.Diff(want, budget.Grant{Approval: "dde493f2208f"}.Reason()); d != "" {
		t.Error(d)
	}
}

func BenchmarkDecide(b *testing.B) {
	in := budget.Input{Policy: budget.Default(), Pairs: map[string]int{}, Now: noon}
	for i := range 30 {
		addon := fmt.Sprintf("addon-%02d", i)
		in.Pairs[addon] = 1_000
		in.Due = append(in.Due, due(addon, "remove", 1, 1_000)...)
		for m := range 60 {
			in.Ledger.Spent = append(in.Ledger.Spent, spent(addon, time.Duration(m)*time.Minute, 1))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		budget.Decide(in)
	}
}
