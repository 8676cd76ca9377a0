package resolve_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// What must hold over time.
var (
	errGrace     = errors.New("a pair leaves before its grace is over")
	errUngranted = errors.New("something is deleted that nobody granted")
	errBudget    = errors.New("more is deleted within an hour than the budget allows")
	errApproval  = errors.New("an approval lets through what it does not name")
	errForgotten = errors.New("objects are left on a cluster, and nothing lists them")
	errGate      = errors.New("a gate opens without evidence")
	errOvertakes = errors.New("a group overtakes another")
	errSlots     = errors.New("more clusters are on the way than the group allows")
	errStuck     = errors.New("nothing is in the way, and yet it does not arrive")
)

// moment is one decision of a history.
type moment struct {
	*history
	fleet
	clusters map[string]resolve.Cluster
	plans    map[string]*resolve.ClusterPlan
}

// check holds one decision against what is true of the world. on are the pairs that are not on their way out.
func (h *history) check(in resolve.Input, plan resolve.Plan) (on []resolve.PairKey, err error) {
	m := moment{history: h, fleet: fleet{in: in, plan: plan, decide: h.decide}, clusters: map[string]resolve.Cluster{}, plans: map[string]*resolve.ClusterPlan{}}
	for _, c := range in.Clusters {
		m.clusters[c.Name] = c
	}
	for i := range plan.Clusters {
		m.plans[plan.Clusters[i].Name] = &plan.Clusters[i]
	}
	checks := []func(fleet) error{stableNames, heldStays, staysListed}
	if h.draw(8) == 0 {
		checks = append(checks, pure)
	}
	for _, check := range checks {
		if err := check(m.fleet); err != nil {
			return nil, err
		}
	}
	if on, err = m.leaves(); err != nil {
		return nil, err
	}
	for _, check := range []func() error{m.revisions, m.dependencies, m.order, m.slots} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return on, nil
}

// release finds one by its tag.
func (m moment) release(tag string) *resolve.SourceRelease {
	for i := range m.in.Source.Releases {
		if r := &m.in.Source.Releases[i]; r.Tag.String() == tag {
			return r
		}
	}
	return nil
}

// newest is the newest release of a minor that may be used; nil for none.
func (m moment) newest(minor version.Minor) (best *resolve.SourceRelease) {
	for i := range m.in.Source.Releases {
		r := &m.in.Source.Releases[i]
		if r.Tag.Minor == minor && r.Refused == nil && !m.in.Policy.Rollout.RolledBack[r.Tag.String()] && (best == nil || r.Tag.N > best.Tag.N) {
			best = r
		}
	}
	return best
}

// undecided tells that nothing may change on a cluster.
func (m moment) undecided(c resolve.Cluster) bool {
	return c.Gone || c.Hold != nil || c.Paused || m.in.Policy.Paused || m.in.Source.Unavailable != nil || m.newest(c.ReportedVersion.Minor) == nil
}

func (m moment) givenUp(c resolve.Cluster) bool {
	return c.Orders.Decommission != nil && !c.Paused && !m.in.Policy.Paused
}

// by is the release that a cluster is decided by; nil when there is none.
func (m moment) by(c resolve.Cluster) *resolve.SourceRelease {
	at := m.plans[c.Name].Admitted.Release
	if at == "" { // With the ApplicationSet gone, only the Applications tell.
		at = m.before(c)
	}
	if r := m.release(at); r != nil && r.Refused == nil && r.Tag.Minor == c.ReportedVersion.Minor {
		return r
	}
	return m.newest(c.ReportedVersion.Minor)
}

// off reports whether a person, or a newer release, wants a pair away.
func (m moment) off(c resolve.Cluster, d resolve.Delivered) bool {
	label, set := c.Labels[catalog.LabelPrefix+d.Addon]
	by := m.by(c)
	a := addonOf(by.Catalog, d.Addon)
	from := mustTag(d.Release)
	if a == nil {
		if from.Minor == by.Tag.Minor {
			return from.N < by.Tag.N || from.N > by.Tag.N && label == "disabled"
		}
		return from.Minor.Compare(by.Tag.Minor) < 0
	}
	switch {
	case a.Enabled != catalog.Always && label == "disabled":
		return true
	case !a.Kubernetes.Holds(c.ReportedVersion) && from.Minor.Compare(by.Tag.Minor) <= 0:
		return true // Whatever a misspelt label was to mean, or somebody adopted: nobody can have it here.
	case a.Enabled == catalog.Optional && !set:
		return !slices.Contains(c.Orders.Adopt, d.Addon)
	}
	return false
}

