//go:build linux

package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/test/sandbox"
)

// TestDeletingAnApplicationSetByHand deletes nothing else: it comes back with the Applications it had.
func TestDeletingAnApplicationSetByHand(t *testing.T) {
	w := begin(t)
	before := w.identities("tokyo-1")
	uid := func() string {
		return w.run("kubectl", "-n", sandbox.Namespace, "get", "applicationset", "tokyo-1", "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")
	}
	was := uid()
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

// TestDeletingAnApplicationByHand leaves its objects where they are.
func TestDeletingAnApplicationByHand(t *testing.T) {
	w := begin(t)
	for _, addon := range []string{"pruned", "kept", "beside"} {
		app := w.await("tokyo-1", release["1.31"], usual...)[addon]
		objects := w.objects(app)
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
