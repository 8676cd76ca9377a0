package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// exactly is a jitter that changes nothing.
func exactly(d time.Duration) time.Duration { return d }

// enough ends a test whose loop does not end by itself: one that waits for nothing would go on for ever, because the bubble's time stands still.
func enough(t *testing.T, passes int) {
	t.Helper()
	if passes > 1000 {
		t.Fatal("the loop does not end, or does not wait")
	}
}

// TestPassesComeInTheirTime tells when passes begin. Time is that of the bubble: nothing sleeps really.
func TestPassesComeInTheirTime(t *testing.T) {
	type event struct {
		at     time.Duration
		events int
	}
	for name, tc := range map[string]struct {
		// took is how long each pass takes, fails which of them fail, from 1 on.
		took   time.Duration
		fails  map[int]bool
		events []event
		until  time.Duration
		want   []string
	}{
		"nothing happens: a pass at the start, then by the clock": {
			until: 31 * time.Minute,
			want:  []string{"0s pass 1", "10m0s pass 2", "20m0s pass 3", "30m0s pass 4"},
		},
		"events that come together are one pass, and a minute later another": {
			events: []event{{20 * time.Second, 40}, {21 * time.Second, 1}},
			until:  5 * time.Minute,
			want:   []string{"0s pass 1", "23s pass 2", "1m23s pass 3"},
		},
		"a pass waits for what comes along with an event": {
			events: []event{{20 * time.Second, 1}, {22 * time.Second, 1}},
			until:  30 * time.Second,
			want:   []string{"0s pass 1", "23s pass 2"},
		},
		"events during a pass are one pass after it": {
			took:   30 * time.Second,
			events: []event{{1 * time.Second, 5}, {10 * time.Second, 5}, {29 * time.Second, 5}},
			until:  70 * time.Second,
			want:   []string{"0s pass 1", "33s pass 2"},
		},
		"after a failure it waits longer and longer, up to the interval": {
			fails: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true},
			until: 47 * time.Minute,
			want: []string{
				"0s pass 1", "15s pass 2", "45s pass 3", "1m45s pass 4", "3m45s pass 5", "7m45s pass 6", "15m45s pass 7", "25m45s pass 8", "35m45s pass 9", "45m45s pass 10",
			},
		},
		"events do not hurry one that fails": {
			fails:  map[int]bool{1: true, 2: true, 3: true},
			events: []event{{1 * time.Second, 9}, {2 * time.Second, 9}, {14 * time.Second, 9}, {16 * time.Second, 9}, {40 * time.Second, 9}},
			until:  100 * time.Second,
			want:   []string{"0s pass 1", "15s pass 2", "45s pass 3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tc.until)
				defer cancel()
				began, passes := time.Now(), 0
				var got []string
				l := newLoop(Options{Reconcile: func(context.Context, <-chan struct{}) error {
					passes++
					enough(t, passes)
					got = append(got, fmt.Sprintf("%v pass %d", time.Since(began), passes))
					time.Sleep(tc.took)
					if tc.fails[passes] {
						return errors.New("out of order")
					}
					return nil
				}}, newMetrics(nil))
				l.jitter = exactly
				for _, e := range tc.events {
					go func() {
						time.Sleep(e.at)
						for range e.events {
							l.want()
						}
					}()
				}
				l.run(ctx)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("passes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestPassesNeverOverlap asks for passes all the time, from many sides.
func TestPassesNeverOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour-time.Second)
		defer cancel()
		var running, passes atomic.Int32
		l := newLoop(Options{Reconcile: func(context.Context, <-chan struct{}) error {
			if running.Add(1) > 1 {
				t.Error("two passes at once")
			}
			enough(t, int(passes.Load()))
			time.Sleep(7 * time.Second)
			running.Add(-1)
			passes.Add(1)
			return nil
		}}, newMetrics(nil))
		l.jitter = exactly
		var askers sync.WaitGroup
		for i := range 10 {
			askers.Go(func() {
				for ctx.Err() == nil {
					l.want()
					time.Sleep(time.Duration(100+i) * time.Millisecond)
				}
			})
		}
		l.run(ctx)
		askers.Wait()
		// 7 seconds each, and 3 to settle.
		if n := passes.Load(); n != 360 {
			t.Errorf("%d passes in an hour, want 360", n)
		}
	})
}

// TestStopping tells what becomes of a pass when the program is to end.
func TestStopping(t *testing.T) {
	for name, tc := range map[string]struct {
		reconcile func(ctx context.Context, stop <-chan struct{}) error
		want      time.Duration
		log       string
	}{
		"between passes at once": {
			reconcile: func(context.Context, <-chan struct{}) error { return nil },
			want:      time.Minute,
		},
		"a pass ends after the step that it is at": {
			reconcile: func(_ context.Context, stop <-chan struct{}) error {
				for range 100 {
					select {
					case <-stop:
						return errors.New("ended early")
					default:
						time.Sleep(7 * time.Second)
					}
				}
				return errors.New("was not told to end")
			},
			want: 63 * time.Second,
		},
		"a pass that does not listen is cut off": {
			reconcile: func(ctx context.Context, _ <-chan struct{}) error {
				<-ctx.Done()
				return ctx.Err()
			},
			want: 85 * time.Second,
			log:  "the pass did not end in time, and is cut off; the next one goes on where it was",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var log []string
				began := time.Now()
				passes := 0
				reconcile := func(ctx context.Context, stop <-chan struct{}) error {
					passes++
					enough(t, passes)
					return tc.reconcile(ctx, stop)
				}
				l := newLoop(Options{Reconcile: reconcile, Log: func(m string, _ ...any) { log = append(log, m) }}, newMetrics(nil))
				l.run(ctx)
				if got := time.Since(began); got != tc.want {
					t.Errorf("ended after %v, want %v", got, tc.want)
				}
				if got := strings.Join(log, "\n"); got != tc.log {
					t.Errorf("log %q, want %q", got, tc.log)
				}
			})
		})
	}
}

func TestJitterTakesATenthAtMost(t *testing.T) {
	for range 1000 {
		if d := jitter(time.Minute); d < 54*time.Second || d > time.Minute {
			t.Fatalf("a minute became %v", d)
		}
	}
	if d := jitter(0); d != 0 {
		t.Errorf("nothing became %v", d)
	}
}
