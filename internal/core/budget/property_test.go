package budget_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/budget"
)

// What must hold for every history.
var (
	errBudget   = errors.New("more goes within an hour than the budget allows")
	errParts    = errors.New("a part of what exceeds a limit is granted")
	errApproval = errors.New("an approval lets through what nobody approved")
	errLost     = errors.New("what is due is neither granted nor quarantined, or both, or something else is")
	errPure     = errors.New("the order of the input, or a second decision, makes a difference")
	errNext     = errors.New("the time at which something will fit is wrong")
)

type decider func(budget.Input) budget.Result

func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
		if err := explore(draw, budget.Decide, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// TestInvariantsCatchFaults plants a fault in the decision; the invariant that it breaks must say so, without the help of the others.
func TestInvariantsCatchFaults(t *testing.T) {
	// sees lets the decision see another input.
	sees := func(change func(in *budget.Input)) decider {
		return func(in budget.Input) budget.Result {
			in.Ledger.Spent, in.Ledger.Used = slices.Clone(in.Ledger.Spent), slices.Clone(in.Ledger.Used)
			change(&in)
			return budget.Decide(in)
		}
	}
	says := func(change func(in budget.Input, r *budget.Result)) decider {
		return func(in budget.Input) budget.Result {
			r := budget.Decide(in)
			change(in, &r)
			return r
		}
	}
	everything := budget.Limit{Value: 100, Percent: true}
	for name, tc := range map[string]struct {
		decide decider
		want   error
	}{
		"a restart forgets":     {sees(func(in *budget.Input) { in.Ledger = budget.Ledger{} }), errBudget},
		"spending is forgotten": {sees(func(in *budget.Input) { in.Ledger.Spent = nil }), errBudget},
		"an hour is counted from the truncated minute": {sees(func(in *budget.Input) {
			in.Ledger.Spent = slices.DeleteFunc(in.Ledger.Spent, func(s budget.Spent) bool { return in.Now.Sub(s.At) >= time.Hour })
		}), errBudget},
		"the future does not count": {sees(func(in *budget.Input) {
			in.Ledger.Spent = slices.DeleteFunc(in.Ledger.Spent, func(s budget.Spent) bool { return s.At.After(in.Now) })
		}), errBudget},
		"an open grant is forgotten after an hour": {func(in budget.Input) budget.Result {
			old := func(g budget.Grant) bool { return in.Now.Sub(g.At) > time.Hour }
			kept := slices.DeleteFunc(slices.Clone(in.Ledger.Grants), func(g budget.Grant) bool {
				return !old(g) || g.Approval != "" || !slices.ContainsFunc(in.Due, func(d budget.Deletion) bool { return pairOf(d) == pairOfGrant(g) && d.Action == g.Action })
			})
			in.Due = slices.DeleteFunc(slices.Clone(in.Due), func(d budget.Deletion) bool {
				return slices.ContainsFunc(kept, func(g budget.Grant) bool { return pairOfGrant(g) == pairOf(d) })
			})
			in.Ledger.Grants = slices.DeleteFunc(slices.Clone(in.Ledger.Grants), func(g budget.Grant) bool { return slices.Contains(kept, g) })
			r := budget.Decide(in)
			r.Ledger.Grants = append(r.Ledger.Grants, kept...)
			slices.SortFunc(r.Ledger.Grants, func(a, b budget.Grant) int {
				return slices.Compare([]string{a.Cluster, a.Addon, a.Action}, []string{b.Cluster, b.Addon, b.Action})
			})
			return r
		}, errBudget},
		"the addon's limit is ignored": {sees(func(in *budget.Input) { in.Policy.PerAddon = everything }), errBudget},
		"the fleet's limit is ignored": {sees(func(in *budget.Input) { in.Policy.Fleet = everything }), errBudget},
		"the first of a quarantine goes": {says(func(in budget.Input, r *budget.Result) {
			if q := r.Quarantine; q != nil && len(q.Deletions) > 1 && len(r.Ledger.Grants) == 0 {
				d := q.Deletions[0]
				r.Ledger.Grants = []budget.Grant{{Cluster: d.Cluster, Addon: d.Addon, Action: d.Action, At: in.Now}}
				q.Deletions = q.Deletions[1:]
			}
		}), errParts},
		"an approval counts for every list": {says(func(in budget.Input, r *budget.Result) {
			if q := r.Quarantine; q != nil && len(in.Policy.Approved) > 0 {
				for _, d := range q.Deletions {
					r.Ledger.Grants = append(r.Ledger.Grants, budget.Grant{Cluster: d.Cluster, Addon: d.Addon, Action: d.Action, At: in.Now, Approval: slices.Sorted(maps.Keys(in.Policy.Approved))[0]})
				}
				r.Quarantine = nil
			}
		}), errApproval},
		"an approval counts for ever": {says(func(in budget.Input, r *budget.Result) {
			in.Ledger.Used = nil
			*r = budget.Decide(in)
			r.Ledger.Used = nil
		}), errApproval},
		"one is left out": {says(func(_ budget.Input, r *budget.Result) {
			if r.Quarantine != nil {
				r.Quarantine.Deletions = r.Quarantine.Deletions[1:]
			}
		}), errLost},
		"grants stay although nothing is due": {says(func(in budget.Input, r *budget.Result) {
			if len(in.Due) == 0 {
				r.Ledger.Grants = in.Ledger.Grants
			}
		}), errLost},
		"the ledger follows the order of the input": {says(func(in budget.Input, r *budget.Result) {
			if len(in.Due) > 1 && in.Due[0].Cluster > in.Due[1].Cluster {
				slices.Reverse(r.Ledger.Grants)
			}
		}), errPure},
		"nothing ever fits by itself": {says(func(_ budget.Input, r *budget.Result) { r.Next = time.Time{} }), errNext},
		"everything fits in an hour": {says(func(in budget.Input, r *budget.Result) {
			if r.Quarantine != nil {
				r.Next = in.Now.Add(time.Hour)
			}
		}), errNext},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const tries = 3_000
			for seed := range int64(tries) {
				if err := explore(rand.New(rand.NewSource(seed)).Intn, tc.decide, tc.want); errors.Is(err, tc.want) {
					return
				} else if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			t.Errorf("not found in %d histories", tries)
		})
	}
}

