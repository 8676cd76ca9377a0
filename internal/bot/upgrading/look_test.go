package upgrading_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

// uses is an addon's chart with one dependency.
func uses(name, version string) string {
	return "apiVersion: v2\nname: wrapper\nversion: 0.1.0\ndependencies:\n- name: " + name + "\n  version: " + version + "\n  repository: " + repository + "\n"
}

// released makes main, and of it the release branches of minors.
func (w *work) released(entries string, files map[string]string, minors ...string) {
	w.t.Helper()
	w.commit("main", entries, files)
	for _, m := range minors {
		w.repo.SetBranch("release-"+m, "main")
	}
}

func (w *work) look(k upgrading.Known) (upgrading.Found, error) {
	w.t.Helper()
	return upgrading.Look(w.t.Context(), w.o, k)
}

// told are the upgrades, what is refused, and the problems, as lines.
func told(f upgrading.Found) (all []string) {
	for _, u := range slices.Concat(f.Plan.Upgrades, f.Plan.Held) {
		all = append(all, fmt.Sprintf("%s %s %s→%s", u.Addon, u.Branch, u.From, u.To))
		for _, r := range u.Refused {
			all = append(all, fmt.Sprintf("  not %s: %s", r.Version, r.Reason))
		}
	}
	for _, p := range f.Plan.Problems {
		all = append(all, "! "+strings.TrimSpace(p.Addon+" "+p.Branch)+": "+p.Message)
	}
	return all
}

