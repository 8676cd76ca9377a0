package github_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/addon-manager/addon-manager/test/github"
	"github.com/addon-manager/addon-manager/test/github/contract"
)

// signed is what an app shows to prove that it is the app.
func (w *world) signed(a *github.App) string {
	w.Helper()
	key, err := jwt.ParseRSAPrivateKeyFromPEM(a.Key)
	w.must(err)
	now := time.Now()
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: fmt.Sprint(a.ID), IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(5 * time.Minute)),
	}).SignedString(key)
	w.must(err)
	return text
}

// installed is an app with a token of its installation.
func (w *world) installed(slug string, permissions ...string) (*github.App, string) {
	w.Helper()
	a, err := w.server.AddApp(slug, "acme", permissions...)
	w.must(err)
	_, _, body := w.ask(w.signed(a), "POST", fmt.Sprintf("app/installations/%d/access_tokens", a.Installation), "")
	return a, w.field(body, "token")
}

// field reads a/b/0/c out of JSON.
func (w *world) field(body, path string) string {
	w.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		w.Fatalf("%v: %.300s", err, body)
	}
	for _, key := range strings.Split(path, "/") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(at) {
				w.Fatalf("no %s in %.300s", path, body)
			}
			v = at[i]
		}
	}
	if n, isNumber := v.(float64); isNumber {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprint(v)
}

