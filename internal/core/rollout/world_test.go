package rollout_test

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

var (
	namePool  = []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	tierPool  = []string{"canary", "early", ""}
	minorPool = []version.Minor{{Major: 1, Minor: 31}, {Major: 1, Minor: 32}}
)

// decider makes decisions; tests plant faults in one.
type decider func(in rollout.Input) rollout.Output

// drawer draws a number from 0 to n-1.
type drawer func(n int) int

// world is a fleet to which anything may happen. All that it keeps from one decision to the next is in the clusters, as their objects would.
type world struct {
	draw     drawer
	in       rollout.Input
	clusters map[string]*rollout.Cluster
	numbers  map[version.Minor]int
}

func newWorld(draw drawer) *world {
	w := &world{draw: draw, clusters: map[string]*rollout.Cluster{}, numbers: map[version.Minor]int{}}
	w.in.Now = time.Date(2026, 3, 28, 20, 0, 0, 0, time.UTC)
	p := &w.in.Policy
	for _, tier := range tierPool[:draw(3)] {
		g := w.group(tier)
		g.Selector = labels.SelectorFromSet(labels.Set{"tier": tier})
		g.Mandatory = draw(3) == 0
		p.Groups = append(p.Groups, g)
	}
	p.Rest = w.group("rest")
	p.Windows = w.windows()
	p.Halted, p.RolledBack, p.Emergency, p.Accepted = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}
	for _, name := range namePool {
		w.clusters[name] = &rollout.Cluster{Name: name, Minor: minorPool[draw(4)/3], Labels: map[string]string{"tier": tierPool[draw(3)]}}
	}
	w.release(minorPool[0])
	return w
}

func (w *world) group(name string) rollout.Group {
	return rollout.Group{Name: name, Windows: w.windows(), Pace: rollout.Pace{
		MaxConcurrency:   []rollout.Limit{{Value: 1}, {Value: 2}, {Value: 50, Percent: true}, {Value: 100, Percent: true}, {}}[min(w.draw(9), 4)],
		MinSuccessTime:   time.Duration(w.draw(3)) * 10 * time.Minute,
		ProgressDeadline: time.Duration(w.draw(3)) * 15 * time.Minute,
		MaxFailures:      []rollout.Limit{{Value: 0}, {Value: 1}, {Value: 25, Percent: true}, {Value: 100, Percent: true}}[w.draw(4)],
	}}
}

func (w *world) windows() (all []rollout.Window) {
	if w.draw(4) > 0 {
		return nil
	}
	for _, text := range [][]string{{"0 22 * * *", "3h", "Europe/Berlin"}, {"30 * * * *", "20m", ""}}[:1+w.draw(2)] {
		window, err := rollout.ParseWindow(text[0], text[1], text[2])
		if err != nil {
			panic(err)
		}
		all = append(all, window)
	}
	return all
}

func (w *world) release(m version.Minor) {
	w.numbers[m]++
	w.in.Releases = append(w.in.Releases, rollout.Release{Tag: release.Tag{Minor: m, Distribution: "ake", N: w.numbers[m]}, Usable: true})
}

func (w *world) input() rollout.Input {
	in := w.in
	in.Clusters = nil
	for _, name := range sortedKeys(w.clusters) {
		in.Clusters = append(in.Clusters, *w.clusters[name])
	}
	return in
}

