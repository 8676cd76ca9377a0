package manager_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/fakeargo"
)

const (
	firstTag  = "v1.31-ake.1"
	secondTag = "v1.31-ake.2"
	thirdTag  = "v1.31-ake.3"
)

// ordered is a fleet of clusters c000, c001 … with alpha and beta at the first release.
func ordered(t *testing.T, clusters int, rollout *v1alpha1.Rollout) (w *world, names []string) {
	t.Helper()
	w = newWorld(t)
	w.release("1.31", firstTag, catalogOf("alpha", "beta enabled: always"))
	w.source()
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Rollout = rollout })
	return w, w.fleet(clusters)
}

// at is what a cluster reports of alpha and beta at a release.
func at(release string) []string {
	return []string{"alpha keep " + release + " ready", "beta keep " + release + " ready"}
}

// held is what it reports when both are held at a release.
func held(release string) []string {
	return []string{"alpha hold " + release + " ready", "beta hold " + release + " ready"}
}

// next tags a release in which alpha differs.
func (w *world) next(tag string) {
	w.Helper()
	files := catalogOf("alpha", "beta enabled: always")
	files["addons/alpha/config.yaml"] += fmt.Sprintf("data: {release: %q}\n", tag)
	w.release("1.31", tag, files)
}

// state waits until the rollout has a state.
func (w *world) state(release, state string) (r v1alpha1.RolloutStatus) {
	w.Helper()
	w.eventually("the rollout of "+release+" is "+state, func() error {
		for _, r = range w.catalogSource().Status.Rollouts {
			if r.Release == release && r.State == state {
				return nil
			}
		}
		return fmt.Errorf("rollouts %+v", w.catalogSource().Status.Rollouts)
	})
	return r
}

// kept checks that the Applications are the very ones from before.
func (w *world) kept(before map[string]types.UID) {
	w.Helper()
	if d := cmp.Diff(before, w.alive()); d != "" {
		w.Errorf("Applications (-before +after):\n%s", d)
	}
}

// A pin keeps a cluster, or one addon, where it is, and says why; one that has expired goes along with the next wave.
func TestPin(t *testing.T) {
	t.Parallel()
	w, names := ordered(t, 3, nil)
	stop := w.run()
	w.everywhere(names, at(firstTag)...)
	uids := w.alive()
	pin := v1alpha1.Pin{Release: firstTag, Reason: "the audit", Owner: "jan", Expires: metav1.NewTime(time.Now().Add(time.Hour))}
	of := pin
	of.Addon = "alpha"
	w.order(names[0], func(s *v1alpha1.ClusterAddonsSpec) { s.Pins = []v1alpha1.Pin{pin} })
	w.order(names[1], func(s *v1alpha1.ClusterAddonsSpec) { s.Pins = []v1alpha1.Pin{of} })
	w.next(secondTag)
	w.expect(names[0], held(firstTag)...)
	w.expect(names[1], "alpha hold "+firstTag+" ready", "beta keep "+secondTag+" ready")
	w.expect(names[2], at(secondTag)...)
	w.wantReason(names[0], "alpha", "hold", "Pinned")
	w.wantReason(names[1], "alpha", "hold", "Pinned")
	if r := w.state(secondTag, "Completed"); r.Groups[0].Exempt != 1 || r.Groups[0].Succeeded != 2 {
		t.Errorf("rollout %+v", r)
	}

	// Both expire.
	for i, p := range []v1alpha1.Pin{pin, of} {
		p.Expires = metav1.NewTime(time.Now().Add(-time.Minute))
		w.order(names[i], func(s *v1alpha1.ClusterAddonsSpec) { s.Pins = []v1alpha1.Pin{p} })
	}
	w.expect(names[0], at(secondTag)...)
	w.eventually("the pin that expired is a problem", func() error {
		if ca, err := w.report(names[0]); err != nil || !slices.ContainsFunc(ca.Status.Problems, func(r v1alpha1.Reason) bool { return r.Code == "PinExpired" }) {
			return fmt.Errorf("problems %+v, %v", ca.Status.Problems, err)
		}
		return nil
	})
	w.next(thirdTag)
	w.everywhere(names, at(thirdTag)...)

	// A pin can also bring a cluster back.
	pin.Release = secondTag
	w.order(names[0], func(s *v1alpha1.ClusterAddonsSpec) { s.Pins = []v1alpha1.Pin{pin} })
	w.expect(names[0], held(secondTag)...)
	w.order(names[0], func(s *v1alpha1.ClusterAddonsSpec) { s.Pins = nil })
	w.everywhere(names, at(thirdTag)...)
	w.kept(uids)
	w.restsThroughRestart(stop)
}

