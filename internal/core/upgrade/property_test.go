package upgrade

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v3/pkg/chartutil"
	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// The fleets of these tests: a few addons with one or two charts, of which many versions do not run on many minors.
var (
	drawVersion = rapid.Custom(func(t *rapid.T) string {
		v := fmt.Sprintf("%d.%d.%d", rapid.IntRange(1, 3).Draw(t, "major"), rapid.IntRange(0, 2).Draw(t, "minor"), rapid.IntRange(0, 1).Draw(t, "patch"))
		return v + rapid.SampledFrom([]string{"", "", "", "", "-rc.1"}).Draw(t, "suffix")
	})
	drawKube    = rapid.SampledFrom([]string{"", "", ">=1.31-0", ">=1.32.0-0", "<1.32", ">=1.30-0 <1.33-0", "1.31.x", ">=1.99", "nonsense"})
	drawRange   = rapid.SampledFrom([]string{"", "", "", "<3", ">=2", "<2 || >=3", "1.x", "<=2.1", "1.2.0"})
	drawMinimum = rapid.SampledFrom([]time.Duration{0, 0, 24 * time.Hour})
	allMinors   = []version.Minor{{Major: 1, Minor: 30}, {Major: 1, Minor: 31}, {Major: 1, Minor: 32}, {Major: 1, Minor: 33}}
)

