package contract_test

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/test/github/contract"
)

func TestAnswersAreHeldToTheDescription(t *testing.T) {
	const label = `{"id":1,"node_id":"L","url":"https://x/y","name":"a","description":null,"color":"ededed","default":false}`
	for name, tc := range map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"right":                       {"/repos/o/r/labels", "[" + label + "]", 200, ""},
		"an empty list":               {"/repos/o/r/labels", "[]", 200, ""},
		"a wrong type":                {"/repos/o/r/labels", "[" + strings.Replace(label, `"id":1`, `"id":"1"`, 1) + "]", 200, "value must be an integer"},
		"a key missing":               {"/repos/o/r/labels", "[" + strings.Replace(label, `"color":"ededed",`, "", 1) + "]", 200, `property "color" is missing`},
		"null where it must not be":   {"/repos/o/r/labels", "[" + strings.Replace(label, `"name":"a"`, `"name":null`, 1) + "]", 200, "Value is not nullable"},
		"a key that is not described": {"/repos/o/r/labels", "[" + strings.Replace(label, `"id":1`, `"id":1,"size":2`, 1) + "]", 200, "not described: /size"},
		"an address that is none":     {"/repos/o/r/labels", "[" + strings.Replace(label, "https://x/y", "x y", 1) + "]", 200, `doesn't match the format "uri"`},
		"no list":                     {"/repos/o/r/labels", label, 200, "value must be an array"},
		"no JSON":                     {"/repos/o/r/labels", "<html>", 200, "invalid character '<'"},
		"an error as described":       {"/repos/o/r/labels", `{"message":"Not Found","documentation_url":"https://x"}`, 404, ""},
		"an error of any operation":   {"/repos/o/r/labels", `{"message":"Bad credentials"}`, 401, ""},
		"an error with a wrong key":   {"/repos/o/r/labels", `{"error":"Bad credentials"}`, 401, "not described: /error"},
		"a status nobody described":   {"/repos/o/r/labels", `{}`, 418, "answer 418 is not described"},
		"a body with 304":             {"/repos/o/r/labels", `{}`, 304, "a body where none is described"},
		"the right one of two paths":  {"/repos/o/r/releases/latest", `{"message":"Not Found"}`, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, _, err := contract.Find("GET", tc.path)
			if err != nil {
				t.Fatal(err)
			}
			// Twice: what was found wrong is not remembered as right.
			for range 2 {
				if err := o.CheckAnswer(tc.status, []byte(tc.body)); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want %q", err, tc.want)
				}
			}
		})
	}
}

func TestPathsOfTheDescription(t *testing.T) {
	for path, want := range map[string]string{
		"/repos/o/r/releases/latest":                     "repos/get-latest-release",
		"/repos/o/r/releases/7":                          "repos/get-release release_id=7",
		"/repos/o/r/releases/tags/v1.31-ake.1":           "repos/get-release-by-tag tag=v1.31-ake.1",
		"/repos/o/r/git/ref/heads/a/b%20c":               "git/get-ref ref=heads/a/b c",
		"/repos/o/r/commits/a%2Fb/check-runs":            "checks/list-for-ref ref=a/b",
		"/repos/o/r/branches/a/b/protection":             "repos/get-branch-protection branch=a/b",
		"/repos/o/r/rules/branches/a":                    "repos/get-branch-rules branch=a",
		"/repos/o/r/commits/1234/pulls":                  "repos/list-pull-requests-associated-with-commit commit_sha=1234",
		"/repos/o/r/compare/main...o:fix":                "repos/compare-commits-with-basehead basehead=main...o:fix",
		"/repos/o/r/collaborators/x%5Bbot%5D/permission": "repos/get-collaborator-permission-level username=x[bot]",
		"/repos/o/r/stargazers":                          "",
	} {
		o, parameters, err := contract.Find("GET", path)
		got := ""
		if err == nil {
			got = o.ID
			for name, value := range parameters {
				if name != "owner" && name != "repo" {
					got += " " + name + "=" + value
				}
			}
		}
		if got != want {
			t.Errorf("%s is %q (%v), want %q", path, got, err, want)
		}
	}
}

func TestWebhooksAreHeldToTheExamples(t *testing.T) {
	const ping = `{"zen":"x","hook_id":1,"hook":{"type":"Repository"},"sender":{"login":"x"}}`
	for name, tc := range map[string]struct{ event, payload, want string }{
		"right":            {"ping", ping, ""},
		"a key missing":    {"ping", strings.Replace(ping, `"zen":"x",`, "", 1), "ping/zen is missing"},
		"a key too many":   {"ping", strings.Replace(ping, `"type":`, `"kind":1,"type":`, 1), "ping/hook/kind is in no example"},
		"a wrong type":     {"ping", strings.Replace(ping, `"hook_id":1`, `"hook_id":"1"`, 1), "ping/hook_id is of type string, in the examples number"},
		"an unknown event": {"pong", ping, `event "pong" is not among the examples`},
		"no JSON":          {"ping", "x", "invalid character 'x'"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := contract.CheckWebhook(tc.event, []byte(tc.payload)); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
