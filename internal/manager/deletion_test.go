package manager_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
)

// grace sets how long addons stay that were switched off.
func (w *world) grace(d time.Duration) {
	w.Helper()
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Deletion.Grace = &metav1.Duration{Duration: d} })
}

// limit sets how many pairs of an addon may go within an hour, and of the fleet.
func (w *world) limit(perAddon, fleet string) {
	w.Helper()
	a, b := intstr.Parse(perAddon), intstr.Parse(fleet)
	w.tune(func(s *v1alpha1.CatalogSourceSpec) {
		s.Deletion.Budget = v1alpha1.DeletionBudget{PerAddon: &a, Fleet: &b}
	})
}

// addon is what is reported of one addon of a cluster; zero when nothing is.
func (w *world) addon(cluster, addon string) (v1alpha1.AddonStatus, *v1alpha1.ClusterAddons) {
	w.Helper()
	ca, err := w.report(cluster)
	w.must(client.IgnoreNotFound(err))
	for _, a := range ca.Status.Addons {
		if a.Name == addon {
			return a, ca
		}
	}
	return v1alpha1.AddonStatus{}, ca
}

// wantReason waits until an addon has an action, for a reason.
func (w *world) wantReason(cluster, addon, action, code string) {
	w.Helper()
	w.eventually(cluster+"/"+addon, func() error {
		a, _ := w.addon(cluster, addon)
		if a.Action != action || !slices.ContainsFunc(a.Reasons, func(r v1alpha1.Reason) bool { return r.Code == code }) {
			return fmt.Errorf("want %s because of %s, got %s: %+v", action, code, a.Action, a.Reasons)
		}
		return nil
	})
}

// counts waits until a metric of the manager has a value.
func (w *world) counts(want float64, name string, labels ...string) {
	w.Helper()
	w.eventually(fmt.Sprintf("%s%v is %v", name, labels, want), func() error {
		if n := w.gauge(name, labels...); n != want {
			return fmt.Errorf("%v", n)
		}
		return nil
	})
}

// alive are the UIDs of the Applications that are there and not on their way out.
func (w *world) alive() map[string]types.UID {
	w.Helper()
	var list argo.ApplicationList
	w.must(w.client.List(w.ctx, &list, client.InNamespace(w.namespace)))
	all := map[string]types.UID{}
	for _, app := range list.Items {
		if app.DeletionTimestamp == nil {
			all[app.Name] = app.UID
		}
	}
	return all
}

// Switching an addon off starts a countdown that everybody sees; switching it on again ends it, and nothing happened. Once it is over, the
// addon goes.
func TestGrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta enabled: default", "gamma grace: 2s"))
	w.source()
	w.grace(time.Hour)
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled", "gamma": "enabled"})
	stop := w.run()
	ready := []string{"alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready", "gamma keep v1.31-ake.1 ready"}
	w.expect("tokyo-1", ready...)
	uids := w.alive()

	w.label("tokyo-1", "alpha", "")
	w.label("tokyo-1", "beta", "disabled")
	leaving := []string{"alpha disable v1.31-ake.1 ready", "beta disable v1.31-ake.1 ready", "gamma keep v1.31-ake.1 ready"}
	w.expect("tokyo-1", leaving...)
	alpha, ca := w.addon("tokyo-1", "alpha")
	if alpha.DisabledSince == nil || alpha.RemovalAt == nil || alpha.RemovalAt.Sub(alpha.DisabledSince.Time) != time.Hour || time.Since(alpha.DisabledSince.Time) > time.Minute {
		t.Errorf("disabled since %v, removed at %v", alpha.DisabledSince, alpha.RemovalAt)
	}
	beta, _ := w.addon("tokyo-1", "beta")
	if want := fmt.Sprintf("alpha until %s, beta until %s", alpha.RemovalAt.UTC().Format("15:04:05Z"), beta.RemovalAt.UTC().Format("15:04:05Z")); ca.Status.Leaving != want {
		t.Errorf("leaving %q, want %q", ca.Status.Leaving, want)
	}
	if ca.Status.Ready != "1/1" {
		t.Errorf("ready %s: what is leaving does not count", ca.Status.Ready)
	}
	w.counts(2, "addon_manager_pairs", "action", "disable")
	if app := w.application("tokyo-1-alpha"); argocd.Prunes(app) {
		t.Error("the finalizer is on before the grace is over")
	}

	// A restart does not begin it anew.
	w.settled()
	stop()
	stop = w.run()
	w.counts(2, "addon_manager_pairs", "action", "disable")
	if n := w.settled(); n > 0 {
		t.Errorf("%v writes after a restart in the countdown", n)
	}

	w.label("tokyo-1", "alpha", "enabled")
	w.label("tokyo-1", "beta", "")
	w.expect("tokyo-1", ready...)
	if a, ca := w.addon("tokyo-1", "alpha"); a.DisabledSince != nil || a.RemovalAt != nil || ca.Status.Leaving != "" || ca.Status.Ready != "3/3" {
		t.Errorf("after it was switched on again: %+v, leaving %q, ready %s", a, ca.Status.Leaving, ca.Status.Ready)
	}
	if d := cmp.Diff(uids, w.alive()); d != "" {
		t.Errorf("Applications (-before +after):\n%s", d)
	}

	// The catalog may say otherwise for an addon.
	w.label("tokyo-1", "gamma", "disabled")
	w.wantReason("tokyo-1", "gamma", "disable", "GracePeriod")
	w.expect("tokyo-1", ready[:2]...)
	if objects := w.argo.Objects(); objects["tokyo-1-gamma"] != "" || objects["tokyo-1-alpha"] == "" {
		t.Errorf("objects %v: gamma's should be pruned", objects)
	}
	if a := w.alive(); a["tokyo-1-alpha"] != uids["tokyo-1-alpha"] || len(a) != 2 {
		t.Errorf("Applications %v", a)
	}
	w.restsThroughRestart(stop)
}

