package notes_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/notes"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// history is a branch that began with two changes of main, had a release with one pick, and has another pick and a hand-made commit since.
func history(releases bool) (ledger.Facts, ledger.Ledger) {
	commit := func(hash, subject string, parents ...string) change.Commit {
		return change.Commit{Hash: hash, Message: subject + "\n\nMore.\n", Parents: parents, Author: change.Person{Name: "Ada"}}
	}
	b := ledger.Branch{
		Name: "release-1.31", Minor: m131, Contains: 2,
		Commits: []change.Commit{
			commit("p3", "Third", "c2"), commit("h1", "By hand before the release", "p3"), commit("p4", "Fourth", "h1"),
			commit("m4", "Merge pull request #9", "h1", "p4"), commit("h2", "By hand", "m4"),
		},
		TagOf: map[string]release.Tag{},
	}
	entry := func(commit, tag string) ledger.Entry {
		if !releases {
			tag = ""
		}
		return ledger.Entry{State: ledger.Landed, Commit: commit, Tag: tag}
	}
	if releases {
		for _, hash := range []string{"c1", "c2", "p3", "h1"} {
			b.TagOf[hash] = tag("v1.31-ake.1")
		}
	}
	f := ledger.Facts{Branches: []ledger.Branch{b}}
	for i, hash := range []string{"c1", "c2", "c3", "c4", "c5"} {
		f.Changes = append(f.Changes, ledger.Change{Commit: commit(hash, "Change "+hash), Addons: [][]string{{"a"}, nil, {"b"}, {"a", "b"}, nil}[i]})
	}
	fourth := entry("p4", "")
	fourth.Pull = 9
	l := ledger.Ledger{Changes: []ledger.Row{
		{Commit: "c5", Title: "Fifth", Branches: map[string]ledger.Entry{"release-1.31": {State: ledger.Open, Pull: 10}}},
		{Commit: "c4", Title: "Fourth", Pull: 4, Branches: map[string]ledger.Entry{
			"release-1.31": fourth, "release-1.33": {State: ledger.Landed, Tag: "v1.33-ake.2"}, "release-1.32": {State: ledger.Landed, Tag: "v1.32-ake.7"},
			"release-1.34": {State: ledger.Landed}, "release-1.30": {State: ledger.Missing},
		}},
		{Commit: "c3", Title: "Third", Branches: map[string]ledger.Entry{"release-1.31": entry("p3", "v1.31-ake.1")}},
		{Commit: "c2", Title: "Second", Branches: map[string]ledger.Entry{"release-1.31": entry("c2", "v1.31-ake.1")}},
		{Commit: "c1", Title: "First", Branches: map[string]ledger.Entry{"release-1.31": entry("c1", "v1.31-ake.1")}},
	}}
	return f, l
}

func TestSince(t *testing.T) {
	third := notes.Change{Title: "Third", Source: "c3", Commit: "p3", Addons: []string{"b"}}
	fourth := notes.Change{Title: "Fourth", Pull: 4, PickPull: 9, Source: "c4", Commit: "p4", Addons: []string{"a", "b"}, AlsoIn: []release.Tag{tag("v1.32-ake.7"), tag("v1.33-ake.2")}}
	before := notes.Own{Commit: "h1", Title: "By hand before the release", Author: "Ada"}
	byHand := notes.Own{Commit: "h2", Title: "By hand", Author: "Ada"}
	for name, tc := range map[string]struct {
		releases bool
		branch   string
		tag      release.Tag
		changes  []notes.Change
		own      []notes.Own
	}{
		"the release to come":       {true, "release-1.31", release.Tag{}, []notes.Change{fourth}, []notes.Own{byHand}},
		"one that is made":          {true, "release-1.31", tag("v1.31-ake.1"), []notes.Change{third}, []notes.Own{before}},
		"the first, not made yet":   {false, "release-1.31", release.Tag{}, []notes.Change{fourth, third}, []notes.Own{byHand, before}},
		"a branch that is not kept": {true, "release-1.29", release.Tag{}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, l := history(tc.releases)
			changes, own := notes.Since(f, l, tc.branch, tc.tag)
			if d := cmp.Diff(tc.changes, changes); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.own, own); d != "" {
				t.Errorf("own (-want +got):\n%s", d)
			}
		})
	}
}

