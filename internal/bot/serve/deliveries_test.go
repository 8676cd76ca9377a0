package serve

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/github/webhook"
)

const (
	secret    = "correct horse battery staple"
	oldSecret = "the one from before, still valid"
	ours      = "acme/addons"
)

// delivery is a request as GitHub makes it; rows of tables change it.
type delivery struct {
	event, id, media string
	body             []byte
	headers          http.Header
	// chunked sends the body without saying how long it is.
	chunked bool
}

// deliver makes a delivery that is in order.
func deliver(event, body string, changes ...func(*delivery)) delivery {
	d := delivery{event: event, id: "72d3162e-cc78-11e3-81ab-4c9367dc0958", media: "application/json", body: []byte(body), headers: http.Header{}}
	d.headers.Set("X-Hub-Signature-256", "sha256="+sign(secret, d.body))
	for _, change := range changes {
		change(&d)
	}
	return d
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func header(name string, values ...string) func(*delivery) {
	return func(d *delivery) { d.headers[name] = values }
}

func (d delivery) send(t *testing.T, address string) string {
	t.Helper()
	var body io.Reader = bytes.NewReader(d.body)
	if d.chunked {
		body = io.MultiReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/webhook", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = d.headers.Clone()
	for name, value := range map[string]string{"X-GitHub-Event": d.event, "X-GitHub-Delivery": d.id, "Content-Type": d.media} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	req.Header.Set("User-Agent", "GitHub-Hookshot/044aadd")
	// With "Expect: 100-continue", the body is sent only when the server asks for it.
	transport := &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "no answer"
	}
	defer resp.Body.Close()
	if whole, is := body.(*bytes.Reader); is && req.Header.Get("Expect") != "" && whole.Len() != len(d.body) {
		t.Error("the body was asked for")
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(text)))
}

// started serves webhooks on loopback, with a loop that nobody runs.
func started(t *testing.T, log func(string, ...any)) (address string, l *loop) {
	t.Helper()
	reader, err := webhook.New(secret, oldSecret)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Repositories: func() []string { return []string{ours} }, Login: func() string { return "keeper[bot]" },
		Webhooks: reader, WebhookListener: listener, Log: log,
	}
	m := newMetrics(nil)
	l = newLoop(o, m)
	s, err := deliveries(o, l, m)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.serve() }()
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if err := within(t, ended); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), l
}

// event is a payload with what is common to all.
func event(fields string) string {
	return `{` + fields + `"repository":{"id":1,"full_name":"acme/addons"},"sender":{"login":"mona"}}`
}

var (
	opened = event(`"action":"opened","pull_request":{"number":12},`)
	closed = event(`"action":"closed","pull_request":{"number":12},`)
	labels = func(action string) string {
		return event(`"action":"` + action + `","label":{"name":"no-cherry-pick"},"pull_request":{"number":12},`)
	}
	comment = func(action, author, text string) string {
		return event(`"action":"` + action + `","issue":{"number":12,"pull_request":{}},"comment":{"body":` + text + `,"user":{"login":"` + author + `"}},`)
	}
	other = `{"action":"opened","pull_request":{"number":12},"repository":{"full_name":"acme/else"},"installation":{"id":4711}}`
)

const looking = "202 looking at acme/addons"