type pair struct{ cluster, addon string }

func pairOf(d budget.Deletion) pair { return pair{d.Cluster, d.Addon} }

func pairOfGrant(g budget.Grant) pair { return pair{g.Cluster, g.Addon} }

// history is a fleet, what happened to it, and all that is known of it; only the ledger is known to the decision.
type history struct {
	// now is the true time, skew what the clock is behind it.
	now  time.Time
	skew time.Duration
	// pairs exist; the value is the action that is due, if any.
	pairs  map[pair]string
	policy budget.Policy
	ledger budget.Ledger
	// gone are the deletions that were carried out without approval, granted all grants without approval.
	gone, granted []event
	// lists are what each hash was shown for; permits, how often it was approved and has not been used since.
	lists   map[string]map[pair]string
	permits map[string]int
}

type event struct {
	pair
	at time.Time
}

var (
	addons = []string{"a", "b", "c"}
	limits = []budget.Limit{{Value: 10, Percent: true}, {Value: 10, Percent: true}, {Value: 34, Percent: true}, {Value: 3}, {Value: 1}, {}}
)

const (
	historySteps = 40
	clusters     = 24
)

// explore lets things happen to a fleet and checks every decision: all invariants, or only one.
func explore(draw func(n int) int, decide decider, only error) error {
	h := &history{
		now: noon, pairs: map[pair]string{}, policy: budget.Default(), lists: map[string]map[pair]string{}, permits: map[string]int{},
	}
	h.policy.Approved = map[string]bool{}
	for i := range clusters {
		for _, addon := range addons[:1+draw(len(addons))] {
			h.pairs[pair{fmt.Sprintf("c%02d", i), addon}] = ""
		}
	}
	for range historySteps {
		h.happen(draw)
		in := h.input()
		r := decide(in)
		if err := h.check(decide, in, r, only); err != nil {
			return err
		}
		if draw(8) == 0 {
			continue // Ended before anything was written, and so before anything was deleted.
		}
		if err := h.write(r); err != nil {
			return err
		}
		h.carryOut(draw)
	}
	return nil
}

