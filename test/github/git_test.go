package github_test

import (
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

// open opens a pull request as bob.
func (w *world) open(head, base string) int {
	w.Helper()
	n, err := w.repo.OpenPull(github.NewPull{Author: "bob", Title: "Change " + head, Head: head, Base: base})
	w.must(err)
	return n
}

func TestPushing(t *testing.T) {
	w := start(t, github.Options{})
	w.branch("next", "main")
	w.must(w.repo.Git.SetBranch("release-1.31", "main"))
	w.repo.Protect("release-*", github.Protection{Push: []string{"bob"}})
	w.repo.Protect("main", github.Protection{PullRequests: true, RequiredChecks: []string{"test"}})
	w.server.AddUser("carol")
	w.repo.Allow("carol", "write")
	w.repo.Allow("dave", "read")
	tokens := map[string]string{}
	for _, login := range []string{"bob", "carol", "dave"} {
		tokens[login] = w.server.AddToken(login)
	}
	tokens["bounded"] = w.server.AddToken("bob", "contents:read")
	_, tokens["bot"] = w.installed("branch-bot")

	for _, step := range []struct {
		name, who, args string
		want            []string // what git says; empty when the push is done
	}{
		{"nobody", "nobody", "next:refs/heads/a", []string{"Authentication failed"}},
		{"a reader", "dave", "next:refs/heads/a", []string{"403"}},
		{"a token that may only read", "bounded", "next:refs/heads/a", []string{"403"}},
		{"a new branch", "bot", "next:refs/heads/a", nil},
		{"main is protected", "bot", "next:refs/heads/main", []string{
			"remote: error: GH006: Protected branch update failed for refs/heads/main.", "remote: error: Changes must be made through a pull request.",
			"!\trefs/heads/next:refs/heads/main\t[remote rejected] (protected branch hook declined)",
		}},
		{"not hers", "carol", "next:refs/heads/release-1.31", []string{"You're not authorized to push to this branch.", "(protected branch hook declined)"}},
		{"his", "bob", "next:refs/heads/release-1.31", nil},
		{"no force on a protected branch", "bob", "+main:refs/heads/release-1.31", []string{"Cannot force-push to this branch"}},
		{"no deletion of a protected branch", "bob", ":refs/heads/release-1.31", []string{"Cannot delete this protected branch"}},
		{"all or nothing", "bot", "--atomic next:refs/heads/b next:refs/heads/main", []string{
			"(protected branch hook declined)", "refs/heads/b\t[remote rejected] (pre-receive hook declined)",
		}},
		{"a lease on what is not there", "bot", "--force-with-lease=refs/heads/a: main:refs/heads/a", []string{"[rejected] (stale info)"}},
		{"a hidden ref", "bot", "next:refs/pull/1/head", []string{"(deny updating a hidden ref)"}},
	} {
		before := w.repo.Refs()
		out, err := w.push(tokens[step.who], strings.Fields(step.args)...)
		if (err == nil) != (len(step.want) == 0) {
			t.Errorf("%s: %v: %s", step.name, err, out)
		}
		for _, want := range step.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: git says %q, want %q", step.name, out, want)
			}
		}
		if moved := fmt.Sprint(before) != fmt.Sprint(w.repo.Refs()); moved != (err == nil) {
			t.Errorf("%s: refs moved: %v", step.name, moved)
		}
	}
}

// TestAddresses finds the repository at its address with ".git" and without, as GitHub does.
func TestAddresses(t *testing.T) {
	w := start(t, github.Options{})
	for _, url := range []string{w.repo.CloneURL(), strings.TrimSuffix(w.repo.CloneURL(), ".git")} {
		url = strings.Replace(url, "://", "://x-access-token:"+w.server.AddToken("bob")+"@", 1)
		cmd := exec.Command("git", "ls-remote", "--heads", url)
		cmd.Env = gitrepo.Env()
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "refs/heads/main") {
			t.Errorf("%s: %v: %s", url, err, out)
		}
	}
}

