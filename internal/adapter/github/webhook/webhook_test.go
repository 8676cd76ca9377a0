package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const secret = "correct horse battery staple"

func request(event string, body []byte) *http.Request {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	req := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", event)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return req
}

func reader(t testing.TB) *Reader {
	t.Helper()
	r, err := New(secret)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSecrets(t *testing.T) {
	for name, tc := range map[string]struct {
		secrets []string
		want    string
	}{
		"none":      {nil, "there is no webhook secret"},
		"too short": {[]string{secret, "hunter2"}, "webhook secret 2 of 2 has 7 characters, at least 16 are needed: take a random one"},
		"empty":     {[]string{""}, "webhook secret 1 of 1 has 0 characters, at least 16 are needed: take a random one"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tc.secrets...); err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// TestReading shows what is read of the events that there are, reduced to what matters and something that does not.
func TestReading(t *testing.T) {
	const common = `"repository":{"id":7,"full_name":"acme/addons","private":true},"sender":{"login":"mona","id":1},"installation":{"id":2}}`
	for name, tc := range map[string]struct {
		event, body string
		want        Event
	}{
		"push":         {"push", `{"ref":"refs/heads/main","before":"0","after":"1","commits":[{"id":"1"}],` + common, Event{Ref: "refs/heads/main"}},
		"create":       {"create", `{"ref":"release-1.31","ref_type":"branch","master_branch":"main",` + common, Event{Ref: "release-1.31"}},
		"delete":       {"delete", `{"ref":"v1.31-ake.4","ref_type":"tag",` + common, Event{Ref: "v1.31-ake.4"}},
		"pull request": {"pull_request", `{"action":"closed","number":12,"pull_request":{"number":12,"merged":true,"title":"x"},` + common, Event{Action: "closed", Pull: 12}},
		"a comment on a pull request": {
			"issue_comment", `{"action":"edited","issue":{"number":12,"pull_request":{"url":"x"}},"comment":{"id":1,"user":{"login":"keeper[bot]"}},` + common,
			Event{Action: "edited", Pull: 12, Comment: "keeper[bot]"},
		},
		"a command on a pull request": {
			"issue_comment", `{"action":"created","issue":{"number":12,"pull_request":{"url":"x"}},"comment":{"id":1,"body":"Sure.\r\n\r\n/rebase\r\n","user":{"login":"eve"}},` + common,
			Event{Action: "created", Pull: 12, Comment: "eve", Command: true},
		},
		"a command that is quoted": {
			"issue_comment", `{"action":"created","issue":{"number":12,"pull_request":{"url":"x"}},"comment":{"id":1,"body":"> /rebase","user":{"login":"eve"}},` + common,
			Event{Action: "created", Pull: 12, Comment: "eve"},
		},
		"a command on an issue": {
			"issue_comment", `{"action":"created","issue":{"number":13},"comment":{"id":1,"body":"/rebase","user":{"login":"eve"}},` + common, Event{Action: "created", Comment: "eve"},
		},
		"a comment on an issue": {
			"issue_comment", `{"action":"deleted","issue":{"number":13},"comment":{"id":1,"user":null},` + common, Event{Action: "deleted"},
		},
		"release":             {"release", `{"action":"deleted","release":{"tag_name":"v1.31-ake.4"},` + common, Event{Action: "deleted", Ref: "v1.31-ake.4"}},
		"changes of a title":  {"pull_request", `{"action":"edited","changes":{"title":{"from":"x"},"base":{"ref":{"from":"main"}}},"pull_request":{"number":12},` + common, Event{Action: "edited", Pull: 12}},
		"a repository's name": {"repository", `{"action":"renamed","changes":{"repository":{"name":{"from":"old"}}},` + common, Event{Action: "renamed", Was: "acme/old"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.ID, tc.want.Name, tc.want.Repository, tc.want.Sender = "id-1", tc.event, "acme/addons", "mona"
			req := request(tc.event, []byte(tc.body))
			req.Header.Set("X-GitHub-Delivery", "id-1")
			got, err := reader(t).Read(httptest.NewRecorder(), req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBeforeAnybodyKnows: until the bot has asked who it is and what its repository is called, it looks rather once too often.
func TestBeforeAnybodyKnows(t *testing.T) {
	for name, tc := range map[string]struct {
		event Event
		look  bool
		why   string
	}{
		"a push":                 {Event{Name: "push", Repository: "acme/addons", Sender: "keeper[bot]"}, true, "looking at acme/addons"},
		"about no repository":    {Event{Name: "push"}, false, "ignored: it names no repository"},
		"a comment of anybody":   {Event{Name: "issue_comment", Action: "edited", Repository: "acme/addons", Comment: ""}, false, "ignored: the comment is no command"},
		"a command":              {Event{Name: "issue_comment", Action: "created", Repository: "acme/addons", Command: true}, true, "looking at acme/addons: there may be a command"},
		"a command that is gone": {Event{Name: "issue_comment", Action: "deleted", Repository: "acme/addons", Command: true}, false, "ignored: the comment is no command"},
	} {
		t.Run(name, func(t *testing.T) {
			if look, why := tc.event.Concern(nil, ""); look != tc.look || why != tc.why {
				t.Errorf("got %v, %q; want %v, %q", look, why, tc.look, tc.why)
			}
		})
	}
}

// blocking is a body that comes slowly: the first part at once, the rest when somebody says so.
type blocking struct {
	first []byte
	began chan<- struct{}
	rest  <-chan struct{}
}

func (b *blocking) Read(p []byte) (int, error) {
	if len(b.first) == 0 {
		b.began <- struct{}{}
		<-b.rest
		return 0, errors.New("cut")
	}
	n := copy(p, b.first)
	b.first = b.first[n:]
	return n, nil
}

// TestMemoryIsBounded: many large bodies at once are refused, whoever sent them, and the memory is given back afterwards.
func TestMemoryIsBounded(t *testing.T) {
	const bodies, size = 4, 1000
	r := reader(t)
	r.maxHeld = bodies * size
	began, rest, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	for range bodies {
		go func() {
			req := request("push", nil)
			req.Body = http.NoBody
			slow := httptest.NewRequest(http.MethodPost, "/webhook", &blocking{first: make([]byte, size), began: began, rest: rest})
			slow.Header, slow.ContentLength = req.Header, -1
			_, err := r.Read(httptest.NewRecorder(), slow)
			ended <- err
		}()
		<-began
	}
	var refusal *Refusal
	if _, err := r.Read(httptest.NewRecorder(), request("push", []byte(`{}`))); !errors.As(err, &refusal) || *refusal != (Refusal{503, "too many large deliveries at once: deliver it again later"}) {
		t.Errorf("one more: %v", err)
	}
	close(rest)
	for range bodies {
		if err := <-ended; !errors.As(err, &refusal) || *refusal != (Refusal{400, "the body ended early, or came too slowly"}) {
			t.Errorf("cut off: %v", err)
		}
	}
	if _, err := r.Read(httptest.NewRecorder(), request("push", []byte(`{}`))); err != nil {
		t.Errorf("after they ended: %v", err)
	}
	if held := r.held.Load(); held != 0 {
		t.Errorf("%d bytes are still counted", held)
	}
}

// FuzzRead: whatever is signed, it is read or refused with a line that repeats nothing of it.
func FuzzRead(f *testing.F) {
	f.Add("push", `{"ref":"refs/heads/main","repository":{"full_name":"acme/addons"},"sender":{"login":"mona"}}`)
	f.Add("repository", `{"action":"renamed","changes":{"repository":{"name":{"from":"x"}},"owner":null},"repository":{"full_name":"acme/addons"}}`)
	f.Add("pull_request", `{"pull_request":{"number":1e400},"repository":[[[]]]}`)
	f.Add("issue_comment", `{"issue":{"number":1,"pull_request":{}},"comment":{"body":"/ignore this\u0000 version"}}`)
	f.Add("issue_comment", "{\"comment\":{\"user\":{\"login\":\"\\ud800\xff\"}}}")
	f.Fuzz(func(t *testing.T, event, body string) {
		r := reader(t)
		got, err := r.Read(httptest.NewRecorder(), request(event, []byte(body)))
		var refusal *Refusal
		switch {
		case err == nil:
			if _, why := got.Concern([]string{"acme/addons"}, "keeper[bot]"); why == "" || strings.ContainsAny(why+got.String(), "\n\x1b\x00") {
				t.Errorf("said %q of %q", why, got)
			}
		case !errors.As(err, &refusal) || refusal.Status != 400 || len(refusal.Reason) > 100 || strings.Contains(refusal.Reason, "\n"):
			t.Errorf("refused with %#v", err)
		}
	})
}
