package catalog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// FuzzDecode feeds anything to the decoder: it answers with a catalog that keeps every promise, or with problems.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(one("enabled: always")))
	f.Add([]byte(one("grace: 1h30m", "pruneCRDs: true")))
	f.Add([]byte(one("grace: 9e9h", "pruneCRDs: on")))
	f.Add([]byte(circle(3)))
	f.Add([]byte(two() + "upgrades: {schedule: \"CRON_TZ=UTC * 8-17 * * 1-5\", maxOpen: 3, minimumAge: 72h, groups: {x: [a, b], y: []}}\npolicies: {path: p, namespaces: [\"*\"]}\n"))
	f.Add([]byte(one("upstream: {git: \"https://example.com/a\", ignore: \"<1\", support: {\"1.31\": \"<2\"}}")))
	for _, name := range stories(f) {
		story, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(story.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(File, data)
		if err != nil {
			promisesOfErrors(t, err)
			if !reflect.DeepEqual(c, Catalog{}) {
				t.Errorf("an error came with a catalog: %+v", c)
			}
			return
		}
		promises(t, c)
	})
}

func stories(f *testing.F) []string {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		f.Fatalf("no stories: %v", err)
	}
	return names
}

func promisesOfErrors(t *testing.T, err error) {
	t.Helper()
	errs := Errors(nil)
	if !errors.As(err, &errs) || len(errs) == 0 || len(errs) > MaxProblems+1 {
		t.Fatalf("want 1 to %d problems: %v", MaxProblems+1, err)
	}
	for _, p := range errs {
		if p.Code != CatalogInvalid || !strings.HasPrefix(p.Where, File) || p.Message == "" {
			t.Errorf("an incomplete problem: %#v", p)
		}
		if strings.ContainsFunc(p.Message, func(r rune) bool { return r < ' ' }) {
			t.Errorf("a problem with control characters: %q", p.Message)
		}
	}
}

// promises are what the comments on Catalog and Addon say.
func promises(t *testing.T, c Catalog) {
	t.Helper()
	if err := release.CheckDistribution(c.Distribution); err != nil {
		t.Error(err)
	}
	if !slices.IsSortedFunc(c.Minors, version.Minor.Compare) || len(slices.Compact(slices.Clone(c.Minors))) != len(c.Minors) {
		t.Errorf("minors are not sorted or repeat: %v", c.Minors)
	}
	promisesOfUpgrades(t, c)
	seen := map[string]bool{}
	done := map[string]bool{}
	for i, a := range c.Addons {
		if err := checkAddonName(a.Name); err != nil {
			t.Error(err)
		}
		if i > 0 && c.Addons[i-1].Name >= a.Name {
			t.Errorf("addons are not sorted: %q, %q", c.Addons[i-1].Name, a.Name)
		}
		if !fs.ValidPath(a.Path) || a.Path == "." || seen[strings.ToLower(a.Path)] {
			t.Errorf("path %q", a.Path)
		}
		seen[strings.ToLower(a.Path)] = true
		if err := checkNamespace(a.Namespace); err != nil {
			t.Error(err)
		}
		if !slices.Contains([]Placement{Workload, Management}, a.Placement) ||
			!slices.Contains([]Enabled{Optional, Default, Always}, a.Enabled) ||
			!slices.Contains([]OnDisable{Prune, Retain}, a.OnDisable) || a.Source != "" {
			t.Errorf("words of %+v", a)
		}
		if g := a.Grace; g != nil && (*g < 0 || *g > MaxGrace) {
			t.Errorf("grace of %+v", a)
		}
		if !slices.IsSorted(a.DependsOn) {
			t.Errorf("dependencies are not sorted: %v", a.DependsOn)
		}
		for _, p := range a.Parameters {
			set := 0
			for _, s := range []string{p.From.Field, p.From.Label, p.From.Annotation, p.From.Value} {
				if s != "" {
					set++
				}
			}
			if set > 1 || set == 0 && p.Default == nil {
				t.Errorf("sources of %+v", p)
			}
		}
	}
	// Without a circle, taking away what depends on nothing left empties the catalog.
	for range c.Addons {
		for _, a := range c.Addons {
			if !slices.ContainsFunc(a.DependsOn, func(dep string) bool { return !done[dep] }) {
				done[a.Name] = true
			}
		}
	}
	if len(done) != len(c.Addons) {
		t.Errorf("dependencies go in a circle or lead nowhere: %+v", c.Addons)
	}
}

func promisesOfUpgrades(t *testing.T, c Catalog) {
	t.Helper()
	if p := c.Policies; p != nil && (p.Path == "") == (p.Image == "") {
		t.Errorf("policies %+v", *p)
	}
	if c.Upgrades == nil {
		return
	}
	u := *c.Upgrades
	if min(u.MaxOpen, u.MaxOpenPerBranch, u.MaxNew) < 0 || u.MinimumAge < 0 || u.MinimumAge > MaxMinimumAge {
		t.Errorf("numbers of %+v", u)
	}
	if at := u.Next(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)); at.IsZero() || !u.Inside(at) {
		t.Errorf("schedule %q opens at %v", u.Schedule, at)
	}
	in := map[string]bool{}
	for i, g := range u.Groups {
		if i > 0 && u.Groups[i-1].Name >= g.Name || len(g.Addons) == 0 || !slices.IsSorted(g.Addons) {
			t.Errorf("groups %+v", u.Groups)
		}
		for _, a := range g.Addons {
			if in[a] {
				t.Errorf("addon %q is twice in %+v", a, u.Groups)
			}
			in[a] = true
		}
	}
}

// FuzzInspect puts anything into the files and links of an addon's folder.
func FuzzInspect(f *testing.F) {
	f.Add("x.yaml", []byte("apiVersion: v1\nkind: List\n"), "../../shared")
	f.Add("kustomization.yaml", []byte("a: &a [*a]\n"), "/etc")
	f.Add("Chart.yaml", []byte("apiVersion: v2\nname: x\nversion: 1.0.0\n"), "l")
	f.Fuzz(func(t *testing.T, name string, data []byte, target string) {
		if !fs.ValidPath(name) || name == "." || strings.HasPrefix(name, "l/") || name == "l" {
			t.Skip()
		}
		tree := fstest.MapFS{"addons/a/" + name: {Data: data}, "addons/a/l": link(target), "shared/x.yaml": {Data: data}}
		c, problems := Inspect(Catalog{Addons: []Addon{{Name: "a", Path: "addons/a"}}}, tree)
		if len(problems) == 0 && c.Addons[0].Source == "" {
			t.Error("neither a source nor a problem")
		}
		for _, p := range problems {
			if p.Code == "" || p.Where == "" || p.Message == "" {
				t.Errorf("an incomplete problem: %#v", p)
			}
		}
		// A link that the check lets through does not lead out of a real directory either.
		if strings.Contains(show(problems), "leaves the repository") || strings.ContainsRune(target, 0) || target == "" {
			return
		}
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "addons/a"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(root, "addons/a/l")); err != nil {
			t.Skip(err)
		}
		if real, err := filepath.EvalSymlinks(filepath.Join(root, "addons/a/l")); err == nil && real != root && !strings.HasPrefix(real, root+"/") {
			t.Errorf("the link to %q leads to %s", target, real)
		}
	})
}
