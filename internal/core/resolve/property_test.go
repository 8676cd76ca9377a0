package resolve_test

import (
	"errors"
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// What must hold for every fleet, whatever happens to it.
var (
	errPure       = errors.New("the same input in another order gives another plan")
	errNames      = errors.New("an Application has two owners, or changes its name")
	errLeaves     = errors.New("a pair leaves without a reason that allows it")
	errRevision   = errors.New("a revision is neither what was delivered nor the release of the cluster's minor")
	errAbsence    = errors.New("a cluster that is absent from the list changes something")
	errHeld       = errors.New("a held cluster is changed")
	errConverges  = errors.New("it does not come to rest")
	errUnlisted   = errors.New("a pair that stays is listed no more")
	invariants    = []func(fleet) error{pure, stableNames, allowedToLeave, revisions, absence, heldStays, staysListed}
	addonPool     = []string{"a", "b", "b-a", "c", "c-b-a"}
	clusterPool   = []string{"x", "x-b", "x-c", "x-c-b"}
	minorPool     = []version.Minor{{Major: 1, Minor: 31}, {Major: 1, Minor: 32}, {Major: 1, Minor: 33}}
	propertySteps = 25
)

// fleet is one moment: what a decision was made from, what it was, and who makes them.
type fleet struct {
	in     resolve.Input
	plan   resolve.Plan
	decide decider
}

// TestInvariants lets anything happen to random fleets, and looks at every plan.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
		if err := explore(draw, resolve.Make); err != nil {
			t.Fatal(err)
		}
	})
}