// happen changes one thing, and lets time pass.
func (h *history) happen(draw func(int) int) {
	// Most faults with time are near a full hour.
	steps := []time.Duration{0, time.Second, 7 * time.Minute, 29 * time.Minute, 59 * time.Minute, 59*time.Minute + 30*time.Second, 61 * time.Minute}
	h.now = h.now.Add(steps[draw(len(steps))] + time.Duration(draw(60_000))*time.Millisecond)
	one := pair{fmt.Sprintf("c%02d", draw(clusters)), addons[draw(len(addons))]}
	action := []string{"remove", "remove", "release"}[draw(3)]
	switch draw(11) {
	case 0, 1:
		h.off(action, func(p pair) bool { return p == one })
	case 2, 3:
		few := fmt.Sprintf("c%02d", draw(6))
		h.off(action, func(p pair) bool { return p.addon == one.addon && p.cluster < few })
	case 4:
		h.off(action, func(p pair) bool { return p.cluster == one.cluster })
	case 5:
		h.off(action, func(p pair) bool { return p.addon == one.addon })
	case 6:
		for p := range h.pairs {
			if p == one || p.addon == one.addon && action == "release" {
				h.pairs[p] = ""
			}
		}
	case 7:
		for i := range clusters {
			if p := (pair{fmt.Sprintf("c%02d", i), one.addon}); h.pairs[p] == "" {
				h.pairs[p] = ""
			}
		}
	case 8:
		h.policy.PerAddon, h.policy.Fleet = limits[draw(len(limits))], limits[draw(len(limits))]
	case 9:
		known := slices.Sorted(maps.Keys(h.lists))
		if len(known) == 0 {
			return
		}
		hash := known[draw(len(known))]
		if r := budget.Decide(h.input()); r.Quarantine != nil && draw(3) > 0 {
			hash = r.Quarantine.Hash // What a person sees right now.
			h.show(r.Quarantine)
		}
		h.policy.Approved = maps.Clone(h.policy.Approved)
		switch {
		case !h.policy.Approved[hash]:
			h.policy.Approved[hash], h.permits[hash] = true, 1
		case draw(4) == 0:
			delete(h.policy.Approved, hash)
			h.permits[hash] = 0
		}
	case 10:
		// Never forward: what comes early then cannot be told from time that passed.
		if h.skew < 20*time.Hour {
			h.skew += time.Duration(draw(100)) * time.Minute
		}
	}
}

func (h *history) off(action string, which func(pair) bool) {
	for p := range h.pairs {
		if which(p) {
			h.pairs[p] = action
		}
	}
}

func (h *history) input() budget.Input {
	in := budget.Input{Policy: h.policy, Pairs: map[string]int{}, Ledger: h.ledger, Now: h.now.Add(-h.skew)}
	for p, action := range h.pairs {
		in.Pairs[p.addon]++
		if action != "" {
			in.Due = append(in.Due, budget.Deletion{Cluster: p.cluster, Addon: p.addon, Action: action})
		}
	}
	slices.SortFunc(in.Due, func(a, b budget.Deletion) int {
		return slices.Compare([]string{a.Cluster, a.Addon}, []string{b.Cluster, b.Addon})
	})
	return in
}

// write makes the decision last, the way it lasts in an API object.
func (h *history) write(r budget.Result) error {
	h.granted = h.stillCounted()
	for _, g := range fresh(h.ledger, r.Ledger) {
		if g.Approval == "" {
			h.granted = append(h.granted, event{pairOfGrant(g), h.now})
		}
	}
	for hash := range byApproval(fresh(h.ledger, r.Ledger)) {
		h.permits[hash] = 0
	}
	text, err := json.Marshal(r.Ledger)
	if err != nil {
		return err
	}
	h.ledger = budget.Ledger{}
	if err := json.Unmarshal(text, &h.ledger); err != nil {
		return err
	}
	h.show(r.Quarantine)
	return nil
}

func (h *history) show(q *budget.Quarantine) {
	if q == nil || h.lists[q.Hash] != nil {
		return
	}
	h.lists[q.Hash] = map[pair]string{}
	for _, d := range q.Deletions {
		h.lists[q.Hash][pairOf(d)] = d.Action
	}
}

