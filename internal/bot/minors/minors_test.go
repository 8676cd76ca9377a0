package minors_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	adapter "github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/adapter/registry"
	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/minors"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/mask"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

func TestMain(m *testing.M) {
	render.Worker()
	os.Exit(m.Run())
}

// world is a config repository on the stand-in for GitHub, with real rendering.
type world struct {
	*testing.T
	server    *github.Server
	repo      *github.Repository
	options   minors.Options
	published []string
	fixes     map[string]string
}

const catalogText = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.30", "1.31"]} # newest last
addons:
- {name: flows}
- {name: old, kubernetes: "<1.32"}
- {name: plain}
`

func newWorld(t *testing.T) *world {
	pool := render.New(render.Options{Processes: 1})
	t.Cleanup(pool.Close)
	cache, err := render.NewCache(pool, render.CacheOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, server: github.New(t, github.Options{}), published: []string{"v1.31.9", "v1.32.0", "v1.33.0-rc.1"}}
	if w.repo, err = w.server.AddRepository("acme", "config", github.RepositoryOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, login := range []string{"ann", "branch-bot"} {
		w.server.AddUser(login)
		w.repo.Allow(login, "write")
	}
	w.commit("main", map[string]string{
		"catalog.yaml":        catalogText,
		"addons/flows/x.yaml": "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: {name: a}\nspec: {priorityLevelConfiguration: {name: exempt}}\n",
		"addons/old/x.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
		"addons/plain/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	})
	hub, err := adapter.New(adapter.Options{APIURL: w.server.APIURL(), Owner: "acme", Name: "config", Token: w.server.AddToken("branch-bot")})
	if err != nil {
		t.Fatal(err)
	}
	mirror, err := native.Open(t.Context(), native.Options{URL: w.repo.CloneURL(), Dir: t.TempDir(), Auth: hub.Credentials})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mirror.Close() })
	rendering := bot.Options{Renderer: cache, Charts: registry.New(registry.Options{}), Masker: mask.New([]byte("salt of a test")), Kustomize: engine.Options{}}
	w.options = minors.Options{
		Mirror: mirror, Hub: hub, Repository: "acme/config", URL: w.server.URL() + "/acme/config", Login: "branch-bot",
		Committer: change.Person{Name: "branch-bot", Email: "branch-bot@users.noreply.example.com"},
		Releases: func(_ context.Context, repository string) (all []upstream.Version, err error) {
			if repository != "kubernetes/kubernetes" || w.published == nil {
				return nil, errors.New("no such repository")
			}
			for _, name := range w.published {
				all = append(all, upstream.Version{Name: name})
			}
			return all, nil
		},
		Across: func(ctx context.Context, ref string, from, to version.Minor) (report.Report, []bot.Ready, error) {
			rendering.Repository = mirror.Repository()
			return bot.Across(ctx, rendering, ref, from, to)
		},
		Fixes: func(context.Context, version.Minor) (map[string]string, error) { return w.fixes, nil },
	}
	return w
}

func (w *world) commit(branch string, files map[string]string) {
	w.Helper()
	var changes []gitrepo.Change
	for path, text := range files {
		changes = append(changes, gitrepo.File(path, text))
	}
	if _, err := w.repo.Git.Apply(branch, "Change "+branch, changes...); err != nil {
		w.Fatal(err)
	}
	if err := w.repo.Sync(); err != nil {
		w.Fatal(err)
	}
}

// run is one run of the bot: what it did and told.
func (w *world) run() (lines []string) {
	w.Helper()
	if _, err := w.options.Mirror.Fetch(w.Context()); err != nil {
		w.Fatal(err)
	}
	plan, err := minors.Plan(w.Context(), w.options)
	if err != nil {
		w.Fatal(err)
	}
	if err := steps.Apply(w.Context(), plan, func(r steps.Result) { lines = append(lines, r.Line()) }); err != nil {
		w.Fatal(err)
	}
	return lines
}

func (w *world) want(want ...string) {
	w.Helper()
	if d := cmp.Diff(want, w.run()); d != "" {
		w.Error(d)
	}
}

func (w *world) pull() github.Pull {
	w.Helper()
	pulls := w.repo.Pulls()
	if len(pulls) == 0 {
		w.Fatal("there is no pull request")
	}
	return slices.MaxFunc(pulls, func(a, b github.Pull) int { return a.Number - b.Number })
}

// TestProposes is the life of a proposal: opened, left alone, renewed, merged.
func TestProposes(t *testing.T) {
	w := newWorld(t)
	w.fixes = map[string]string{"old": "2.0.0", "plain": "9.9.9"}
	w.want("done    open main: propose to offer Kubernetes 1.32: it is published")
	p := w.pull()
	if p.Title != "Offer Kubernetes 1.32" || p.Base != "main" || p.Head != "minor/1.32" || !slices.Equal(p.Labels, []string{"kubernetes-minor"}) {
		t.Errorf("the pull request is %+v", p)
	}
	for _, part := range []string{"1 of 3 addons", "flows", "FlowSchema is gone since Kubernetes 1.32", "it supports Kubernetes <1.32", "2.0.0"} {
		if !strings.Contains(strings.ReplaceAll(p.Body, "&#60;", "<"), part) {
			t.Errorf("the text does not say %q:\n%s", part, p.Body)
		}
	}
	if strings.Contains(p.Body, "9.9.9") {
		t.Error("a newer version is recommended for an addon that is ready")
	}
	text, err := w.repo.Git.Git("show", "minor/1.32:catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Replace(catalogText, `"1.31"]`, `"1.31", "1.32"]`, 1), text+"\n"); d != "" {
		t.Error(d)
	}
	w.server.ForgetRequests()
	w.want()
	if n := len(w.server.Writes()); n > 0 {
		t.Errorf("a second run writes %d times", n)
	}

	w.commit("main", map[string]string{"README.md": "words\n"})
	w.want()

	w.commit("main", map[string]string{"addons/flows/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"})
	w.want(fmt.Sprintf("done    update main #%d: renew the proposal of Kubernetes 1.32: main has changed", p.Number))
	if body := w.pull().Body; !strings.Contains(body, "2 of 3 addons") {
		t.Errorf("the text is the old one:\n%s", body)
	}
	w.want()

	if _, err := w.repo.MergePull(p.Number, "ann", github.Merge{Method: "squash"}); err != nil {
		t.Fatal(err)
	}
	w.want()
	w.published = append(w.published, "v1.33.0")
	w.want("done    open main: propose to offer Kubernetes 1.33: it is published")
}

// TestPeopleDecide shows that what people do about a proposal stands.
func TestPeopleDecide(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		w := newWorld(t)
		w.run()
		n := w.pull().Number
		if err := w.repo.ClosePull(n, "ann"); err != nil {
			t.Fatal(err)
		}
		w.want(fmt.Sprintf("told    leave main #%d: Kubernetes 1.32 is not proposed again: a person closed it", n))
	})
	t.Run("committed to", func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.commit("minor/1.32", map[string]string{"addons/flows/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"})
		head := w.pull().HeadSHA
		w.commit("main", map[string]string{"catalog.yaml": strings.Replace(catalogText, "newest", "Newest", 1)})
		if got := w.run(); len(got) != 1 || !strings.HasPrefix(got[0], "told    leave main #") || !strings.HasSuffix(got[0], "committed to it") {
			t.Errorf("the bot says %q", got)
		}
		if now := w.pull().HeadSHA; now != head {
			t.Errorf("the branch is %s now, want %s as it was left", now, head)
		}
	})
	t.Run("offered by hand", func(t *testing.T) {
		w := newWorld(t)
		w.run()
		n := w.pull().Number
		w.commit("main", map[string]string{"catalog.yaml": strings.Replace(catalogText, `"1.31"]`, `"1.31", "1.32"]`, 1)})
		w.want(fmt.Sprintf("done    close main #%d: close the proposal of Kubernetes 1.32: main offers 1.32 already", n))
		if p := w.pull(); p.State != "closed" || !strings.Contains(p.Body, "Closed by the bot:") {
			t.Errorf("it is %s: %s", p.State, p.Body)
		}
		w.want()
	})
}

// TestNothingToPropose is about what is not there, not stable, or not known here.
func TestNothingToPropose(t *testing.T) {
	t.Run("only release candidates", func(t *testing.T) {
		w := newWorld(t)
		w.published = []string{"v1.32.0-rc.2", "v1.31.0", "nonsense"}
		w.want()
	})
	t.Run("a minor without data", func(t *testing.T) {
		w := newWorld(t)
		w.commit("main", map[string]string{"catalog.yaml": strings.Replace(catalogText, `"1.31"]`, `"1.98"]`, 1)})
		w.published = []string{"v1.99.0"}
		w.want("told    wait main: Kubernetes 1.99 is not proposed: this branch-bot does not know its APIs: a newer one may")
	})
	t.Run("nobody can be asked", func(t *testing.T) {
		w := newWorld(t)
		w.published = nil
		w.want("told    wait main: no Kubernetes minor is proposed: which there are is not known: no such repository")
	})
}