// TestDeliveries is the list of what may arrive, with the exact answers; looks tells whether the bot looks at the repository after it.
func TestDeliveries(t *testing.T) {
	right := "sha256=" + sign(secret, []byte(opened))
	tests := map[string]struct {
		deliveries []delivery
		want       []string
		looks      bool
	}{
		"w1 no signature": {
			[]delivery{deliver("pull_request", opened, header("X-Hub-Signature-256"))},
			[]string{"401 not signed: X-Hub-Signature-256 is missing; set a secret on the webhook"},
			false,
		},
		"w2 SHA-1 only": {
			[]delivery{deliver("pull_request", opened, header("X-Hub-Signature-256"), func(d *delivery) {
				mac := hmac.New(sha1.New, []byte(secret))
				mac.Write(d.body)
				d.headers.Set("X-Hub-Signature", "sha1="+hex.EncodeToString(mac.Sum(nil)))
			})},
			[]string{"401 signed with SHA-1 only: X-Hub-Signature-256 is missing"},
			false,
		},
		"w3 the right digest, in another form": {
			[]delivery{
				deliver("pull_request", opened, header("X-Hub-Signature-256", strings.ToUpper(right))),
				deliver("pull_request", opened, header("X-Hub-Signature-256", "sha256="+strings.ToUpper(right[7:]))),
				deliver("pull_request", opened, header("X-Hub-Signature-256", right[:len(right)-1])),
				deliver("pull_request", opened, header("X-Hub-Signature-256", right+"0")),
				deliver("pull_request", opened, header("X-Hub-Signature-256", right[7:])),
				deliver("pull_request", opened, header("X-Hub-Signature-256", "")),
				deliver("pull_request", opened, header("X-Hub-Signature-256", right, right)),
				deliver("pull_request", opened, header("x-hub-signature-256", right), header("X-Hub-Signature-256")),
			},
			[]string{
				"401 X-Hub-Signature-256 is not like sha256= and 64 lower-case hexadecimal digits",
				"401 X-Hub-Signature-256 is not like sha256= and 64 lower-case hexadecimal digits",
				"401 X-Hub-Signature-256 is not like sha256= and 64 lower-case hexadecimal digits",
				"401 X-Hub-Signature-256 is not like sha256= and 64 lower-case hexadecimal digits",
				"401 X-Hub-Signature-256 is not like sha256= and 64 lower-case hexadecimal digits",
				"401 X-Hub-Signature-256 is not like sha256= and 64 lower-case hexadecimal digits",
				"401 X-Hub-Signature-256 is there more than once",
				looking, // The names of headers have no case.
			},
			true,
		},
		"w4 the signature of another body, or with another secret": {
			[]delivery{
				deliver("pull_request", opened, header("X-Hub-Signature-256", "sha256="+sign(secret, []byte(closed)))),
				deliver("pull_request", opened, header("X-Hub-Signature-256", "sha256="+sign("some other secret", []byte(opened)))),
			},
			[]string{
				"401 the signature is not that of the body and the webhook's secret",
				"401 the signature is not that of the body and the webhook's secret",
			},
			false,
		},
		"the secret before this one": {
			[]delivery{deliver("pull_request", opened, header("X-Hub-Signature-256", "sha256="+sign(oldSecret, []byte(opened))))},
			[]string{looking},
			true,
		},
		"w5 a body over 25 MiB, announced and not": {
			[]delivery{
				deliver("push", opened, func(d *delivery) { d.body = make([]byte, webhook.MaxBody+1) }, header("Expect", "100-continue")),
				deliver("push", opened, func(d *delivery) { d.body, d.chunked = make([]byte, webhook.MaxBody+1), true }),
				deliver("push", event(`"padding":"`+strings.Repeat("x", webhook.MaxBody-200)+`",`)),
			},
			[]string{"413 the body is larger than 26214400 bytes", "413 the body is larger than 26214400 bytes", looking},
			true,
		},
		"w6 form-encoded": {
			[]delivery{
				form(url.Values{"payload": {opened}}.Encode()),
				form("payload="),
				form("other=x"),
				form("payload=%7B%7D&payload=%7B%7D"),
				form("payload=%zz"),
			},
			[]string{
				looking, "400 the payload is no JSON", "400 the form has no single field payload", "400 the form has no single field payload",
				"400 the form has no single field payload",
			},
			true,
		},
		"w7 compressed": {
			[]delivery{deliver("push", opened, func(d *delivery) { d.body = zipped(64 << 20) }, header("Content-Encoding", "gzip"))},
			[]string{"415 a body with a Content-Encoding is not taken"},
			false,
		},
		"w8 nested 100,000 deep": {
			[]delivery{
				deliver("push", strings.Repeat(`[`, 100_000)),
				deliver("push", event(`"commits":`+strings.Repeat(`[`, 100_000)+strings.Repeat(`]`, 100_000)+`,`)),
				deliver("push", strings.Repeat(`{"repository":`, 100_000)),
			},
			[]string{"400 the payload is nested too deeply", "400 the payload is nested too deeply", "400 the payload is nested too deeply"},
			false,
		},
		"w9 wrong types, nulls, no repository": {
			[]delivery{
				deliver("push", ``),
				deliver("push", `null`),
				deliver("push", `[]`),
				deliver("push", `"secret text"`),
				deliver("push", `{"ref":`),
				deliver("push", `{"ref":7,"repository":{"full_name":"acme/addons"}}`),
				deliver("push", `{"repository":"acme/addons"}`),
				deliver("push", `{"repository":{"full_name":["secret text"]}}`),
				deliver("push", `{"repository":{"full_name":"acme/addons/../x"}}`),
				deliver("push", `{"repository":{}}`),
				deliver("push", `{"repository":null}`),
				deliver("push", `{}`),
				deliver("pull_request", `{"pull_request":null,"action":null,"sender":null,"repository":{"full_name":"acme/addons"}}`),
				deliver("pull_request", `{"pull_request":{"number":"12"},"repository":{"full_name":"acme/addons"}}`),
				deliver("pull_request", `{"pull_request":{"number":1e99},"repository":{"full_name":"acme/addons"}}`),
				deliver("push", opened+`{}`),
				deliver("push", "{\"ref\":\"\xff\xfe\",\"repository\":{\"full_name\":\"acme/addons\"}}"),
			},
			[]string{
				"400 the payload is no JSON",
				"400 the payload is no JSON object",
				"400 the payload is no JSON object",
				"400 the payload is no JSON object",
				"400 the payload is no JSON",
				"400 the payload's field ref has the wrong type",
				"400 the payload's field repository has the wrong type",
				"400 the payload's field repository.full_name has the wrong type",
				"400 repository.full_name is not like OWNER/NAME",
				"400 repository.full_name is not like OWNER/NAME",
				"200 ignored: it names no repository",
				"200 ignored: it names no repository",
				looking,
				"400 the payload's field pull_request.number has the wrong type",
				"400 the payload's field pull_request.number has the wrong type",
				"400 the payload is no JSON",
				looking,
			},
			true,
		},
		"w10 the same delivery twice": {
			[]delivery{deliver("pull_request", opened), deliver("pull_request", opened)},
			[]string{looking, looking},
			true,
		},
		"w11 no id, or an odd one": {
			[]delivery{
				deliver("pull_request", opened, func(d *delivery) { d.id = "" }),
				deliver("pull_request", opened, func(d *delivery) { d.id = strings.Repeat("7", 1000) }),
			},
			[]string{looking, looking},
			true,
		},
		// Nothing of a delivery says when it was: the bot looks at what is, not at what was.
		"w12 replayed after three days": {[]delivery{deliver("pull_request", closed)}, []string{looking}, true},
		"w13 closed before opened":      {[]delivery{deliver("pull_request", closed), deliver("pull_request", opened)}, []string{looking, looking}, true},
		"w14 another repository": {
			[]delivery{deliver("pull_request", other), deliver("installation", `{"action":"created","installation":{"id":4711}}`)},
			[]string{"200 ignored: it is about another repository", "200 ignored: installation changes nothing here"},
			false,
		},
		"w15 renamed, transferred, made private": {
			[]delivery{
				deliver("repository", `{"action":"renamed","changes":{"repository":{"name":{"from":"addons"}}},"repository":{"full_name":"acme/manifests"}}`),
				deliver("repository", `{"action":"transferred","changes":{"owner":{"from":{"organization":{"login":"acme"}}}},"repository":{"full_name":"emca/addons"}}`),
				deliver("repository", `{"action":"transferred","changes":{"owner":{"from":{"user":{"login":"ACME"}}}},"repository":{"full_name":"emca/addons"}}`),
				deliver("repository", `{"action":"privatized","repository":{"full_name":"Acme/Addons"}}`),
				deliver("repository", `{"action":"renamed","changes":{"repository":{"name":{"from":"another"}}},"repository":{"full_name":"acme/manifests"}}`),
				deliver("repository", `{"action":"edited","changes":{"owner":7,"repository":[]},"repository":{"full_name":"acme/manifests"}}`),
			},
			[]string{
				"202 looking at acme/manifests", "202 looking at emca/addons", "202 looking at emca/addons", "202 looking at Acme/Addons",
				"200 ignored: it is about another repository", "200 ignored: it is about another repository",
			},
			true,
		},
		// Whether the pull request is the bot's is decided when it looks: by author and repository, never by a name.
		"w16 a fork's branch with the bot's name": {
			[]delivery{deliver("pull_request", event(`"action":"opened","pull_request":{"number":66,"head":{"ref":"pick/release-1.31/pr-12","repo":{"full_name":"mallory/addons"}}},`))},
			[]string{looking},
			true,
		},
		"w17 commands in comments": {
			[]delivery{
				deliver("issue_comment", comment("created", "mona", `"/cherry-pick release-1.31"`)),
				deliver("issue_comment", comment("edited", "mona", `"> /cherry-pick release-1.31"`)),
				deliver("pull_request_review_comment", comment("created", "mona", `"/close"`)),
			},
			[]string{
				"200 ignored: the comment is no command", "200 ignored: the comment is no command",
				"200 ignored: pull_request_review_comment changes nothing here",
			},
			false,
		},
		"w18 commands of strangers": {
			[]delivery{deliver("issue_comment", comment("created", "mallory", `"/tag 1.31"`))},
			[]string{"200 ignored: the comment is no command"},
			false,
		},
		// Who may is asked of GitHub when the bot looks.
		"commands to the bot": {
			[]delivery{
				deliver("issue_comment", comment("created", "mona", `"/rebase"`)), deliver("issue_comment", comment("edited", "mallory", `"/ignore this version"`)),
				deliver("issue_comment", comment("deleted", "mona", `"/rebase"`)), deliver("issue_comment", comment("created", "mona", `"you could say /rebase"`)),
			},
			[]string{looking + ": there may be a command", looking + ": there may be a command", "200 ignored: the comment is no command", "200 ignored: the comment is no command"},
			true,
		},
		"the bot's comment, changed by somebody": {
			[]delivery{deliver("issue_comment", comment("edited", "keeper[bot]", `"lies"`)), deliver("issue_comment", comment("created", "keeper[bot]", `"?"`))},
			[]string{looking, "200 ignored: this action of issue_comment changes nothing here"},
			true,
		},
		"w19 the bot's own doing": {
			[]delivery{
				deliver("issue_comment", strings.ReplaceAll(comment("edited", "keeper[bot]", `"/cherry-pick"`), "mona", "keeper[bot]")),
				deliver("push", strings.ReplaceAll(event(`"ref":"refs/heads/pick/release-1.31/pr-12",`), "mona", "keeper[bot]")),
			},
			[]string{"200 ignored: it is our own doing", "200 ignored: it is our own doing"},
			false,
		},
		"w20 a label added and removed in one second": {
			[]delivery{deliver("pull_request", labels("labeled")), deliver("pull_request", labels("unlabeled"))},
			[]string{looking, looking},
			true,
		},
		"w21 ping": {
			[]delivery{
				deliver("ping", event(`"zen":"Design for failure.","hook":{"type":"Repository"},`)),
				deliver("ping", `{"zen":"Design for failure.","hook":{"type":"App","app_id":1}}`),
				deliver("ping", other),
			},
			[]string{"200 pong", "200 pong", "200 pong; but this webhook is another repository's, whose events are ignored"},
			false,
		},
		"w22 events that nobody knows": {
			[]delivery{
				deliver("pull_request_dream", event(`"comment":"with other types","release":[],`)),
				deliver("star", opened),
				deliver("projects_v2_item", `{"action":"created","projects_v2_item":{"id":1},"organization":{"login":"acme"}}`),
				deliver("check_run", event(`"action":"completed",`)),
				deliver("check_run", event(`"action":"rerequested",`)),
				deliver("", opened),
				deliver("../x", opened),
			},
			[]string{
				"200 ignored: pull_request_dream changes nothing here",
				"200 ignored: star changes nothing here",
				"200 ignored: projects_v2_item changes nothing here",
				"200 ignored: this action of check_run changes nothing here",
				looking,
				"400 X-GitHub-Event names no event",
				"400 X-GitHub-Event names no event",
			},
			true,
		},
		"other types of content": {
			[]delivery{
				deliver("pull_request", opened, func(d *delivery) { d.media = "" }),
				deliver("pull_request", opened, func(d *delivery) { d.media = "text/plain" }),
				deliver("pull_request", opened, func(d *delivery) { d.media = "application/json; charset=utf-8" }),
			},
			[]string{
				"415 the Content-Type must be application/json or application/x-www-form-urlencoded",
				"415 the Content-Type must be application/json or application/x-www-form-urlencoded",
				looking,
			},
			true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			address, l := started(t, nil)
			var got []string
			for _, d := range tc.deliveries {
				got = append(got, d.send(t, address))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			if looks := len(l.wanted) > 0; looks != tc.looks {
				t.Errorf("looks %v, want %v", looks, tc.looks)
			}
		})
	}
}

