package manager_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func level() zapcore.Level {
	if os.Getenv("ADDON_MANAGER_TEST_LOG") != "" {
		return zapcore.DebugLevel
	}
	return zapcore.PanicLevel
}

// The main job: a label brings an addon, a release and a Kubernetes upgrade move it, the label's removal takes it away.
func TestLifeOfAnAddon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta enabled: default", "gamma onDisable: retain"))
	w.release("1.32", "v1.32-ake.1", catalogOf("alpha", "beta enabled: default", "gamma onDisable: retain"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled", "gamma": "enabled"})
	w.run()

	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready", "gamma keep v1.31-ake.1 ready")
	alpha := w.application("tokyo-1-alpha")
	if got := alpha.Spec.Source.TargetRevision; got != first {
		t.Errorf("revision %s, want the commit of the tag %s", got, first)
	}
	if len(alpha.Finalizers) > 0 {
		t.Errorf("finalizers %v: deleting it by hand would prune its objects", alpha.Finalizers)
	}
	before := w.settled()

	w.release("1.31", "v1.31-ake.2", map[string]string{"addons/alpha/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: alpha2}\n"})
	w.expect("tokyo-1", "alpha keep v1.31-ake.2 ready", "beta keep v1.31-ake.2 ready", "gamma keep v1.31-ake.2 ready")

	w.edit("tokyo-1", func(s *corev1.Secret) { s.Annotations["addons.kaas.dev/kubernetes-version"] = "v1.32.0+k3s1" })
	w.expect("tokyo-1", "alpha keep v1.32-ake.1 ready", "beta keep v1.32-ake.1 ready", "gamma keep v1.32-ake.1 ready")
	if moved := w.application("tokyo-1-alpha"); moved.UID != alpha.UID {
		t.Errorf("the Application was made anew: UID %s, was %s", moved.UID, alpha.UID)
	}

	w.label("tokyo-1", "alpha", "")
	w.label("tokyo-1", "beta", "disabled")
	w.label("tokyo-1", "gamma", "disabled")
	w.expect("tokyo-1")
	w.eventually("every Application is gone", func() error { return w.none("tokyo-1-alpha", "tokyo-1-beta", "tokyo-1-gamma") })
	if after := w.settled(); after == before {
		t.Error("the test sees no writes")
	}
}

func (w *world) none(names ...string) error {
	for _, n := range names {
		app := w.get(n)
		if app != nil {
			return fmt.Errorf("Application %s is still there", n)
		}
	}
	return nil
}

// Once nothing changes, nothing is written, not even by a manager that starts anew; nor for a rotated token.
func TestSameInputWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta enabled: always"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled"})
	w.cluster("paris-1", "v1.31.4", nil)
	stop := w.run()
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
	w.expect("paris-1", "beta keep v1.31-ake.1 ready")
	before := w.settled()
	w.edit("tokyo-1", func(s *corev1.Secret) { s.Data["config"] = []byte(`{"bearerToken":"another-token"}`) })
	w.edit("paris-1", func(s *corev1.Secret) { s.Annotations["example.com/note"] = "read by nobody" })
	if after := w.settled(); after != before {
		t.Errorf("%v writes for changes that decide nothing", after-before)
	}
	stop()
	w.run()
	w.eventually("the new manager has looked at every cluster", func() error {
		if n := w.gauge("addon_manager_clusters"); n != 2 {
			return fmt.Errorf("%v clusters", n)
		}
		return nil
	})
	if n := w.settled(); n > 0 {
		t.Errorf("%v writes after a restart", n)
	}
}

