package bot_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/adapter/registry"
	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/core/mask"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

const offers = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31", "1.32"]}
addons: `

// counting renders and counts.
type counting struct {
	*render.Cache
	asked, fresh atomic.Int32
}

func (c *counting) Render(ctx context.Context, s render.Source, job engine.Job) (engine.Output, error) {
	c.asked.Add(1)
	return c.Cache.Render(ctx, s, job)
}

func (c *counting) Fresh(ctx context.Context, s render.Source, job engine.Job) (engine.Output, error) {
	c.fresh.Add(1)
	return c.Cache.Fresh(ctx, s, job)
}

// world is a repository, and all that a comparison needs.
type world struct {
	t       *testing.T
	repo    *gitrepo.Fixture
	options bot.Options
	renders *counting
}

func newWorld(t *testing.T) *world {
	pool := render.New(render.Options{Processes: 2})
	t.Cleanup(pool.Close)
	cache, err := render.NewCache(pool, render.CacheOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, repo: gitrepo.New(t), renders: &counting{Cache: cache}}
	w.options = bot.Options{
		Renderer: w.renders, Charts: registry.New(registry.Options{}), Masker: mask.New([]byte("salt for a test of comparisons")), Kustomize: engine.Options{EnableHelm: true},
	}
	return w
}

// diff compares two commits that hold these files.
func (w *world) diff(base, head map[string]string) report.Report {
	w.t.Helper()
	w.repo.Commit("main", base, "base")
	w.repo.Git("branch", "-f", "change", "main")
	w.repo.Commit("change", head, "head")
	repo, err := git.Open(context.Background(), git.Options{URL: w.repo.Dir, AllowLocal: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer repo.Close()
	if _, err := repo.Fetch(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	w.options.Repository = repo
	w.renders.asked.Store(0)
	w.renders.fresh.Store(0)
	r, err := bot.Diff(context.Background(), w.options, bot.DiffRequest{Base: "main", Head: "change"})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// changes are what a report says of objects, by addon and minors.
func changes(r report.Report) (lines []string) {
	for _, result := range r.Results {
		for _, c := range result.Changes {
			for _, f := range c.Fields {
				lines = append(lines, fmt.Sprintf("%s %v %s %s %v → %v", result.Addon, result.Minors, c.Object, f.Shown, f.Before, f.After))
			}
			if len(c.Fields) == 0 {
				lines = append(lines, fmt.Sprintf("%s %v %s %s", result.Addon, result.Minors, c.Object, c.Kind))
			}
		}
	}
	for _, p := range r.Problems {
		lines = append(lines, fmt.Sprintf("problem: %s %v %s: %s", p.Addon, p.Minor, p.Side, p.Message))
	}
	return lines
}

func (w *world) want(r report.Report, want ...string) {
	w.t.Helper()
	if d := cmp.Diff(want, changes(r)); d != "" {
		w.t.Error(d)
	}
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {v: %q}\n"

func plain(v string) string { return fmt.Sprintf(configMap, v) }

// What did not change is not rendered, and minors that get the same are rendered once.
func TestRendersOnlyWhatChanges(t *testing.T) {
	w := newWorld(t)
	base := map[string]string{
		"catalog.yaml":    offers + `[{name: a}, {name: b}, {name: c}]`,
		"addons/a/x.yaml": plain("1"), "addons/b/x.yaml": plain("1"), "addons/c/x.yaml": plain("1"),
	}
	r := w.diff(base, map[string]string{"addons/b/x.yaml": plain("2"), "README.md": "hello"})
	w.want(r, `b [1.31 1.32] v1/ConfigMap/b/x data.v 1 → 2`)
	if n := w.renders.asked.Load(); n != 2 || r.Same != 2 {
		t.Errorf("%d renders, %d the same; want 2 and 2", n, r.Same)
	}
	r = w.diff(nil, map[string]string{"README.md": "bye"})
	if n := w.renders.asked.Load(); n != 0 || r.Same != 3 || len(r.Results) != 0 {
		t.Errorf("a change of nothing: %d renders, %d the same, %v", n, r.Same, r.Results)
	}
}

// The catalog alone can change what is rendered: another namespace, another parameter, another range.
func TestCatalogChanges(t *testing.T) {
	w := newWorld(t)
	base := map[string]string{
		"catalog.yaml":    offers + `[{name: a}, {name: b, parameters: [{name: v, from: {value: one}}]}, {name: c}, {name: d}]`,
		"addons/a/x.yaml": plain("1"), "addons/b/Chart.yaml": "{apiVersion: v2, name: b, version: 1.0.0}",
		"addons/b/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {v: {{ .Values.v }}}\n",
		"addons/c/x.yaml":           plain("1"), "addons/d/x.yaml": plain("1"),
	}
	r := w.diff(base, map[string]string{
		"catalog.yaml": offers + `[{name: a, namespace: other}, {name: b, parameters: [{name: v, from: {value: two}}]}, {name: c, kubernetes: ">=1.32"}, {name: d, enabled: default}]`,
	})
	w.want(r,
		`a [1.31 1.32] v1/ConfigMap/other/x renamed`,
		`b [1.31 1.32] v1/ConfigMap/b/x data.v one → two`,
		`c [1.31] v1/ConfigMap/c/x removed`,
	)
}

// A chart that the source names and the repository does not have is fetched once for both sides, and checked.
func TestChartsFromElsewhere(t *testing.T) {
	archive := pack(t, "sub", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub}\ndata: {v: {{ .Values.v | quote }}}\n")
	sum := sha256.Sum256(archive)
	digest := hex.EncodeToString(sum[:])
	var fetched atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/index.yaml":
			fmt.Fprintf(rw, "apiVersion: v1\nentries:\n  sub:\n  - apiVersion: v2\n    digest: %s\n    name: sub\n    urls:\n    - sub-1.0.0.tgz\n    version: 1.0.0\n", digest)
		case "/sub-1.0.0.tgz":
			fetched.Add(1)
			_, _ = rw.Write(archive)
		default:
			http.NotFound(rw, req)
		}
	}))
	defer server.Close()
	w := newWorld(t)
	files := func(v string) map[string]string {
		return map[string]string{
			"catalog.yaml":          offers + `[{name: a}]`,
			"addons/a/Chart.yaml":   "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies:\n- name: sub\n  version: 1.0.0\n  repository: " + server.URL + "\n",
			"addons/a/Chart.lock":   lock(server.URL),
			"addons/a/values.yaml":  "sub: {v: " + v + "}\n",
			"addons/a/templates/.k": "",
		}
	}
	w.want(w.diff(files("one"), files("two")), `a [1.31 1.32] v1/ConfigMap/a/sub data.v one → two`)
	if n := fetched.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}

	// The same version with other content is refused.
	digest = strings.Repeat("0", 64)
	w = newWorld(t)
	r := w.diff(files("one"), files("two"))
	if len(r.Results) != 0 || len(r.Problems) == 0 || !strings.Contains(r.Problems[0].Message, "and the repository says sha256:0000") {
		t.Errorf("%v", changes(r))
	}

	// Nobody is asked whom the operator does not allow.
	w = newWorld(t)
	w.options.Charts = registry.New(registry.Options{Allow: func(string) error { return errors.New("not ours") }})
	r = w.diff(files("one"), files("two"))
	if len(r.Problems) == 0 || !strings.Contains(r.Problems[0].Message, "not ours") {
		t.Errorf("%v", changes(r))
	}
}

// lock is the Chart.lock for the one dependency.
func lock(url string) string {
	want := `[[{"name":"sub","version":"1.0.0","repository":"` + url + `"}],[{"name":"sub","version":"1.0.0","repository":"` + url + `"}]]`
	sum := sha256.Sum256([]byte(want))
	return "dependencies:\n- name: sub\n  repository: " + url + "\n  version: 1.0.0\ndigest: sha256:" + hex.EncodeToString(sum[:]) + "\ngenerated: \"2026-01-01T00:00:00Z\"\n"
}

func pack(t *testing.T, name, template string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	tw := tar.NewWriter(z)
	for file, text := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n", "templates/x.yaml": template} {
		if err := tw.WriteHeader(&tar.Header{Name: name + "/" + file, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Two objects of one name are told of: only the last one counts.
func TestDuplicates(t *testing.T) {
	w := newWorld(t)
	base := map[string]string{"catalog.yaml": offers + `[{name: a}]`, "addons/a/x.yaml": plain("1")}
	r := w.diff(base, map[string]string{"addons/a/y.yaml": plain("2")})
	if len(r.Problems) != 2 || r.Problems[0].Message != "v1/ConfigMap/a/x is there more than once: only the last one counts" {
		t.Errorf("%v", changes(r))
	}
}

// Templates see what a minor serves, and nothing else. Where Argo CD's helm would show them more, the report says so.
func TestAssumedAPIVersions(t *testing.T) {
	w := newWorld(t)
	chart := func(v string) map[string]string {
		return map[string]string{
			"catalog.yaml":        offers + `[{name: a}]`,
			"addons/a/Chart.yaml": "{apiVersion: v2, name: a, version: 1.0.0}",
			"addons/a/templates/x.yaml": plain(v) + `{{ if .Capabilities.APIVersions.Has "flowcontrol.apiserver.k8s.io/v1beta3" }}` +
				"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: old}\n{{ end }}",
		}
	}
	base := chart("1")
	base["addons/a/templates/x.yaml"] = plain("1")
	r := w.diff(base, chart("2"))
	w.want(r, `a [1.31] v1/ConfigMap/a/old added`, `a [1.31] v1/ConfigMap/a/x data.v 1 → 2`, `a [1.32] v1/ConfigMap/a/x data.v 1 → 2`)
	if len(r.Flags) != 1 || r.Flags[0].Code != risk.APIVersionsAssumed || r.Flags[0].Object != "v1/ConfigMap/a/old" || fmt.Sprint(r.Flags[0].Minors) != "[1.32]" {
		t.Errorf("%+v", r.Flags)
	}
	if r = w.diff(chart("2"), chart("3")); len(r.Flags) != 0 {
		t.Errorf("what was so before is told again: %+v", r.Flags)
	}
}

// A comparison that is stopped says so, and gives no half report.
func TestStopped(t *testing.T) {
	w := newWorld(t)
	w.diff(map[string]string{"catalog.yaml": offers + `[{name: a}]`, "addons/a/x.yaml": plain("1")}, map[string]string{"addons/a/x.yaml": plain("2")})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	repo, err := git.Open(context.Background(), git.Options{URL: w.repo.Dir, AllowLocal: true})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	if _, err := repo.Fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.options.Repository = repo
	if _, err := bot.Diff(ctx, w.options, bot.DiffRequest{Base: "main", Head: "change"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
