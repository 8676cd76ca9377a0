//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// soak is how long a canary must be ready in these tests.
const soak = 2 * time.Second

// waves puts both clusters on one minor, 1.32: paris-1 in group canary, tokyo-1 in the rest.
func (w *world) waves() {
	w.Helper()
	w.must(w.Change(w.ctx, func(spec *v1alpha1.CatalogSourceSpec) {
		spec.Rollout = &v1alpha1.Rollout{Groups: []v1alpha1.RolloutGroup{{
			Name:     "canary",
			Selector: metav1.LabelSelector{MatchLabels: map[string]string{"tier": "canary"}},
			Pace:     v1alpha1.Pace{MinSuccessTime: &metav1.Duration{Duration: soak}},
		}}}
	}))
	canary := sandbox.Switches(usual[1:]...)
	canary["tier"] = "canary"
	w.must(w.Register(w.ctx, "paris-1", canary, nil))
	w.must(w.Register(w.ctx, "tokyo-1", sandbox.Switches(usual[1:]...), map[string]string{"addons.kaas.dev/kubernetes-version": "v1.32.9"}))
	w.await("tokyo-1", release["1.32"], usual...)
	w.await("paris-1", release["1.32"], usual...)
}

// change releases a change of addon base to 1.32.
func (w *world) change(data string) {
	w.Helper()
	release["1.32"] = w.publish("1.32", gitrepo.File("addons/base/base.yaml", string(configMap("base", "release: "+data))))
}

// arrives waits for the release on both clusters, and holds the rest to have waited for the canary's evidence.
func (w *world) arrives() {
	w.Helper()
	canary := w.await("paris-1", release["1.32"], usual...)
	w.await("tokyo-1", release["1.32"], usual...)
	synced, admitted := w.synced(canary["base"].Name), w.admitted("tokyo-1")
	if admitted.Before(synced.Add(soak)) {
		w.Errorf("tokyo-1 was let to %s at %v, want %v after the canary was synced at %v", release["1.32"], admitted, soak, synced)
	}
}

// synced is when the last sync of an Application ended.
func (w *world) synced(name string) time.Time {
	w.Helper()
	return w.timeOf("Application", name, "status", "operationState", "finishedAt")
}

// admitted is when a cluster was let to the release that it has.
func (w *world) admitted(cluster string) time.Time {
	w.Helper()
	return w.timeOf("ApplicationSet", cluster, "metadata", "annotations", "addons.kaas.dev/admitted-at")
}

func (w *world) timeOf(kind, name string, field ...string) time.Time {
	w.Helper()
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("argoproj.io/v1alpha1")
	o.SetKind(kind)
	w.must(w.Client("").Get(w.ctx, client.ObjectKey{Namespace: sandbox.Namespace, Name: name}, o))
	text, _, err := unstructured.NestedString(o.Object, field...)
	w.must(err)
	at, err := time.Parse(time.RFC3339, text)
	w.must(err)
	return at
}

// rollout waits until the rollout on 1.32 is about the newest release and as check wants it.
func (w *world) rollout(check func(v1alpha1.RolloutStatus) error) {
	w.Helper()
	w.eventually(func() error {
		r, err := w.Rollout(w.ctx, "1.32")
		if err == nil && r.Release != release["1.32"] {
			err = fmt.Errorf("release %q rolls out, want %q", r.Release, release["1.32"])
		}
		if err == nil {
			err = check(r)
		}
		return err
	})
}

