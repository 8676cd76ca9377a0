package manager_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/addon-manager/addon-manager/internal/testkit/faultproxy"
)

// long is set when every fault is to be injected at every call, which takes many minutes; without it a sample is.
var long = os.Getenv("ADDON_MANAGER_LONG_TESTS") != ""

// faultWorld is a world whose manager reaches the API server through a proxy. The test itself and Argo CD go past it.
type faultWorld struct {
	*world
	proxy *faultproxy.Proxy
}

// running bounds how many fault worlds there are at once: each has many clusters, and needs more of the machine than other tests.
var running = make(chan struct{}, 6)

func newFaultWorld(t *testing.T) *faultWorld {
	t.Helper()
	running <- struct{}{}
	t.Cleanup(func() { <-running })
	w := &faultWorld{world: newWorld(t)}
	w.through()
	return w
}

// through puts a proxy in front of the API server.
func (w *faultWorld) through() {
	w.Helper()
	p, err := faultproxy.Start(w.plane.Config)
	w.must(err)
	w.Cleanup(p.Close)
	w.proxy, w.config = p, p.Config()
}

// drops is how many addons a catalog can lose, one with each release.
var drops = map[bool]int{false: 5, true: 17}[long]

// faultCatalog is the catalog of the n-th release. It offers alpha, which prunes, beta, which is on everywhere, gamma, which retains,
// param, which depends on a label, and delta01, delta02 …, of which each release drops one where the scenario asks for it.
func faultCatalog(n int, dropping bool) map[string]string {
	names := []string{"alpha", "beta enabled: always", "gamma onDisable: retain", "param parameters: [{name: region, from: {label: topology.kubernetes.io/region}, default: local}]"}
	for d := 1; d <= drops; d++ {
		if !dropping || d >= n {
			names = append(names, deltaName(d))
		}
	}
	files := catalogOf(names...)
	files["addons/param/config.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: addon-parameters}\ndata: {region: unknown}\n"
	files["addons/param/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [config.yaml]\n"
	files["addons/alpha/config.yaml"] += fmt.Sprintf("data: {release: \"%d\"}\n", n)
	return files
}

// scenario is something that people do, with where it begins and ends. A fleet scenario happens to every cluster at once, each round
// with a release of its own; the others to one cluster at a time.
type scenario struct {
	name string
	// start are the addons that are switched on before; nil when the cluster does not exist yet.
	start []string
	// fleet is set when do is about all clusters.
	fleet, dropping bool
	do              func(w *faultWorld, cluster string, round int)
	// before and want are what `kubectl get ca` shows, given the round.
	before, want func(round int) []string
	// leaves are the addons whose Applications go.
	leaves func(round int) []string
	// kept are the addons whose objects stay although they leave.
	kept []string
}

func lines(release string, addons ...string) []string {
	var all []string
	for _, a := range addons {
		all = append(all, a+" keep "+release+" ready")
	}
	slices.Sort(all)
	return all
}

// always are lines that are the same in each round.
func always(release string, addons ...string) func(int) []string {
	return func(int) []string { return lines(release, addons...) }
}

func nothing(int) []string { return nil }

const firstRelease = "v1.31-ake.1"

func releaseOf(n int) string { return fmt.Sprintf("v1.31-ake.%d", n) }

// scenarios are short: their point is that a fault hits each of their calls.
var scenarios = []scenario{
	{
		name: "create", before: nothing, leaves: nothing, want: always(firstRelease, "alpha", "beta"),
		do: func(w *faultWorld, cluster string, _ int) {
			w.cluster(cluster, "v1.31.4", map[string]string{"alpha": "enabled"})
		},
	},
	{
		name: "enable", start: []string{"gamma"}, before: always(firstRelease, "beta", "gamma"), leaves: nothing, want: always(firstRelease, "alpha", "beta", "gamma"),
		do: func(w *faultWorld, cluster string, _ int) { w.label(cluster, "alpha", "enabled") },
	},
	{
		name: "disable and prune", start: []string{"alpha"}, before: always(firstRelease, "alpha", "beta"), want: always(firstRelease, "beta"),
		leaves: func(int) []string { return []string{"alpha"} },
		do:     func(w *faultWorld, cluster string, _ int) { w.label(cluster, "alpha", "") },
	},
	{
		name: "disable and retain", start: []string{"gamma"}, before: always(firstRelease, "beta", "gamma"), want: always(firstRelease, "beta"),
		leaves: func(int) []string { return []string{"gamma"} }, kept: []string{"gamma"},
		do: func(w *faultWorld, cluster string, _ int) { w.label(cluster, "gamma", "disabled") },
	},
	{
		name: "off and on again", start: []string{"alpha"}, before: always(firstRelease, "alpha", "beta"), want: always(firstRelease, "alpha", "beta"),
		leaves: func(int) []string { return []string{"alpha"} }, // It may have been quicker than the one who switches.
		do: func(w *faultWorld, cluster string, _ int) {
			w.label(cluster, "alpha", "")
			w.label(cluster, "alpha", "enabled")
		},
	},
	{
		name: "upgrade Kubernetes", start: []string{"alpha"}, before: always(firstRelease, "alpha", "beta"), leaves: nothing, want: always("v1.32-ake.1", "alpha", "beta"),
		do: func(w *faultWorld, cluster string, _ int) {
			w.edit(cluster, func(s *corev1.Secret) { s.Annotations["addons.kaas.dev/kubernetes-version"] = "v1.32.1" })
		},
	},
	{
		name: "change a parameter", start: []string{"param"}, before: always(firstRelease, "beta", "param"), leaves: nothing, want: always(firstRelease, "beta", "param"),
		do: func(w *faultWorld, cluster string, _ int) {
			w.edit(cluster, func(s *corev1.Secret) { s.Labels["topology.kubernetes.io/region"] = "tokyo" })
		},
	},
	{
		name: "a new release", start: []string{"alpha"}, fleet: true, leaves: nothing,
		before: func(round int) []string { return lines(releaseOf(round), "alpha", "beta") },
		want:   func(round int) []string { return lines(releaseOf(round+1), "alpha", "beta") },
		do: func(w *faultWorld, _ string, round int) {
			w.release("1.31", releaseOf(round+1), faultCatalog(round+1, false))
		},
	},
	{
		name: "a catalog drops an addon", start: deltas(1), fleet: true, dropping: true,
		before: func(round int) []string {
			return lines(releaseOf(round), append([]string{"beta"}, deltas(round)...)...)
		},
		want: func(round int) []string {
			return lines(releaseOf(round+1), append([]string{"beta"}, deltas(round+1)...)...)
		},
		leaves: func(round int) []string { return []string{deltaName(round)} },
		do: func(w *faultWorld, _ string, round int) {
			w.release("1.31", releaseOf(round+1), faultCatalog(round+1, true))
		},
	},
}

func deltaName(d int) string { return fmt.Sprintf("delta%02d", d) }

func deltas(from int) (names []string) {
	for d := from; d <= drops; d++ {
		names = append(names, deltaName(d))
	}
	return names
}

// begin makes the repository and the clusters of a scenario, starts a manager and waits until everything is where the scenario begins.
func (w *faultWorld) begin(s scenario, clusters ...string) (stop func()) {
	w.Helper()
	w.release("1.31", firstRelease, faultCatalog(1, s.dropping))
	w.world.release("1.32", "v1.32-ake.1", faultCatalog(1, s.dropping))
	w.source()
	stop = w.run()
	w.enter(s, clusters...)
	return stop
}

// enter makes clusters and waits until they are where the scenario begins.
func (w *faultWorld) enter(s scenario, clusters ...string) {
	w.Helper()
	if s.start == nil {
		return
	}
	labels := map[string]string{}
	for _, addon := range s.start {
		labels[addon] = "enabled"
	}
	for _, c := range clusters {
		w.cluster(c, "v1.31.4", labels)
	}
	for _, c := range clusters {
		w.reaches(c, s.before(1)...)
	}
	w.quiet()
}

// patience is for fleets on a busy machine; it only says when to give up.
const patience = 3 * time.Minute

// await is eventually, with more patience.
func (w *faultWorld) await(what string, condition func() error) {
	w.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if last = condition(); last == nil {
			return
		}
	}
	w.Fatalf("%s: %v", what, last)
}

// reaches waits until a cluster's addons are exactly these, written as lines are.
func (w *faultWorld) reaches(cluster string, want ...string) {
	w.Helper()
	w.await("cluster "+cluster, func() error {
		report, err := w.report(cluster)
		if err != nil {
			return err
		}
		var got []string
		for _, a := range report.Status.Addons {
			got = append(got, a.Name+" "+a.Action+" "+a.Delivered+strings.Repeat(" ready", strings.Count(fmt.Sprint(a.Healthy), "true")))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("(-want +got)\n%s\nhold: %s", diff, report.Status.Hold)
		}
		return nil
	})
}

// quiet waits until the manager has written nothing for a while: reports about one cluster come once a second at most.
func (w *faultWorld) quiet() {
	w.Helper()
	last, since := len(w.proxy.Writes()), time.Now()
	for time.Since(since) < 1300*time.Millisecond {
		time.Sleep(20 * time.Millisecond)
		if n := len(w.proxy.Writes()); n != last {
			last, since = n, time.Now()
		}
	}
}

// belongs tells whether a request is about one cluster's objects.
func belongs(cluster string) func(faultproxy.Request) bool {
	return func(q faultproxy.Request) bool { return q.Name == cluster || strings.HasPrefix(q.Name, cluster+"-") }
}

// times are what differs between two runs that end the same.
var times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// state is everything that a cluster ended with, so that two clusters can be compared: without names, times and versions.
func (w *faultWorld) state(cluster string) string {
	w.Helper()
	all := map[string]any{}
	set := &argo.ApplicationSet{}
	switch err := w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: cluster}, set); {
	case err == nil:
		all["ApplicationSet"] = map[string]any{"labels": set.Labels, "annotations": set.Annotations, "finalizers": set.Finalizers, "spec": set.Spec}
	case !apierrors.IsNotFound(err):
		w.must(err)
	}
	for name, app := range w.applications(cluster) {
		all[name] = map[string]any{
			"labels": app.Labels, "annotations": app.Annotations, "finalizers": app.Finalizers, "spec": app.Spec, "deleted": app.DeletionTimestamp != nil,
			"sync": app.Status.Sync.Status, "revision": app.Status.Sync.Revision, "health": app.Status.Health.Status,
		}
	}
	if report, err := w.report(cluster); err == nil {
		all["ClusterAddons"] = map[string]any{"labels": report.Labels, "spec": report.Spec, "status": report.Status}
	} else if !apierrors.IsNotFound(err) {
		w.must(err)
	}
	for name, commit := range w.argo.Objects() {
		if strings.HasPrefix(name, cluster+"-") {
			all["objects of "+name] = commit
		}
	}
	raw, err := json.MarshalIndent(all, "", " ")
	w.must(err)
	return strings.ReplaceAll(times.ReplaceAllString(string(raw), "TIME"), cluster, "CLUSTER")
}

