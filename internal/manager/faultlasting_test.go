package manager_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/testkit/fakeargo"
	"github.com/addon-manager/addon-manager/internal/testkit/faultproxy"
)

// trouble is a fault that lasts, while people go on: they enable an addon on one cluster, switch one off on a second, and leave the third
// alone.
type trouble struct {
	// spoil begins the fault and returns what ends it. It may stop the manager, and start one.
	spoil func(w *lasting) (heal func())
	// through tells that what people do arrives while the fault lasts.
	through bool
	// says waits until people can read what is wrong.
	says func(w *lasting) error
	// written is how often what is delivered to the third cluster may be written; it is to be left alone.
	written int
}

// lasting is a fault world with three clusters.
type lasting struct {
	*faultWorld
	stop func()
	// from is how much had been written when the fault began.
	from int
}

// mark says that the fault begins now.
func (w *lasting) mark() { w.from = len(w.proxy.Writes()) }

// restart ends the manager and begins another.
func (w *lasting) restart() {
	w.Helper()
	w.stop()
	w.stop = w.run()
}

// inject puts rules in force; what it returns takes them away again.
func (w *lasting) inject(rules ...faultproxy.Rule) (heal func()) {
	var injected []*faultproxy.Injected
	for _, r := range rules {
		injected = append(injected, w.proxy.Inject(r))
	}
	return func() {
		for _, i := range injected {
			i.Remove()
		}
	}
}

// lying breaks what a manager is told from its start on; it takes another one to forget.
func lying(rules ...faultproxy.Rule) func(w *lasting) (heal func()) {
	return func(w *lasting) func() {
		heal := w.inject(rules...)
		w.restart()
		return func() {
			heal()
			w.restart()
		}
	}
}

// breaking breaks what happens from now on.
func breaking(rules ...faultproxy.Rule) func(w *lasting) (heal func()) {
	return func(w *lasting) func() { return w.inject(rules...) }
}

// script lets Argo CD report this about every Application.
func script(o fakeargo.Outcome) func(w *lasting) (heal func()) {
	return func(w *lasting) func() {
		w.argo.SetScript(func(*argo.Application) fakeargo.Outcome { return o })
		return func() { w.argo.SetScript(nil) }
	}
}

// reads are the kinds that the manager keeps in memory.
const reads = "secrets applications applicationsets clusteraddons catalogsources"

