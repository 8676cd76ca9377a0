package github

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	gh "github.com/google/go-github/v58/github"
	"github.com/gregjones/httpcache"
	"golang.org/x/sync/semaphore"
)

// stack is what every request passes, from the top:
//
//	refusals    an answer that says no becomes an error of this package
//	httpcache   asks whether what is remembered is still so
//	attempts    one write at a time, within the limits; again what may be asked again
//	keys        the credentials, for the API's host alone
//	counter     what was really sent
//
// The cache lies above the credentials, so that what it remembers survives a new token.
type stack struct {
	client *gh.Client
	// asApp is signed with the App's key; nil for a token.
	asApp *gh.Client
	appID int64
	keys  keys
	times clock
	spent *counter
}

// clock is the time, and how to let some pass.
type clock struct {
	now   func() time.Time
	sleep func(ctx context.Context, d time.Duration) error
}

func newStack(o Options, base *url.URL) (*stack, error) {
	times := clock{o.Now, o.Sleep}
	if times.now == nil {
		times.now = time.Now
	}
	if times.sleep == nil {
		times.sleep = sleep
	}
	bottom := o.Transport
	if bottom == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.ResponseHeaderTimeout = time.Minute
		bottom = own
	}
	s := &stack{times: times, spent: &counter{next: bottom, slots: semaphore.NewWeighted(atOnce)}}
	limits := &limits{times: times, log: o.Log, maxWait: o.MaxWait, host: base.Host}
	if limits.log == nil {
		limits.log = func(string, ...any) {}
	}

	switch {
	case o.App != nil:
		signed, err := signing(*o.App, s.spent, times)
		if err != nil {
			return nil, err
		}
		s.appID = o.App.ID
		s.asApp = clientOf(&refusals{next: &attempts{next: signed, limits: limits}}, base)
		s.keys = &installation{app: *o.App, client: s.asApp, times: times}
	default:
		s.keys = fixed(o.Token)
	}
	answers, err := newAnswers(o.Dir, maxAnswers)
	if err != nil {
		return nil, err
	}
	tries := &attempts{next: &keyed{next: s.spent, keys: s.keys, base: base}, limits: limits, queue: newQueue(o.WritesPerMinute, o.WritesPerHour)}
	s.client = clientOf(&refusals{next: &httpcache.Transport{Transport: undated{tries}, Cache: answers}}, base)
	return s, nil
}

func clientOf(transport http.RoundTripper, base *url.URL) *gh.Client {
	client := gh.NewClient(&http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != base.Host || r.URL.Scheme != base.Scheme {
			return unusable("sends on to %s, which is not followed: the credentials are for %s", r.URL.Host, base.Host)
		}
		if len(via) >= 5 {
			return unusable("sends on from one address to the next without end")
		}
		return nil
	}})
	client.BaseURL = base
	client.UserAgent = "addon-manager-branch-bot"
	return client
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// atOnce bounds the requests under way: GitHub shuts out who has a hundred.
const atOnce = 16

// counter counts what is really sent, and bounds how many are under way and how long an answer takes.
type counter struct {
	next                     http.RoundTripper
	slots                    *semaphore.Weighted
	asked, unchanged, writes atomic.Int64
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := c.slots.Acquire(r.Context(), 1); err != nil {
		return nil, err
	}
	c.asked.Add(1)
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	end := sync.OnceFunc(func() {
		cancel()
		c.slots.Release(1)
	})
	answer, err := c.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		end()
		return nil, err
	}
	answer.Body = closing{answer.Body, end}
	if answer.StatusCode == http.StatusNotModified {
		c.unchanged.Add(1)
	}
	if changes(r) && answer.StatusCode < 300 {
		c.writes.Add(1)
	}
	return answer, nil
}

// closing is a body that ends its time limit when it was read.
type closing struct {
	io.ReadCloser
	end func()
}

func (c closing) Close() error {
	defer c.end()
	return c.ReadCloser.Close()
}

// changes reports whether a request is a write that counts: to ask for a token is none, nor is a question that has to be posted.
func changes(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && !strings.HasSuffix(r.URL.Path, "/access_tokens") && !strings.HasSuffix(r.URL.Path, "/graphql")
}

// undated removes what an answer says of its own age: each is asked for again, also where the clocks of both sides differ.
type undated struct{ next http.RoundTripper }

func (u undated) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := u.next.RoundTrip(r)
	if err == nil {
		for _, name := range []string{"Date", "Expires", "Cache-Control", "Age"} {
			answer.Header.Del(name)
		}
	}
	return answer, err
}

// refusals makes errors of answers that say no, and of moves that would turn a write into a read.
type refusals struct{ next http.RoundTripper }

func (t *refusals) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	switch {
	case err != nil:
		return nil, err
	case answer.StatusCode >= 400:
		defer answer.Body.Close()
		return nil, refusal(answer)
	case answer.StatusCode == http.StatusNotModified || answer.StatusCode < 200:
		defer answer.Body.Close()
		return nil, unusable("answers %s to what was not asked so", answer.Status)
	case answer.StatusCode < 307 && answer.StatusCode >= 300 && changes(r):
		defer answer.Body.Close()
		return nil, &failure{kind: ErrNotFound, status: answer.StatusCode, text: "the repository was renamed or moved: use its new name"}
	}
	// The client library would keep them, and refuse requests by a clock of its own; attempts has dealt with them.
	for name := range answer.Header {
		if strings.HasPrefix(name, "X-Ratelimit-") || name == "Retry-After" {
			answer.Header.Del(name)
		}
	}
	// The cache keeps an answer when it was read to its end, which a decoder need not do.
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// unwrapped is the error below those that net/http puts around it, which name the address.
func unwrapped(err error) error {
	var around *url.Error
	for errors.As(err, &around) {
		err = around.Err
	}
	return err
}

// unusable is the failure of an answer that nothing can be made of.
func unusable(format string, args ...any) *failure {
	return &failure{kind: ErrUnreachable, text: "it " + fmt.Sprintf(format, args...)}
}
