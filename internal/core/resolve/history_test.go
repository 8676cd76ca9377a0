package resolve_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// history is a fleet that things happen to, with all that a person would remember of it.
type history struct {
	draw    func(n int) int
	decide  decider
	w       *world
	secrets map[string]*cluster.Secret
	present map[string]bool
	numbers map[version.Minor]int
	// offSince is since when each pair has been off, as far as anybody looked.
	offSince map[resolve.PairKey]time.Time
	// quarantine is the last one shown, approved what each hash stood for that a person approved.
	quarantine *budget.Quarantine
	approved   map[string][]budget.Deletion
	// deletions is how many were checked.
	deletions int
	// gaveUp and forgotten are what people were told they would not be told of again.
	gaveUp    map[string]bool
	forgotten map[resolve.PairKey]bool
}

const (
	historySteps = 30
	graceOfAll   = 10 * time.Minute
	// The limits that the histories are held against.
	perAddon, perFleet    = 1, 2
	canaries, others      = 1, 2
	soakCanary, soakOther = 30 * time.Minute, 10 * time.Minute
	progressDeadline      = time.Hour
)

var (
	historyClusters = []string{"x", "x-b", "x-c", "x-c-b", "z", "z-b"}
	canary          = map[string]bool{"x": true, "x-b": true}
)

func newHistory(draw func(int) int, decide decider) *history {
	h := &history{
		draw: draw, decide: decide, w: newWorld(), secrets: map[string]*cluster.Secret{}, present: map[string]bool{}, numbers: map[version.Minor]int{},
		offSince: map[resolve.PairKey]time.Time{}, approved: map[string][]budget.Deletion{},
		gaveUp: map[string]bool{}, forgotten: map[resolve.PairKey]bool{},
	}
	h.w.tags = draw(4) == 0
	for _, name := range historyClusters {
		s := secret(name)
		if canary[name] {
			s.Labels["tier"] = "canary"
		}
		h.secrets[name], h.present[name] = &s, true
	}
	limit := func(n int) rollout.Limit { return rollout.Limit{Value: n} }
	selector, _ := labels.Parse("tier=canary")
	h.w.policy = resolve.Policy{
		Deletion: resolve.Deletion{Grace: graceOfAll, Budget: &budget.Policy{
			PerAddon: budget.Limit{Value: perAddon}, Fleet: budget.Limit{Value: perFleet}, Approved: map[string]bool{},
		}},
		Rollout: rollout.Policy{
			Groups: []rollout.Group{{Name: "canary", Selector: selector, Pace: rollout.Pace{
				MaxConcurrency: limit(canaries), MinSuccessTime: soakCanary, ProgressDeadline: progressDeadline, MaxFailures: limit(draw(2)),
			}}},
			Rest: rollout.Group{Name: "rest", Pace: rollout.Pace{
				MaxConcurrency: limit(others), MinSuccessTime: soakOther, ProgressDeadline: progressDeadline, MaxFailures: limit(draw(4)),
			}},
		},
	}
	return h
}

// live plays one history, and checks every moment of it.
func live(draw func(n int) int, decide decider) error {
	h := newHistory(draw, decide)
	for range historySteps {
		h.happen()
		h.w.now = h.w.now.Add([]time.Duration{0, time.Second, time.Minute, 11 * time.Minute, 35 * time.Minute, 2 * time.Hour}[draw(6)])
		if err := h.pass(); err != nil {
			return err
		}
	}
	return h.converge(draw(2) == 0)
}

// pass is one decision, applied as far as the manager lives, and followed as far as Argo CD does.
func (h *history) pass() error {
	w := h.w
	h.publish()
	in := w.input()
	plan := h.decide(in)
	h.quarantine = plan.Quarantine
	on, err := h.check(in, plan)
	if err != nil {
		return err
	}
	if h.draw(4) == 0 {
		w.patience = h.draw(6)
	}
	w.apply(plan)
	dead := w.patience == 0
	w.patience = -1
	for _, key := range on {
		if !dead { // What was not written down was not seen.
			delete(h.offSince, key)
		}
	}
	if h.draw(4) > 0 {
		if _, err := w.argo(); err != nil {
			return fmt.Errorf("%w: %w", errNames, err)
		}
	}
	return errors.Join(h.checkDeletions(), h.checkReleased())
}

// publish lets the manager see the cluster Secrets as they are.
func (h *history) publish() {
	var all []cluster.Secret
	for _, name := range historyClusters {
		if h.present[name] {
			all = append(all, with(*h.secrets[name], func(*cluster.Secret) {}))
		}
	}
	h.w.secrets(all...)
}