// leaves checks that what goes may go: it was switched off for as long as its grace, nothing that stays needs it, and the deletion is granted.
func (m moment) leaves() (on []resolve.PairKey, err error) {
	err = m.each(func(d resolve.Delivered, p *resolve.Pair) error {
		c := m.clusters[p.Cluster]
		key := resolve.PairKey{Cluster: p.Cluster, Addon: p.Addon}
		if m.givenUp(c) {
			return nil
		}
		off := false
		if !m.undecided(c) {
			if off = m.off(c, d); off {
				if _, known := m.offSince[key]; !known {
					m.offSince[key] = m.in.Now
				}
			} else {
				on = append(on, key)
			}
		}
		if !p.Delete && p.Element != nil {
			return nil
		}
		if !p.Delete && p.Action != resolve.Remove && p.Action != resolve.Release {
			return nil
		}
		if !off {
			return fmt.Errorf("%w: %s on %s: %+v", errLeaves, d.Addon, p.Cluster, p.Reasons)
		}
		for _, user := range m.plan.Pairs {
			if user.Cluster == p.Cluster && user.Delivered != "" && user.Action != resolve.Remove && user.Action != resolve.Release && m.needs(m.by(c).Catalog, user, d.Addon) {
				return fmt.Errorf("%w: %s on %s: %s needs it", errLeaves, d.Addon, p.Cluster, user.Addon)
			}
		}
		// One that is listed only, and not there, leaves nothing behind.
		if since := m.offSince[key]; d.Exists && m.in.Now.Sub(since) < graceOfAll-time.Second {
			return fmt.Errorf("%w: %s on %s, off since %s: %s", errGrace, d.Addon, p.Cluster, since, m.in.Now)
		}
		return nil
	})
	return on, err
}

// revisions checks that whatever is written anew is a usable release of the cluster's minor, and that which the cluster or the addon is let to.
func (m moment) revisions() error {
	had := map[string]resolve.Element{}
	for _, delivered := range m.in.Delivered {
		for _, d := range delivered {
			had[d.Application] = d.Element
		}
	}
	for _, p := range m.plan.Pairs {
		if p.Element == nil {
			continue
		}
		e := *p.Element
		if was := had[p.Application]; e.Revision == was.Revision && e.Commit == was.Commit || e.Revision == was.Commit && e.Commit == was.Commit && m.in.Source.RevisionTag {
			continue
		}
		refuse := func(why string) error {
			return fmt.Errorf("%w: %s on %s is told %s (%s): %s", errRevision, p.Addon, p.Cluster, e.Revision, e.Release, why)
		}
		c, r := m.clusters[p.Cluster], m.release(e.Release)
		switch {
		case m.undecided(c) || m.givenUp(c):
			return refuse("nothing may change there")
		case r == nil || r.Refused != nil:
			return refuse("there is no such release")
		case r.Tag.Minor != c.ReportedVersion.Minor:
			return refuse("the cluster runs " + c.ReportedVersion.Raw)
		case e.Commit != r.Commit || e.Revision != r.Commit && (e.Revision != e.Release || !m.in.Source.RevisionTag):
			return refuse("that is not what the release names")
		case e.Release != m.by(c).Tag.String() && !m.pinned(c, p.Addon):
			return refuse("the cluster is let to " + m.by(c).Tag.String())
		}
	}
	return nil
}

func (m moment) pinned(c resolve.Cluster, addon string) bool {
	for _, pin := range c.Orders.Pins {
		if pin.Addon == addon {
			return true
		}
	}
	return false
}

// proved tells that a pair was healthy in truth since it runs the release that it is told now.
func (m moment) proved(e *resolve.Element) bool {
	app, there := m.w.apps[e.Application]
	return there && !app.deleting && app.Release == e.Release && app.proved == e.Release
}

