package budget

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// window is how long a grant that ended still counts: an hour, and the minute by which Spent.At may be earlier than the truth.
const window = 61 * time.Minute

// ahead bounds how far the clock is believed to have been set back. Times of the ledger that are further in the future were written
// by a clock that was wrong then, and would otherwise count for as long.
const ahead = 24 * time.Hour

// Decide grants what the budget or an approval allows, and quarantines the rest. It goes by level, and all or nothing on each: an
// addon with more than its limit has nothing granted; if the other addons together are more than the fleet's limit, none of
// them has. It has no memory but the ledger: a quarantined list that fits later, since budget is free again or part of it was
// undone, is granted then.
func Decide(in Input) Result {
	coming := map[key]bool{}
	for _, d := range in.Coming {
		coming[d.key()] = true
	}
	due := sorted(slices.Concat(in.Due, in.Coming))
	ledger, fresh := settle(in, due)
	b := count(in, ledger, fresh)
	passing := b.passing(in.Now)

	var waiting []Deletion
	for _, d := range fresh {
		if passing[d.Addon] && coming[d.key()] {
			continue
		}
		if passing[d.Addon] {
			ledger.Grants = append(ledger.Grants, grant(d, in.Now, ""))
			continue
		}
		waiting = append(waiting, d)
	}
	result := Result{}
	if len(waiting) > 0 {
		hash := hashOf(waiting, ledger.Used)
		if in.Policy.Approved[hash] {
			for _, d := range waiting {
				ledger.Grants = append(ledger.Grants, grant(d, in.Now, hash))
			}
		} else {
			result.Quarantine = &Quarantine{Hash: hash, Deletions: waiting, Message: b.message(in.Now, hash)}
			result.Next = b.next(in.Now)
		}
	}
	slices.SortFunc(ledger.Grants, func(a, b Grant) int { return a.key().compare(b.key()) })
	result.Ledger = ledger
	return result
}

func grant(d Deletion, now time.Time, approval string) Grant {
	// Seconds are what an API object keeps of a time.
	return Grant{Cluster: d.Cluster, Addon: d.Addon, Action: d.Action, At: now.UTC().Truncate(time.Second), Approval: approval}
}

// settle brings the ledger up to date: grants that ended become spending, spending that is an hour old goes. fresh are the
// deletions that have no grant.
func settle(in Input, due []Deletion) (ledger Ledger, fresh []Deletion) {
	isDue, pairDue := map[key]bool{}, map[[2]string]bool{}
	for _, d := range due {
		isDue[d.key()], pairDue[[2]string{d.Cluster, d.Addon}] = true, true
	}
	granted, open, ended := map[key]bool{}, map[string]bool{}, map[string]bool{}
	spent := slices.Clone(in.Ledger.Spent)
	last := latest(in)
	for _, g := range in.Ledger.Grants {
		switch {
		case granted[g.key()]:
		case isDue[g.key()] && (g.Approval == "" || in.Policy.Approved[g.Approval]):
			granted[g.key()], open[g.Approval] = true, true
			ledger.Grants = append(ledger.Grants, g)
		case g.Approval != "":
			ended[g.Approval] = true
		case !pairDue[[2]string{g.Cluster, g.Addon}]:
			// Whether it was carried out or undone is not known, nor when: not later than now.
			spent = append(spent, Spent{Addon: g.Addon, At: last, Count: 1})
		}
	}
	for _, d := range due {
		if !granted[d.key()] {
			fresh = append(fresh, d)
		}
	}
	ledger.Spent = counted(spent, in.Now)
	for _, hash := range in.Ledger.Used {
		ended[hash] = true
	}
	for hash := range ended {
		if in.Policy.Approved[hash] && !open[hash] {
			ledger.Used = append(ledger.Used, hash)
		}
	}
	slices.Sort(ledger.Used)
	return ledger, fresh
}

// latest is now, or the last time in the ledger: when the clock was set back, it will be set forward again, and what is spent
// meanwhile must not be free an hour after the wrong time.
func latest(in Input) time.Time {
	last := in.Now
	look := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	for _, g := range in.Ledger.Grants {
		look(g.At)
	}
	for _, s := range in.Ledger.Spent {
		look(s.At)
	}
	return last
}

// counted is the spending that still counts, one entry for each addon and minute. What is in the future counts too.
func counted(spent []Spent, now time.Time) (list []Spent) {
	type minute struct {
		addon string
		at    int64
	}
	sums := map[minute]int{}
	for _, s := range spent {
		at := s.At
		if most := now.Add(ahead); at.After(most) {
			at = most
		}
		at = at.UTC().Truncate(time.Minute)
		if s.Count > 0 && now.Before(at.Add(window)) {
			sums[minute{s.Addon, at.Unix()}] += s.Count
		}
	}
	for m, n := range sums {
		list = append(list, Spent{Addon: m.addon, At: time.Unix(m.at, 0).UTC(), Count: n})
	}
	slices.SortFunc(list, func(a, b Spent) int { return cmp.Or(strings.Compare(a.Addon, b.Addon), a.At.Compare(b.At)) })
	return list
}
