package github

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is a server that answers what a test says, in order, and writes down what was asked.
type wire struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]answer
	asked   []string
	auth    []string
	bodies  []string
}

// answer is one answer. A status of 0 cuts the connection; cut sends only the first half of the body.
type answer struct {
	status int
	body   string
	header map[string]string
	cut    bool
}

func newWire(t *testing.T) *wire {
	w := &wire{answers: map[string][]answer{}}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

// on adds answers to a request such as "GET pulls/1", below the repository; the last one stays.
func (w *wire) on(request string, answers ...answer) *wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[request] = append(w.answers[request], answers...)
	return w
}

func (w *wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body)
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/api/v3/"), "repos/o/r/")
	w.mu.Lock()
	key := r.Method + " " + path
	if page := r.URL.Query().Get("page"); page != "" && page != "1" {
		key += " page " + page
	}
	w.asked = append(w.asked, key)
	w.auth = append(w.auth, r.Header.Get("Authorization"))
	w.bodies = append(w.bodies, body.String())
	a := answer{status: http.StatusNotFound, body: `{"message":"Not Found"}`}
	if rest := w.answers[key]; len(rest) > 0 {
		a = rest[0]
		if len(rest) > 1 {
			w.answers[key] = rest[1:]
		}
	}
	w.mu.Unlock()
	if a.status == 0 {
		panic(http.ErrAbortHandler)
	}
	if _, ok := a.header["Content-Type"]; !ok {
		out.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	for name, value := range a.header {
		out.Header().Set(name, strings.ReplaceAll(value, "SELF", w.URL))
	}
	if etag := a.header["Etag"]; etag != "" && r.Header.Get("If-None-Match") == etag {
		out.WriteHeader(http.StatusNotModified)
		return
	}
	if a.cut {
		out.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
		a.body = a.body[:len(a.body)/2]
	}
	out.WriteHeader(a.status)
	_, _ = out.Write([]byte(a.body))
}

// requests are those so far.
func (w *wire) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.asked...)
}

// manual is a clock that moves only when somebody waits.
type manual struct {
	mu    sync.Mutex
	at    time.Time
	slept []time.Duration
}

func newManual() *manual { return &manual{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (m *manual) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *manual) sleep(ctx context.Context, d time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = m.at.Add(d)
	m.slept = append(m.slept, d)
	return ctx.Err()
}

func (m *manual) waited() (total time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.slept {
		total += d
	}
	return total
}

// testToken must never be seen anywhere.
const testToken = "ghp_0123456789abcdefSECRET"

// client is one of repository o/r on the wire.
func (w *wire) client(t *testing.T, edit ...func(*Options)) (*Client, *manual) {
	t.Helper()
	m := newManual()
	o := Options{APIURL: w.URL, Owner: "o", Name: "r", Token: testToken, Now: m.now, Sleep: m.sleep}
	for _, e := range edit {
		e(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, m
}

// said is an error with the wire's address, which differs from run to run, made plain.
func (w *wire) said(err error) string {
	if err == nil {
		return ""
	}
	text := strings.ReplaceAll(err.Error(), strings.TrimPrefix(w.URL, "http://"), "HOST")
	if i := strings.Index(text, "read tcp "); i >= 0 {
		text = text[:i] + "connection reset"
	}
	return text
}
