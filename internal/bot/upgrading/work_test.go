package upgrading_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

// now is when the bot looks.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// work is a config repository with a mirror, and a world that publishes versions.
type work struct {
	t    testing.TB
	repo *gitrepo.Fixture
	dir  string
	o    upgrading.Options
	*world
}

func newWork(t testing.TB) *work {
	t.Helper()
	w := &work{t: t, repo: gitrepo.New(t), dir: t.TempDir(), world: &world{
		listings: map[upstream.Source]upstream.Listing{}, details: map[upgrade.Release]upstream.Version{}, histories: map[string][]upstream.Version{},
		charts: map[string][]byte{}, assets: map[string][]byte{}, failing: map[upgrade.Release]error{}, asked: map[string]int{},
	}}
	w.o = upgrading.Options{Sources: w.world, Files: w.world, Now: now, Committer: change.Person{Name: "branch-bot", Email: "branch-bot@noreply.invalid"}}
	return w
}

// open makes the mirror, of the repository as it is.
func (w *work) open() {
	w.t.Helper()
	m, err := native.Open(w.t.Context(), native.Options{URL: w.repo.Dir, Dir: w.dir})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := m.Close(); err != nil {
			w.t.Error(err)
		}
	})
	if _, err := m.Fetch(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.o.Mirror = m
}

// commit puts files onto a branch, with a catalog of the addons whose folders they are in.
func (w *work) commit(branch, entries string, files map[string]string) string {
	w.t.Helper()
	all := map[string]string{"catalog.yaml": head + entries}
	for name, text := range files {
		all[name] = text
	}
	return w.repo.Commit(branch, all, "Change "+branch)
}

const head = "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [\"1.31\", \"1.32\", \"1.33\"]}\n"

// change is another version of what an addon pins of a source with this name or repository.
func (w *work) change(branch, addon, source, to string) upgrade.Change {
	w.t.Helper()
	tree, err := w.o.Mirror.Repository().Tree(w.repo.Resolve(branch))
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := fs.ReadFile(tree, catalog.File)
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := catalog.Decode(catalog.File, data)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range c.Addons {
		if a.Name != addon {
			continue
		}
		pins, problems := upstream.Find(a, tree)
		for _, p := range pins {
			if source == cmp.Or(p.Source.Name, p.Source.Repository) {
				return upgrade.Change{Addon: addon, Pin: p, From: p.Version, To: to, Write: to, Size: upstream.Step(p.Version, to)}
			}
		}
		w.t.Fatalf("%s pins no %s but %+v; %q", addon, source, pins, problems)
	}
	w.t.Fatalf("no addon %s", addon)
	return upgrade.Change{}
}

// build makes the commit of an addon's changes.
func (w *work) build(branch string, changes ...upgrade.Change) (upgrading.Built, error) {
	return upgrading.Build(w.t.Context(), w.o, w.repo.Resolve(branch), upgrade.Proposal{
		Unit: changes[0].Addon, Branch: branch, Head: "upgrade/" + branch + "/" + changes[0].Addon, Changes: changes,
	})
}

// show is a commit as git shows it.
func (w *work) show(commit string) string {
	w.t.Helper()
	text, err := (&gitrepo.Repo{Dir: filepath.Join(w.dir, "repository.git")}).Git("show", "--date=iso", "--no-renames",
		"--format=Author: %an <%ae> %ad%nCommit: %cn <%ce> %cd%n%n%B", commit)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// golden compares with what a person has read and found good.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

// world is what publishes versions, as a value.
type world struct {
	mu        sync.Mutex
	listings  map[upstream.Source]upstream.Listing
	details   map[upgrade.Release]upstream.Version
	histories map[string][]upstream.Version
	charts    map[string][]byte
	assets    map[string][]byte
	failing   map[upgrade.Release]error
	// asked counts what was asked.
	asked map[string]int
}

func (w *world) count(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[fmt.Sprintf(format, args...)]++
}

func (w *world) List(ctx context.Context, sources []upstream.Source) (map[upstream.Source]upstream.Listing, error) {
	all := map[upstream.Source]upstream.Listing{}
	for _, s := range sources {
		w.count("list %s", cmp.Or(s.Name, s.Repository))
		l, known := w.listings[s]
		if !known {
			l.Problem = fmt.Sprintf("nothing is known of %+v", s)
		}
		all[s] = l
	}
	return all, ctx.Err()
}

func (w *world) Describe(ctx context.Context, s upstream.Source, version string) (upstream.Version, error) {
	w.count("describe %s %s", cmp.Or(s.Name, s.Repository), version)
	r := upgrade.Release{Source: s, Version: version}
	if err := w.failing[r]; err != nil {
		return upstream.Version{}, err
	}
	if v, is := w.details[r]; is {
		return v, ctx.Err()
	}
	for _, v := range w.listings[s].Versions {
		if v.Name == version {
			return v, ctx.Err()
		}
	}
	return upstream.Version{}, fmt.Errorf("there is no %s", version)
}

func (w *world) History(ctx context.Context, address string) ([]upstream.Version, error) {
	w.count("history %s", address)
	return w.histories[address], ctx.Err()
}

func (w *world) Chart(_ context.Context, _, name, version string) ([]byte, string, error) {
	data, is := w.charts[name+" "+version]
	if !is {
		return nil, "", fmt.Errorf("chart %q %q: there is no such version", name, version)
	}
	return data, digestOf(data), nil
}

func (w *world) Asset(_ context.Context, a upstream.Asset) ([]byte, string, error) {
	data, is := w.assets[a.URL]
	if !is {
		return nil, "", errors.New("404 Not Found")
	}
	return data, digestOf(data), nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// publish makes charts available, in a Helm repository that lists them.
func (w *work) publish(repository string, charts ...upstreams.Chart) {
	w.t.Helper()
	for _, c := range charts {
		data, err := c.Pack()
		if err != nil {
			w.t.Fatal(err)
		}
		w.charts[c.Name+" "+c.Version] = data
		s := upstream.Source{Kind: upstream.Helm, Repository: repository, Name: c.Name}
		l := w.listings[s]
		l.Versions = append(l.Versions, upstream.Version{
			Name: c.Version, App: c.AppVersion, Kubernetes: c.KubeVersion, Created: cmp.Or(c.Created, now.AddDate(0, -1, 0)), Digest: digestOf(data),
			Links: append([]string{c.Home}, c.Sources...), Described: true,
		})
		w.listings[s] = l
	}
}

// unpacked is a chart as people keep it in a folder.
func unpacked(folder string, c upstreams.Chart, t testing.TB) map[string]string {
	t.Helper()
	data, err := c.Pack()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for name, f := range archived(t, data) {
		files[folder+"/"+name] = f
	}
	return files
}
