package upgrade

import (
	"cmp"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// plan writes down what was decided.
func (d *decider) plan() Plan {
	p := Plan{Upgrades: []Upgrade{}, Held: []Upgrade{}, Problems: d.lines(d.found), Remarks: d.lines(d.remarks), Proposals: d.proposals()}
	parts := d.parts(d.main)
	slots := slices.Concat(d.main, d.others)
	// By addon, then branch: slots are in the order of branches already.
	slices.SortStableFunc(slots, func(a, b *slot) int { return cmp.Compare(a.addon.Name, b.addon.Name) })
	for len(slots) > 0 {
		n := 1
		for n < len(slots) && slots[n].addon.Name == slots[0].addon.Name && slots[n].branch == slots[0].branch {
			n++
		}
		u := d.upgrade(slots[:n], parts)
		switch {
		case len(u.Changes) > 0:
			p.Upgrades = append(p.Upgrades, u)
		case u.From != "":
			p.Held = append(p.Held, u)
		}
		slots = slots[n:]
	}
	return p
}

// upgrade is the entry of an addon on a branch. From is empty when there is nothing to tell.
func (d *decider) upgrade(slots []*slot, parts []*part) Upgrade {
	s := slots[0]
	u := Upgrade{Addon: s.addon.Name, Group: d.group[s.addon.Name], Branch: s.branch.Name, Refused: []Refused{}, Changes: []Change{}}
	for _, s := range slots {
		changes := s.changes()
		if len(changes) > 0 && len(u.Changes) == 0 {
			u.From, u.To = changes[0].From, changes[0].To
			if c := changes[0]; c.Size == upstream.Digest {
				u.From, u.To = c.From+"@"+c.Pin.Digest, c.To+"@"+c.Digest
			}
		}
		u.Changes = append(u.Changes, changes...)
		if s.offer.Remark != "" && !slices.Contains(u.Remarks, s.offer.Remark) {
			u.Remarks = append(u.Remarks, s.offer.Remark)
		}
	}
	for _, s := range slots {
		to := s.current
		if s.best != nil {
			to = s.best.Name
		}
		refused := s.over(to)
		if s.fate != own && !s.held(refused) {
			continue
		}
		if u.From == "" {
			u.From = s.current
		}
		u.Refused = append(u.Refused, d.several(s, refused)...)
	}
	if s.branch == &d.Main {
		u.Comes, u.Not = d.whole(u, slots, parts)
	}
	return u
}

// held tells whether a slot has newer versions, and none that can be proposed. What main does not get either is told there.
func (s *slot) held(refused []Refused) bool {
	return s.fate == nothing && slices.ContainsFunc(refused, func(r Refused) bool { return s.main == nil || !newer(r.Version, s.main.target()) })
}

// whole tells to which branches all that is newest of an addon comes, and to which not.
func (d *decider) whole(u Upgrade, slots []*slot, parts []*part) (comes []string, not []Not) {
	for i := range d.Branches {
		b := &d.Branches[i]
		var why string
		takes := false
		for _, c := range u.Changes {
			if c.Apart {
				continue
			}
			for _, s := range slots {
				if p := partOf(parts, s, c.To); p != nil && c.Pin.Source == s.pin.Source {
					why, takes = cmp.Or(why, d.blocked(p, b)), takes || d.takes(p, b)
				}
			}
		}
		switch {
		case why != "":
			not = append(not, Not{Branch: b.Name, Reason: why})
		case takes:
			comes = append(comes, b.Name)
		}
	}
	return comes, not
}
