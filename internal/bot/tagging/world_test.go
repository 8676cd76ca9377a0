package tagging_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/adapter/registry"
	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/tagging"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/mask"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

var rendering bot.Options

func TestMain(m *testing.M) {
	render.Worker()
	policy.Worker()
	pool := render.New(render.Options{Processes: 2})
	cache, err := render.NewCache(pool, render.CacheOptions{})
	if err != nil {
		panic(err)
	}
	rendering = bot.Options{
		Renderer: cache, Charts: registry.New(registry.Options{}), Masker: mask.New([]byte("salt for tests of releases, long enough")), Kustomize: engine.Options{EnableHelm: true},
	}
	code := m.Run()
	pool.Close()
	os.Exit(code)
}

var m131 = version.Minor{Major: 1, Minor: 31}

const branch = "release-1.31"

const offers = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31"]}
addons:
- {name: web}
`

// web is an addon that serves pages.
func web(image string) string {
	return `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "` + image + `"}]}
`
}

// world is a config repository on a Git server, with one release branch.
type world struct {
	t      *testing.T
	repo   *gitrepo.Fixture
	url    string
	server *githttp.Server
	hub    *hub
	// rows are what the ledger says beside what the branch's own commits say.
	rows []ledger.Row
	// pulls are pull requests to the branch.
	pulls []ledger.Pull
	mu    sync.Mutex
	// reach are the commits of releases that were looked at.
	reach map[string][]change.Commit
	// retired leaves the branch out of those that are kept.
	retired bool
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, repo: gitrepo.New(t), hub: newHub(), reach: map[string][]change.Commit{}}
	w.repo.Commit("main", map[string]string{"catalog.yaml": offers, "addons/web/web.yaml": web("ghcr.io/shop/web:1")}, "Offer web")
	w.repo.SetBranch(branch, "main")
	var err error
	if w.server, err = githttp.Handler(w.repo.Root(), githttp.Options{AllowPush: true}); err != nil {
		t.Fatal(err)
	}
	base, _, err := w.server.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.url = base + "/" + filepath.Base(w.repo.Dir)
	return w
}

// bot is one that looks after the world, with a mirror of its own.
func (w *world) bot() tagging.Options {
	w.t.Helper()
	m, err := native.Open(w.t.Context(), native.Options{URL: w.url, Dir: w.t.TempDir()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := m.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return tagging.Options{
		Mirror: m, Hub: w.hub, Rendering: rendering, Tagger: change.Person{Name: "branch-bot", Email: "bot@example.com"},
		Now:     func() time.Time { return time.Unix(1_800_000_000, 0).UTC() },
		History: func(ctx context.Context) (history.History, error) { return w.history(ctx, m) },
	}
}

// history is as much of it as releases need: the branch's commits and which release first had them.
func (w *world) history(ctx context.Context, m *native.Mirror) (history.History, error) {
	refs, err := m.Refs(ctx)
	if err != nil {
		return history.History{}, err
	}
	main, tip := refs.Branches["main"], refs.Branches[branch]
	h := history.History{Distribution: "ake", MainTip: main, Ledger: ledger.Ledger{Changes: w.rows}}
	if w.retired {
		h.Retired = []string{branch}
		return h, nil
	}
	b := ledger.Branch{Name: branch, Minor: m131, Tip: tip, TagOf: map[string]release.Tag{}, Pulls: w.pulls}
	if b.Fork, err = m.MergeBase(ctx, main, tip); err != nil {
		return h, err
	}
	if b.Commits, err = m.Log(ctx, native.LogRequest{Of: []string{tip}, Not: []string{main}}); err != nil {
		return h, err
	}
	var tags []release.Tag
	for name := range refs.Tags {
		if t, err := release.ParseTag(name); err == nil {
			tags = append(tags, t)
		}
	}
	slices.SortFunc(tags, release.Tag.Compare)
	for _, t := range tags {
		commits, err := w.ancestors(ctx, m, refs.Tags[t.String()].Commit)
		if err != nil {
			return h, err
		}
		for _, c := range commits {
			if _, earlier := b.TagOf[c.Hash]; !earlier {
				b.TagOf[c.Hash] = t
			}
		}
	}
	h.Facts = ledger.Facts{Main: "main", Branches: []ledger.Branch{b}}
	return h, nil
}

func (w *world) ancestors(ctx context.Context, m *native.Mirror, commit string) (all []change.Commit, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if all = w.reach[commit]; all == nil {
		all, err = m.Log(ctx, native.LogRequest{Of: []string{commit}})
		w.reach[commit] = all
	}
	return all, err
}

// tags are those of the server, with the commits that they name.
func (w *world) tags() map[string]string {
	w.t.Helper()
	out := w.repo.Git("for-each-ref", "--format=%(refname:short) %(*objectname)%(objectname)", "refs/tags")
	tags := map[string]string{}
	for line := range strings.Lines(out) {
		name, hashes, _ := strings.Cut(strings.TrimSpace(line), " ")
		tags[name] = hashes[:40]
	}
	return tags
}

// hub is a forge that holds what it is told.
type hub struct {
	mu       sync.Mutex
	required []string
	unknown  bool
	checks   map[string][]forge.Check
	releases map[string]forge.Release
	// down fails the next calls.
	down error
}

func newHub() *hub {
	return &hub{checks: map[string][]forge.Check{}, releases: map[string]forge.Release{}}
}

func (h *hub) RequiredChecks(context.Context, string) ([]string, bool, error) {
	return h.required, !h.unknown, h.down
}

func (h *hub) Checks(_ context.Context, commit string) ([]forge.Check, error) {
	return h.checks[commit], h.down
}

func (h *hub) Release(_ context.Context, tag string) (forge.Release, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r, ok := h.releases[tag]; ok || h.down != nil {
		return r, h.down
	}
	return forge.Release{}, github.ErrNotFound
}

func (h *hub) Drafts(context.Context) (drafts []forge.Release, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.releases {
		if r.Draft {
			drafts = append(drafts, r)
		}
	}
	return drafts, h.down
}

func (h *hub) CreateRelease(_ context.Context, r forge.Release) (forge.Release, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old, ok := h.releases[r.Tag]; ok {
		return old, github.ErrExists
	}
	if h.down != nil {
		return r, h.down
	}
	h.releases[r.Tag] = r
	return r, nil
}

func (h *hub) names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(maps.Keys(h.releases), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
}

var errDown = errors.New("the server is down")
