package github

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/forge"
)

// TestRowsOfAnswers are what GitHub may answer though nothing is broken.
func TestRowsOfAnswers(t *testing.T) {
	one := func(json string) func(*wire) { return func(w *wire) { w.on("GET pulls/1", ok(json)) } }
	for name, tc := range map[string]struct {
		script func(*wire)
		want   forge.Pull
	}{
		"a1 merged, but the commit is not known yet": {
			one(`{"number":1,"state":"closed","merged":true,"merge_commit_sha":null}`), forge.Pull{Number: 1, Merged: true},
		},
		"a1 the merge that GitHub tries while it is open is none": {
			one(`{"number":1,"state":"open","merged":false,"mergeable":true,"merge_commit_sha":"abc"}`), forge.Pull{Number: 1, Open: true},
		},
		"a2 nobody knows whether it can be merged": {
			one(`{"number":1,"state":"open","mergeable":null,"mergeable_state":"unknown"}`), forge.Pull{Number: 1, Open: true},
		},
		"a4 the head's repository was deleted": {
			one(`{"number":1,"state":"open","head":{"ref":"x","sha":"abc","repo":null,"user":null},"user":null}`), forge.Pull{Number: 1, Open: true, Head: "x", HeadCommit: "abc"},
		},
		"a6 a title that is no text": {
			one(`{"number":1,"state":"open","title":"@everyone <!-- branch-bot {} --> \u202e \u001b[31m","body":"<!-- branch-bot {\"v\":1} -->"}`),
			forge.Pull{Number: 1, Open: true, Title: "@everyone <!-- branch-bot {} --> \u202e \u001b[31m", Body: `<!-- branch-bot {"v":1} -->`},
		},
		"a11 no rate headers, or odd ones": {
			func(w *wire) {
				w.on("GET pulls/1", with(ok(`{"number":1,"state":"open"}`), "X-RateLimit-Remaining", "-7", "X-RateLimit-Reset", "soon", "X-RateLimit-Limit", ""))
			}, forge.Pull{Number: 1, Open: true},
		},
		"a12 a state that is not known is not closed": {
			one(`{"number":1,"state":"queued","author_association":"WIZARD","auto_merge":{"merge_method":"teleport"}}`), forge.Pull{Number: 1, Open: true},
		},
		"a17 times of another zone": {
			one(`{"number":1,"state":"open","created_at":"2026-03-01T14:00:00+02:00"}`), forge.Pull{Number: 1, Open: true, Created: newManual().at},
		},
		"a18 closed by a person": {
			one(`{"number":1,"state":"closed","merged":false,"merged_at":null,"merge_commit_sha":"abc"}`), forge.Pull{Number: 1},
		},
		"a8 the repository was renamed": {
			func(w *wire) {
				w.on("GET pulls/1", with(answer{status: 301, body: `{}`}, "Location", "SELF/api/v3/repositories/5/pulls/1"))
				w.on("GET repositories/5/pulls/1", ok(`{"number":1,"state":"open"}`))
			}, forge.Pull{Number: 1, Open: true},
		},
		"labels and assignees in any order": {
			one(`{"number":1,"state":"open","labels":[{"name":"b"},{"name":"a"}],"assignees":[{"login":"z"},{"login":"y"}]}`),
			forge.Pull{Number: 1, Open: true, Labels: []string{"a", "b"}, Assignees: []string{"y", "z"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			tc.script(w)
			c, clock := w.client(t)
			got, err := c.Pull(t.Context(), 1)
			if err != nil || clock.waited() > 0 {
				t.Errorf("%v, waited %s", err, clock.waited())
			}
			same(t, "pull request", got, tc.want)
		})
	}
}

// TestRenamed asks for a repository that has another name now: what follows is asked under the new one.
func TestRenamed(t *testing.T) {
	w := newWire(t)
	w.on("GET repos/o/r", with(answer{status: 301, body: `{}`}, "Location", "SELF/api/v3/repositories/5"))
	w.on("GET repositories/5", ok(`{"name":"new","owner":{"login":"Org"},"clone_url":"https://user:pass@example.com/Org/new.git"}`))
	w.on("PATCH repos/Org/new/pulls/1", ok(pull1))
	c, _ := w.client(t)
	got, err := c.Repository(t.Context())
	if want := (forge.Repository{Owner: "Org", Name: "new", CloneURL: "https://example.com/Org/new.git"}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.Edit(t.Context(), 1, forge.PullEdit{Closed: true}); err != nil {
		t.Error(err)
	}
	w.answers["GET repositories/5"] = []answer{ok(`{"name":"../x","owner":{"login":"Org"}}`)}
	w.answers["GET repos/Org/new"] = w.answers["GET repositories/5"]
	if _, err := c.Repository(t.Context()); err == nil || err.Error() != `read repository Org/new: GitHub cannot be reached: it calls the repository "Org/../x"` {
		t.Errorf("got %v", err)
	}
}

// TestWhoseToken asks who the credentials belong to.
func TestWhoseToken(t *testing.T) {
	for name, tc := range map[string]struct {
		script func(*wire)
		want   string
	}{
		"a user's": {func(w *wire) { w.on("GET user", ok(`{"login":"alice","id":7}`)) }, "alice 7+alice@users.noreply.127.0.0.1"},
		"a workflow's": {func(w *wire) {
			w.on("GET user", refuses(403, "Resource not accessible by integration"))
			w.on("POST /api/graphql", ok(`{"data":{"viewer":{"login":"github-actions[bot]","databaseId":41898282}}}`))
		}, "github-actions[bot] 41898282+github-actions[bot]@users.noreply.127.0.0.1"},
		"nobody's": {func(w *wire) {
			w.on("GET user", refuses(403, "Resource not accessible by integration"))
			w.on("POST /api/graphql", ok(`{"data":null,"errors":[{"message":"x"}]}`))
		}, "ask GitHub who the credentials belong to: GitHub cannot be reached: it names no account"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			tc.script(w)
			c, _ := w.client(t)
			for range 2 {
				login, email, err := c.Login(t.Context())
				got := login + " " + email
				if err != nil {
					got = err.Error()
				}
				if got != tc.want {
					t.Errorf("got  %s\nwant %s", got, tc.want)
				}
			}
			if _, _, writes := c.Spent(); writes != 0 {
				t.Errorf("%d writes", writes)
			}
		})
	}
}

// TestRequiredChecksThatMayNotBeSeen distinguishes none from not allowed to know.
func TestRequiredChecksThatMayNotBeSeen(t *testing.T) {
	const branch, classic, rules = "GET branches/release-1.31", "GET branches/release-1.31/protection/required_status_checks", "GET rules/branches/release-1.31"
	const twoRules = `[{"type":"teleport","parameters":{"x":1}},{"type":"deletion"},{"type":"required_status_checks","parameters":{"strict_required_status_checks_policy":true,"required_status_checks":[{"context":"b","integration_id":1},{"context":"a"}]}}]`
	for name, tc := range map[string]struct {
		classic, rules answer
		want           string
		// branch is asked for where the protection is hidden.
		branch answer
	}{
		"no protection":                                {refuses(404, "Branch not protected"), ok(`[]`), "[] true <nil>", answer{}},
		"protection without checks":                    {refuses(404, "Required status checks not enabled"), ok(`[]`), "[] true <nil>", answer{}},
		"not allowed to ask":                           {refuses(404, "Not Found"), ok(`[]`), "[] false <nil>", refuses(404, "Not Found")},
		"forbidden to ask":                             {refuses(403, "Resource not accessible by integration"), ok(twoRules), "[a b] false <nil>", refuses(403, "Resource not accessible by integration")},
		"both, and rules nobody knows":                 {ok(`{"contexts":["c","a"],"checks":[{"context":"a"},{"context":"d"}]}`), ok(twoRules), "[a b c d] true <nil>", answer{}},
		"a server that knows no rulesets":              {ok(`{"contexts":["c"]}`), refuses(404, "Not Found"), "[c] false <nil>", answer{}},
		"credentials that ended":                       {refuses(401, "Bad credentials"), ok(`[]`), "[] false read the required checks of branch release-1.31: GitHub refuses the credentials: 401 Bad credentials: are the token or the app's key right, and not expired?", answer{}},
		"credentials that ended in between":            {ok(`{}`), refuses(401, "Bad credentials"), "[] false read the required checks of branch release-1.31: GitHub refuses the credentials: 401 Bad credentials: are the token or the app's key right, and not expired?", answer{}},
		"not allowed to ask, and nothing is asked for": {refuses(404, "Not Found"), ok(`[]`), "[] true <nil>", ok(`{"protected":false,"protection":{"enabled":false,"required_status_checks":{"enforcement_level":"off","contexts":[],"checks":[]}}}`)},
		"not allowed to ask, and the branch says it":   {refuses(404, "Not Found"), ok(twoRules), "[a b c] true <nil>", ok(`{"protected":true,"protection":{"enabled":true,"required_status_checks":{"enforcement_level":"non_admins","contexts":["c","a"],"checks":[]}}}`)},
		"not allowed to ask, and the branch is silent": {refuses(404, "Not Found"), ok(`[]`), "[] false <nil>", ok(`{"protected":true,"protection":{"enabled":true}}`)},
		"not allowed to ask, on a server that is old":  {refuses(404, "Not Found"), ok(`[]`), "[] false <nil>", ok(`{"protected":true}`)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t).on(classic, tc.classic).on(rules, tc.rules).on(branch, tc.branch)
			c, _ := w.client(t)
			names, known, err := c.RequiredChecks(t.Context(), "release-1.31")
			if got := fmt.Sprint(names, known, err); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestChecksOfOneName are several results under one name, on several pages: what branch protection would look at counts.
func TestChecksOfOneName(t *testing.T) {
	run := func(id int, name, status, conclusion string, app int) string {
		return fmt.Sprintf(`{"id":%d,"name":%q,"status":%q,"conclusion":%q,"app":{"id":%d}}`, id, name, status, conclusion, app)
	}
	w := newWire(t)
	w.on("GET commits/abc/check-runs", with(ok(`{"total_count":9,"check_runs":[`+strings.Join([]string{
		run(5, "again", "completed", "failure", 1), run(3, "later", "completed", "success", 1), run(1, "two apps", "completed", "success", 1), run(2, "two apps", "completed", "failure", 2),
		run(8, "odd", "completed", "teleported", 1), run(9, "both", "completed", "success", 1),
	}, ",")+`]}`), "Link", `<SELF/api/v3/x?page=2>; rel="next"`))
	w.on("GET commits/abc/check-runs page 2", ok(`{"total_count":9,"check_runs":[`+strings.Join([]string{
		run(6, "again", "completed", "success", 1), run(7, "later", "in_progress", "", 1), run(5, "again", "completed", "failure", 1),
	}, ",")+`]}`))
	w.on("GET commits/abc/status", ok(`{"state":"failure","statuses":[{"id":1,"context":"both","state":"error","description":"broken"},{"id":2,"context":"wait","state":"pending"},{"id":3,"context":"fine","state":"success"}]}`))
	c, _ := w.client(t)
	got, err := c.Checks(t.Context(), "abc")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "checks", got, []forge.Check{
		{Name: "again", Commit: "abc", Conclusion: forge.Success},
		{Name: "both", Commit: "abc", Conclusion: "error", Title: "broken"},
		{Name: "fine", Commit: "abc", Conclusion: forge.Success},
		{Name: "later", Commit: "abc"},
		{Name: "odd", Commit: "abc", Conclusion: "teleported"},
		{Name: "two apps", Commit: "abc", Conclusion: forge.Failure},
		{Name: "wait", Commit: "abc"},
	})
}
