package github_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/test/github"
)

// TestTheLifeOfAnIssue: issues have numbers in one row with pull requests, and are listed together with them.
func TestTheLifeOfAnIssue(t *testing.T) {
	w := start(t, github.Options{Merger: "bob"})
	r := &receiver{}
	to := httptest.NewServer(r)
	defer to.Close()
	w.repo.AddWebhook(to.URL, "s3cret", "issues", "issue_comment")
	w.pulls(1)
	n, err := w.repo.OpenIssue(github.NewIssue{Author: "eve", Title: "Upgrades", Body: "| a |\n|---|\n| 1 |\n\n<script>alert(1)</script>", Labels: []string{"dashboard"}})
	w.must(err)
	if n != 2 || w.repo.Pulls()[0].Number != 1 {
		t.Errorf("the issue is #%d", n)
	}
	w.branch("next", "main")
	if next := w.open("next", "main"); next != 3 {
		t.Errorf("the pull request after it is #%d", next)
	}
	w.must(w.repo.CommentPull(2, "bob", "hello *you*"))
	w.must(w.repo.EditIssue(2, "bob", "| b |\n|---|\n| 2 |"))
	_, page := w.browse("/acme/config/issues/2", nil)
	for _, want := range []string{`<span class="badge open">open</span>`, "<strong>eve</strong>", "<td>2</td>", "hello <em>you</em>", `<span class="label">dashboard</span>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	if _, page = w.browse("/acme/config/issues/2/close", url.Values{}); !strings.Contains(page, `<span class="badge closed">closed</span>`) {
		t.Errorf("closing: %s", page)
	}
	if _, page = w.browse("/acme/config/issues?state=closed", nil); !strings.Contains(page, "0 open") || !strings.Contains(page, `<a href="/acme/config/issues/2"><strong>Upgrades</strong></a>`) {
		t.Errorf("the list: %s", page)
	}
	if err := w.repo.CommentPull(9, "bob", "x"); err == nil || err.Error() != "there is no issue or pull request #9" {
		t.Errorf("commenting nowhere: %v", err)
	}
	if got := fmt.Sprintf("%+v", w.repo.Issues()); got != "[{Number:2 Title:Upgrades Body:| b |\n|---|\n| 2 | Author:eve State:closed Labels:[dashboard]}]" {
		t.Errorf("issues %s", got)
	}
	w.server.WaitForWebhooks()
	if got := strings.Join(r.got, "\n"); got != "ping\nissues opened #2\nissues labeled #2\nissue_comment created hello *you*\nissues edited #2\nissues closed #2" {
		t.Errorf("received\n%s", got)
	}
}

// TestFilesOfReleases are where GitHub has them: elsewhere, and credentials must not come along. Those of a private repository only the API gives.
func TestFilesOfReleases(t *testing.T) {
	w := start(t, github.Options{})
	data := []byte("kind: Namespace\n")
	sum := sha256.Sum256(data)
	private, err := w.server.AddRepository("acme", "secret", github.RepositoryOptions{Private: true})
	w.must(err)
	private.Allow("bob", "read")
	published := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w.must(private.PublishRelease(github.NewRelease{Tag: "v1.0.0-rc.1", PreRelease: true, Published: published, Notes: "try it", Assets: []github.Asset{{Name: "install.yaml", Data: data}}}))
	w.must(w.repo.Publish("v1.0.0", "notes", github.Asset{Name: "install.yaml", Data: data, NoDigest: true}))
	bob := w.server.AddToken("bob")

	_, _, body := w.ask(bob, "GET", "repos/acme/secret/releases", "")
	for field, want := range map[string]string{
		"0/prerelease": "true", "0/published_at": "2026-01-02T03:04:05Z", "0/assets/0/digest": "sha256:" + hex.EncodeToString(sum[:]), "0/assets/0/size": "16",
		"0/assets/0/browser_download_url": w.server.URL() + "/acme/secret/releases/download/v1.0.0-rc.1/install.yaml",
	} {
		if got := w.field(body, field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	_, _, public := w.ask("", "GET", "repos/acme/config/releases", "")
	if got := w.field(public, "0/assets/0/digest"); got != "<nil>" {
		t.Errorf("a file from before digests has one: %s", got)
	}

	get := func(address, token string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		w.must(err)
		r.Header.Set("Accept", "application/octet-stream")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		w.must(err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		w.must(err)
		if location := answer.Header.Get("Location"); location != "" {
			return location
		}
		return fmt.Sprint(answer.StatusCode, " ", strings.TrimSpace(string(text)))
	}
	at := get(w.field(body, "0/assets/0/url"), bob)
	if host := strings.Replace(w.server.URL(), "127.0.0.1", "localhost", 1); !strings.HasPrefix(at, host+"/-/storage/") {
		t.Errorf("the API sends on to %s", at)
	}
	for what, c := range map[string]struct{ got, want string }{
		"from there":                {get(at, ""), "200 kind: Namespace"},
		"from there, with a token":  {get(at, bob), "400 Only one authentication mechanism is allowed."},
		"a private file, from page": {get(w.field(body, "0/assets/0/browser_download_url"), bob), "404 Not Found"},
		"a public file, from page":  {get(get(w.field(public, "0/assets/0/browser_download_url"), ""), ""), "200 kind: Namespace"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", what, c.got, c.want)
		}
	}
	w.must(w.repo.Withdraw("v1.0.0"))
	if _, _, body := w.ask("", "GET", "repos/acme/config/releases", ""); body != "[]" || w.repo.Refs()["refs/tags/v1.0.0"] != "" {
		t.Errorf("after it was withdrawn: %s", body)
	}
}
