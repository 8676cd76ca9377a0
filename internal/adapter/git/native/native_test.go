package native

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/chance"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

func TestMain(m *testing.M) { os.Exit(chance.Main(m)) }

// open opens a mirror and fetches.
func open(t *testing.T, o Options) *Mirror {
	t.Helper()
	m, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := m.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// daily skips, in the short run, a row that is none of those for every day.
func daily(t *testing.T, name string, rows ...string) {
	t.Helper()
	if testing.Short() && !slices.Contains(rows, name) {
		t.Skip("not for every day")
	}
}

// serve serves a repository by HTTP and answers its URL.
func serve(t *testing.T, repo *gitrepo.Fixture, o githttp.Options) (string, *githttp.Server) {
	t.Helper()
	s, err := githttp.Handler(repo.Root(), o)
	if err != nil {
		t.Fatal(err)
	}
	url, _, err := s.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return url + "/" + filepath.Base(repo.Dir), s
}

// TestStory goes from a change on main to its pick on a release branch, a signed-off tag and a push, over HTTP with a password.
func TestStory(t *testing.T) {
	repo := gitrepo.New(t)
	repo.Commit("main", map[string]string{"catalog.yaml": "a: 1\nb: 1\nc: 1\nd: 1\n", "addons/x/values.yaml": "x: 1\n"}, "start")
	repo.SetBranch("release-1.31", "main")
	branch := repo.Commit("release-1.31", map[string]string{"catalog.yaml": "a: 1\nb: 1\nc: 1\nd: 31\n"}, "pin d")
	fix := repo.Commit("main", map[string]string{"catalog.yaml": "a: 2\nb: 1\nc: 1\nd: 1\n"}, "raise a")
	repo.AnnotatedTag("v1.31-ake.1", branch, "first")
	repo.SetRef("refs/pull/7/head", fix)

	url, server := serve(t, repo, githttp.Options{Username: "bot", Password: "hunter2", AllowPush: true})
	m := open(t, Options{URL: url, Dir: t.TempDir(), Auth: auth("bot", "hunter2")})
	before := server.Requests()
	if changed, err := m.Fetch(t.Context()); changed || err != nil {
		t.Fatalf("nothing changed, and Fetch says %v, %v", changed, err)
	}
	if n := server.Requests() - before; n > 2 {
		t.Errorf("a fetch with nothing new made %d requests", n)
	}

	refs, err := m.Refs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if refs.Head != "main" || refs.Branches["main"] != fix || refs.Tags["v1.31-ake.1"].Commit != branch || refs.PullHeads[7] != fix {
		t.Errorf("refs are %+v", refs)
	}

	commits, err := m.Log(t.Context(), LogRequest{Of: []string{fix}, Not: []string{branch}, Files: true, PatchIDs: true})
	if err != nil || len(commits) != 1 || commits[0].Hash != fix || commits[0].Message != "raise a\n" || len(commits[0].Files) != 1 || commits[0].PatchID == "" {
		t.Fatalf("log is %+v, %v", commits, err)
	}
	picked, err := m.Pick(t.Context(), branch, "release-1.31", fix)
	if err != nil || len(picked.Conflicts) > 0 || picked.Empty {
		t.Fatalf("pick is %+v, %v", picked, err)
	}
	c := commits[0]
	c.Tree, c.Parents = picked.Tree, []string{branch}
	c.Committer = change.Person{Name: "branch-bot", Email: "branch-bot@noreply.invalid", When: c.Committer.When}
	tip, err := m.Commit(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := m.Tag(t.Context(), NewTag{Name: "v1.31-ake.2", Commit: tip, Message: "second", Tagger: c.Committer})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Push(t.Context(), Update{"refs/heads/release-1.31", branch, tip}, Update{"refs/tags/v1.31-ake.2", "", tag}); err != nil {
		t.Fatal(err)
	}
	if got := repo.Git("show", "v1.31-ake.2^{commit}:catalog.yaml"); got != "a: 2\nb: 1\nc: 1\nd: 31" {
		t.Errorf("the tag has %q", got)
	}
	if out := repo.Git("fsck", "--strict"); out != "" {
		t.Errorf("fsck says %q", out)
	}
	if changed, err := m.Fetch(t.Context()); !changed || err != nil {
		t.Errorf("after the push Fetch says %v, %v", changed, err)
	}
	if missing, err := m.Log(t.Context(), LogRequest{Of: []string{tip}, Not: []string{branch}}); err != nil || len(missing) != 1 {
		t.Errorf("log is %+v, %v", missing, err)
	}
	remote, err := m.Remote(t.Context())
	if err != nil || remote.Tags["v1.31-ake.2"] != (Tag{Object: tag, Commit: tip}) || remote.Head != "main" || len(remote.PullHeads) != 0 {
		t.Errorf("the remote has %+v, %v", remote, err)
	}
	files, err := m.Repository().Tree(tip)
	if err != nil {
		t.Fatal(err)
	}
	f, err := files.Open("addons/x/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	all, err := m.Files(t.Context(), tip)
	if err != nil || !slices.Contains(keys(all), "addons/x/values.yaml") || len(all) != 2 {
		t.Errorf("files are %v, %v", all, err)
	}
}
