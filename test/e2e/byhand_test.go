//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addon-manager/addon-manager/test/sandbox"
)

// TestDeletingAnApplicationSetByHand is refused. Who breaks the glass deletes nothing else: it comes back with the Applications it had.
func TestDeletingAnApplicationSetByHand(t *testing.T) {
	w := begin(t)
	w.garbageIsCollected()
	before := w.identities("tokyo-1")
	uid := func() string {
		return w.run("kubectl", "-n", sandbox.Namespace, "get", "applicationset", "tokyo-1", "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")
	}
	was := uid()
	for _, cascade := range []string{"background", "foreground", "orphan"} {
		w.refused("delete", "applicationset", "tokyo-1", "--cascade="+cascade)
	}
	w.refused("delete", "applicationsets", "--all")
	w.refused("label", "applicationset", "tokyo-1", "app.kubernetes.io/managed-by-")
	if now := uid(); now != was {
		t.Fatalf("ApplicationSet: UID %q, was %q before all that was refused", now, was)
	}
	w.unchanged("tokyo-1", before)

	w.run("kubectl", "-n", sandbox.Namespace, "annotate", "applicationset", "tokyo-1", sandbox.BreakGlass+"=to see what becomes of it")
	w.run("kubectl", "-n", sandbox.Namespace, "delete", "applicationset", "tokyo-1")
	w.eventually(func() error { return differs("ApplicationSet", was, uid()) })
	w.await("tokyo-1", release["1.31"], usual...)
	w.eventually(func() error { // Argo CD adopts them: a later change reaches them again.
		owner := w.run("kubectl", "-n", sandbox.Namespace, "get", "application", "tokyo-1-base", "-o", "jsonpath={.metadata.ownerReferences[0].uid}")
		if now := uid(); owner != now {
			return fmt.Errorf("the owner of tokyo-1-base is %q, want the ApplicationSet %q", owner, now)
		}
		return nil
	})
	w.unchanged("tokyo-1", before)
}

// TestDeletingAnApplicationByHand is refused. Who breaks the glass leaves its objects where they are, and gets it back.
func TestDeletingAnApplicationByHand(t *testing.T) {
	w := begin(t)
	for _, addon := range []string{"pruned", "kept", "beside"} {
		app := w.await("tokyo-1", release["1.31"], usual...)[addon]
		objects := w.objects(app)
		w.refused("delete", "application", app.Name)
		w.refused("label", "application", app.Name, "app.kubernetes.io/managed-by-")
		w.run("kubectl", "-n", sandbox.Namespace, "annotate", "application", app.Name, sandbox.BreakGlass+"=to see what becomes of it")
		w.run("kubectl", "-n", sandbox.Namespace, "delete", "application", app.Name)
		w.eventually(func() error {
			now, err := w.Application(w.ctx, app.Name)
			if err != nil {
				return err
			}
			return differs("Application "+app.Name, app.UID, now.UID)
		})
		again := w.await("tokyo-1", release["1.31"], usual...)[addon]
		if diff := cmp.Diff(objects, w.objects(again)); diff != "" {
			t.Errorf("%s: UIDs of its objects (-before +after):\n%s", addon, diff)
		}
	}
}

// refused wants kubectl to be refused by the policy that guards what addon-manager delivers, and told what to do instead.
func (w *world) refused(args ...string) {
	w.Helper()
	_, err := w.Sandbox.Run(w.ctx, "kubectl", append([]string{"-n", sandbox.Namespace}, args...)...)
	if !sandbox.Refused(err) || !strings.Contains(err.Error(), sandbox.BreakGlass) {
		w.Fatalf("kubectl %s: %v; want a refusal that says how to break the glass", strings.Join(args, " "), err)
	}
}

// garbageIsCollected waits until an Application goes with its owner. Where that does not work, nothing could go wrong here.
func (w *world) garbageIsCollected() {
	w.Helper()
	owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner", Namespace: sandbox.Namespace}}
	w.must(w.Client("").Create(w.ctx, owner))
	w.must(sandbox.Apply(w.ctx, w.Management.Config, strings.NewReader(fmt.Sprintf(`
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: owned
  namespace: argocd
  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: %s}]
spec:
  project: default
  destination: {server: "https://kubernetes.default.svc", namespace: default}
  source: {repoURL: %q, path: addons/base}
`, owner.UID, w.Config.URL))))
	w.must(w.Client("").Delete(w.ctx, owner))
	w.eventually(func() error {
		if _, err := w.Application(w.ctx, "owned"); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the Application outlives its owner: %v", err)
		}
		return nil
	})
}