// restsThroughRestart checks that nothing more is written, not even by a manager that starts anew.
func (w *world) restsThroughRestart(stop func()) {
	w.Helper()
	w.settled()
	stop()
	w.run()
	var list v1alpha1.ClusterAddonsList
	w.must(w.client.List(w.ctx, &list, client.InNamespace(w.namespace)))
	w.counts(float64(len(list.Items)), "addon_manager_clusters")
	if n := w.settled(); n > 0 {
		w.Errorf("%v writes after a restart", n)
	}
}

// released waits until exactly these addons are listed as released.
func (w *world) released(cluster string, want ...string) (list []v1alpha1.ReleasedAddon) {
	w.Helper()
	w.eventually("what was released on "+cluster, func() error {
		ca, err := w.report(cluster)
		if err != nil {
			return err
		}
		var got []string
		for _, r := range ca.Status.Released {
			got = append(got, r.Name+" "+r.Release+" "+r.Reason.Code)
		}
		if d := cmp.Diff(want, got); d != "" {
			return fmt.Errorf("-want +got\n%s", d)
		}
		list = ca.Status.Released
		return nil
	})
	return list
}

// objects waits until exactly these Applications have left objects, or still own them.
func (w *world) objects(want ...string) {
	w.Helper()
	w.eventually("objects on the clusters", func() error {
		if d := cmp.Diff(want, slices.Sorted(maps.Keys(w.argo.Objects()))); d != "" {
			return fmt.Errorf("-want +got\n%s", d)
		}
		return nil
	})
}

// What is retained stays on the cluster and is listed, until it is adopted or forgotten. The cluster's annotation decides over the catalog.
func TestRetainAdoptForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta", "gamma onDisable: retain"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled", "beta": "enabled", "gamma": "enabled"})
	stop := w.run()
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready", "gamma keep v1.31-ake.1 ready")
	w.edit("tokyo-1", func(s *corev1.Secret) { s.Annotations[cluster.OnDisableAnnotation] = "alpha=retain" })
	w.label("tokyo-1", "alpha", "disabled")
	w.label("tokyo-1", "beta", "disabled")
	w.label("tokyo-1", "gamma", "")
	w.expect("tokyo-1")
	list := w.released("tokyo-1", "alpha v1.31-ake.1 SwitchedOff", "gamma v1.31-ake.1 LabelRemoved")
	w.eventually("no Application is left", func() error { return w.none("tokyo-1-alpha", "tokyo-1-beta", "tokyo-1-gamma") })
	w.objects("tokyo-1-alpha", "tokyo-1-gamma")

	// An adopted addon is on although no label says so; a label that switches it off counts more.
	w.order("tokyo-1", func(s *v1alpha1.ClusterAddonsSpec) { s.Adopt = []string{"alpha", "gamma"} })
	w.expect("tokyo-1", "gamma keep v1.31-ake.1 ready")
	w.released("tokyo-1", "alpha v1.31-ake.1 SwitchedOff")

	// The order ends, and the addon leaves as any other; the new entry is not the one that somebody wants forgotten.
	w.order("tokyo-1", func(s *v1alpha1.ClusterAddonsSpec) {
		s.Adopt = nil
		s.Forget = []v1alpha1.Forget{{Addon: "alpha", Since: list[0].Since}, {Addon: "gamma", Since: metav1.NewTime(list[1].Since.Add(-time.Hour))}}
	})
	list = w.released("tokyo-1", "gamma v1.31-ake.1 LabelRemoved")
	w.eventually("gamma has left", func() error { return w.none("tokyo-1-gamma") })
	w.order("tokyo-1", func(s *v1alpha1.ClusterAddonsSpec) {
		s.Forget = []v1alpha1.Forget{{Addon: "gamma", Since: list[0].Since}}
	})
	w.released("tokyo-1")
	w.objects("tokyo-1-alpha", "tokyo-1-gamma")
	w.restsThroughRestart(stop)
}

