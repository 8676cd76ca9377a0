package manager_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addon-manager/addon-manager/internal/testkit/faultproxy"
)

// writeFaults are what can become of one write.
var writeFaults = []struct {
	name  string
	fault faultproxy.Fault
}{
	{"409", faultproxy.Conflict()},
	{"429", faultproxy.TooManyRequests(1)},
	{"500", faultproxy.Internal()},
	{"503", faultproxy.Unavailable()},
	{"413", faultproxy.TooLarge()},
	{"etcd refuses the size", faultproxy.EtcdTooLarge()},
	{"403", faultproxy.Forbidden()},
	{"admission denies", faultproxy.Denied("not today")},
	{"no connection", faultproxy.Drop()},
	{"500 after the write", faultproxy.Landed(faultproxy.Internal())},
	{"timeout after the write", faultproxy.Landed(faultproxy.Timeout())},
	{"answer lost", faultproxy.Landed(faultproxy.Drop())},
}

// injection is one fault at the n-th write about a cluster.
type injection struct {
	cluster, name string
	fault         faultproxy.Fault
	n             int
}

// injections are those of one scenario: in the long mode every fault at every write, otherwise every fault at one of the first three writes,
// which differs from scenario to scenario.
func injections(number int) (all []injection) {
	for i, f := range writeFaults {
		for n := 1; n <= 8; n++ {
			if long || n == 1+(i+number)%3 {
				all = append(all, injection{cluster: fmt.Sprintf("c%03d", len(all)+1), name: f.name, fault: f.fault, n: n})
			}
		}
	}
	return all
}

// TestFaultAtEveryWrite injects faults at single writes, each on a cluster of its own beside others on which nothing goes wrong, and
// wants every cluster to end where the one without a fault does.
func TestFaultAtEveryWrite(t *testing.T) {
	var injected, ran atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for number, s := range scenarios {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				injected.Add(int64(faultAtEveryWrite(t, s, injections(number))))
				ran.Add(1)
			})
		}
	})
	if n := injected.Load(); n < 100 && ran.Load() == int64(len(scenarios)) {
		t.Errorf("%d faults were injected, want at least 100", n)
	} else {
		t.Logf("%d faults were injected", n)
	}
}

const reference = "c000"

func faultAtEveryWrite(t *testing.T, s scenario, all []injection) (hits int) {
	w := newFaultWorld(t)
	clusters := []string{reference}
	for _, i := range all {
		clusters = append(clusters, i.cluster)
	}
	stop := w.begin(s, clusters...)
	before := map[string]map[string]types.UID{}
	for _, c := range clusters {
		before[c] = w.uids(c, s.leaves(1)...)
	}
	from := len(w.proxy.Writes())
	var rules []*faultproxy.Injected
	for _, i := range all {
		rules = append(rules, w.proxy.Inject(faultproxy.Rule{Verb: "write", If: belongs(i.cluster), Calls: faultproxy.Nth(i.n), Fault: i.fault}))
	}
	if s.fleet {
		s.do(w, "", 1)
	} else {
		for _, c := range clusters {
			s.do(w, c, 1)
		}
	}
	w.reaches(reference, s.want(1)...)
	w.quiet()
	limit := time.Now().Add(patience)
	for n, i := range all {
		if err := w.same(reference, i.cluster, limit); err != nil {
			t.Errorf("%s at write %d: %v", i.name, i.n, err)
		}
		after := w.uids(i.cluster, s.leaves(1)...)
		if diff := remade(before[i.cluster], after); diff != "" {
			t.Errorf("%s at write %d: %s", i.name, i.n, diff)
		}
		if most, writes := w.decided(reference, from)+2, w.decided(i.cluster, from); writes > most {
			t.Errorf("%s at write %d: %d writes deliver something, want at most %d", i.name, i.n, writes, most)
		}
		hits += min(1, rules[n].Hits())
	}
	w.restIsSilence(stop)
	return hits
}

