// Package upstreams serves versions on loopback as the world does: Helm repositories over HTTP, and an OCI registry with charts, images and bundles of
// policies. They answer conditional requests, count what they are asked, and can be told to fail as servers out there do.
//
// In tests, NewHelm and NewRegistry end with the test; StartHelm and StartRegistry are the same for other programs, and for testscript.
package upstreams

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// T is what is needed of testing.T.
type T interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Options say how a server is reached. The zero value is plain HTTP on a free port, open to everybody.
type Options struct {
	// Address to listen on (default 127.0.0.1:0).
	Address string
	// Certificate makes it speak TLS.
	Certificate *tls.Certificate
	// User and Password are asked for with basic authentication. With Bearer, a registry asks for a token that they buy.
	User, Password string
	Bearer         bool
	// NoETags leaves out the headers that let clients ask whether something changed, as many servers do.
	NoETags bool
	// Page is how many tags a registry lists at once (default 100).
	Page int
}

// Request is one that was answered.
type Request struct {
	Method, Path string
	Status       int
}

// server is what both kinds have in common.
type server struct {
	http    *httptest.Server
	options Options

	mu       sync.Mutex
	faults   map[string]Fault
	requests []Request
	// stopped is closed in the end, to let go of clients that are kept waiting.
	stopped chan struct{}
}

func (s *server) start(o Options, content http.Handler) error {
	s.options, s.faults, s.stopped = o, map[string]Fault{}, make(chan struct{})
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return fmt.Errorf("serve upstreams: %w", err)
	}
	s.http = httptest.NewUnstartedServer(s.counting(s.failing(content)))
	s.http.Listener.Close()
	s.http.Listener = l
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	if o.Certificate == nil {
		s.http.Start()
		return nil
	}
	s.http.TLS = &tls.Config{Certificates: []tls.Certificate{*o.Certificate}}
	s.http.StartTLS()
	return nil
}

// Answer answers a request as it would itself, for servers that stand before it.
func (s *server) Answer(w http.ResponseWriter, r *http.Request) {
	s.http.Config.Handler.ServeHTTP(w, r)
}

// Close ends it.
func (s *server) Close() {
	close(s.stopped)
	s.http.CloseClientConnections()
	s.http.Close()
}

// Host is its address and port.
func (s *server) Host() string { return s.http.Listener.Addr().String() }

// Requests are all that were answered, in order.
func (s *server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Count is how many requests for paths with this end were answered, and how many of them with 304.
func (s *server) Count(end string) (asked, unchanged int) {
	for _, r := range s.Requests() {
		if !strings.HasSuffix(r.Path, end) {
			continue
		}
		asked++
		if r.Status == http.StatusNotModified {
			unchanged++
		}
	}
	return asked, unchanged
}

func (s *server) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &status{ResponseWriter: w, code: http.StatusOK}
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.requests = append(s.requests, Request{r.Method, r.URL.Path, seen.code})
		}()
		next.ServeHTTP(seen, r)
	})
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// conditional adds an ETag to what was found, and says 304 to whoever has it already.
func (s *server) conditional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.options.NoETags || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		header := w.Header()
		for key, values := range answer.Header() {
			header[key] = values
		}
		if answer.Code == http.StatusOK {
			tag := `"` + header.Get("Docker-Content-Digest") + `"`
			if tag == `""` {
				tag = `"` + digestOf(answer.Body.Bytes()) + `"`
			}
			header.Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				header.Del("Content-Length")
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.WriteHeader(answer.Code)
		_, _ = io.Copy(w, bytes.NewReader(answer.Body.Bytes()))
	})
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