// quarantine waits for one of so many deletions, other than the one that is known.
func (w *world) quarantine(count int, but string) *v1alpha1.Quarantine {
	w.Helper()
	var q *v1alpha1.Quarantine
	w.eventually("a quarantine", func() error {
		d := w.catalogSource().Status.Deletions
		if d == nil || d.Quarantine == nil || int(d.Quarantine.Count) != count || d.Quarantine.Hash == but {
			return fmt.Errorf("deletions %+v", d)
		}
		q = d.Quarantine
		return nil
	})
	return q
}

func (w *world) approve(hash string) {
	w.Helper()
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Deletion.Approved = append(s.Deletion.Approved, hash) })
}

// fleet makes clusters with alpha switched on and beta on everywhere, and waits until they have both.
func (w *world) fleet(n int) (names []string) {
	w.Helper()
	for i := range n {
		names = append(names, fleetName(i))
		w.cluster(names[i], "v1.31.4", map[string]string{"alpha": "enabled"})
	}
	return names
}

func (w *world) everywhere(names []string, want ...string) {
	w.Helper()
	for _, c := range names {
		w.expect(c, want...)
	}
}

// A label that is lost from many clusters deletes nothing: all of it is quarantined, until a person approves exactly that list.
func TestMassUnlabelling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta enabled: always"))
	w.source()
	w.limit("10%", "10%")
	names := w.fleet(10)
	stop := w.run()
	both := []string{"alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready"}
	w.everywhere(names, both...)
	w.settled()
	uids := w.alive()
	h := w.record()

	// While the manager is away, so that all are found at once.
	stop()
	for _, c := range names[:6] {
		w.label(c, "alpha", "")
	}
	stop = w.run()
	first := w.quarantine(6, "")
	var pairs []string
	for _, c := range names[:6] {
		pairs = append(pairs, c+"/alpha")
		w.wantReason(c, "alpha", "hold", "DeletionQuarantined")
	}
	if d := cmp.Diff(pairs, first.Pairs); d != "" {
		t.Errorf("pairs (-want +got):\n%s", d)
	}
	if !strings.Contains(first.Message, "at most 1 of its 10 pairs") || !strings.Contains(first.Message, "addon-manager approve "+first.Hash) {
		t.Errorf("message %q", first.Message)
	}
	w.counts(6, "addon_manager_deletions_quarantined")
	w.counts(6, "addon_manager_holds", "reason", "DeletionQuarantined")
	if _, ca := w.addon(names[0], "alpha"); ca.Status.Hold != "alpha: DeletionQuarantined" {
		t.Errorf("hold %q", ca.Status.Hold)
	}

	// A list that changed needs another approval, and that of the older list (o11) is none for it; so does one that nobody ever saw.
	w.label(names[6], "alpha", "disabled")
	second := w.quarantine(7, first.Hash)
	w.approve(first.Hash)
	w.approve("0123456789ab")
	w.settled()
	if d := cmp.Diff(uids, w.alive()); d != "" {
		t.Errorf("Applications (-before +after):\n%s", d)
	}
	if q := w.catalogSource().Status.Deletions.Quarantine; q == nil || q.Hash != second.Hash {
		t.Errorf("quarantine %+v, want still %s", q, second.Hash)
	}

	// What is switched on again is out of it, and then the list is the one that was approved.
	w.label(names[6], "alpha", "enabled")
	w.everywhere(names[:6], both[1])
	w.everywhere(names[6:], both...)
	w.counts(0, "addon_manager_deletions_quarantined")
	w.eventually("the approval is spent", func() error {
		if d := w.catalogSource().Status.Deletions; d == nil || len(d.Granted)+len(d.Spent) > 0 || d.Quarantine != nil || !slices.Equal(d.Used, []string{first.Hash}) {
			return fmt.Errorf("%+v", d)
		}
		return nil
	})
	for _, c := range names[:6] {
		delete(uids, c+"-alpha")
	}
	if d := cmp.Diff(uids, w.alive()); d != "" {
		t.Errorf("Applications (-before +after):\n%s", d)
	}
	if gone := h.grantedFirst(t); gone != 6 {
		t.Errorf("%d Applications went", gone)
	}

	// The same list, another day, is not approved by that.
	for _, c := range names[:6] {
		w.label(c, "alpha", "enabled")
	}
	w.everywhere(names, both...)
	stop()
	for _, c := range names[:6] {
		w.label(c, "alpha", "")
	}
	stop = w.run()
	w.quarantine(6, first.Hash)
	w.restsThroughRestart(stop)
	w.everywhere(names[6:], both...)
	if n := len(w.alive()); n != 20 {
		t.Errorf("%d Applications, want all 20", n)
	}
}