// TestRolloutThroughTrouble breaks what evidence and manifests come from while a release is on its way: it waits, or halts, and goes on by
// itself once that is mended. At no time does it overtake its canary.
func TestRolloutThroughTrouble(t *testing.T) {
	w := begin(t)
	w.waves()
	state := func(want string) func(*world) {
		return func(w *world) {
			w.rollout(func(r v1alpha1.RolloutStatus) error {
				if r.State != want {
					return fmt.Errorf("the rollout is %s (%s), want %s", r.State, r.Message, want)
				}
				return nil
			})
		}
	}
	steady := func() {}
	for _, tc := range []struct {
		name string
		// spoil comes before the release, heal after what is seen meanwhile.
		spoil, seen, heal func(w *world)
	}{
		{
			name:  "Argo CD's application controller is down",
			spoil: func(w *world) { w.ArgoCD.ApplicationController.Kill() },
			seen:  state("Progressing"),
			heal:  func(w *world) { w.must(w.ArgoCD.ApplicationController.Start(w.ctx)) },
		},
		{
			name:  "Argo CD's ApplicationSet controller is down",
			spoil: func(w *world) { w.ArgoCD.ApplicationSetController.Kill() },
			seen:  state("Progressing"),
			heal:  func(w *world) { w.must(w.ArgoCD.ApplicationSetController.Start(w.ctx)) },
		},
		{
			name:  "Argo CD's repo-server is down", // Then no cluster can be compared, which counts as a failure.
			spoil: func(w *world) { w.ArgoCD.RepoServer.Kill() },
			seen:  state("Halted"),
			heal:  func(w *world) { w.must(w.ArgoCD.RepoServer.Start(w.ctx)) },
		},
		{
			name:  "the Git server cuts off every pack",
			spoil: func(w *world) { w.Config.Server.SetFault(githttp.TruncatedPack(200)) },
			seen: func(w *world) {
				w.eventually(func() error { return contains("conditions of the CatalogSource", w.conditions(), "Fetched=False") })
			},
			heal: func(w *world) { w.Config.Server.SetFault(githttp.Fault{}) },
		},
		{
			name:  "the Git server is slow",
			spoil: func(w *world) { w.Config.Server.SetFault(githttp.Slow(2 * time.Second)) },
			seen:  state("Completed"),
			heal:  func(w *world) { w.Config.Server.SetFault(githttp.Fault{}) },
		},
		{
			name:  "etcd of the management cluster is slow",
			spoil: func(w *world) { steady = stutter(w.Management.Etcd) },
			seen:  state("Completed"),
			heal:  func(*world) { steady() },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := &world{Sandbox: w.Sandbox, T: t, ctx: w.ctx}
			before, others := w.identities("tokyo-1"), w.identities("paris-1")
			tc.spoil(w)
			func() {
				defer tc.heal(w)
				w.change(tc.name)
				tc.seen(w)
			}()
			w.arrives()
			w.unchanged("tokyo-1", before)
			w.unchanged("paris-1", others)
		})
	}
}

// stutter freezes a process for most of the time, until it is told to stop.
func stutter(p *plane.Process) (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	during := func(d time.Duration) bool {
		select {
		case <-ended:
			return false
		case <-time.After(d):
			return true
		}
	}
	go func() {
		defer close(done)
		for again := true; again; {
			p.Pause()
			again = during(400 * time.Millisecond)
			p.Resume()
			again = again && during(100*time.Millisecond)
		}
	}()
	return func() { close(ended); <-done }
}

// TestRolloutPastABlackHole: a cluster that does not answer is skipped and listed, as far as its group tolerates it; it follows when it answers.
func TestRolloutPastABlackHole(t *testing.T) {
	w := begin(t)
	w.waves()
	w.must(w.Change(w.ctx, func(spec *v1alpha1.CatalogSourceSpec) {
		spec.Rollout.Groups[0].MaxFailures = ptr.To(intstr.FromInt32(1))
	}))
	others := w.identities("paris-1")
	paris := w.Workloads["paris-1"].APIServer
	paris.Pause()
	defer paris.Resume()
	w.eventually(func() error {
		return contains("kubectl get ca", w.run("kubectl", "-n", sandbox.Namespace, "get", "ca", "paris-1"), "VersionUnknown")
	})
	w.change("into a black hole")
	w.await("tokyo-1", release["1.32"], usual...)
	w.rollout(func(r v1alpha1.RolloutStatus) error {
		if len(r.Groups) == 0 || r.Groups[0].Skip != 1 || !slices.Equal(r.Groups[0].Late, []string{"paris-1"}) {
			return fmt.Errorf("groups %+v, want paris-1 skipped and listed", r.Groups)
		}
		return nil
	})
	paris.Resume()
	w.await("paris-1", release["1.32"], usual...)
	w.unchanged("paris-1", others)
}
