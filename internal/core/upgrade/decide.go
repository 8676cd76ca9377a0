package upgrade

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Decide decides. It is total: what cannot be decided is a problem of its addon. The order of branches, addons and listings makes no difference.
func Decide(r Request) Plan {
	d := newDecider(r)
	d.decide()
	return d.plan()
}

// Wanted are the versions that must be described before Decide can choose among them: newest first, not more than it takes, at most maxDescribed of a
// source. It is asked again after they were, until there are none. One that cannot be described is taken out of its listing.
func Wanted(r Request) []Release {
	d := newDecider(r)
	d.decide()
	all := make([]Release, 0, len(d.wanted))
	for release := range d.wanted {
		all = append(all, release)
	}
	slices.SortFunc(all, func(a, b Release) int {
		order, _ := upstream.Compare(b.Version, a.Version)
		return cmp.Or(compareSources(a.Source, b.Source), order, cmp.Compare(a.Version, b.Version))
	})
	return all
}

func compareSources(a, b upstream.Source) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Name, b.Name))
}

// decider makes one decision.
type decider struct {
	Request
	offers      map[upstream.Source]*offer
	constraints map[string]*semver.Constraints
	ignored     map[ignoredOn][]Ignored
	group       map[string]string
	wanted      map[Release]bool
	found       map[Problem]map[string]bool
	remarks     map[Problem]map[string]bool
	// main are main's slots, others those of release branches by minor, all in the order of addons and pins.
	main, others []*slot
}

type ignoredOn struct {
	branch string
	source upstream.Source
}

func newDecider(r Request) *decider {
	d := &decider{
		Request: r, offers: map[upstream.Source]*offer{}, constraints: map[string]*semver.Constraints{}, ignored: map[ignoredOn][]Ignored{}, group: map[string]string{},
		wanted: map[Release]bool{}, found: map[Problem]map[string]bool{}, remarks: map[Problem]map[string]bool{},
	}
	for _, i := range r.Ignored {
		on := ignoredOn{i.Branch, i.Source}
		d.ignored[on] = append(d.ignored[on], i)
	}
	for _, list := range d.ignored {
		slices.SortFunc(list, func(a, b Ignored) int {
			return cmp.Or(cmp.Compare(a.Pull, b.Pull), cmp.Compare(a.Version, b.Version), first(b.Major, a.Major), cmp.Compare(a.By, b.By))
		})
	}
	for _, g := range r.Rules.Groups {
		for _, a := range g.Addons {
			d.group[a] = g.Name
		}
	}
	d.Branches = slices.Clone(r.Branches)
	slices.SortFunc(d.Branches, func(a, b Branch) int { return compareBranches(a, b) })
	return d
}

func compareBranches(a, b Branch) int {
	return cmp.Or(slices.CompareFunc(a.Minors, b.Minors, version.Minor.Compare), cmp.Compare(a.Name, b.Name))
}

// decide fills the slots.
func (d *decider) decide() {
	rules := map[string]catalog.Upstream{}
	for _, a := range d.Main.Addons {
		rules[a.Name] = a.Upstream
	}
	d.main = d.slots(&d.Main, rules)
	for _, s := range d.main {
		if d.choose(s); s.best != nil || s.renewed != nil {
			s.fate = own
		}
	}
	for i := range d.Branches {
		for _, s := range d.slots(&d.Branches[i], rules) {
			s.main = d.counterpart(s)
			d.choose(s)
			s.fate = s.afterMain()
			d.others = append(d.others, s)
		}
	}
	d.part()
}

// slots are the pins of a branch that can be followed.
func (d *decider) slots(b *Branch, rules map[string]catalog.Upstream) (all []*slot) {
	addons := slices.Clone(b.Addons)
	slices.SortStableFunc(addons, func(a, b Addon) int { return cmp.Compare(a.Name, b.Name) })
	for i := range addons {
		a := &addons[i]
		minors := slices.DeleteFunc(slices.Clone(b.Minors), func(m version.Minor) bool { return !a.Kubernetes.HoldsSome(m) })
		if len(minors) == 0 {
			continue
		}
		for _, p := range a.Problems {
			d.problem(&slot{branch: b, addon: a}, p)
		}
		if b != &d.Main && len(a.Pins) > 0 && d.unclear(a.Name) {
			d.problem(&slot{branch: b, addon: a}, fmt.Sprintf("nothing is proposed for it before %s is right: there nothing of it can be followed", d.Main.Name))
			continue
		}
		for _, p := range a.Pins {
			s := &slot{branch: b, addon: a, pin: p, minors: minors, current: p.Version}
			var known bool
			if s.rules, known = rules[a.Name]; !known {
				s.rules = a.Upstream
			}
			if d.start(s) {
				all = append(all, s)
			}
		}
	}
	return all
}