// No move starts on a frozen cluster, and everything else works; on a paused fleet nothing does.
func TestFreezeAndPause(t *testing.T) {
	t.Parallel()
	w, names := ordered(t, 2, nil)
	stop := w.run()
	w.everywhere(names, at(firstTag)...)
	uids := w.alive()
	freeze := &v1alpha1.Freeze{Reason: "the sale", Owner: "jan", Until: metav1.NewTime(time.Now().Add(time.Hour))}
	w.order(names[0], func(s *v1alpha1.ClusterAddonsSpec) { s.Freeze = freeze })
	w.next(secondTag)
	w.expect(names[1], at(secondTag)...)
	w.expect(names[0], held(firstTag)...)
	w.label(names[0], "alpha", "disabled")
	w.expect(names[0], held(firstTag)[1])
	w.label(names[0], "alpha", "enabled")
	w.expect(names[0], held(firstTag)...)

	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Paused = true })
	w.wantReason(names[1], "alpha", "hold", "SourcePaused")
	w.order(names[0], func(s *v1alpha1.ClusterAddonsSpec) { s.Freeze = nil })
	w.label(names[1], "alpha", "disabled")
	w.next(thirdTag)
	w.eventually("the third release is known", func() error {
		if m := w.catalogSource().Status.Minors; len(m) == 0 || m[0].Release != thirdTag {
			return fmt.Errorf("minors %+v", m)
		}
		return nil
	})
	w.settled()
	w.expect(names[0], held(firstTag)...)
	w.expect(names[1], held(secondTag)...)
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Paused = false })
	w.expect(names[0], at(thirdTag)...)
	w.expect(names[1], at(thirdTag)[1])
	delete(uids, names[1]+"-alpha")
	now := w.alive()
	delete(now, names[0]+"-alpha") // It was off for a while.
	delete(uids, names[0]+"-alpha")
	if d := cmp.Diff(uids, now); d != "" {
		t.Errorf("Applications (-before +after):\n%s", d)
	}
	w.restsThroughRestart(stop)
}

// one is a rollout with a first cluster that must succeed.
func oneFirst() *v1alpha1.Rollout {
	return &v1alpha1.Rollout{Groups: []v1alpha1.RolloutGroup{{
		Name: "canary", Mandatory: true, Selector: metav1.LabelSelector{MatchLabels: map[string]string{"addons.kaas.dev/alpha": "enabled"}},
	}}}
}

// A release that fails on canaries halts; a person lets it go on, takes it back, or halts it whatever it does.
func TestHaltResumeRollback(t *testing.T) {
	t.Parallel()
	w, names := ordered(t, 1, oneFirst())
	w.cluster("late-1", "v1.31.4", nil)
	stop := w.run()
	w.expect(names[0], at(firstTag)...)
	w.expect("late-1", at(firstTag)[1])
	uids := w.alive()
	old := w.application("late-1-beta").Spec.Source.TargetRevision
	w.argo.SetScript(func(app *argo.Application) fakeargo.Outcome {
		if app.Name == names[0]+"-alpha" && app.Spec.Source.TargetRevision != old {
			return fakeargo.Outcome{State: fakeargo.Degraded, Message: "the Deployment is not available"}
		}
		return fakeargo.Outcome{}
	})
	w.next(secondTag)
	r := w.state(secondTag, "Halted")
	if !strings.Contains(r.Message, names[0]) || !strings.Contains(r.Message, "rollout resume "+secondTag) {
		t.Errorf("message %q", r.Message)
	}
	w.wantReason("late-1", "beta", "hold", "RolloutHalted")
	w.counts(1, "addon_manager_rollout_clusters", "release", secondTag, "group", "canary", "state", "Failed")

	// Accepted by name, it goes on.
	w.tune(func(s *v1alpha1.CatalogSourceSpec) {
		s.Rollout.Resumed = []v1alpha1.ResumedRelease{{Release: secondTag, Accept: []string{names[0]}}}
	})
	w.expect("late-1", at(secondTag)[1])
	w.state(secondTag, "Completed")

	// Taken back, everybody returns to the one before, and it fails no more.
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Rollout.RolledBack = []v1alpha1.ReleaseName{secondTag} })
	w.expect(names[0], at(firstTag)...)
	w.expect("late-1", at(firstTag)[1])
	w.state(firstTag, "Completed")

	// A newer one takes its place; halted beforehand by a person, it reaches nobody.
	w.argo.SetScript(nil)
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Rollout.Halted = []v1alpha1.ReleaseName{thirdTag} })
	w.next(thirdTag)
	w.state(thirdTag, "Halted")
	w.wantReason(names[0], "alpha", "hold", "ReleaseHalted")
	w.settled()
	if got := w.application("late-1-beta").Spec.Source.TargetRevision; got != old {
		t.Errorf("revision %s, want still %s", got, old)
	}
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Rollout.Halted = nil })
	w.expect(names[0], at(thirdTag)...)
	w.expect("late-1", at(thirdTag)[1])
	w.kept(uids)
	w.restsThroughRestart(stop)
}