func drawFleet(t *rapid.T) Request {
	r := Request{Listings: map[upstream.Source]upstream.Listing{}, Seen: map[Release]time.Time{}, Now: now}
	r.Rules.MinimumAge = drawMinimum.Draw(t, "age")
	sources := []upstream.Source{source("helm:one"), source("oci:two"), source("image:quay.io/x/three")}
	for _, s := range sources {
		names := slices.Sorted(maps.Keys(rapid.MapOfN(drawVersion, rapid.Bool(), 0, 12).Draw(t, "versions")))
		var l upstream.Listing
		for _, name := range names {
			v := upstream.Version{Name: name, Described: true, Digest: "sha256:" + name}
			if s.Kind == upstream.Helm {
				v.Kubernetes, v.Deprecated = drawKube.Draw(t, "kube"), rapid.IntRange(0, 9).Draw(t, "deprecated") == 0
			}
			if rapid.Bool().Draw(t, "young") {
				v.Created = now.Add(-time.Duration(rapid.IntRange(0, 48).Draw(t, "hours")) * time.Hour)
			} else if rapid.Bool().Draw(t, "seen") {
				r.Seen[Release{s, name}] = now.Add(-48 * time.Hour)
			}
			l.Versions = append(l.Versions, v)
		}
		r.Listings[s] = l
	}
	addons := []string{"a", "b", "c"}
	rules := map[string]catalog.Upstream{}
	ranges := map[string]string{}
	for _, a := range addons {
		u := catalog.Upstream{Ignore: drawRange.Draw(t, "ignore"), Only: drawRange.Draw(t, "only"), Support: map[version.Minor]string{}}
		for _, m := range allMinors {
			if s := drawRange.Draw(t, "support"); s != "" && rapid.IntRange(0, 3).Draw(t, "has support") == 0 {
				u.Support[m] = s
			}
		}
		rules[a] = u
		ranges[a] = rapid.SampledFrom([]string{"", "", ">=1.31", "<1.33"}).Draw(t, "kubernetes")
	}
	if rapid.Bool().Draw(t, "group") {
		r.Rules.Groups = []catalog.UpgradeGroup{{Name: "ab", Addons: []string{"a", "b"}}}
	}
	branch := func(name string, minors ...version.Minor) Branch {
		b := Branch{Name: name, Minors: minors}
		for _, a := range addons {
			if rapid.IntRange(0, 5).Draw(t, "absent") == 0 {
				continue
			}
			addon := Addon{Addon: catalog.Addon{Name: a, Upstream: rules[a]}}
			addon.Kubernetes, _ = version.ParseRange(ranges[a])
			for _, s := range sources {
				if n := len(r.Listings[s].Versions); n > 0 && rapid.Bool().Draw(t, "pinned") {
					p := upstream.Pin{Source: s, Version: r.Listings[s].Versions[rapid.IntRange(0, n-1).Draw(t, "current")].Name}
					if s.Kind == upstream.Image && rapid.Bool().Draw(t, "digest") {
						p.Digest = "sha256:" + p.Version + rapid.SampledFrom([]string{"", "old"}).Draw(t, "content")
					}
					addon.Pins = append(addon.Pins, p)
				}
			}
			b.Addons = append(b.Addons, addon)
		}
		return b
	}
	r.Main = branch("main", allMinors...)
	for _, m := range allMinors {
		if rapid.IntRange(0, 4).Draw(t, "no branch") > 0 {
			r.Branches = append(r.Branches, branch("release-"+m.String(), m))
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "ignored") {
		s := rapid.SampledFrom(sources).Draw(t, "source")
		if all := r.Listings[s].Versions; len(all) > 0 {
			r.Ignored = append(r.Ignored, Ignored{
				Branch: rapid.SampledFrom([]string{"main", "release-1.31"}).Draw(t, "where"), Source: s, Version: rapid.SampledFrom(all).Draw(t, "which").Name, Major: rapid.Bool().Draw(t, "major"), By: "alice",
			})
		}
	}
	return r
}

// oracle answers by trying everything, with Helm's own function for what a chart runs on.
type oracle struct{ Request }

func (o oracle) acceptable(b Branch, a Addon, p upstream.Pin, v upstream.Version) bool {
	pinned, candidate := semver.MustParse(p.Version), semver.MustParse(v.Name)
	if !candidate.GreaterThan(pinned) || candidate.Prerelease() != "" && pinned.Prerelease() == "" || v.Deprecated {
		return false
	}
	final := *semver.New(candidate.Major(), candidate.Minor(), candidate.Patch(), "", "")
	in := func(text string) bool {
		c, err := semver.NewConstraint(text)
		return err == nil && (c.Check(&final) || c.Check(candidate))
	}
	u := a.Upstream
	if u.Ignore != "" && in(u.Ignore) || u.Only != "" && !in(u.Only) {
		return false
	}
	for _, i := range o.Ignored {
		if i.Branch == b.Name && i.Source == p.Source && (i.Version == v.Name || i.Major && semver.MustParse(i.Version).Major() == candidate.Major()) {
			return false
		}
	}
	runs := false
	for _, m := range b.Minors {
		if !a.Kubernetes.HoldsSome(m) {
			continue
		}
		if r, says := u.Support[m]; says {
			runs = runs || in(r)
			continue
		}
		kube, err := chartutil.ParseKubeVersion(m.String())
		runs = runs || v.Kubernetes == "" || err == nil && chartutil.IsCompatibleRange(v.Kubernetes, kube.String())
	}
	since := v.Created
	if since.IsZero() {
		since = o.Seen[Release{p.Source, v.Name}]
	}
	old := o.Rules.MinimumAge == 0 || !since.IsZero() && !o.Now.Add(-o.Rules.MinimumAge).Before(since)
	return runs && old
}

// newest is the newest version that a pin may get, not newer than most; empty when there is none.
func (o oracle) newest(b Branch, a Addon, p upstream.Pin, most string) (best string) {
	for _, v := range o.Listings[p.Source].Versions {
		if !o.acceptable(b, a, p, v) || most != "" && semver.MustParse(v.Name).GreaterThan(semver.MustParse(most)) {
			continue
		}
		if best == "" || semver.MustParse(v.Name).GreaterThan(semver.MustParse(best)) {
			best = v.Name
		}
	}
	return best
}

func (o oracle) offered(b Branch, a Addon) bool {
	return slices.ContainsFunc(b.Minors, a.Kubernetes.HoldsSome)
}

func (o oracle) onMain(addon string, s upstream.Source) (a Addon, p upstream.Pin, is bool) {
	for _, a := range o.Main.Addons {
		for _, p := range a.Pins {
			if a.Name == addon && p.Source == s && o.offered(o.Main, a) {
				return a, p, true
			}
		}
	}
	return a, p, false
}

// proposed is what a plan proposes for a pin on a branch: the newest, and everything.
func proposed(p Plan, branch, addon string, s upstream.Source) (newest string, all []Change) {
	for _, u := range p.Upgrades {
		for _, c := range u.Changes {
			if u.Branch != branch || u.Addon != addon || c.Pin.Source != s || c.Size == upstream.Digest {
				continue
			}
			all = append(all, c)
			if !c.Apart {
				newest = c.To
			}
		}
	}
	return newest, all
}

// picks are the pull requests for main that change a pin, with a version or any.
func picks(p Plan, addon string, s upstream.Source, to string) (found []Proposal) {
	for _, o := range p.Proposals {
		if o.Branch == "main" && slices.ContainsFunc(o.Changes, func(c Change) bool {
			return c.Addon == addon && c.Pin.Source == s && (to == "" || c.To == to)
		}) {
			found = append(found, o)
		}
	}
	return found
}

func barred(p Proposal, branch string) bool {
	return slices.ContainsFunc(p.Not, func(n Not) bool { return n.Branch == branch })
}

// TestOracle: what is proposed is what trying everything comes to. Nothing is lost, nothing proposed twice, and nothing ever goes back.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawFleet(t)
		o, plan := oracle{r}, Decide(r)
		for _, b := range slices.Concat([]Branch{r.Main}, r.Branches) {
			for _, a := range b.Addons {
				for _, p := range a.Pins {
					if !o.offered(b, a) {
						continue
					}
					got, changes := proposed(plan, b.Name, a.Name, p.Source)
					for _, c := range changes {
						i := slices.IndexFunc(r.Listings[p.Source].Versions, func(v upstream.Version) bool { return v.Name == c.To })
						if !o.acceptable(b, a, p, r.Listings[p.Source].Versions[i]) {
							t.Fatalf("%s %s %s: %s → %s cannot be", b.Name, a.Name, p.Source.Name, c.From, c.To)
						}
					}
					if b.Name == "main" {
						if want := o.newest(b, a, p, ""); got != want {
							t.Fatalf("main %s %v: %s → %q, want %q", a.Name, p.Source, p.Version, got, want)
						}
						continue
					}
					o.branch(t, plan, b, a, p, got)
				}
			}
		}
		unique(t, plan)
	})
}