// Whatever vanishes or breaks, what is delivered stays, and the reason is told.
func TestAbsenceNeverDeletes(t *testing.T) {
	t.Parallel()
	hold := func(w *world, cluster, code string) {
		w.Helper()
		w.eventually("cluster "+cluster+" tells "+code, func() error {
			ca, err := w.report(cluster)
			if err != nil {
				return err
			}
			if !strings.Contains(fmt.Sprintf("%s %+v", ca.Status.Hold, ca.Status.Reasons), code) {
				return fmt.Errorf("hold %q, reasons %+v", ca.Status.Hold, ca.Status.Reasons)
			}
			if n := w.gauge("addon_manager_holds", "reason", code); n < 1 {
				return fmt.Errorf("the metric counts %v holds for %s", n, code)
			}
			return nil
		})
	}
	for name, tc := range map[string]struct {
		fault func(w *world)
		code  string
	}{
		"the cluster Secret vanishes": {func(w *world) {
			w.must(w.client.Delete(w.ctx, w.secret("tokyo-1", nil)))
		}, "ClusterGone"},
		"every cluster Secret vanishes": {func(w *world) {
			w.must(w.client.DeleteAllOf(w.ctx, &corev1.Secret{}, client.InNamespace(w.namespace)))
		}, "ClusterGone"},
		"the Secret is a cluster's no more": {func(w *world) {
			w.edit("tokyo-1", func(s *corev1.Secret) { delete(s.Labels, "argocd.argoproj.io/secret-type") })
		}, "ClusterGone"},
		"the version cannot be read": {func(w *world) {
			w.edit("tokyo-1", func(s *corev1.Secret) { s.Annotations["addons.kaas.dev/kubernetes-version"] = "latest" })
		}, "InvalidVersion"},
		"the minor has no release": {func(w *world) {
			w.edit("tokyo-1", func(s *corev1.Secret) { s.Annotations["addons.kaas.dev/kubernetes-version"] = "v1.40.0" })
		}, "NoRelease"},
		"the config is no JSON": {func(w *world) {
			w.edit("tokyo-1", func(s *corev1.Secret) { s.Data["config"] = []byte("not json") })
		}, "InvalidConfig"},
		"another Secret has its server": {func(w *world) {
			s := w.secret("copy-1", nil)
			s.Data["server"] = []byte("https://tokyo-1.example.com:6443/")
			w.must(w.client.Create(w.ctx, s))
		}, "DuplicateServer"},
		"another Secret has its name": {func(w *world) {
			s := w.secret("copy-1", nil)
			s.Data["name"] = []byte("tokyo-1")
			w.must(w.client.Create(w.ctx, s))
		}, "DuplicateName"},
		"the cluster is paused, and the label is gone": {func(w *world) {
			w.edit("tokyo-1", func(s *corev1.Secret) {
				s.Annotations["addons.kaas.dev/paused"] = "true"
				delete(s.Labels, "addons.kaas.dev/alpha")
			})
		}, "Paused"},
		"the newest release has a broken catalog": {func(w *world) {
			w.release("1.31", "v1.31-ake.2", map[string]string{"catalog.yaml": "apiVersion: nonsense\n"})
		}, "ReleaseRefused"},
		"the tag moves": {func(w *world) {
			w.repo.MoveTag("v1.31-ake.1", w.repo.Commit("release-1.31", catalogOf("beta"), "other"))
		}, "NoRelease"},
		"the tag is deleted": {func(w *world) {
			w.repo.DeleteTag("v1.31-ake.1")
		}, "NoRelease"},
		"the label is misspelt": {func(w *world) {
			w.label("tokyo-1", "alpha", "Enabled")
		}, "InvalidSwitch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.release("1.31", "v1.31-ake.1", catalogOf("alpha"))
			w.source()
			w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled"})
			w.run()
			w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready")
			before := w.application("tokyo-1-alpha")
			set := w.set("tokyo-1")
			tc.fault(w)
			hold(w, "tokyo-1", tc.code)
			after := w.application("tokyo-1-alpha")
			if after.UID != before.UID || after.Spec.Source.TargetRevision != before.Spec.Source.TargetRevision || after.DeletionTimestamp != nil {
				t.Errorf("the Application changed: %+v", after)
			}
			if now := w.set("tokyo-1"); now.Generation != set.Generation {
				t.Errorf("the ApplicationSet was written: generation %d, was %d", now.Generation, set.Generation)
			}
		})
	}
}

// The name that people see and the address may change: the Application stays the same object, and only its destination follows.
func TestRenamedAndMovedCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled"})
	w.run()
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready")
	before, set := w.application("tokyo-1-alpha"), w.set("tokyo-1")

	w.edit("tokyo-1", func(s *corev1.Secret) { s.Data["name"] = []byte("kyoto") })
	w.eventually("the new name is shown", func() error {
		if ca, err := w.report("tokyo-1"); err != nil || ca.Status.DisplayName != "kyoto" {
			return fmt.Errorf("%q, %v", ca.Status.DisplayName, err)
		}
		return nil
	})
	if now := w.set("tokyo-1"); now.Generation != set.Generation {
		t.Error("a new display name rewrote the ApplicationSet")
	}

	w.edit("tokyo-1", func(s *corev1.Secret) { s.Data["server"] = []byte("https://elsewhere.example.com") })
	w.eventually("the destination follows", func() error {
		app := w.application("tokyo-1-alpha")
		if app.UID != before.UID {
			t.Fatal("the Application was made anew")
		}
		if got := app.Spec.Destination.Server; got != "https://elsewhere.example.com" {
			return fmt.Errorf("server %q", got)
		}
		return nil
	})
}

// A label that goes and comes back within a moment leaves the addon as it was, or brings it back.
func TestLabelOffAndOnAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta enabled: always"))
	w.source()
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled"})
	w.run()
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
	for range 5 {
		w.label("tokyo-1", "alpha", "")
		w.label("tokyo-1", "alpha", "enabled")
	}
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
	w.settled()
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
}
