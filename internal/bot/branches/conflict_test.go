package branches_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

// TestConflictKinds has a change meet each kind of conflict (g11) on release-1.31. None becomes a pull request that could be merged: each is a draft with a failing
// check, until a person has decided. Nothing is guessed: what has no markers stays as the branch has it.
func TestConflictKinds(t *testing.T) {
	const path = "addons/cert/cert.yaml"
	for name, tc := range map[string]struct {
		// base, ours and theirs are what is on both, then on the branch, then on main.
		base, ours, theirs []gitrepo.Change
		kind               string
	}{
		"content": {
			ours: []gitrepo.Change{gitrepo.File(path, settings("cert", "own"))}, theirs: []gitrepo.Change{gitrepo.File(path, settings("cert", "2"))}, kind: "content",
		},
		"removed on the branch": {
			ours: []gitrepo.Change{gitrepo.Remove(path)}, theirs: []gitrepo.Change{gitrepo.File(path, settings("cert", "2"))}, kind: "modify/delete",
		},
		"removed on main": {
			ours: []gitrepo.Change{gitrepo.File(path, settings("cert", "own"))}, theirs: []gitrepo.Change{gitrepo.Remove(path)}, kind: "modify/delete",
		},
		"renamed twice": {
			ours:   []gitrepo.Change{gitrepo.Remove(path), gitrepo.File("addons/cert/ours.yaml", settings("cert", "1"))},
			theirs: []gitrepo.Change{gitrepo.Remove(path), gitrepo.File("addons/cert/theirs.yaml", settings("cert", "1"))}, kind: "rename",
		},
		"other kinds of file": {
			ours: []gitrepo.Change{gitrepo.Symlink(path, "extra.yaml")}, theirs: []gitrepo.Change{gitrepo.File(path, settings("cert", "2"))}, kind: "mode",
		},
		"binary": {
			base: []gitrepo.Change{gitrepo.File("addons/cert/logo.png", "\x00\x01one")},
			ours: []gitrepo.Change{gitrepo.File("addons/cert/logo.png", "\x00\x01own")}, theirs: []gitrepo.Change{gitrepo.File("addons/cert/logo.png", "\x00\x01two")},
			kind: "binary",
		},
		"a file against a folder": {
			ours: []gitrepo.Change{gitrepo.File("addons/cert/more", "a: 1\n")}, theirs: []gitrepo.Change{gitrepo.File("addons/cert/more/more.yaml", "a: 2\n")},
			kind: "file/directory",
		},
		"submodules": {
			base: []gitrepo.Change{gitrepo.Submodule("addons/cert/sub", strings.Repeat("1", 40))},
			ours: []gitrepo.Change{gitrepo.Submodule("addons/cert/sub", strings.Repeat("2", 40))}, theirs: []gitrepo.Change{gitrepo.Submodule("addons/cert/sub", strings.Repeat("3", 40))},
			kind: "submodule",
		},
		"YAML that merges into none": {
			base:   []gitrepo.Change{gitrepo.File("addons/cert/list.yaml", "a:\n  - 1\nb: 1\nc: 1\nd: 1\ne: 1\nf:\n  - 1\n")},
			ours:   []gitrepo.Change{gitrepo.File("addons/cert/list.yaml", "a: &x\n  - 1\nb: 1\nc: 1\nd: 1\ne: 1\nf:\n  - 1\n"), gitrepo.File("addons/cert/list.yaml", "a:\n  - 1\nb: 1\nc: 1\nd: 1\ne: 1\ng: 1\nf:\n")},
			theirs: []gitrepo.Change{gitrepo.File("addons/cert/list.yaml", "a:\n  - 1\n  - *x\nb: 1\nc: 1\nd: 1\ne: 1\nf:\n  - 1\n")}, kind: "yaml",
		},
		"added on both": {
			ours: []gitrepo.Change{gitrepo.File("addons/cert/both.yaml", "a: 1\n")}, theirs: []gitrepo.Change{gitrepo.File("addons/cert/both.yaml", "a: 2\n")}, kind: "content",
		},
		"a path that hurts": {
			base: []gitrepo.Change{gitrepo.File("addons/cert/$(touch x) `|<b>@all\n.txt", "one\n")},
			ours: []gitrepo.Change{gitrepo.File("addons/cert/$(touch x) `|<b>@all\n.txt", "own\n")}, theirs: []gitrepo.Change{gitrepo.File("addons/cert/$(touch x) `|<b>@all\n.txt", "two\n")},
			kind: "content",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "removed on main" {
				t.Skip("one kind is enough for every day")
			}
			t.Parallel()
			town := newTown(t, github.Options{})
			if tc.base != nil {
				town.apply("main", "Prepare", tc.base...)
				town.branch("release-1.31", "main")
			}
			town.branch("release-1.32", "release-1.31")
			ours := town.apply("release-1.31", "Own", tc.ours...)
			town.branch("theirs", "main")
			town.apply("theirs", "Theirs", tc.theirs...)
			town.merge(town.propose("theirs", "main", "Change of main"), "squash")
			town.settle()
			i := slices.IndexFunc(town.repo.Pulls(), func(p github.Pull) bool { return p.Base == "release-1.31" })
			if i < 0 {
				t.Fatalf("nothing is proposed: %q", town.state())
			}
			p := town.repo.Pulls()[i]
			if !p.Draft || town.check(p.Number) != "failure" || !strings.Contains(p.Body, "| "+tc.kind+" |") || fmt.Sprint(p.Labels) != "[cherry-pick conflict]" {
				t.Errorf("draft %v, check %q, labels %q:\n%s", p.Draft, town.check(p.Number), p.Labels, p.Body)
			}
			if want := fmt.Sprintf("release-1.31: %s", ours); tc.kind != "content" && tc.kind != "yaml" {
				same, err := town.repo.Git.Git("diff", "--name-status", ours, p.HeadSHA)
				town.ok(err)
				if same != "" {
					t.Errorf("something is guessed beside %s:\n%s", want, same)
				}
			}
			// A person says that the branch is right.
			town.branch("decision", "release-1.31")
			town.branch(p.Head, town.apply("decision", "Keep what is here", gitrepo.File("addons/cert/note.txt", "Kept.\n")))
			town.settle()
			if got := town.check(p.Number); got != "success" {
				t.Errorf("a person decided, and the check says %q", got)
			}
		})
	}
}