func (w *work) wantTold(f upgrading.Found, err error, want ...string) {
	w.t.Helper()
	if got := told(f); err != nil || !slices.Equal(got, want) {
		w.t.Errorf("%v\ngot\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestPerBranch is what the issue asks for: 5.0.0 needs a newer Kubernetes than 1.31.
func TestPerBranch(t *testing.T) {
	w := newWork(t)
	w.publish(repository, upstreams.Chart{Name: "metrics", Version: "4.1.0"}, upstreams.Chart{Name: "metrics", Version: "4.2.3"},
		upstreams.Chart{Name: "metrics", Version: "5.0.0", KubeVersion: ">=1.32.0-0"})
	w.released("addons: [{name: metrics}]\n", map[string]string{"addons/metrics/Chart.yaml": uses("metrics", "4.1.0")}, "1.31", "1.32")
	w.open()
	found, err := w.look(upgrading.Known{})
	if err != nil {
		t.Fatal(err)
	}
	type short struct {
		Addon, Branch, From, To string
		Refused                 []upgrade.Refused
	}
	var got struct{ Upgrades []short }
	text, err := json.Marshal(found.Plan)
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	// 1.31 runs no 5.0.0, so main's upgrade to it does not come there.
	want := []short{
		{Addon: "metrics", Branch: "main", From: "4.1.0", To: "5.0.0", Refused: []upgrade.Refused{}},
		{Addon: "metrics", Branch: "release-1.31", From: "4.1.0", To: "4.2.3", Refused: []upgrade.Refused{{Version: "5.0.0", Reason: "its chart is for Kubernetes >=1.32.0-0, and 1.31 is not"}}},
	}
	if err != nil || !reflect.DeepEqual(got.Upgrades, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got.Upgrades, want)
	}
	if found.Main != "main" || found.Tips["release-1.31"] != w.repo.Resolve("release-1.31") || len(found.Tips) != 3 {
		t.Errorf("main is %q, tips are %v", found.Main, found.Tips)
	}
	if want := map[string]int{"list metrics": 1}; !maps.Equal(w.asked, want) {
		t.Errorf("asked %v, want %v", w.asked, want)
	}
}

// TestBranchesApart lets each branch be what it is: one is broken, one has an addon of its own, one no longer has main's.
func TestBranchesApart(t *testing.T) {
	w := newWork(t)
	for _, name := range []string{"metrics", "old", "own"} {
		w.publish(repository, upstreams.Chart{Name: name, Version: "1.0.0"}, upstreams.Chart{Name: name, Version: "1.1.0"})
	}
	w.released("addons: [{name: metrics}, {name: old, kubernetes: \"<1.32\"}]\n",
		map[string]string{"addons/metrics/Chart.yaml": uses("metrics", "1.0.0"), "addons/old/Chart.yaml": uses("old", "1.0.0")}, "1.31", "1.32", "1.33", "1.30", "x")
	w.repo.Commit("release-1.32", map[string]string{"catalog.yaml": head + "addons: [{nam: metrics}]\n"}, "Break it")
	w.repo.Commit("release-1.33", map[string]string{"catalog.yaml": head + "addons: [{name: own}]\n", "addons/own/Chart.yaml": uses("own", "1.0.0")}, "Own")
	w.open()
	found, err := w.look(upgrading.Known{})
	w.wantTold(found, err, "metrics main 1.0.0→1.1.0", "old main 1.0.0→1.1.0", "own release-1.33 1.0.0→1.1.0",
		"! release-1.32: its catalog.yaml cannot be read: catalog.yaml:5:10: addons[0].name is missing: add it; catalog.yaml:5:11: addons[0]: \"nam\" is not a known field: did you mean name?")
}

// TestSourcesFail tells of what cannot be asked, and goes on with the rest.
func TestSourcesFail(t *testing.T) {
	w := newWork(t)
	good := upstream.Source{Kind: upstream.Helm, Repository: repository, Name: "good"}
	w.publish(repository, upstreams.Chart{Name: "good", Version: "1.0.0"}, upstreams.Chart{Name: "good", Version: "1.1.0"}, upstreams.Chart{Name: "good", Version: "1.2.0"})
	w.listings[upstream.Source{Kind: upstream.Helm, Repository: repository, Name: "bad"}] = upstream.Listing{Problem: "charts.example.com cannot be reached"}
	for i := range w.listings[good].Versions {
		w.details[upgrade.Release{Source: good, Version: w.listings[good].Versions[i].Name}] = w.listings[good].Versions[i]
		w.listings[good].Versions[i] = upstream.Version{Name: w.listings[good].Versions[i].Name}
	}
	w.failing[upgrade.Release{Source: good, Version: "1.2.0"}] = errors.New("its manifest does not decode")
	w.released("addons: [{name: bad}, {name: good}]\n", map[string]string{"addons/bad/Chart.yaml": uses("bad", "1.0.0"), "addons/good/Chart.yaml": uses("good", "1.0.0")}, "1.31")
	w.open()
	found, err := w.look(upgrading.Known{})
	w.wantTold(found, err, "good main 1.0.0→1.1.0", "! bad: charts.example.com cannot be reached",
		"! good: version 1.2.0 is left out, because nothing can be learned about it: its manifest does not decode")
	asked := maps.Clone(w.asked)
	again, err := found.Again(t.Context(), w.o, upgrading.Known{})
	if !reflect.DeepEqual(again.Plan, found.Plan) || err != nil || !maps.Equal(w.asked, asked) {
		t.Errorf("decided again, it is\n%+v\n%v\nfirst it was\n%+v\nasked %v, and %v before", again.Plan, err, found.Plan, w.asked, asked)
	}
}

// TestSourceThatDescribesNothing is not asked about a thousand versions.
func TestSourceThatDescribesNothing(t *testing.T) {
	w := newWork(t)
	s := upstream.Source{Kind: upstream.Helm, Repository: "oci://registry.example.com/charts", Name: "metrics"}
	var l upstream.Listing
	for i := range 1000 {
		v := fmt.Sprintf("1.%d.0", i)
		l.Versions = append(l.Versions, upstream.Version{Name: v})
		w.failing[upgrade.Release{Source: s, Version: v}] = fmt.Errorf("registry.example.com answers 503 for %s", v)
	}
	w.listings[s] = l
	w.released("addons: [{name: metrics}]\n", map[string]string{"addons/metrics/Chart.yaml": strings.Replace(uses("metrics", "1.0.0"), repository, s.Repository, 1)}, "1.31")
	w.open()
	found, err := w.look(upgrading.Known{})
	if len(found.Plan.Upgrades) > 0 || len(found.Plan.Problems) != 1 || err != nil || len(w.asked) > 40 {
		t.Errorf("%v\n%s\nasked %d things", err, strings.Join(told(found), "\n"), len(w.asked))
	}
	if want := "registry.example.com answers 503 for 1."; len(found.Plan.Problems) == 1 && !strings.Contains(found.Plan.Problems[0].Message, want) {
		t.Errorf("the problem is %q, want %q", found.Plan.Problems[0].Message, want)
	}
}

// TestLimited looks at some addons and branches only.
func TestLimited(t *testing.T) {
	for name, tc := range map[string]struct {
		addons, branches []string
		want             []string
		// proposals are heads with the number of their changes, asked are the sources.
		proposals, asked []string
		err              string
	}{
		"everything": {
			// What 1.31 cannot take whole does not come there by a pick.
			want:      []string{"a main 1.0.0→1.1.0", "a release-1.31 1.0.0→1.0.1", "b main 1.0.0→1.1.0", "b release-1.31 1.0.0→1.1.0", "c main 1.0.0→1.1.0"},
			proposals: []string{"upgrade/main/c 1", "upgrade/main/pair 2", "upgrade/release-1.31/pair 2"}, asked: []string{"list a", "list b", "list c"},
		},
		"an addon": {addons: []string{"c"}, want: []string{"c main 1.0.0→1.1.0"}, proposals: []string{"upgrade/main/c 1"}, asked: []string{"list c"}},
		"one of a group": {
			addons: []string{"b"}, want: []string{"b main 1.0.0→1.1.0", "b release-1.31 1.0.0→1.1.0"}, proposals: []string{"upgrade/main/pair 2", "upgrade/release-1.31/pair 2"}, asked: []string{"list a", "list b"},
		},
		"a branch": {
			branches: []string{"release-1.31"}, want: []string{"a release-1.31 1.0.0→1.0.1", "b release-1.31 1.0.0→1.1.0"}, proposals: []string{"upgrade/release-1.31/pair 2"},
			asked: []string{"list a", "list b", "list c"},
		},
		"no such addon":  {addons: []string{"d"}, err: `--addon "d" is in no catalog: main offers a, b, c`},
		"no such branch": {branches: []string{"release-1.32"}, err: `--branch "release-1.32" is neither main nor a live release branch: there are main, release-1.31`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			files := map[string]string{}
			for _, name := range []string{"a", "b", "c"} {
				next := upstreams.Chart{Name: name, Version: "1.1.0"}
				if name == "a" {
					next.KubeVersion = ">=1.32-0"
					w.publish(repository, upstreams.Chart{Name: name, Version: "1.0.1"})
				}
				w.publish(repository, upstreams.Chart{Name: name, Version: "1.0.0"}, next)
				files["addons/"+name+"/Chart.yaml"] = uses(name, "1.0.0")
			}
			w.released("upgrades: {groups: {pair: [a, b]}}\naddons: [{name: a}, {name: b}, {name: c}]\n", files, "1.31")
			w.open()
			w.o.Addons, w.o.Branches = tc.addons, tc.branches
			found, err := w.look(upgrading.Known{})
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Errorf("got  %v\nwant %s", err, tc.err)
				}
				return
			}
			var got []string
			for _, u := range found.Plan.Upgrades {
				got = append(got, fmt.Sprintf("%s %s %s→%s", u.Addon, u.Branch, u.From, u.To))
			}
			var proposals []string
			for _, p := range found.Plan.Proposals {
				proposals = append(proposals, fmt.Sprintf("%s %d", p.Head, len(p.Changes)))
			}
			slices.Sort(proposals)
			asked := slices.Sorted(maps.Keys(w.asked))
			if err != nil || !slices.Equal(got, tc.want) || !slices.Equal(proposals, tc.proposals) || !slices.Equal(asked, tc.asked) {
				t.Errorf("%v\ngot  %q, %q, asked %q\nwant %q, %q, asked %q", err, got, proposals, asked, tc.want, tc.proposals, tc.asked)
			}
		})
	}
}

