package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
)

// wave is the rollout of one release over the clusters of its minor.
type wave struct {
	in      *Input
	known   *releases
	release release.Tag
	tag     string
	members []member
	groups  []groupWave
	// byHand is set when a person halted the release, breached is the first group with too many failures, nil for none.
	byHand   bool
	breached *groupWave
	// halted says why nobody is admitted; nil when somebody may be.
	halted []fault.Reason
	// emergency sends the release to everyone.
	emergency bool
	// current is the first group that is not done, nil when all are.
	current *groupWave
	// changes is when time alone changes the decision; zero for never.
	changes time.Time
}

// groupWave is what a wave does in one group.
type groupWave struct {
	*Group
	number GroupStatus
	// counting are the failures that nobody accepted, tolerated how many there may be, concurrency how many clusters may be on the way.
	counting, tolerated, concurrency int
	// absent are clusters that take no part and do not have the release.
	absent int
	// fallback is the newest other release at which a cluster of this group or a later one is Ready; zero for none.
	fallback release.Tag
	// proven is set when a cluster of this group or a later one is Ready and Succeeded.
	proven bool
	// pending says what the group waits for, when it is its turn; "" when clusters are on the way.
	pending string
}

func newWave(in *Input, known *releases, r release.Tag, members []member) *wave {
	w := &wave{
		in: in, known: known, release: r, tag: r.String(), members: members, groups: make([]groupWave, len(in.Policy.Groups)+1),
		byHand: known.halted[r], emergency: in.Policy.Emergency[r.String()],
	}
	for i := range in.Policy.Groups {
		w.groups[i].Group = &in.Policy.Groups[i]
	}
	w.groups[len(in.Policy.Groups)].Group = &in.Policy.Rest
	for i := range members {
		w.take(&members[i])
	}
	for i := range w.groups {
		g := &w.groups[i]
		g.concurrency = g.Pace.MaxConcurrency.Of(g.number.Clusters)
		if !g.Mandatory {
			g.tolerated = g.Pace.MaxFailures.Of(g.number.Clusters)
		}
		if g.counting > g.tolerated && w.breached == nil && !w.emergency {
			w.breached = g
		}
	}
	w.halted = w.haltReasons()
	for i := len(w.groups) - 2; i >= 0; i-- { // What later groups stand at, earlier ones have had.
		g, next := &w.groups[i], &w.groups[i+1]
		g.proven = g.proven || next.proven
		if next.fallback.Compare(g.fallback) > 0 {
			g.fallback = next.fallback
		}
	}
	return w
}

// take counts a cluster in its group.
func (w *wave) take(m *member) {
	g := &w.groups[m.group]
	m.part = partOf(m.Cluster, w.release, w.known)
	switch m.part {
	case exempt, ahead:
		m.state = Exempt
		g.number.Exempt++
		if m.part == exempt && m.At != w.release {
			g.absent++
		}
		return
	case empty:
		m.state = ToApply
		if m.At == w.release {
			m.state = Succeeded
		}
		return
	}
	var changes time.Time
	m.state, changes = stateOf(m.Cluster, w.release, g.Pace, w.in.Now)
	w.changes = earliest(w.changes, changes)
	if m.state == ToApply && w.known.rolledBack[m.At] && w.known.before(m.At) == w.release {
		m.admit() // It flees from a release that was taken back, and takes a slot without asking for one.
	}
	g.number.Clusters++
	*g.number.of(m.state)++
	switch m.state {
	case Skip, Failed, TimeOut:
		if len(g.number.Late) < maxLate {
			g.number.Late = append(g.number.Late, m.Name)
		}
		if !w.in.Policy.Accepted[w.tag][m.Name] {
			g.counting++
		}
	}
	if m.Ready && m.Failed == "" && m.Unreachable == "" {
		switch {
		case m.At == w.release:
			g.proven = g.proven || m.state == Succeeded
		case m.At.Minor == w.release.Minor && w.known.usable[m.At] && !w.known.halted[m.At] && m.At.Compare(g.fallback) > 0:
			g.fallback = m.At
		}
	}
}

func (m *member) admit() { m.state, m.admitted = Progressing, true }

// newcomer is a cluster that has no release of this minor: it is new, or its Kubernetes version changed.
func (w *wave) newcomer(m *member) bool { return m.At.Minor != w.release.Minor }

func (g *groupWave) done() bool {
	return g.number.ToApply == 0 && g.number.Progressing == 0 && !g.vacant()
}

// vacant tells that a mandatory group has clusters and none that could succeed: to pause the only canary must not send a release to everyone else.
func (g *groupWave) vacant() bool { return g.Mandatory && g.number.Clusters == 0 && g.absent > 0 }

