package manager_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/fakeargo"
)

// The fleet of the simulation: what its groups are, and how its clusters take the release.
const (
	fleetSize   = 200
	fleetSoak   = 2 * time.Second
	fleetExpire = 30 * time.Second
)

// groups of the fleet, in order, with how many clusters may be on the way at once.
var fleetGroups = []struct {
	name      string
	clusters  int
	atOnce    int
	mandatory bool
}{{"canary", 5, 2, true}, {"early", 50, 13, false}, {"rest", 145, 20, false}}

var fleetAddons = []string{"certs", "metrics", "net"}

// takes is how a cluster of the fleet takes the new release: 5 % cannot be reached, half of them only once they were moved, and 2 % fail.
func takes(cluster string) (how fakeargo.State, before bool) {
	switch cluster {
	case "c010", "c030", "c070", "c100", "c130":
		return fakeargo.Unreachable, true
	case "c020", "c060", "c090", "c120", "c199":
		return fakeargo.Unreachable, false
	case "c040", "c150":
		return fakeargo.Degraded, false
	case "c110":
		return fakeargo.Failed, false
	case "c006":
		return fakeargo.Progressing, false // It never gets ready, and is late.
	}
	return fakeargo.Healthy, false
}

func fleetName(i int) string { return fmt.Sprintf("c%03d", i) }

// fleetGroup is the index of a cluster's group.
func fleetGroup(cluster string) int {
	i, _ := strconv.Atoi(cluster[1:])
	for n, g := range fleetGroups {
		if i -= g.clusters; i < 0 {
			return n
		}
	}
	panic("no group has cluster " + cluster)
}

// A release goes through 200 clusters in waves: canaries first, wholly and after their soak, then the next groups, never more clusters at once
// than they allow. What cannot be reached and what fails is within what is tolerated: it is listed, and stops nobody. The manager is killed on
// the way. What was asserted is what the API server recorded, in its order.
func TestSimulatedRollout(t *testing.T) {
	w := newWorld(t)
	catalog := catalogOf("net enabled: always", "certs enabled: always, dependsOn: [net]", "metrics enabled: always")
	old := w.release("1.31", firstTag, catalog)
	w.source()
	for i := range fleetSize {
		name := fleetName(i)
		s := w.secret(name, nil)
		s.Annotations = map[string]string{"addons.kaas.dev/kubernetes-version": "v1.31.4"}
		s.Labels["wave"] = fleetGroups[fleetGroup(name)].name
		w.must(w.client.Create(w.ctx, s))
	}
	begun := time.Now()
	stop := w.run()
	w.within(5*time.Minute, "the fleet has the first release", func() error { return w.completed(firstTag, succeeded) })
	t.Logf("the first release is everywhere after %v", time.Since(begun).Round(time.Second))

	w.tune(func(spec *v1alpha1.CatalogSourceSpec) { spec.Rollout = fleetRollout() })
	script := func(app *argo.Application) fakeargo.Outcome {
		name, _ := argocd.ClusterOf(app.Labels, app.Annotations)
		how, before := takes(name)
		at := app.Spec.Source.TargetRevision != old
		switch {
		case how == fakeargo.Unreachable && (before || at):
			return fakeargo.Outcome{State: how}
		case how != fakeargo.Unreachable && at && strings.HasSuffix(app.Name, "-metrics"):
			return fakeargo.Outcome{State: how}
		}
		return fakeargo.Outcome{}
	}
	w.argo.SetScript(script)
	w.eventually("what cannot be reached before the release is known", func() error {
		if n := w.countClusters(func(a v1alpha1.AddonStatus) bool { return a.Sync == "Unknown" }); n != 5 {
			return fmt.Errorf("%d clusters", n)
		}
		return nil
	})
	h := w.record()
	begun = time.Now()
	catalog["addons/net/config.yaml"] += "data: {changed: \"yes\"}\n"
	commit := w.release("1.31", secondTag, catalog)
	w.within(2*time.Minute, "the second group is on its way", func() error {
		if n := h.admitted(secondTag, 1); n < 10 {
			return fmt.Errorf("%d clusters of it have the release", n)
		}
		return nil
	})
	stop()
	stop = w.run()
	w.within(8*time.Minute, "the rollout ends", func() error {
		return w.completed(secondTag, func(v1alpha1.RolloutGroupStatus) bool { return true })
	})
	t.Logf("the rollout took %v", time.Since(begun).Round(time.Second))
	want := []v1alpha1.RolloutGroupStatus{
		{Name: "canary", State: "Completed", Clusters: 5, Succeeded: 5},
		{Name: "early", State: "Completed", Clusters: 50, Succeeded: 45, Failed: 1, TimeOut: 1, Skip: 3, Late: []string{"c006", "c010", "c020", "c030", "c040"}},
		{Name: "rest", State: "Completed", Clusters: 145, Succeeded: 136, Failed: 2, Skip: 7, Late: []string{"c060", "c070", "c090", "c100", "c110", "c120", "c130", "c150", "c199"}},
	}
	rollouts := w.catalogSource().Status.Rollouts
	if d := gocmp.Diff([]v1alpha1.RolloutStatus{{Minor: "1.31", Release: secondTag, State: "Completed", Groups: want}}, rollouts); d != "" {
		t.Errorf("status.rollouts (-want +got):\n%s", d)
	}
	h.check(t, commit)

	// What was left out follows by itself once it answers.
	w.argo.SetScript(nil)
	w.within(2*time.Minute, "everybody has the release", func() error { return w.completed(secondTag, succeeded) })
	w.settled()
	stop()
	w.run()
	w.eventually("the new manager has looked at every cluster", func() error {
		if n := w.gauge("addon_manager_clusters"); n != fleetSize {
			return fmt.Errorf("%v clusters", n)
		}
		return nil
	})
	if n := w.settled(); n > 0 {
		t.Errorf("%v writes after a restart", n)
	}
}

