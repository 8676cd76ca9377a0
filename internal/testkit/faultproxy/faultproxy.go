// Package faultproxy stands in front of a Kubernetes API server and breaks what its clients are told: answers that are errors, answers
// that never come although the write landed, lists that are old or short, watches that end or fall silent, and an API server that is gone
// between two writes. It keeps a record of every write.
//
// A client uses Config; whoever has a token of its own keeps it, all others act with the target's credentials. Nothing is broken until a
// rule is injected.
package faultproxy

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
)

// Proxy is one HTTPS server in front of an API server.
type Proxy struct {
	server   *httptest.Server
	target   *url.URL
	upstream http.RoundTripper
	config   *rest.Config

	mu      sync.Mutex
	rules   []*Injected
	writes  []Write
	kill    kill
	gone    chan struct{} // closed while nobody is answered
	stalled map[string]chan struct{}
	lists   map[string][]byte
	frozen  map[string][]byte
}

// Start serves on loopback until Close is called.
func Start(target *rest.Config) (*Proxy, error) {
	base, err := url.Parse(target.Host)
	if err != nil {
		return nil, fmt.Errorf("address of the API server: %w", err)
	}
	upstream, err := rest.TransportFor(target)
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: base, upstream: upstream, gone: make(chan struct{}), stalled: map[string]chan struct{}{}, lists: map[string][]byte{}}
	p.server = httptest.NewUnstartedServer(p)
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0) // Of connections that clients end, which is what they are asked to do here.
	p.server.StartTLS()
	p.config = &rest.Config{
		Host: p.server.URL, BearerToken: target.BearerToken, QPS: -1,
		// JSON, because what is broken must be read first.
		ContentConfig:   rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"},
		TLSClientConfig: rest.TLSClientConfig{CAData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})},
	}
	return p, nil
}

// Config is for clients of the proxy.
func (p *Proxy) Config() *rest.Config { return rest.CopyConfig(p.config) }

// Close ends the server and every connection to it.
func (p *Proxy) Close() {
	p.Sever()
	p.server.CloseClientConnections()
	p.server.Close()
}

// hopHeaders are about one connection only.
var hopHeaders = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Accept-Encoding"}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // The client is gone.
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	x := &Exchange{Request: describe(r, body), proxy: p, w: w, r: r.WithContext(ctx), Body: body}
	gone, fault, last := p.admit(x)
	select {
	case <-gone:
		x.Drop()
	default:
	}
	go func() {
		select {
		case <-gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	switch {
	case last:
		x.Forward()
		p.Sever()
		x.Drop()
	case fault != nil:
		fault(x)
	default:
		x.Pass()
	}
	select {
	case <-gone:
		x.Drop() // Not even the end of an answer arrives.
	default:
	}
}

// admit counts a request and finds the fault for it. last is set for the write after which nobody is answered any more.
func (p *Proxy) admit(x *Exchange) (gone <-chan struct{}, f Fault, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	gone = p.gone
	if x.Writes() && p.kill.left > 0 {
		if p.kill.left--; p.kill.left == 0 {
			if !p.kill.landed {
				p.sever()
				return gone, nil, false
			}
			return gone, nil, true
		}
	}
	for _, i := range p.rules {
		if i.rule.matches(x.Request) {
			i.seen++
			if i.rule.Calls == nil || i.rule.Calls(i.seen) {
				i.hits++
				return gone, i.rule.Fault, false
			}
		}
	}
	return gone, nil, false
}

// Exchange is one request and its answer, in the hands of a Fault.
type Exchange struct {
	Request
	// Body is what is sent on; a Fault may change it first.
	Body []byte

	proxy *Proxy
	w     http.ResponseWriter
	r     *http.Request
	query url.Values
}

// Answer is what the API server said.
type Answer struct {
	Code   int
	Header http.Header
	Body   []byte
}

// send passes the request on and gives back the answer with its body unread.
func (x *Exchange) send() (*http.Response, error) {
	u := *x.r.URL
	u.Scheme, u.Host = x.proxy.target.Scheme, x.proxy.target.Host
	if x.query != nil {
		u.RawQuery = x.query.Encode()
	}
	out, err := http.NewRequestWithContext(x.r.Context(), x.r.Method, u.String(), bytes.NewReader(x.Body))
	if err != nil {
		return nil, err
	}
	out.Header = x.r.Header.Clone()
	for _, h := range hopHeaders {
		out.Header.Del(h)
	}
	return x.proxy.upstream.RoundTrip(out)
}

// Forward does what the request asks and returns the answer, without telling the client. An API server that is not there drops the
// connection.
func (x *Exchange) Forward() Answer {
	response, err := x.send()
	if err != nil {
		x.Drop()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		x.Drop()
	}
	a := Answer{Code: response.StatusCode, Header: response.Header, Body: body}
	x.proxy.record(x, a)
	return a
}

// Reply tells the client.
func (x *Exchange) Reply(a Answer) {
	for name, values := range a.Header {
		if !slices.Contains(hopHeaders, name) && name != "Content-Length" {
			x.w.Header()[name] = values
		}
	}
	x.w.WriteHeader(a.Code)
	_, _ = x.w.Write(a.Body) // A client that is gone does not matter here.
}

// Pass does what the request asks and says so; watches are passed on as they come.
func (x *Exchange) Pass() {
	if x.Verb == "watch" {
		x.stream(nil)
		return
	}
	x.Reply(x.Forward())
}

// Drop ends the connection without an answer.
func (x *Exchange) Drop() { panic(http.ErrAbortHandler) }

// kill says when the API server disappears.
type kill struct {
	left   int
	landed bool
}

// KillAt lets the API server disappear for everybody at the n-th write from now: with landed that write is done and its answer is lost,
// otherwise it is not done. For its clients this is what the end of their own process is for everybody else, so the client that is stopped
// afterwards has been killed at this write. Restore brings the API server back.
func (p *Proxy) KillAt(n int, landed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kill = kill{left: n, landed: landed}
}

// Sever lets the API server disappear now; connections end without an answer.
func (p *Proxy) Sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sever()
}

func (p *Proxy) sever() {
	select {
	case <-p.gone:
	default:
		close(p.gone)
	}
}

// Severed is closed once the API server has disappeared.
func (p *Proxy) Severed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// Restore ends Sever and KillAt.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kill = kill{}
	select {
	case <-p.gone:
		p.gone = make(chan struct{})
	default:
	}
}

// key names a list by what is listed, not by how it is asked for.
func key(r *http.Request) string {
	q := r.URL.Query()
	return strings.Join([]string{r.URL.Path, q.Get("labelSelector"), q.Get("fieldSelector"), r.Header.Get("Accept")}, " ")
}
