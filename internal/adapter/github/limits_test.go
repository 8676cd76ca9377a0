package github

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// most is the largest number of times within any window.
func most(times []time.Time, window time.Duration) int {
	found, from := 0, 0
	for i := range times {
		for times[i].Sub(times[from]) > window {
			from++
		}
		found = max(found, i-from+1)
	}
	return found
}

// TestLimitsHold writes with pauses of any length, answers that take a while, and any limits: never more than allowed within a minute or an
// hour, both by when it was sent and by when it arrived.
func TestLimitsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perMinute, perHour := rapid.IntRange(1, 100).Draw(t, "a minute"), rapid.IntRange(1, 600).Draw(t, "an hour")
		q := newQueue(perMinute, perHour)
		at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		var sent, arrived []time.Time
		for range rapid.IntRange(1, 800).Draw(t, "writes") {
			r := q.reserve(at)
			at = at.Add(r.delay)
			sent = append(sent, at)
			slow := time.Duration(rapid.IntRange(0, 700).Draw(t, "on its way")) * time.Millisecond
			arrived = append(arrived, at.Add(slow))
			at = at.Add(slow)
			if rapid.IntRange(0, 30).Draw(t, "pause") == 0 {
				at = at.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "seconds")) * time.Second)
			}
		}
		for what, times := range map[string][]time.Time{"sent": sent, "arrived": arrived} {
			if n := most(times, time.Minute); n > perMinute {
				t.Errorf("%d %s in a minute, %d allowed", n, what, perMinute)
			}
			if n := most(times, time.Hour); n > perHour {
				t.Errorf("%d %s in an hour, %d allowed", n, what, perHour)
			}
		}
	})
}

// TestSlowWrite is the worst case for the hour: the first write is long on its way, and the bucket fills up meanwhile.
func TestSlowWrite(t *testing.T) {
	q := newQueue(80, 500)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Minute)
	q.reserve(at.Add(-time.Minute))
	arrived := []time.Time{at}
	for range 600 {
		at = at.Add(q.reserve(at).delay)
		arrived = append(arrived, at)
	}
	if n := most(arrived, time.Hour); n != 500 {
		t.Errorf("%d arrived in an hour, want 500", n)
	}
}

// TestFewWritesWaitForNothing holds the queue to being no burden: what one change needs on three branches goes out at once.
func TestFewWritesWaitForNothing(t *testing.T) {
	q := newQueue(80, 500)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 11 {
		want := time.Duration(0)
		if i == 10 {
			want = time.Second
		}
		if d := q.reserve(at).delay; d != want {
			t.Errorf("write %d waits %s, want %s", i+1, d, want)
		}
	}
}

// TestOrder lets writes come one after another while the first is under way: they go out one at a time, in this order, and one that is given
// up does not hold up the others.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var sent []string
		c, err := New(Options{Owner: "o", Name: "r", Token: testToken, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = append(sent, path.Base(r.URL.Path))
			<-release
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{}`))}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		results := make([]error, 4)
		givenUp, giveUp := context.WithCancel(t.Context())
		for i := range results {
			ctx := t.Context()
			if i == 2 {
				ctx = givenUp
			}
			go func() { results[i] = c.EditComment(ctx, int64(i), "x") }()
			synctest.Wait()
		}
		giveUp()
		synctest.Wait()
		close(release)
		synctest.Wait()
		if fmt.Sprint(sent) != "[0 1 3]" {
			t.Errorf("sent %v, want [0 1 3]", sent)
		}
		if got, want := fmt.Sprint(results), "[<nil> <nil> change comment 2: context canceled <nil>]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// TestAtOnce asks for 50 things at the same time: GitHub sees at most 16 of the requests, and all are answered.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var underWay, answered atomic.Int32
		c, err := New(Options{Owner: "o", Name: "r", Token: testToken, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			underWay.Add(1)
			defer underWay.Add(-1)
			<-release
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{}`))}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			go func() {
				if _, err := c.Pull(t.Context(), i); err == nil {
					answered.Add(1)
				}
			}()
		}
		synctest.Wait()
		if n := underWay.Load(); n != 16 {
			t.Errorf("%d at once, want 16", n)
		}
		close(release)
		synctest.Wait()
		if n := answered.Load(); n != 50 {
			t.Errorf("%d answered, want 50", n)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
