package bot_test

import (
	"context"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestCheck renders a commit for one minor: what its files break is told apart from a chart repository that is down.
func TestCheck(t *testing.T) {
	down := httptest.NewServer(nil)
	down.Close()
	w := newWorld(t)
	commit := w.repo.Commit("main", map[string]string{
		"catalog.yaml":    offers + `[{name: a}, {name: b}, {name: c, kubernetes: ">=1.32"}, {name: d}]`,
		"addons/a/x.yaml": plain("1"), "addons/b/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n",
		"addons/c/kustomization.yaml": "resources: [missing.yaml]\n",
		"addons/d/Chart.yaml":         "apiVersion: v2\nname: d\nversion: 1.0.0\ndependencies:\n- name: sub\n  version: 1.0.0\n  repository: " + down.URL + "\n",
		"addons/d/Chart.lock":         lock(down.URL),
	}, "add")
	repo, err := git.Open(t.Context(), git.Options{URL: w.repo.Dir, AllowLocal: true})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	if _, err := repo.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	tree, err := repo.Tree(commit)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		minor   version.Minor
		addons  []string
		broken  []string
		unknown []string
	}{
		"a minor that c is not offered to": {minor: version.Minor{Major: 1, Minor: 31}, broken: []string{"b"}, unknown: []string{"d"}},
		"a minor that c is offered to":     {minor: version.Minor{Major: 1, Minor: 32}, broken: []string{"b", "c"}, unknown: []string{"d"}},
		"one addon":                        {minor: version.Minor{Major: 1, Minor: 32}, addons: []string{"c"}, broken: []string{"c"}},
		"one that renders":                 {minor: version.Minor{Major: 1, Minor: 32}, addons: []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := bot.Check(t.Context(), w.options, tree, tc.minor, tc.addons)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.broken, names(got.Broken)); d != "" {
				t.Error("broken: " + d)
			}
			if d := cmp.Diff(tc.unknown, names(got.Unknown)); d != "" {
				t.Error("unknown: " + d)
			}
		})
	}
	if _, err := bot.Check(context.Background(), w.options, tree, version.Minor{Major: 1, Minor: 99}, nil); err == nil || !strings.Contains(err.Error(), "1.99") {
		t.Errorf("a minor without data: %v", err)
	}
}

func names(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