// TestLongHeaders is w24.
func TestLongHeaders(t *testing.T) {
	address, l := started(t, nil)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		// The server need not read to the end.
		_, _ = io.WriteString(conn, "POST /webhook HTTP/1.1\r\nHost: bot\r\nX-Long: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
	}()
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if want := "HTTP/1.1 431 Request Header Fields Too Large\r\n"; err != nil || answer != want {
		t.Errorf("got %q, %v; want %q", answer, err, want)
	}
	if len(l.wanted) > 0 {
		t.Error("the bot looks")
	}
}

// form is a delivery as a form, signed as it is.
func form(body string) delivery {
	return deliver("pull_request", body, func(d *delivery) { d.media = "application/x-www-form-urlencoded" })
}

// zipped is so many zeros, compressed.
func zipped(n int) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.CopyN(w, zeros{}, int64(n)); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestManyDeliveries is w23 as far as it can be wrong: all of them are taken, and together they are one look. How fast is measured in test/bench.
func TestManyDeliveries(t *testing.T) {
	address, l := started(t, nil)
	answers := make(chan string)
	for range 200 {
		go func() { answers <- deliver("pull_request", opened).send(t, address) }()
	}
	for range 200 {
		if got := <-answers; got != looking {
			t.Errorf("answer %q", got)
		}
	}
	if n := len(l.wanted); n != 1 {
		t.Errorf("%d looks are waiting, want 1", n)
	}
}

