package serve

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// firstBackoff is the wait after the first failure; it doubles with each further one, up to the interval.
const firstBackoff = 15 * time.Second

// echo is when a pass that an event asked for is followed by another: GitHub's lists may lag behind its events.
const echo = time.Minute

// loop runs one pass after the other: at most one at a time, and at most one that waits.
type loop struct {
	reconcile               func(ctx context.Context, stop <-chan struct{}) error
	interval, settle, grace time.Duration
	jitter                  func(time.Duration) time.Duration
	log                     func(message string, pairs ...any)
	metrics                 *metrics
	// wanted holds one token when somebody asked for a pass since the last one began.
	wanted chan struct{}
	// passed tells that a pass has ended, well or not; stopping that the program is to end.
	passed, stopping atomic.Bool
	// refusals bounds how often the log hears of what strangers can cause.
	refusals rate.Sometimes
}

func newLoop(o Options, m *metrics) *loop {
	log := o.Log
	if log == nil {
		log = func(string, ...any) {}
	}
	return &loop{
		reconcile: o.Reconcile, jitter: jitter, log: log, metrics: m,
		interval: cmp.Or(o.Interval, DefaultInterval), settle: cmp.Or(o.Settle, DefaultSettle), grace: cmp.Or(o.Grace, DefaultGrace),
		wanted: make(chan struct{}, 1), refusals: rate.Sometimes{First: 10, Interval: 10 * time.Second},
	}
}

// want asks for a pass that begins after now. It never waits.
func (l *loop) want() {
	select {
	case l.wanted <- struct{}{}:
	default: // One is asked for already, and has not begun.
	}
}

// run ends when ctx does and the running pass, if any, has ended.
func (l *loop) run(ctx context.Context) {
	pause := l.interval
	for failures := 0; ; {
		select {
		case <-l.wanted: // What was asked for until now, this pass sees.
		default:
		}
		if err := l.pass(ctx); err == nil {
			failures = 0
		} else {
			failures++
			// Events do not shorten this: what failed is likely to fail again, and GitHub takes badly to those who ask on.
			if !sleep(ctx, l.jitter(min(firstBackoff<<min(failures-1, 10), l.interval))) {
				return
			}
			continue
		}
		asked, more := l.wait(ctx, pause)
		if !more {
			return
		}
		pause = l.interval
		if asked {
			pause = min(echo, l.interval)
		}
	}
}

// wait waits for the next pass to be due, at the latest after pause. Asked tells that somebody asked for it; more is false when there is none.
func (l *loop) wait(ctx context.Context, pause time.Duration) (asked, more bool) {
	timer := time.NewTimer(l.jitter(pause))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, false
	case <-timer.C:
		return false, ctx.Err() == nil
	case <-l.wanted:
		return true, sleep(ctx, l.settle)
	}
}

// pass runs the reconcile once.
func (l *loop) pass(ctx context.Context) error {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	// When the program is to end, the pass is told so, and cut off a while later.
	stop := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		close(stop)
		if sleep(hard, l.grace) {
			l.log("the pass did not end in time, and is cut off; the next one goes on where it was", "after", l.grace)
			cancel()
		}
	})()
	began := time.Now()
	err := l.reconcile(hard, stop)
	l.passed.Store(true)
	if ctx.Err() != nil {
		// Whether it ended early or well: it says nothing about the repository.
		return ctx.Err()
	}
	l.metrics.pass(time.Since(began), err)
	if err != nil {
		l.log("the pass failed", "error", err)
	}
	return err
}

// sleep waits, unless ctx ends before: then it is false.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// jitter is d, up to a tenth less: so that bots that were started together do not ask together.
func jitter(d time.Duration) time.Duration {
	return d - rand.N(d/10+1)
}
