package proposing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/test/github"
)

const (
	head = "upgrade/main/cert"
	mine = "#1 main ← upgrade/main/cert by branch-bot: "
	to42 = mine + "Upgrade cert from 4.1.0 to 4.2.3, "
	to43 = mine + "Upgrade cert from 4.1.0 to 4.3.0, "
)

// next publishes 4.3.0 of cert.
func (town *town) next() { town.published["cert"] = append(town.published["cert"], "4.3.0") }

// by is what a person commits to a branch.
func (town *town) by(branch, path, text string) {
	town.commit(branch, "By hand", map[string]string{path: text})
}

// daily are the cases that the short run has too.
var daily = []string{
	"one closes it, and the base moves on", "one commits to it, and there is another version", "the source does not answer",
	"one opens it again after the bot closed it", "somebody does not want the version, and opens it again", "strangers ask",
}

// TestPeople lets people do everything to an open pull request that upgrades cert to 4.2.3. What they did stands.
func TestPeople(t *testing.T) {
	for name, tc := range map[string]struct {
		// before is done before the bot has proposed anything, after once it has opened #1 and the dashboard #2.
		before, after func(town *town)
		want          []string
		// kept are branches that must stay as people left them.
		kept []string
		// told are lines of the last run, left out where that is of no interest.
		told []string
	}{
		"one merges it": {
			after: func(town *town) { town.merge(1) },
			want:  []string{to42 + `merged ["upgrade"]`},
		},
		"one merges it, and there is another version later": {
			after: func(town *town) { town.merge(1); town.settle(); town.next() },
			want:  []string{to42 + `merged ["upgrade"]`, `#3 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.2.3 to 4.3.0, open ["upgrade"]`},
		},
		"one commits to it, merges it, and there is another version later": {
			after: func(town *town) {
				town.by(head, "addons/cert/more.yaml", "a: 1\n")
				town.merge(1)
				town.settle()
				town.next()
			},
			want: []string{to42 + `merged ["upgrade"]`, `#3 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.2.3 to 4.3.0, open ["upgrade"]`},
		},
		"one merges it and reverts it": {
			after: func(town *town) {
				town.merge(1)
				town.settle()
				town.by("main", "addons/cert/version.yaml", pinned("4.1.0"))
			},
			want: []string{to42 + `merged ["upgrade"]`, `#3 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, open ["upgrade"]`},
		},
		"one closes it": {
			after: func(town *town) { town.ok(town.repo.ClosePull(1, "ben")) },
			want:  []string{to42 + `closed ["upgrade"]`},
			told:  []string{`told    leave main #1: "Upgrade cert from 4.1.0 to 4.2.3" is not proposed: a person has closed #1, and it would be the same again`},
		},
		"one closes it, and the base moves on": {
			after: func(town *town) {
				town.ok(town.repo.ClosePull(1, "ben"))
				town.by("main", "addons/dns/setting.yaml", "setting: two\n")
				town.by("main", "addons/cert/setting.yaml", "setting: one # still\n")
			},
			want: []string{to42 + `closed ["upgrade"]`},
		},
		"one closes it, and it would do something else later": {
			after: func(town *town) {
				town.ok(town.repo.ClosePull(1, "ben"))
				town.settle()
				town.by("main", "addons/cert/setting.yaml", "setting: two\n")
			},
			want: []string{to42 + `closed ["upgrade"]`, `#3 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, open ["upgrade"]`},
		},
		"one closes it, and another minor is offered later": {
			after: func(town *town) {
				town.ok(town.repo.ClosePull(1, "ben"))
				town.settle()
				town.branch("release-1.33", "main")
				town.by("main", "catalog.yaml", fmt.Sprintf(catalogText, `"1.31", "1.32", "1.33"`))
			},
			want: []string{to42 + `closed ["upgrade"]`},
		},
		"another minor is offered, and it says what it changes there": {
			after: func(town *town) {
				before := town.pull(1).Body
				town.branch("release-1.33", "main")
				town.by("main", "catalog.yaml", fmt.Sprintf(catalogText, `"1.31", "1.32", "1.33"`))
				town.settle()
				if town.pull(1).Body == before {
					town.Errorf("it says\n%s", before)
				}
			},
			want: []string{to42 + `open ["upgrade"]`},
		},
		"one closes it, and it cannot be rendered later": {
			after: func(town *town) {
				town.ok(town.repo.ClosePull(1, "ben"))
				town.by("main", "addons/cert/setting.yaml", "template: broken\n")
			},
			want: []string{to42 + `closed ["upgrade"]`},
		},
		"one closes it, and there is another version later": {
			after: func(town *town) { town.ok(town.repo.ClosePull(1, "ben")); town.settle(); town.next() },
			want:  []string{to42 + `closed ["upgrade"]`, `#3 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.3.0, open ["upgrade"]`},
		},
		"one rewrites its text and closes it": {
			after: func(town *town) {
				town.ok(town.repo.EditPull(1, "ben", "Not this", "Not now.", ""))
				town.ok(town.repo.ClosePull(1, "ben"))
			},
			want: []string{mine + `Not this, closed ["upgrade"]`},
		},
		"one rewrites its text and closes it, and there is another version later": {
			after: func(town *town) {
				town.ok(town.repo.EditPull(1, "ben", "Not this", "Not now.", ""))
				town.ok(town.repo.ClosePull(1, "ben"))
				town.settle()
				town.next()
			},
			want: []string{mine + `Not this, closed ["upgrade"]`, `#3 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.3.0, open ["upgrade"]`},
		},
		"one closes it and deletes its branch": {
			after: func(town *town) {
				town.ok(town.repo.ClosePull(1, "ben"))
				town.ok(town.repo.Git.DeleteBranch(head))
				town.ok(town.repo.Sync())
			},
			want: []string{to42 + `closed ["upgrade"]`},
		},
		"one commits to it, and there is another version": {
			after: func(town *town) { town.by(head, "addons/cert/more.yaml", "a: 1\n"); town.next() },
			want:  []string{to42 + `open ["upgrade"]`},
			kept:  []string{head},
			told:  []string{`told    leave main #1: "Upgrade cert from 4.1.0 to 4.3.0" is left as it is: Addon Tester has committed to it, so it is left to people`},
		},
		"one commits to it and closes it, and there is another version": {
			after: func(town *town) {
				town.by(head, "addons/cert/more.yaml", "a: 1\n")
				town.ok(town.repo.ClosePull(1, "ben"))
				town.next()
			},
			want: []string{to42 + `closed ["upgrade"]`},
			kept: []string{head},
			told: []string{`told    leave main: "Upgrade cert from 4.1.0 to 4.3.0" is not proposed: its branch upgrade/main/cert has commits by Addon Tester and no open pull request: ` +
				`open one from it, or delete it`},
		},
		"one commits to it, and it is not proposed any more": {
			after: func(town *town) {
				town.by(head, "addons/cert/more.yaml", "a: 1\n")
				town.by("main", "addons/cert/version.yaml", pinned("4.2.3"))
			},
			want: []string{to42 + `open ["upgrade"]`},
			kept: []string{head},
		},
		"one pushes something else over it": {
			after: func(town *town) {
				town.branch("hand", "main")
				town.by("hand", "addons/cert/version.yaml", pinned("4.2.3 # by hand"))
				town.branch(head, "hand")
				town.next()
			},
			want: []string{to42 + `open ["upgrade"]`},
			kept: []string{head},
		},
		"one gives it another title": {
			after: func(town *town) { town.ok(town.repo.EditPull(1, "ben", "Better words", "", "")) },
			want:  []string{mine + `Better words, open ["upgrade"]`},
		},
		"one gives it another title and text, and there is another version": {
			after: func(town *town) { town.ok(town.repo.EditPull(1, "ben", "Better words", "My words.", "")); town.next() },
			want:  []string{mine + `Better words, open ["upgrade"]`},
			kept:  []string{head},
		},
		"one takes its label away, by which people find it": {
			after: func(town *town) { town.ok(town.repo.UnlabelPull(1, "ben", "upgrade")) },
			want:  []string{to42 + `open ["upgrade"]`},
		},
		"one takes its label away, and there is another version": {
			after: func(town *town) { town.ok(town.repo.UnlabelPull(1, "ben", "upgrade")); town.next() },
			want:  []string{to43 + `open ["upgrade"]`},
		},
		"the base cannot be rendered for a while": {
			after: func(town *town) { town.by("main", "addons/cert/setting.yaml", "template: broken\n") },
			want:  []string{to42 + `open ["upgrade"]`},
			kept:  []string{head},
		},
		"one points it to another branch": {
			after: func(town *town) { town.ok(town.repo.EditPull(1, "ben", "", "", "release-1.32")); town.next() },
			want:  []string{`#1 release-1.32 ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, open ["upgrade"]`},
			kept:  []string{head},
		},
		"one opens it again after the bot closed it": {
			after: func(town *town) {
				town.published["cert"] = []string{"4.1.0"}
				town.settle()
				town.ok(town.repo.ReopenPull(1, "ben"))
			},
			want: []string{to42 + `open ["upgrade"]`},
		},
		"the base moves without effect": {
			after: func(town *town) {
				town.by("main", "addons/dns/setting.yaml", "setting: two\n")
				town.by("main", "README.md", "Other words.\n")
			},
			want: []string{to42 + `open ["upgrade"]`},
			kept: []string{head},
		},
		"the base changes what comes of it": {
			after: func(town *town) { town.by("main", "addons/cert/setting.yaml", "setting: two\n") },
			want:  []string{to42 + `open ["upgrade"]`},
		},
		"the base has it by another way": {
			after: func(town *town) { town.by("main", "addons/cert/version.yaml", pinned("4.2.3")) },
			want:  []string{to42 + `closed ["upgrade"]`},
		},
		"the base goes back to before the merge": {
			after: func(town *town) {
				before := town.repo.Refs()["refs/heads/main"]
				town.merge(1)
				town.settle()
				town.branch("main", before)
				town.settle() // For a while it is as if it were merged just now: nobody can tell.
				town.expect(town.pulls(), to42+`merged ["upgrade"]`)
				town.ok(town.clock.Sleep(town.Context(), 2*time.Hour))
			},
			want: []string{to42 + `merged ["upgrade"]`, `#3 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, open ["upgrade"]`},
		},
		"one uses the bot's branch for it": {
			before: func(town *town) {
				town.branch(head, "main")
				town.by(head, "addons/cert/version.yaml", pinned("4.2.3 # mine"))
			},
			kept: []string{head},
			told: []string{`told    leave main: "Upgrade cert from 4.1.0 to 4.2.3" is not proposed: its branch upgrade/main/cert has commits by Addon Tester and no open pull request: ` +
				`open one from it, or delete it`},
		},
		"one opens a pull request from the bot's branch": {
			before: func(town *town) {
				town.branch(head, "main")
				town.by(head, "addons/cert/version.yaml", pinned("4.2.3 # mine"))
				_, err := town.repo.OpenPull(github.NewPull{Author: "ann", Title: "Mine", Head: head, Base: "main"})
				town.ok(err)
			},
			kept: []string{head},
			want: []string{`#1 main ← upgrade/main/cert by ann: Mine, open []`},
			told: []string{`told    leave main #1: "Upgrade cert from 4.1.0 to 4.2.3" is not proposed: ann has opened #1 from its branch`},
		},
		"the source does not answer": {
			after: func(town *town) { town.broken["cert"] = "charts.example.com does not answer" },
			want:  []string{to42 + `open ["upgrade"]`},
			told:  []string{`told    leave main #1: "Upgrade cert from 4.1.0 to 4.2.3" is left as it is: whether there is something newer cannot be told: charts.example.com does not answer`},
		},
		"the version is withdrawn": {
			after: func(town *town) { town.published["cert"] = []string{"4.1.0"} },
			want:  []string{to42 + `closed ["upgrade"]`},
		},
		"its commit cannot be made any more": {
			after: func(town *town) { town.next(); town.unbuildable["cert"] = "the archive is not what its index says" },
			want:  []string{to42 + `open ["upgrade"]`},
			told:  []string{`told    leave main #1: "Upgrade cert from 4.1.0 to 4.3.0" is not renewed: its commit cannot be made: the archive is not what its index says`},
		},
		"somebody from outside uses the bot's name for a branch": {
			before: func(town *town) {
				fork, err := town.repo.Fork("mallory")
				town.ok(err)
				town.ok(fork.Git.SetBranch(head, "main"))
				_, err = fork.Git.Commit(head, map[string]string{"addons/cert/version.yaml": pinned("evil")}, "Evil")
				town.ok(err)
				town.ok(fork.Sync())
				number, err := town.repo.OpenPull(github.NewPull{Author: "mallory", Title: "Mine", Head: "mallory:" + head, Base: "main"})
				town.ok(err)
				town.ok(town.repo.EditPull(number, "mallory", "", proposal.Hide("Copied.", proposal.Marker{Kind: "upgrade", Branch: "main", Unit: "cert", Ignored: "major"}), ""))
				town.ok(town.repo.ClosePull(number, "mallory"))
			},
			want: []string{
				"#1 main ← upgrade/main/cert by mallory: Mine, closed []",
				`#2 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, open ["upgrade"]`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && !slices.Contains(daily, name) {
				t.Skip("some people are enough for every day")
			}
			t.Parallel()
			town := newTown(t, github.Options{})
			town.published["cert"] = []string{"4.1.0", "4.2.3"}
			if tc.before != nil {
				tc.before(town)
			} else {
				town.settle()
			}
			if tc.after != nil {
				tc.after(town)
			}
			refs := town.repo.Refs()
			town.settle()
			town.expect(town.pulls(), tc.want...)
			for _, branch := range tc.kept {
				if got, want := town.repo.Refs()["refs/heads/"+branch], refs["refs/heads/"+branch]; got != want {
					t.Errorf("%s is %s, want %s", branch, got, want)
				}
			}
			if tc.told != nil {
				town.expect(telling(town.run()), tc.told...)
			}
			town.idle()
		})
	}
}

