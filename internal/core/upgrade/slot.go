package upgrade

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// slot is one pin of an addon on a branch, and what is decided of it.
type slot struct {
	branch *Branch
	addon  *Addon
	// rules are what main's catalog says of the addon.
	rules catalog.Upstream
	pin   upstream.Pin
	// minors are those of the branch that the addon is offered for.
	minors []version.Minor
	offer  *offer
	// current is the source's version; the pin has it, or with Pin.App the application's version in it. Was is what the source says of it.
	current string
	was     upstream.Version
	// main is the same pin on main; nil on main itself, and where main has none.
	main *slot

	// best is the newest version that can be proposed, apart the newest of the same major version where best is of another. Renewed is the current one with
	// another content.
	best, apart, renewed *upstream.Version
	// refused are the newer ones that cannot, newest first.
	refused []Refused
	// waits tells that nothing is decided before more is known.
	waits bool
	fate  fate
}

// fate is what becomes of a slot.
type fate int

const (
	// nothing is newer, or can be proposed.
	nothing fate = iota
	// own is an entry, and a pull request, on the slot's branch.
	own
	// pick brings main's version.
	pick
)

// asksFor tells whether nothing can be said of a version by its name alone.
func (s *slot) asksFor() bool {
	return s.pin.Source.Kind == upstream.Helm || s.pin.Source.Kind == upstream.Image && s.pin.Digest != ""
}

// same tells of the same thing on another branch.
func (s *slot) same(o *slot) bool {
	if s.addon.Name != o.addon.Name || s.pin.Source != o.pin.Source || s.pin.App != o.pin.App {
		return false
	}
	_, comparable := upstream.Compare(s.current, o.current)
	return comparable || s.current == o.current
}

// target is what main has or gets.
func (s *slot) target() string {
	if s.best != nil {
		return s.best.Name
	}
	return s.current
}

// newer tells whether a version is newer than another. What cannot be compared is not.
func newer(a, b string) bool {
	order, comparable := upstream.Compare(a, b)
	return comparable && order > 0
}

// choose decides a slot on its own. A release branch never gets what main does not get.
func (d *decider) choose(s *slot) {
	if s.main != nil && s.main.waits {
		return
	}
	candidates := s.offer.after(s.current)
	described, whole := 0, true
	for i, v := range candidates {
		if s.best != nil && upstream.Step(s.current, v.Name) == upstream.Major {
			continue // Best is newer, and another pull request is only for those who do not want that step.
		}
		if s.main != nil && newer(v.Name, s.main.target()) {
			if why := s.main.refusal(v.Name); why != nil {
				s.refused = append(s.refused, *why)
			}
			continue
		}
		r, known := d.refuse(s, v)
		if !known {
			// The more were of no use, the more are asked about at a time.
			s.waits = d.want(s, candidates[i:], described+1)
			whole = false
			break
		}
		if r.Reason != "" {
			s.refused = append(s.refused, r)
			if s.asksFor() && v.Described && d.unwanted(s, v) == "" {
				described++
			}
			continue
		}
		if !v.Described {
			d.ask(s.offer, v.Name) // For its notes.
		}
		if s.best != nil {
			s.apart = &v
			break
		}
		if s.best = &v; upstream.Step(s.current, v.Name) != upstream.Major {
			break
		}
	}
	if s.best == nil && whole {
		d.renew(s)
	}
	d.deprecation(s, candidates)
}

// refusal is what a slot refuses a version for.
func (s *slot) refusal(version string) *Refused {
	i := slices.IndexFunc(s.refused, func(r Refused) bool { return r.Version == version })
	if i < 0 {
		return nil
	}
	return &s.refused[i]
}

// renew finds out whether another content is under the tag of an image by now. Of charts and files that would be an attack, or a mistake.
func (d *decider) renew(s *slot) {
	v := s.was
	switch {
	case s.pin.Digest == "" || v.Name == "" || s.pin.App:
		return
	case s.pin.Source.Kind == upstream.Image && !v.Described:
		d.ask(s.offer, v.Name)
		return
	}
	content := v.Digest
	if a := asset(v, s.pin.Source.Name); s.pin.Source.Kind == upstream.GitHub {
		if content = ""; a != nil {
			content = a.Digest
		}
	}
	switch {
	case content == "" || content == s.pin.Digest:
	case s.pin.Source.Kind == upstream.Image:
		if r := d.unwanted(s, v); r == "" {
			s.renewed = &v
		}
	case s.pin.Source.Kind != upstream.Git:
		d.problem(s, fmt.Sprintf("version %s of %s was replaced by another content under the same name, which is never taken: ask its publisher why", s.current, title(s.pin.Source)))
	}
}

