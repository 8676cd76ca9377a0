package picking

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

const head = "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [\"1.31\", \"1.32\"]}\naddons:\n"

// TestVersions merges files in which both sides changed a version, with the catalog of the change.
func TestVersions(t *testing.T) {
	chart := func(version, more string) string {
		return "apiVersion: v2\nname: web # ours\nversion: 0.1.0\ndependencies:\n- name: web\n  version: " + version + " # see docs\n  repository: https://charts.example.com\n" + more
	}
	const keeps = "web is for Kubernetes >=1.32 by main's catalog, so the branch keeps its own"
	for name, tc := range map[string]struct {
		catalog            string
		base, ours, theirs string
		want               string
		conflicts          string
		resolved           []pick.Resolution
		empty              bool
	}{
		"main's is newer": {
			catalog: "- {name: web, kubernetes: '>=1.29'}\n", base: chart("1.0.0", ""), ours: chart("1.0.1", ""), theirs: chart("1.1.0", "# more\n"), want: chart("1.1.0", "# more\n"),
			resolved: []pick.Resolution{{Path: "addons/web/Chart.yaml", Line: 6, Addon: "web", Ours: "1.0.1", Theirs: "1.1.0", Taken: "1.1.0", Reason: "web is for Kubernetes >=1.29 by main's catalog, and main's is not older"}},
		},
		"not for this minor": {
			catalog: "- {name: web, kubernetes: '>=1.32'}\n", base: chart("1.0.0", ""), ours: chart("1.0.1", ""), theirs: chart("1.1.0", "# more\n"), want: chart("1.0.1", "# more\n"),
			resolved: []pick.Resolution{{Path: "addons/web/Chart.yaml", Line: 6, Addon: "web", Ours: "1.0.1", Theirs: "1.1.0", Taken: "1.0.1", Reason: keeps}},
		},
		"nothing is left of it": {
			catalog: "- {name: web, kubernetes: '>=1.32'}\n", base: chart("1.0.0", ""), ours: chart("1.0.1", ""), theirs: chart("1.1.0", ""), want: chart("1.0.1", ""),
			resolved: []pick.Resolution{{Path: "addons/web/Chart.yaml", Line: 6, Addon: "web", Ours: "1.0.1", Theirs: "1.1.0", Taken: "1.0.1", Reason: keeps}}, empty: true,
		},
		"something else conflicts too": {
			catalog: "- {name: web}\n", base: chart("1.0.0", "# x\n"), ours: chart("1.0.1", "# y\n"), theirs: chart("1.1.0", "# z\n"), conflicts: "content addons/web/Chart.yaml",
		},
		"no addon's": {
			catalog: "- {name: web, path: elsewhere}\n", base: chart("1.0.0", ""), ours: chart("1.0.1", ""), theirs: chart("1.1.0", ""), conflicts: "content addons/web/Chart.yaml",
		},
		"no catalog that can be read": {
			catalog: "- {nam: web}\n", base: chart("1.0.0", ""), ours: chart("1.0.1", ""), theirs: chart("1.1.0", ""), conflicts: "content addons/web/Chart.yaml",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const file = "addons/web/Chart.yaml"
			w := newWorld(t, map[string]string{"catalog.yaml": head + tc.catalog, file: tc.base})
			w.repo.Commit(branch, map[string]string{file: tc.ours}, "Ours")
			w.repo.Commit("main", map[string]string{file: tc.theirs}, "Theirs")
			out := w.pickAll()
			if got := listed(out.Conflicts); got != tc.conflicts || !slices.Equal(out.Resolved, tc.resolved) || (len(out.Empty) > 0) != tc.empty || tc.empty && out.Tip != out.Onto {
				t.Fatalf("got %s, %+v", got, out)
			}
			if got := w.files(out.Tip)[file]; tc.conflicts == "" && got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			} else if tc.conflicts != "" && strings.Count(got, "<<<<<<< release-1.31") == 0 {
				t.Errorf("there are no markers in\n%s", got)
			}
		})
	}
}

