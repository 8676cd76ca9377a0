package rollout_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// What must hold for every fleet, whatever happens to it.
var (
	errPure      = errors.New("the same input in another order gives another decision")
	errOvertakes = errors.New("a group begins before another is done")
	errCrowded   = errors.New("more clusters are on the way than may be")
	errHalted    = errors.New("a halted release goes on")
	errMandatory = errors.New("a group begins though a mandatory one before it is not whole")
	errWindow    = errors.New("a move starts outside of every window")
	errEvidence  = errors.New("a cluster succeeds without evidence")
	errRevision  = errors.New("a permit is neither what is there nor a usable release of the minor")
	errStays     = errors.New("a cluster goes elsewhere than forward")
	errFallback  = errors.New("a newcomer gets what nobody after it runs")
	errCounts    = errors.New("the numbers do not add up")
	errNext      = errors.New("the decision changes before the time it names")
	errConverges = errors.New("it does not come to rest")

	invariants = []func(moment) error{pure, inOrder, notCrowded, notHalted, mandatoryWhole, inWindows, evident, revisions, stays, fallbacks, counts, punctual}
)

const steps = 60

// moment is what was decided from what, and by whom; with the clusters as the invariants see them.
type moment struct {
	in     rollout.Input
	out    rollout.Output
	decide decider
	groups []rollout.Group
	facts  []fact
}

func momentOf(in rollout.Input, decide decider) moment {
	m := moment{in: in, out: decide(in), decide: decide, groups: allGroups(in)}
	m.facts = m.see()
	return m
}

// TestInvariants lets anything happen to random fleets, and looks at every decision.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
		if err := explore(draw, rollout.Decide); err != nil {
			t.Fatal(err)
		}
	})
}

