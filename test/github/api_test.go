package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	api "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/test/github"
)

// pulls opens n pull requests.
func (w *world) pulls(n int) {
	w.Helper()
	for i := range n {
		name := fmt.Sprintf("fix-%02d", i+1)
		w.branch(name, "main")
		w.open(name, "main")
		w.clock.Pass(time.Second)
	}
}

func TestPages(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(5)
	c := w.as("bob")
	var numbers []int
	o := &api.PullRequestListOptions{State: "all", Sort: "created", Direction: "asc", ListOptions: api.ListOptions{PerPage: 2}}
	for {
		page, response, err := c.PullRequests.List(ctx, "acme", "config", o)
		w.must(err)
		for _, p := range page {
			numbers = append(numbers, p.GetNumber())
		}
		if o.Page = response.NextPage; o.Page == 0 {
			break
		}
	}
	if fmt.Sprint(numbers) != "[1 2 3 4 5]" {
		t.Errorf("numbers %v", numbers)
	}
	_, header, _ := w.ask(w.server.AddToken("bob"), "GET", "repos/acme/config/pulls?per_page=2&page=2", "")
	at := w.server.APIURL() + "repos/acme/config/pulls?page=%d&per_page=2"
	want := fmt.Sprintf(`<`+at+`>; rel="prev", <`+at+`>; rel="next", <`+at+`>; rel="last", <`+at+`>; rel="first"`, 1, 3, 3, 1)
	if header.Get("Link") != want {
		t.Errorf("links %s\nwant  %s", header.Get("Link"), want)
	}
}

// TestListsAsGitHubSortsThem has the newest first, and by their last change when asked.
func TestListsAsGitHubSortsThem(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(3)
	w.must(w.repo.LabelPull(1, "bob", "x"))
	w.clock.Pass(time.Second)
	w.must(w.repo.ClosePull(2, "bob"))
	bob := w.server.AddToken("bob")
	for query, want := range map[string]string{
		"":                                       "3 1",
		"?state=all":                             "3 2 1",
		"?state=closed":                          "2",
		"?state=all&sort=updated&direction=desc": "2 1 3",
		"?sort=updated":                          "3 1",
		"?head=acme:fix-01":                      "1",
		"?head=eve:fix-01":                       "",
		"?base=other":                            "",
	} {
		_, _, body := w.ask(bob, "GET", "repos/acme/config/pulls"+query, "")
		var got []string
		for i := range strings.Count(body, `"issue_url"`) {
			got = append(got, w.field(body, fmt.Sprintf("%d/number", i)))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q lists %v, want %s", query, got, want)
		}
	}
}

func TestUnchangedAnswersAreFree(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(1)
	bob := w.server.AddToken("bob")
	const path = "repos/acme/config/pulls"
	_, header, _ := w.ask(bob, "GET", path, "")
	used := header.Get("X-RateLimit-Used")
	status, again, body := w.ask(bob, "GET", path, "", "If-None-Match", header.Get("ETag"))
	if status != http.StatusNotModified || body != "" || again.Get("X-RateLimit-Used") != used {
		t.Errorf("again: %d, %q, used %s after %s", status, body, again.Get("X-RateLimit-Used"), used)
	}
	w.must(w.repo.LabelPull(1, "bob", "x"))
	if status, _, _ := w.ask(bob, "GET", path, "", "If-None-Match", header.Get("ETag")); status != 200 {
		t.Errorf("after a change: %d", status)
	}
}