// dependencies checks that a pair comes or moves only when all that it needs is there and was healthy in truth.
func (m moment) dependencies() error {
	had, listed := map[string]resolve.Element{}, map[resolve.PairKey]*resolve.Pair{}
	for _, delivered := range m.in.Delivered {
		for _, d := range delivered {
			had[d.Application] = d.Element
		}
	}
	for i := range m.plan.Pairs {
		p := &m.plan.Pairs[i]
		listed[resolve.PairKey{Cluster: p.Cluster, Addon: p.Addon}] = p
	}
	for _, p := range m.plan.Pairs {
		c := m.clusters[p.Cluster]
		if p.Element == nil || p.Element.Release == had[p.Application].Release || m.givenUp(c) {
			continue
		}
		a := addonOf(m.by(c).Catalog, p.Addon)
		if a == nil {
			continue
		}
		for _, need := range a.DependsOn {
			on := listed[resolve.PairKey{Cluster: p.Cluster, Addon: need}]
			if on == nil || on.Element == nil || !m.proved(on.Element) || on.Element.Release != m.by(c).Tag.String() && !m.pinned(c, need) {
				return fmt.Errorf("%w: %s on %s goes to %s before %s, which it needs", errGate, p.Addon, p.Cluster, p.Element.Release, need)
			}
		}
	}
	return nil
}

// truth is where a cluster is in a wave, told from what is true.
type truth int

const (
	takesNoPart truth = iota
	isDone
	isBehind
	isOnTheWay
)

// order checks that a release reaches no group before the ones in front are through.
func (m moment) order() error {
	for name, c := range m.clusters {
		r := m.moves(c)
		if r == nil || canary[name] {
			continue
		}
		for other, o := range m.clusters {
			if at := m.truth(o, r); canary[other] && o.ReportedVersion.Minor == c.ReportedVersion.Minor && (at == isBehind || at == isOnTheWay) {
				return fmt.Errorf("%w: %s gets %s, and canary %s is behind", errOvertakes, name, r.Tag, other)
			}
		}
	}
	return nil
}

// slots checks that a release reaches no more clusters of a group at once than allowed.
func (m moment) slots() error {
	for name, c := range m.clusters {
		r := m.moves(c)
		if r == nil {
			continue
		}
		onTheWay := 0
		for other, o := range m.clusters {
			if o.ReportedVersion.Minor == c.ReportedVersion.Minor && canary[other] == canary[name] && m.truth(o, r) == isOnTheWay {
				onTheWay++
			}
		}
		allowed := others
		if canary[name] {
			allowed = canaries
		}
		if onTheWay > allowed {
			return fmt.Errorf("%w: %s gets %s as one of %d", errSlots, name, r.Tag, onTheWay)
		}
	}
	return nil
}

// moves is the release that a wave gives to a cluster in this plan; nil for none, and for one that goes to everyone at once.
func (m moment) moves(c resolve.Cluster) *resolve.SourceRelease {
	plan, r := m.plans[c.Name], m.newest(c.ReportedVersion.Minor)
	before := m.before(c)
	if r == nil || m.in.Policy.Rollout.Emergency[r.Tag.String()] || plan.Admitted.Release != r.Tag.String() || before == plan.Admitted.Release || m.truth(c, r) != isOnTheWay || m.in.Policy.Rollout.RolledBack[before] {
		return nil
	}
	return r
}

// before is the release that a cluster was let to.
func (m moment) before(c resolve.Cluster) string {
	if c.Admitted.Release != "" {
		return c.Admitted.Release
	}
	newest, name := release.Tag{}, ""
	for _, d := range m.in.Delivered[c.Name] {
		if t := mustTag(d.Release); t.Compare(newest) > 0 {
			newest, name = t, d.Release
		}
	}
	return name
}

// has tells that anything is on a cluster, or would come if the cluster were let to its release.
func (m moment) has(name string) bool {
	for _, d := range m.in.Delivered[name] {
		if !d.Deleting {
			return true
		}
	}
	for _, p := range m.plans[name].Pairs {
		if p.Element != nil {
			return true
		}
		if p.Action == resolve.Remove || p.Action == resolve.Release {
			continue
		}
		switch p.Reasons[0].Code {
		case resolve.CodeDependencyOff, resolve.CodeOutOfRange, resolve.CodePinUnusable, resolve.CodeNameTaken, resolve.CodeParameterMissing, resolve.CodeWaitingForDependency, resolve.CodeKubernetesRollback:
		default:
			return true
		}
	}
	return false
}

