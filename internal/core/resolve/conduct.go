package resolve

import (
	"reflect"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// Permit is what the fleet as a whole lets one cluster do.
type Permit struct {
	// The release that the cluster may have, and why it is not the newest.
	rollout.Permit
	// Deletions are the answers to the deletions that the cluster asked for, by addon.
	Deletions map[string]Verdict
}

// Verdict answers a deletion.
type Verdict struct {
	// Granted is the action let through; "" for none.
	Granted Action
	// Reason is why it is not.
	Reason *fault.Reason
}

// decides reports whether two permits let a cluster do the same.
func (p Permit) decides(o Permit) bool {
	return p.Release == o.Release && slices.Equal(p.Reasons, o.Reasons) &&
		(len(p.Deletions) == 0 && len(o.Deletions) == 0 || reflect.DeepEqual(p.Deletions, o.Deletions))
}

// Same reports whether two permits lead to the same decision and the same report.
func (p Permit) Same(o Permit) bool { return p.State == o.State && p.decides(o) }

// Standing is what the fleet as a whole has to know of one cluster.
type Standing struct {
	rollout.Cluster
	// Excluded is set for a cluster that is given up.
	Excluded bool
	// Due are the deletions whose grace is over, Coming those whose grace ends within the hour.
	Due, Coming []budget.Deletion
	// Addons are those that the cluster has.
	Addons []string
}

// Stay is the permit of a cluster that nothing was decided for: what it has, and nothing new.
func (s *Snapshot) Stay(c Cluster, delivered []Delivered) Permit {
	var p Permit
	p.Release = s.tagOf(admitted(&c, delivered).Release)
	return p
}

// tagOf reads a tag; nearly always it is one that is known, which costs nothing.
func (s *Snapshot) tagOf(name string) (tag release.Tag) {
	if known := s.byTag[name]; known != nil {
		return known.Tag
	}
	tag, _ = release.ParseTag(name)
	return tag
}

// Conducted is what is decided about the fleet as a whole.
type Conducted struct {
	// Permits has one for each cluster, by name.
	Permits  map[string]Permit
	Rollouts []rollout.Status
	// Ledger has to be remembered before any permit is used: it says which deletions were granted.
	Ledger     budget.Ledger
	Quarantine *budget.Quarantine
	// Next is when time alone changes the answer; zero when it does not.
	Next time.Time
}

// Conduct decides what no cluster can for itself: which of them a release reaches next, and which deletions the fleet can bear.
func (s *Snapshot) Conduct(standings []Standing, ledger budget.Ledger, now time.Time) Conducted {
	if s.policy.Invalid != nil {
		return s.stop(standings, ledger)
	}
	in := rollout.Input{Policy: s.policy.Rollout, Now: now}
	for i := range s.source.Releases {
		r := &s.source.Releases[i]
		in.Releases = append(in.Releases, rollout.Release{Tag: r.Tag, Usable: s.offers[r.Tag.String()] != nil})
	}
	in.Clusters = make([]rollout.Cluster, 0, len(standings))
	var due, coming []budget.Deletion
	for i := range standings {
		if !standings[i].Excluded {
			in.Clusters = append(in.Clusters, standings[i].Cluster)
		}
		due, coming = append(due, standings[i].Due...), append(coming, standings[i].Coming...)
	}
	decided := rollout.Decide(in)
	out := Conducted{Permits: make(map[string]Permit, len(standings)), Rollouts: decided.Rollouts, Ledger: ledger, Next: decided.Next}
	for name, p := range decided.Permits {
		out.Permits[name] = Permit{Permit: p}
	}
	for i := range standings {
		if standings[i].Excluded {
			out.Permits[standings[i].Name] = Permit{} // It needs none to go, and would wait for one.
		}
	}
	if out.Rollouts == nil {
		out.Rollouts = []rollout.Status{}
	}
	if s.policy.Deletion.Budget == nil {
		for _, d := range due {
			out.answer(d, Verdict{Granted: Action(d.Action)})
		}
		return out
	}
	if len(due)+len(coming)+len(ledger.Grants)+len(ledger.Spent)+len(ledger.Used) > 0 {
		s.hold(&out, budget.Input{Due: due, Coming: coming, Pairs: countAddons(standings), Now: now})
	}
	return out
}

// stop lets nothing move and nothing go.
func (s *Snapshot) stop(standings []Standing, ledger budget.Ledger) Conducted {
	out := Conducted{Permits: make(map[string]Permit, len(standings)), Rollouts: []rollout.Status{}, Ledger: ledger}
	for i := range standings {
		st := &standings[i]
		var p Permit
		p.Release, p.Reasons = st.At, []fault.Reason{*s.policy.Invalid}
		out.Permits[st.Name] = p
		for _, d := range st.Due {
			out.answer(d, Verdict{Reason: s.policy.Invalid})
		}
	}
	return out
}

// hold holds the deletions that are due against the budget.
func (s *Snapshot) hold(out *Conducted, in budget.Input) {
	in.Policy, in.Ledger = *s.policy.Deletion.Budget, out.Ledger
	result := budget.Decide(in)
	out.Ledger, out.Quarantine = result.Ledger, result.Quarantine
	if out.Next.IsZero() || !result.Next.IsZero() && result.Next.Before(out.Next) {
		out.Next = result.Next
	}
	for _, g := range result.Ledger.Grants {
		out.answer(budget.Deletion{Cluster: g.Cluster, Addon: g.Addon}, Verdict{Granted: Action(g.Action)})
	}
	if q := result.Quarantine; q != nil {
		why := q.Reason()
		for _, d := range q.Deletions {
			out.answer(d, Verdict{Reason: &why})
		}
	}
}

func (out *Conducted) answer(d budget.Deletion, v Verdict) {
	p := out.Permits[d.Cluster]
	if p.Deletions == nil {
		p.Deletions = map[string]Verdict{}
	}
	p.Deletions[d.Addon] = v
	out.Permits[d.Cluster] = p
}

// countAddons counts the pairs that exist, by addon.
func countAddons(standings []Standing) map[string]int {
	count := map[string]int{}
	for i := range standings {
		for _, a := range standings[i].Addons {
			count[a]++
		}
	}
	return count
}

// standing is what the fleet has to know of a cluster that this plan is about.
func (s *Snapshot) standing(c *Cluster, at Admitted, plan *ClusterPlan, delivered []Delivered, now time.Time) Standing {
	st := Standing{Cluster: rollout.Cluster{Name: c.Name, Labels: c.Labels, Minor: c.Version().Minor, Since: at.Since, Ready: true}, Due: plan.due, Coming: plan.coming}
	st.Proven = at.Release != "" && c.Succeeded == at.Release
	st.At = s.tagOf(at.Release)
	st.Addons = make([]string, 0, len(delivered))
	for i := range delivered {
		if !delivered[i].Deleting { // Those count as spent already.
			st.Addons = append(st.Addons, delivered[i].Addon)
		}
	}
	st.Empty = empty(plan, delivered)
	held := len(plan.Reasons) > 0 && (c.Gone || c.Hold != nil || c.Duplicate != nil || c.Paused || s.policy.Paused || s.source.Unavailable != nil)
	switch frozen, pin := c.Orders.frozen(now), c.Orders.clusterPin(); {
	case c.Gone:
		st.Minor, st.Exempt = st.At.Minor, "its Secret is gone"
	case held:
		st.Exempt = plan.Reasons[len(plan.Reasons)-1].Message
	case st.Minor.IsZero():
		st.Minor, st.Unreachable = st.At.Minor, plan.Reasons[len(plan.Reasons)-1].Message
		st.Empty = false
	case pin != nil && now.Before(pin.Expires):
		st.Exempt = "the cluster is " + pin.said()
		if tag, r := s.usable(pin, st.Minor); r == nil {
			st.Pinned = tag
		}
	case frozen != nil:
		st.Exempt = "the cluster is frozen by " + frozen.Owner + " until " + formatTime(frozen.Until) + ": " + frozen.Reason
	}
	st.observe(plan)
	return st
}

// Refuse holds a pair that the caller finds it cannot carry out. It has no part any more in the release that the cluster is let to.
func (plan *ClusterPlan) Refuse(p *Pair, why fault.Reason) {
	p.Action, p.Element, p.Revision, p.part, p.waits = Hold, nil, "", false, false
	p.Reasons = []fault.Reason{why}
	plan.Standing.Ready, plan.Standing.Failed = true, ""
	plan.Standing.observe(plan)
}

// PendingStanding is where a cluster stands whose version is still being asked for: at what it was let to, with no evidence.
func PendingStanding(c Cluster, delivered []Delivered) Standing {
	at := admitted(&c, delivered)
	st := Standing{Cluster: rollout.Cluster{Name: c.Name, Labels: c.Labels, Since: at.Since}}
	st.At, _ = release.ParseTag(at.Release)
	st.Minor = st.At.Minor
	for i := range delivered {
		st.Addons = append(st.Addons, delivered[i].Addon)
	}
	return st
}

// empty reports whether nothing is on a cluster and nothing comes: where all that is switched on is held, a release has nothing to prove, and
// there is no ApplicationSet to record one in.
func empty(plan *ClusterPlan, delivered []Delivered) bool {
	return !slices.ContainsFunc(delivered, func(d Delivered) bool { return !d.Deleting }) &&
		!slices.ContainsFunc(plan.Pairs, func(p Pair) bool { return p.Element != nil || p.asks })
}

// newestBrings reports whether the newest release has something for the cluster, of which the one that it is let to knows nothing.
func (d *decision) newestBrings() bool {
	if d.offer == d.newest {
		return false
	}
	inRange := d.newest.inRange(d.version)
	for i := range d.newest.addons {
		if w, _ := d.wish(&d.newest.addons[i]); w == wishOn && inRange[i] {
			return true
		}
	}
	return false
}

// observe draws together what Argo CD says of the pairs that take part in the release the cluster is admitted to.
func (st *Standing) observe(plan *ClusterPlan) {
	st.ReadySince = st.Since
	for i := range plan.Pairs {
		p := &plan.Pairs[i]
		if silent := p.silent(); silent != "" && st.Unreachable == "" && p.Delivered != "" {
			st.Unreachable = silent
		}
		if !p.part {
			continue
		}
		if p.waits || p.Action == Install || p.Action == Move || !p.Ready() {
			st.Ready = false
		} else if since := p.readySince(); st.ReadySince.Before(since) {
			st.ReadySince = since
		}
		if failed := p.failed(); failed != "" && st.Failed == "" && !p.waits {
			st.Failed = failed
		}
	}
}
