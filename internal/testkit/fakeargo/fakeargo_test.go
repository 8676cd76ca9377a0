package fakeargo_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/testkit/fakeargo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

var shared plane.Shared

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(shared.Run(m))
}

// The commits of two releases.
var (
	one = strings.Repeat("1", 40)
	two = strings.Repeat("2", 40)
)

// world is a namespace with a fake Argo CD.
type world struct {
	*testing.T
	ctx    context.Context
	client client.Client
	argo   *fakeargo.Argo
	name   string
}

var install sync.Once

func newWorld(t *testing.T) *world {
	t.Helper()
	cp := shared.Get(t)
	scheme := runtime.NewScheme()
	w := &world{T: t, ctx: t.Context()}
	w.must(argocd.AddToScheme(scheme))
	w.must(corev1.AddToScheme(scheme))
	install.Do(func() {
		dir, err := plane.ModuleDir(w.ctx, "github.com/argoproj/argo-cd/v2")
		w.must(err)
		for _, f := range []string{"application-crd.yaml", "applicationset-crd.yaml"} {
			w.must(sandbox.ApplyFile(w.ctx, cp.Config, filepath.Join(dir, "manifests/crds", f)))
		}
		w.eventually("Argo CD's kinds are served", func() error {
			c, err := client.New(cp.Config, client.Options{Scheme: scheme})
			if err != nil {
				return err
			}
			w.client = c
			if err := c.List(w.ctx, &argo.ApplicationList{}); err != nil {
				return err
			}
			return c.List(w.ctx, &argo.ApplicationSetList{})
		})
	})
	var err error
	w.client, err = client.New(cp.Config, client.Options{Scheme: scheme})
	w.must(err)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "argocd-"}}
	w.must(w.client.Create(w.ctx, ns))
	w.name = ns.Name
	w.argo = fakeargo.New(cp.Config, fakeargo.Options{Namespace: ns.Name, Fail: func(err error) { t.Error(err) }})
	w.must(w.argo.Start(w.ctx))
	t.Cleanup(w.argo.Stop)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) eventually(what string, condition func() error) {
	w.Helper()
	var last error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if last = condition(); last == nil {
			return
		}
	}
	w.Fatalf("%s: %v", what, last)
}

// apply writes the ApplicationSet of a cluster as the manager would: each addon at a commit, finalized when it is about to leave.
func (w *world) apply(cluster, commit string, finalize bool, addons ...string) {
	w.Helper()
	var elements []resolve.Element
	for _, a := range addons {
		elements = append(elements, resolve.Element{
			Application: cluster + "-" + a, Addon: a, Placement: "workload", OnDisable: "prune", Release: "v1.31-ake." + commit[:1], Commit: commit, Revision: commit,
			Path: "addons/" + a, Namespace: a, Server: "https://" + cluster, Patch: `{"spec":{}}`, Finalize: finalize,
		})
	}
	set, err := argocd.Delivery{Namespace: w.name, URL: "https://example.com/config", Project: "addons"}.Compile(cluster, resolve.Admitted{}, elements)
	w.must(err)
	w.must(w.client.Patch(w.ctx, set, client.Apply, client.FieldOwner("test"), client.ForceOwnership))
}

func (w *world) application(name string) *argo.Application {
	w.Helper()
	app := &argo.Application{}
	w.must(w.client.Get(w.ctx, client.ObjectKey{Namespace: w.name, Name: name}, app))
	return app
}

// line is what an Application says, in one line.
func line(app *argo.Application) string {
	short := func(commit string) string { return commit[:min(3, len(commit))] }
	s := fmt.Sprintf("%s wants %s: %s %s %s", app.Name, short(app.Spec.Source.TargetRevision), app.Status.Sync.Status, short(app.Status.Sync.Revision), app.Status.Health.Status)
	if op := app.Status.OperationState; op != nil {
		s += fmt.Sprintf(", %s %s", op.Phase, short(op.SyncResult.Revision))
	}
	for _, c := range app.Status.Conditions {
		s += ", " + c.Type + ": " + c.Message
	}
	return s
}

// expect waits until the Applications say this, and stay so for a look around.
func (w *world) expect(want ...string) {
	w.Helper()
	w.eventually("Applications", func() error {
		var list argo.ApplicationList
		w.must(w.client.List(w.ctx, &list, client.InNamespace(w.name)))
		var got []string
		for i := range list.Items {
			got = append(got, line(&list.Items[i]))
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("(-want +got)\n%s", diff)
		}
		return nil
	})
}