// event lets one thing happen.
func (w *world) event() {
	name := namePool[w.draw(len(namePool))]
	tag := func() string {
		return w.in.Releases[len(w.in.Releases)-1-w.draw(min(2, len(w.in.Releases)))].Tag.String()
	}
	toggle := func(m map[string]bool) { t := tag(); m[t] = !m[t] }
	switch what := w.draw(20); {
	case what < 4:
		w.in.Now = w.in.Now.Add(time.Duration(1+w.draw(60)) * time.Minute)
	case what == 4:
		w.in.Now = w.in.Now.Add(-time.Duration(w.draw(20)) * time.Minute)
	case what < 7:
		w.release(minorPool[w.draw(4)/3])
	case what == 7:
		r := &w.in.Releases[w.draw(len(w.in.Releases))]
		r.Usable = !r.Usable
	case what == 8:
		toggle([]map[string]bool{w.in.Policy.Halted, w.in.Policy.RolledBack, w.in.Policy.Emergency}[w.draw(3)])
	case what == 9:
		t := tag()
		if w.in.Policy.Accepted[t] == nil {
			w.in.Policy.Accepted[t] = map[string]bool{}
		}
		w.in.Policy.Accepted[t][name] = true
	case w.clusters[name] == nil:
		w.clusters[name] = &rollout.Cluster{Name: name, Minor: minorPool[w.draw(2)], Labels: map[string]string{"tier": tierPool[w.draw(3)]}}
	case what == 10:
		delete(w.clusters, name)
	case what < 16:
		w.health(w.clusters[name])
	default:
		w.change(w.clusters[name])
	}
}

// health is what Argo CD reports of a cluster.
func (w *world) health(c *rollout.Cluster) {
	c.Failed, c.Unreachable = "", ""
	ready := c.Ready
	c.Ready = false
	switch w.draw(8) {
	case 0:
		c.Failed = "it broke"
	case 1:
		c.Unreachable = "it is dead"
	case 2: // On its way.
	default:
		if c.Ready = !c.At.IsZero(); c.Ready && !ready {
			c.ReadySince = w.in.Now
		}
	}
}

// change is what people do to a cluster.
func (w *world) change(c *rollout.Cluster) {
	switch w.draw(5) {
	case 0:
		c.Labels = map[string]string{"tier": tierPool[w.draw(3)]}
	case 1:
		c.Minor, c.Ready = minorPool[w.draw(2)], false
	case 2:
		c.Exempt = []string{"", "", "paused"}[w.draw(3)]
	case 3:
		c.Pinned = release.Tag{}
		if w.draw(3) == 0 {
			c.Pinned = w.in.Releases[w.draw(len(w.in.Releases))].Tag
		}
	case 4:
		c.Empty = w.draw(3) == 0
		c.Ready = c.Ready && !c.Empty
	}
}

// some is what gets written before the manager dies.
func (w *world) some(out rollout.Output) rollout.Output {
	written := rollout.Output{Permits: map[string]rollout.Permit{}}
	all := w.draw(2) == 0
	for _, name := range sortedKeys(out.Permits) {
		if all || w.draw(3) > 0 {
			written.Permits[name] = out.Permits[name]
		}
	}
	return written
}

// calm lets everything but the wave come to rest: who can be reached and has not failed gets Ready, people accept what failed, and time passes.
func (w *world) calm(out rollout.Output) {
	clear(w.in.Policy.Halted)
	for _, name := range sortedKeys(w.clusters) {
		c := w.clusters[name]
		if c.Failed == "" && c.Unreachable == "" && !c.Ready && !c.Empty && !c.At.IsZero() {
			c.Ready, c.ReadySince = true, w.in.Now
		}
	}
	for _, s := range out.Rollouts {
		for _, g := range s.Groups {
			for _, late := range g.Late {
				if w.in.Policy.Accepted[s.Release] == nil {
					w.in.Policy.Accepted[s.Release] = map[string]bool{}
				}
				w.in.Policy.Accepted[s.Release][late] = true
			}
		}
	}
	if out.Next.After(w.in.Now) {
		w.in.Now = out.Next
	}
}

// tags of what is usable and not taken back, for one minor, oldest first.
func usable(in rollout.Input, m version.Minor) (tags []release.Tag) {
	for _, r := range in.Releases {
		if r.Usable && r.Tag.Minor == m && !in.Policy.RolledBack[r.Tag.String()] {
			tags = append(tags, r.Tag)
		}
	}
	slices.SortFunc(tags, release.Tag.Compare)
	return tags
}
