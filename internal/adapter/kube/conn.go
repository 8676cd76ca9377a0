package kube

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
)

// conn speaks to one API server for a short while. It connects anew each time: a thousand idle connections cost more than a thousand
// handshakes every few minutes.
type conn struct {
	client *http.Client
	base   string
	host   string
}

func open(cfg *rest.Config) (*conn, error) {
	u, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, probeErrorf(CodeInvalidCredentials, "data.server is not an address")
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, probeErrorf(CodeInvalidCredentials, "data.config holds credentials that cannot be used")
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &conn{client: client, base: strings.TrimRight(u.String(), "/"), host: u.Host}, nil
}

func (c *conn) close() { utilnet.CloseIdleConnectionsFor(c.client.Transport) }

// request is one call of the API.
type request struct {
	method, path, accept string
	// body is JSON; nil for none.
	body []byte
	// max bounds the answer. One byte more is read, so that the caller sees when there is more.
	max int64
}

// do answers the status and the body, which of a refusal may be cut short. Its errors are of type *ProbeError.
func (c *conn) do(ctx context.Context, r request) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return 0, nil, probeErrorf(CodeInvalidCredentials, "data.server is not an address")
	}
	req.Header.Set("Accept", r.accept)
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, explain(err, c.host, ctx.Err() != nil)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, r.max+1))
	if err != nil && resp.StatusCode == http.StatusOK {
		return 0, nil, explain(err, c.host, ctx.Err() != nil)
	}
	return resp.StatusCode, body, nil
}

// within bounds do by a time. A credential command that hangs cannot be cancelled: it is left behind rather than let it hold a slot, and do
// with it, so do must change nothing that its caller reads. Errors of within itself are of type *ProbeError.
func within[T any](ctx context.Context, a *asker, cfg *rest.Config, timeout time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if cfg.ExecProvider == nil {
		return do(ctx)
	}
	var none T
	if a.abandoned.Load() >= maxAbandoned {
		return none, probeErrorf(CodeTimeout, "%d credential commands of cluster Secrets have not ended; no other is started until one does", maxAbandoned)
	}
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	a.abandoned.Add(1)
	go func() {
		defer a.abandoned.Add(-1)
		v, err := do(ctx)
		answers <- answer{v, err}
	}()
	select {
	case got := <-answers:
		return got.value, got.err
	case <-ctx.Done():
		return none, probeErrorf(CodeTimeout, "the credential command in data.config or the API server does not answer in time")
	}
}
