package github

import (
	"bytes"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong with some requests. Its answers are not held to the description.
type Fault struct {
	// On says which requests: an operation (pulls/create, git/push), a pattern of operations (pulls/*), a method and a pattern of paths
	// (POST /repos/*/*/pulls), or * for all.
	On string
	// Skip is how many such requests pass first, Times how many are hit then; 0 means all.
	Skip, Times int
	// Status is answered instead of doing anything, with Header and Body; an empty Body is GitHub's usual error in JSON.
	Status int
	Header map[string]string
	Body   string
	// Cut ends the connection: before anything is done, or after it was done. Go's client repeats a GET by itself when that was on a connection
	// used before.
	Cut Cut
	// Delay is how long the answer takes by the real clock.
	Delay time.Duration
	// Edit changes an answer that was otherwise right.
	Edit func(status *int, header http.Header, body *[]byte)
}

// Cut says when the connection ends.
type Cut int

// A request cut Before is not carried out; one cut After is, though nobody hears of it.
const (
	Never Cut = iota
	Before
	After
)

// Secondary is GitHub's secondary limit; after is its Retry-After in seconds, empty for none.
func Secondary(on, after string) Fault {
	f := Fault{On: on, Times: 1, Status: http.StatusForbidden, Body: `{"message":"` + secondaryMessage + `","documentation_url":"` + documentation + `"}`}
	if after != "" {
		f.Header = map[string]string{"Retry-After": after}
	}
	return f
}

// HTML is a page of a proxy in between, as if all were well.
func HTML(on string) Fault {
	return Fault{On: on, Times: 1, Status: http.StatusOK, Header: map[string]string{"Content-Type": "text/html"}, Body: "<html><body>Please sign in</body></html>"}
}

// Replace changes text in an answer's body: an unknown value, a missing field.
func Replace(on, old, by string) Fault {
	return Fault{On: on, Edit: func(_ *int, _ http.Header, body *[]byte) { *body = bytes.ReplaceAll(*body, []byte(old), []byte(by)) }}
}

// LinkElsewhere lets the links to further pages name another host.
func (s *Server) LinkElsewhere(on, host string) Fault {
	return Fault{On: on, Edit: func(_ *int, header http.Header, _ *[]byte) {
		header.Set("Link", strings.ReplaceAll(header.Get("Link"), s.url, host))
	}}
}

// WithHeader sets a header of the answer, or removes it when value is empty.
func WithHeader(on, name, value string) Fault {
	return Fault{On: on, Edit: func(_ *int, header http.Header, _ *[]byte) {
		header.Del(name)
		if value != "" {
			header.Set(name, value)
		}
	}}
}

type faults struct {
	mu  sync.Mutex
	all []*Fault
}

// Script adds faults; the first that matches a request hits it.
func (s *Server) Script(all ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, f := range all {
		s.faults.all = append(s.faults.all, &f)
	}
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.all = nil
}

// FaultsLeft is how many faults with a number of Times have not been used up.
func (s *Server) FaultsLeft() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return len(s.faults.all)
}

func (fs *faults) take(r Request) Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.all {
		if !f.hits(r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		hit := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				fs.all = slices.Delete(fs.all, i, i+1)
			}
		}
		return hit
	}
	return Fault{}
}

func (f *Fault) hits(r Request) bool {
	if f.On == "*" {
		return true
	}
	if method, pattern, found := strings.Cut(f.On, " "); found {
		bare, _, _ := strings.Cut(r.Path, "?")
		matches, _ := path.Match(pattern, bare)
		return method == r.Method && matches
	}
	matches, _ := path.Match(f.On, r.Operation)
	return matches
}

func (f Fault) before() bool { return f.Status != 0 || f.Cut == Before }

func (f Fault) answer(w http.ResponseWriter, _ *Server) {
	time.Sleep(f.Delay)
	if f.Cut == Before {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	body := f.Body
	if body == "" {
		body = string(marshal(object{"message": http.StatusText(f.Status), "documentation_url": documentation}))
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(body))
}

// after changes an answer on its way out, and tells whether to cut the connection instead.
func (f Fault) after(status *int, header http.Header, body *[]byte) bool {
	time.Sleep(f.Delay)
	if f.Edit != nil {
		f.Edit(status, header, body)
	}
	return f.Cut == After
}
