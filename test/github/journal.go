package github

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Request is one that came in.
type Request struct {
	// Operation is GitHub's name of it, such as pulls/create; git/fetch and git/push for Git; empty when there is no such operation.
	Operation string
	Method    string
	// Path is below APIURL, with its query.
	Path string
	// Login is who made it.
	Login string
	Body  []byte
	At    time.Time
	// Status is what was answered; 0 while it is not, or when the connection was cut.
	Status int
}

// Writes tells whether it is meant to change something at GitHub. Tokens are made, but that is no content.
func (r Request) Writes() bool {
	switch r.Operation {
	case "git/push", "git/fetch", "apps/create-installation-access-token":
		return false
	}
	return r.Method != "GET" && r.Method != "HEAD"
}

// journal is what happened, for tests to read.
type journal struct {
	mu        sync.Mutex
	requests  []Request
	problems  []string
	onRequest func(Request)
}

// OnRequest calls f before each request is carried out, also those of Git. No lock is held: f may use the server and the repositories, as
// somebody else who is quicker would.
func (s *Server) OnRequest(f func(Request)) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.onRequest = f
}

// OnWrite calls f before each write and each push is carried out.
func (s *Server) OnWrite(f func(Request)) {
	s.OnRequest(func(r Request) {
		if r.Writes() || r.Operation == "git/push" {
			f(r)
		}
	})
}

// Requests are all so far, oldest first.
func (s *Server) Requests() []Request {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.requests)
}

// Writes are the requests that meant to change something, refused ones too; pushes are not among them.
func (s *Server) Writes() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return !r.Writes() })
}

// MaxWritesPerMinute is the most writes within any 60 seconds.
func (s *Server) MaxWritesPerMinute() int {
	writes, most, from := s.Writes(), 0, 0
	for i := range writes {
		for writes[i].At.Sub(writes[from].At) >= time.Minute {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// ForgetRequests begins the journal anew.
func (s *Server) ForgetRequests() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.requests = nil
}

// Problems are the breaches of GitHub's description so far.
func (s *Server) Problems() []string {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return slices.Clone(s.journal.problems)
}

// ForgetProblems is for tests that break the description on purpose.
func (s *Server) ForgetProblems() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.problems = nil
}

func (s *Server) problem(format string, args ...any) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.journal.problems, text) {
		s.journal.problems = append(s.journal.problems, text)
	}
}

// enter writes a request down and lets the test know.
func (s *Server) enter(r Request) (index int) {
	s.journal.mu.Lock()
	index = len(s.journal.requests)
	s.journal.requests = append(s.journal.requests, r)
	f := s.journal.onRequest
	s.journal.mu.Unlock()
	if f != nil {
		f(r)
	}
	return index
}

func (s *Server) leave(index, status int) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	if index < len(s.journal.requests) {
		s.journal.requests[index].Status = status
	}
}