// TestInvariantsCatchFaults plants a fault in the decision; the invariant that it breaks must say so.
func TestInvariantsCatchFaults(t *testing.T) {
	groups := func(change func(*rollout.Group)) decider {
		return func(in rollout.Input) rollout.Output {
			in.Policy.Groups = slices.Clone(in.Policy.Groups)
			for i := range in.Policy.Groups {
				change(&in.Policy.Groups[i])
			}
			change(&in.Policy.Rest)
			return rollout.Decide(in)
		}
	}
	clusters := func(change func(*rollout.Cluster)) decider {
		return func(in rollout.Input) rollout.Output {
			in.Clusters = slices.Clone(in.Clusters)
			for i := range in.Clusters {
				change(&in.Clusters[i])
			}
			return rollout.Decide(in)
		}
	}
	permits := func(change func(in rollout.Input, c rollout.Cluster, p *rollout.Permit)) decider {
		return func(in rollout.Input) rollout.Output {
			out := rollout.Decide(in)
			for _, c := range in.Clusters {
				p := out.Permits[c.Name]
				change(in, c, &p)
				out.Permits[c.Name] = p
			}
			return out
		}
	}
	for name, tc := range map[string]struct {
		decide decider
		want   error
	}{
		"the first in the list is served first": {func(in rollout.Input) rollout.Output {
			out := rollout.Decide(in)
			if n := len(in.Clusters); n > 1 && in.Clusters[0].Name > in.Clusters[n-1].Name {
				delete(out.Permits, in.Clusters[0].Name)
			}
			return out
		}, errPure},
		"all in one group": {func(in rollout.Input) rollout.Output {
			in.Policy.Groups = nil
			return rollout.Decide(in)
		}, errOvertakes},
		"groups in another order": {func(in rollout.Input) rollout.Output {
			in.Policy.Groups = slices.Clone(in.Policy.Groups)
			slices.Reverse(in.Policy.Groups)
			return rollout.Decide(in)
		}, errOvertakes},
		"newcomers get the newest": {permits(func(in rollout.Input, c rollout.Cluster, p *rollout.Permit) {
			if tags := usable(in, c.Minor); p.Release.IsZero() && len(tags) > 0 {
				p.Release = tags[len(tags)-1]
			}
		}), errOvertakes},
		"any number at once": {groups(func(g *rollout.Group) { g.Pace.MaxConcurrency = rollout.Limit{Value: 100, Percent: true} }), errCrowded},
		"soaking takes no slot": {groups(func(g *rollout.Group) {
			g.Pace.MaxConcurrency.Value = 2 * g.Pace.MaxConcurrency.Value
		}), errCrowded},
		"halts are forgotten": {func(in rollout.Input) rollout.Output {
			in.Policy.Halted = nil
			return rollout.Decide(in)
		}, errHalted},
		"failures are not counted": {groups(func(g *rollout.Group) { g.Pace.MaxFailures = rollout.Limit{Value: 100, Percent: true} }), errHalted},
		"everything is accepted": {func(in rollout.Input) rollout.Output {
			all := map[string]bool{}
			for _, c := range in.Clusters {
				all[c.Name] = true
			}
			in.Policy.Accepted = map[string]map[string]bool{}
			for _, r := range in.Releases {
				in.Policy.Accepted[r.Tag.String()] = all
			}
			return rollout.Decide(in)
		}, errHalted},
		"everything is an emergency": {func(in rollout.Input) rollout.Output {
			in.Policy.Emergency = map[string]bool{}
			for _, r := range in.Releases {
				in.Policy.Emergency[r.Tag.String()] = true
			}
			return rollout.Decide(in)
		}, errOvertakes},
		"mandatory means nothing": {groups(func(g *rollout.Group) { g.Mandatory = false }), errMandatory},
		"windows are always open": {func(in rollout.Input) rollout.Output {
			in.Policy.Windows = nil
			return groups(func(g *rollout.Group) { g.Windows = nil })(in)
		}, errWindow},
		"no soak":                       {groups(func(g *rollout.Group) { g.Pace.MinSuccessTime = 0 }), errEvidence},
		"health from before the move":   {clusters(func(c *rollout.Cluster) { c.Since = time.Time{} }), errEvidence},
		"whoever is there is healthy":   {clusters(func(c *rollout.Cluster) { c.Ready = true }), errEvidence},
		"what was proved once, for all": {clusters(func(c *rollout.Cluster) { c.Proven = true }), errEvidence},
		"unusable releases go out": {func(in rollout.Input) rollout.Output {
			in.Releases = slices.Clone(in.Releases)
			for i := range in.Releases {
				in.Releases[i].Usable = true
			}
			return rollout.Decide(in)
		}, errRevision},
		"nothing is taken back": {func(in rollout.Input) rollout.Output {
			in.Policy.RolledBack = nil
			return rollout.Decide(in)
		}, errRevision},
		"the release of another minor": {permits(func(in rollout.Input, c rollout.Cluster, p *rollout.Permit) {
			if tags := usable(in, minorPool[0]); c.Minor != minorPool[0] && len(tags) > 0 {
				p.Release = tags[0]
			}
		}), errRevision},
		"who waits goes back": {permits(func(in rollout.Input, c rollout.Cluster, p *rollout.Permit) {
			if tags := usable(in, c.Minor); len(tags) > 0 && p.State == rollout.ToApply && p.Release == c.At {
				p.Release = tags[0]
			}
		}), errStays},
		"pauses are ignored": {clusters(func(c *rollout.Cluster) { c.Exempt = "" }), errStays},
		"pins are ignored":   {clusters(func(c *rollout.Cluster) { c.Pinned = release.Tag{} }), errStays},
		"an unusable release is left": {permits(func(_ rollout.Input, _ rollout.Cluster, p *rollout.Permit) {
			if p.Ahead() {
				p.Reasons = nil
			}
		}), errStays},
		"a newcomer gets the oldest": {permits(func(in rollout.Input, c rollout.Cluster, p *rollout.Permit) {
			if tags := usable(in, c.Minor); p.Release.IsZero() && len(tags) > 1 {
				p.Release = tags[0]
			}
		}), errFallback},
		"a cluster is forgotten": {func(in rollout.Input) rollout.Output {
			out := rollout.Decide(in)
			for i := range out.Rollouts {
				out.Rollouts[i].Groups[0].Succeeded = 0
			}
			return out
		}, errCounts},
		"nobody wakes up": {func(in rollout.Input) rollout.Output {
			out := rollout.Decide(in)
			out.Next = time.Time{}
			return out
		}, errNext},
		"one is never served": {permits(func(_ rollout.Input, c rollout.Cluster, p *rollout.Permit) {
			if c.Name == namePool[0] && p.State == rollout.Progressing {
				p.Release = c.At
			}
		}), errConverges},
		"back and forth": {permits(func(in rollout.Input, c rollout.Cluster, p *rollout.Permit) {
			if tags := usable(in, c.Minor); len(tags) > 1 && c.At == tags[len(tags)-1] && c.Name == namePool[1] {
				p.Release = tags[len(tags)-2]
			}
		}), errConverges},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const tries = 1000
			for seed := range int64(tries) {
				r := rand.New(rand.NewSource(seed))
				if errors.Is(explore(r.Intn, tc.decide), tc.want) {
					return
				}
			}
			t.Errorf("not found in %d fleets", tries)
		})
	}
}