// TestMainRewritten has main pushed anew with other commits (g22, fault 54): open picks are made anew, landed ones stay landed, and those of what is gone are closed.
func TestMainRewritten(t *testing.T) {
	town := newTown(t, github.Options{})
	begin := town.repo.Refs()["refs/heads/main"]
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.commit("main", "Set dns to 2", map[string]string{"addons/dns/dns.yaml": settings("dns", "2")})
	town.commit("main", "Set extra to 2", map[string]string{"addons/cert/extra.yaml": settings("extra", "2")})
	town.settle()
	before := town.pulls()
	if len(before) != 6 {
		t.Fatalf("%q", before)
	}
	town.merge(2, "squash")
	town.settle()
	town.branch("rewritten", begin)
	town.commit("rewritten", "Something before", map[string]string{"README.md": "Hello.\n"})
	town.commit("rewritten", "Set cert to 2", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.commit("rewritten", "Set extra to 2", map[string]string{"addons/cert/extra.yaml": settings("extra", "2")})
	town.branch("main", "rewritten")
	town.settle()
	open := map[string]int{}
	for _, p := range town.repo.Pulls() {
		switch {
		case p.Base == "main":
		case p.State == "open":
			open[p.Base+" "+strings.TrimPrefix(p.Title, "["+p.Base+"] ")]++
		case !p.Merged && !strings.Contains(p.Body, "> **Closed by the bot:** "):
			t.Errorf("#%d is closed without a reason: %s", p.Number, p.Body)
		}
	}
	want := map[string]int{
		"release-1.31 Something before": 1, "release-1.32 Something before": 1, "release-1.32 Set cert to 2": 1,
		"release-1.31 Set extra to 2": 1, "release-1.32 Set extra to 2": 1,
	}
	if fmt.Sprint(open) != fmt.Sprint(want) {
		t.Errorf("open are %v, want %v\n%s", open, want, strings.Join(town.pulls(), "\n"))
	}
}