// The life of an Application: made, moved in place, put right, pruned.
func TestLife(t *testing.T) {
	w := newWorld(t)
	w.apply("a", one, false, "x", "y")
	w.expect("a-x wants 111: Synced 111 Healthy, Succeeded 111", "a-y wants 111: Synced 111 Healthy, Succeeded 111")
	first := w.application("a-x")
	if first.Status.ReconciledAt == nil || first.Status.Health.LastTransitionTime == nil || first.Status.OperationState.FinishedAt == nil {
		t.Errorf("times are missing: %+v", first.Status)
	}

	w.apply("a", two, false, "x")
	w.expect("a-x wants 222: Synced 222 Healthy, Succeeded 222", "a-y wants 111: Synced 111 Healthy, Succeeded 111")
	moved := w.application("a-x")
	if moved.UID != first.UID {
		t.Error("the Application was made anew")
	}

	moved.Spec.Source.TargetRevision = one
	w.must(w.client.Update(w.ctx, moved))
	w.expect("a-x wants 222: Synced 222 Healthy, Succeeded 222", "a-y wants 111: Synced 111 Healthy, Succeeded 111")

	w.must(w.client.Delete(w.ctx, w.application("a-y")))
	w.expect("a-x wants 222: Synced 222 Healthy, Succeeded 222")
	if diff := cmp.Diff(map[string]string{"a-x": two, "a-y": one}, w.argo.Objects()); diff != "" {
		t.Errorf("objects after a deletion without finalizer (-want +got)\n%s", diff)
	}

	w.apply("a", two, true, "x")
	w.eventually("the finalizer is on", func() error {
		if !argocd.Prunes(w.application("a-x")) {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	w.apply("a", two, false)
	w.must(w.client.Delete(w.ctx, w.application("a-x")))
	w.expect()
	w.eventually("the objects are gone", func() error {
		if diff := cmp.Diff(map[string]string{"a-y": one}, w.argo.Objects()); diff != "" {
			return fmt.Errorf("(-want +got)\n%s", diff)
		}
		return nil
	})
	var moves []string
	for _, m := range w.argo.Moves() {
		moves = append(moves, m.Cluster+" "+m.Application+" "+m.Release+" "+m.Revision[:3])
	}
	slices.Sort(moves) // People's edits are put right in between.
	if diff := cmp.Diff([]string{"a a-x v1.31-ake.1 111", "a a-x v1.31-ake.2 222", "a a-x v1.31-ake.2 222", "a a-y v1.31-ake.1 111"}, moves); diff != "" {
		t.Errorf("moves (-want +got)\n%s", diff)
	}
}

// A deleted ApplicationSet leaves its Applications, which the next of the same name adopts.
func TestDeletedSet(t *testing.T) {
	w := newWorld(t)
	w.apply("a", one, false, "x")
	w.expect("a-x wants 111: Synced 111 Healthy, Succeeded 111")
	before := w.application("a-x")
	w.must(w.client.Delete(w.ctx, &argo.ApplicationSet{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: w.name}}))
	w.eventually("the Application is free", func() error {
		if owners := w.application("a-x").OwnerReferences; len(owners) > 0 {
			return fmt.Errorf("owners %v", owners)
		}
		return nil
	})
	w.eventually("a set of that name can be made again", func() error {
		err := w.client.Get(w.ctx, client.ObjectKey{Namespace: w.name, Name: "a"}, &argo.ApplicationSet{})
		if client.IgnoreNotFound(err) != nil || err == nil {
			return fmt.Errorf("it is still there: %v", err)
		}
		return nil
	})
	w.apply("a", two, false, "x")
	w.expect("a-x wants 222: Synced 222 Healthy, Succeeded 222")
	if after := w.application("a-x"); after.UID != before.UID || len(after.OwnerReferences) != 1 {
		t.Errorf("UID %s, was %s; owners %v", after.UID, before.UID, after.OwnerReferences)
	}
}

// Every outcome, after a release that went well.
func TestOutcomes(t *testing.T) {
	for name, tc := range map[string]struct {
		outcome fakeargo.Outcome
		want    string
	}{
		"healthy":     {fakeargo.Outcome{}, "a-x wants 222: Synced 222 Healthy, Succeeded 222"},
		"progressing": {fakeargo.Outcome{State: fakeargo.Progressing}, "a-x wants 222: Synced 222 Progressing, Succeeded 222"},
		"slow":        {fakeargo.Outcome{After: time.Hour}, "a-x wants 222: Synced 222 Progressing, Succeeded 222"},
		"degraded":    {fakeargo.Outcome{State: fakeargo.Degraded}, "a-x wants 222: Synced 222 Degraded, Succeeded 222"},
		"failed":      {fakeargo.Outcome{State: fakeargo.Failed}, "a-x wants 222: OutOfSync 222 Healthy, Failed 222"},
		"unreachable": {fakeargo.Outcome{State: fakeargo.Unreachable, Message: "no route"}, "a-x wants 222: Unknown 222 Unknown, Succeeded 111, ComparisonError: no route"},
		"silent":      {fakeargo.Outcome{State: fakeargo.Silent}, "a-x wants 222: Synced 111 Healthy, Succeeded 111"},
		"stale":       {fakeargo.Outcome{State: fakeargo.Stale}, "a-x wants 222: Synced 111 Healthy, Succeeded 111"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply("a", one, false, "x")
			w.expect("a-x wants 111: Synced 111 Healthy, Succeeded 111")
			w.argo.SetScript(func(app *argo.Application) fakeargo.Outcome {
				if app.Spec.Source.TargetRevision == one {
					return fakeargo.Outcome{}
				}
				return tc.outcome
			})
			w.apply("a", two, false, "x")
			w.expect(tc.want)
			version := w.application("a-x").ResourceVersion
			w.argo.SetScript(func(*argo.Application) fakeargo.Outcome { return tc.outcome })
			w.expect(tc.want)
			if now := w.application("a-x").ResourceVersion; now != version {
				t.Error("the same outcome was written again")
			}
			w.argo.SetScript(nil)
			w.expect("a-x wants 222: Synced 222 Healthy, Succeeded 222")
		})
	}
}

// What is slow becomes healthy after its time.
func TestSlow(t *testing.T) {
	w := newWorld(t)
	w.argo.SetScript(func(*argo.Application) fakeargo.Outcome { return fakeargo.Outcome{After: 300 * time.Millisecond} })
	started := time.Now()
	w.apply("a", one, false, "x")
	w.expect("a-x wants 111: Synced 111 Progressing, Succeeded 111")
	w.expect("a-x wants 111: Synced 111 Healthy, Succeeded 111")
	if took := time.Since(started); took < 300*time.Millisecond {
		t.Errorf("Healthy after %v", took)
	}
}

// A deletion that prunes waits for a cluster that cannot be reached.
func TestStuckDeletion(t *testing.T) {
	w := newWorld(t)
	w.apply("a", one, true, "x", "y")
	w.expect("a-x wants 111: Synced 111 Healthy, Succeeded 111", "a-y wants 111: Synced 111 Healthy, Succeeded 111")
	w.argo.SetScript(func(app *argo.Application) fakeargo.Outcome {
		return fakeargo.Outcome{State: map[bool]fakeargo.State{true: fakeargo.Unreachable}[app.Name == "a-x"], Stuck: app.Name == "a-y"}
	})
	w.expect("a-x wants 111: Unknown 111 Unknown, Succeeded 111, ComparisonError: failed to load live state: the cluster cannot be reached",
		"a-y wants 111: Synced 111 Healthy, Succeeded 111")
	w.apply("a", one, false)
	for _, name := range []string{"a-x", "a-y"} {
		w.must(w.client.Delete(w.ctx, w.application(name)))
	}
	w.apply("b", one, false, "x")
	w.eventually("b is there", func() error {
		return w.client.Get(w.ctx, client.ObjectKey{Namespace: w.name, Name: "b-x"}, &argo.Application{})
	})
	for _, name := range []string{"a-x", "a-y"} {
		if app := w.application(name); app.DeletionTimestamp == nil || !argocd.Prunes(app) {
			t.Errorf("%s: deleted at %v, finalizers %v", name, app.DeletionTimestamp, app.Finalizers)
		}
	}
	w.argo.SetScript(nil)
	w.expect("b-x wants 111: Synced 111 Healthy, Succeeded 111")
}

// Either controller can be down, and does afterwards what it missed.
func TestStopped(t *testing.T) {
	w := newWorld(t)
	w.argo.Apps.Stop()
	w.apply("a", one, false, "x")
	w.expect("a-x wants 111:   ")
	w.argo.Sets.Stop()
	w.must(w.argo.Apps.Start(w.ctx))
	w.apply("a", two, false, "x")
	w.expect("a-x wants 111: Synced 111 Healthy, Succeeded 111")
	w.must(w.argo.Sets.Start(w.ctx))
	w.expect("a-x wants 222: Synced 222 Healthy, Succeeded 222")
}

// A fleet of 200 clusters with 5 addons each is not what a test waits for.
func TestFleet(t *testing.T) {
	w := newWorld(t)
	addons := []string{"p", "q", "r", "s", "t"}
	started := time.Now()
	for i := range 200 {
		w.apply(fmt.Sprintf("c%03d", i), one, false, addons...)
	}
	w.eventually("every Application is Healthy", func() error {
		var list argo.ApplicationList
		w.must(w.client.List(w.ctx, &list, client.InNamespace(w.name)))
		healthy := 0
		for i := range list.Items {
			if list.Items[i].Status.Health.Status == "Healthy" {
				healthy++
			}
		}
		if healthy != 1000 {
			return fmt.Errorf("%d of %d", healthy, len(list.Items))
		}
		return nil
	})
	t.Logf("1000 Applications in %v", time.Since(started).Round(time.Millisecond))
}
