package github

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// limits are GitHub's, as it last said. When one is reached, everything waits: who goes on asking is shut out for longer.
type limits struct {
	times   clock
	log     func(message string, pairs ...any)
	maxWait time.Duration
	host    string

	mu    sync.Mutex
	until time.Time
	why   string
}

// limitedBy reports whether an answer speaks of a limit.
func limitedBy(answer *http.Response) bool {
	switch answer.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusForbidden:
		said := strings.ToLower(text(answer))
		return answer.Header.Get("Retry-After") != "" || strings.Contains(said, "rate limit") || strings.Contains(said, "abuse detection")
	}
	return false
}

// text is an answer's body, which stays readable.
func text(answer *http.Response) string {
	body, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

// reached remembers until when to wait; times is how often this request was told so in a row.
func (l *limits) reached(answer *http.Response, times int) {
	now := l.times.now()
	wait := retryAfter(answer, now)
	if wait == 0 && answer.Header.Get("X-RateLimit-Remaining") == "0" {
		if reset, err := strconv.ParseInt(answer.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			// Some more, since both clocks count whole seconds.
			wait = max(0, time.Unix(reset, 0).Sub(now)+time.Second)
		}
	}
	if wait == 0 {
		// GitHub asks for a minute at least, and more from time to time.
		minutes := 1 << min(times-1, 6)
		wait = time.Duration((1 + 0.1*rand.Float64()) * float64(minutes) * float64(time.Minute))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := now.Add(wait); until.After(l.until) {
		l.until, l.why = until, refusal(answer).text
	}
}

// retryAfter is how long an answer asks to wait, in seconds or until a time; 0 when it does not say.
func retryAfter(answer *http.Response, now time.Time) time.Duration {
	said := answer.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(said); err == nil {
		return time.Duration(min(max(0, seconds), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// pass waits until GitHub takes requests again.
func (l *limits) pass(ctx context.Context, waited *time.Duration) error {
	for {
		l.mu.Lock()
		left, why := l.until.Sub(l.times.now()), l.why
		l.mu.Unlock()
		if left <= 0 {
			return nil
		}
		l.log("waiting for GitHub's limit", "wait", left.Round(time.Second), "cause", why)
		if err := l.wait(ctx, reservation{delay: left, why: why}, waited); err != nil {
			return err
		}
	}
}

// reservation is a time to wait for. Undo gives it back.
type reservation struct {
	delay time.Duration
	why   string
	undo  func()
}

func (l *limits) wait(ctx context.Context, r reservation, waited *time.Duration) error {
	if r.delay <= 0 {
		return ctx.Err()
	}
	if *waited+r.delay > l.maxWait {
		if r.undo != nil {
			r.undo()
		}
		until := l.times.now().Add(r.delay).UTC()
		said := fmt.Sprintf("%s: the wait would be %s, at most %s are allowed: try again after %s", r.why, r.delay.Round(time.Second), l.maxWait, until.Format("15:04:05 MST"))
		return &failure{kind: ErrLimited, text: said, until: until}
	}
	*waited += r.delay
	err := l.times.sleep(ctx, r.delay)
	if err != nil && r.undo != nil {
		r.undo()
	}
	return err
}

// queue lets one write through at a time, in the order they came, and no more than allowed in any minute and any hour.
//
// A bucket that holds b and is filled with r in a time gives at most b+r in any such time. So both together stay below the limit, and one more
// is kept back for a request that was long on its way: GitHub counts when it arrives.
type queue struct {
	one          *semaphore.Weighted
	minute, hour *rate.Limiter
	perMinute    int
	perHour      int
}

func newQueue(perMinute, perHour int) *queue {
	bucket := func(n, hold int, every time.Duration) *rate.Limiter {
		hold = max(1, hold)
		return rate.NewLimiter(rate.Limit(max(0.5, float64(n-hold-1))/every.Seconds()), hold)
	}
	// A few at once are what a person would do. After them, GitHub asks for a second between two: of 80 a minute, 60 are the bucket's filling.
	few := perMinute / 8
	minute := bucket(perMinute, few, time.Minute)
	minute.SetLimit(min(minute.Limit(), rate.Limit(float64(perMinute)*0.75/60)))
	// Two thirds of an hour's writes at once are 160 pull requests with their labels; what comes after goes on slowly instead of not at all.
	return &queue{one: semaphore.NewWeighted(1), minute: minute, hour: bucket(perHour, perHour*2/3, time.Hour), perMinute: perMinute, perHour: perHour}
}

func (q *queue) enter(ctx context.Context) error { return q.one.Acquire(ctx, 1) }

func (q *queue) leave() { q.one.Release(1) }

// reserve takes the place of one write.
func (q *queue) reserve(now time.Time) reservation {
	minute, hour := q.minute.ReserveN(now, 1), q.hour.ReserveN(now, 1)
	r := reservation{delay: minute.DelayFrom(now), why: fmt.Sprintf("%d writes a minute are allowed", q.perMinute)}
	if d := hour.DelayFrom(now); d > r.delay {
		r.delay, r.why = d, fmt.Sprintf("%d writes an hour are allowed", q.perHour)
	}
	r.undo = func() {
		minute.CancelAt(now)
		hour.CancelAt(now)
	}
	return r
}