// explore lets things happen to a fleet, loses some of what is decided, and checks every decision.
func explore(draw drawer, decide decider) error {
	w := newWorld(draw)
	for range steps {
		w.event()
		in := w.input()
		m := momentOf(in, decide)
		var broken []error
		for _, holds := range invariants {
			broken = append(broken, holds(m))
		}
		if err := errors.Join(broken...); err != nil {
			return err
		}
		record(w.some(m.out), w.clusters, w.in.Now)
	}
	return w.settles(decide)
}

// settles lets nothing happen any more but what the wave waits for.
func (w *world) settles(decide decider) error {
	const rounds = 400 // Ten clusters, one at a time, each with a window, a soak and a deadline.
	var out rollout.Output
	for range rounds {
		before := w.in.Now
		out = decide(w.input())
		record(out, w.clusters, w.in.Now)
		w.calm(out)
		again := decide(w.input())
		if w.in.Now.Equal(before) && reflect.DeepEqual(out, again) {
			return w.settled(out)
		}
	}
	return fmt.Errorf("%w after %d rounds: %v", errConverges, rounds, out.Permits)
}

// settled is how it must end: everyone succeeded, is listed, takes no part, or waits for a person.
func (w *world) settled(out rollout.Output) error {
	for _, name := range sortedKeys(w.clusters) {
		c, p := w.clusters[name], out.Permits[name]
		tags := usable(w.in, c.Minor)
		switch {
		case len(tags) == 0 || p.State == rollout.Exempt:
		case p.State == rollout.ToApply && behindGate(w.input(), c):
		case p.State == rollout.ToApply || p.State == rollout.Progressing && c.Failed == "" && c.Unreachable == "":
			return fmt.Errorf("%w: %s is %s for good: %v", errConverges, name, p.State, p.Reasons)
		case p.State == rollout.Succeeded && (p.Release != tags[len(tags)-1] || c.At != p.Release):
			return fmt.Errorf("%w: %s succeeded at %s and is permitted %s", errConverges, name, c.At, p.Release)
		}
	}
	return nil
}

// behindGate tells whether a group with a concurrency of 0 may keep the cluster waiting.
func behindGate(in rollout.Input, c *rollout.Cluster) bool {
	for i, g := range allGroups(in)[:groupIndex(in, c)+1] {
		if g.Pace.MaxConcurrency.Value == 0 {
			return true
		}
		// Nobody gets past a mandatory group whose clusters all take no part.
		of := func(o rollout.Cluster) bool { return o.Minor == c.Minor && !o.Empty && groupIndex(in, &o) == i }
		if g.Mandatory && slices.ContainsFunc(in.Clusters, of) && !slices.ContainsFunc(in.Clusters, func(o rollout.Cluster) bool { return of(o) && o.Exempt == "" && o.Pinned.IsZero() }) {
			return true
		}
	}
	return false
}

