//go:build linux

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/faultproxy"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// TestKilledAtEveryKindOfWrite kills addon-manager the first time in each step that it is about to write an object of some kind, or has
// just written it. What it left half done is ended by its successor as it would have been.
func TestKilledAtEveryKindOfWrite(t *testing.T) {
	for _, landed := range []bool{false, true} {
		t.Run(map[bool]string{false: "before the write", true: "after the write"}[landed], func(t *testing.T) {
			w := begin(t)
			w.waves()
			w.must(w.Change(w.ctx, func(spec *v1alpha1.CatalogSourceSpec) {
				spec.Deletion.Grace = &metav1.Duration{Duration: 2 * time.Second}
			}))
			k := w.killed(landed)
			defer k.stop()
			tokyo, paris := w.identities("tokyo-1"), w.identities("paris-1")

			k.step("release")
			w.change(t.Name())
			w.arrives()
			w.unchanged("tokyo-1", tokyo)

			k.step("switch off")
			apps := w.await("tokyo-1", release["1.32"], usual...)
			w.label("tokyo-1", "pruned", "")
			w.label("tokyo-1", "kept", "")
			w.must(w.AwaitGone(w.ctx, apps["pruned"], false))
			w.must(w.AwaitGone(w.ctx, apps["kept"], true))
			w.await("tokyo-1", release["1.32"], slices.DeleteFunc(slices.Clone(usual), func(a string) bool { return a == "pruned" || a == "kept" })...)
			w.eventually(func() error {
				return contains("status", w.run("addon-manager", "status", "--cluster", "tokyo-1"), "kept on tokyo-1: left on the cluster since ")
			})

			k.step("give up")
			w.run("addon-manager", "decommission", "tokyo-1", "--mode=prune")
			w.givenUp("tokyo-1")
			w.unchanged("paris-1", paris)

			k.want(
				"release: patch applicationsets", "release: patch catalogsources/status", "release: patch clusteraddons/status",
				"switch off: patch applicationsets", "switch off: patch catalogsources/status", "switch off: patch clusteraddons/status", "switch off: delete applications",
				"give up: patch applicationsets", "give up: delete applications", "give up: delete applicationsets",
			)
		})
	}
}

// killer stands between addon-manager and the API server.
type killer struct {
	w     *world
	proxy *faultproxy.Proxy
	ended chan struct{}
	group sync.WaitGroup

	mu   sync.Mutex
	name string
	done map[string]bool
}

// killed lets addon-manager reach the API server only through a proxy that kills it, and starts it again each time, as kubelet would.
func (w *world) killed(landed bool) *killer {
	w.Helper()
	proxy, err := faultproxy.Start(w.Manager.Config)
	w.must(err)
	k := &killer{w: w, proxy: proxy, ended: make(chan struct{}), done: map[string]bool{}}
	proxy.Inject(faultproxy.Rule{Verb: "write", Fault: func(x *faultproxy.Exchange) {
		if !k.first(x.Verb + " " + x.Resource) {
			x.Pass()
			return
		}
		if landed {
			x.Forward()
		}
		w.Manager.Kill()
		x.Drop()
	}})
	w.restart(proxy.Config(), "--leader-elect=false") // A lease would only make the successor wait.
	k.group.Go(func() {
		for {
			select {
			case <-k.ended:
				return
			case <-w.Manager.Done():
				_ = w.Manager.Start(w.ctx) // killed again before it was ready: then once more
			}
		}
	})
	return k
}

// step begins to kill anew.
func (k *killer) step(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.name = name
}

// first tells whether this kind of write is seen for the first time in a step; before the first step none is.
func (k *killer) first(kind string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	kind = k.name + ": " + kind
	if k.name == "" || k.done[kind] {
		return false
	}
	k.done[kind] = true
	return true
}

// want fails when it was never killed at one of these.
func (k *killer) want(kinds ...string) {
	k.w.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, kind := range kinds {
		if !k.done[kind] {
			k.w.Errorf("never killed at %q; killed at %q", kind, slices.Sorted(maps.Keys(k.done)))
		}
	}
}

// stop lets addon-manager reach the API server as ever.
func (k *killer) stop() {
	close(k.ended)
	k.group.Wait()
	k.w.restart(k.w.Manager.Config)
	k.proxy.Close()
}

// TestTwoManagersAtOnce leaves the lease out, as a network that is torn can: they get into nobody's way but their own, deliver what one alone
// would, and together delete no more than the budget allows.
func TestTwoManagersAtOnce(t *testing.T) {
	w := begin(t)
	w.waves()
	w.restart(w.Manager.Config, "--leader-elect=false")
	defer w.restart(w.Manager.Config)
	other, err := w.AnotherManager(w.ctx, sandbox.ManagerOptions{Args: []string{"--leader-elect=false"}})
	if other != nil {
		defer other.Kill()
	}
	w.must(err)
	tokyo, paris := w.identities("tokyo-1"), w.identities("paris-1")
	w.change("by two managers")
	w.arrives()
	w.unchanged("tokyo-1", tokyo)
	w.unchanged("paris-1", paris)

	w.must(w.Change(w.ctx, func(spec *v1alpha1.CatalogSourceSpec) { spec.Deletion.Budget.PerAddon = ptr.To(intstr.FromInt32(1)) }))
	apps := []sandbox.Application{w.await("tokyo-1", release["1.32"], usual...)["pruned"], w.await("paris-1", release["1.32"], usual...)["pruned"]}
	w.run("kubectl", "-n", sandbox.Namespace, "label", "secrets", "tokyo-1", "paris-1", "addons.kaas.dev/pruned-")
	hash := ""
	w.eventually(func() error {
		source, err := w.Catalog(w.ctx)
		if s := source.Status.Deletions; err == nil && (s == nil || s.Quarantine == nil || s.Quarantine.Count != 2) {
			return fmt.Errorf("deletions %+v, want 2 in quarantine", s)
		} else if err == nil {
			hash = s.Quarantine.Hash
		}
		return err
	})
	w.unchanged("tokyo-1", tokyo)
	w.unchanged("paris-1", paris)
	w.run("addon-manager", "approve", hash)
	for _, app := range apps {
		w.must(w.AwaitGone(w.ctx, app, false))
	}
}
