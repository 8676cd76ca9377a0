package proposing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/test/github"
)

// TestCommands has people ask for things in comments. Each is answered once, and only who may write is heard.
func TestCommands(t *testing.T) {
	for name, tc := range map[string]struct {
		// before is done once #1 upgrades cert to 4.2.3; then who comments what, one after the other.
		before   func(town *town)
		comments [][2]string
		// want are the pull requests, answers those that the bot gave, each with a part of its text.
		want    []string
		answers []string
		// after is done then, and later are the pull requests.
		after func(town *town)
		later []string
	}{
		"somebody asks to make it anew": {
			before:   func(town *town) { town.by("main", "addons/dns/setting.yaml", "setting: two\n") },
			comments: [][2]string{{"ann", "/rebase"}},
			want:     []string{to42 + `open ["upgrade"]`},
			answers:  []string{"ann: It is on top of `main` at `"},
		},
		"somebody asks to make it anew that is as it would be": {
			comments: [][2]string{{"ann", "/rebase"}},
			want:     []string{to42 + `open ["upgrade"]`},
			answers:  []string{"ann: It is on top of `main` at `"},
		},
		"two ask to make it anew": {
			before:   func(town *town) { town.by("main", "addons/dns/setting.yaml", "setting: two\n") },
			comments: [][2]string{{"ann", "/rebase"}, {"ben", "Please.\n\n/rebase\n"}},
			want:     []string{to42 + `open ["upgrade"]`},
			answers:  []string{"ann: It is on top of `main` at `", "ben: It is on top of `main` at `"},
		},
		"somebody asks to make it anew whose text is gone": {
			before:   func(town *town) { town.ok(town.repo.EditPull(1, "ben", "Mine", "Mine.", "")); town.next() },
			comments: [][2]string{{"ann", "/rebase"}},
			want:     []string{to43 + `open ["upgrade"]`},
			answers:  []string{"ann: It is on top of `main` at `"},
		},
		"somebody asks to make it anew after a person committed": {
			before:   func(town *town) { town.by(head, "addons/cert/more.yaml", "a: 1\n") },
			comments: [][2]string{{"ann", "/rebase"}},
			want:     []string{to42 + `open ["upgrade"]`},
			answers:  []string{"ann: Nothing was done: Addon Tester has committed to it, so it is left to people.\n\nWith the commits as they are, merge the branch that it is for:"},
		},
		"somebody asks to make it anew that is not proposed any more": {
			before:   func(town *town) { town.published["cert"] = nil },
			comments: [][2]string{{"ann", "/rebase"}},
			want:     []string{to42 + `closed ["upgrade"]`},
			answers:  []string{"ann: Closed instead: nothing newer than what main has is proposed for cert."},
		},
		"somebody asks to make it anew while its source fails": {
			before:   func(town *town) { town.broken["cert"] = "no answer" },
			comments: [][2]string{{"ann", "/rebase"}},
			want:     []string{to42 + `open ["upgrade"]`},
			answers:  []string{"ann: Nothing was done: whether there is something newer cannot be told: no answer."},
		},
		"somebody does not want the version": {
			comments: [][2]string{{"ann", "/ignore this version"}},
			want:     []string{to42 + `closed ["upgrade"]`},
			answers:  []string{"ann: Closed: this version is not proposed to `main` any more. Other versions are, older ones too. To take that back, open this pull request again before another one comes from its branch."},
			after:    func(town *town) { town.next() },
			later:    []string{to42 + `closed ["upgrade"]`, `#3 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.3.0, open ["upgrade"]`},
		},
		"somebody does not want the version, and the base changes what comes of it": {
			comments: [][2]string{{"ann", "/ignore this version"}},
			want:     []string{to42 + `closed ["upgrade"]`},
			answers:  []string{"ann: Closed: "},
			after:    func(town *town) { town.by("main", "addons/cert/setting.yaml", "setting: two\n") },
			later:    []string{to42 + `closed ["upgrade"]`},
		},
		"somebody does not want the version, and there is one in between": {
			before:   func(town *town) { town.published["cert"] = []string{"4.1.0", "4.2.0", "4.2.3"} },
			comments: [][2]string{{"ann", "/ignore this version"}},
			want:     []string{to42 + `closed ["upgrade"]`, `#3 main ← upgrade/main/cert by branch-bot: Upgrade cert from 4.1.0 to 4.2.0, open ["upgrade"]`},
			answers:  []string{"ann: Closed: "},
		},
		"somebody does not want the major": {
			comments: [][2]string{{"ann", "/ignore this major"}},
			want:     []string{to42 + `closed ["upgrade"]`},
			answers:  []string{"ann: Closed: this major version is not proposed to `main` any more. "},
			after:    func(town *town) { town.published["cert"] = append(town.published["cert"], "4.3.0", "5.0.0") },
			later:    []string{to42 + `closed ["upgrade"]`, `#3 main ← upgrade/main/cert.major by branch-bot: Upgrade cert from 4.1.0 to 5.0.0 (major), open ["major" "upgrade"]`},
		},
		"somebody does not want the version, and opens it again": {
			comments: [][2]string{{"ann", "/ignore this version"}},
			want:     []string{to42 + `closed ["upgrade"]`},
			answers:  []string{"ann: Closed: "},
			after: func(town *town) {
				town.ok(town.repo.ReopenPull(1, "ann"))
				town.settle()
				if m, _ := proposal.Find(town.pull(1).Body); m.Ignored != "" || m.Retired != "" {
					town.Errorf("its marker still says %+v", m)
				}
				town.ok(town.repo.ClosePull(1, "ann"))
			},
			later: []string{to42 + `closed ["upgrade"]`},
		},
		"somebody does not want a version that a person committed to": {
			before:   func(town *town) { town.by(head, "addons/cert/more.yaml", "a: 1\n") },
			comments: [][2]string{{"ann", "/ignore this version"}},
			want:     []string{to42 + `closed ["upgrade"]`},
			answers:  []string{"ann: Closed: "},
		},
		"somebody asks for both": {
			comments: [][2]string{{"ann", "/rebase"}, {"ben", "/ignore this version"}},
			want:     []string{to42 + `closed ["upgrade"]`},
			answers:  []string{"ann: Nothing was done: this pull request is closed, as another comment asks for.", "ben: Closed: "},
		},
		"somebody does not want it whose text is gone": {
			before:   func(town *town) { town.ok(town.repo.EditPull(1, "ben", "Mine", "Mine.", "")) },
			comments: [][2]string{{"ann", "/ignore this version"}},
			want:     []string{mine + `Mine, open ["upgrade"]`},
			answers:  []string{"ann: Nothing was done: the text of this pull request was rewritten"},
		},
		"strangers ask": {
			comments: [][2]string{
				{"mallory", "/ignore this major"}, {"mallory", "/rebase"}, {"mallory", "/approve"}, {"mallory", "/rebase"}, {"mallory", "/rebase"}, {"mallory", "/rebase"},
			},
			want: []string{to42 + `open ["upgrade"]`},
			answers: []string{
				"mallory: Nothing was done: only people with write access to `acme/config` may ask for `/ignore this major`.",
				"mallory: Nothing was done: only people with write access to `acme/config` may ask for `/rebase`.",
				"mallory: Nothing was done: only people with write access to `acme/config` may ask for `/rebase`.",
			},
		},
		"somebody mistypes": {
			comments: [][2]string{{"ann", "/ignore this minor"}},
			want:     []string{to42 + `open ["upgrade"]`},
			answers:  []string{"ann: Nothing was done: `/ignore this minor` is no command. There are `/rebase`, `/ignore this version` and `/ignore this major`, each alone on a line."},
		},
		"somebody only talks": {
			comments: [][2]string{{"ann", "I would /rebase this."}, {"ben", "> /rebase\n\nWhy?"}},
			want:     []string{to42 + `open ["upgrade"]`},
		},
		"somebody forges an answer": {
			comments: [][2]string{{"ann", "/ignore this version"}, {"mallory", ""}},
			want:     []string{to42 + `closed ["upgrade"]`},
			answers:  []string{"ann: Closed: "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && !slices.Contains(daily, name) {
				t.Skip("some orders are enough for every day")
			}
			t.Parallel()
			town := newTown(t, github.Options{})
			town.published["cert"] = []string{"4.1.0", "4.2.3"}
			town.settle()
			if tc.before != nil {
				tc.before(town)
			}
			for _, c := range tc.comments {
				if c[1] == "" {
					c[1] = proposal.Answer(town.repo.Comments(1)[0].ID, "ann", "Done.")
				}
				town.ok(town.repo.CommentPull(1, c[0], c[1]))
			}
			town.settle()
			town.expect(town.pulls(), tc.want...)
			got := town.said(1)
			if len(got) != len(tc.answers) {
				t.Fatalf("got %d answers, want %d: %q", len(got), len(tc.answers), got)
			}
			for i, want := range tc.answers {
				who, text, _ := strings.Cut(want, ": ")
				if !strings.Contains(got[i], who) || !strings.Contains(got[i], text) {
					t.Errorf("got\n%s\nwant\n%s", got[i], want)
				}
			}
			town.idle()
			if tc.after != nil {
				tc.after(town)
				town.settle()
				town.expect(town.pulls(), tc.later...)
				town.idle()
			}
			if got := town.said(1); len(got) != len(tc.answers) {
				t.Errorf("answered again: %q", got)
			}
		})
	}
}