func allGroups(in rollout.Input) []rollout.Group {
	return append(slices.Clone(in.Policy.Groups), in.Policy.Rest)
}

func groupIndex(in rollout.Input, c *rollout.Cluster) int {
	for i, g := range in.Policy.Groups {
		if g.Name == c.Labels["tier"] {
			return i
		}
	}
	return len(in.Policy.Groups)
}

// fact is a cluster as the invariants see it.
type fact struct {
	rollout.Cluster
	permit rollout.Permit
	group  int
	// newest is the release of its minor, "" for none.
	newest string
	// counted takes part; admitted is newly given the newest release; flees returns to it from one taken back.
	counted, admitted, flees bool
	// succeeded, bad and onTheWay are what the rules say of it, in other words than the code.
	succeeded, bad, onTheWay, waiting bool
}

func (m moment) see() (all []fact) {
	for i := range m.in.Clusters {
		c := &m.in.Clusters[i]
		f := fact{Cluster: *c, permit: m.out.Permits[c.Name], group: groupIndex(m.in, c)}
		tags := usable(m.in, c.Minor)
		if len(tags) == 0 {
			continue
		}
		r := tags[len(tags)-1]
		pace := m.groups[f.group].Pace
		f.newest = r.String()
		taken := m.in.Policy.RolledBack[c.At.String()]
		takesPart := c.Exempt == "" && c.Pinned.IsZero()
		aheadOf := c.At.Minor == r.Minor && c.At.N > r.N
		f.counted = takesPart && !c.Empty && !(aheadOf && !taken)
		f.flees = aheadOf && taken
		f.admitted = takesPart && (f.counted || c.Empty) && c.At != r && f.permit.Release == r && !f.flees
		if f.counted {
			here := c.At == r
			soaked := c.Ready && !m.in.Now.Before(c.ReadySince.Add(pace.MinSuccessTime)) && !m.in.Now.Before(c.Since.Add(pace.MinSuccessTime))
			inTime := c.Ready && c.ReadySince.Before(c.Since.Add(pace.ProgressDeadline))
			overdue := pace.ProgressDeadline > 0 && !m.in.Now.Before(c.Since.Add(pace.ProgressDeadline)) && !inTime
			f.succeeded = here && c.Failed == "" && (c.Proven || c.Unreachable == "" && soaked)
			f.bad = !f.succeeded && (here && (c.Failed != "" || overdue) || c.Unreachable != "")
			f.onTheWay = here && !f.succeeded && !f.bad
			f.waiting = !here && !f.bad
		}
		all = append(all, f)
	}
	return all
}

// admissions calls check for every cluster that is newly admitted and counts, with those of its minor.
func (m moment) admissions(check func(f fact, others []fact) error) error {
	all := m.facts
	for _, f := range all {
		if !f.admitted || m.in.Policy.Emergency[f.newest] {
			continue
		}
		var others []fact
		for _, o := range all {
			if o.Minor == f.Minor && o.Name != f.Name {
				others = append(others, o)
			}
		}
		if err := check(f, others); err != nil {
			return fmt.Errorf("%w: %s", err, f.Name)
		}
	}
	return nil
}

func pure(m moment) error {
	in := m.in
	in.Clusters, in.Releases = slices.Clone(in.Clusters), slices.Clone(in.Releases)
	slices.Reverse(in.Clusters)
	slices.Reverse(in.Releases)
	if again := m.decide(in); !reflect.DeepEqual(again, m.out) {
		return fmt.Errorf("%w:\n%s", errPure, cmp.Diff(m.out, again))
	}
	return nil
}

