package resolve

import (
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Reasons for waiting.
const (
	CodeWaitingForDependency fault.Code = "WaitingForDependency"
	CodeNotAdmitted          fault.Code = "NotAdmitted"
	CodeGracePeriod          fault.Code = "GracePeriod"
	CodeDeletionDue          fault.Code = "DeletionDue"
)

// waitForPermit keeps what the cluster is not let to change, and says of every pair that stays behind the newest release why it does.
func (d *decision) waitForPermit(pairs []Pair) {
	if !d.waits && d.offer == d.newest {
		return
	}
	reasons := d.permit.Reasons
	if len(reasons) == 0 {
		reasons = []fault.Reason{fault.Reasonf(CodeNotAdmitted, "%s is not let to this cluster yet", d.newest.tag)}
	}
	for i := range pairs {
		p := &pairs[i]
		switch {
		case d.waits && p.Action == Install:
			p.Action, p.Element, p.Revision, p.part, p.waits, p.asks = Hold, nil, "", false, false, true
		case d.waits && p.Action == Move:
			d.putBack(p)
			p.part, p.waits = false, false
		case !d.waits && p.Action == Keep:
			p.Action = Hold
		default:
			continue
		}
		p.Wanted, p.Reasons = d.newest.tag, append(slices.Clone(reasons), p.keptReasons()...)
	}
}

// keptReasons are those of a pair that is kept, beside why it is not moved.
func (p *Pair) keptReasons() []fault.Reason {
	return slices.DeleteFunc(slices.Clone(p.Reasons), func(r fault.Reason) bool { return r.Code != CodeSettingsChanged && r.Code != CodeRelisted })
}

// putBack leaves a pair exactly as it is delivered.
func (d *decision) putBack(p *Pair) {
	p.Action, p.Element, p.Revision = Hold, nil, ""
	if have := d.has(p.Addon); have != nil {
		kept := d.s.keepPair(d.c.Name, *have)
		p.Element, p.Revision, p.Minor = kept.Element, kept.Revision, kept.Minor
		p.stays() // It was on its way out, perhaps, and is wanted again.
	}
}

// waitForDependencies lets a pair come or move only once everything it depends on is Synced and Healthy at the revision wanted.
func (d *decision) waitForDependencies(pairs []Pair) {
	if d.waits || d.hypothetical || !slices.ContainsFunc(pairs, func(p Pair) bool { return p.Action == Install || p.Action == Move }) {
		return
	}
	at := make(map[string]int, len(pairs))
	for i := range pairs {
		at[pairs[i].Addon] = i
	}
	w := waiting{d: d, pairs: pairs, at: at, why: make([]*wait, len(pairs))}
	for i := range pairs {
		if a := pairs[i].Action; a == Install || a == Move {
			w.reason(i)
		}
	}
	for i := range pairs {
		p := &pairs[i]
		if w.why[i] == nil || w.why[i].text == "" || p.Action != Install && p.Action != Move {
			continue
		}
		wanted := p.Wanted
		d.putBack(p)
		// What waits for a pair that is held has as little to do with the release as that has.
		p.Wanted, p.waits, p.part = wanted, true, p.part && !w.why[i].held
		p.Reasons = []fault.Reason{fault.Reasonf(CodeWaitingForDependency, "waits for %s", w.why[i].text)}
	}
}

// waiting finds out what each pair waits for.
type waiting struct {
	d     *decision
	pairs []Pair
	at    map[string]int
	// why is nil where it was not asked, and empty where nothing is in the way.
	why []*wait
}

// wait is what a pair waits for.
type wait struct {
	// text is the chain, "" for nothing.
	text string
	// held is set when the chain ends in a pair that is held.
	held bool
}

// reason is what a pair waits for. The catalog guarantees that dependencies have no circle.
func (w *waiting) reason(i int) wait {
	if w.why[i] != nil {
		return *w.why[i]
	}
	found := &wait{}
	w.why[i] = found
	n, offered := w.d.find(w.pairs[i].Addon)
	if !offered {
		return wait{}
	}
	for _, need := range w.d.offer.addons[n].DependsOn {
		j, has := w.at[need]
		if !has {
			*found = wait{need + ", which is not there", true}
			break
		}
		if state := w.state(j); state.text != "" {
			*found = wait{need + ", which " + state.text, state.held}
			break
		}
	}
	return *found
}

// state says why a dependency is not ready at the revision wanted; "" when it is.
func (w *waiting) state(j int) wait {
	p := &w.pairs[j]
	if p.Action == Install || p.Action == Move {
		if on := w.reason(j); on.text != "" {
			return wait{"waits for " + on.text, on.held}
		}
		return wait{"comes first (" + p.Wanted + ")", false}
	}
	switch {
	case p.Element == nil:
		return wait{"is held: " + firstMessage(p), true}
	case p.Action == Hold && p.Element.Release != w.d.offer.tag && w.d.pinOf(p.Addon) == nil:
		return wait{"is held at " + p.Element.Release + ": " + firstMessage(p), true}
	case !p.Ready():
		return wait{"is " + p.state() + ", not yet Synced and Healthy at " + p.Element.Release, false}
	}
	return wait{}
}

func firstMessage(p *Pair) string {
	if len(p.Reasons) == 0 {
		return "no reason is known"
	}
	return p.Reasons[0].Message
}

// clusterPin is the pin that the whole cluster stands at now; nil when there is none.
func (d *decision) clusterPin() *Pin {
	if pin := d.c.Orders.clusterPin(); pin != nil && d.now.Before(pin.Expires) && pin.Release == d.offer.tag {
		return pin
	}
	return nil
}

// pinOf is the pin of one addon that still counts: until it expires, and then until the cluster moves on, for what is there.
func (d *decision) pinOf(addon string) *Pin {
	pin := d.c.Orders.pin(addon)
	if pin == nil || addon == "" || !d.now.Before(pin.Expires) && (d.has(addon) == nil || !d.plan.Admitted.Since.Before(pin.Expires)) {
		return nil
	}
	return pin
}

// from is where an addon's Application comes from: the release that the cluster is let to, or the one it is pinned to.
func (d *decision) from(of *offered) (offering, *Pin, *fault.Reason) {
	pin := d.pinOf(of.Name)
	if pin == nil {
		return offering{d.offer, of}, nil, nil
	}
	tag, r := d.s.usable(pin, d.version.Minor)
	if r != nil {
		return offering{}, pin, r
	}
	o := d.s.offers[tag.String()]
	for i := range o.addons {
		if o.addons[i].Name == of.Name {
			return offering{o, &o.addons[i]}, pin, nil
		}
	}
	return offering{}, pin, reason(CodePinUnusable, "it is %s; that release does not offer %s", pin.said(), of.Name)
}

// usable is the release that a pin names, or why nothing can be pinned to it.
func (s *Snapshot) usable(pin *Pin, minor version.Minor) (release.Tag, *fault.Reason) {
	tag, err := release.ParseTag(pin.Release)
	switch {
	case err != nil:
		return tag, reason(CodePinUnusable, "%s; %v", pin.says(), err)
	case tag.Minor != minor:
		return tag, reason(CodePinUnusable, "%s, which is no release for Kubernetes %s; take the pin back, or pin it to one that is", pin.says(), minor)
	case s.offers[pin.Release] == nil:
		return tag, reason(CodePinUnusable, "%s; there is no usable release of that name. Take the pin back, or correct it", pin.says())
	}
	return tag, nil
}

// pinReason says why a pinned pair stays behind.
func (d *decision) pinReason(pin *Pin) fault.Reason {
	if !d.now.Before(pin.Expires) {
		return fault.Reasonf(CodePinExpired, "it was %s; it goes on with the next release that reaches this cluster", pin.said())
	}
	d.wakeAt(pin.Expires)
	return fault.Reasonf(CodePinned, "it is %s", pin.said())
}

// pinProblems warns of pins that ended.
func pinProblems(c *Cluster, now time.Time) (problems []fault.Problem) {
	for _, pin := range c.Orders.expired(now) {
		what := "the cluster"
		if pin.Addon != "" {
			what = pin.Addon
		}
		problems = append(problems, fault.Problem{
			Code: CodePinExpired, Where: "ClusterAddons " + c.Name,
			Message: "the pin of " + what + " to " + pin.Release + " by " + pin.Owner + " ended at " + formatTime(pin.Expires) + " (" + pin.Reason + "); take it back with `" + strings.TrimSpace("addon-manager unpin "+c.Name+" "+pin.Addon) + "`, or pin it again",
		})
	}
	return problems
}