// TestEveryOperation makes a request to each operation; the server itself holds them and the answers to GitHub's description.
func TestEveryOperation(t *testing.T) {
	w := start(t, github.Options{})
	bot, token := w.installed("branch-bot")
	bob := w.server.AddToken("bob")
	owner := w.server.AddToken("acme")
	w.repo.Protect("main", github.Protection{RequiredChecks: []string{"test"}, Bypass: []string{"bob"}})
	w.repo.Protect("rel*", github.Protection{RequiredChecks: []string{"test"}, Ruleset: true})
	w.must(w.repo.Git.SetBranch("release-1.31", "main"))
	w.must(w.repo.Git.AnnotatedTag("v1.31-ake.1", "main", "Release 1"))
	head := w.branch("fix/one", "main")
	main, err := w.repo.Git.Resolve("main")
	w.must(err)
	tag, err := w.repo.Git.Git("rev-parse", "v1.31-ake.1")
	w.must(err)
	const repo = "repos/acme/config"

	w.must(w.repo.Publish("v0", "notes of v0", github.Asset{Name: "install.yaml", Data: []byte("hello")}))
	_, _, body := w.ask(token, "GET", repo+"/releases/tags/v0", "")
	asset, run := w.field(body, "assets/0/id"), ""
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string // field=value
	}{
		{w.signed(bot), "GET", "app", "", 200, "slug=branch-bot"},
		{w.signed(bot), "GET", "app/installations", "", 200, "0/app_slug=branch-bot"},
		{w.signed(bot), "GET", fmt.Sprintf("app/installations/%d", bot.Installation), "", 200, "account/login=acme"},
		{w.signed(bot), "GET", repo + "/installation", "", 200, fmt.Sprintf("id=%d", bot.Installation)},
		{token, "GET", "installation/repositories", "", 200, "repositories/0/full_name=acme/config"},
		{token, "GET", "rate_limit", "", 200, "rate/limit=5000"},
		{bob, "GET", "user", "", 200, "login=bob"},
		{token, "GET", "user", "", 403, "message=Resource not accessible by integration"},
		{token, "GET", "users/branch-bot%5Bbot%5D", "", 200, "type=Bot"},
		{token, "GET", repo, "", 200, "default_branch=main"},
		{token, "GET", repo + "/branches", "", 200, "0/name=fix/one"},
		{token, "GET", repo + "/branches/fix/one", "", 200, "commit/sha=" + head},
		{owner, "GET", repo + "/branches/main/protection", "", 200, "required_status_checks/contexts/0=test"},
		{token, "GET", repo + "/branches/main/protection/required_status_checks", "", 200, "checks/0/context=test"},
		{token, "GET", repo + "/branches/main/protection/required_status_checks/contexts", "", 200, "0=test"},
		{token, "GET", repo + "/branches/release-1.31/protection", "", 404, "message=Branch not protected"},
		{bob, "GET", repo + "/branches/main/protection", "", 404, "message=Not Found"},
		{token, "GET", repo + "/rules/branches/release-1.31", "", 200, "2/parameters/required_status_checks/0/context=test"},
		{token, "GET", repo + "/tags", "", 200, "0/name=v1.31-ake.1"},
		{token, "GET", repo + "/commits/fix%2Fone", "", 200, "files/0/filename=addons/fix-one.yaml"},
		{token, "GET", repo + "/commits?sha=main", "", 200, "0/sha=" + main},
		{token, "GET", repo + "/compare/main...fix/one", "", 200, "ahead_by=1"},
		{token, "GET", repo + "/collaborators/bob/permission", "", 200, "role_name=write"},
		{bob, "GET", repo + "/collaborators/bob", "", 204, ""},
		{bob, "GET", repo + "/collaborators/eve", "", 404, ""},
		{token, "GET", repo + "/git/ref/heads/fix/one", "", 200, "object/sha=" + head},
		{token, "GET", repo + "/git/ref/tags/v1.31-ake.1", "", 200, "object/type=tag"},
		{token, "GET", repo + "/git/matching-refs/heads/fix", "", 200, "0/ref=refs/heads/fix/one"},
		{token, "GET", repo + "/git/commits/" + head, "", 200, "message=change fix/one"},
		{token, "GET", repo + "/git/tags/" + tag, "", 200, "object/sha=" + main},
		{token, "POST", repo + "/git/refs", `{"ref":"refs/heads/tmp","sha":"` + main + `"}`, 201, "ref=refs/heads/tmp"},
		{token, "POST", repo + "/git/refs", `{"ref":"refs/heads/tmp","sha":"` + main + `"}`, 422, "message=Reference already exists"},
		{token, "PATCH", repo + "/git/refs/heads/tmp", `{"sha":"` + head + `"}`, 200, "object/sha=" + head},
		{token, "PATCH", repo + "/git/refs/heads/tmp", `{"sha":"` + main + `"}`, 422, "message=Update is not a fast forward"},
		{token, "DELETE", repo + "/git/refs/heads/tmp", "", 204, ""},
		{token, "DELETE", repo + "/git/refs/heads/tmp", "", 422, "message=Reference does not exist"},

		{bob, "POST", repo + "/pulls", `{"title":"One","head":"fix/one","base":"main","body":"why"}`, 201, "number=1"},
		{bob, "POST", repo + "/pulls", `{"title":"One","head":"fix/one","base":"main"}`, 422, "errors/0/message=A pull request already exists for acme:fix/one."},
		{bob, "POST", repo + "/pulls", `{"title":"One","head":"release-1.31","base":"main"}`, 422, "errors/0/message=No commits between acme:main and acme:release-1.31"},
		{bob, "POST", repo + "/pulls", `{"title":"One","head":"gone","base":"main"}`, 422, "errors/0/field=head"},
		{token, "GET", repo + "/pulls?state=all&head=acme:fix/one", "", 200, "0/number=1"},
		{token, "GET", repo + "/pulls/1", "", 200, "mergeable=<nil>"},
		{token, "GET", repo + "/pulls/1", "", 200, "mergeable=true"},
		{token, "GET", repo + "/pulls/1/commits", "", 200, "0/sha=" + head},
		{token, "GET", repo + "/pulls/1/files", "", 200, "0/status=added"},
		{token, "GET", repo + "/pulls/1/merge", "", 404, ""},
		{token, "GET", repo + "/commits/" + head + "/pulls", "", 200, "0/number=1"},
		{token, "PATCH", repo + "/pulls/1", `{"title":"One more"}`, 200, "title=One more"},
		{bob, "POST", repo + "/pulls/1/reviews", `{"event":"COMMENT","body":"nice"}`, 200, "state=COMMENTED"},
		{token, "GET", repo + "/pulls/1/reviews", "", 200, "0/user/login=bob"},
		{token, "GET", repo + "/issues/1", "", 200, "title=One more"},
		{token, "PATCH", repo + "/issues/1", `{"labels":["a","b"]}`, 200, "labels/1/name=b"},
		{token, "GET", repo + "/issues/1/labels", "", 200, "0/name=a"},
		{token, "POST", repo + "/issues/1/labels", `["c"]`, 200, "2/name=c"},
		{token, "PUT", repo + "/issues/1/labels", `{"labels":["c","d"]}`, 200, "1/name=d"},
		{token, "DELETE", repo + "/issues/1/labels/c", "", 200, "0/name=d"},
		{token, "DELETE", repo + "/issues/1/labels/zzz", "", 404, "message=Label does not exist"},
		{token, "GET", repo + "/labels", "", 200, "0/name=a"},
		{token, "POST", repo + "/labels", `{"name":"e","color":"ff0000"}`, 201, "color=ff0000"},
		{token, "POST", repo + "/labels", `{"name":"E"}`, 422, "errors/0/code=already_exists"},
		{token, "GET", repo + "/labels/e", "", 200, "name=e"},
		{token, "POST", repo + "/issues/1/assignees", `{"assignees":["bob","eve"]}`, 201, "assignees/0/login=bob"},
		{token, "DELETE", repo + "/issues/1/assignees", `{"assignees":["bob"]}`, 200, "assignee=<nil>"},
		{token, "GET", repo + "/assignees/bob", "", 204, ""},
		{token, "GET", repo + "/assignees/eve", "", 404, "message=Not Found"},
		{token, "POST", repo + "/issues/1/comments", `{"body":"hello"}`, 201, "user/login=branch-bot[bot]"},
		{token, "GET", repo + "/issues/1/comments", "", 200, "0/body=hello"},
		{token, "GET", repo + "/issues/comments/COMMENT", "", 200, "body=hello"},
		{token, "PATCH", repo + "/issues/comments/COMMENT", `{"body":"bye"}`, 200, "body=bye"},
		{token, "DELETE", repo + "/issues/comments/COMMENT", "", 204, ""},
		{bob, "POST", repo + "/check-runs", `{"name":"x","head_sha":"` + head + `"}`, 403, "message=You must authenticate via a GitHub App."},
		{token, "POST", repo + "/check-runs", `{"name":"x","head_sha":"` + head + `","status":"in_progress"}`, 201, "conclusion=<nil>"},
		{token, "PATCH", repo + "/check-runs/RUN", `{"conclusion":"failure","output":{"title":"t","summary":"s"}}`, 200, "status=completed"},
		{token, "GET", repo + "/check-runs/RUN", "", 200, "output/title=t"},
		{token, "GET", repo + "/commits/fix%2Fone/check-runs", "", 200, "check_runs/0/name=x"},
		{bob, "POST", repo + "/statuses/" + head, `{"state":"success","context":"test"}`, 201, "context=test"},
		{token, "GET", repo + "/commits/" + head + "/statuses", "", 200, "0/state=success"},
		{token, "GET", repo + "/commits/" + head + "/status", "", 200, "state=success"},
		{bob, "PUT", repo + "/pulls/1/merge", `{"merge_method":"rebase","sha":"` + main + `"}`, 409, "message=Head branch was modified. Review and try the merge again."},
		{bob, "PUT", repo + "/pulls/1/merge", `{"merge_method":"rebase"}`, 200, "merged=true"},
		{bob, "PUT", repo + "/pulls/1/merge", "", 405, "message=Pull Request is not mergeable"},
		{token, "GET", repo + "/pulls/1/merge", "", 204, ""},

		{token, "POST", repo + "/releases", `{"tag_name":"v1.31-ake.1","name":"One","body":"notes","make_latest":"false"}`, 201, "draft=false"},
		{token, "POST", repo + "/releases", `{"tag_name":"v1.31-ake.1"}`, 422, "errors/0/code=already_exists"},
		{token, "GET", repo + "/releases/latest", "", 200, "tag_name=v0"},
		{token, "GET", repo + "/releases", "", 200, "0/name=One"},
		{token, "GET", repo + "/releases/tags/v1.31-ake.1", "", 200, "body=notes"},
		{token, "GET", repo + "/releases/RELEASE", "", 200, "tag_name=v0"},
		{token, "PATCH", repo + "/releases/RELEASE", `{"body":"better"}`, 200, "body=better"},
		{token, "GET", repo + "/releases/RELEASE/assets", "", 200, "0/name=install.yaml"},
		{token, "GET", repo + "/releases/assets/ASSET", "", 200, "digest=sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
		{token, "GET", repo + "/releases/assets/7", "", 404, "message=Not Found"},
		{token, "DELETE", repo + "/releases/RELEASE", "", 204, ""},

		{token, "POST", repo + "/issues", `{"title":"Upgrades","body":"none","labels":["dashboard"]}`, 201, "number=2"},
		{w.server.AddToken("eve"), "POST", repo + "/issues", `{"title":"It fails","labels":["dashboard"]}`, 201, "number=3"},
		{token, "POST", repo + "/issues", `{"title":" "}`, 422, "errors/0/field=title"},
		{token, "GET", repo + "/issues?labels=dashboard", "", 200, "0/title=Upgrades"},
		{token, "GET", repo + "/issues?state=all", "", 200, "2/pull_request/url=" + w.server.APIURL() + "repos/acme/config/pulls/1"},
		{token, "PATCH", repo + "/issues/2", `{"body":"one","state":"closed"}`, 200, "state_reason=completed"},
		{token, "GET", repo + "/issues?labels=dashboard", "", 200, ""},
		{token, "PATCH", repo + "/issues/2", `{"state":"open"}`, 200, "state_reason=<nil>"},
		{token, "POST", repo + "/issues/2/comments", `{"body":"hello"}`, 201, "issue_url=" + w.server.APIURL() + "repos/acme/config/issues/2"},
		{token, "GET", repo + "/pulls/2", "", 404, "message=Not Found"},
	} {
		path := step.path
		if strings.Contains(path, "COMMENT") {
			path = strings.ReplaceAll(path, "COMMENT", fmt.Sprint(w.repo.Comments(1)[0].ID))
		}
		if strings.Contains(path, "RELEASE") {
			path = strings.ReplaceAll(path, "RELEASE", fmt.Sprint(w.repo.Releases()[0].ID))
		}
		path = strings.ReplaceAll(path, "ASSET", asset)
		status, _, body := w.ask(step.who, step.method, strings.ReplaceAll(path, "RUN", run), step.body)
		if status != step.status {
			t.Errorf("%s %s: %d %s, want %d", step.method, step.path, status, body, step.status)
			continue
		}
		if strings.HasSuffix(path, "/check-runs") && status == 201 {
			run = w.field(body, "id")
		}
		if name, value, found := strings.Cut(step.want, "="); found && w.field(body, name) != value {
			t.Errorf("%s %s: %s is %q, want %q", step.method, step.path, name, w.field(body, name), value)
		}
	}

	all, err := contract.Operations()
	w.must(err)
	for _, id := range all {
		if !slices.ContainsFunc(w.server.Requests(), func(r github.Request) bool { return r.Operation == id }) {
			t.Errorf("no request to %s", id)
		}
	}
}