// TestInvariantsCatchFaults plants a fault in the decision; the invariant that it breaks must say so.
func TestInvariantsCatchFaults(t *testing.T) {
	pairs := func(change func(in resolve.Input, p *resolve.Pair)) decider {
		return func(in resolve.Input) resolve.Plan {
			plan := resolve.Make(in)
			plan.Pairs = []resolve.Pair{}
			for i := range plan.Clusters {
				c := &plan.Clusters[i]
				for j := range c.Pairs {
					change(in, &c.Pairs[j])
					c.Held = c.Held && !c.Pairs[j].Delete
				}
				plan.Pairs = append(plan.Pairs, c.Pairs...)
			}
			return plan
		}
	}
	leave := func(p *resolve.Pair) {
		if p.Delivered != "" {
			p.Action, p.Element, p.Delete = resolve.Remove, nil, true
		}
	}
	for name, tc := range map[string]struct {
		decide decider
		want   error
	}{
		"the plan follows the order of the clusters": {func(in resolve.Input) resolve.Plan {
			plan := resolve.Make(in)
			if len(in.Clusters) > 1 && in.Clusters[0].Name > in.Clusters[1].Name {
				slices.Reverse(plan.Pairs)
			}
			return plan
		}, errPure},
		"a gone cluster is cleaned up": {pairs(func(_ resolve.Input, p *resolve.Pair) {
			if len(p.Reasons) > 0 && p.Reasons[0].Code == resolve.CodeClusterGone {
				leave(p)
			}
		}), errLeaves},
		"a refused release takes away": {pairs(func(_ resolve.Input, p *resolve.Pair) {
			if len(p.Reasons) > 0 && p.Reasons[0].Code == resolve.CodeNoRelease {
				leave(p)
			}
		}), errLeaves},
		"an unreadable label takes away": {pairs(func(_ resolve.Input, p *resolve.Pair) {
			if len(p.Reasons) > 0 && p.Reasons[0].Code == cluster.CodeInvalidSwitch {
				leave(p)
			}
		}), errLeaves},
		"what another needs is taken away": {pairs(func(_ resolve.Input, p *resolve.Pair) {
			if len(p.Reasons) > 1 && p.Reasons[1].Code == resolve.CodeRequired {
				leave(p)
			}
		}), errLeaves},
		"a move makes a new name": {pairs(func(_ resolve.Input, p *resolve.Pair) {
			if p.Action == resolve.Move {
				p.Application += "-2"
			}
		}), errNames},
		"names are cluster and addon": {pairs(func(_ resolve.Input, p *resolve.Pair) {
			if p.Action == resolve.Install && p.Element != nil {
				p.Application = p.Cluster + "-" + p.Addon
				p.Element.Application = p.Application
			}
		}), errNames},
		"a branch for a revision": {pairs(func(_ resolve.Input, p *resolve.Pair) {
			if p.Element != nil {
				p.Element.Revision = release.Branch(minorPool[0])
			}
		}), errRevision},
		"the release of another minor": {func(in resolve.Input) resolve.Plan {
			in.Clusters = slices.Clone(in.Clusters)
			for i := range in.Clusters {
				if c := &in.Clusters[i]; !c.ReportedVersion.Minor.IsZero() {
					c.ReportedVersion.Minor = c.ReportedVersion.Minor.Next()
				}
			}
			return resolve.Make(in)
		}, errRevision},
		"a cluster counts the others": {func(in resolve.Input) resolve.Plan {
			if len(in.Clusters) == 1 {
				in.Clusters = slices.Clone(in.Clusters)
				in.Clusters[0].Paused = true
			}
			return resolve.Make(in)
		}, errAbsence},
		"a paused cluster moves": {pairs(func(in resolve.Input, p *resolve.Pair) {
			if len(p.Reasons) > 0 && p.Reasons[0].Code == cluster.CodePaused && p.Element != nil {
				p.Element.Server = "https://elsewhere"
			}
		}), errHeld},
		"a hold takes off the list": {pairs(func(_ resolve.Input, p *resolve.Pair) {
			if p.Action == resolve.Hold && p.Delivered != "" && p.Reasons[0].Code == resolve.CodeReleaseRefused {
				p.Element = nil
			}
		}), errUnlisted},
		"a plan that never ends": {pairs(func(in resolve.Input, p *resolve.Pair) {
			if p.Action == resolve.Keep && p.Element != nil {
				if p.Element.Path == "there" {
					p.Element.Path = "back"
				} else {
					p.Element.Path = "there"
				}
				for _, d := range in.Delivered[p.Cluster] {
					if d.Addon == p.Addon && d.Path == "there" {
						p.Element.Path = "back"
					}
				}
			}
		}), errConverges},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const tries = 400
			for seed := range int64(tries) {
				r := rand.New(rand.NewSource(seed))
				if err := explore(r.Intn, tc.decide); err != nil {
					if !errors.Is(err, tc.want) {
						t.Errorf("seed %d: found another fault: %v", seed, err)
					}
					return
				}
			}
			t.Errorf("not found in %d fleets", tries)
		})
	}
}

// explore lets things happen to a fleet, in steps that managers and controllers may leave half done, and checks every plan.
func explore(draw func(n int) int, decide decider) error {
	w := newWorld()
	w.tags = draw(4) == 0
	secrets := map[string]*cluster.Secret{}
	for _, name := range clusterPool {
		s := secret(name)
		secrets[name] = &s
	}
	present := map[string]bool{}
	numbers := map[version.Minor]int{}
	for range propertySteps {
		name := clusterPool[draw(len(clusterPool))]
		event(draw, w, secrets[name], present, numbers)
		var all []cluster.Secret
		for _, name := range clusterPool {
			if present[name] {
				all = append(all, with(*secrets[name], func(*cluster.Secret) {}))
			}
		}
		w.secrets(all...)
		in := w.input()
		f := fleet{in: in, plan: decide(in), decide: decide}
		for _, check := range invariants {
			if err := check(f); err != nil {
				return err
			}
		}
		if draw(4) > 0 {
			w.apply(f.plan)
		}
		if draw(4) > 0 {
			if _, err := w.argo(); err != nil {
				return fmt.Errorf("%w: %w", errNames, err)
			}
		}
		last, err := w.clone().settle(decide)
		if err == nil {
			err = quiet(last)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errConverges, err)
		}
	}
	return nil
}

