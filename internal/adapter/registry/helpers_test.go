package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// pack is a chart's archive.
func pack(t testing.TB, name, version string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	text := fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version)
	err := errors.Join(
		w.WriteHeader(&tar.Header{Name: name + "/Chart.yaml", Mode: 0o644, Size: int64(len(text))}),
		func() error { _, err := w.Write([]byte(text)); return err }(),
		w.Close(), z.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// indexOf is an index of Helm's layout with one version of one chart; lines are the rest of its entry.
func indexOf(name string, versions ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: v1\nentries:\n  before:\n  - name: before\n    version: 1.0.0\n  %s:\n", name)
	for _, v := range versions {
		fmt.Fprintf(&b, "  - apiVersion: v2\n    description: |\n      two lines\n\n      entries:\n%s    name: %s\n", v, name)
	}
	b.WriteString("  zz-after:\n  - name: zz-after\n    version: 1.0.0\ngenerated: \"2026-01-01T00:00:00Z\"\n")
	return b.String()
}

func version(v, digest string, urls ...string) string {
	text := ""
	if digest != "" {
		text = "    digest: " + digest + "\n"
	}
	if len(urls) > 0 {
		text += "    urls:\n    - " + strings.Join(urls, "\n    - ") + "\n"
	}
	return text + "    version: " + v + "\n"
}

// server counts requests, and remembers what came with the last for each path.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests map[string]int
	auth     map[string]string
}

func (s *server) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

func (s *server) authorization(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.auth[path]
}

// serve starts a server on an address of loopback.
func serve(t testing.TB, ip string, secure bool, h http.Handler) *server {
	t.Helper()
	s := &server{requests: map[string]int{}, auth: map[string]string{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests[r.URL.Path]++
		s.auth[r.URL.Path] = r.Header.Get("Authorization")
		s.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	s.Listener.Close()
	s.Listener = l
	s.Config.ErrorLog = quiet
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// host is the server's address in URLs.
func (s *server) host() string {
	u, _ := url.Parse(s.URL)
	return u.Host
}

// files serves contents by path.
func files(contents map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := contents[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, text)
	})
}

// newClient makes a Client that tries once.
func newClient(o Options) *Client {
	c := New(o)
	c.pauses = nil
	return c
}

// trusting are options that trust a test server's certificate.
func trusting(o Options, servers ...*server) Options {
	o.RootCAs = x509.NewCertPool()
	for _, s := range servers {
		if c := s.Certificate(); c != nil {
			o.RootCAs.AddCert(c)
		}
	}
	return o
}

// said is an error's text with the addresses of servers replaced by names.
func said(err error, servers ...*server) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	for i, s := range servers {
		text = strings.ReplaceAll(text, s.host(), fmt.Sprintf("SERVER%d", i+1))
	}
	return text
}