// happen changes one thing.
func (h *history) happen() {
	draw, w := h.draw, h.w
	name := historyClusters[draw(len(historyClusters))]
	s := h.secrets[name]
	switch draw(16) {
	case 0, 1, 2:
		if draw(2) == 0 { // Somebody cannot make up their mind.
			h.label(h.secrets["z"], addonPool[draw(2)])
		} else {
			h.label(s, addonPool[draw(len(addonPool))])
		}
	case 3: // Somebody's script does it everywhere.
		key := catalog.LabelPrefix + addonPool[draw(len(addonPool))]
		for _, s := range h.secrets {
			delete(s.Labels, key)
		}
	case 4, 5, 6:
		minor := minorPool[draw(4)/2]
		h.numbers[minor]++
		tag := release.Tag{Minor: minor, Distribution: "ake", N: h.numbers[minor]}
		made := resolve.SourceRelease{Release: release.Release{Tag: tag, Commit: commitOf(tag.String())}, Catalog: randomCatalog(draw)}
		if draw(3) > 0 { // Most releases change little.
			if last := h.last(minor); last != nil {
				made.Catalog = last
			}
		}
		w.set(made)
	case 7:
		s.Annotations[cluster.VersionAnnotation] = []string{"1.31", "v1.31.5", "v1.32.0-eks-1", "v1.32.7", "latest", "v1.40.0"}[draw(6)]
	case 8:
		h.present[name] = !h.present[name]
	case 9:
		h.refuse()
	case 10:
		h.annotate(s)
	case 11:
		w.unavailable = nil
		if draw(4) == 0 {
			w.unavailable = &fault.Reason{Code: resolve.CodeSourceUnavailable, Message: "unavailable"}
		}
	case 12:
		if w.health = slices.Clone(w.health); draw(3) == 0 {
			w.health = nil
			break
		}
		at := []string{"", "@" + h.anyTag()}[draw(2)]
		w.health = append(w.health, fmt.Sprintf("%s/%s%s %s", []string{"*", name}[draw(2)], []string{"*", addonPool[draw(len(addonPool))]}[draw(2)], at, modes[draw(len(modes))]))
	case 13:
		h.steer()
	case 14:
		w.orders[name] = h.order(name)
	case 15:
		if q := h.quarantine; q != nil && draw(2) == 0 {
			w.policy.Deletion.Budget = ptrTo(*w.policy.Deletion.Budget)
			w.policy.Deletion.Budget.Approved = maps.Clone(w.policy.Deletion.Budget.Approved)
			w.policy.Deletion.Budget.Approved[q.Hash] = true
			h.approved[q.Hash] = append(h.approved[q.Hash], q.Deletions...)
		}
	}
}

func ptrTo[T any](v T) *T { return &v }

func (h *history) label(s *cluster.Secret, addon string) {
	key := catalog.LabelPrefix + addon
	if value := []string{"enabled", "enabled", "enabled", "disabled", "yes", ""}[h.draw(6)]; value == "" {
		delete(s.Labels, key)
	} else {
		s.Labels[key] = value
	}
}

func (h *history) annotate(s *cluster.Secret) {
	set := func(key string, values ...string) {
		if value := values[h.draw(len(values))]; value == "" {
			delete(s.Annotations, key)
		} else {
			s.Annotations[key] = value
		}
	}
	set(cluster.PausedAnnotation, "true", "", "", "")
	set(cluster.OnDisableAnnotation, "retain", "prune", "a=retain, prune", "nonsense", "", "")
	s.Data["server"] = fmt.Appendf(nil, "https://%s-%d", s.Name, h.draw(2))
	s.Data["name"] = fmt.Appendf(nil, "%s-%d", s.Name, h.draw(2))
}

// last is the catalog of the newest release of a minor.
func (h *history) last(minor version.Minor) (c *catalog.Catalog) {
	n := 0
	for _, r := range h.w.releases {
		if r.Tag.Minor == minor && r.Catalog != nil && r.Tag.N > n {
			n, c = r.Tag.N, r.Catalog
		}
	}
	return c
}

// refuse refuses a release, or all of them are fine again.
func (h *history) refuse() {
	w := h.w
	if len(w.releases) == 0 {
		return
	}
	i := h.draw(len(w.releases))
	r := w.releases[i]
	if r.Refused != nil {
		r.Refused = nil
	} else {
		code := []fault.Code{resolve.CodeTagMoved, resolve.CodeTagGone, resolve.CodeCatalogInvalid}[h.draw(3)]
		r.Refused = &fault.Reason{Code: code, Message: "refused"}
	}
	w.releases = slices.Clone(w.releases)
	w.releases[i] = r
}

func (h *history) anyTag() string {
	if len(h.w.releases) == 0 {
		return "v1.31-ake.1"
	}
	return h.w.releases[h.draw(len(h.w.releases))].Tag.String()
}

// steer is a person who halts, resumes, takes back, hurries or pauses.
func (h *history) steer() {
	p := &h.w.policy
	toggle := func(m *map[string]bool, tag string) {
		*m = maps.Clone(*m)
		if *m == nil {
			*m = map[string]bool{}
		}
		if (*m)[tag] {
			delete(*m, tag)
		} else {
			(*m)[tag] = true
		}
	}
	switch tag := h.anyTag(); h.draw(6) {
	case 0:
		toggle(&p.Rollout.Halted, tag)
	case 1:
		toggle(&p.Rollout.RolledBack, tag)
	case 2:
		toggle(&p.Rollout.Emergency, tag)
	case 3, 4:
		p.Rollout.Accepted = map[string]map[string]bool{tag: setOf(historyClusters)}
	case 5:
		p.Paused = !p.Paused && h.draw(2) == 0
	}
}

