package github

import (
	"context"
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

// fileClient fetches files: from GitHub's own hosts, and from where they send us on to, over TLS and outside our own network. Names are judged by the
// address that is dialled in the end. GitHub's own hosts may be anywhere: whoever runs this named them.
func (r *Releases) fileClient() *http.Client {
	g := &guard{own: map[string]bool{r.base.Hostname(): true, strings.TrimPrefix(r.base.Hostname(), "api."): true}, plain: r.base.Scheme == "http", proxies: map[string]bool{}}
	g.loopback = loopback(r.base.Hostname())
	transport := &http.Transport{
		Proxy: g.proxy, DialContext: g.dial, ResponseHeaderTimeout: time.Minute, TLSHandshakeTimeout: 15 * time.Second, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 256 << 10,
	}
	g.next = transport
	return &http.Client{Transport: g, CheckRedirect: func(request *http.Request, via []*http.Request) error {
		if !r.ofAPI(request.URL) {
			request.Header.Del("Authorization") // The address that it sends us on to has its own permission.
		}
		if len(via) > 5 {
			return unusable("sends on from one address to the next without end")
		}
		return nil
	}}
}

// guard decides where requests for files may go.
type guard struct {
	next *http.Transport
	// own are GitHub's hosts; plain allows http to them; loopback allows this machine, where GitHub's stand-in is.
	own             map[string]bool
	plain, loopback bool

	mu      sync.Mutex
	proxies map[string]bool
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	if r.URL.User != nil || r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !g.plain || !g.own[host] && (!g.loopback || !loopback(host))) {
		return nil, refusedAddress("leads to %s://%s, which is not followed: files come over https, from addresses without credentials", r.URL.Scheme, r.URL.Host)
	}
	// With a proxy, an address in place of a name never comes to our own dialer.
	if addr, err := netip.ParseAddr(host); err == nil {
		if err := g.reach(host, addr); err != nil {
			return nil, err
		}
	}
	return g.next.RoundTrip(r)
}

func refusedAddress(format string, args ...any) *failure {
	f := unusable(format, args...)
	f.kind = ErrInvalid
	return f
}

func (g *guard) proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if u != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.proxies[u.Hostname()] = true
	}
	return u, err
}

func (g *guard) dial(ctx context.Context, network, to string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	proxy := g.proxies[host]
	g.mu.Unlock()
	d := net.Dialer{Timeout: 15 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		resolved, err := netip.ParseAddrPort(address)
		if err != nil || proxy {
			return err
		}
		return g.reach(host, resolved.Addr())
	}}
	return d.DialContext(ctx, network, to)
}

func (g *guard) reach(host string, addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	switch {
	case egress.Metadata(addr):
		return refusedAddress("leads to %s at the link-local address %s, where metadata services live", host, addr)
	case egress.Inside(addr) && !g.own[host] && (!g.loopback || !addr.IsLoopback()):
		return refusedAddress("leads to %s at %s, an address inside our own network", host, addr)
	}
	return nil
}