// TestSeen remembers when versions without a time were first seen.
func TestSeen(t *testing.T) {
	w := newWork(t)
	s := upstream.Source{Kind: upstream.Image, Repository: "registry.example.com/web"}
	w.listings[s] = upstream.Listing{Versions: []upstream.Version{{Name: "1.0.0"}, {Name: "1.1.0"}, {Name: "1.2.0"}, {Name: "latest"}, {Name: "1.3.0", Created: now}}}
	w.released("upgrades: {minimumAge: 72h}\naddons: [{name: web}]\n", map[string]string{
		"addons/web/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: \"registry.example.com/web:1.0.0\"}]}\n",
	})
	w.open()
	before := now.Add(-100 * time.Hour)
	found, err := w.look(upgrading.Known{Seen: map[upgrade.Release]time.Time{{Source: s, Version: "1.1.0"}: before}})
	want := map[upgrade.Release]time.Time{{Source: s, Version: "1.1.0"}: before, {Source: s, Version: "1.2.0"}: now}
	if !maps.Equal(found.Seen, want) {
		t.Errorf("seen %v, want %v", found.Seen, want)
	}
	if len(found.Plan.Upgrades) != 1 || found.Plan.Upgrades[0].To != "1.1.0" || err != nil {
		t.Errorf("%v\n%s", err, strings.Join(told(found), "\n"))
	}
	// Three days later the next is old enough.
	w.o.Now = now.Add(73 * time.Hour)
	if found, err = found.Again(t.Context(), w.o, upgrading.Known{Seen: found.Seen}); err != nil || len(found.Plan.Upgrades) != 1 || found.Plan.Upgrades[0].To != "1.3.0" {
		t.Errorf("later: %v\n%s", err, strings.Join(told(found), "\n"))
	}
}