// TestRenewedOnItsBase makes a pull request anew when its base changes what comes of it: on the new base, in one commit.
func TestRenewedOnItsBase(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"] = []string{"4.1.0", "4.2.3"}
	town.settle()
	town.by("main", "addons/cert/setting.yaml", "setting: two\n")
	town.expect(doing(town.run())[:1], `done    update main #1: renew "Upgrade cert from 4.1.0 to 4.2.3": main has changed what comes of it`)
	p := town.pull(1)
	if parent, err := town.repo.Git.Git("rev-parse", p.HeadSHA+"^"); err != nil || parent != town.repo.Refs()["refs/heads/main"] || len(p.Commits) != 1 {
		t.Errorf("its parent is %s (%v), and it has %d commits", parent, err, len(p.Commits))
	}
	town.idle()
	town.by("main", "addons/cert/version.yaml", strings.Replace(pinned("4.1.0"), "keep", "kept", 1))
	town.expect(doing(town.run())[:1], `done    update main #1: renew "Upgrade cert from 4.1.0 to 4.2.3": main has changed addons/cert/version.yaml`)
	town.idle()
	if text, err := town.repo.Git.Git("show", head+":addons/cert/version.yaml"); err != nil || text+"\n" != strings.Replace(pinned("4.2.3"), "keep", "kept", 1) {
		t.Errorf("it has %q (%v)", text, err)
	}
}