// What was deleted within the hour counts, also for a manager that begins anew.
func TestBudgetSurvivesRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta enabled: always"))
	w.source()
	w.limit("2", "100%")
	names := w.fleet(6)
	stop := w.run()
	w.everywhere(names, "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
	h := w.record()
	for i, c := range names[:2] {
		w.label(c, "alpha", "")
		w.expect(c, "beta keep v1.31-ake.1 ready")
		w.eventually("it is spent", func() error {
			n := 0
			if d := w.catalogSource().Status.Deletions; d != nil {
				for _, s := range d.Spent {
					n += int(s.Count)
				}
			}
			if n != i+1 {
				return fmt.Errorf("%d are", n)
			}
			return nil
		})
		stop()
		stop = w.run()
	}
	w.label(names[2], "alpha", "disabled")
	q := w.quarantine(1, "")
	w.wantReason(names[2], "alpha", "hold", "DeletionQuarantined")
	w.approve(q.Hash)
	w.expect(names[2], "beta keep v1.31-ake.1 ready")
	if gone := h.grantedFirst(t); gone != 3 {
		t.Errorf("%d Applications went", gone)
	}
	w.restsThroughRestart(stop)
}

// Two managers that work at once, which leader election prevents, delete no more than one may.
func TestBudgetOfTwoManagers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta enabled: always"))
	w.source()
	w.limit("3", "100%")
	names := w.fleet(12)
	stop := w.run()
	w.everywhere(names, "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
	first := w.registry
	stopSecond := w.run()
	second := w.registry
	w.counts(12, "addon_manager_clusters")
	h := w.record()
	for _, c := range names {
		w.label(c, "alpha", "")
	}
	both := func() float64 {
		n := 0.0
		for _, r := range []*prometheus.Registry{first, second} {
			w.registry = r
			n += w.writes()
		}
		return n
	}
	var q *v1alpha1.Quarantine
	w.eventually("what is beyond the budget waits", func() error {
		d := w.catalogSource().Status.Deletions
		if d == nil || d.Quarantine == nil || len(d.Granted) > 0 || len(w.alive())+len(names)-int(d.Quarantine.Count) != 24 {
			return fmt.Errorf("%d Applications, deletions %+v", len(w.alive()), d)
		}
		q = d.Quarantine
		return nil
	})
	last, since := both(), time.Now()
	w.within(time.Minute, "both managers rest", func() error {
		if n := both(); n != last {
			last, since = n, time.Now()
		}
		if time.Since(since) < 3*time.Second {
			return fmt.Errorf("they wrote %v times", last)
		}
		return nil
	})
	if gone := h.grantedFirst(t); gone != 12-int(q.Count) || gone > 3 {
		t.Errorf("%d Applications went, at most 3 may; %d wait", gone, q.Count)
	}
	w.approve(w.catalogSource().Status.Deletions.Quarantine.Hash)
	w.everywhere(names, "beta keep v1.31-ake.1 ready")
	stopSecond()
	w.registry = first
	w.restsThroughRestart(stop)
}

// grantedFirst checks that no Application went before the ledger said so.
func (h *history) grantedFirst(t *testing.T) (gone int) {
	t.Helper()
	granted, marked := map[string]bool{}, map[types.UID]bool{}
	for _, e := range h.sorted() {
		switch o := e.object.(type) {
		case *v1alpha1.CatalogSource:
			clear(granted)
			if d := o.Status.Deletions; d != nil {
				for _, g := range d.Granted {
					for _, c := range g.Clusters {
						granted[c+"-"+g.Addon] = true
					}
				}
			}
		case *argo.Application:
			if !e.gone && o.DeletionTimestamp == nil || marked[o.UID] {
				continue
			}
			marked[o.UID] = true
			gone++
			if !granted[o.Name] {
				t.Errorf("Application %s was deleted, and the ledger knew nothing of it", o.Name)
			}
		}
	}
	return gone
}