// order is what people ask for a cluster next.
func (h *history) order(name string) (o resolve.Orders) {
	until := h.w.now.Add([]time.Duration{time.Minute, time.Hour, 3 * time.Hour}[h.draw(3)])
	switch addon := addonPool[h.draw(len(addonPool))]; h.draw(8) {
	case 0:
		o.Pins = []resolve.Pin{{Release: h.anyTag(), Expires: until, Owner: "ada", Reason: "why"}}
	case 1, 2:
		o.Pins = []resolve.Pin{{Addon: addon, Release: h.anyTag(), Expires: until, Owner: "ada", Reason: "why"}}
	case 3:
		o.Freeze = &resolve.Freeze{Until: until, Owner: "ada", Reason: "why"}
	case 4:
		if h.draw(2) == 0 {
			o.Decommission = &resolve.Decommission{Abandon: h.draw(2) == 0, Requested: h.w.now, Deadline: until}
		}
	case 5:
		o.Adopt = []string{addon}
	case 6:
		for _, r := range h.w.released[name] {
			o.Forget = map[string]time.Time{r.Addon: r.Since}
			h.forgotten[resolve.PairKey{Cluster: name, Addon: r.Addon}] = true
		}
	}
	return o
}

// calm is more hours than anything takes that time alone brings to its end.
const calm = 24

// converge lets nothing happen any more, in the end nothing is written. Where everything is mended before, every release has reached everyone.
func (h *history) converge(mended bool) error {
	w := h.w
	if mended {
		h.mend()
	}
	h.publish()
	quiet := 0
	for range calm {
		writes := 0
		for round := 0; ; round++ {
			in := w.input()
			plan := h.decide(in)
			on, err := h.check(in, plan)
			if err != nil {
				return err
			}
			for _, key := range on {
				delete(h.offSince, key)
			}
			n := w.apply(plan)
			changes, err := w.argo()
			if err := errors.Join(err, h.checkDeletions(), h.checkReleased()); err != nil {
				return err
			}
			if writes += n + changes; n+changes == 0 {
				break
			}
			if round > rounds {
				return fmt.Errorf("%w: not in %d rounds", errConverges, rounds)
			}
		}
		if quiet++; writes > 0 {
			quiet = 0
		}
		w.now = w.now.Add(time.Hour)
	}
	if quiet < 3 {
		return fmt.Errorf("%w: it still writes after %d hours", errConverges, calm)
	}
	if mended {
		return h.arrived()
	}
	return nil
}

// mend takes away all that is in the way.
func (h *history) mend() {
	w := h.w
	w.health, w.orders, w.unavailable = nil, map[string]resolve.Orders{}, nil
	w.policy.Paused, w.policy.Rollout.Halted, w.policy.Rollout.RolledBack = false, nil, nil
	w.releases = slices.Clone(w.releases)
	for i := range w.releases {
		w.releases[i].Refused = nil
	}
	for name, s := range h.secrets {
		h.present[name] = true
		delete(s.Annotations, cluster.PausedAnnotation)
		delete(s.Annotations, cluster.OnDisableAnnotation)
		if v := s.Annotations[cluster.VersionAnnotation]; v == "latest" || v == "v1.40.0" {
			s.Annotations[cluster.VersionAnnotation] = "v1.32.8"
		}
		for key, value := range s.Labels {
			if value == "yes" {
				delete(s.Labels, key)
			}
		}
	}
}

// arrived tells who is still behind although nothing is in the way.
func (h *history) arrived() error {
	plan := h.decide(h.w.input())
	for _, r := range plan.Rollouts {
		if r.State != rollout.StateCompleted {
			return fmt.Errorf("%w: %s is %s: %s", errStuck, r.Release, r.State, r.Message)
		}
	}
	for i := range plan.Clusters {
		c := &plan.Clusters[i]
		if c.Held || len(c.Pairs) == 0 {
			continue
		}
		if c.Admitted.Release != c.Release && h.w.admitted[c.Name].Release != "" {
			return fmt.Errorf("%w: %s is at %s, and %s is out", errStuck, c.Name, c.Admitted.Release, c.Release)
		}
		others := 0
		for _, p := range c.Pairs {
			if p.Action == resolve.Hold && p.Reasons[0].Code != resolve.CodeWaitingForDependency {
				others++
			}
		}
		for _, p := range c.Pairs {
			if p.Action == resolve.Hold && p.Reasons[0].Code == resolve.CodeWaitingForDependency && others == 0 {
				return fmt.Errorf("%w: %s on %s: %s", errStuck, p.Addon, p.Cluster, p.Reasons[0].Message)
			}
		}
	}
	return nil
}