// carryOut deletes all, some or nothing of what is granted and still due.
func (h *history) carryOut(draw func(int) int) {
	much := draw(4)
	for _, g := range h.ledger.Grants {
		if h.pairs[pairOfGrant(g)] != g.Action || much == 0 || much == 1 && draw(2) == 0 {
			continue
		}
		h.now = h.now.Add(time.Millisecond)
		delete(h.pairs, pairOfGrant(g))
		if g.Approval == "" {
			h.gone = append(h.gone, event{pairOfGrant(g), h.now})
		}
	}
}

// fresh are the grants that a ledger has and the one before had not.
func fresh(before, after budget.Ledger) (list []budget.Grant) {
	for _, g := range after.Grants {
		if !slices.ContainsFunc(before.Grants, func(b budget.Grant) bool {
			return pairOfGrant(b) == pairOfGrant(g) && b.Action == g.Action && b.Approval == g.Approval
		}) {
			list = append(list, g)
		}
	}
	return list
}

func byApproval(grants []budget.Grant) map[string]map[pair]string {
	lists := map[string]map[pair]string{}
	for _, g := range grants {
		if g.Approval != "" {
			if lists[g.Approval] == nil {
				lists[g.Approval] = map[pair]string{}
			}
			lists[g.Approval][pairOfGrant(g)] = g.Action
		}
	}
	return lists
}

// check looks at every invariant, or only at the one that is asked for.
func (h *history) check(decide decider, in budget.Input, r budget.Result, only error) error {
	for _, invariant := range []struct {
		broken error
		check  func() error
	}{
		{errLost, func() error { return complete(in, r) }},
		{errParts, func() error { return h.wholly(in, r) }},
		{errApproval, func() error { return h.approved(in, r) }},
		{errBudget, func() error { return h.within(r) }},
		{errPure, func() error { return pure(decide, in, r) }},
		{errNext, func() error { return next(decide, in, r) }},
	} {
		if only != nil && !errors.Is(invariant.broken, only) {
			continue
		}
		if err := invariant.check(); err != nil {
			return err
		}
	}
	return nil
}

// complete: all that is due is either granted or quarantined, and nothing else is.
func complete(in budget.Input, r budget.Result) error {
	want, got := map[budget.Deletion]int{}, map[budget.Deletion]int{}
	for _, d := range in.Due {
		want[d]++
	}
	for _, g := range r.Ledger.Grants {
		got[budget.Deletion{Cluster: g.Cluster, Addon: g.Addon, Action: g.Action}]++
	}
	if r.Quarantine != nil {
		for _, d := range r.Quarantine.Deletions {
			got[d]++
		}
	}
	if !maps.Equal(want, got) {
		return fmt.Errorf("%w: %s", errLost, cmp.Diff(want, got))
	}
	return nil
}

// wholly: no addon is granted in part.
func (h *history) wholly(in budget.Input, r budget.Result) error {
	if r.Quarantine == nil {
		return nil
	}
	for _, g := range fresh(in.Ledger, r.Ledger) {
		if slices.ContainsFunc(r.Quarantine.Deletions, func(d budget.Deletion) bool { return d.Addon == g.Addon }) {
			return fmt.Errorf("%w: %s of %s", errParts, g.Addon, g.Cluster)
		}
	}
	return nil
}

// approved: an approval lets through exactly what was shown under its hash, once.
func (h *history) approved(in budget.Input, r budget.Result) error {
	for hash, list := range byApproval(fresh(in.Ledger, r.Ledger)) {
		switch {
		case h.permits[hash] == 0:
			return fmt.Errorf("%w: %s is used again or was never given", errApproval, hash)
		case !maps.Equal(list, h.lists[hash]):
			return fmt.Errorf("%w: %s was shown for %v, and lets through %v", errApproval, hash, h.lists[hash], list)
		}
	}
	return nil
}