func fleetRollout() *v1alpha1.Rollout {
	r := &v1alpha1.Rollout{Pace: fleetPace(2)}
	for i, g := range fleetGroups[:2] {
		r.Groups = append(r.Groups, v1alpha1.RolloutGroup{
			Name: g.name, Selector: metav1.LabelSelector{MatchLabels: map[string]string{"wave": g.name}}, Pace: fleetPace(i), Mandatory: g.mandatory,
		})
	}
	return r
}

func fleetPace(group int) v1alpha1.Pace {
	atOnce, failures := intstr.FromInt32(int32(fleetGroups[group].atOnce)), intstr.FromString("10%")
	return v1alpha1.Pace{MaxConcurrency: &atOnce, MaxFailures: &failures, MinSuccessTime: &metav1.Duration{Duration: fleetSoak}, ProgressDeadline: fleetExpire.String()}
}

// completed tells whether the rollout of a release has ended, with each of its groups as asked.
func (w *world) completed(release string, ok func(v1alpha1.RolloutGroupStatus) bool) error {
	rollouts := w.catalogSource().Status.Rollouts
	if len(rollouts) != 1 || rollouts[0].State != "Completed" || rollouts[0].Release != release {
		return fmt.Errorf("rollouts %+v", rollouts)
	}
	for _, g := range rollouts[0].Groups {
		if g.Clusters == 0 || !ok(g) {
			return fmt.Errorf("group %+v", g)
		}
	}
	return nil
}

func succeeded(g v1alpha1.RolloutGroupStatus) bool { return g.Succeeded == g.Clusters }

// countClusters counts those with an addon of which something is true.
func (w *world) countClusters(is func(v1alpha1.AddonStatus) bool) (n int) {
	w.Helper()
	var list v1alpha1.ClusterAddonsList
	w.must(w.client.List(w.ctx, &list, client.InNamespace(w.namespace)))
	for _, ca := range list.Items {
		if slices.ContainsFunc(ca.Status.Addons, is) {
			n++
		}
	}
	return n
}

// history is what was written to ApplicationSets, Applications and the CatalogSource.
type history struct {
	mu      sync.Mutex
	entries []entry
}

// entry is one write.
type entry struct {
	version uint64
	object  client.Object
	// gone is set when the object was removed.
	gone bool
}

// record begins a history: what exists first, then every write.
func (w *world) record() *history {
	w.Helper()
	h := &history{}
	c, err := client.NewWithWatch(w.plane.Config, client.Options{Scheme: w.client.Scheme()})
	w.must(err)
	for _, list := range []client.ObjectList{&argo.ApplicationSetList{}, &argo.ApplicationList{}, &v1alpha1.CatalogSourceList{}} {
		events, err := c.Watch(w.ctx, list, client.InNamespace(w.namespace))
		w.must(err)
		w.Cleanup(events.Stop)
		go func() {
			for e := range events.ResultChan() {
				if o, ok := e.Object.(client.Object); ok {
					h.add(entry{version: versionOf(o), object: o, gone: e.Type == watch.Deleted})
				}
			}
		}()
	}
	return h
}

// versionOf is the version of an object as a number: one API server counts all of its writes with one counter.
func versionOf(o client.Object) uint64 {
	n, err := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (h *history) add(e entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, e)
}