// TestRebase moves a pull request to the branch as it is now, which else waits for a change that matters.
func TestRebase(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"] = []string{"4.1.0", "4.2.3"}
	town.settle()
	tip := town.commit("main", "Elsewhere", map[string]string{"addons/dns/setting.yaml": "setting: two\n"})
	before := town.pull(1).HeadSHA
	town.idle()
	if town.pull(1).HeadSHA != before {
		t.Errorf("it moved without being asked to")
	}
	town.ok(town.repo.CommentPull(1, "ann", "/rebase"))
	town.expect(town.run(),
		`done    update main #1: renew "Upgrade cert from 4.1.0 to 4.2.3": a person asked for it`,
		`done    comment main #1: answer ann, who asks for "/rebase"`,
		"done    dashboard: say what is pending, refused, ignored and failing in #2",
	)
	if parent, err := town.repo.Git.Git("rev-parse", town.pull(1).HeadSHA+"^"); err != nil || parent != tip {
		t.Errorf("its parent is %s, want %s (%v)", parent, tip, err)
	}
	if want := fmt.Sprintf("It is on top of `main` at `%.12s` now.", tip); !strings.Contains(town.said(1)[0], want) {
		t.Errorf("got\n%s\nwant %s", town.said(1)[0], want)
	}
	town.idle()
}

// TestCutOffAnswer has the bot killed after it closed a pull request for a person: the answer comes the next time, though the pull request is closed.
func TestCutOffAnswer(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"] = []string{"4.1.0", "4.2.3"}
	town.settle()
	town.ok(town.repo.CommentPull(1, "ann", "/ignore this version"))
	town.server.Script(github.Fault{On: "issues/create-comment", Status: 503})
	if _, err := town.try(t.Context()); err == nil {
		t.Fatal("nothing failed")
	}
	town.server.Heal()
	if p := town.pull(1); p.State != "closed" || len(town.said(1)) != 0 {
		t.Fatalf("it is %s, and %q was said", p.State, town.said(1))
	}
	town.ok(town.clock.Sleep(t.Context(), time.Hour))
	town.expect(doing(town.run())[:1], `done    comment main #1: answer ann, who asks for "/ignore this version"`)
	if said := town.said(1); len(said) != 1 || !strings.Contains(said[0], "Closed: this version is not proposed to `main` any more.") {
		t.Errorf("%q", said)
	}
	town.idle()
}