// TestRefusalsDoNotFillTheLog: whoever reaches the port can be refused as often as they like.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	lines := make(chan string, 1000)
	address, _ := started(t, func(message string, pairs ...any) { lines <- fmt.Sprint(append([]any{message}, pairs...)...) })
	for range 100 {
		deliver("push", "{}", header("X-Hub-Signature-256")).send(t, address)
	}
	// Ten at first, then one every ten seconds.
	if n := len(lines); n < 10 || n > 15 {
		t.Errorf("%d lines for 100 refusals", n)
	}
	if got, want := <-lines, "webhook refused"+"status"+"401"; !strings.HasPrefix(strings.ReplaceAll(got, " ", ""), strings.ReplaceAll(want, " ", "")) {
		t.Errorf("logged %q", got)
	}
}

// TestLogRepeatsNothingThatCouldBeMistaken: refs and actions are text of strangers.
func TestLogRepeatsNothingThatCouldBeMistaken(t *testing.T) {
	lines := make(chan string, 10)
	address, _ := started(t, func(message string, pairs ...any) { lines <- line(message, pairs) })
	deliver("push", event(`"action":"a\nb","ref":"refs/heads/x\u001b[2J\n`+strings.Repeat("y", 500)+`",`)).send(t, address)
	want := `webhook event=push "a\nb" "refs/heads/x\x1b[2J\n` + strings.Repeat("y", 183) + `" delivery=72d3162e-cc78-11e3-81ab-4c9367dc0958`
	if got := <-lines; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func line(message string, pairs []any) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		message += fmt.Sprintf(" %v=%v", pairs[i], pairs[i+1])
	}
	return message
}
