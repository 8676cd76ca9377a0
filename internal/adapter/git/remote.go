package git

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"golang.org/x/net/http/httpproxy"

	"github.com/addon-manager/addon-manager/internal/core/egress"
)

// Bounds on what a server can make us read besides packs.
const (
	maxListing   = 64 << 20
	maxErrorBody = 64 << 10
	dialTimeout  = 15 * time.Second
)

// remote connects to the server of one repository. It shares nothing with other repositories.
type remote struct {
	connect func(ctx context.Context) (session, error)
}

func newRemote(loc location, auth Auth) (*remote, error) {
	if loc.scheme == "ssh" {
		return newSSH(loc, auth)
	}
	return newHTTP(loc, auth)
}

// dialer connects to anything but link-local addresses, whatever name led there.
func dialer() *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		if addr, err := netip.ParseAddrPort(address); err == nil && egress.Metadata(addr.Addr()) {
			return fmt.Errorf("%w: %s is a link-local address, where metadata services live", ErrRefused, addr.Addr())
		}
		return nil
	}}
}

func newHTTP(loc location, auth Auth) (*remote, error) {
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: auth.Insecure}
	if len(auth.ClientCert) > 0 || len(auth.ClientKey) > 0 {
		pair, err := tls.X509KeyPair(auth.ClientCert, auth.ClientKey)
		if err != nil {
			return nil, &Error{Kind: ErrAuth, Detail: "the TLS client certificate and key are no PEM pair"}
		}
		tlsConfig.Certificates = []tls.Certificate{pair}
	}
	if len(auth.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(auth.CA) {
			return nil, &Error{Kind: ErrTLS, Detail: "the CA holds no PEM certificate"}
		}
		tlsConfig.RootCAs = pool
	}
	proxy, err := proxyOf(auth)
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Transport: bounded{&http.Transport{
			DialContext:           dialer().DialContext,
			Proxy:                 proxy,
			TLSClientConfig:       tlsConfig,
			TLSHandshakeTimeout:   dialTimeout,
			ForceAttemptHTTP2:     true,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   2,
			ResponseHeaderTimeout: 0, // the Fetch's own timeout bounds everything
		}},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			// The Git client keeps credentials from other hosts; but neither may a server send us to one we were not told of.
			if from := via[0].URL; !strings.EqualFold(from.Hostname(), req.URL.Hostname()) {
				return fmt.Errorf("%w: a redirect from %s to %s; give the new address as the URL", ErrRefused, from.Host, req.URL.Host)
			}
			return nil
		},
	}
	git := githttp.NewClient(client)
	endpoint, err := transport.NewEndpoint((&url.URL{Scheme: loc.scheme, Host: loc.host, Path: loc.path, RawQuery: loc.query}).String())
	if err != nil {
		return nil, &Error{Kind: ErrRefused, Detail: "it is not a URL that the Git client reads"}
	}
	var method transport.AuthMethod
	switch {
	case auth.BearerToken != "":
		method = &githttp.TokenAuth{Token: auth.BearerToken}
	case auth.Username != "" || auth.Password != "":
		// Servers that take a token as the password want some user.
		method = &githttp.BasicAuth{Username: orDefault(auth.Username, "git"), Password: auth.Password}
	}
	return &remote{connect: func(context.Context) (session, error) {
		fresh := *endpoint // a redirect changes it, for one fetch only
		return git.NewUploadPackSession(&fresh, method)
	}}, nil
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// proxyOf gives the proxy for HTTP: the one of the credentials, or what the environment says.
func proxyOf(auth Auth) (func(*http.Request) (*url.URL, error), error) {
	if auth.Proxy == "" {
		return http.ProxyFromEnvironment, nil
	}
	if _, err := url.Parse(auth.Proxy); err != nil {
		return nil, &Error{Kind: ErrRefused, Detail: "the proxy is not a URL"}
	}
	choose := (&httpproxy.Config{HTTPProxy: auth.Proxy, HTTPSProxy: auth.Proxy, NoProxy: auth.NoProxy}).ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }, nil
}

// bounded limits the answers that the Git client reads into memory: the listing of refs, and errors.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		resp.Body = limitedBody{io.LimitReader(resp.Body, maxErrorBody), resp.Body}
	case req.Method == http.MethodGet:
		resp.Body = limitedBody{&listing{resp.Body, maxListing}, resp.Body}
	}
	return resp, nil
}

type limitedBody struct {
	io.Reader
	io.Closer
}

var errListing = errors.New("the server's list of refs is too long")

type listing struct {
	r    io.Reader
	left int64
}

func (l *listing) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", errListing, maxListing)
	}
	return n, err
}