func TestLimits(t *testing.T) {
	w := start(t, github.Options{Primary: 10, ContentPerMinute: 3, ContentPerHour: 5})
	w.pulls(1)
	bob, eve := w.server.AddToken("bob"), w.server.AddToken("eve")
	comment := func(token string) (int, string) {
		status, header, body := w.ask(token, "POST", "repos/acme/config/issues/1/comments", `{"body":"x"}`)
		if status == 403 && !strings.Contains(body, "secondary rate limit") {
			t.Errorf("refused with %s", body)
		}
		return status, header.Get("Retry-After")
	}
	expect := func(status, want int, wait, wantWait string) {
		t.Helper()
		if status != want || wait != wantWait {
			t.Errorf("%d after %q, want %d after %q", status, wait, want, wantWait)
		}
	}
	for range 3 {
		status, wait := comment(bob)
		expect(status, 201, wait, "")
		w.clock.Pass(time.Second)
	}
	status, wait := comment(bob)
	expect(status, 403, wait, "57")
	status, wait = comment(eve) // Limits are of an account.
	expect(status, 201, wait, "")
	w.clock.Pass(time.Minute)
	for range 2 {
		status, wait = comment(bob)
		expect(status, 201, wait, "")
	}
	w.clock.Pass(time.Minute)
	status, wait = comment(bob)
	expect(status, 403, wait, "3477")
	if got := w.server.MaxWritesPerMinute(); got != 5 {
		t.Errorf("most writes in a minute: %d, want 5 with the refused one and eve's", got)
	}
	for range 3 {
		w.ask(bob, "GET", "repos/acme/config", "")
	}
	status, header, body := w.ask(bob, "GET", "repos/acme/config", "")
	if status != 403 || header.Get("X-RateLimit-Remaining") != "0" || !strings.Contains(body, "API rate limit exceeded") {
		t.Errorf("beyond the primary limit: %d %v %s", status, header, body)
	}
	reset := header.Get("X-RateLimit-Reset")
	if want := fmt.Sprint(time.Date(2026, 3, 1, 13, 0, 1, 0, time.UTC).Unix()); reset != want {
		t.Errorf("reset %s, want %s", reset, want)
	}
	w.clock.Pass(time.Hour)
	if status, _, _ := w.ask(bob, "GET", "repos/acme/config", ""); status != 200 {
		t.Errorf("an hour later: %d", status)
	}
	status, wait = comment(bob)
	expect(status, 201, wait, "")
}

func TestWhoMay(t *testing.T) {
	w := start(t, github.Options{})
	secret, err := w.server.AddRepository("acme", "secret", github.RepositoryOptions{Private: true})
	w.must(err)
	_, err = secret.Git.Commit("main", nil, "first")
	w.must(err)
	w.pulls(1)
	app, bot := w.installed("branch-bot")
	_, weak := w.installed("weak", "metadata:read", "contents:read", "pull_requests:read")
	bob, eve := w.server.AddToken("bob"), w.server.AddToken("eve")
	for name, tc := range map[string]struct {
		token, method, path, body string
		status                    int
		message                   string
	}{
		"nobody reads what is public":   {"", "GET", "repos/acme/config", "", 200, ""},
		"nobody writes":                 {"", "POST", "repos/acme/config/issues/1/comments", `{"body":"x"}`, 401, "Requires authentication"},
		"a wrong token":                 {"ghp_wrong", "GET", "repos/acme/config", "", 401, "Bad credentials"},
		"what is private is not there":  {eve, "GET", "repos/acme/secret", "", 404, "Not Found"},
		"nor for nobody":                {"", "GET", "repos/acme/secret", "", 404, "Not Found"},
		"its owner's app sees it":       {bot, "GET", "repos/acme/secret", "", 200, ""},
		"a permission is missing":       {weak, "POST", "repos/acme/config/issues/1/comments", `{"body":"x"}`, 403, "Resource not accessible by integration"},
		"a level is missing":            {eve, "POST", "repos/acme/config/releases", `{"tag_name":"v1"}`, 403, "Must have admin rights to Repository."},
		"protection is for admins":      {bob, "GET", "repos/acme/config/branches/main/protection", "", 404, "Not Found"},
		"an app's own token is not its": {w.signed(app), "GET", "repos/acme/config", "", 401, "A JSON web token could not be decoded"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, body := w.ask(tc.token, tc.method, tc.path, tc.body)
			if status != tc.status || tc.message != "" && w.field(body, "message") != tc.message {
				t.Errorf("%d %s, want %d %s", status, body, tc.status, tc.message)
			}
		})
	}
	w.clock.Pass(time.Hour)
	if status, _, _ := w.ask(bot, "GET", "repos/acme/config", ""); status != 401 {
		t.Errorf("an hour later the app's token still works: %d", status)
	}
	if out, err := w.push(bot, "main:refs/heads/x"); err == nil || !strings.Contains(out, "Authentication failed") {
		t.Errorf("an hour later the app's token still pushes: %s", out)
	}
	w.server.Revoke(bob)
	if status, _, _ := w.ask(bob, "GET", "repos/acme/config", ""); status != 401 {
		t.Errorf("a revoked token still works: %d", status)
	}
}