// TestIgnored decides again once it is known what people do not want.
func TestIgnored(t *testing.T) {
	w := newWork(t)
	w.publish(repository, upstreams.Chart{Name: "metrics", Version: "1.0.0"}, upstreams.Chart{Name: "metrics", Version: "1.1.0"}, upstreams.Chart{Name: "metrics", Version: "1.2.0"})
	w.released("addons: [{name: metrics}]\n", map[string]string{"addons/metrics/Chart.yaml": uses("metrics", "1.0.0")})
	w.open()
	found, err := w.look(upgrading.Known{})
	w.wantTold(found, err, "metrics main 1.0.0→1.2.0")
	s := upstream.Source{Kind: upstream.Helm, Repository: repository, Name: "metrics"}
	found, err = found.Again(t.Context(), w.o, upgrading.Known{Ignored: []upgrade.Ignored{{Branch: "main", Source: s, Version: "1.2.0", By: "alice", Pull: 12}}})
	w.wantTold(found, err, "metrics main 1.0.0→1.1.0", "  not 1.2.0: alice does not want it (#12)")
}

func TestLookErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(w *work)
		main string
		want string
	}{
		"no such branch":   {func(w *work) { w.commit("main", "addons: []\n", nil) }, "trunk", `there is no branch "trunk" in the repository: say with --main which branch changes come from`},
		"no catalog":       {func(w *work) { w.repo.Commit("main", map[string]string{"README.md": "x\n"}, "x") }, "", "main has no catalog.yaml, which says where newer versions come from"},
		"a broken catalog": {func(w *work) { w.repo.Commit("main", map[string]string{"catalog.yaml": "a: b\n"}, "x") }, "", "the catalog on main cannot be read, so where newer versions come from is not known: catalog.yaml:"},
		"no minors": {func(w *work) {
			w.repo.Commit("main", map[string]string{"catalog.yaml": strings.Replace(head, "kubernetes: {minors: [\"1.31\", \"1.32\", \"1.33\"]}\n", "addons: []\n", 1)}, "x")
		}, "", "catalog.yaml on main offers no Kubernetes minor in kubernetes.minors, so which versions it can run is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			tc.do(w)
			w.open()
			w.o.Main = tc.main
			if _, err := w.look(upgrading.Known{}); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

// TestLookGivesUp ends with its context, and with no answer rather than half of one.
func TestLookGivesUp(t *testing.T) {
	w := newWork(t)
	w.publish(repository, upstreams.Chart{Name: "metrics", Version: "1.0.0"})
	w.released("addons: [{name: metrics}]\n", map[string]string{"addons/metrics/Chart.yaml": uses("metrics", "1.0.0")})
	w.open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := upgrading.Look(ctx, w.o, upgrading.Known{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v\n%+v", err, found)
	}
}

// TestPinsOfEachBranch does not take one branch's files for another's, where an addon's folder is the same on both and what it takes in from elsewhere is not, nor
// where the catalogs differ.
func TestPinsOfEachBranch(t *testing.T) {
	pod := func(image string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: \"registry.example.com/" + image + "\"}]}\n"
	}
	w := newWork(t)
	for _, name := range []string{"web", "forked"} {
		w.listings[upstream.Source{Kind: upstream.Image, Repository: "registry.example.com/" + name}] = upstream.Listing{Versions: []upstream.Version{{Name: "1.0.0"}, {Name: "1.1.0"}}}
	}
	files := map[string]string{"addons/web/kustomization.yaml": "resources: [../../base/web.yaml]\n", "base/web.yaml": pod("web:1.1.0"), "addons/own/own.yaml": pod("web:1.0.0")}
	entries := "addons: [{name: own}, {name: web}]\n"
	w.released(entries, files, "1.31")
	w.repo.Commit("release-1.31", map[string]string{"base/web.yaml": pod("forked:1.0.0"), "catalog.yaml": head + "addons: [{name: own, upstream: {image: registry.example.com/other}}, {name: web}]\n"}, "A fork, and not by its files")
	w.open()
	found, err := w.look(upgrading.Known{})
	w.wantTold(found, err, "own main 1.0.0→1.1.0", "web release-1.31 1.0.0→1.1.0",
		"! own release-1.31: no file in addons/own says a version of the image registry.example.com/other, which the catalog's upstream.image names: write one, or correct the catalog")
}