func inOrder(m moment) error {
	return m.admissions(func(f fact, others []fact) error {
		for _, o := range others {
			if o.group < f.group && (o.onTheWay || o.waiting) {
				return fmt.Errorf("%w: %s is not done", errOvertakes, o.Name)
			}
		}
		return nil
	})
}

func notCrowded(m moment) error {
	return m.admissions(func(f fact, others []fact) error {
		if !f.counted {
			return nil
		}
		size, moving := 1, 1
		for _, o := range others {
			if o.group == f.group && o.counted {
				size++
				if o.onTheWay || o.admitted {
					moving++
				}
			}
		}
		limit := m.groups[f.group].Pace.MaxConcurrency
		most := limit.Value
		if limit.Percent {
			most = int(math.Ceil(float64(size) * float64(limit.Value) / 100))
		}
		if moving > most {
			return fmt.Errorf("%w: %d of %d, at most %d", errCrowded, moving, size, most)
		}
		return nil
	})
}

func notHalted(m moment) error {
	for _, f := range m.facts {
		if f.admitted && m.in.Policy.Halted[f.newest] {
			return fmt.Errorf("%w by hand: %s", errHalted, f.Name)
		}
	}
	return m.admissions(func(f fact, others []fact) error {
		for i, g := range m.groups {
			size, failures := 0, 0
			for _, o := range append(slices.Clone(others), f) {
				if o.group != i || !o.counted {
					continue
				}
				size++
				if o.bad && !m.in.Policy.Accepted[f.newest][o.Name] {
					failures++
				}
			}
			most := g.Pace.MaxFailures.Value
			if g.Pace.MaxFailures.Percent {
				most = int(math.Ceil(float64(size) * float64(most) / 100))
			}
			if failures > most {
				return fmt.Errorf("%w: %d failures in %s, at most %d", errHalted, failures, g.Name, most)
			}
		}
		return nil
	})
}

func mandatoryWhole(m moment) error {
	return m.admissions(func(f fact, others []fact) error {
		for _, o := range others {
			if o.counted && o.group < f.group && m.groups[o.group].Mandatory && !o.succeeded && !m.in.Policy.Accepted[f.newest][o.Name] {
				return fmt.Errorf("%w: %s", errMandatory, o.Name)
			}
		}
		return nil
	})
}

func inWindows(m moment) error {
	return m.admissions(func(f fact, others []fact) error {
		g := m.groups[f.group]
		windows := g.Windows
		if len(windows) == 0 {
			windows = m.in.Policy.Windows
		}
		open := len(windows) == 0 || slices.ContainsFunc(windows, func(w rollout.Window) bool { return w.Open(m.in.Now) })
		// A newcomer may follow those whose release it is already.
		follows := f.At.Minor != f.Minor && slices.ContainsFunc(others, func(o fact) bool { return o.group >= f.group && o.succeeded && o.Ready })
		if !open && f.counted && !follows {
			return errWindow
		}
		return nil
	})
}

func evident(m moment) error {
	for _, f := range m.facts {
		if f.permit.State == rollout.Succeeded && !f.succeeded && !f.Empty {
			return fmt.Errorf("%w: %s", errEvidence, f.Name)
		}
	}
	return nil
}

func revisions(m moment) error {
	for _, c := range m.in.Clusters {
		p := m.out.Permits[c.Name].Release
		if !p.IsZero() && p != c.At && !slices.Contains(usable(m.in, c.Minor), p) {
			return fmt.Errorf("%w: %s gets %s", errRevision, c.Name, p)
		}
	}
	return nil
}