// troubles, by name; the table of all faults refers to them.
var troubles = map[string]trouble{
	"lists fail":                      {spoil: lying(faultproxy.Rule{Verb: "list", Fault: faultproxy.Internal()})},
	"lists of secrets are empty":      {spoil: lying(faultproxy.Rule{Verb: "list", Resource: "secrets", Fault: faultproxy.Truncated(0)}), says: holding("c003", "ClusterGone")},
	"lists of applications are empty": {spoil: lying(faultproxy.Rule{Verb: "list", Resource: "applications", Fault: faultproxy.Truncated(0)})},
	"lists of sets are empty":         {spoil: lying(faultproxy.Rule{Verb: "list", Resource: "applicationsets", Fault: faultproxy.Truncated(0)})},
	"lists of reports are empty":      {spoil: lying(faultproxy.Rule{Verb: "list", Resource: "clusteraddons", Fault: faultproxy.Truncated(0)}), through: true},
	"lists of sources are empty":      {spoil: lying(faultproxy.Rule{Verb: "list", Resource: "catalogsources", Fault: faultproxy.Truncated(0)})},
	"all lists are empty":             {spoil: lying(faultproxy.Rule{Verb: "list", Fault: faultproxy.Truncated(0)})},
	"lists of secrets end early":      {spoil: lying(faultproxy.Rule{Verb: "list", Resource: "secrets", Fault: faultproxy.Truncated(1)}), says: holding("c003", "ClusterGone")},
	"lists of applications end early": {spoil: lying(faultproxy.Rule{Verb: "list", Resource: "applications", Fault: faultproxy.Truncated(2)})},
	"the second page has expired": {spoil: func(w *lasting) func() {
		for i := range 3 {
			w.must(w.client.Create(w.ctx, &argo.Application{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("foreign-%d", i), Namespace: w.namespace}, Spec: argo.ApplicationSpec{Project: "theirs", Source: &argo.ApplicationSource{RepoURL: "https://example.com/theirs"}}}))
		}
		return breaking(
			faultproxy.Rule{Verb: "list", Resource: "applications", If: func(q faultproxy.Request) bool { return q.Continued }, Fault: faultproxy.Expired()},
			faultproxy.Rule{Verb: "list", Resource: "applications", Fault: faultproxy.Paged(1)},
		)(w)
	}},
	"watches end each second": {spoil: lying(faultproxy.Rule{Verb: "watch", Fault: faultproxy.CutWatch(time.Second)}), through: true},
	"watches fall silent": {spoil: func(w *lasting) func() {
		var resume []func()
		for _, r := range strings.Fields(reads) {
			resume = append(resume, w.proxy.StallWatches(r))
		}
		return func() {
			for _, f := range resume {
				f()
			}
		}
	}},
	"watches bring bookmarks only": {spoil: lying(faultproxy.Rule{Verb: "watch", Fault: faultproxy.BookmarksOnly()})},
	"a list of secrets is old": {written: 4, spoil: func(w *lasting) func() {
		// When it was young, the third cluster did not have alpha.
		w.label("c003", "alpha", "")
		w.reaches("c003", lines(firstRelease, "beta", "gamma")...)
		w.restart()
		w.quiet()
		w.proxy.Freeze()
		w.label("c003", "alpha", "enabled")
		w.reaches("c003", lines(firstRelease, "alpha", "beta", "gamma")...)
		w.quiet()
		w.mark()
		resume := w.proxy.StallWatches("secrets")
		heal := w.inject(faultproxy.Rule{Verb: "list", Resource: "secrets", Fault: faultproxy.Stale()})
		w.restart()
		return func() { heal(); resume() }
	}},
	"the first write of each object conflicts": {through: true, spoil: func(w *lasting) func() {
		var seen sync.Map
		return breaking(faultproxy.Rule{Verb: "write", Fault: faultproxy.Conflict(), If: func(q faultproxy.Request) bool {
			_, again := seen.LoadOrStore(q.Resource+" "+q.Name, true)
			return !again
		}})(w)
	}},
	"every third write fails": {through: true, spoil: func(w *lasting) func() {
		var n atomic.Int64
		each := []faultproxy.Fault{faultproxy.Conflict(), faultproxy.TooManyRequests(1), faultproxy.Internal()}
		return breaking(faultproxy.Rule{Verb: "write", Calls: faultproxy.Every(3), Fault: func(x *faultproxy.Exchange) { each[n.Add(1)%3](x) }})(w)
	}},
	"admission denies sets": {spoil: breaking(faultproxy.Rule{Verb: "write", Resource: "applicationsets", Fault: faultproxy.Denied("not today")})},
	"reports are too large": {through: false, spoil: breaking(faultproxy.Rule{Verb: "write", Resource: "clusteraddons/status", Fault: faultproxy.TooLarge()})},
	"admission adds to our objects": {through: true, spoil: lying(faultproxy.Rule{Verb: "write", Resource: "applicationsets clusteraddons", Fault: faultproxy.EditWrite(func(o map[string]any) {
		if m, ok := o["metadata"].(map[string]any); ok {
			m["annotations"] = with(m["annotations"], "policy.example.com/seen", "yes")
			m["labels"] = with(m["labels"], "team", "platform")
		}
	})})},
	"the verb patch is taken away":  {spoil: breaking(faultproxy.Rule{Verb: "patch", Resource: "applicationsets", Fault: faultproxy.Forbidden()})},
	"the verb delete is taken away": {spoil: breaking(faultproxy.Rule{Verb: "delete", Resource: "applications", Fault: faultproxy.Forbidden()})},
	"the kind of reports is gone":   {spoil: breaking(faultproxy.Rule{Resource: "clusteraddons clusteraddons/status", Fault: faultproxy.Unknown()})},
	"reports lose a field": {through: true, spoil: lying(faultproxy.Rule{Verb: "patch", Resource: "clusteraddons/status", Fault: faultproxy.EditWrite(func(o map[string]any) {
		if s, ok := o["status"].(map[string]any); ok {
			delete(s, "displayName")
		}
	})})},
	"the namespace is terminating": {spoil: breaking(faultproxy.Rule{Verb: "patch", If: faultproxy.Request.Writes, Fault: faultproxy.Status(403, metav1.StatusReasonForbidden, "unable to create new content in namespace argocd because it is being terminated")})},
	"two managers at once":         {through: true, written: 1, spoil: func(w *lasting) func() { return w.run() }},
	"no cache folder": {spoil: func(w *lasting) func() {
		file := filepath.Join(w.TempDir(), "file")
		w.must(os.WriteFile(file, nil, 0o600))
		w.stop()
		w.stop = w.runWith(manager.Options{CacheDir: filepath.Join(file, "mirror")})
		return w.restart
	}, says: holding("c003", "SourceUnavailable")},
	"a status of a later version": {through: true, spoil: lying(faultproxy.Rule{Resource: reads, If: func(q faultproxy.Request) bool { return q.Verb == "get" || q.Verb == "list" }, Fault: faultproxy.EditAnswer(func(o map[string]any) {
		items, _ := o["items"].([]any)
		for _, i := range append(items, o) {
			if s, ok := i.(map[string]any)["status"].(map[string]any); ok {
				s["future"] = "read by a later version only"
			}
		}
	})})},
	"the ApplicationSet controller is down": {spoil: func(w *lasting) func() { w.argo.Sets.Stop(); return func() { w.must(w.argo.Sets.Start(w.ctx)) } }},
	"the application controller is down":    {spoil: func(w *lasting) func() { w.argo.Apps.Stop(); return func() { w.must(w.argo.Apps.Start(w.ctx)) } }},
	"Argo CD never reports":                 {spoil: script(fakeargo.Outcome{State: fakeargo.Silent})},
	"Argo CD reports the revision before":   {spoil: script(fakeargo.Outcome{State: fakeargo.Stale})},
	"the AppProject is gone":                {spoil: script(fakeargo.Outcome{State: fakeargo.Unreachable, Message: "Application referencing project addons which does not exist"}), says: telling("c003", "project addons which does not exist")},
	"a finalizer is stuck":                  {spoil: script(fakeargo.Outcome{Stuck: true})},
	"Applications are edited by hand": {through: true, spoil: func(w *lasting) func() {
		for name := range w.applications("c003") {
			w.eventually("edit "+name, func() error {
				app := w.application(name)
				app.Spec.Source.TargetRevision, app.Labels[argocd.LabelRelease] = "HEAD", "v1.31-ake.9"
				return w.client.Update(w.ctx, app)
			})
		}
		return func() {}
	}},
	"versions flap between minors": {through: true, written: 12, spoil: func(w *lasting) func() {
		for range 5 {
			for _, v := range []string{"v1.32.1", "v1.31.4"} {
				w.edit("c003", func(s *corev1.Secret) { s.Annotations["addons.kaas.dev/kubernetes-version"] = v })
			}
		}
		return func() {}
	}},
}

