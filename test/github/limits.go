package github

import (
	"net/http"
	"strconv"
	"time"
)

// limit counts a request against the caller's limits, and refuses it beyond them.
func (s *Server) limit(by actor, r Request, header http.Header) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, now := by.account, s.options.Now()
	if a == nil {
		a = &s.anonymous
	}
	if a.since.IsZero() || now.Sub(a.since) >= time.Hour {
		a.since, a.used = now, 0
	}
	if r.Operation == "rate-limit/get" {
		return nil
	}
	if a.used >= s.primary(a) {
		s.rates(a, header)
		if by.account == nil {
			limited := failed(http.StatusForbidden, "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)")
			return &limited
		}
		limited := failed(http.StatusForbidden, "API rate limit exceeded for user ID "+strconv.FormatInt(a.id, 10)+".")
		return &limited
	}
	a.used++
	s.rates(a, header)
	if !r.Writes() || by.account == nil {
		return nil
	}
	for len(a.writes) > 0 && now.Sub(a.writes[0]) >= time.Hour {
		a.writes = a.writes[1:]
	}
	minute, first := 0, now
	for _, at := range a.writes {
		if now.Sub(at) < time.Minute {
			if minute == 0 {
				first = at
			}
			minute++
		}
	}
	switch {
	case s.options.ContentPerMinute > 0 && minute >= s.options.ContentPerMinute:
		return secondary(header, first.Add(time.Minute).Sub(now))
	case s.options.ContentPerHour > 0 && len(a.writes) >= s.options.ContentPerHour:
		return secondary(header, a.writes[0].Add(time.Hour).Sub(now))
	}
	a.writes = append(a.writes, now)
	return nil
}

const secondaryMessage = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."

func secondary(header http.Header, wait time.Duration) *answer {
	header.Set("Retry-After", strconv.Itoa(max(1, int((wait+time.Second-1)/time.Second))))
	a := failed(http.StatusForbidden, secondaryMessage)
	return &a
}

// primary is how many requests an account, or everybody without one together, may make in an hour.
func (s *Server) primary(a *account) int {
	if a == &s.anonymous {
		return s.options.Anonymous
	}
	return s.options.Primary
}

// unspend gives a request back: GitHub does not count what it answers with 304, unless nobody knows who asked.
func (s *Server) unspend(by actor, header http.Header) {
	if by.account == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	by.account.used--
	s.rates(by.account, header)
}

// rates writes the headers. The caller holds the lock.
func (s *Server) rates(a *account, header http.Header) {
	header.Set("X-Ratelimit-Limit", strconv.Itoa(s.primary(a)))
	header.Set("X-Ratelimit-Remaining", strconv.Itoa(max(0, s.primary(a)-a.used)))
	header.Set("X-Ratelimit-Used", strconv.Itoa(a.used))
	header.Set("X-Ratelimit-Reset", strconv.FormatInt(a.since.Add(time.Hour).Unix(), 10))
	header.Set("X-Ratelimit-Resource", "core")
}

func getRateLimit(c *call) answer {
	rate := object{"limit": c.s.options.Primary, "used": 0, "remaining": c.s.options.Primary, "reset": c.s.options.Now().Add(time.Hour).Unix()}
	if a := c.by.account; a != nil {
		rate["used"], rate["remaining"] = a.used, max(0, c.s.options.Primary-a.used)
		if !a.since.IsZero() {
			rate["reset"] = a.since.Add(time.Hour).Unix()
		}
	}
	return ok(object{"resources": object{"core": rate, "search": rate}, "rate": rate})
}