// TestReadable merges without a conflict what cannot be read afterwards.
func TestReadable(t *testing.T) {
	const plain = "a: 1\n\n\n\nz: 1\n"
	web := head + "- {name: web}\n"
	for name, tc := range map[string]struct {
		base, ours, theirs map[string]string
		want, message      string
		warnings           []string
	}{
		"the same key twice": {
			map[string]string{"x.yaml": plain},
			map[string]string{"x.yaml": "b: 1\n" + plain},
			map[string]string{"x.yaml": plain + "b: 2\n"},
			"yaml x.yaml", `yaml: unmarshal errors: line 7: mapping key "b" already defined at line 1`, nil,
		},
		"a template, which never was YAML": {
			map[string]string{"x.yaml": "{{ if }}\n" + plain}, map[string]string{"x.yaml": "{{ if }}\nb: 1\n" + plain}, map[string]string{"x.yaml": "{{ if }}\n" + plain + "b: 2\n"}, "", "", nil,
		},
		"a new file that main cannot read either": {
			map[string]string{"x": "x"}, map[string]string{"y": "y"}, map[string]string{"x.yaml": "{{ x"}, "", "", nil,
		},
		"main mends it, and the branch has more of it": {
			map[string]string{"x.yaml": "b: [\n\n\n\n" + plain},
			map[string]string{"x.yaml": "b: [\n\n\n\n" + plain + "b: 2\n"},
			map[string]string{"x.yaml": "b: []\n\n\n\n" + plain},
			"yaml x.yaml", `mapping key "b" already defined at line 1`, nil,
		},
		"a folder where main has the file": {
			map[string]string{"x.yaml/a": "a"}, map[string]string{"y": "y"}, map[string]string{"x.yaml": "a: [\n"}, "", "", nil,
		},
		"too large for anybody to read": {
			map[string]string{"x.yaml": plain + strings.Repeat("# filler\n", 1<<19)},
			map[string]string{"y": "y"},
			map[string]string{"x.yaml": plain + "a: 1\n" + strings.Repeat("# filler\n", 1<<19)},
			"", "", nil,
		},
		"main breaks it": {
			map[string]string{"x.yaml": plain}, map[string]string{"y": "y"}, map[string]string{"x.yaml": plain + "\tc: [\n"}, "yaml x.yaml", "", nil,
		},
		"an addon twice in the catalog": {
			map[string]string{"catalog.yaml": web + "\n\n\n- {name: z}\n", "addons/web/a.yaml": "{}", "addons/z/a.yaml": "{}", "addons/b/a.yaml": "{}"},
			map[string]string{"catalog.yaml": head + "- {name: b}\n- {name: web}\n\n\n\n- {name: z}\n"},
			map[string]string{"catalog.yaml": web + "\n\n\n- {name: z}\n- {name: b}\n"},
			"yaml catalog.yaml", `catalog.yaml:12:10: addons[3].name: "b" is the name of two addons, the other in line 6: rename one`, nil,
		},
		"an addon without a folder": {
			map[string]string{"catalog.yaml": web, "addons/web/a.yaml": "{}"},
			map[string]string{"y": "y"},
			map[string]string{"catalog.yaml": web + "- {name: b}\n"},
			"yaml catalog.yaml", `catalog.yaml:7:3: addon b: the repository has no folder addons/b: add it or correct the path`, nil,
		},
		"a catalog that was wrong before": {
			map[string]string{"catalog.yaml": head + "- {nam: web}\n\n\n\n- {name: z}\n"},
			map[string]string{"y": "y"},
			map[string]string{"catalog.yaml": head + "- {nam: web}\n\n\n\n- {name: other}\n"},
			"", "",
			[]string{`catalog.yaml is not right, and was not before: catalog.yaml:6:3: addons[0].name is missing: add it`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.base)
			w.repo.Commit(branch, tc.ours, "Ours")
			w.repo.Commit("main", tc.theirs, "Theirs")
			out := w.pickAll()
			if got := listed(out.Conflicts); got != tc.want {
				t.Fatalf("got %+v, want %s", out, tc.want)
			}
			if d := strings.Join(out.Warnings, "\n"); d != strings.Join(tc.warnings, "\n") {
				t.Errorf("it warns: %s", d)
			}
			if tc.want == "" {
				return
			}
			if got := out.Conflicts[0].Message; !strings.Contains(got, tc.message) {
				t.Errorf("it says %s, want %s", got, tc.message)
			}
			if got := change.UnresolvedIn(w.commit(out.Tip).Message); len(got) != 1 || got[0].Kind != "yaml" || out.Stopped == "" || len(out.Picked) != 0 {
				t.Errorf("the commit says %v, %+v", got, out)
			}
			if w.commit(out.Tip).Parents[0] != out.Onto {
				t.Error("it is not on the branch")
			}
		})
	}
}