// TestTextAlone has the text renewed without a push where only what it says of other versions has changed.
func TestTextAlone(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"] = []string{"4.1.0", "4.2.3"}
	town.settle()
	before := town.pull(1).HeadSHA
	town.by("main", "addons/dns/setting.yaml", "setting: two\n")
	town.server.ForgetRequests()
	town.limits["release-1.31 cert"] = "4.2.3"
	lines := town.run()
	town.expect(doing(lines)[:1], `done    update main #1: renew "Upgrade cert from 4.1.0 to 4.2.3": what it says of other versions or branches is out of date`)
	town.expect(town.writes()[:2], "issues/add-labels", "pulls/update")
	if slices.Contains(town.writes(), "git/push") || town.pull(1).HeadSHA != before {
		t.Errorf("it was pushed: %q", town.writes())
	}
	town.expect(town.pulls(), to42+`open ["no-cherry-pick/1.31" "upgrade"]`)
	delete(town.limits, "release-1.31 cert")
	town.ok(town.repo.LabelPull(1, "ben", "no-cherry-pick/1.32"))
	town.settle()
	town.expect(town.pulls(), to42+`open ["no-cherry-pick/1.32" "upgrade"]`)
	town.idle()
}

// TestMeanwhile has people act between the bot's look and its deed.
func TestMeanwhile(t *testing.T) {
	for name, tc := range map[string]struct {
		// on is the request before which somebody is faster.
		on      string
		faster  func(town *town)
		failing string
	}{
		"somebody pushes to the branch": {
			on: "git/push", failing: "update main #1: upgrade/main/cert: somebody else pushed to it meanwhile, so it is left as it is",
			faster: func(town *town) { town.by(head, "addons/cert/more.yaml", "a: 1\n") },
		},
		"somebody points it elsewhere": {
			on: "pulls/get", failing: "update main #1: somebody has pointed it to release-1.32 meanwhile, so it is left as it is",
			faster: func(town *town) { town.ok(town.repo.EditPull(1, "ben", "", "", "release-1.32")) },
		},
		"somebody closes it": {on: "pulls/get", faster: func(town *town) { town.ok(town.repo.ClosePull(1, "ben")) }},
		"somebody pushes just before": {
			on: "pulls/get", failing: "update main #1: somebody else pushed to it meanwhile, so it is left as it is",
			faster: func(town *town) { town.by(head, "addons/cert/more.yaml", "a: 1\n") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && tc.on != "git/push" {
				t.Skip("one is enough for every day")
			}
			t.Parallel()
			town := newTown(t, github.Options{})
			town.published["cert"] = []string{"4.1.0", "4.2.3"}
			town.settle()
			town.next()
			done := false
			var before string
			town.server.OnRequest(func(r github.Request) {
				if r.Operation == tc.on && !done {
					done = true
					tc.faster(town)
					before = town.repo.Refs()["refs/heads/"+head]
				}
			})
			_, err := town.try(t.Context())
			switch {
			case !done:
				t.Fatalf("nobody asked for %s", tc.on)
			case tc.failing == "" && err != nil, tc.failing != "" && (err == nil || !strings.Contains(err.Error(), tc.failing)):
				t.Errorf("got %v, want %q", err, tc.failing)
			case town.repo.Refs()["refs/heads/"+head] != before:
				t.Errorf("the bot pushed over it")
			}
		})
	}
}

