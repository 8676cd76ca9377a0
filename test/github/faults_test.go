package github_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/test/github"
)

func TestScriptedFaults(t *testing.T) {
	const comments, list = "repos/acme/config/issues/1/comments", "repos/acme/config/pulls"
	for name, tc := range map[string]struct {
		fault        github.Fault
		method, path string
		want, again  []string // what the first and the second answer hold: status, headers, body, or the error
		comments     int      // how many there are after two tries
	}{
		"down":                {github.Fault{On: "*", Status: 503}, "GET", list, []string{"503"}, []string{"503"}, 0},
		"500 once":            {github.Fault{On: "issues/create-comment", Status: 500, Times: 1}, "POST", comments, []string{"500"}, []string{"201"}, 1},
		"the second only":     {github.Fault{On: "issues/*", Status: 502, Skip: 1, Times: 1}, "POST", comments, []string{"201"}, []string{"502"}, 1},
		"another operation":   {github.Fault{On: "pulls/create", Status: 500}, "POST", comments, []string{"201"}, []string{"201"}, 2},
		"by method and path":  {github.Fault{On: "POST /repos/*/*/issues/*/comments", Status: 429, Times: 1, Header: map[string]string{"Retry-After": "7"}}, "POST", comments, []string{"429", "Retry-After: 7"}, []string{"201"}, 1},
		"secondary limit":     {github.Secondary("issues/create-comment", "60"), "POST", comments, []string{"403", "Retry-After: 60", "secondary rate limit"}, []string{"201"}, 1},
		"without Retry-After": {github.Secondary("issues/create-comment", ""), "POST", comments, []string{"403", "secondary rate limit"}, []string{"201"}, 1},
		"cut before":          {github.Fault{On: "issues/create-comment", Cut: github.Before, Times: 1}, "POST", comments, []string{"EOF"}, []string{"201"}, 1},
		"cut after":           {github.Fault{On: "issues/create-comment", Cut: github.After, Times: 1}, "POST", comments, []string{"EOF"}, []string{"201"}, 2},
		"a proxy's page":      {github.HTML("pulls/list"), "GET", list, []string{"200", "text/html", "<html>"}, []string{"200", "application/json"}, 0},
		"an unknown value":    {github.Replace("pulls/list", `"state":"open"`, `"state":"frozen"`), "GET", list, []string{"frozen"}, []string{"frozen"}, 0},
		"no rate headers":     {github.WithHeader("pulls/list", "X-Ratelimit-Remaining", ""), "GET", list, []string{"200"}, []string{"200"}, 0},
		"odd rate headers":    {github.WithHeader("pulls/list", "X-Ratelimit-Remaining", "many"), "GET", list, []string{"X-Ratelimit-Remaining: many"}, []string{"many"}, 0},
		"slow":                {github.Fault{On: "pulls/list", Delay: time.Millisecond}, "GET", list, []string{"200"}, []string{"200"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, github.Options{})
			w.pulls(1)
			bob := w.server.AddToken("bob")
			w.server.Script(tc.fault)
			for i, want := range [][]string{tc.want, tc.again} {
				body := ""
				if tc.method == "POST" {
					body = `{"body":"hello"}`
				}
				status, header, text := w.ask(bob, tc.method, tc.path, body)
				got := http.StatusText(status) + " " + string(rune('0'+status/100)) + string(rune('0'+status/10%10)) + string(rune('0'+status%10)) + "\n"
				for key := range header {
					got += key + ": " + header.Get(key) + "\n"
				}
				got += text
				for _, part := range want {
					if !strings.Contains(got, part) {
						t.Errorf("answer %d has no %q:\n%s", i+1, part, got)
					}
				}
				if name == "no rate headers" && strings.Contains(got, "X-Ratelimit-Remaining") {
					t.Errorf("still: %s", got)
				}
			}
			w.server.Heal()
			if got := len(w.repo.Comments(1)); got != tc.comments {
				t.Errorf("%d comments, want %d", got, tc.comments)
			}
		})
	}
}

