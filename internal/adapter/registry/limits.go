package registry

import (
	"net/http"
	"net/url"
	"sync"
	"time"
)

// limits remembers which servers ask to be left alone for a while. Until then nobody asks them.
type limits struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// told says what a server means that is asked too much, and remembers it.
func (l *limits) told(resp *http.Response, what string, now time.Time) error {
	u := resp.Request.URL
	until := retryAfter(resp.Header, now)
	if !until.After(now) {
		return failf(ErrLimited, "%s://%s answers %d for %s; try again later", u.Scheme, u.Host, resp.StatusCode, what)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until == nil {
		l.until = map[string]time.Time{}
	}
	l.until[address(u)] = until
	return waiting(u, until)
}

// wait refuses requests to a server that asked to wait.
func (l *limits) wait(u *url.URL, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, ok := l.until[address(u)]
	if !ok {
		return nil
	}
	if !until.After(now) {
		delete(l.until, address(u))
		return nil
	}
	return waiting(u, until)
}

func waiting(u *url.URL, until time.Time) error {
	return failf(ErrLimited, "%s://%s asks to wait until %s, because it is asked too much", u.Scheme, u.Host, until.UTC().Format("2006-01-02 15:04:05 MST"))
}
