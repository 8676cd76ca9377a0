package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	standin "github.com/addon-manager/addon-manager/test/github"
)

// TestStory does what the bot does with one pick, first as an App and then with a token, and does it all a second time: that changes nothing.
func TestStory(t *testing.T) {
	for _, as := range []string{"app", "token"} {
		t.Run(as, func(t *testing.T) {
			p := newPlace(t, standin.Options{})
			p.repo.Allow("alice", "write")
			p.repo.Protect("release-*", standin.Protection{RequiredChecks: []string{"addons/no-conflicts", "addons/diff"}})
			head := p.branch("pick/release-1.31/pr-12", "release-1.31")
			ctx := t.Context()
			var c *Client
			var login, email string
			if as == "app" {
				c, login, email = p.asApp(), "branch-bot[bot]", p.app.Email
			} else {
				c, login = p.asUser("robot"), "robot"
			}

			gotLogin, gotEmail, err := c.Login(ctx)
			p.must(err)
			if as == "app" {
				email = strings.Replace(email, "github.com", "127.0.0.1", 1)
			} else {
				number, _, _ := strings.Cut(gotEmail, "+")
				email = number + "+robot@users.noreply.127.0.0.1"
			}
			same(t, "login", []string{gotLogin, gotEmail}, []string{login, email})

			repository, err := c.Repository(ctx)
			p.must(err)
			same(t, "repository", repository, forge.Repository{Owner: "acme", Name: "config", DefaultBranch: "main", CloneURL: p.repo.CloneURL()})

			pull, err := c.Open(ctx, forge.NewPull{Title: "[release-1.31] one", Body: "body\r\nof <two> lines & more", Base: "release-1.31", Head: "pick/release-1.31/pr-12", Draft: true})
			p.must(err)
			want := forge.Pull{
				Number: pull.Number, Title: "[release-1.31] one", Body: pull.Body, Author: login, Open: true, Draft: true, Base: "release-1.31", Head: "pick/release-1.31/pr-12",
				HeadCommit: head, HeadRepository: "acme/config", BaseCommit: pull.BaseCommit, Created: p.clock.now(), Updated: p.clock.now(), URL: pull.URL,
			}
			same(t, "opened", pull, want)
			p.must(c.Label(ctx, pull.Number, "cherry-pick", "conflict"))
			p.must(c.Assign(ctx, pull.Number, "alice", "nobody-knows"))
			made, err := c.Comment(ctx, pull.Number, "hello\n\n<!-- marker -->")
			p.must(err)
			p.must(c.EditComment(ctx, made.ID, "hello again"))
			check := forge.Check{Name: "addons/no-conflicts", Commit: head, Conclusion: forge.Failure, Title: "2 files in conflict", Summary: "- a\n- b"}
			p.must(c.SetCheck(ctx, check))

			pull, err = c.Pull(ctx, pull.Number)
			p.must(err)
			want.Labels, want.Assignees, want.Updated = []string{"cherry-pick", "conflict"}, []string{"alice"}, pull.Updated
			same(t, "read", pull, want)
			comments, err := c.Comments(ctx, pull.Number)
			p.must(err)
			same(t, "comments", comments, []forge.Comment{{ID: made.ID, Author: login, Body: "hello again"}})
			checks, err := c.Checks(ctx, head)
			p.must(err)
			if as == "token" {
				check.Summary = "" // A status has none.
			}
			same(t, "checks", checks, []forge.Check{check})
			names, known, err := c.RequiredChecks(ctx, "release-1.31")
			p.must(err)
			same(t, "required", fmt.Sprint(names, known), "[addons/diff addons/no-conflicts] true")
			names, known, err = c.RequiredChecks(ctx, "main")
			p.must(err)
			same(t, "required on main", fmt.Sprint(names, known), "[] true")
			all := map[string]func() ([]forge.Pull, error){
				"open":  func() ([]forge.Pull, error) { return c.OpenPulls(ctx) },
				"since": func() ([]forge.Pull, error) { return c.PullsSince(ctx, p.clock.now().Add(-time.Hour)) },
				"of":    func() ([]forge.Pull, error) { return c.PullsOf(ctx, "pick/release-1.31/pr-12") },
			}
			for what, list := range all {
				pulls, err := list()
				p.must(err)
				same(t, what, pulls, []forge.Pull{want})
			}

			// The second time.
			_, unchanged, before := c.Spent()
			again, err := c.Open(ctx, forge.NewPull{Title: "another", Base: "release-1.31", Head: "pick/release-1.31/pr-12"})
			if !errors.Is(err, ErrExists) || again.Number != pull.Number {
				t.Errorf("opened again: %d, %v", again.Number, err)
			}
			p.must(c.Label(ctx, pull.Number, "conflict", "Cherry-Pick"))
			p.must(c.Assign(ctx, pull.Number, "ALICE", "nobody-knows", "dependabot[bot]", "../../x"))
			check.Summary = "- a\n- b"
			p.must(c.SetCheck(ctx, check))
			if _, now, written := c.Spent(); written != before || now == unchanged {
				t.Errorf("the second time: %d writes, %d unchanged", written-before, now-unchanged)
			}

			// The conflict is solved and merged by a person; the tag is released.
			check.Conclusion, check.Title = forge.Success, "no conflicts"
			p.must(c.SetCheck(ctx, check))
			checks, err = c.Checks(ctx, head)
			p.must(err)
			if len(checks) != 1 || checks[0].Conclusion != forge.Success {
				t.Errorf("checks %+v", checks)
			}
			title := "[release-1.31] one & only"
			pull, err = c.Edit(ctx, pull.Number, forge.PullEdit{Title: &title, Closed: true})
			p.must(err)
			want.Title, want.Open, want.Updated = title, false, pull.Updated
			same(t, "closed", pull, want)
			if open, err := c.OpenPulls(ctx); err != nil || len(open) != 0 {
				t.Errorf("open: %v, %v", open, err)
			}

			if _, err := c.Release(ctx, "v1.31-ake.1"); !errors.Is(err, ErrNotFound) {
				t.Errorf("release: %v", err)
			}
			release := forge.Release{Tag: "v1.31-ake.1", Name: "v1.31-ake.1", Body: "notes"}
			if _, err := c.CreateRelease(ctx, release); !errors.Is(err, ErrNotFound) {
				t.Errorf("a release without its tag: %v", err)
			}
			_, err = p.repo.Git.Git("tag", "v1.31-ake.1", "release-1.31")
			p.must(err)
			released, err := c.CreateRelease(ctx, release)
			p.must(err)
			release.ID, release.URL = released.ID, released.URL
			same(t, "released", released, release)
			writes := p.server.Writes()
			if sent := string(writes[len(writes)-1].Body); !strings.Contains(sent, `"make_latest":"false"`) {
				t.Errorf("it would be the latest: %s", sent)
			}
			if found, err := c.CreateRelease(ctx, forge.Release{Tag: "v1.31-ake.1"}); !errors.Is(err, ErrExists) || found != release {
				t.Errorf("released again: %+v, %v", found, err)
			}
			release.Body, release.Name = "better notes", "1.31, fifth"
			p.must(c.EditRelease(ctx, release))
			found, err := c.Release(ctx, "v1.31-ake.1")
			p.must(err)
			same(t, "release", found, release)
		})
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, _ := json.MarshalIndent(got, "", " ")
	w, _ := json.MarshalIndent(want, "", " ")
	if string(g) != string(w) {
		t.Errorf("%s\ngot  %s\nwant %s", what, g, w)
	}
}