func with(m any, key, value string) map[string]any {
	all, ok := m.(map[string]any)
	if !ok {
		all = map[string]any{}
	}
	all[key] = value
	return all
}

// holding waits until a cluster tells a reason.
func holding(cluster, code string) func(w *lasting) error { return telling(cluster, code) }

// telling waits for a text in what is reported of a cluster.
func telling(cluster, text string) func(w *lasting) error {
	return func(w *lasting) error {
		report, err := w.report(cluster)
		if err == nil && !strings.Contains(fmt.Sprintf("%+v", report.Status), text) {
			err = fmt.Errorf("%s does not say %q: %+v", cluster, text, report.Status)
		}
		return err
	}
}

// TestLastingFaults goes through all troubles. Nothing is deleted but what was switched off, and in the end it is as if nothing had been.
func TestLastingFaults(t *testing.T) {
	for name, tc := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lastingFault(t, tc)
		})
	}
}

func lastingFault(t *testing.T, tc trouble) {
	w := &lasting{faultWorld: newFaultWorld(t)}
	start := scenario{start: []string{"alpha", "gamma"}, before: always(firstRelease, "alpha", "beta", "gamma")}
	w.stop = w.begin(start, "c001", "c002", "c003")
	defer func() { w.stop() }()
	w.mark()
	heal := tc.spoil(w)
	before := map[string]map[string]types.UID{"c001": w.uids("c001"), "c002": w.uids("c002", "alpha"), "c003": w.uids("c003")}

	w.label("c001", "param", "enabled")
	w.label("c002", "alpha", "")
	ends := func() {
		w.Helper()
		w.reaches("c001", lines(firstRelease, "alpha", "beta", "gamma", "param")...)
		w.reaches("c002", lines(firstRelease, "beta", "gamma")...)
		w.reaches("c003", lines(firstRelease, "alpha", "beta", "gamma")...)
	}
	if tc.through {
		ends()
	}
	if tc.says != nil {
		w.await("the reason is told", func() error { return tc.says(w) })
	}
	w.quiet()
	heal()
	ends()
	w.await("nothing is left of alpha on c002", func() error { return w.none("c002-alpha") })
	for cluster, but := range map[string][]string{"c001": {"param"}, "c002": {"alpha"}, "c003": nil} {
		if diff := cmp.Diff(before[cluster], w.uids(cluster, but...)); diff != "" {
			t.Errorf("%s: Applications that are wanted before and after (-before +after)\n%s", cluster, diff)
		}
	}
	var objects []string
	for name := range w.argo.Objects() {
		if strings.HasPrefix(name, "c00") {
			objects = append(objects, name)
		}
	}
	slices.Sort(objects)
	want := []string{"c001-alpha", "c001-beta", "c001-gamma", "c001-param", "c002-beta", "c002-gamma", "c003-alpha", "c003-beta", "c003-gamma"}
	if diff := cmp.Diff(want, objects); diff != "" {
		t.Errorf("Applications that have objects on their cluster (-want +got)\n%s", diff)
	}
	if n := w.decided("c003", w.from); n > tc.written {
		t.Errorf("what is delivered to the cluster that nobody touched was written %d times, want at most %d", n, tc.written)
	}
	for _, write := range w.proxy.Writes()[w.from:] {
		if write.Verb == "delete" && write.Code < 300 && write.Name != "c002-alpha" {
			t.Errorf("deleted: %v", write)
		}
	}
	w.restIsSilence(w.stop)
}