// remade tells which Applications were deleted or made anew; those that came are no matter.
func remade(before, after map[string]types.UID) string {
	still := map[string]types.UID{}
	for name := range before {
		if uid, ok := after[name]; ok {
			still[name] = uid
		}
	}
	if diff := cmp.Diff(before, still); diff != "" {
		return "Applications that are wanted before and after (-before +after)\n" + diff
	}
	return ""
}

// restIsSilence wants nothing more to be written: not now, and not by a manager that starts anew.
func (w *faultWorld) restIsSilence(stop func()) {
	w.Helper()
	w.quiet()
	stop()
	from := len(w.proxy.Writes())
	stop = w.run()
	w.await("the new manager has looked at every cluster", func() error {
		if n := w.gauge("addon_manager_clusters"); n == 0 {
			return fmt.Errorf("%v clusters", n)
		}
		return nil
	})
	w.quiet()
	stop()
	for _, write := range w.proxy.Writes()[from:] {
		w.Errorf("written by a manager that has nothing to do: %v, before\n%s\nnow\n%s", write, w.lastWrite(from, write.Resource, write.Name), write.Body)
	}
}

// gone waits until nothing is left of what a scenario takes away, unless it comes back.
func (w *faultWorld) gone(s scenario, cluster string, round int) {
	w.Helper()
	var names []string
	for _, addon := range s.leaves(round) {
		if !slices.ContainsFunc(s.want(round), func(line string) bool { return strings.HasPrefix(line, addon+" ") }) {
			names = append(names, cluster+"-"+addon)
		}
	}
	w.await("what leaves is gone", func() error { return w.none(names...) })
}

// lastWrite is what was last sent to an object before the n-th write.
func (w *faultWorld) lastWrite(n int, resource, name string) string {
	for _, write := range slices.Backward(w.proxy.Writes()[:n]) {
		if write.Resource == resource && write.Name == name {
			return string(write.Body)
		}
	}
	return "nothing"
}

// TestKilledAtEveryWrite ends the manager before and after each write of each scenario; the next one brings it to the same end.
func TestKilledAtEveryWrite(t *testing.T) {
	var killed atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for number, s := range scenarios {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				killed.Add(int64(killedAtEveryWrite(t, s, number)))
			})
		}
	})
	t.Logf("killed %d times", killed.Load())
}

func killedAtEveryWrite(t *testing.T, s scenario, number int) (kills int) {
	w := newFaultWorld(t)
	stop := w.begin(s, reference)
	if !s.fleet {
		s.do(w, reference, 1)
		w.reaches(reference, s.want(1)...)
	}
	rounds := drops - 1
	if !long {
		rounds = 4
	}
	for round := 1; round <= rounds; round++ {
		// Long: before write 1, in it, before write 2 … Otherwise the first two writes, and one later.
		n, landed := (round+1)/2, round%2 == 0
		if !long && round == rounds {
			n, landed = 3+number%2, true
		}
		cluster, epoch := reference, round
		if !s.fleet {
			cluster, epoch = fmt.Sprintf("k%03d", round), 1
			w.enter(s, cluster)
		}
		w.quiet()
		before := w.uids(cluster, s.leaves(epoch)...)
		w.proxy.KillAt(n, landed)
		s.do(w, cluster, epoch)
		select {
		case <-w.proxy.Severed():
			kills++
		case <-time.After(4 * time.Second): // There are fewer writes than that.
		}
		stop()
		w.proxy.Restore()
		stop = w.run()
		w.reaches(cluster, s.want(epoch)...)
		w.gone(s, cluster, epoch)
		if !s.fleet {
			if err := w.same(reference, cluster, time.Now().Add(patience)); err != nil {
				t.Errorf("killed at write %d, done %v: %v", n, landed, err)
			}
		}
		if diff := remade(before, w.uids(cluster, s.leaves(epoch)...)); diff != "" {
			t.Errorf("killed at write %d, done %v: %s", n, landed, diff)
		}
	}
	w.restIsSilence(stop)
	return kills
}
