// Package serve keeps a repository reconciled for as long as it runs: at the start, again and again by the clock, and soon after GitHub says that
// something happened. An event only says when to look, never what to do: one that is lost costs time, and one too many costs a look.
//
// Two passes never overlap. The caller guarantees that one may be cut off anywhere, and repeated.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/github/webhook"
)

// Defaults of Options.
const (
	DefaultInterval = 10 * time.Minute
	DefaultSettle   = 3 * time.Second
	DefaultGrace    = 25 * time.Second
)

// Options say what to do, and when.
type Options struct {
	// Reconcile does one pass. When stop is closed it begins no further step and returns; ctx ends a Grace later.
	Reconcile func(ctx context.Context, stop <-chan struct{}) error
	// Repositories are the names that the repository is known by, OWNER/NAME; Login is who the bot is, empty while nobody knows. Both may
	// change with a pass.
	Repositories func() []string
	Login        func() string

	// Webhooks reads deliveries; nil without webhooks.
	Webhooks *webhook.Reader
	// WebhookListener takes deliveries at POST /webhook, over TLS when Certificate and Key name files. They are read anew for every connection, so that
	// renewed ones count.
	WebhookListener  net.Listener
	Certificate, Key string
	// MetricsListener answers GET /metrics, /healthz and /readyz; nil for nowhere.
	MetricsListener net.Listener
	// Spent, when set, are the requests made to GitHub so far: all, those answered without content, and writes.
	Spent func() (asked, unchanged, writes int)

	// Interval is the time between passes when nothing happens, Settle how long to wait after an event for those that come along with it, Grace how
	// long a pass may take to end. 0 means the defaults.
	Interval, Settle, Grace time.Duration
	// Log hears what happens.
	Log func(message string, pairs ...any)
}

// Run serves until ctx is done, and then until the running pass has ended.
func Run(ctx context.Context, o Options) error {
	m := newMetrics(o.Spent)
	l := newLoop(o, m)
	var servers []*server
	if o.Webhooks != nil {
		s, err := deliveries(o, l, m)
		if err != nil {
			return err
		}
		servers = append(servers, s)
	}
	if o.MetricsListener != nil {
		servers = append(servers, observers(o, l, m))
	}
	failed := make(chan error, len(servers))
	for _, s := range servers {
		go func() { failed <- s.serve() }()
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() { defer close(ended); l.run(running) }()

	var err error
	select {
	case err = <-failed:
		cancel()
	case <-ctx.Done():
		l.stopping.Store(true)
	}
	// Deliveries are taken until the last: the first pass after the next start sees what they are about.
	<-ended
	for _, s := range servers {
		err = errors.Join(err, s.stop())
	}
	return err
}

// server is a listener with its handler.
type server struct {
	name     string
	listener net.Listener
	http     *http.Server
	tls      bool
}

func newServer(name string, l net.Listener, h http.Handler) *server {
	return &server{name: name, listener: l, http: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		// GitHub waits 10 seconds.
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   10 * time.Second,
		IdleTimeout:    time.Minute,
		MaxHeaderBytes: 32 << 10,
		// What it has to say is about strangers: scans, and connections that break.
		ErrorLog: log.New(io.Discard, "", 0),
	}}
}

func (s *server) serve() error {
	serve := s.http.Serve
	if s.tls {
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	if err := serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", s.name, err)
	}
	return nil
}

func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}
