package budget

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// balance is what the limits are compared with, by addon.
type balance struct {
	policy Policy
	// pairs exist; fresh are due without a grant, open are granted within the budget and not carried out: parts of pairs.
	pairs, fresh, open map[string]int
	// spent ended within the hour.
	spent []Spent
}

func count(in Input, ledger Ledger, fresh []Deletion) balance {
	b := balance{policy: in.Policy, pairs: in.Pairs, fresh: map[string]int{}, open: map[string]int{}, spent: ledger.Spent}
	for _, d := range fresh {
		b.fresh[d.Addon]++
	}
	for _, g := range ledger.Grants {
		if g.Approval == "" {
			b.open[g.Addon]++
		}
	}
	return b
}

// level is one comparison.
type level struct {
	// fresh would come to used, which is granted already, and limit is what may be of total.
	fresh, used, limit, total int
}

func (l level) fits() bool { return l.fresh+l.used <= l.limit }

func (b balance) addon(name string, spent map[string]int) level {
	total := b.pairs[name] + spent[name]
	return level{fresh: b.fresh[name], used: b.open[name] + spent[name], limit: b.policy.PerAddon.Of(total), total: total}
}

// fleet compares what the addons that pass have together.
func (b balance) fleet(passing map[string]bool, spent map[string]int) level {
	l := level{}
	for name := range passing {
		l.fresh += b.fresh[name]
	}
	for _, n := range b.open {
		l.used += n
	}
	for _, n := range spent {
		l.used += n
		l.total += n
	}
	for _, n := range b.pairs {
		l.total += n
	}
	l.limit = b.policy.Fleet.Of(l.total)
	return l
}

// spentAt is what still counts at a moment, by addon.
func (b balance) spentAt(now time.Time) map[string]int {
	sums := map[string]int{}
	for _, s := range b.spent {
		if now.Before(s.At.Add(window)) {
			sums[s.Addon] += s.Count
		}
	}
	return sums
}

// withinOwn are the addons with something fresh that is within the addon's limit.
func (b balance) withinOwn(spent map[string]int) map[string]bool {
	within := map[string]bool{}
	for name := range b.fresh {
		if b.addon(name, spent).fits() {
			within[name] = true
		}
	}
	return within
}

// passing are the addons whose fresh deletions are granted.
func (b balance) passing(now time.Time) map[string]bool {
	spent := b.spentAt(now)
	within := b.withinOwn(spent)
	if !b.fleet(within, spent).fits() {
		return nil
	}
	return within
}

// next is the first moment at which something passes that does not now.
func (b balance) next(now time.Time) time.Time {
	var moments []time.Time
	for _, s := range b.spent {
		moments = append(moments, s.At.Add(window))
	}
	slices.SortFunc(moments, time.Time.Compare)
	passing := b.passing(now)
	// What passes now is granted by then.
	after := b
	after.fresh, after.open = maps.Clone(b.fresh), maps.Clone(b.open)
	for name := range passing {
		after.open[name] += b.fresh[name]
		delete(after.fresh, name)
	}
	for _, at := range slices.CompactFunc(moments, time.Time.Equal) {
		if len(after.passing(at)) > 0 {
			return at
		}
	}
	return time.Time{}
}

// maxListed is how many addons a message spells out.
const maxListed = 3

// message says what is exceeded and what a person can do. It changes only with the numbers in it.
func (b balance) message(now time.Time, hash string) string {
	spent := b.spentAt(now)
	within := b.withinOwn(spent)
	var parts []string
	waiting, addons := 0, 0
	for _, name := range slices.Sorted(maps.Keys(b.fresh)) {
		if within[name] {
			continue
		}
		l := b.addon(name, spent)
		waiting += l.fresh
		if addons++; addons <= maxListed {
			parts = append(parts, l.exceeded(name))
		}
	}
	if addons > maxListed {
		parts = append(parts, plural(addons-maxListed, "more addon is beyond its limit", "more addons are beyond their limits"))
	}
	if l := b.fleet(within, spent); l.fresh > 0 && !l.fits() {
		waiting += l.fresh
		parts = append(parts, l.exceeded("the fleet"))
	}
	return fmt.Sprintf("%s for approval: %s; `addon-manager plan` lists them; run `addon-manager approve %s` if all are meant, otherwise undo what led to them",
		plural(waiting, "deletion waits", "deletions wait"), strings.Join(parts, "; "), hash)
}

func (l level) exceeded(of string) string {
	already := ""
	if l.used > 0 {
		already = fmt.Sprintf(" beside %d already granted", l.used)
	}
	return fmt.Sprintf("%s has %d due%s, and at most %d of its %s may go within an hour", of, l.fresh, already, l.limit, plural(l.total, "pair", "pairs"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
