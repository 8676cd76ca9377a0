package github

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	standin "github.com/addon-manager/addon-manager/test/github"
)

// TestDashboard keeps one issue, as the bot does: found by its label among other issues and pull requests, and only ever changed where it differs.
func TestDashboard(t *testing.T) {
	p := newPlace(t, standin.Options{})
	ctx, c := t.Context(), p.asApp()
	_, err := p.repo.OpenIssue(standin.NewIssue{Author: "eve", Title: "Upgrades of addons"})
	p.must(err)
	p.branch("fix", "main")
	_, err = p.repo.OpenPull(standin.NewPull{Author: "robot", Title: "Fix", Head: "fix", Base: "main", Labels: []string{"upgrades"}})
	p.must(err)
	found, err := c.Issues(ctx, "upgrades")
	p.must(err)
	same(t, "before", found, []forge.Issue{})

	made, err := c.OpenIssue(ctx, forge.NewIssue{Title: "Upgrades of addons", Body: "none", Labels: []string{"upgrades", "bot"}})
	p.must(err)
	want := forge.Issue{
		Number: 3, Title: "Upgrades of addons", Body: "none", Author: "branch-bot[bot]", Open: true, Labels: []string{"bot", "upgrades"}, URL: p.server.URL() + "/acme/config/issues/3",
	}
	same(t, "opened", made, want)
	p.must(c.EditIssue(ctx, 3, "one"))
	want.Body = "one"
	found, err = c.Issues(ctx, "upgrades")
	p.must(err)
	same(t, "found", found, []forge.Issue{want})

	p.must(p.repo.CloseIssue(3, "robot"))
	found, err = c.Issues(ctx, "upgrades")
	p.must(err)
	want.Open = false
	same(t, "closed", found, []forge.Issue{want})
	if err := c.EditIssue(ctx, 9, "x"); err == nil || err.Error() != "change issue #9: not found on GitHub: 404 Not Found: it is not there, or the credentials may not see it" {
		t.Errorf("an issue that is not there: %v", err)
	}
}

// TestAnIssueThatWasOpenedAllTheSame: when the answer to opening one is lost, there is one issue, not two.
func TestAnIssueThatWasOpenedAllTheSame(t *testing.T) {
	for name, tc := range map[string]struct {
		cut    standin.Cut
		labels []string
		opened int
		want   string
	}{
		"it was opened":      {standin.After, []string{"upgrades"}, 1, "<nil>"},
		"it was not":         {standin.Before, []string{"upgrades"}, 1, "<nil>"},
		"nobody can tell it": {standin.After, nil, 1, `open the issue "Upgrades": GitHub cannot be reached: EOF; it may have been done all the same: look before you ask again`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, standin.Options{})
			p.server.Script(standin.Fault{On: "issues/create", Cut: tc.cut, Times: 1})
			made, err := p.asApp().OpenIssue(t.Context(), forge.NewIssue{Title: "Upgrades", Body: "none", Labels: tc.labels})
			if fmt.Sprint(err) != tc.want || len(p.repo.Issues()) != tc.opened || err == nil && made.Number != 1 {
				t.Errorf("#%d, %v; %d issues", made.Number, err, len(p.repo.Issues()))
			}
		})
	}
}

func TestUnlabel(t *testing.T) {
	p := newPlace(t, standin.Options{})
	ctx, c := t.Context(), p.asApp()
	p.branch("fix", "main")
	n, err := p.repo.OpenPull(standin.NewPull{Author: "robot", Title: "Fix", Head: "fix", Base: "main", Labels: []string{"no-cherry-pick/1.31", "keep"}})
	p.must(err)
	p.must(c.Unlabel(ctx, n, "no-cherry-pick/1.31"))
	p.must(c.Unlabel(ctx, n, "no-cherry-pick/1.31"))
	p.must(c.Unlabel(ctx, n, "never made/../x?y"))
	if got := fmt.Sprint(p.repo.Pulls()[0].Labels); got != "[keep]" {
		t.Errorf("labels %s", got)
	}
	if err := c.Unlabel(ctx, 99, "keep"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a pull request that is not there: %v", err)
	}
}

// TestWhoMayWrite: who may give commands is asked each time, so that a right that was taken away counts at once.
func TestWhoMayWrite(t *testing.T) {
	p := newPlace(t, standin.Options{})
	c := p.asApp()
	for _, level := range []string{"read", "triage", "write", "maintain", "admin"} {
		p.repo.Allow(level+"er", level)
	}
	p.server.AddUser("eve")
	for login, want := range map[string]bool{
		"reader": false, "triageer": false, "writeer": true, "WRITEER": true, "maintainer": true, "adminer": true, "acme": true, "eve": false, "nobody": false,
		"": false, "../x": false, "a/b": false, "renovate[bot]": false, "x y": false, "[bot]": false,
	} {
		if got, err := c.MayWrite(t.Context(), login); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", login, got, err, want)
		}
	}
	p.repo.Allow("writeer", "none")
	if got, err := c.MayWrite(t.Context(), "writeer"); err != nil || got {
		t.Errorf("after the right was taken away: %v, %v", got, err)
	}
	p.server.Script(standin.Fault{On: "repos/get-collaborator-permission-level", Status: 403, Times: 1})
	if _, err := c.MayWrite(t.Context(), "writeer"); err == nil || !strings.HasPrefix(err.Error(), "ask whether writeer may write: GitHub refuses the credentials") {
		t.Errorf("refused: %v", err)
	}
}