// TestBreachesAreFound shows that the description is looked at: each of these requests is wrong in one way.
func TestBreachesAreFound(t *testing.T) {
	w := start(t, github.Options{})
	bob := w.server.AddToken("bob")
	w.branch("fix", "main")
	for name, tc := range map[string]struct{ method, path, body, want string }{
		"an unknown operation": {"GET", "repos/acme/config/stargazers", "", "GET /repos/acme/config/stargazers is no operation of the description"},
		"an unknown field":     {"POST", "repos/acme/config/pulls", `{"title":"x","head":"fix","base":"main","label":"x"}`, "not described: /label"},
		"a missing field":      {"POST", "repos/acme/config/pulls", `{"title":"x","base":"main"}`, `property "head" is missing`},
		"a wrong type":         {"POST", "repos/acme/config/pulls", `{"title":7,"head":"fix","base":"main"}`, "value must be a string"},
		"an unknown value":     {"GET", "repos/acme/config/pulls?state=merged", "", `query parameter "state"`},
		"an unknown parameter": {"GET", "repos/acme/config/pulls?author=bob", "", `query parameter "author" is not described`},
		"a body with a GET":    {"GET", "repos/acme/config/pulls", `{}`, "a body where none is described"},
	} {
		t.Run(name, func(t *testing.T) {
			w.ask(bob, tc.method, tc.path, tc.body)
			found := strings.Join(w.server.Problems(), "\n")
			if !strings.Contains(found, tc.want) {
				t.Errorf("found %q, want %q", found, tc.want)
			}
			w.server.ForgetProblems()
		})
	}
}