// branch checks one pin of a release branch.
func (o oracle) branch(t *rapid.T, plan Plan, b Branch, a Addon, p upstream.Pin, got string) {
	mainAddon, mainPin, onMain := o.onMain(a.Name, p.Source)
	if !onMain {
		if want := o.newest(b, a, p, ""); got != want {
			t.Fatalf("%s %s %v, which main does not have: %s → %q, want %q", b.Name, a.Name, p.Source, p.Version, got, want)
		}
		return
	}
	target := o.newest(o.Main, mainAddon, mainPin, "")
	if target == "" {
		target = mainPin.Version
	}
	best := o.newest(b, a, p, target)
	for _, pull := range picks(plan, a.Name, p.Source, "") {
		for _, c := range pull.Changes {
			if c.Addon != a.Name || c.Pin.Source != p.Source || barred(pull, b.Name) || c.Size == upstream.Digest {
				continue
			}
			// A pick would bring it. That is the same as what the branch gets itself, or nothing.
			if got == c.To {
				continue
			}
			if got != "" {
				t.Fatalf("%s %s %v gets %s of its own, and %s by a pick of %s", b.Name, a.Name, p.Source, got, c.To, pull.Head)
			}
			if semver.MustParse(p.Version).GreaterThan(semver.MustParse(c.To)) {
				t.Fatalf("%s %s %v goes back from %s to %s by a pick", b.Name, a.Name, p.Source, p.Version, c.To)
			}
			i := slices.IndexFunc(o.Listings[p.Source].Versions, func(v upstream.Version) bool { return v.Name == c.To })
			// What main takes as an unfinished version may be what a branch with a finished one does not look at; a person reads that pull request.
			v := o.Listings[p.Source].Versions[i]
			if p.Version != c.To && !strings.Contains(v.Name, "-") && !o.acceptable(b, a, p, v) {
				t.Fatalf("%s %s %v: a pick brings %s, which cannot be", b.Name, a.Name, p.Source, c.To)
			}
		}
	}
	switch {
	case best == "" && got != "":
		t.Fatalf("%s %s %v: %s → %s, want nothing", b.Name, a.Name, p.Source, p.Version, got)
	case best == "" || best == mainPin.Version:
	case got != "" && got != best:
		t.Fatalf("%s %s %v: %s → %s, want %s", b.Name, a.Name, p.Source, p.Version, got, best)
	case best != target && got == "":
		t.Fatalf("%s %s %v: nothing, want %s → %s, since main goes to %s", b.Name, a.Name, p.Source, p.Version, best, target)
	case got == "":
		for _, pull := range picks(plan, a.Name, p.Source, target) {
			if barred(pull, b.Name) || !slices.Contains(pull.Comes, b.Name) {
				t.Fatalf("%s %s %v: %s reaches it neither by a pick of %s nor by itself", b.Name, a.Name, p.Source, target, pull.Head)
			}
		}
	default:
		for _, pull := range picks(plan, a.Name, p.Source, target) {
			if best == target && slices.Contains(pull.Comes, b.Name) {
				t.Fatalf("%s %s %v: %s comes by a pick, and by itself", b.Name, a.Name, p.Source, target)
			}
		}
	}
}