// deprecation tells of a source that its owner gives up: its newest version says so.
func (d *decider) deprecation(s *slot, candidates []upstream.Version) {
	newest := s.was
	if len(candidates) > 0 {
		newest = candidates[0]
	}
	switch {
	case newest.Deprecated:
		d.problem(s, title(s.pin.Source)+" is deprecated by its owner: look for its successor")
	case newest.Name != "" && !newest.Described && s.pin.Source.Kind == upstream.Helm:
		d.ask(s.offer, newest.Name)
	}
}

// want asks about the next few of some versions, and tells whether it could.
func (d *decider) want(s *slot, candidates []upstream.Version, few int) (could bool) {
	for _, v := range candidates {
		if v.Described || d.unwanted(s, v) != "" {
			continue
		}
		if few == 0 {
			break
		}
		if !d.ask(s.offer, v.Name) {
			d.problem(s, fmt.Sprintf("only the newest %d versions of %s were looked at, and not all that are newer than %s are among them: name those wanted in upstream.only", maxDescribed, title(s.pin.Source), s.current))
			break
		}
		few, could = few-1, true
	}
	return could
}

// ask has one version described, unless there were too many.
func (d *decider) ask(o *offer, version string) bool {
	r := Release{o.source, version}
	if d.wanted[r] {
		return true
	}
	if o.described >= maxDescribed {
		return false
	}
	o.described++
	d.wanted[r] = true
	return true
}

// change is the step to a version.
func (s *slot) change(v upstream.Version, apart bool) Change {
	c := Change{
		Addon: s.addon.Name, Pin: s.pin, From: s.current, To: v.Name, Write: v.Name, Size: upstream.Step(s.current, v.Name), Apart: apart, Version: v, Was: s.was,
	}
	switch {
	case s.pin.App:
		c.Write, _ = s.writes(v)
	case s.pin.Digest == "":
	case s.pin.Source.Kind == upstream.GitHub:
		if a := asset(v, s.pin.Source.Name); a != nil {
			c.Digest = a.Digest
		}
	default:
		c.Digest = v.Digest
	}
	if v.Name == s.was.Name {
		c.From, c.To, c.Write, c.Size = s.pin.Version, s.pin.Version, s.pin.Version, upstream.Digest
		return c
	}
	for _, fix := range s.offer.versions {
		c.Security = c.Security || fix.Security && newer(fix.Name, s.current) && !newer(fix.Name, v.Name)
	}
	return c
}

// changes are the steps of a slot that has an entry of its own.
func (s *slot) changes() (all []Change) {
	if s.fate != own {
		return nil
	}
	for _, v := range []*upstream.Version{s.best, s.renewed} {
		if v != nil {
			all = append(all, s.change(*v, false))
		}
	}
	if s.apart != nil {
		all = append(all, s.change(*s.apart, true))
	}
	return all
}

// writes is what images of an addon get for a version of what they follow, and why not.
func (s *slot) writes(v upstream.Version) (tag, reason string) {
	app := v.Name
	if s.pin.Source.Kind == upstream.Helm {
		if app = v.App; app == "" {
			return "", "it does not say which version of the application it has"
		}
	}
	if app = strings.TrimPrefix(app, "v"); strings.HasPrefix(s.pin.Version, "v") {
		app = "v" + app
	}
	order, comparable := upstream.Compare(app, s.pin.Version)
	switch {
	case !version.Published(app):
		return "", fmt.Sprintf("it says that its application has version %s, which is none", quote(app))
	case !comparable:
		return "", fmt.Sprintf("its application's version %s cannot be compared with %s", app, s.pin.Version)
	case order <= 0:
		return "", fmt.Sprintf("its application's version %s is not newer than %s", app, s.pin.Version)
	}
	return app, ""
}

// follow finds the version of a source that an addon's images are of: the newest that says so.
func (d *decider) follow(s *slot) (found bool) {
	tag := strings.TrimPrefix(s.pin.Version, "v")
	is := func(v string) bool { return strings.TrimPrefix(v, "v") == tag }
	all := s.offer.ordered()
	for i, v := range all {
		helm := s.pin.Source.Kind == upstream.Helm
		switch {
		case helm && !v.Described:
			d.more(s, all[i:])
			return false
		case helm && is(v.App), !helm && is(v.Name):
			s.current, s.was = v.Name, v
			return true
		}
	}
	for _, v := range all {
		if is(v.Name) {
			s.current, s.was = v.Name, v
			return true
		}
	}
	d.problem(s, fmt.Sprintf("nobody can tell which version of %s its images (tag %s) are", title(s.pin.Source), s.pin.Version))
	return false
}

// more asks about the next few versions that images may be of.
func (d *decider) more(s *slot, all []upstream.Version) {
	asked := 0
	for _, v := range all {
		if v.Described {
			continue
		}
		if asked == 8 {
			return
		}
		if !d.ask(s.offer, v.Name) {
			if asked == 0 {
				d.problem(s, fmt.Sprintf("nobody can tell which version of %s its images (tag %s) are: only the newest %d were looked at", title(s.pin.Source), s.pin.Version, maxDescribed))
			}
			return
		}
		asked++
	}
}