func TestPullRequestsFollowTheirBranches(t *testing.T) {
	w := start(t, github.Options{})
	head := w.branch("fix", "main")
	n := w.open("fix", "main")
	ref := func() string {
		out, err := w.repo.Git.Git("rev-parse", fmt.Sprintf("refs/pull/%d/head", n))
		w.must(err)
		return out
	}
	if ref() != head {
		t.Errorf("refs/pull/%d/head is %s, want %s", n, ref(), head)
	}
	later := w.commit("fix", "x", "x", "more")
	if got := w.repo.Pulls()[0]; got.HeadSHA != later || ref() != later || len(got.Commits) != 2 {
		t.Errorf("after a push: %+v", got)
	}
	w.must(w.repo.Git.SetBranch("old", later))
	w.must(w.repo.Git.DeleteBranch("fix"))
	if got := w.repo.Pulls()[0]; got.State != "closed" || got.Merged || ref() != later {
		t.Errorf("after its branch went: %+v", got)
	}
	if err := w.repo.ReopenPull(n, "bob"); err == nil || !strings.Contains(err.Error(), "The fix branch has been deleted.") {
		t.Errorf("reopen: %v", err)
	}
	w.must(w.repo.Git.SetBranch("fix", "main"))
	if err := w.repo.ReopenPull(n, "bob"); err == nil || !strings.Contains(err.Error(), "force-pushed or recreated") {
		t.Errorf("reopen: %v", err)
	}
	w.must(w.repo.Git.SetBranch("fix", later))
	w.must(w.repo.ReopenPull(n, "bob"))

	// Somebody pushes the same commits to main by hand.
	w.must(w.repo.Git.SetBranch("main", later))
	if got := w.repo.Pulls()[0]; !got.Merged || got.MergeSHA != later {
		t.Errorf("after its commits came to main: %+v", got)
	}
}

func TestAForkMayOpenAPullRequest(t *testing.T) {
	w := start(t, github.Options{})
	fork, err := w.repo.Fork("eve")
	w.must(err)
	_, err = fork.Git.Commit("fix", map[string]string{"a": "a"}, "from outside")
	w.must(err)
	w.must(fork.Git.DeleteBranch("fix"))
	w.must(fork.Git.SetBranch("fix", "main"))
	head, err := fork.Git.Commit("fix", map[string]string{"a": "a"}, "from outside")
	w.must(err)
	eve := w.server.AddToken("eve")
	status, _, body := w.ask(eve, "POST", "repos/acme/config/pulls", `{"title":"x","head":"eve:fix","base":"main"}`)
	if status != 201 || w.field(body, "head/label") != "eve:fix" || w.field(body, "head/repo/full_name") != "eve/config" {
		t.Fatalf("%d %s", status, body)
	}
	if got, err := w.repo.Git.Git("rev-parse", "refs/pull/1/head"); err != nil || got != head {
		t.Errorf("refs/pull/1/head: %s, %v", got, err)
	}
	if status, _, body := w.ask(eve, "PATCH", "repos/acme/config/pulls/1", `{"title":"mine"}`); status != 200 {
		t.Errorf("an author may change her title: %d %s", status, body)
	}
	if status, _, _ := w.ask(eve, "POST", "repos/acme/config/issues/1/labels", `["x"]`); status != 403 {
		t.Errorf("who may only read labels: %d", status)
	}
	fork.Delete()
	if _, _, body := w.ask(eve, "GET", "repos/acme/config/pulls/1", ""); w.field(body, "head/repo") != "<nil>" {
		t.Errorf("after the fork is gone: %s", body)
	}
}

