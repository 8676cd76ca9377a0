package upgrade

import (
	"cmp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// part is what one pull request proposes: changes of an addon, or of the addons of a group. Steps to a new major version are in one of their own for each
// addon.
type part struct {
	branch *Branch
	unit   string
	major  bool
	pieces []piece
}

// piece is a change of a slot.
type piece struct {
	slot *slot
	Change
}

func (d *decider) unit(s *slot, c Change) (name string, major bool) {
	if c.Size == upstream.Major {
		return s.addon.Name, true
	}
	return cmp.Or(d.group[s.addon.Name], s.addon.Name), false
}

// parts divide the changes of slots of one branch.
func (d *decider) parts(slots []*slot) (all []*part) {
	for _, s := range slots {
		for _, c := range s.changes() {
			unit, major := d.unit(s, c)
			i := slices.IndexFunc(all, func(p *part) bool { return p.branch == s.branch && p.unit == unit && p.major == major })
			if i < 0 {
				i = len(all)
				all = append(all, &part{branch: s.branch, unit: unit, major: major})
			}
			all[i].pieces = append(all[i].pieces, piece{s, c})
		}
	}
	return all
}

// part finds out which of main's pull requests must not be picked to which branches. A pick takes all of a pull request or nothing: of one that a branch cannot
// take whole, it gets what it can run in a pull request of its own.
func (d *decider) part() {
	parts := d.parts(d.main)
	for again := true; again; {
		again = false
		for _, s := range d.others {
			if s.fate == pick && d.blocked(partOf(parts, s.main, s.target()), s.branch) != "" {
				s.fate, again = own, true
			}
		}
	}
}

// partOf is the one in which a slot of main moves to a version; nil where it has that already.
func partOf(parts []*part, s *slot, version string) *part {
	for _, p := range parts {
		if p.piece(s, version) != nil {
			return p
		}
	}
	return nil
}

func (p *part) piece(s *slot, version string) *piece {
	i := slices.IndexFunc(p.pieces, func(c piece) bool { return c.slot == s && c.To == version })
	if i < 0 {
		return nil
	}
	return &p.pieces[i]
}

// blocked says why a part of main's must not be picked to a branch, empty when it may.
func (d *decider) blocked(p *part, b *Branch) string {
	if p == nil {
		return ""
	}
	instead := ""
	for _, c := range p.pieces {
		for _, s := range d.others {
			if s.branch != b || s.main != c.slot {
				continue
			}
			if why := s.against(c.Change); why != "" {
				if len(p.pieces) > 1 {
					why = c.name(p) + ": " + why
				}
				return why
			}
			// The very version may come by the pick, too: once main has it, the branch's own pull request gives way, and the label would keep it away for good.
			if s.fate == own && !s.proposes(c.To) {
				instead = "it has a pull request of its own"
			}
		}
	}
	return instead
}

// proposes tells whether a version is the newest that a slot moves to.
func (s *slot) proposes(version string) bool {
	return s.best != nil && s.best.Name == version
}

// name tells a piece from the others of its part.
func (c piece) name(p *part) string {
	if slices.ContainsFunc(p.pieces, func(o piece) bool { return o.Addon != c.Addon }) {
		return c.Addon
	}
	return bare(short(c.Pin.Source))
}

// against says why a slot of a release branch must not get a change of main's.
func (s *slot) against(c Change) string {
	if newer(s.current, c.To) {
		return "it has " + s.current + " already, which is newer"
	}
	if r := s.refusal(c.To); r != nil {
		return r.Reason
	}
	return ""
}

// takes tells whether a branch gets anything from a part of main's.
func (d *decider) takes(p *part, b *Branch) bool {
	for _, c := range p.pieces {
		for _, s := range d.others {
			if s.branch == b && s.main == c.slot && s.fate == pick && (newer(c.To, s.current) || c.Size == upstream.Digest && s.renewed != nil) {
				return true
			}
		}
	}
	return false
}

// reach tells to which branches a part of main's comes, and to which it must not.
func (d *decider) reach(p *part) (comes []string, not []Not) {
	if p.branch != &d.Main {
		return nil, nil
	}
	for i := range d.Branches {
		b := &d.Branches[i]
		switch why := d.blocked(p, b); {
		case why != "":
			not = append(not, Not{Branch: b.Name, Reason: why})
		case d.takes(p, b):
			comes = append(comes, b.Name)
		}
	}
	return comes, not
}

// proposals are the pull requests.
func (d *decider) proposals() (all []Proposal) {
	slots := slices.Concat(d.main, d.others)
	rank := map[*Branch]int{&d.Main: -1}
	for i := range d.Branches {
		rank[&d.Branches[i]] = i
	}
	parts := d.parts(slots)
	for _, p := range parts {
		o := Proposal{Unit: p.unit, Branch: p.branch.Name, Head: Prefix + p.branch.Name + "/" + p.unit, Major: p.major, Refused: map[string][]Refused{}}
		if p.major {
			o.Head += major
		}
		to := map[*slot]string{}
		for _, c := range p.pieces {
			o.Changes = append(o.Changes, c.Change)
			o.Security = o.Security || c.Security
			to[c.slot] = c.To
		}
		for _, s := range slots {
			addon := s.addon.Name
			if s.branch == p.branch && slices.ContainsFunc(p.pieces, func(c piece) bool { return c.Addon == addon }) {
				refused := s.over(cmp.Or(to[s], s.current))
				if s.apart != nil && s.best != nil && to[s] == s.apart.Name {
					// Whoever reads of the smaller step asks for the other one.
					i := len(s.over(s.best.Name))
					refused = slices.Insert(refused, i, Refused{Version: s.best.Name, Reason: "it is a new major, which is proposed by itself"})
				}
				if len(refused) > 0 {
					o.Refused[addon] = append(o.Refused[addon], d.several(s, refused)...)
				}
			}
		}
		o.Comes, o.Not = d.reach(p)
		all = append(all, o)
	}
	branch := map[string]int{}
	for _, p := range parts {
		branch[p.branch.Name] = rank[p.branch]
	}
	slices.SortStableFunc(all, func(a, b Proposal) int {
		return cmp.Or(first(a.Security, b.Security), cmp.Compare(largest(a), largest(b)), cmp.Compare(branch[a.Branch], branch[b.Branch]), strings.Compare(a.Head, b.Head))
	})
	return all
}

// largest orders proposals by their largest step.
func largest(p Proposal) (size int) {
	for _, c := range p.Changes {
		size = max(size, slices.Index([]upstream.Size{upstream.Digest, upstream.Patch, upstream.Minor, upstream.Major}, c.Size))
	}
	return size
}

// over are the refused versions that are newer than one.
func (s *slot) over(version string) (all []Refused) {
	for _, r := range s.refused {
		if newer(r.Version, version) {
			all = append(all, r)
		}
	}
	return all
}

// several names what versions are of, where the addon has more than one source.
func (d *decider) several(s *slot, all []Refused) []Refused {
	if !slices.ContainsFunc(s.addon.Pins, func(p upstream.Pin) bool { return p.Source != s.pin.Source }) {
		return all
	}
	all = slices.Clone(all)
	for i := range all {
		all[i].Of = bare(short(s.pin.Source))
	}
	return all
}
