package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// fleet answers tries in the place of the network, under the clock of synctest.
type fleet struct {
	mu sync.Mutex
	// answers by cluster; a cluster without one never answers.
	answers map[string]func() (version.Kubernetes, *ProbeError)
	tries   map[string]int
	// running and most count the tries of one timeout.
	running, most map[time.Duration]int
	changed       []string
}

func (f *fleet) try(ctx context.Context, name string, q question) (reply, *ProbeError) {
	timeout := q.version
	f.mu.Lock()
	f.tries[name]++
	f.running[timeout]++
	f.most[timeout] = max(f.most[timeout], f.running[timeout])
	answer := f.answers[name]
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.running[timeout]--
	}()
	if answer != nil {
		v, err := answer()
		return reply{version: v}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	<-ctx.Done()
	return reply{}, dead
}

func (f *fleet) set(name string, v version.Kubernetes, err *ProbeError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[name] = func() (version.Kubernetes, *ProbeError) { return v, err }
}

func (f *fleet) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tries[name]
}

var (
	dead   = probeErrorf(CodeTimeout, "dead")
	denied = probeErrorf(CodeUnauthorized, "denied")
	v131   = version.Kubernetes{Minor: version.Minor{Major: 1, Minor: 31}, Patch: 4, Raw: "v1.31.4"}
	v132   = version.Kubernetes{Minor: version.Minor{Major: 1, Minor: 32}, Patch: 1, Raw: "v1.32.1"}
)

// start runs a prober until the test ends.
func start(t *testing.T, opts ProberOptions) (*Prober, *fleet) {
	f := &fleet{answers: map[string]func() (version.Kubernetes, *ProbeError){}, tries: map[string]int{}, running: map[time.Duration]int{}, most: map[time.Duration]int{}}
	opts.Changed = func(name string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.changed = append(f.changed, name)
	}
	p := NewProber(opts)
	p.try = f.try
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.Start(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return p, f
}

func watch(p *Prober, name string) Result {
	return p.Watch(Target{Name: name, Server: "https://" + name, Digest: "1"})
}

func TestDeadClustersDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := start(t, ProberOptions{})
		for i := range 100 {
			watch(p, fmt.Sprintf("dead-%03d", i))
		}
		f.set("good", v131, nil)
		watch(p, "good")

		time.Sleep(7 * time.Second) // Of synctest's clock: six rounds of 16 tries, 1 s each, and then the good one.
		synctest.Wait()
		if d := cmp.Diff([]string{"good"}, f.changed); d != "" {
			t.Errorf("answered or given up so far (-want +got):\n%s", d)
		}
		if got, _ := p.Cached("good"); got.Version != v131 {
			t.Errorf("good: %+v", got)
		}

		// The cluster is asked again in time, however many dead ones are tried.
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := f.count("good"); got < 30 || got > 38 {
			t.Errorf("the good cluster was asked %d times in an hour, want once every 96 to 120 seconds", got)
		}
		if d := cmp.Diff(map[time.Duration]int{time.Second: 16, 5 * time.Second: 4}, f.most); d != "" {
			t.Errorf("most tries at once, by timeout (-want +got):\n%s", d)
		}
		if got := f.count("dead-042"); got < 10 || got > 30 {
			t.Errorf("a dead cluster was asked %d times in an hour", got)
		}
		if got, _ := p.Cached("dead-042"); !cmp.Equal(got, Result{Err: dead}) {
			t.Errorf("a dead cluster: %+v", got)
		}
		if len(f.changed) != 101 {
			t.Errorf("%d changes were told, want one for each cluster", len(f.changed))
		}
	})
}

func TestADeadClusterIsAskedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := start(t, ProberOptions{})
		watch(p, "dead")
		var tries []int
		for range 4 {
			before := f.count("dead")
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			tries = append(tries, f.count("dead")-before)
		}
		// The waits are 10, 20, 40, 80, 160 and then 300 seconds, each up to a fifth shorter; the first try is the short one.
		if d := cmp.Diff([]int{8, 2, 2, 2}, tries); d != "" {
			t.Errorf("tries in each ten minutes (-want +got):\n%s", d)
		}
	})
}

func TestAnAnswerIsKeptAndMarkedStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := start(t, ProberOptions{TTL: time.Minute})
		f.set("a", v131, nil)
		if got := watch(p, "a"); !cmp.Equal(got, Result{}) {
			t.Errorf("before the first try: %+v", got)
		}
		synctest.Wait()
		first := time.Now()
		steps := []struct {
			name    string
			version version.Kubernetes
			err     *ProbeError
			want    Result
		}{
			{"fails", version.Kubernetes{}, denied, Result{Version: v131, At: first, Stale: true, Err: denied}},
			{"does not answer", version.Kubernetes{}, dead, Result{Version: v131, At: first, Stale: true, Err: dead}},
			{"is upgraded", v132, nil, Result{Version: v132}},
			{"is as before", v132, nil, Result{Version: v132}},
		}
		if got := watch(p, "a"); !cmp.Equal(got, Result{Version: v131, At: first}) {
			t.Errorf("first answer: %+v", got)
		}
		for _, step := range steps {
			f.set("a", step.version, step.err)
			time.Sleep(maxRetry)
			synctest.Wait()
			got := watch(p, "a")
			if step.want.At.IsZero() {
				if !got.At.After(first) {
					t.Errorf("%s: answered at %v, want later than %v", step.name, got.At, first)
				}
				got.At = time.Time{}
			}
			if d := cmp.Diff(step.want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, d)
			}
		}
		if d := cmp.Diff([]string{"a", "a", "a", "a"}, f.changed); d != "" {
			t.Errorf("changes told (-want +got):\n%s", d)
		}
	})
}

func TestAChangedSecretIsAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := start(t, ProberOptions{})
		f.set("a", v131, nil)
		a := Target{Name: "a", Server: "https://a", Digest: "1"}
		p.Watch(a)
		synctest.Wait()
		p.Watch(a)
		synctest.Wait()
		if got := f.count("a"); got != 1 {
			t.Errorf("an unchanged target was asked %d times, want once", got)
		}

		a.Digest = "2" // New credentials for the same cluster: what it told stays true.
		if got := p.Watch(a); got.Version != v131 {
			t.Errorf("after a rotation: %+v", got)
		}
		synctest.Wait()
		if got := f.count("a"); got != 2 {
			t.Errorf("after a rotation: asked %d times, want twice", got)
		}

		a.Server, a.Digest = "https://b", "3" // Another cluster.
		if got := p.Watch(a); !cmp.Equal(got, Result{}) {
			t.Errorf("after a move: %+v", got)
		}
		synctest.Wait()
		if got := p.Watch(a); got.Version != v131 || f.count("a") != 3 {
			t.Errorf("after a move: %+v, asked %d times", got, f.count("a"))
		}
	})
}

func TestAChangeDuringATryMakesItVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := start(t, ProberOptions{})
		a := Target{Name: "a", Server: "https://a", Digest: "1"}
		p.try = func(ctx context.Context, name string, q question) (reply, *ProbeError) {
			if f.count(name) > 0 {
				return f.try(ctx, name, q)
			}
			_, _ = f.try(ctx, name, q)
			return reply{version: v131}, nil // The old address answers after all, when nobody asks it any more.
		}
		p.Watch(a)
		synctest.Wait()
		f.set("a", v132, nil)
		a.Server, a.Digest = "https://b", "2"
		p.Watch(a)
		synctest.Wait()
		got, _ := p.Cached("a")
		got.At = time.Time{}
		if d := cmp.Diff(Result{Version: v132}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if got := f.count("a"); got != 2 {
			t.Errorf("asked %d times, want twice", got)
		}
	})
}

func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := start(t, ProberOptions{})
		watch(p, "hangs")
		f.set("waits", v131, nil)
		watch(p, "waits")
		synctest.Wait()
		p.Forget("hangs")
		p.Forget("waits")
		p.Forget("unknown")
		time.Sleep(time.Hour)
		synctest.Wait()
		for _, name := range []string{"hangs", "waits"} {
			if got, known := p.Cached(name); known || f.count(name) != 1 {
				t.Errorf("%s: %+v, known %t, asked %d times", name, got, known, f.count(name))
			}
		}
		if d := cmp.Diff([]string{"waits"}, f.changed); d != "" {
			t.Errorf("changes told (-want +got):\n%s", d)
		}
		f.set("hangs", v131, nil)
		watch(p, "hangs")
		synctest.Wait()
		if got, _ := p.Cached("hangs"); got.Version != v131 {
			t.Errorf("watched again: %+v", got)
		}
	})
}

// A cluster that needs longer than the short try of the live lane still answers, within the whole timeout.
func TestASlowClusterAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := start(t, ProberOptions{Concurrency: 1})
		p.try = func(ctx context.Context, name string, q question) (reply, *ProbeError) {
			if q.version < 3*time.Second {
				return f.try(ctx, name, q)
			}
			time.Sleep(3 * time.Second)
			return reply{version: v131}, nil
		}
		watch(p, "slow")
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if got, _ := p.Cached("slow"); got.Version != v131 || got.Err != nil {
			t.Errorf("%+v", got)
		}
	})
}

func TestASecretThatCannotBeRead(t *testing.T) {
	p := NewProber(ProberOptions{Fetch: func(context.Context, string) (map[string][]byte, error) {
		return nil, errors.New("the cache says hunter2")
	}})
	_, err := p.fetchAndAsk(t.Context(), "a", question{version: time.Second})
	if want := probeErrorf(CodeSecretUnreadable, "the cluster Secret cannot be read"); !cmp.Equal(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}