// sorted is the history in the order in which the API server took the writes.
func (h *history) sorted() []entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(slices.Values(h.entries), func(a, b entry) int { return cmp.Compare(a.version, b.version) })
}

// admitted counts the clusters of a group that were let to a release.
func (h *history) admitted(release string, group int) int {
	clusters := map[string]bool{}
	for _, e := range h.sorted() {
		if set, ok := e.object.(*argo.ApplicationSet); ok && set.Annotations[argocd.AnnotationAdmitted] == release && fleetGroup(set.Name) == group {
			clusters[set.Name] = true
		}
	}
	return len(clusters)
}

// replayed is the fleet as it was at one moment of its history, and what was wrong until then.
type replayed struct {
	commit  string
	release map[string]string
	since   map[string]time.Time
	apps    map[string]*argo.Application
	// admissions counts the clusters that were let to the release, most is how many of each group were on the way at once.
	admissions int
	most       []int
	wrong      []string
}

// replay holds every admission and every move against what had been written before it.
func replay(entries []entry, commit string) *replayed {
	r := &replayed{commit: commit, release: map[string]string{}, since: map[string]time.Time{}, apps: map[string]*argo.Application{}, most: make([]int, len(fleetGroups))}
	for _, e := range entries {
		switch o := e.object.(type) {
		case *argo.Application:
			r.moved(o)
			r.apps[o.Name] = o
		case *argo.ApplicationSet:
			r.written(o)
		}
	}
	return r
}