func TestFaultsOfGit(t *testing.T) {
	w := start(t, github.Options{})
	w.branch("next", "main")
	bob := w.server.AddToken("bob")
	// A push is two requests: which refs are there, and the push.
	for name, tc := range map[string]struct {
		fault github.Fault
		moved bool
	}{
		"refused":    {github.Fault{On: "git/push", Skip: 1, Times: 1, Status: 500}, false},
		"cut before": {github.Fault{On: "git/push", Skip: 1, Times: 1, Cut: github.Before}, false},
		"cut after":  {github.Fault{On: "git/push", Skip: 1, Times: 1, Cut: github.After}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w.server.Script(tc.fault)
			target := "refs/heads/" + strings.ReplaceAll(name, " ", "-")
			if out, err := w.push(bob, "next:"+target); err == nil {
				t.Errorf("the push was well: %s", out)
			}
			if moved := w.repo.Refs()[target] != ""; moved != tc.moved {
				t.Errorf("moved: %v, want %v", moved, tc.moved)
			}
		})
	}
}

func TestALinkToAnotherHost(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(2)
	w.server.Script(w.server.LinkElsewhere("pulls/list", "https://evil.invalid"))
	_, header, _ := w.ask(w.server.AddToken("bob"), "GET", "repos/acme/config/pulls?per_page=1", "")
	if !strings.Contains(header.Get("Link"), `<https://evil.invalid/api/v3/repos/acme/config/pulls?page=2&per_page=1>; rel="next"`) {
		t.Errorf("link %s", header.Get("Link"))
	}
}

func TestListsLagBehind(t *testing.T) {
	w := start(t, github.Options{ListingDelay: 30 * time.Second})
	w.branch("fix", "main")
	w.open("fix", "main")
	bob := w.server.AddToken("bob")
	if _, _, body := w.ask(bob, "GET", "repos/acme/config/pulls", ""); strings.TrimSpace(body) != "[]" {
		t.Errorf("listed at once: %s", body)
	}
	if status, _, _ := w.ask(bob, "POST", "repos/acme/config/pulls", `{"title":"x","head":"fix","base":"main"}`); status != 422 {
		t.Errorf("though it is there: %d", status)
	}
	w.clock.Pass(30 * time.Second)
	if _, _, body := w.ask(bob, "GET", "repos/acme/config/pulls", ""); w.field(body, "0/number") != "1" {
		t.Errorf("30 seconds later: %s", body)
	}
}

// TestTheWorldMovesBetweenWrites lets somebody else close the pull request just before the second write, and push just before a push.
func TestTheWorldMovesBetweenWrites(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(1)
	bob := w.server.AddToken("bob")
	var seen []string
	w.server.OnWrite(func(r github.Request) {
		seen = append(seen, r.Operation)
		switch r.Operation {
		case "pulls/update":
			w.must(w.repo.ClosePull(1, "eve"))
		case "git/push":
			if len(r.Body) > 0 {
				w.commit("next", "theirs", "x", "theirs")
			}
		}
	})
	w.ask(bob, "GET", "repos/acme/config/pulls/1", "")
	_, _, body := w.ask(bob, "PATCH", "repos/acme/config/pulls/1", `{"title":"x"}`)
	if w.field(body, "state") != "closed" || w.field(body, "title") != "x" {
		t.Error(body)
	}
	out, err := w.push(bob, "--force-with-lease=refs/heads/next:", "main:refs/heads/next")
	if err == nil || !strings.Contains(out, "[remote rejected]") {
		t.Errorf("the push was well though somebody was quicker: %v %s", err, out)
	}
	if got := strings.Join(seen, " "); got != "pulls/update git/push git/push" {
		t.Errorf("seen %q", got)
	}
	if got := w.server.Writes(); len(got) != 1 || got[0].Login != "bob" || got[0].Status != 200 || !json.Valid(got[0].Body) {
		t.Errorf("writes %+v", got)
	}
}