// admit gives the release to as many clusters as may have it now, group after group, and says of the others what they wait for.
func (w *wave) admit() {
	byGroup := make([][]*member, len(w.groups))
	for i := range w.members {
		m := &w.members[i]
		byGroup[m.group] = append(byGroup[m.group], m)
	}
	for i, members := range byGroup {
		g := &w.groups[i]
		switch {
		case w.halted != nil:
			w.hold(members, w.halted)
		case w.emergency:
			for _, m := range members {
				w.move(g, m)
			}
		case w.current != nil:
			w.hold(members, because(CodeWaitingForGroup, "%s is rolling out, and group %s comes first: %s", w.tag, w.current.Name, w.current.why()))
		default:
			w.open(g, members)
		}
		if w.current == nil && !g.done() {
			w.current = g
		}
	}
}

// hold lets everyone wait for the same.
func (w *wave) hold(members []*member, reasons []fault.Reason) {
	for _, m := range members {
		if m.state == ToApply {
			m.waits = reasons
		}
	}
}

// move admits a cluster that waits.
func (w *wave) move(g *groupWave, m *member) {
	if m.state != ToApply {
		return
	}
	if m.part == counted {
		g.number.ToApply--
		g.number.Progressing++
	}
	m.admit()
}

// open is the turn of a group.
func (w *wave) open(g *groupWave, members []*member) {
	open, changes := opened(w.windows(g), w.in.Now)
	var slots, window []fault.Reason
	gate := fmt.Sprintf("its maxConcurrency of %s admits none; raise it to let the group begin", g.Pace.MaxConcurrency)
	if g.concurrency == 0 {
		slots = because(CodeWaitingForSlot, "%s waits in group %s: %s", w.tag, g.Name, gate)
	} else {
		slots = because(CodeWaitingForSlot, "%s is rolling out in group %s: as many clusters as its maxConcurrency of %s allows are on the way", w.tag, g.Name, g.Pace.MaxConcurrency)
	}
	window = because(CodeWaitingForWindow, "%s waits in group %s: %s", w.tag, g.Name, opens(changes))
	timed := false
	for _, m := range members {
		switch {
		case m.part == empty:
			w.move(g, m) // Nothing moves on it.
		case m.state != ToApply:
		case g.concurrency == 0:
			m.waits = slots
		// A cluster that has nothing of its minor has nothing that a window protects, once others of its kind run the release.
		case !open && !(w.newcomer(m) && g.proven):
			m.waits, timed = window, true
		case g.number.Progressing >= g.concurrency:
			m.waits, timed = slots, timed || open
		default: // Until that is recorded, the window may close again.
			w.move(g, m)
			timed = timed || open
		}
	}
	if timed {
		w.changes = earliest(w.changes, changes)
	}
	switch {
	case g.done() || g.number.Progressing > 0:
	case g.vacant():
		g.pending = fmt.Sprintf("it is mandatory, and none of its %d cluster(s) takes part: see why with `addon-manager status`", g.absent)
	case g.concurrency == 0:
		g.pending = gate
	default:
		g.pending = opens(changes)
	}
}

func (w *wave) windows(g *groupWave) []Window {
	if len(g.Windows) > 0 {
		return g.Windows
	}
	return w.in.Policy.Windows
}

func opens(next time.Time) string {
	if next.IsZero() {
		return "its windows never open again; correct their schedules"
	}
	return "its window opens " + next.UTC().Format(time.RFC3339)
}

// permit is what a cluster may have after the wave has admitted whom it could.
func (w *wave) permit(m *member) Permit {
	switch m.part {
	case exempt:
		return exempted(m.Cluster, w.known, w.release)
	case ahead:
		return Permit{Release: w.release, State: m.state, Reasons: because(CodeAhead, "the cluster has %s, which is newer than %s, the newest usable release, and keeps it", m.At, w.tag)}
	}
	p := Permit{Release: m.At, State: m.state, Reasons: m.waits}
	if m.state == Skip && m.At != w.release {
		p.Reasons = slices.Concat(w.halted, because(CodeUnreachable, "%s waits until the cluster can be reached: %s", w.tag, m.Unreachable))
	}
	switch {
	case m.At == w.release:
	case w.known.rolledBack[m.At] && m.At.Minor == w.release.Minor:
		return w.takenBack(m, p)
	case m.admitted:
		p.Release = w.release
	case w.newcomer(m):
		p.Release = w.groups[m.group].fallback
	}
	if m.part == empty && p.Release == w.release {
		p.State = Succeeded
	}
	return p
}

// takenBack is the permit of a cluster whose release was rolled back: the newest release, where it may have that; else the one before.
func (w *wave) takenBack(m *member, p Permit) Permit {
	to := w.known.before(m.At)
	switch {
	case m.admitted && to != w.release:
		p.Release = w.release
	case to.IsZero():
		p.Reasons = slices.Concat(because(CodeRolledBack, "%s is rolled back, and there is no usable release before it: the cluster keeps it until it may have %s", m.At, w.tag), p.Reasons)
	default:
		p.Release = to
		p.Reasons = slices.Concat(because(CodeRolledBack, "%s is rolled back: the cluster returns to %s", m.At, to), p.Reasons)
	}
	return p
}
