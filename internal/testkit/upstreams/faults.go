package upstreams

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is a way to fail.
type Fault struct {
	// Status is answered instead; with RetryAfter in seconds or as a date. Location goes with 301, 307 and their like.
	Status     int
	RetryAfter string
	Location   string
	// Body replaces what is answered; alone, with 200.
	Body string
	// Truncated breaks off in the middle of the answer. Endless never stops answering, Drip answers one byte every now and then, Silent nothing at all.
	Truncated, Endless, Drip, Silent bool
	// Asks is a WWW-Authenticate header sent with 401 whatever the client shows.
	Asks string
}

// The ways to fail that need no more words.
var (
	Healthy   = Fault{}
	Gone      = Fault{Status: http.StatusNotFound}
	Denied    = Fault{Status: http.StatusForbidden}
	Down      = Fault{Status: http.StatusServiceUnavailable}
	Truncated = Fault{Truncated: true}
	Endless   = Fault{Endless: true}
	Drip      = Fault{Drip: true}
	Silent    = Fault{Silent: true}
	HTML      = Fault{Body: "<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n"}
	// LinkLocal sends to where clouds give out credentials.
	LinkLocal = Fault{Status: http.StatusFound, Location: "https://169.254.169.254/latest/meta-data/"}
)

// Moved sends to another address for good.
func Moved(to string) Fault { return Fault{Status: http.StatusMovedPermanently, Location: to} }

// Limited asks to wait.
func Limited(retryAfter string) Fault {
	return Fault{Status: http.StatusTooManyRequests, RetryAfter: retryAfter}
}

// Fail makes requests for paths with this end fail from now on; an empty end is all of them. Healthy ends that.
func (s *server) Fail(end string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == Healthy {
		delete(s.faults, end)
		return
	}
	s.faults[end] = f
}

func (s *server) fault(path string) (f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	longest := -1
	for end, one := range s.faults {
		if strings.HasSuffix(path, end) && len(end) > longest {
			f, longest = one, len(end)
		}
	}
	return f
}

func (s *server) failing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.fault(r.URL.Path)
		switch {
		case f == Healthy:
			next.ServeHTTP(w, r)
		case f.Silent:
			s.pause(r, time.Hour)
		case f.Endless, f.Drip:
			s.trickle(w, r, f.Drip)
		case f.Truncated:
			next.ServeHTTP(&half{ResponseWriter: w}, r)
			panic(http.ErrAbortHandler)
		default:
			f.answer(w)
		}
	})
}

// pause waits for a client to give up, or the server to close.
func (s *server) pause(r *http.Request, d time.Duration) (over bool) {
	select {
	case <-r.Context().Done():
		return true
	case <-s.stopped:
		return true
	case <-time.After(d):
		return false
	}
}

// trickle answers without an end: comments that an index or JSON may begin with, as fast as they are read or byte by byte.
func (s *server) trickle(w http.ResponseWriter, r *http.Request, slowly bool) {
	text := []byte(strings.Repeat("# and so on\n", 4096))
	if slowly {
		text = []byte(" ")
	}
	for {
		if _, err := w.Write(text); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		if slowly && s.pause(r, 10*time.Millisecond) {
			return
		}
	}
}

func (f Fault) answer(w http.ResponseWriter) {
	header := w.Header()
	set := func(key, value string) {
		if value != "" {
			header.Set(key, value)
		}
	}
	set("Retry-After", f.RetryAfter)
	set("Location", f.Location)
	code := f.Status
	if f.Asks != "" {
		set("WWW-Authenticate", f.Asks)
		code = http.StatusUnauthorized
	}
	if code == 0 {
		code = http.StatusOK
	}
	header.Set("Content-Length", strconv.Itoa(len(f.Body)))
	w.WriteHeader(code)
	_, _ = w.Write([]byte(f.Body))
}

// half sends the first half of each write, under the length of the whole.
type half struct{ http.ResponseWriter }

func (h *half) Write(p []byte) (int, error) {
	if _, err := h.ResponseWriter.Write(p[:len(p)/2]); err != nil {
		return 0, err
	}
	_ = http.NewResponseController(h.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}
