package branches_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

// TestPeople lets people do what they do to the bot's pull requests and branches. Each story ends with the pull requests onto release-1.31, after
// two more runs, of which the second finds nothing to do.
func TestPeople(t *testing.T) {
	const head = "pick/release-1.31/pr-1"
	daily := []string{"one closes it (a18)", "one commits to it", "one uses the bot's branch for it", "the branch moves, and it does not apply any more"}
	const mine = `release-1.31 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, `
	for name, tc := range map[string]struct {
		// before happens before the bot ran for the first time, after between two runs.
		before, after func(town *town)
		want          []string
		// kept is the commit that a branch must still name at the end.
		kept func(town *town) (branch, commit string)
	}{
		"one closes it (a18)": {
			after: func(town *town) { town.ok(town.repo.ClosePull(2, "ben")) },
			want:  []string{"#2 " + mine + `closed ["cherry-pick"]`},
		},
		"one closes it and the branch moves": {
			after: func(town *town) {
				town.ok(town.repo.ClosePull(2, "ben"))
				town.commit("release-1.31", "Something else", map[string]string{"addons/dns/dns.yaml": settings("dns", "9")})
			},
			want: []string{"#2 " + mine + `closed ["cherry-pick"]`},
		},
		"one closes it and deletes its branch": {
			after: func(town *town) {
				town.ok(town.repo.ClosePull(2, "ben"))
				town.ok(town.repo.Git.DeleteBranch(head))
			},
			want: []string{"#2 " + mine + `closed ["cherry-pick"]`},
		},
		"one closes a draft, and it applies cleanly later": {
			before: func(town *town) {
				town.commit("release-1.31", "Own value", map[string]string{"addons/cert/cert.yaml": settings("cert", "own")})
			},
			after: func(town *town) {
				town.ok(town.repo.ClosePull(2, "ben"))
				town.settle()
				town.commit("release-1.31", "Back again", map[string]string{"addons/cert/cert.yaml": settings("cert", "1")})
			},
			want: []string{"#2 " + mine + `closed draft ["cherry-pick" "conflict"]`, "#4 " + mine + `open ["cherry-pick"]`},
		},
		"one gives it another title and text": {
			after: func(town *town) { town.ok(town.repo.EditPull(2, "ben", "Better words", "My words.", "")) },
			want:  []string{`#2 release-1.31 ← pick/release-1.31/pr-1 by branch-bot: Better words, open ["cherry-pick"]`},
		},
		"one takes its label away, by which people find it": {
			after: func(town *town) { town.ok(town.repo.UnlabelPull(2, "ben", "cherry-pick")) },
			want:  []string{"#2 " + mine + `open ["cherry-pick"]`},
		},
		"one points it to another branch": {
			after: func(town *town) { town.ok(town.repo.EditPull(2, "ben", "", "", "release-1.32")) },
			want:  []string{`#2 release-1.32 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, open ["cherry-pick"]`},
		},
		"one commits to it": {
			after: func(town *town) { town.commit(head, "Finish it", map[string]string{"addons/cert/more.yaml": "a: 1\n"}) },
			want:  []string{"#2 " + mine + `open ["cherry-pick"]`},
			kept:  func(town *town) (string, string) { return head, town.pull(2).HeadSHA },
		},
		"one pushes something else over it": {
			after: func(town *town) {
				town.branch("hand", "release-1.31")
				town.branch(head, town.commit("hand", "By hand", map[string]string{"addons/cert/cert.yaml": settings("cert", "2 by hand")}))
				town.commit("release-1.31", "Something else", map[string]string{"addons/cert/cert.yaml": settings("cert", "7")})
			},
			want: []string{"#2 " + mine + `open ["cherry-pick"]`},
			kept: func(town *town) (string, string) { return head, town.pull(2).HeadSHA },
		},
		"one commits to it, and it lands by another way": {
			after: func(town *town) {
				town.commit(head, "Finish it", map[string]string{"addons/cert/more.yaml": "a: 1\n"})
				town.commit("release-1.31", "Set cert to 2", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
			},
			want: []string{"#2 " + mine + `open ["cherry-pick"]`},
		},
		"one picks it by hand onto the branch": {
			after: func(town *town) {
				town.commit("release-1.31", "Set cert to 2", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
			},
			want: []string{"#2 " + mine + `closed ["cherry-pick"]`},
		},
		"the branch moves without effect": {
			after: func(town *town) {
				town.commit("release-1.31", "Something else", map[string]string{"addons/dns/dns.yaml": settings("dns", "9")})
			},
			want: []string{"#2 " + mine + `open ["cherry-pick"]`},
		},
		"the branch moves, and it does not apply any more": {
			after: func(town *town) {
				town.commit("release-1.31", "Own value", map[string]string{"addons/cert/cert.yaml": settings("cert", "own")})
			},
			want: []string{"#2 " + mine + `closed ["cherry-pick"]`, "#4 " + mine + `open draft ["cherry-pick" "conflict"]`},
		},
		"the branch is pushed back to before the merge (fault 54)": {
			after: func(town *town) {
				before := town.repo.Refs()["refs/heads/release-1.31"]
				town.merge(2, "squash")
				town.settle()
				town.branch("release-1.31", before)
			},
			want: []string{"#2 " + mine + `merged ["cherry-pick"]`, "#4 " + mine + `open ["cherry-pick"]`},
		},
		"one reverts it on the branch": {
			after: func(town *town) {
				town.merge(2, "squash")
				town.commit("release-1.31", "Revert it", map[string]string{"addons/cert/cert.yaml": settings("cert", "1")})
			},
			want: []string{"#2 " + mine + `merged ["cherry-pick"]`},
		},
		"one makes it by hand first, under another tool's name": {
			before: func(town *town) {
				town.branch("backport-1-to-release-1.31", "release-1.31")
				town.commit("backport-1-to-release-1.31", "By hand", map[string]string{"addons/cert/cert.yaml": settings("cert", "2 by hand")})
				town.propose("backport-1-to-release-1.31", "release-1.31", "By hand")
			},
			want: []string{"#2 release-1.31 ← backport-1-to-release-1.31 by ann: By hand, open []"},
		},
		"one uses the bot's branch for it": {
			before: func(town *town) {
				town.branch(head, "release-1.31")
				town.commit(head, "By hand\n\n(cherry picked from commit "+town.pull(1).MergeSHA+")",
					map[string]string{"addons/cert/cert.yaml": settings("cert", "2 by hand")})
			},
			kept: func(town *town) (string, string) { return head, town.repo.Refs()["refs/heads/"+head] },
		},
		"one opens a pull request from the branch that the bot has pushed": {
			before: func(town *town) {
				town.server.OnWrite(func(r github.Request) {
					if r.Operation == "pulls/create" && town.repo.Refs()["refs/heads/"+head] != "" && len(town.repo.Pulls()) == 1 {
						town.propose(head, "release-1.31", "Faster")
					}
				})
			},
			want: []string{`#2 release-1.31 ← pick/release-1.31/pr-1 by ann: Faster, open []`},
		},
		"one from outside uses the bot's name for something else (w16)": {
			before: func(town *town) { fork(town, head, "addons/cert/cert.yaml", settings("cert", "evil")) },
			want: []string{
				"#2 release-1.31 ← pick/release-1.31/pr-1 by mallory: Mine, open []",
				"#3 " + mine + `open ["cherry-pick"]`,
			},
		},
		"one from outside copies the bot's text (a6) and closes": {
			before: func(town *town) {
				number := fork(town, head, "addons/dns/dns.yaml", settings("dns", "evil"))
				town.ok(town.repo.EditPull(number, "mallory", "", pick.Hide("Copied.", pick.Marker{
					Kind: "pick", Branch: "release-1.31", Source: []string{town.pull(1).MergeSHA}, Content: "edca2c808b361f06",
				}), ""))
				town.ok(town.repo.ClosePull(number, "mallory"))
			},
			want: []string{
				"#2 release-1.31 ← pick/release-1.31/pr-1 by mallory: Mine, closed []",
				"#3 " + mine + `open ["cherry-pick"]`,
			},
		},
		"one from outside deletes the repository (a4)": {
			before: func(town *town) {
				number := fork(town, "whatever", "addons/cert/cert.yaml", settings("cert", "evil"))
				if number != 2 {
					town.Fatalf("#%d", number)
				}
				town.server.Repository("mallory/config").Delete()
			},
			want: []string{
				"#2 release-1.31 ← whatever by mallory: Mine, open []",
				"#3 " + mine + `open ["cherry-pick"]`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && !slices.Contains(daily, name) {
				t.Skip("some people are enough for every day")
			}
			t.Parallel()
			town := newTown(t, github.Options{})
			town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
			if tc.before != nil {
				tc.before(town)
			}
			town.run()
			var branch, commit string
			if tc.after != nil {
				tc.after(town)
			}
			if tc.kept != nil {
				branch, commit = tc.kept(town)
			}
			town.settle()
			got := slices.DeleteFunc(town.pulls(), func(l string) bool { return strings.Contains(l, "pick/release-1.32") })
			town.expect(got, tc.want...)
			if branch != "" && town.repo.Refs()["refs/heads/"+branch] != commit {
				t.Errorf("%s is %s, want %s", branch, town.repo.Refs()["refs/heads/"+branch], commit)
			}
		})
	}
}

// fork is somebody without any rights who opens a pull request from a copy of the repository.
func fork(town *town, branch, path, text string) (number int) {
	town.Helper()
	fork, err := town.repo.Fork("mallory")
	town.ok(err)
	town.ok(fork.Git.SetBranch(branch, "release-1.31"))
	_, err = fork.Git.Apply(branch, "Set cert to 2\n\nPicked-From: "+town.pull(1).MergeSHA, gitrepo.File(path, text))
	town.ok(err)
	town.ok(fork.Sync())
	number, err = town.repo.OpenPull(github.NewPull{Author: "mallory", Title: "Mine", Head: "mallory:" + branch, Base: "release-1.31"})
	town.ok(err)
	return number
}

// TestComments lets people meddle with the bot's comment (a7) and copy its marker (a6): it is corrected in place, and never doubled.
func TestComments(t *testing.T) {
	town := newTown(t, github.Options{})
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.settle()
	said := town.repo.Comments(1)[0]
	town.ok(town.repo.CommentPull(1, "mallory", said.Body))
	town.expect(town.run())
	town.merge(2, "squash")
	town.expect(town.run(), "done    comment #1: say where the change is")
	comments := town.repo.Comments(1)
	if len(comments) != 2 || comments[0].ID != said.ID || comments[0].Body == said.Body || comments[1].Body != said.Body {
		t.Errorf("the comments are %+v", comments)
	}
	right := comments[0].Body
	town.ok(town.repo.EditComment(said.ID, strings.Replace(right, "merged", "lost", 1)+"\nMine.\n"))
	town.expect(town.run(), "done    comment #1: say where the change is")
	if comments = town.repo.Comments(1); len(comments) != 2 || comments[0].Body != right {
		t.Errorf("the comments are %+v", comments)
	}
	town.ok(town.repo.DeleteComment(said.ID))
	town.expect(town.run(), "done    comment #1: say where the change is")
	if comments = town.repo.Comments(1); len(comments) != 2 || comments[1].Author != "branch-bot" {
		t.Errorf("the comments are %+v", comments)
	}
	town.expect(town.run())

	// Without its marker it is nobody's: it stays, and there is one new one.
	town.ok(town.repo.EditComment(comments[1].ID, "Nothing to see."))
	town.expect(town.run(), "done    comment #1: say where the change is")
	if comments = town.repo.Comments(1); len(comments) != 3 || comments[1].Body != "Nothing to see." || comments[2].Body != right {
		t.Errorf("the comments are %+v", comments)
	}
	town.expect(town.run())
}

// TestMeanwhile has people act between the bot's look and its deed: what it looked at has moved (a19).
func TestMeanwhile(t *testing.T) {
	const head = "refs/heads/pick/release-1.31/pr-1"
	for name, tc := range map[string]struct {
		// on is the request before which somebody is faster.
		on      string
		faster  func(town *town)
		failing string
	}{
		"somebody pushes to the branch of the pick": {
			on: "git/push", failing: "pick/release-1.31/pr-1: somebody else pushed to it meanwhile, so it is left as it is",
			faster: func(town *town) {
				town.commit("pick/release-1.31/pr-1", "By hand", map[string]string{"addons/cert/more.yaml": "a: 1\n"})
			},
		},
		"somebody points it elsewhere": {
			on: "pulls/get", failing: "update release-1.31 #2: somebody has pointed it to release-1.32 meanwhile, so it is left as it is",
			faster: func(town *town) { town.ok(town.repo.EditPull(2, "ben", "", "", "release-1.32")) },
		},
		"somebody closes it": {on: "pulls/get", faster: func(town *town) { town.ok(town.repo.ClosePull(2, "ben")) }},
		"somebody pushes just before": {
			on: "pulls/get", failing: "update release-1.31 #2: somebody else pushed to it meanwhile, so it is left as it is",
			faster: func(town *town) {
				town.commit("pick/release-1.31/pr-1", "By hand", map[string]string{"addons/cert/more.yaml": "a: 1\n"})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && tc.on != "git/push" {
				t.Skip("one is enough for every day")
			}
			t.Parallel()
			town := newTown(t, github.Options{})
			town.commit("release-1.31", "Own value", map[string]string{"addons/cert/cert.yaml": settings("cert", "own")})
			town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
			town.settle()
			town.commit("release-1.31", "Another value", map[string]string{"addons/cert/cert.yaml": settings("cert", "other")})
			done := false
			var before string
			town.server.OnRequest(func(r github.Request) {
				if r.Operation == tc.on && !done {
					done = true
					tc.faster(town)
					before = town.repo.Refs()[head]
				}
			})
			_, err := town.try(t.Context())
			switch {
			case !done:
				t.Fatalf("nobody asked for %s", tc.on)
			case tc.failing == "" && err != nil, tc.failing != "" && (err == nil || !strings.Contains(err.Error(), tc.failing)):
				t.Errorf("got %v, want %q", err, tc.failing)
			case town.repo.Refs()[head] != before:
				t.Errorf("the bot pushed over it")
			}
			town.server.OnRequest(nil)
			town.settle()
			if town.repo.Refs()[head] != before {
				t.Errorf("the bot pushed over it later")
			}
		})
	}
}

// TestProtected has the server refuse what the bot may not do (g21, a16). That is told, and the rest is done.
func TestProtected(t *testing.T) {
	town := newTown(t, github.Options{})
	town.repo.Protect("release-1.33", github.Protection{Push: []string{"ben"}})
	town.change("Offer 1.33", "squash", map[string]string{"catalog.yaml": fmt.Sprintf(catalogText, `"1.31", "1.32", "1.33"`)})
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	for range 2 {
		_, err := town.try(t.Context())
		if err == nil || !errors.Is(err, native.ErrProtected) || !strings.HasPrefix(err.Error(), "cut release-1.33: ") {
			t.Errorf("got %v", err)
		}
	}
	town.expect(town.pulls(),
		`#3 release-1.31 ← pick/release-1.31/pr-2 by branch-bot: [release-1.31] Set cert to 2, open ["cherry-pick"]`,
		`#4 release-1.32 ← pick/release-1.32/pr-2 by branch-bot: [release-1.32] Set cert to 2, open ["cherry-pick"]`,
	)
	town.ok(town.repo.Git.SetBranch("release-1.33", "main"))
	town.settle()
}

// TestMainRenamed gives the default branch another name (fault 56), and takes a release branch away (fault 55): picks go on where they were, and a branch that is
// gone while the catalog offers its minor is cut again.
func TestMainRenamed(t *testing.T) {
	town := newTown(t, github.Options{})
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.settle()
	before := town.pulls()
	refused := town.change("Set extra to 2", "squash", map[string]string{"addons/cert/extra.yaml": settings("extra", "2")})
	town.ok(town.repo.LabelPull(refused, "ben", "no-cherry-pick"))
	town.branch("trunk", "main")
	town.ok(town.repo.Git.SetHead("trunk"))
	town.ok(town.repo.Git.DeleteBranch("main"))
	town.ok(town.repo.Sync())
	town.settle()
	town.expect(town.pulls(), before...)
	next := town.commit("trunk", "Set dns to 2", map[string]string{"addons/dns/dns.yaml": settings("dns", "2")})
	town.settle()
	town.expect(town.pulls(), append(before,
		fmt.Sprintf(`#5 release-1.31 ← pick/release-1.31/c-%s by branch-bot: [release-1.31] Set dns to 2, open ["cherry-pick"]`, next[:12]),
		fmt.Sprintf(`#6 release-1.32 ← pick/release-1.32/c-%s by branch-bot: [release-1.32] Set dns to 2, open ["cherry-pick"]`, next[:12]),
	)...)
	town.ok(town.repo.Git.DeleteBranch("release-1.32"))
	town.ok(town.repo.Sync())
	town.settle()
	if got := town.repo.Refs()["refs/heads/release-1.32"]; got != next {
		t.Errorf("release-1.32 is %q, want trunk's %s", got, next)
	}
}