func TestAddons(t *testing.T) {
	entry := func(name, kubernetes string) catalog.Addon {
		r, err := version.ParseRange(kubernetes)
		if err != nil {
			t.Fatal(err)
		}
		return catalog.Addon{Name: name, Path: "addons/" + name, Kubernetes: r}
	}
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	before := notes.Side{
		Catalog: catalog.Catalog{Addons: []catalog.Addon{entry("chart", ">=1.29"), entry("gone", ">=1.29"), entry("kustomized", ">=1.29"), entry("later", ">=1.32"), entry("plain", ">=1.29")}},
		Tree: fstest.MapFS{
			"addons/chart/Chart.yaml":              file("{name: chart, version: 1.0.0, appVersion: v7, dependencies: [{name: redis, version: 17.0.0}, {name: redis, alias: cache, version: 17.0.0}]}"),
			"addons/kustomized/kustomization.yaml": file("helmCharts: [{name: nginx, version: 4.0.0}, {name: nginx, version: 4.1.0}, {name: gone, version: '1'}]"),
			"addons/gone/Chart.yaml":               file("{name: gone, version: 3.0.0}"),
			"addons/plain/a.yaml":                  file("kind: ConfigMap"),
			"addons/later/Chart.yaml":              file("{name: later, version: 1.0.0}"),
		},
	}
	after := notes.Side{
		Catalog: catalog.Catalog{Addons: []catalog.Addon{entry("broken", ">=1.29"), entry("chart", ">=1.29"), entry("kustomized", ">=1.29"), entry("later", ">=1.32"), entry("plain", ">=1.29")}},
		Tree: fstest.MapFS{
			"addons/broken/Chart.yaml":            file("{"),
			"addons/chart/Chart.yaml":             file("{name: chart, version: 1.1.0, appVersion: v7, dependencies: [{name: redis, version: 18.0.0}, {name: redis, alias: cache, version: 17.0.0}]}"),
			"addons/kustomized/kustomization.yml": file("helmCharts: [{name: nginx, version: 4.2.0}, {name: new, version: '2'}]"),
			"addons/plain/a.yaml":                 file("kind: ConfigMap"),
			"addons/later/Chart.yaml":             file("{name: later, version: 2.0.0}"),
		},
	}
	image := func(before, after string) diff.Image { return diff.Image{Before: before, After: after} }
	r := &report.Report{Results: []report.Result{
		{Addon: "plain", Result: diff.Result{Images: []diff.Image{
			image("ghcr.io/a/b:1", "ghcr.io/a/b:2"), image("ghcr.io/a/c:1", "quay.io/a/c:1"), image("", "new"), image("old@sha256:"+strings.Repeat("0", 64), ""),
		}}},
	}}
	want := []notes.Addon{
		{Name: "broken", New: true},
		{Name: "chart", Versions: []notes.Version{{Of: "chart chart", Before: "1.0.0", After: "1.1.0"}, {Of: "chart redis", Before: "17.0.0", After: "18.0.0"}}},
		{Name: "gone", Gone: true, Versions: []notes.Version{{Of: "chart gone", Before: "3.0.0"}}},
		{Name: "kustomized", Versions: []notes.Version{{Of: "chart gone", Before: "1"}, {Of: "chart new", After: "2"}, {Of: "chart nginx", Before: "4.0.0, 4.1.0", After: "4.2.0"}}},
		{Name: "plain", Versions: []notes.Version{
			{Of: "image ghcr.io/a/b", Before: "1", After: "2"},
			{Of: "image ghcr.io/a/c", Before: "1"},
			{Of: "image new", After: "no tag"},
			{Of: "image old", Before: "sha256:000000000000…"},
			{Of: "image quay.io/a/c", After: "1"},
		}},
	}
	if d := cmp.Diff(want, notes.Addons(&before, after, m131, r)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	first := notes.Addons(nil, before, m131, nil)
	if len(first) != 4 || first[0].New || !cmp.Equal(first[0].Versions, []notes.Version{
		{Of: "app of chart chart", After: "v7"}, {Of: "chart cache", After: "17.0.0"}, {Of: "chart chart", After: "1.0.0"}, {Of: "chart redis", After: "17.0.0"},
	}) {
		t.Errorf("a first release: %+v", first)
	}
}
