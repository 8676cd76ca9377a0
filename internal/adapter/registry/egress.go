package registry

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/egress"
)

const (
	maxRedirects = 5
	dialTimeout  = 15 * time.Second
	answerIn     = 30 * time.Second
)

// session talks to one repository. It shares no connection with others, because what may be reached depends on the repository.
type session struct {
	client *Client
	// scheme and host are those of the repository, the host with a port.
	scheme, host string
	http         *http.Client
	transport    *http.Transport

	mu sync.Mutex
	// proxies are the addresses of proxies that were used: they are the operator's choice.
	proxies map[string]bool
}

// session begins to talk to a repository. This is the one place that decides where requests may go: to the repository itself, over the
// scheme that the source names, and to anywhere else only over TLS, without credentials, and outside our own network. Names are judged by the
// address that is dialled in the end, so that no answer of a name server can differ between the check and the use.
func (c *Client) session(repository *url.URL) *session {
	s := &session{client: c, scheme: repository.Scheme, proxies: map[string]bool{}}
	if s.scheme == "oci" {
		s.scheme = "https"
	}
	s.host = address(&url.URL{Scheme: s.scheme, Host: repository.Host})
	s.transport = &http.Transport{
		Proxy:                  s.proxy,
		DialContext:            s.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.o.RootCAs},
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  answerIn,
		MaxResponseHeaderBytes: 256 << 10,
		ForceAttemptHTTP2:      true,
	}
	s.http = &http.Client{Transport: s, CheckRedirect: s.redirect}
	return s
}

func (s *session) close() { s.transport.CloseIdleConnections() }

// RoundTrip implements http.RoundTripper: whatever sends a request, for a redirect or a token, it is judged here.
func (s *session) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := s.judge(req.URL); err != nil {
		return nil, err
	}
	s.client.asked.Add(1)
	resp, err := s.transport.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusNotModified {
		s.client.unchanged.Add(1)
	}
	return resp, err
}

func (s *session) judge(u *url.URL) error {
	switch {
	case u.User != nil:
		return failf(ErrRefused, "the server leads to a URL with credentials, which is not followed")
	case u.Scheme != "https" && (u.Scheme != "http" || s.scheme != "http" || address(u) != s.host):
		return failf(ErrRefused, "the server leads to %s://%s: other hosts are only asked over https", u.Scheme, u.Host)
	}
	// With a proxy, an address in place of a name never comes to our own dialer.
	if addr, err := netip.ParseAddr(strings.Trim(u.Hostname(), "[]")); err == nil {
		return s.reach(address(u), addr)
	}
	return nil
}

func (s *session) redirect(req *http.Request, via []*http.Request) error {
	first, last := via[0].URL, via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return failf(ErrRefused, "%s redirects more than %d times", first.Host, maxRedirects)
	case req.URL.Scheme != last.Scheme:
		return failf(ErrRefused, "%s redirects from %s to %s, which is not followed: name the right URL in the source", last.Host, last.Scheme, req.URL.Scheme)
	case address(req.URL) != address(first):
		// net/http keeps them for other ports and subdomains.
		req.Header.Del("Authorization")
	}
	return nil
}

// proxy is the one that the environment names for a URL.
func (s *session) proxy(req *http.Request) (*url.URL, error) {
	u, err := s.client.proxy(req.URL)
	if u != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.proxies[address(u)] = true
	}
	return u, err
}

func (s *session) dial(ctx context.Context, network, to string) (net.Conn, error) {
	s.mu.Lock()
	proxy := s.proxies[to]
	s.mu.Unlock()
	d := net.Dialer{Timeout: dialTimeout, Resolver: s.client.resolver, Control: func(_, address string, _ syscall.RawConn) error {
		resolved, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("dial %s: %w", address, err)
		}
		if proxy {
			return nil
		}
		return s.reach(to, resolved.Addr())
	}}
	return d.DialContext(ctx, network, to)
}

// reach refuses addresses. To is the host and port that they were asked for.
func (s *session) reach(to string, addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	switch {
	case egress.Metadata(addr):
		return failf(ErrRefused, "%s is at the link-local address %s, where metadata services live", to, addr)
	case to != s.host && s.client.inside(addr):
		return failf(ErrRefused, "the server leads to %s at %s, an address inside our own network", to, addr)
	}
	return nil
}

// address is the host and port that a URL leads to.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