// within counts in true time, from what happened: with the new grants, no hour has more than the budget.
func (h *history) within(r budget.Result) error {
	touched := map[string]bool{}
	granted := h.stillCounted()
	for _, g := range fresh(h.ledger, r.Ledger) {
		if g.Approval == "" {
			touched[g.Addon] = true
			granted = append(granted, event{pairOfGrant(g), h.now})
		}
	}
	if len(touched) == 0 {
		return nil
	}
	for _, addon := range append(slices.Sorted(maps.Keys(touched)), "") {
		limit := h.policy.PerAddon
		if addon == "" {
			limit = h.policy.Fleet
		}
		of := func(p pair) bool { return addon == "" || p.addon == addon }
		existing, open := 0, map[pair]bool{}
		for p := range h.pairs {
			if of(p) {
				existing++
			}
		}
		for _, g := range r.Ledger.Grants {
			if g.Approval == "" && of(pairOfGrant(g)) {
				open[pairOfGrant(g)] = true
			}
		}
		deleted := h.lastHour(h.gone, of)
		if goes, all := len(open)+len(deleted), existing+len(deleted); goes > limit.Of(all) {
			return fmt.Errorf("%w: %q: %d of %d, limit %s", errBudget, addon, goes, all, limit)
		}
		// Those that were undone count too, but so that they do not make the fleet smaller.
		ended := map[pair]bool{}
		for _, e := range h.lastHour(granted, of) {
			if !open[e.pair] {
				ended[e.pair] = true
			}
		}
		if goes, all := len(open)+len(ended), existing+len(ended); goes > limit.Of(all) {
			return fmt.Errorf("%w: %q: %d grants of %d, limit %s", errBudget, addon, goes, all, limit)
		}
	}
	return nil
}

// stillCounted are the grants but those that were replaced: nothing was deleted, and the pair is due with another action.
func (h *history) stillCounted() []event {
	return slices.DeleteFunc(slices.Clone(h.granted), func(e event) bool {
		return slices.ContainsFunc(h.ledger.Grants, func(g budget.Grant) bool {
			return pairOfGrant(g) == e.pair && h.pairs[e.pair] != "" && h.pairs[e.pair] != g.Action
		})
	})
}

func (h *history) lastHour(events []event, of func(pair) bool) (list []event) {
	for _, e := range events {
		if of(e.pair) && h.now.Sub(e.at) < time.Hour {
			list = append(list, e)
		}
	}
	return list
}

// pure: the order of the input does not matter, and deciding again from what was written writes nothing.
func pure(decide decider, in budget.Input, r budget.Result) error {
	other := in
	other.Due = slices.Clone(in.Due)
	slices.Reverse(other.Due)
	other.Ledger = budget.Ledger{Grants: slices.Clone(in.Ledger.Grants), Spent: slices.Clone(in.Ledger.Spent), Used: slices.Clone(in.Ledger.Used)}
	slices.Reverse(other.Ledger.Grants)
	slices.Reverse(other.Ledger.Spent)
	slices.Reverse(other.Ledger.Used)
	if reversed := decide(other); !reflect.DeepEqual(r, reversed) {
		return fmt.Errorf("%w: %s", errPure, cmp.Diff(r, reversed))
	}
	second := in
	second.Ledger = r.Ledger
	if again := decide(second); !reflect.DeepEqual(r.Ledger, again.Ledger) || (r.Quarantine == nil) != (again.Quarantine == nil) {
		return fmt.Errorf("%w: %s", errPure, cmp.Diff(r, again))
	}
	return nil
}

// next: something fits at that time and not before; without one, waiting does not help.
func next(decide decider, in budget.Input, r budget.Result) error {
	later := in
	later.Ledger = r.Ledger
	grantsAt := func(at time.Time) int {
		later.Now = at
		return len(decide(later).Ledger.Grants)
	}
	now := len(r.Ledger.Grants)
	switch {
	case r.Next.IsZero():
		for _, s := range r.Ledger.Spent {
			if grantsAt(s.At.Add(61*time.Minute)) > now {
				return fmt.Errorf("%w: at %v something fits, and it is not told", errNext, s.At.Add(61*time.Minute))
			}
		}
	case r.Quarantine == nil || !r.Next.After(in.Now):
		return fmt.Errorf("%w: %v, and it is %v", errNext, r.Next, in.Now)
	case grantsAt(r.Next) <= now || grantsAt(r.Next.Add(-1)) > now:
		return fmt.Errorf("%w: %v", errNext, r.Next)
	}
	return nil
}