func (w *faultWorld) applications(cluster string) map[string]argo.Application {
	w.Helper()
	var list argo.ApplicationList
	w.must(w.client.List(w.ctx, &list, client.InNamespace(w.namespace)))
	all := map[string]argo.Application{}
	for _, app := range list.Items {
		if strings.HasPrefix(app.Name, cluster+"-") {
			all[app.Name] = app
		}
	}
	return all
}

// uids are the identities of a cluster's Applications, but of those addons.
func (w *faultWorld) uids(cluster string, but ...string) map[string]types.UID {
	w.Helper()
	all := map[string]types.UID{}
	for name, app := range w.applications(cluster) {
		if !slices.Contains(but, strings.TrimPrefix(name, cluster+"-")) {
			all[name] = app.UID
		}
	}
	return all
}

// same waits until a cluster is where the reference is.
func (w *faultWorld) same(reference, cluster string, limit time.Time) error {
	w.Helper()
	for {
		diff := cmp.Diff(w.state(reference), w.state(cluster))
		if diff == "" {
			return nil
		}
		if time.Now().After(limit) {
			return fmt.Errorf("it ended elsewhere than without the fault (-without +with)\n%s", diff)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// decided counts the writes of a cluster that deliver anything, as far as the API server took them; reports are not among them.
func (w *faultWorld) decided(cluster string, from int) (n int) {
	for _, write := range w.proxy.Writes()[from:] {
		if belongs(cluster)(write.Request) && write.Code < 300 && slices.Contains([]string{"applicationsets", "applications"}, write.Resource) {
			n++
		}
	}
	return n
}