func (r *replayed) errorf(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

// written takes an ApplicationSet in, and checks that its cluster may be let to the release when it is.
func (r *replayed) written(set *argo.ApplicationSet) {
	name, release := set.Name, set.Annotations[argocd.AnnotationAdmitted]
	was, known := r.release[name]
	at, err := time.Parse(time.RFC3339, set.Annotations[argocd.AnnotationAdmittedAt])
	if err != nil {
		r.errorf("cluster %s was let to %q without a time: %v", name, release, err)
	}
	r.release[name], r.since[name] = release, at
	if !known || was == release {
		return
	}
	if was != firstTag || release != secondTag {
		r.errorf("cluster %s went from %s to %s", name, was, release)
	}
	r.admissions++
	group := fleetGroup(name)
	for i := range fleetSize {
		other := fleetName(i)
		if fleetGroup(other) >= group {
			break
		}
		if why := r.undone(other, at); why != "" {
			r.errorf("cluster %s of group %s overtakes %s of an earlier group, which %s", name, fleetGroups[group].name, other, why)
		}
	}
	onTheWay := r.onTheWay(group, at)
	r.most[group] = max(r.most[group], onTheWay)
	if limit := fleetGroups[group].atOnce; onTheWay > limit {
		r.errorf("cluster %s makes %d on the way in group %s, at most %d are allowed", name, onTheWay, fleetGroups[group].name, limit)
	}
}

// moved checks that an Application which goes to the release may: its cluster was let to it, and what it depends on is ready there.
func (r *replayed) moved(app *argo.Application) {
	before := r.apps[app.Name]
	if app.Spec.Source.TargetRevision != r.commit || before != nil && before.Spec.Source.TargetRevision == r.commit {
		return
	}
	cluster, _ := argocd.ClusterOf(app.Labels, app.Annotations)
	if before == nil || before.UID != app.UID {
		r.errorf("Application %s was made anew", app.Name)
	}
	if r.release[cluster] != secondTag {
		r.errorf("Application %s moves and its cluster was let to %s", app.Name, r.release[cluster])
	}
	if need := cluster + "-net"; strings.HasSuffix(app.Name, "-certs") && !r.ready(r.apps[need]) {
		r.errorf("Application %s moves before %s is ready at the release", app.Name, need)
	}
}

// plant makes the history another, as a faulty manager would have made it: what is moved is taken to have been written just before the first
// entry that fits.
func plant(entries []entry, moved, before func(entry) bool) []entry {
	i, j := slices.IndexFunc(entries, moved), slices.IndexFunc(entries, before)
	e := entries[i]
	rest := slices.Delete(slices.Clone(entries), i, i+1)
	if i < j {
		j--
	}
	return slices.Insert(rest, j, e)
}

// later is a history in which the canaries got ready an hour later than they did.
func later(entries []entry) []entry {
	entries = slices.Clone(entries)
	for i, e := range entries {
		app, ok := e.object.(*argo.Application)
		if !ok || app.Status.OperationState == nil || app.Status.OperationState.FinishedAt == nil {
			continue
		}
		if cluster, _ := argocd.ClusterOf(app.Labels, app.Annotations); fleetGroup(cluster) == 0 {
			app = app.DeepCopy()
			finished := metav1.NewTime(app.Status.OperationState.FinishedAt.Add(time.Hour))
			app.Status.OperationState.FinishedAt = &finished
			entries[i].object = app
		}
	}
	return entries
}

// ready tells whether Argo CD says that an Application is Synced and Healthy at exactly the release.
func (r *replayed) ready(app *argo.Application) bool {
	return app != nil && app.Spec.Source.TargetRevision == r.commit && app.Status.Sync.Revision == r.commit &&
		app.Status.Sync.Status == argo.SyncStatusCodeSynced && app.Status.Health.Status == "Healthy"
}

// undone says why a rollout is not through with a cluster at a time; "" when it is.
func (r *replayed) undone(cluster string, at time.Time) string {
	var since time.Time
	ready := true
	for _, addon := range fleetAddons {
		app := r.apps[cluster+"-"+addon]
		if app == nil {
			return "has no Application for " + addon
		}
		here := app.Status.Sync.Revision == r.commit
		operation := app.Status.OperationState
		if app.Status.Sync.Status == argo.SyncStatusCodeUnknown || here && app.Status.Health.Status == "Degraded" ||
			operation != nil && operation.Phase == "Failed" && operation.SyncResult.Revision == r.commit {
			return "" // It cannot be reached, or failed.
		}
		ready = ready && r.ready(app)
		if changed := app.Status.Health.LastTransitionTime; changed != nil && since.Before(changed.Time) {
			since = changed.Time
		}
		if operation != nil && operation.FinishedAt != nil && since.Before(operation.FinishedAt.Time) {
			since = operation.FinishedAt.Time
		}
	}
	switch {
	case r.release[cluster] != secondTag:
		return "still has " + r.release[cluster]
	case ready && !at.Before(since.Add(fleetSoak)):
		return ""
	case ready:
		return fmt.Sprintf("is ready since %v only", since.UTC())
	case !at.Before(r.since[cluster].Add(fleetExpire)):
		return "" // It is late.
	}
	return "is not ready yet"
}

// onTheWay counts the clusters of a group that were let to the release and are not through.
func (r *replayed) onTheWay(group int, at time.Time) (n int) {
	for i := range fleetSize {
		if name := fleetName(i); fleetGroup(name) == group && r.release[name] == secondTag && r.undone(name, at) != "" {
			n++
		}
	}
	return n
}

// check holds the history against what must always be so; and then, so that nobody trusts a check that sees nothing, histories of managers that
// are wrong in one thing each.
func (h *history) check(t *testing.T, commit string) {
	t.Helper()
	entries := h.sorted()
	r := replay(entries, commit)
	for _, wrong := range r.wrong {
		t.Error(wrong)
	}
	if r.admissions != fleetSize-5 { // Those that could not be reached before keep what they have.
		t.Errorf("%d clusters were let to the release", r.admissions)
	}
	t.Logf("most on the way at once: %v", r.most)
	for i, n := range r.most {
		if n < fleetGroups[i].atOnce/2 {
			t.Errorf("at most %d clusters of group %s were on the way at once: it could have been %d", n, fleetGroups[i].name, fleetGroups[i].atOnce)
		}
	}

	admitted := func(group int) func(entry) bool {
		return func(e entry) bool {
			set, ok := e.object.(*argo.ApplicationSet)
			return ok && fleetGroup(set.Name) == group && set.Annotations[argocd.AnnotationAdmitted] == secondTag
		}
	}
	moved := func(addon string) func(entry) bool {
		return func(e entry) bool {
			app, ok := e.object.(*argo.Application)
			return ok && strings.HasPrefix(app.Name, "c000-"+addon) && app.Spec.Source.TargetRevision == commit
		}
	}
	for name, planted := range map[string]struct {
		entries []entry
		says    string
	}{
		"a group overtakes":                         {plant(entries, admitted(1), admitted(0)), "overtakes"},
		"a gate that opens before the soak is over": {later(entries), "is ready since"},
		"a move without a permit":                   {plant(entries, moved("net"), admitted(0)), "its cluster was let to"},
		"a move before what it depends on":          {plant(entries, moved("certs"), moved("net")), "before c000-net is ready"},
		"nobody ever gets ready": {slices.DeleteFunc(slices.Clone(entries), func(e entry) bool {
			app, ok := e.object.(*argo.Application)
			return ok && app.Status.Sync.Revision == commit
		}), "at most 2 are allowed"},
	} {
		if !slices.ContainsFunc(replay(planted.entries, commit).wrong, func(s string) bool { return strings.Contains(s, planted.says) }) {
			t.Errorf("planted: %s. Nothing was found that says %q", name, planted.says)
		}
	}
}