func TestARenamedRepositoryRedirects(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(1)
	w.repo.Rename("clusters")
	bob := w.server.AddToken("bob")
	status, header, body := w.ask(bob, "GET", "repos/acme/config/pulls/1", "")
	if want := w.server.APIURL() + "repos/acme/clusters/pulls/1"; status != 301 || header.Get("Location") != want {
		t.Errorf("%d %s %s, want %s", status, header.Get("Location"), body, want)
	}
	if _, _, body := w.ask(bob, "GET", "repos/acme/clusters/pulls/1", ""); w.field(body, "base/repo/full_name") != "acme/clusters" {
		t.Error(body)
	}
	if out, err := w.push(bob, "main:refs/heads/x"); err != nil {
		t.Errorf("Git follows the rename: %s", out)
	}
}

func TestLongTexts(t *testing.T) {
	w := start(t, github.Options{})
	w.branch("fix", "main")
	w.pulls(1)
	bob := w.server.AddToken("bob")
	text := func(n int) string { return strings.Repeat("ä", n) }
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
	}{
		"title just right": {"PATCH", "pulls/1", `{"title":"` + text(256) + `"}`, 200},
		"title too long":   {"PATCH", "pulls/1", `{"title":"` + text(257) + `"}`, 422},
		"no title":         {"PATCH", "pulls/1", `{"title":" "}`, 422},
		"body just right":  {"PATCH", "pulls/1", `{"body":"` + text(65536) + `"}`, 200},
		"body too long":    {"POST", "pulls", `{"title":"x","head":"fix","base":"main","body":"` + text(65537) + `"}`, 422},
		"comment too long": {"POST", "issues/1/comments", `{"body":"` + text(65537) + `"}`, 422},
		"no comment":       {"POST", "issues/1/comments", `{"body":""}`, 422},
		"status too long":  {"POST", "statuses/" + w.repo.Pulls()[0].HeadSHA, `{"state":"success","description":"` + text(141) + `"}`, 422},
	} {
		t.Run(name, func(t *testing.T) {
			if status, _, body := w.ask(bob, tc.method, "repos/acme/config/"+tc.path, tc.body); status != tc.status {
				t.Errorf("%d %.300s, want %d", status, body, tc.status)
			}
		})
	}
}

// TestPagesMoveWhileTheyAreRead opens a pull request before the second page is asked for: the last of the first page comes again.
func TestPagesMoveWhileTheyAreRead(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(4)
	w.branch("late", "main")
	w.server.OnRequest(func(r github.Request) {
		if strings.HasSuffix(r.Path, "&page=2") {
			w.open("late", "main")
		}
	})
	bob, got := w.server.AddToken("bob"), ""
	for page := range 2 {
		_, _, body := w.ask(bob, "GET", fmt.Sprintf("repos/acme/config/pulls?per_page=2&page=%d", page+1), "")
		got += w.field(body, "0/number") + " " + w.field(body, "1/number") + " "
	}
	if got != "4 3 3 2 " {
		t.Errorf("read %s", got)
	}
}

// TestChecksAsGitHubListsThem has the newest run of each name of each app, unless all are asked for.
func TestChecksAsGitHubListsThem(t *testing.T) {
	w := start(t, github.Options{})
	_, token := w.installed("branch-bot")
	_, other := w.installed("ci")
	sha := w.branch("fix", "main")
	run := func(token, name, conclusion string) {
		w.Helper()
		body := fmt.Sprintf(`{"name":%q,"head_sha":%q,"conclusion":%q}`, name, sha, conclusion)
		if status, _, answer := w.ask(token, "POST", "repos/acme/config/check-runs", body); status != 201 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	run(token, "a", "failure")
	run(other, "a", "success")
	run(token, "b", "failure")
	run(token, "a", "neutral")
	for query, want := range map[string]string{
		"":                         "a neutral, b failure, a success",
		"?filter=all":              "a neutral, b failure, a success, a failure",
		"?check_name=a":            "a neutral, a success",
		"?per_page=1&page=2":       "b failure",
		"?status=queued":           "",
		"?filter=all&check_name=b": "b failure",
	} {
		_, _, body := w.ask(token, "GET", "repos/acme/config/commits/"+sha+"/check-runs"+query, "")
		var got []string
		for i := range strings.Count(body, `"check_suite"`) {
			at := fmt.Sprintf("check_runs/%d/", i)
			got = append(got, w.field(body, at+"name")+" "+w.field(body, at+"conclusion"))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q lists %v, want %s", query, got, want)
		}
	}
}