// TestProtected has the server refuse the push: that is told, and the rest is done.
func TestProtected(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"], town.published["dns"] = []string{"4.1.0", "4.2.3"}, []string{"4.1.0", "4.2.3"}
	town.repo.Protect("upgrade/main/cert", github.Protection{Push: []string{"ben"}})
	for range 2 {
		if _, err := town.try(t.Context()); err == nil || !strings.Contains(err.Error(), native.ErrProtected.Error()) || !strings.HasPrefix(err.Error(), "open main: ") {
			t.Errorf("got %v", err)
		}
	}
	town.expect(town.pulls(), `#1 main ← upgrade/main/dns by branch-bot: Upgrade dns from 4.1.0 to 4.2.3, open ["upgrade"]`)
}

// TestGroups has two addons in one pull request, taken apart and put together again.
func TestGroups(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"], town.published["dns"] = []string{"4.1.0", "4.2.3"}, []string{"4.1.0", "4.4.0"}
	town.settle()
	town.rules.Groups = []catalog.UpgradeGroup{{Name: "both", Addons: []string{"cert", "dns"}}}
	town.settle()
	const closed = `closed ["upgrade"]`
	together := `main ← upgrade/main/both by branch-bot: Upgrade both: cert to 4.2.3, dns to 4.4.0, `
	cert, dns := "#1 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, ", "#2 main ← upgrade/main/dns by branch-bot: Upgrade dns from 4.1.0 to 4.4.0, "
	town.expect(town.pulls(), cert+closed, dns+closed, "#4 "+together+`open ["upgrade"]`)
	if body := town.pull(1).Body; !strings.HasPrefix(body, "> **Closed by the bot:** it is part of upgrade/main/both now.\n") {
		t.Errorf("the closed pull request says\n%s", body)
	}
	town.idle()
	// A source that fails does not make the pull request smaller.
	town.broken["dns"] = "charts.example.com does not answer"
	town.expect(doing(town.run()), "done    dashboard: say what is pending, refused, ignored and failing in #3")
	delete(town.broken, "dns")
	town.settle()
	town.expect(town.pulls()[2:], "#4 "+together+`open ["upgrade"]`)
	town.rules.Groups = nil
	town.settle()
	town.expect(town.pulls()[2:], "#4 "+together+closed,
		`#5 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.3, open ["upgrade"]`,
		`#6 main ← upgrade/main/dns by branch-bot: Upgrade dns from 4.1.0 to 4.4.0, open ["upgrade"]`)
	town.idle()
}