// Outside of its windows nothing moves, but what a person calls an emergency by name.
func TestWindowsAndEmergency(t *testing.T) {
	t.Parallel()
	closed := time.Now().UTC().Add(12 * time.Hour)
	w, names := ordered(t, 3, &v1alpha1.Rollout{
		Pace:    v1alpha1.Pace{MaxConcurrency: new(intstr.FromInt32(1))},
		Windows: []v1alpha1.Window{{Schedule: fmt.Sprintf("%d %d * * *", closed.Minute(), closed.Hour()), Duration: metav1.Duration{Duration: time.Hour}}},
	})
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Rollout.Emergency = []v1alpha1.ReleaseName{firstTag} })
	stop := w.run()
	w.everywhere(names, at(firstTag)...) // A new fleet needs a window too, so its release was let through by name.
	uids := w.alive()
	w.next(secondTag)
	for _, c := range names {
		w.wantReason(c, "alpha", "hold", "WaitingForWindow")
	}
	if r := w.state(secondTag, "Waiting"); !strings.Contains(r.Message, "its window opens "+closed.Format("2006-01-02T15:04")) {
		t.Errorf("message %q", r.Message)
	}
	w.settled()
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Rollout.Emergency = []v1alpha1.ReleaseName{secondTag} })
	w.everywhere(names, at(secondTag)...)

	w.next(thirdTag)
	w.wantReason(names[0], "alpha", "hold", "WaitingForWindow")
	w.tune(func(s *v1alpha1.CatalogSourceSpec) {
		s.Rollout.Windows = []v1alpha1.Window{{Schedule: "* * * * *", Duration: metav1.Duration{Duration: time.Minute}, TimeZone: "Europe/Berlin"}}
	})
	w.everywhere(names, at(thirdTag)...)
	w.kept(uids)
	w.restsThroughRestart(stop)
}

// Where the policy cannot be read, nothing moves and nothing is deleted, and the CatalogSource says what to mend.
func TestPolicyInvalid(t *testing.T) {
	t.Parallel()
	window := func(schedule, zone string) *v1alpha1.Rollout {
		return &v1alpha1.Rollout{Windows: []v1alpha1.Window{{Schedule: schedule, Duration: metav1.Duration{Duration: time.Hour}, TimeZone: zone}}}
	}
	group := func(s metav1.LabelSelector) *v1alpha1.Rollout {
		return &v1alpha1.Rollout{Groups: []v1alpha1.RolloutGroup{{Name: "canary", Selector: s}}}
	}
	for name, tc := range map[string]struct {
		rollout *v1alpha1.Rollout
		says    string
	}{
		"schedule":  {window("at midnight", ""), `spec.rollout.windows[0]: schedule "at midnight"`},
		"time zone": {window("0 22 * * *", "Middle/Earth"), `spec.rollout.windows[0]: timeZone "Middle/Earth"`},
		"selector": {
			group(metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "wave", Operator: "Near"}}}),
			`spec.rollout.groups[canary].selector`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, names := ordered(t, 2, nil)
			stop := w.run()
			w.everywhere(names, at(firstTag)...)
			uids := w.alive()
			w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Rollout = tc.rollout })
			w.eventually("the CatalogSource says so", func() error {
				for _, c := range w.catalogSource().Status.Conditions {
					if c.Type == v1alpha1.ConditionReady && c.Status == metav1.ConditionFalse && c.Reason == "PolicyInvalid" && strings.Contains(c.Message, tc.says) {
						return nil
					}
				}
				return fmt.Errorf("conditions %+v", w.catalogSource().Status.Conditions)
			})
			w.next(secondTag)
			w.label(names[0], "alpha", "disabled")
			w.wantReason(names[0], "alpha", "hold", "PolicyInvalid")
			w.wantReason(names[1], "alpha", "hold", "PolicyInvalid")
			w.settled()
			w.kept(uids)
			w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Rollout = nil })
			w.expect(names[0], at(secondTag)[1])
			w.expect(names[1], at(secondTag)...)
			w.restsThroughRestart(stop)
		})
	}
}

