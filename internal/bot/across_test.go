package bot_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestAcross tells what clusters meet on the next minor while nothing in the repository changes.
func TestAcross(t *testing.T) {
	down := httptest.NewServer(nil)
	down.Close()
	w := newWorld(t)
	chart := func(name, more string) string { return "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n" + more }
	w.repo.Commit("main", map[string]string{
		"catalog.yaml":            offers + `[{name: same}, {name: old}, {name: gated}, {name: strict}, {name: ends, kubernetes: "<1.32"}, {name: begins, kubernetes: ">=1.32"}, {name: away}]`,
		"addons/same/x.yaml":      plain("1"),
		"addons/old/x.yaml":       "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: {name: a}\nspec: {priorityLevelConfiguration: {name: exempt}}\n",
		"addons/gated/Chart.yaml": chart("gated", ""),
		"addons/gated/templates/x.yaml": "{{ if semverCompare \">=1.32\" .Capabilities.KubeVersion.Version }}\n" + plain("new") +
			"{{ else }}\n" + plain("old") + "{{ end }}\n",
		"addons/strict/Chart.yaml":       chart("strict", "kubeVersion: <1.32.0\n"),
		"addons/strict/templates/x.yaml": plain("1"),
		"addons/ends/x.yaml":             plain("1"),
		"addons/begins/x.yaml":           plain("1"),
		"addons/away/Chart.yaml":         chart("away", "dependencies:\n- name: sub\n  version: 1.0.0\n  repository: "+down.URL+"\n"),
		"addons/away/Chart.lock":         lock(down.URL),
	}, "add")
	repo, err := git.Open(t.Context(), git.Options{URL: w.repo.Dir, AllowLocal: true})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	if _, err := repo.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.options.Repository = repo
	from, to := version.Minor{Major: 1, Minor: 31}, version.Minor{Major: 1, Minor: 32}
	r, ready, err := bot.Across(t.Context(), w.options, "main", from, to)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range ready {
		// What the repository and Helm say is theirs to word.
		if a.Unknown != "" {
			ready[i].Unknown = "fetch"
		}
		if a.Broken != "" {
			if !strings.Contains(a.Broken, "<1.32.0") {
				t.Errorf("%s: %s, want the range that Helm refuses", a.Addon, a.Broken)
			}
			ready[i].Broken = "render"
		}
	}
	want := []bot.Ready{
		{Addon: "away", Offered: true, Unknown: "fetch"},
		{Addon: "begins", Offered: true, Range: ">=1.32"},
		{Addon: "ends", Range: "<1.32"},
		{Addon: "gated", Offered: true},
		{Addon: "old", Offered: true, Unserved: []string{
			"flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema/a: flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema is gone since Kubernetes 1.32, and the sync fails: use flowcontrol.apiserver.k8s.io/v1",
		}},
		{Addon: "same", Offered: true},
		{Addon: "strict", Offered: true, Broken: "render"},
	}
	if d := cmp.Diff(want, ready); d != "" {
		t.Error(d)
	}
	got := slices.DeleteFunc(changes(r), func(line string) bool { return strings.HasPrefix(line, "problem:") })
	if d := cmp.Diff([]string{
		"begins [1.32] v1/ConfigMap/begins/x added",
		"ends [1.32] v1/ConfigMap/ends/x removed",
		"gated [1.32] v1/ConfigMap/gated/x data.v old → new",
	}, got); d != "" {
		t.Error(d)
	}
	if !slices.ContainsFunc(r.Flags, func(f report.Flag) bool { return f.Addon == "old" && f.Code == risk.APIRemoved }) {
		t.Errorf("the flags are %v, want one of old that its API is removed", r.Flags)
	}
	if _, _, err := bot.Across(t.Context(), w.options, "main", to, version.Minor{Major: 1, Minor: 99}); err == nil {
		t.Error("a minor without data is compared, want an error")
	}
}