// TestAdmission holds pull requests back by caps and schedule, but never security, and tells so.
func TestAdmission(t *testing.T) {
	town := newTown(t, github.Options{})
	for _, addon := range []string{"cert", "dns", "log"} {
		town.published[addon] = []string{"4.1.0", "4.2.3"}
	}
	town.rules.MaxOpen = 1
	town.unbuildable["cert"] = "the archive is not what its index says"
	lines := town.run()
	town.expect(lines[:2], `told    refuse main: "Upgrade cert from 4.1.0 to 4.2.3" is not proposed: its commit cannot be made: the archive is not what its index says`,
		`done    open main: open a pull request "Upgrade dns from 4.1.0 to 4.2.3"`)
	if !strings.HasPrefix(lines[2], `told    wait main: "Upgrade log from 4.1.0 to 4.2.3" is not proposed: `) {
		t.Error(lines[2])
	}
	town.settle()
	town.idle()
	town.security["log 4.2.3"] = true
	town.rules.MaxOpen = 2
	town.rules.Schedule = "0 3 * * *"
	town.settle()
	town.expect(town.pulls(),
		`#1 main ← upgrade/main/dns by branch-bot: Upgrade dns from 4.1.0 to 4.2.3, open ["upgrade"]`,
		`#3 main ← upgrade/main/log by branch-bot: Upgrade log from 4.1.0 to 4.2.3, open ["security" "upgrade"]`)
	// What is open is renewed whatever the caps say.
	town.rules.MaxOpen = 1
	town.published["dns"] = []string{"4.1.0", "4.2.3", "4.2.4"}
	town.settle()
	if got := town.pulls()[0]; got != `#1 main ← upgrade/main/dns by branch-bot: Upgrade dns from 4.1.0 to 4.2.4, open ["upgrade"]` {
		t.Error(got)
	}
	town.idle()
}

// TestRetired closes pull requests onto a branch whose minor is no longer offered.
func TestRetired(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"] = []string{"4.1.0", "4.2.3", "4.3.0"}
	town.limits["release-1.31 cert"] = "4.2.3"
	town.settle()
	town.by("main", "catalog.yaml", fmt.Sprintf(catalogText, `"1.32"`))
	town.settle()
	p := town.pull(2)
	if p.Base != "release-1.31" || p.State != "closed" || !strings.HasPrefix(p.Body, "> **Closed by the bot:** the catalog of main does not offer 1.31 any more.\n") {
		t.Errorf("%+v", p)
	}
	town.idle()
}

// TestLimited looks at one addon only, and leaves pull requests of others alone.
func TestLimited(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"], town.published["dns"] = []string{"4.1.0", "4.2.3"}, []string{"4.1.0", "4.2.3"}
	town.settle()
	town.addons = []string{"dns"}
	town.expect(doing(town.run()))
	town.published["dns"] = []string{"4.1.0"}
	town.run()
	town.expect(town.pulls(), to42+`open ["upgrade"]`, `#2 main ← upgrade/main/dns by branch-bot: Upgrade dns from 4.1.0 to 4.2.3, closed ["upgrade"]`)
}