// unclear tells of addons of which main has nothing that can be followed, because something is wrong there. What their release branches have from elsewhere is
// not proposed to each of them meanwhile: as soon as main is right again, it comes from there.
func (d *decider) unclear(addon string) bool {
	return slices.ContainsFunc(d.Main.Addons, func(a Addon) bool { return a.Name == addon && len(a.Pins) == 0 && len(a.Problems) > 0 })
}

// start finds out what a pin's source offers, and whether it can be followed at all.
func (d *decider) start(s *slot) bool {
	source := s.pin.Source
	if s.pin.Version == "" {
		return false // Find says why.
	}
	if !version.Published(s.pin.Version) {
		d.problem(s, fmt.Sprintf("%s is pinned to %s, which is no version: write one that is", title(source), quote(s.pin.Version)))
		return false
	}
	listing, asked := d.Listings[source]
	if !asked {
		return false
	}
	if d.offers[source] == nil {
		d.offers[source] = newOffer(source, listing)
	}
	s.offer = d.offers[source]
	if s.offer.Remark != "" {
		d.note(d.remarks, s, s.offer.Remark)
	}
	switch {
	case s.offer.Problem != "":
		d.problem(s, s.offer.Problem)
		return false
	case s.pin.App && s.pin.Digest != "":
		d.problem(s, fmt.Sprintf("its images have digests beside the tag %s, which %s knows nothing of: name the image as upstream, or remove the digests", s.pin.Version, title(source)))
		return false
	case len(s.offer.versions) == 0:
		d.problem(s, title(source)+" has no versions any more: look where its owner publishes them now")
		return false
	}
	if n := len(s.offer.hostile); n > 0 {
		d.problem(s, fmt.Sprintf("%s has %s that are none, such as %s: they are left out", title(source), count(n, "version"), quote(s.offer.hostile[0])))
	}
	if s.pin.App {
		return d.follow(s)
	}
	return d.listed(s)
}

// listed looks for the current version among those that the source has.
func (d *decider) listed(s *slot) bool {
	var is bool
	s.was, is = s.offer.find(s.current)
	_, orderly := upstream.Compare(s.current, s.current)
	if is && (orderly || s.pin.Digest != "") {
		return true // Without an order, another content under the same name is all that can be found.
	}
	older, comparable := 0, 0
	for _, v := range s.offer.versions {
		if order, ok := upstream.Compare(v.Name, s.current); ok {
			if comparable++; order < 0 {
				older++
			}
		}
	}
	source := s.pin.Source
	switch {
	case comparable == 0:
		d.problem(s, fmt.Sprintf("none of the %s of %s can be compared with %s: pin one of them", count(len(s.offer.versions), "version"), title(source), s.current))
		return false
	case source.Kind == upstream.GitHub && older == 0:
		// Only the last few hundred releases of a repository are asked for.
	default:
		d.problem(s, fmt.Sprintf("version %s of %s is not there any more: its publisher took it back, so move to another", s.current, title(source)))
	}
	return true
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// counterpart is what main has in place of a branch's pin; of several versions of the same thing the same one, or else the first.
func (d *decider) counterpart(s *slot) (found *slot) {
	for _, m := range d.main {
		if m.same(s) && (found == nil || m.current == s.current && found.current != s.current) {
			found = m
		}
	}
	return found
}

// afterMain is what becomes of a release branch's slot, given what main has and gets. What main has and the branch can run comes by a pick.
func (s *slot) afterMain() fate {
	m := s.main
	switch {
	case s.best == nil && s.renewed == nil:
		return nothing
	case m == nil:
		return own
	case s.best == nil:
		if m.current == s.current && m.pin.Digest != "" {
			return pick
		}
		return own
	}
	if s.apart != nil && s.apart.Name == m.current {
		s.apart = nil
	}
	if s.best.Name == m.target() || s.best.Name == m.current {
		return pick
	}
	return own
}

// problem is told once for an addon, with the branch where it concerns one release branch only.
func (d *decider) problem(s *slot, message string) { d.note(d.found, s, message) }

func (d *decider) note(into map[Problem]map[string]bool, s *slot, message string) {
	p := Problem{Addon: s.addon.Name, Message: message}
	if into[p] == nil {
		into[p] = map[string]bool{}
	}
	into[p][s.branch.Name] = true
}

func (d *decider) lines(from map[Problem]map[string]bool) []Problem {
	all := make([]Problem, 0, len(from))
	for p, branches := range from {
		if len(branches) == 1 && !branches[d.Main.Name] {
			for b := range branches {
				p.Branch = b
			}
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Addon, b.Addon), strings.Compare(a.Branch, b.Branch), strings.Compare(a.Message, b.Message))
	})
	return all
}
