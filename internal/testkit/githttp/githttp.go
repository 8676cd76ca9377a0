// Package githttp serves a folder of bare repositories over smart HTTP, as a hosted Git server would, and can be told
// to fail. It is for tests and for the sandbox.
//
// The protocol is spoken by git's own http-backend, so clients meet the real thing. Callers guarantee that git is
// installed, and bind it to loopback only: nothing here is built to stand in the open.
package githttp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// maxBody bounds a request that comes without a length: such a one is held in memory.
const maxBody = 256 << 20

// Options say who may do what. The zero value lets everybody read.
type Options struct {
	// Username and Password, when set, are asked for with HTTP basic authentication.
	Username, Password string
	// BearerToken, when set, is asked for. With both kinds set, either is enough.
	BearerToken string
	// AllowPush accepts pushes; without it they are forbidden.
	AllowPush bool
	// Log takes what git's http-backend writes to standard error. Nil throws it away.
	Log io.Writer
}

// Server is an http.Handler over a folder of bare repositories: root/config.git is served as /config.git.
type Server struct {
	backend cgi.Handler
	options Options

	mu    sync.Mutex
	fault Fault

	requests atomic.Int64
	packs    atomic.Int64
}

// Handler makes a Server for the bare repositories below root.
func Handler(root string, o Options) (*Server, error) {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("serve git: find git's programs: %w", err)
	}
	program := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("serve git: this git has no http-backend: %w", err)
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("serve git: %w", err)
	}
	stderr := o.Log
	if stderr == nil {
		stderr = io.Discard
	}
	env := append(gitrepo.Env(), "GIT_PROJECT_ROOT="+abs, "GIT_HTTP_EXPORT_ALL=1")
	if o.AllowPush {
		env = append(env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.receivepack", "GIT_CONFIG_VALUE_0=true")
	}
	return &Server{
		backend: cgi.Handler{Path: program, Dir: abs, Env: env, Stderr: stderr, Logger: log.New(io.Discard, "", 0)},
		options: o,
	}, nil
}

// Requests counts the requests so far, Packs those that asked for objects. Tests read them to see that a fetch with
// nothing new is cheap.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Packs counts the requests for objects so far.
func (s *Server) Packs() int64 { return s.packs.Load() }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	pack := asksForObjects(r)
	if pack {
		s.packs.Add(1)
	}
	if f := s.takeFault(pack); f.active() {
		f.serve(w, r, s.serve)
		return
	}
	s.serve(w, r)
}

// asksForObjects tells a request for a pack from a listing of refs. In protocol version 2 both are a POST to the same
// place, and only the body says which it is.
func asksForObjects(r *http.Request) bool {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
		return false
	}
	body := bufio.NewReader(r.Body)
	start, _ := body.Peek(len("0000command=ls-refs"))
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	return !bytes.HasSuffix(start, []byte("command=ls-refs"))
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "authentication required", http.StatusUnauthorized)
		return
	}
	push := strings.HasSuffix(r.URL.Path, "/git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack"
	if push && !s.options.AllowPush {
		http.Error(w, "this server is read-only", http.StatusForbidden)
		return
	}
	// CGI gives the length before the body, and git sends larger bodies without one.
	if r.ContentLength < 0 {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r = r.Clone(r.Context())
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	}
	s.backend.ServeHTTP(w, r)
}

func (s *Server) allowed(r *http.Request) bool {
	o := s.options
	if o.Username == "" && o.Password == "" && o.BearerToken == "" {
		return true
	}
	if user, password, ok := r.BasicAuth(); ok && (o.Username != "" || o.Password != "") {
		return same(user, o.Username) && same(password, o.Password)
	}
	return o.BearerToken != "" && same(r.Header.Get("Authorization"), "Bearer "+o.BearerToken)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Serve listens on addr ("127.0.0.1:0" picks a free port) and answers in the background until ctx ends. It returns
// the address as a URL without a trailing slash: repositories are at url + "/config.git". done is closed once the
// server has stopped.
func (s *Server) Serve(ctx context.Context, addr string) (url string, done <-chan struct{}, err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("serve git: %w", err)
	}
	stopped := make(chan struct{})
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go func() {
		defer close(stopped)
		_ = srv.Serve(l)
	}()
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	return "http://" + l.Addr().String(), stopped, nil
}