// event changes one thing.
func event(draw func(int) int, w *world, s *cluster.Secret, present map[string]bool, numbers map[version.Minor]int) {
	minor := minorPool[draw(len(minorPool))]
	switch draw(10) {
	case 0, 1, 2:
		key := catalog.LabelPrefix + addonPool[draw(len(addonPool))]
		if value := []string{"enabled", "enabled", "disabled", "yes", ""}[draw(5)]; value == "" {
			delete(s.Labels, key)
		} else {
			s.Labels[key] = value
		}
		present[s.Name] = true
	case 3, 4:
		numbers[minor]++
		tag := release.Tag{Minor: minor, Distribution: "ake", N: numbers[minor]}
		w.set(resolve.SourceRelease{Release: release.Release{Tag: tag, Commit: commitOf(tag.String())}, Catalog: randomCatalog(draw)})
	case 5:
		s.Annotations[cluster.VersionAnnotation] = []string{"1.31", "1.31.5", "v1.32.0-eks-1", "v1.33.1", "latest", "v1.40.0"}[draw(6)]
	case 6:
		present[s.Name] = !present[s.Name]
	case 7:
		if len(w.releases) > 0 {
			r := w.releases[draw(len(w.releases))]
			code := []fault.Code{resolve.CodeTagMoved, resolve.CodeTagGone, resolve.CodeCatalogInvalid}[draw(3)]
			r.Refused, r.Catalog = &fault.Reason{Code: code, Message: "refused"}, nil
			w.set(r)
		}
	case 8:
		if draw(3) == 0 {
			s.Annotations[cluster.PausedAnnotation] = "true"
		} else {
			delete(s.Annotations, cluster.PausedAnnotation)
		}
		s.Data["server"] = fmt.Appendf(nil, "https://%s-%d", s.Name, draw(2))
	case 9:
		w.unavailable = nil
		if draw(3) == 0 {
			w.unavailable = &fault.Reason{Code: resolve.CodeSourceUnavailable, Message: "unavailable"}
		}
	}
}

func randomCatalog(draw func(int) int) *catalog.Catalog {
	c := &catalog.Catalog{Distribution: "ake"}
	for i, name := range addonPool {
		if draw(4) == 0 {
			continue
		}
		a := catalog.Addon{
			Name: name, Path: "addons/" + name, Namespace: name, Source: catalog.Kustomize,
			Placement: []catalog.Placement{catalog.Workload, catalog.Management}[draw(2)],
			Enabled:   []catalog.Enabled{catalog.Optional, catalog.Default, catalog.Always}[draw(3)],
			OnDisable: []catalog.OnDisable{catalog.Prune, catalog.Retain}[draw(2)],
		}
		if draw(4) == 0 {
			a.Kubernetes, _ = version.ParseRange([]string{">=1.32", "<1.33"}[draw(2)])
		}
		if i > 0 && draw(3) == 0 {
			if need := addonPool[draw(i)]; slices.ContainsFunc(c.Addons, func(a catalog.Addon) bool { return a.Name == need }) {
				a.DependsOn = []string{need}
			}
		}
		if draw(4) == 0 {
			a.Parameters = []catalog.Parameter{{Name: "server", From: catalog.Source{Field: "server"}}}
		}
		c.Addons = append(c.Addons, a)
	}
	return c
}

func pure(f fleet) error {
	other := f.in
	other.Source.Releases = slices.Clone(f.in.Source.Releases)
	slices.Reverse(other.Source.Releases)
	other.Clusters = slices.Clone(f.in.Clusters)
	slices.Reverse(other.Clusters)
	other.Delivered = map[string][]resolve.Delivered{}
	for name, delivered := range f.in.Delivered {
		other.Delivered[name] = slices.Clone(delivered)
		slices.Reverse(other.Delivered[name])
	}
	if again := f.decide(other); !reflect.DeepEqual(again, f.plan) {
		return fmt.Errorf("%w: %s", errPure, cmp.Diff(f.plan, again, unexported))
	}
	return nil
}