// TestRenders asks for the addons that a pick touches, and compares with what was before.
func TestRenders(t *testing.T) {
	down := errors.New("charts.example.com is down")
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
	for name, tc := range map[string]struct {
		theirs map[string]string
		// broken are the addons that fail, by a file of the tree.
		broken   func(tree fs.FS, name string) string
		err      error
		asked    string
		want     string
		warnings string
	}{
		"an addon": {theirs: map[string]string{"addons/web/a.yaml": object + "b: 1\n"}, asked: "web"},
		"one that breaks": {
			theirs: map[string]string{"addons/web/a.yaml": object + "broken: 1\n"}, asked: "web; web", want: "render addons/web",
			broken: func(tree fs.FS, name string) string {
				if data, _ := fs.ReadFile(tree, "addons/"+name+"/a.yaml"); strings.Contains(string(data), "broken") {
					return "it is broken"
				}
				return ""
			},
		},
		"one that was broken": {
			theirs: map[string]string{"addons/web/a.yaml": object + "b: 1\n"}, asked: "web; web", warnings: "web does not render, and did not before: no such chart",
			broken: func(fs.FS, string) string { return "no such\nchart" },
		},
		"a registry that is down":  {theirs: map[string]string{"addons/web/a.yaml": object + "b: 1\n"}, err: down, asked: "web", warnings: "whether the addons render is not known: charts.example.com is down"},
		"two":                      {theirs: map[string]string{"addons/web/a.yaml": object + "b: 1\n", "addons/z/b.yaml": object}, asked: "web z"},
		"what all may share":       {theirs: map[string]string{"base/a.yaml": object, "addons/web/a.yaml": object + "b: 1\n"}, asked: "all"},
		"what none does":           {theirs: map[string]string{".github/a.yaml": object, "README.md": "x"}},
		"an entry of the catalog":  {theirs: map[string]string{"catalog.yaml": head + "- {name: web, namespace: web}\n- {name: z}\n"}, asked: "all"},
		"what conflicts otherwise": {theirs: map[string]string{"addons/web/a.yaml": "a: [\n"}, want: "yaml addons/web/a.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"catalog.yaml": head + "- {name: web}\n- {name: z}\n", "addons/web/a.yaml": object, "addons/z/a.yaml": object})
			w.repo.Commit("main", tc.theirs, "Theirs")
			var asked []string
			w.o.Renders = func(_ context.Context, tree fs.FS, minor version.Minor, addons []string) (map[string]string, error) {
				if minor.String() != "1.31" {
					t.Errorf("asked for %s", minor)
				}
				if addons == nil {
					asked = append(asked, "all")
				} else {
					asked = append(asked, strings.Join(addons, " "))
				}
				problems := map[string]string{}
				for _, name := range addons {
					if tc.broken != nil && tc.broken(tree, name) != "" {
						problems[name] = tc.broken(tree, name)
					}
				}
				return problems, tc.err
			}
			out := w.pickAll()
			if got := strings.Join(asked, "; "); got != tc.asked {
				t.Errorf("asked for %q, want %q", got, tc.asked)
			}
			if got := listed(out.Conflicts); got != tc.want || strings.Join(out.Warnings, "\n") != tc.warnings {
				t.Errorf("got %+v", out)
			}
		})
	}
}

// TestStopped does not make a warning of having been told to stop.
func TestStopped(t *testing.T) {
	w := newWorld(t, map[string]string{"catalog.yaml": head + "- {name: web}\n", "addons/web/a.yaml": "a: 1\n"})
	w.repo.Commit("main", map[string]string{"addons/web/a.yaml": "b: 1\n"}, "Theirs")
	changes := w.changes()
	ctx, stop := context.WithCancel(t.Context())
	w.o.Renders = func(context.Context, fs.FS, version.Minor, []string) (map[string]string, error) {
		stop()
		return nil, ctx.Err()
	}
	if _, err := Pick(ctx, w.o, w.target(), pick.Source{Changes: changes}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