func (m moment) truth(c resolve.Cluster, r *resolve.SourceRelease) truth {
	plan, tag := m.plans[c.Name], r.Tag.String()
	pin := len(c.Orders.Pins) > 0 && c.Orders.Pins[0].Addon == "" && m.in.Now.Before(c.Orders.Pins[0].Expires)
	frozen := c.Orders.Freeze != nil && m.in.Now.Before(c.Orders.Freeze.Until)
	if m.undecided(c) || m.givenUp(c) || pin || frozen || !m.has(c.Name) {
		return takesNoPart
	}
	if before, err := release.ParseTag(m.before(c)); err == nil && before.Minor == r.Tag.Minor && before.N > r.Tag.N && !m.in.Policy.Rollout.RolledBack[before.String()] {
		return takesNoPart
	}
	if c.Succeeded == tag && m.before(c) == tag {
		return isDone
	}
	for _, d := range m.in.Delivered[c.Name] {
		if d.Status.Sync == "Unknown" && !strings.Contains(d.Status.Message, "target state") {
			return isDone // It is skipped.
		}
	}
	at, since := m.before(c), c.Admitted.Since
	if plan.Admitted.Release != at {
		at, since = plan.Admitted.Release, m.in.Now
	}
	switch {
	case at != tag:
		return isBehind
	case m.before(c) == tag && (m.failed(c, tag) || since.IsZero() || !m.in.Now.Before(since.Add(progressDeadline))):
		return isDone
	}
	soak := soakOther
	if canary[c.Name] {
		soak = soakCanary
	}
	if m.in.Now.Sub(since) < soak-time.Second {
		return isOnTheWay
	}
	for _, p := range plan.Pairs {
		if p.Action == resolve.Keep && p.Element != nil && p.Element.Release == tag && p.Element.Disabled == "" && !m.pinned(c, p.Addon) && !m.proved(p.Element) {
			return isOnTheWay
		}
	}
	return isDone
}

// failed tells whether Argo CD reports a failure at the release.
func (m moment) failed(c resolve.Cluster, tag string) bool {
	for _, d := range m.in.Delivered[c.Name] {
		if d.Release != tag || d.Status.Reconciled.Before(momentOf(d.Moved)) {
			continue
		}
		st := &d.Status
		if st.Health == "Degraded" && st.Revision == d.Commit || st.Operation.Phase == "Failed" && st.Operation.Revision == d.Commit || st.Sync == "Unknown" {
			return true
		}
	}
	return false
}

func momentOf(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t
}

// checkDeletions holds what was deleted against the ledger, the approvals and the budget of the hour.
func (h *history) checkDeletions() error {
	w := h.w
	for ; h.deletions < len(w.deletions); h.deletions++ {
		d := w.deletions[h.deletions]
		switch {
		case d.decommissioned:
			if o := w.orders[d.Cluster].Decommission; o == nil {
				return fmt.Errorf("%w: %+v: the cluster was not given up", errUngranted, d)
			}
			continue
		case !d.granted:
			return fmt.Errorf("%w: %+v", errUngranted, d)
		case d.approval != "":
			named := false
			for _, of := range h.approved[d.approval] {
				named = named || of.Cluster == d.Cluster && of.Addon == d.Addon && of.Action == string(d.action)
			}
			if !named {
				return fmt.Errorf("%w: %+v", errApproval, d)
			}
			continue
		}
		all, same := 0, 0
		for _, other := range w.deletions[:h.deletions+1] {
			if other.decommissioned || other.approval != "" || d.at.Sub(other.at) >= time.Hour {
				continue
			}
			if all++; other.Addon == d.Addon {
				same++
			}
		}
		if all > perFleet || same > perAddon {
			return fmt.Errorf("%w: %+v is the %d. of its addon and the %d. of all", errBudget, d, same, all)
		}
	}
	return nil
}

// checkReleased looks for objects that nobody owns and nobody lists.
func (h *history) checkReleased() error {
	w := h.w
	owned := map[resolve.PairKey]bool{}
	for _, app := range w.apps {
		owned[resolve.PairKey{Cluster: app.cluster, Addon: app.Addon}] = true
	}
	for name, elements := range w.listed {
		for _, e := range elements {
			owned[resolve.PairKey{Cluster: name, Addon: e.Addon}] = true
		}
	}
	for name, list := range w.released {
		for _, r := range list {
			owned[resolve.PairKey{Cluster: name, Addon: r.Addon}] = true
		}
	}
	for key := range w.objects {
		if abandoned := h.abandoned(key.Cluster); owned[key] || abandoned || h.forgotten[key] {
			continue
		}
		return fmt.Errorf("%w: %s on %s", errForgotten, key.Addon, key.Cluster)
	}
	return nil
}

// abandoned tells whether a cluster was ever given up: what is left there then is nobody's any more.
func (h *history) abandoned(cluster string) bool {
	if h.w.orders[cluster].Decommission != nil {
		h.gaveUp[cluster] = true
	}
	return h.gaveUp[cluster]
}
