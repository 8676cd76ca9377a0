package github_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	api "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/test/github"
)

// receiver writes down what it is sent.
type receiver struct {
	mu   sync.Mutex
	got  []string
	ids  []string
	fail bool
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write(body)
	signed := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	line := request.Header.Get("X-GitHub-Event")
	if !hmac.Equal([]byte(signed), []byte(request.Header.Get("X-Hub-Signature-256"))) {
		line += " NOT SIGNED"
	}
	// The client library must be able to read it.
	event, err := api.ParseWebHook(line, body)
	switch e := event.(type) {
	case *api.PullRequestEvent:
		line += fmt.Sprintf(" %s #%d %s", e.GetAction(), e.GetNumber(), e.GetRepo().GetFullName())
	case *api.PushEvent:
		line += fmt.Sprintf(" %s %d", e.GetRef(), len(e.Commits))
	case *api.CheckRunEvent:
		line += " " + e.GetAction() + " " + e.GetCheckRun().GetName()
	case *api.IssuesEvent:
		line += fmt.Sprintf(" %s #%d", e.GetAction(), e.GetIssue().GetNumber())
	case *api.IssueCommentEvent:
		line += " " + e.GetAction() + " " + e.GetComment().GetBody()
	case *api.CreateEvent:
		line += " " + e.GetRefType() + " " + e.GetRef()
	case *api.DeleteEvent:
		line += " " + e.GetRefType() + " " + e.GetRef()
	case *api.ReleaseEvent:
		line += " " + e.GetAction() + " " + e.GetRelease().GetTagName()
	}
	if err != nil {
		line += " " + err.Error()
	}
	r.got = append(r.got, line)
	r.ids = append(r.ids, request.Header.Get("X-GitHub-Delivery"))
	if r.fail {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

func TestWebhooks(t *testing.T) {
	w := start(t, github.Options{})
	r := &receiver{}
	to := httptest.NewServer(r)
	defer to.Close()
	w.repo.AddWebhook(to.URL, "s3cret")
	_, token := w.installed("branch-bot")
	bob := w.server.AddToken("bob")
	head := w.branch("fix", "main")
	const repo = "repos/acme/config/"
	w.ask(bob, "POST", repo+"pulls", `{"title":"Fix","head":"fix","base":"main"}`)
	w.ask(bob, "POST", repo+"issues/1/labels", `["cherry-pick"]`)
	w.ask(token, "POST", repo+"issues/1/comments", `{"body":"hello"}`)
	w.ask(token, "POST", repo+"check-runs", `{"name":"addons/no-conflicts","head_sha":"`+head+`","conclusion":"success"}`)
	w.ask(bob, "PATCH", repo+"pulls/1", `{"body":"because"}`)
	w.ask(bob, "PUT", repo+"pulls/1/merge", `{"merge_method":"squash"}`)
	w.ask(token, "DELETE", repo+"git/refs/heads/fix", "")
	w.ask(token, "POST", repo+"releases", `{"tag_name":"v1"}`)
	w.server.WaitForWebhooks()
	want := `ping
create branch fix
push refs/heads/fix 0
create branch main
push refs/heads/main 0
pull_request opened #1 acme/config
pull_request labeled #1 acme/config
issue_comment created hello
check_run created addons/no-conflicts
check_run completed addons/no-conflicts
pull_request edited #1 acme/config
pull_request closed #1 acme/config
push refs/heads/main 1
delete branch fix
push refs/heads/fix 0
create tag v1
push refs/tags/v1 0
release published v1`
	if got := strings.Join(r.got, "\n"); got != want {
		t.Errorf("received\n%s\nwant\n%s", got, want)
	}
}

// TestWebhooksAsTheyCome are held back, sent in another order and twice; one fails and is sent again under its own number.
func TestWebhooksAsTheyCome(t *testing.T) {
	w := start(t, github.Options{})
	w.pulls(1)
	r := &receiver{fail: true}
	to := httptest.NewServer(r)
	defer to.Close()
	w.server.HoldWebhooks(true)
	w.repo.AddWebhook(to.URL, "s3cret", "pull_request")
	w.must(w.repo.LabelPull(1, "bob", "a"))
	w.must(w.repo.ClosePull(1, "bob"))
	all := w.server.Deliveries()
	w.must(w.server.Deliver(all[2].ID))
	r.fail = false
	w.must(w.server.Deliver(all[1].ID))
	w.must(w.server.Deliver(all[2].ID))
	want := "pull_request closed #1 acme/config\npull_request labeled #1 acme/config\npull_request closed #1 acme/config"
	if got := strings.Join(r.got, "\n"); got != want {
		t.Errorf("received\n%s\nwant\n%s", got, want)
	}
	if r.ids[0] != r.ids[2] || r.ids[0] == r.ids[1] {
		t.Errorf("deliveries %v", r.ids)
	}
	if got := fmt.Sprint(w.server.Deliveries()[2].Statuses); got != "[500 200]" {
		t.Errorf("statuses %s", got)
	}
}