// giveUp orders a cluster to be given up.
func (w *world) giveUp(cluster string, mode v1alpha1.DecommissionMode, deadline time.Duration) {
	w.Helper()
	w.order(cluster, func(s *v1alpha1.ClusterAddonsSpec) {
		s.Decommission = &v1alpha1.Decommission{Mode: mode, Requested: metav1.Now(), Deadline: &metav1.Duration{Duration: deadline}}
	})
}

// A cluster is given up by name only: pruned, abandoned, or pruned until the deadline. A Secret that vanishes is no such order.
func TestDecommission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", firstTag, catalogOf("alpha", "beta enabled: always, dependsOn: [alpha]"))
	w.source()
	w.limit("1", "1") // One by name is no mass deletion.
	names := w.fleet(5)
	stop := w.run()
	w.everywhere(names, at(firstTag)...)
	pruned, abandoned, stuck, gone, stays := names[0], names[1], names[2], names[3], names[4]
	left := func(c string) func() error { return func() error { return w.none(c+"-alpha", c+"-beta") } }
	both := func(c string) []string { return []string{c + "-alpha", c + "-beta"} }

	h := w.record()
	w.giveUp(pruned, v1alpha1.DecommissionPrune, time.Hour)
	w.eventually("the Applications are pruned", left(pruned))
	w.giveUp(abandoned, v1alpha1.DecommissionAbandon, time.Hour)
	w.eventually("the Applications are abandoned", left(abandoned))

	// Its Secret is gone: an alarm, until somebody gives it up.
	w.must(w.client.Delete(w.ctx, w.secret(gone, nil)))
	w.expect(gone, held(firstTag)...)
	w.counts(1, "addon_manager_clusters_gone")
	w.giveUp(gone, v1alpha1.DecommissionPrune, time.Hour)
	w.eventually("the Applications of the lost cluster are gone", left(gone))
	w.counts(0, "addon_manager_clusters_gone")

	// It does not answer: Argo CD's finalizer keeps the Applications until the deadline.
	w.argo.SetScript(func(app *argo.Application) fakeargo.Outcome {
		if strings.HasPrefix(app.Name, stuck) {
			return fakeargo.Outcome{State: fakeargo.Unreachable}
		}
		return fakeargo.Outcome{}
	})
	w.giveUp(stuck, v1alpha1.DecommissionPrune, time.Hour)
	w.eventually("one is on its way out, and stays there", func() error {
		if app := w.get(stuck + "-beta"); app == nil || app.DeletionTimestamp == nil {
			return fmt.Errorf("%+v", app)
		}
		return nil
	})
	if app := w.get(stuck + "-alpha"); app == nil || app.DeletionTimestamp != nil {
		t.Errorf("alpha goes before beta, which depends on it: %+v", app)
	}
	w.giveUp(stuck, v1alpha1.DecommissionPrune, 0)
	w.eventually("it blocks nobody past the deadline", left(stuck))

	w.objects(slices.Concat(both(abandoned), both(stuck), both(gone), both(stays))...)
	for _, c := range names[:4] {
		w.eventually("the ApplicationSet of "+c+" is gone", func() error {
			if n := w.countSets(c); n != 0 {
				return fmt.Errorf("%d", n)
			}
			return nil
		})
	}
	// What depends on another goes first.
	for _, e := range h.sorted() {
		if app, ok := e.object.(*argo.Application); ok && app.Name == pruned+"-alpha" && app.DeletionTimestamp != nil {
			if !slices.ContainsFunc(h.sorted(), func(b entry) bool { return b.gone && b.version < e.version && b.object.GetName() == pruned+"-beta" }) {
				t.Error("alpha was deleted before beta, which depends on it, was gone")
			}
			break
		}
	}
	w.expect(stays, at(firstTag)...)
	if d := w.catalogSource().Status.Deletions; d != nil && d.Quarantine != nil {
		t.Errorf("quarantine %+v", d.Quarantine)
	}
	w.settled()
	stop()
	w.run()
	w.expect(stays, at(firstTag)...)
	if n := w.settled(); n > 0 {
		t.Errorf("%v writes after a restart", n)
	}
}

// countSets counts the ApplicationSets of a name.
func (w *world) countSets(name string) (n int) {
	w.Helper()
	var list argo.ApplicationSetList
	w.must(w.client.List(w.ctx, &list, client.InNamespace(w.namespace)))
	for _, s := range list.Items {
		if s.Name == name {
			n++
		}
	}
	return n
}