// each visits what is delivered and not on its way out, with what the plan makes of it.
func (f fleet) each(do func(d resolve.Delivered, p *resolve.Pair) error) error {
	at := map[resolve.PairKey]*resolve.Pair{}
	for i := range f.plan.Pairs {
		p := &f.plan.Pairs[i]
		at[resolve.PairKey{Cluster: p.Cluster, Addon: p.Addon}] = p
	}
	for name, delivered := range f.in.Delivered {
		for _, d := range delivered {
			p := at[resolve.PairKey{Cluster: name, Addon: d.Addon}]
			if p == nil {
				return fmt.Errorf("%w: %s on %s is not in the plan", errUnlisted, d.Addon, name)
			}
			if d.Deleting {
				continue
			}
			if err := do(d, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func stableNames(f fleet) error {
	owner := map[string]resolve.PairKey{}
	for _, p := range f.plan.Pairs {
		if p.Element == nil {
			continue
		}
		key := resolve.PairKey{Cluster: p.Cluster, Addon: p.Addon}
		if other, taken := owner[p.Application]; taken {
			return fmt.Errorf("%w: %s is of %v and %v", errNames, p.Application, key, other)
		}
		if len(p.Application) > 63 || p.Element.Application != p.Application {
			return fmt.Errorf("%w: %q, listed as %q", errNames, p.Application, p.Element.Application)
		}
		owner[p.Application] = key
	}
	return f.each(func(d resolve.Delivered, p *resolve.Pair) error {
		if p.Application != d.Application {
			return fmt.Errorf("%w: %s on %s was %s and becomes %s", errNames, d.Addon, p.Cluster, d.Application, p.Application)
		}
		return nil
	})
}

// best is what a cluster should run, told in another way than the decision does; nil when that is not certain.
func (f fleet) best(name string) (c resolve.Cluster, best *resolve.SourceRelease) {
	for _, one := range f.in.Clusters {
		if one.Name == name {
			c = one
		}
	}
	if c.Name == "" || c.Hold != nil || c.Paused || f.in.Source.Unavailable != nil {
		return c, nil
	}
	for i, r := range f.in.Source.Releases {
		if r.Tag.Minor == c.ReportedVersion.Minor && r.Refused == nil && (best == nil || r.Tag.N > best.Tag.N) {
			best = &f.in.Source.Releases[i]
		}
	}
	return c, best
}

func addonOf(c *catalog.Catalog, name string) *catalog.Addon {
	for i := range c.Addons {
		if c.Addons[i].Name == name {
			return &c.Addons[i]
		}
	}
	return nil
}

// needs tells that a pair depends on an addon, by a catalog or by that of the release that it is at.
func (f fleet) needs(by *catalog.Catalog, p resolve.Pair, addon string) bool {
	catalogs := []*catalog.Catalog{by}
	for _, r := range f.in.Source.Releases {
		if r.Tag.String() == p.Delivered && r.Catalog != nil && r.Refused == nil {
			catalogs = append(catalogs, r.Catalog)
		}
	}
	return slices.ContainsFunc(catalogs, func(c *catalog.Catalog) bool {
		a := addonOf(c, p.Addon)
		return a != nil && slices.Contains(a.DependsOn, addon)
	})
}

// allowedToLeave names the only reasons: a person switched the addon off, a newer release or the minor that the cluster moved to lacks it.
func allowedToLeave(f fleet) error {
	return f.each(func(d resolve.Delivered, p *resolve.Pair) error {
		if p.Action != resolve.Remove && p.Action != resolve.Release && !p.Delete {
			return nil
		}
		refuse := func(why string) error {
			return fmt.Errorf("%w: %s on %s: %s: %+v", errLeaves, d.Addon, p.Cluster, why, p.Reasons)
		}
		c, best := f.best(p.Cluster)
		if best == nil {
			return refuse("nothing is certain about the cluster")
		}
		for _, other := range f.plan.Pairs {
			if other.Cluster != p.Cluster || other.Delivered == "" || other.Action == resolve.Remove || other.Action == resolve.Release {
				continue
			}
			if f.needs(best.Catalog, other, d.Addon) {
				return refuse(other.Addon + " needs it")
			}
		}
		value, set := c.Labels[catalog.LabelPrefix+d.Addon]
		a := addonOf(best.Catalog, d.Addon)
		if a == nil {
			have := mustTag(d.Release)
			if have.Minor == best.Tag.Minor && have.N >= best.Tag.N {
				return refuse("no newer release dropped it")
			}
			return nil
		}
		switch {
		case a.Enabled != catalog.Always && value == "disabled", a.Enabled == catalog.Optional && !set:
		case !a.Kubernetes.Holds(c.ReportedVersion) && (!set || value == "enabled" || a.Enabled == catalog.Always):
		default:
			return refuse("it is on")
		}
		return nil
	})
}

func revisions(f fleet) error {
	had := map[string]resolve.Element{}
	for _, delivered := range f.in.Delivered {
		for _, d := range delivered {
			had[d.Application] = d.Element
		}
	}
	for _, p := range f.plan.Pairs {
		if p.Element == nil {
			continue
		}
		e := *p.Element
		if was := had[p.Application]; e.Revision == was.Revision && e.Commit == was.Commit || e.Revision == was.Commit && e.Commit == was.Commit && f.in.Source.RevisionTag {
			continue
		}
		_, best := f.best(p.Cluster)
		want := ""
		if best != nil {
			want = best.Commit
			if f.in.Source.RevisionTag {
				want = best.Tag.String()
			}
		}
		if e.Revision != want || !f.in.Source.RevisionTag && !release.IsCommit(e.Revision) {
			return fmt.Errorf("%w: %s on %s: %q, want %q", errRevision, p.Addon, p.Cluster, e.Revision, want)
		}
	}
	return nil
}

// absence takes each cluster out of the list in turn: it keeps all it has, and no other notices.
func absence(f fleet) error {
	for i, c := range f.in.Clusters {
		without := f.in
		without.Clusters = slices.Delete(slices.Clone(f.in.Clusters), i, i+1)
		plan := f.decide(without)
		others := func(p resolve.Pair) bool { return p.Cluster == c.Name }
		if a, b := slices.DeleteFunc(slices.Clone(f.plan.Pairs), others), slices.DeleteFunc(slices.Clone(plan.Pairs), others); !reflect.DeepEqual(a, b) {
			return fmt.Errorf("%w: without %s: %s", errAbsence, c.Name, cmp.Diff(a, b, unexported))
		}
		gone := fleet{in: without, plan: plan, decide: f.decide}
		err := gone.each(func(d resolve.Delivered, p *resolve.Pair) error {
			if p.Cluster == c.Name && (p.Action != resolve.Hold || p.Delete || p.Element == nil || p.Element.Server != d.Server || p.Element.Commit != d.Commit) {
				return fmt.Errorf("%w: %s on %s: %s", errLeaves, d.Addon, c.Name, p.Action)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func heldStays(f fleet) error {
	held := map[string]bool{}
	for _, c := range f.plan.Clusters {
		held[c.Name] = c.Held
	}
	return f.each(func(d resolve.Delivered, p *resolve.Pair) error {
		if held[p.Cluster] && (p.Element == nil || d.Listed && *p.Element != d.Element || p.Delete) {
			return fmt.Errorf("%w: %s on %s: %+v", errHeld, d.Addon, p.Cluster, p.Element)
		}
		return nil
	})
}

func staysListed(f fleet) error {
	return f.each(func(d resolve.Delivered, p *resolve.Pair) error {
		if p.Action != resolve.Remove && p.Action != resolve.Release && p.Element == nil {
			return fmt.Errorf("%w: %s on %s: %s", errUnlisted, d.Addon, p.Cluster, p.Action)
		}
		return nil
	})
}
