// Package github stands in for GitHub in tests and in the demo: the REST API as far as the bot uses it, over bare repositories that real Git
// serves by smart HTTP, with webhooks, branch protection, limits and faults that can be scripted, and pages to read a pull request on.
//
// It promises to be no more generous than GitHub: every request and answer is held to GitHub's published description (package contract), and a
// test that breaks it fails. It listens on loopback only. It is laid out like GitHub Enterprise: pages and Git below URL, the API below
// APIURL. All methods may be used from several goroutines.
package github

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
)

// Options have useful zero values.
type Options struct {
	// Now is the clock; nil means the real one. Tokens of apps end by it, and limits are counted by it.
	Now func() time.Time
	// Listen is where to listen; empty picks a free port on loopback.
	Listen string
	// Primary is how many requests each account may make in an hour; 0 means 5000.
	Primary int
	// Anonymous is how many requests may be made in an hour without credentials, by everybody together; 0 means 60.
	Anonymous int
	// ContentPerMinute and ContentPerHour bound writes; 0 means GitHub's 80 and 500, less than 0 none.
	ContentPerMinute, ContentPerHour int
	// ListingDelay is how long a new pull request is missing from lists, as it may be at GitHub.
	ListingDelay time.Duration
	// Merger is the login that pages act as; without it they only show.
	Merger string
}

// TB is what New needs of a test.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Cleanup(func())
	TempDir() string
}

// Server is the stand-in.
type Server struct {
	options Options
	url     string
	root    string
	git     *githttp.Server
	server  *http.Server
	stopped chan struct{}

	mu           sync.Mutex
	anonymous    account
	lastID       int64
	accounts     map[string]*account
	tokens       map[string]*token
	apps         map[int64]*App
	repositories map[string]*Repository
	moved        map[string]string

	journal journal
	faults  faults
	hooks   hooks

	// pushes are one at a time, so that who pushed is known.
	pushing sync.Mutex
}

// New starts a server that lives as long as the test, and fails the test when something broke GitHub's description.
func New(t TB, o Options) *Server {
	t.Helper()
	s, err := Start(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		for _, problem := range s.Problems() {
			t.Errorf("against GitHub's description: %s", problem)
		}
	})
	return s
}

// Start starts a server that keeps its repositories in dir.
func Start(dir string, o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	o.Primary, o.Anonymous = or(o.Primary, 5000), or(o.Anonymous, 60)
	o.ContentPerMinute, o.ContentPerHour = or(o.ContentPerMinute, 80), or(o.ContentPerHour, 500)
	root := filepath.Join(dir, "git")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	git, err := githttp.Handler(root, githttp.Options{AllowPush: true})
	if err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("GitHub stand-in: %w", err)
	}
	s := &Server{
		options: o, url: "http://" + l.Addr().String(), root: root, git: git, stopped: make(chan struct{}),
		accounts: map[string]*account{}, tokens: map[string]*token{}, apps: map[int64]*App{},
		repositories: map[string]*Repository{}, moved: map[string]string{},
	}
	s.hooks.start(s)
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(discard{}, "", 0)}
	go func() {
		defer close(s.stopped)
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.problem("serve: %v", err)
		}
	}()
	return s, nil
}

// Close stops the server. Webhooks not delivered yet are dropped.
func (s *Server) Close() {
	_ = s.server.Close()
	<-s.stopped
	s.hooks.stop()
}

// URL is where pages and repositories are, without a slash at the end: URL()+"/owner/name.git".
func (s *Server) URL() string { return s.url }

// APIURL is where the API is, with a slash at the end.
func (s *Server) APIURL() string { return s.url + "/api/v3/" }

func (s *Server) now() time.Time { return s.options.Now().UTC().Truncate(time.Second) }

// id is the next number: unlike GitHub, one row for everything, so that nobody takes one kind of number for another. The caller holds the lock.
func (s *Server) id() int64 {
	s.lastID++
	return 1000 + s.lastID
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