// unique checks that no change is in two pull requests, and that each is in one.
func unique(t *rapid.T, p Plan) {
	count := map[string]int{}
	key := func(branch string, c Change) string {
		return fmt.Sprint(branch, c.Addon, c.Pin.Source, c.Pin.Version, c.To)
	}
	for _, u := range p.Upgrades {
		if len(u.Changes) == 0 || u.From == "" || u.To == "" || u.Refused == nil {
			t.Fatalf("half an upgrade: %+v", u)
		}
		for _, c := range u.Changes {
			count[key(u.Branch, c)]++
		}
	}
	heads := map[string]bool{}
	for _, o := range p.Proposals {
		if heads[o.Head] {
			t.Fatalf("two proposals are %s", o.Head)
		}
		heads[o.Head] = true
		branch, unit, isMajor, ok := ParseHead(o.Head)
		if !ok || branch != o.Branch || unit != o.Unit || isMajor != o.Major {
			t.Fatalf("%s is read as %q %q %v %v", o.Head, branch, unit, isMajor, ok)
		}
		for _, c := range o.Changes {
			if (c.Size == upstream.Major) != o.Major {
				t.Fatalf("%s holds a %s step", o.Head, c.Size)
			}
			count[key(o.Branch, c)]--
		}
	}
	for k, n := range count {
		if n != 0 {
			t.Fatalf("%s is in an upgrade and not in one pull request (%d)", k, n)
		}
	}
}

// TestOrder: the order in which anything is listed makes no difference.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawFleet(t)
		want := Decide(r)
		other := r
		other.Branches = shuffled(t, r.Branches)
		other.Ignored = shuffled(t, r.Ignored)
		other.Listings = map[upstream.Source]upstream.Listing{}
		for s, l := range r.Listings {
			l.Versions = shuffled(t, l.Versions)
			other.Listings[s] = l
		}
		if got := Decide(other); !reflect.DeepEqual(got, want) {
			t.Fatalf("got:\n%s\nwant:\n%s", told(got)+toldPulls(got), told(want)+toldPulls(want))
		}
	})
}

func shuffled[E any](t *rapid.T, all []E) []E {
	if len(all) < 2 {
		return all
	}
	return rapid.Permutation(all).Draw(t, "order")
}

// TestWantedEnds: asking as long as something is wanted ends, and comes to the same decision as knowing all from the start.
func TestWantedEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawFleet(t)
		lazy, asked := registry(r)
		for round := 0; ; round++ {
			wanted := Wanted(lazy)
			if len(wanted) == 0 {
				break
			}
			if round > 20 {
				t.Fatalf("after %d rounds, %v are wanted", round, wanted)
			}
			asked(wanted)
		}
		got, want := told(Decide(lazy)), told(Decide(r))
		if got != want {
			t.Fatalf("asking as needed comes to:\n%s\nknowing all to:\n%s", got, want)
		}
	})
}

// registry is a request in which the sources tell names only, until they are asked about a version.
func registry(r Request) (lazy Request, describe func([]Release)) {
	lazy = r
	lazy.Listings = map[upstream.Source]upstream.Listing{}
	for s, l := range r.Listings {
		var names []upstream.Version
		for _, v := range l.Versions {
			names = append(names, upstream.Version{Name: v.Name, Created: v.Created})
		}
		lazy.Listings[s] = upstream.Listing{Versions: names}
	}
	return lazy, func(wanted []Release) {
		for _, w := range wanted {
			i := slices.IndexFunc(r.Listings[w.Source].Versions, func(v upstream.Version) bool { return v.Name == w.Version })
			lazy.Listings[w.Source].Versions[i] = r.Listings[w.Source].Versions[i]
		}
	}
}