// TestLeaseLost ends a manager that cannot renew its lease; the next one goes on.
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	w := newFaultWorld(t)
	s := scenarios[1]
	o := manager.Options{LeaderElection: true, LeaseDuration: 3 * time.Second, Namespace: w.namespace, MetricsAddress: "0", ProbeAddress: "0", CacheDir: t.TempDir()}
	stop := w.begin(s, "c001")
	stop()
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	done := make(chan error, 1)
	o.Registry = prometheus.NewRegistry()
	go func() { done <- manager.Run(ctx, w.config, o) }()
	w.await("the manager leads", func() error {
		lease, err := w.leader()
		if err == nil && lease == "" {
			err = fmt.Errorf("nobody does")
		}
		return err
	})
	rule := w.proxy.Inject(faultproxy.Rule{Resource: "leases", Fault: faultproxy.Internal()})
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "leader election lost") {
			t.Errorf("the manager ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the manager goes on without a lease")
	}
	from := len(w.proxy.Writes())
	s.do(w, "c001", 1)
	w.quiet()
	if n := len(w.proxy.Writes()) - from; n > 0 {
		t.Errorf("%d writes by a manager that has ended", n)
	}
	rule.Remove()
	o.Registry = nil
	w.runWith(o)
	w.reaches("c001", s.want(1)...)
}

// leader is who holds the manager's lease and has renewed it: on a busy machine, the answer to the first write may come too late for the
// manager to believe it.
func (w *faultWorld) leader() (string, error) {
	lease := &unstructured.Unstructured{}
	lease.SetGroupVersionKind(schema.GroupVersionKind{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"})
	if err := w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: "addon-manager.addons.kaas.dev"}, lease); err != nil {
		return "", err
	}
	spec, _, err := unstructured.NestedMap(lease.Object, "spec")
	if err != nil || spec["renewTime"] == spec["acquireTime"] {
		return "", err
	}
	holder, _ := spec["holderIdentity"].(string)
	return holder, nil
}
