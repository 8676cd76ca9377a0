package picking

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

const branch = "release-1.31"

var bot = change.Person{Name: "branch-bot", Email: "branch-bot@noreply.invalid"}

// world is a repository with main and a release branch, and a mirror of it.
type world struct {
	t      testing.TB
	repo   *gitrepo.Fixture
	mirror *native.Mirror
	o      Options
}

// newWorld makes main and the branch of the same files.
func newWorld(t testing.TB, files map[string]string) *world {
	t.Helper()
	w := &world{t: t, repo: gitrepo.New(t)}
	w.repo.Commit("main", files, "Begin")
	w.repo.SetBranch(branch, "main")
	m, err := native.Open(t.Context(), native.Options{URL: w.repo.Dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	w.mirror, w.o = m, Options{Mirror: m, Committer: bot}
	return w
}

func (w *world) fetch() {
	w.t.Helper()
	if _, err := w.mirror.Fetch(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// target is the branch as it is.
func (w *world) target() Target {
	w.t.Helper()
	return Target{Branch: branch, Minor: version.Minor{Major: 1, Minor: 31}, Onto: w.repo.Resolve(branch)}
}

// changes are those of main that the branch did not begin with.
func (w *world) changes() (all []ledger.Change) {
	w.t.Helper()
	w.fetch()
	of := w.repo.Resolve("main")
	base, err := w.mirror.MergeBase(w.t.Context(), of, w.repo.Resolve(branch))
	if err != nil {
		w.t.Fatal(err)
	}
	log, err := w.mirror.Log(w.t.Context(), native.LogRequest{Of: []string{of}, Not: []string{base}, FirstParent: true, Files: true})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range log {
		all = append(all, ledger.Change{Commit: c})
	}
	return all
}

func (w *world) pick(s pick.Source) pick.Outcome {
	w.t.Helper()
	out, err := Pick(w.t.Context(), w.o, w.target(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// pickAll picks all of main as one source.
func (w *world) pickAll() pick.Outcome {
	w.t.Helper()
	return w.pick(pick.Source{Changes: w.changes()})
}

// commit is a commit of the mirror.
func (w *world) commit(hash string) change.Commit {
	w.t.Helper()
	log, err := w.mirror.Log(w.t.Context(), native.LogRequest{Of: []string{hash}, FirstParent: true, Files: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return log[len(log)-1]
}

// files are the paths and contents of a commit.
func (w *world) files(commit string) map[string]string {
	w.t.Helper()
	entries, err := w.mirror.Files(w.t.Context(), commit)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]string{}
	for path, e := range entries {
		content := e.Blob
		if e.Mode != "160000" {
			data, err := w.mirror.Blob(w.t.Context(), e.Blob)
			if err != nil {
				w.t.Fatal(err)
			}
			content = string(data)
		}
		all[path] = strings.TrimPrefix(e.Mode, "100644") + content
	}
	return all
}

// listed are conflicts as a test writes them.
func listed(conflicts []pick.Conflict) string {
	var all []string
	for _, c := range conflicts {
		all = append(all, fmt.Sprintf("%s %s", c.Kind, c.Path))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// written writes a commit by somebody into the mirror.
func (w *world) written(c change.Commit) ledger.Change {
	w.t.Helper()
	hash, err := w.mirror.Commit(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	return ledger.Change{Commit: w.commit(hash)}
}

func at(hour int) time.Time { return time.Date(2025, 3, 1, hour, 0, 0, 0, time.FixedZone("", 2*3600)) }