func stays(m moment) error {
	for _, c := range m.in.Clusters {
		p := m.out.Permits[c.Name]
		tags := usable(m.in, c.Minor)
		taken := m.in.Policy.RolledBack[c.At.String()]
		wrong := func() error { return fmt.Errorf("%w: %s from %s to %s", errStays, c.Name, c.At, p.Release) }
		switch {
		case c.Exempt != "" || !c.Pinned.IsZero():
			if p.Release != c.At && p.Release != c.Pinned || p.Release != c.Pinned && slices.Contains(tags, c.Pinned) {
				return wrong()
			}
		case p.Release == c.At || c.At.Minor != c.Minor:
		case len(tags) > 0 && p.Release == tags[len(tags)-1] && p.Release.N > c.At.N: // Admitted.
		case taken && p.Release.N < c.At.N:
			if slices.ContainsFunc(tags, func(t release.Tag) bool { return t.N < c.At.N && t.N > p.Release.N }) {
				return wrong() // Further back than it has to.
			}
		case p.Ahead() && !c.Empty:
		case c.Empty: // Nothing is there.
		default:
			return wrong()
		}
	}
	return nil
}

func fallbacks(m moment) error {
	all := m.facts
	for _, f := range all {
		p := f.permit.Release
		if f.At.Minor == f.Minor || p.IsZero() || p.String() == f.newest || f.permit.State == rollout.Exempt {
			continue
		}
		if m.in.Policy.Halted[p.String()] || !slices.ContainsFunc(all, func(o fact) bool {
			return o.Minor == f.Minor && o.counted && o.At == p && o.Ready && o.group >= f.group
		}) {
			return fmt.Errorf("%w: %s gets %s", errFallback, f.Name, p)
		}
	}
	return nil
}

func counts(m moment) error {
	if len(m.out.Permits) != len(m.in.Clusters) {
		return fmt.Errorf("%w: %d permits for %d clusters", errCounts, len(m.out.Permits), len(m.in.Clusters))
	}
	type key struct {
		minor string
		group int
	}
	want := map[key]rollout.GroupStatus{}
	for _, f := range m.facts {
		k := key{f.Minor.String(), f.group}
		g := want[k]
		n := map[rollout.State]*int{
			rollout.ToApply: &g.ToApply, rollout.Progressing: &g.Progressing, rollout.Succeeded: &g.Succeeded, rollout.Failed: &g.Failed,
			rollout.TimeOut: &g.TimeOut, rollout.Skip: &g.Skip, rollout.Exempt: &g.Exempt,
		}[f.permit.State]
		switch {
		case n == nil:
			return fmt.Errorf("%w: %s is %q", errCounts, f.Name, f.permit.State)
		case f.Empty && f.permit.State != rollout.Exempt:
			continue
		}
		*n++
		if f.counted {
			g.Clusters++
		}
		if f.bad {
			g.Late = append(g.Late, f.Name)
		}
		want[k] = g
	}
	for _, s := range m.out.Rollouts {
		for i, g := range s.Groups {
			w := want[key{s.Minor, i}]
			w.Name, w.State, w.Message = g.Name, g.State, g.Message
			if diff := cmp.Diff(w, g); diff != "" {
				return fmt.Errorf("%w: %s (-want +got)\n%s", errCounts, g.Name, diff)
			}
		}
		if len(s.Message) > 1000 {
			return fmt.Errorf("%w: a message has %d bytes", errCounts, len(s.Message))
		}
	}
	return nil
}

func punctual(m moment) error {
	end := m.out.Next
	if end.IsZero() {
		end = m.in.Now.Add(50 * time.Hour)
	}
	if !end.After(m.in.Now) {
		return fmt.Errorf("%w: %s is over", errNext, end)
	}
	for _, t := range []time.Time{m.in.Now.Add(end.Sub(m.in.Now) / 3), end.Add(-1)} {
		in := m.in
		in.Now = t
		later := m.decide(in)
		if !reflect.DeepEqual(later.Permits, m.out.Permits) || !reflect.DeepEqual(later.Rollouts, m.out.Rollouts) {
			return fmt.Errorf("%w %s: at %s\n%s", errNext, m.out.Next, t, cmp.Diff(m.out, later))
		}
	}
	return nil
}