func TestMerging(t *testing.T) {
	for name, tc := range map[string]struct {
		method string
		two    bool
		want   string
	}{
		"merge": {"merge", true, `2 parents, bob, GitHub
Merge pull request #1 from acme/fix

Change fix`},
		"squash of one": {"squash", false, `1 parents, bob, GitHub
change fix (#1)

Co-authored-by: Addon Tester <tester@example.com>`},
		"squash of two": {"squash", true, `1 parents, bob, GitHub
Change fix (#1)

* change fix

* second

with a body

Co-authored-by: Addon Tester <tester@example.com>`},
		"rebase": {"rebase", true, `1 parents, Addon Tester, bob
second

with a body`},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, github.Options{})
			w.branch("fix", "main")
			if tc.two {
				w.commit("fix", "second.yaml", "2\n", "second\n\nwith a body")
			}
			w.commit("main", "other.yaml", "o\n", "meanwhile")
			n := w.open("fix", "main")
			sha, err := w.repo.MergePull(n, "bob", github.Merge{Method: tc.method})
			w.must(err)
			out, err := w.repo.Git.Git("log", "-1", "--format=%P%n%an, %cn%n%B", sha)
			w.must(err)
			parents, rest, _ := strings.Cut(out, "\n")
			if got := fmt.Sprintf("%d parents, %s", len(strings.Fields(parents)), strings.TrimSpace(rest)); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			if tip, err := w.repo.Git.Resolve("main"); err != nil || tip != sha {
				t.Errorf("main is at %s, want %s", tip, sha)
			}
			files, err := w.repo.Git.Git("ls-tree", "-r", "--name-only", "main")
			w.must(err)
			if !strings.Contains(files, "other.yaml") || !strings.Contains(files, "addons/fix.yaml") {
				t.Errorf("main has %s", files)
			}
			_, _, body := w.ask(w.server.AddToken("bob"), "GET", "repos/acme/config/commits/"+sha+"/pulls", "")
			if w.field(body, "0/number") != "1" {
				t.Errorf("pull requests of the merge: %s", body)
			}
		})
	}
}

func TestWhatCannotBeMerged(t *testing.T) {
	w := start(t, github.Options{})
	w.repo.Protect("main", github.Protection{RequiredChecks: []string{"test"}})
	w.must(w.repo.Git.SetBranch("clash", "main"))
	w.commit("clash", "catalog.yaml", "theirs\n", "theirs")
	w.commit("main", "catalog.yaml", "ours\n", "ours")
	head := w.branch("fix", "main")
	clash, fix := w.open("clash", "main"), w.open("fix", "main")
	w.must(w.repo.SetStatus(w.repo.Pulls()[0].HeadSHA, "test", "success"))
	refused := func(n int, want string) {
		t.Helper()
		if _, err := w.repo.MergePull(n, "bob", github.Merge{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("merge #%d: %v, want %q", n, err, want)
		}
	}
	refused(clash, "405")
	refused(fix, `Required status check \"test\" is expected.`)
	w.must(w.repo.SetStatus(head, "test", "success"))
	w.must(w.repo.SetDraft(fix, "bob", true))
	refused(fix, "Pull Request is still a draft")
	w.must(w.repo.SetDraft(fix, "bob", false))
	if _, err := w.repo.MergePull(fix, "bob", github.Merge{}); err != nil {
		t.Error(err)
	}
	bob := w.server.AddToken("bob")
	w.ask(bob, "GET", fmt.Sprintf("repos/acme/config/pulls/%d", clash), "")
	if _, _, body := w.ask(bob, "GET", fmt.Sprintf("repos/acme/config/pulls/%d", clash), ""); w.field(body, "mergeable") != "false" || w.field(body, "mergeable_state") != "dirty" {
		t.Errorf("the one that conflicts: %s", body)
	}
}

// TestHostileNames has a path and a branch as nobody would choose them in good faith.
func TestHostileNames(t *testing.T) {
	w := start(t, github.Options{})
	bob := w.server.AddToken("bob")
	const branch = "--a;rm`x`$(y)'\"<b>&#%41"
	head := w.branch(branch, "main")
	w.open(branch, "main")
	_, _, body := w.ask(bob, "GET", "repos/acme/config/git/ref/heads/"+url.PathEscape(branch), "")
	if w.field(body, "object/sha") != head {
		t.Errorf("the branch: %s", body)
	}
	w.must(w.repo.Git.SetBranch("odd", "main"))
	_, err := w.repo.Git.Apply("odd", "odd", gitrepo.File("--output=x", "1\n"), gitrepo.File("ünï \"q\"\n.yaml", "2\n"), gitrepo.File(":(glob)**", "3\n"))
	w.must(err)
	w.open("odd", "main")
	status, _, body := w.ask(bob, "GET", "repos/acme/config/pulls/2/files", "")
	if status != 200 || w.field(body, "0/filename") != "--output=x" || w.field(body, "1/filename") != ":(glob)**" || w.field(body, "2/filename") != "ünï \"q\"\n.yaml" {
		t.Errorf("%d %s", status, body)
	}
	if patch := w.field(body, "2/patch"); !strings.HasPrefix(patch, "@@ -0,0 +1 @@\n+2") {
		t.Errorf("patch %q", patch)
	}
}
