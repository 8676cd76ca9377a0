package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// sender sends a request: a plain client, or one that fetches tokens.
type sender interface {
	Do(req *http.Request) (*http.Response, error)
}

// question is one thing that a server is asked for.
type question struct {
	url *url.URL
	// what names it in errors.
	what string
	// limit is how many bytes of it are read at most.
	limit  int64
	header http.Header
	// method is GET where it is empty.
	method string
	// keep keeps the answer in the folder, and asks the next time only whether it changed.
	keep bool
}

// answer is what came.
type answer struct {
	body   []byte
	header http.Header
	// url is where it came from in the end; moved is the same where all redirects on the way are for good, and nil without any.
	url, moved *url.URL
}

// get reads what a URL leads to, at most limit bytes of it. What names it in errors.
func (s *session) get(ctx context.Context, by sender, u *url.URL, what string, limit int64, header http.Header) (data []byte, head http.Header, err error) {
	a, err := s.ask(ctx, by, question{url: u, what: what, limit: limit, header: header})
	return a.body, a.header, err
}

// ask asks, and tries again after a pause where no answer came.
func (s *session) ask(ctx context.Context, by sender, q question) (answer, error) {
	a, err := s.once(ctx, by, q)
	for _, pause := range s.client.pauses {
		if !errors.Is(err, ErrUnreachable) {
			break
		}
		select {
		case <-ctx.Done():
			return a, err
		case <-time.After(pause):
		}
		a, err = s.once(ctx, by, q)
	}
	return a, err
}

func (s *session) once(ctx context.Context, by sender, q question) (answer, error) {
	if err := s.client.limits.wait(q.url, s.client.now()); err != nil {
		return answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, q.method, q.url.String(), nil)
	if err != nil {
		return answer{}, failf(ErrRefused, "the URL of %s cannot be used", q.what)
	}
	for key, values := range q.header {
		req.Header[key] = values
	}
	req.Header.Set("User-Agent", "addon-manager")
	key := q.url.String() + "\n" + strings.Join(q.header.Values("Accept"), ",")
	before, known := answer{}, false
	if q.keep {
		if before, known = s.client.answers.load(key); known {
			known = condition(req.Header, before.header)
		}
	}
	resp, err := by.Do(req)
	if err != nil {
		return answer{}, failed(q.url, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && known:
		before.moved = moved(resp)
		return before, nil
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusForbidden && resp.Header.Get("Retry-After") != "":
		return answer{}, s.client.limits.told(resp, q.what, s.client.now())
	case resp.StatusCode != http.StatusOK:
		return answer{}, refused(resp.Request.URL, q.what, resp.StatusCode)
	}
	body, err := body(resp, q)
	if err != nil {
		return answer{}, err
	}
	a := answer{body: body, header: resp.Header, url: resp.Request.URL, moved: moved(resp)}
	if q.keep && (a.header.Get("ETag") != "" || a.header.Get("Last-Modified") != "") {
		s.client.answers.save(key, a)
	}
	return a, nil
}

// condition makes a request one for what changed.
func condition(request, before http.Header) bool {
	etag, modified := before.Get("ETag"), before.Get("Last-Modified")
	if etag != "" {
		request.Set("If-None-Match", etag)
	}
	if modified != "" {
		request.Set("If-Modified-Since", modified)
	}
	return etag != "" || modified != ""
}

func body(resp *http.Response, q question) ([]byte, error) {
	if q.method == http.MethodHead {
		return nil, nil
	}
	if resp.ContentLength > q.limit {
		return nil, failf(ErrTooLarge, "%s has %d bytes, at most %d are read", q.what, resp.ContentLength, q.limit)
	}
	if resp.ContentLength > 0 {
		// Not to copy it over and over as it grows.
		data := make([]byte, resp.ContentLength)
		if _, err := io.ReadFull(resp.Body, data); err != nil {
			return nil, failed(resp.Request.URL, err)
		}
		return data, nil
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, q.limit+1))
	if err != nil {
		return nil, failed(resp.Request.URL, err)
	}
	if int64(len(data)) > q.limit {
		return nil, failf(ErrTooLarge, "%s has more than %d bytes, which is what is read at most", q.what, q.limit)
	}
	return data, nil
}

// moved is where redirects lead that are all for good.
func moved(resp *http.Response) *url.URL {
	if resp.Request.Response == nil {
		return nil
	}
	for r := resp.Request.Response; r != nil; r = r.Request.Response {
		if r.StatusCode != http.StatusMovedPermanently && r.StatusCode != http.StatusPermanentRedirect {
			return nil
		}
	}
	return resp.Request.URL
}

// maxWait bounds what servers ask for.
const maxWait = 24 * time.Hour

// retryAfter is until when a server asks to wait; zero where it does not say.
func retryAfter(header http.Header, now time.Time) time.Time {
	said := header.Get("Retry-After")
	until := time.Time{}
	if seconds, err := strconv.Atoi(said); err == nil && seconds >= 0 {
		until = now.Add(min(time.Duration(seconds), maxWait/time.Second) * time.Second)
	} else if date, err := http.ParseTime(said); err == nil {
		until = date
	}
	if until.After(now.Add(maxWait)) {
		until = now.Add(maxWait)
	}
	return until
}
