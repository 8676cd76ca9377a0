package github_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/test/github"
)

// browse gets a page, or posts a form when there is one.
func (w *world) browse(path string, form url.Values, header ...string) (int, string) {
	w.Helper()
	method, body := "GET", ""
	if form != nil {
		method, body = "POST", form.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, w.server.URL()+path, strings.NewReader(body))
	w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	w.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	w.must(err)
	return answer.StatusCode, string(text)
}

func TestAPullRequestInABrowser(t *testing.T) {
	w := start(t, github.Options{Merger: "bob"})
	head := w.branch("fix", "main")
	w.repo.Protect("main", github.Protection{RequiredChecks: []string{"test"}})
	const body = "## Why\n\n<details><summary>more</summary>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n</details>\n\n<script>alert(1)</script><img src=x onerror=alert(2)>\n\n[x](javascript:alert(3)) <a href='javascript:alert(4)'>y</a>"
	n, err := w.repo.OpenPull(github.NewPull{Author: "eve", Title: "Fix <script>alert(0)</script>", Body: body, Head: "fix", Base: "main", Labels: []string{"cherry-pick"}})
	w.must(err)
	w.must(w.repo.CommentPull(n, "bob", "looks *good*"))
	w.must(w.repo.SetStatus(head, "lint", "failure"))

	status, page := w.browse("/acme/config/pull/1", nil)
	for _, want := range []string{
		"Fix &lt;script&gt;alert(0)&lt;/script&gt;", `<span class="badge open">open</span>`, `<span class="branch">main</span> from <span class="branch">fix</span>`,
		`<span class="label">cherry-pick</span>`, "<details><summary>more</summary>", "<td>1</td>", "looks <em>good</em>", "<strong>lint</strong>", "failure",
		`<strong>test</strong>`, "expected", "addons/fix.yaml", `<span class="add">&#43;fix</span>`, "<button class=\"main\">Merge</button>", "change fix",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, bad := range []string{"<script", "onerror", "javascript:"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if status != 200 || t.Failed() {
		t.Fatalf("%d %s", status, page)
	}

	if status, text := w.browse("/acme/config/pull/1/merge", url.Values{"method": {"squash"}}, "Origin", "https://evil.invalid", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("another site's form: %d %s", status, text)
	}
	if _, page := w.browse("/acme/config/pull/1/merge", url.Values{"method": {"squash"}}); !strings.Contains(page, "Required status check") {
		t.Errorf("merging without the check: %s", page)
	}
	w.must(w.repo.SetStatus(head, "test", "success"))
	if _, page := w.browse("/acme/config/pull/1/merge", url.Values{"method": {"squash"}}); !strings.Contains(page, `<span class="badge merged">merged</span>`) {
		t.Errorf("merging: %s", page)
	}
	if _, page := w.browse("/acme/config/pulls?state=closed", nil); !strings.Contains(page, "0 open") || !strings.Contains(page, "1 closed") {
		t.Error(page)
	}
}

func TestOtherPages(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(1)
	bob := w.server.AddToken("bob")
	w.ask(bob, "POST", "repos/acme/config/releases", `{"tag_name":"v1.31-ake.1","name":"One","body":"- a **note**"}`)
	sha := w.repo.Pulls()[0].HeadSHA
	for path, want := range map[string]string{
		"/":                                     `<a href="/acme/config">acme/config</a>`,
		"/acme/config":                          "Change fix-01",
		"/acme/config/branches":                 `<span class="branch">fix-01</span>`,
		"/acme/config/releases":                 "a <strong>note</strong>",
		"/acme/config/releases/tag/v1.31-ake.1": "a <strong>note</strong>",
		"/acme/config/commit/" + sha:            `<span class="add">&#43;fix-01</span>`,
	} {
		if status, page := w.browse(path, nil); status != 200 || !strings.Contains(page, want) {
			t.Errorf("%s: %d has no %q:\n%s", path, status, want, page)
		}
	}
	for _, path := range []string{"/acme", "/acme/other", "/acme/config/pull/7", "/acme/config/pull/x", "/acme/config/releases/tag/v9", "/acme/config/commit/--all", "/acme/config/odd"} {
		if status, page := w.browse(path, nil); status != 404 {
			t.Errorf("%s: %d %s", path, status, page)
		}
	}
	if status, _ := w.browse("/acme/config/pull/1/close", url.Values{}); status != 403 || w.repo.Pulls()[0].State != "open" {
		t.Errorf("a page that only shows did something: %d", status)
	}
}
