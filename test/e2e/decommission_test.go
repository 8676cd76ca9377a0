//go:build linux

package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/test/sandbox"
)

// TestDecommissioning takes away everything that a cluster has, and nothing of anybody else's.
func TestDecommissioning(t *testing.T) {
	w := begin(t)
	apps, others := w.await("tokyo-1", release["1.31"], usual...), w.identities("paris-1")
	w.run("addon-manager", "decommission", "tokyo-1", "--mode=prune")
	w.givenUp("tokyo-1")
	for addon, app := range apps {
		missing, err := w.Missing(w.ctx, app)
		w.must(err)
		if diff := cmp.Diff(app.Objects, missing); diff != "" {
			t.Errorf("%s: objects that are gone (-want +got):\n%s", addon, diff)
		}
	}
	w.unchanged("paris-1", others)
}

// TestDecommissioningABlackHole ends at the deadline: a cluster that does not answer keeps its objects, and nobody waits for it any longer.
func TestDecommissioningABlackHole(t *testing.T) {
	w := begin(t)
	before := w.identities("tokyo-1")
	apps, others := w.await("tokyo-1", release["1.31"], usual...), w.identities("paris-1")
	server := w.Workloads["tokyo-1"].APIServer
	server.Pause()
	defer server.Resume()
	w.run("addon-manager", "decommission", "tokyo-1", "--mode=prune", "--deadline=10s")
	w.eventually(func() error { // Argo CD begins, and gets nowhere.
		app, err := w.Application(w.ctx, "tokyo-1-base")
		if err == nil && len(app.Finalizers) == 0 {
			err = fmt.Errorf("Application %s: no finalizer, want it to wait for its objects", app)
		}
		return err
	})
	w.givenUp("tokyo-1")
	w.unchanged("paris-1", others)
	// Forgotten is what was asked of the cluster meanwhile, and what Argo CD was about to ask.
	server.Kill()
	w.ArgoCD.ApplicationController.Kill()
	w.must(server.Start(w.ctx))
	w.must(w.ArgoCD.ApplicationController.Start(w.ctx))
	for addon, app := range apps {
		if addon == "beside" {
			continue // in the management cluster, which answered
		}
		for object, uid := range w.objects(app) {
			if uid != before[object] {
				t.Errorf("%s has UID %q, want %q as before", object, uid, before[object])
			}
		}
	}
}

// givenUp waits until nothing is there that delivers to a cluster.
func (w *world) givenUp(cluster string) {
	w.Helper()
	w.eventually(func() error {
		apps, err := w.Applications(w.ctx, cluster)
		set := w.run("kubectl", "-n", sandbox.Namespace, "get", "applicationset", cluster, "--ignore-not-found", "-o", "name")
		if err == nil && len(apps)+len(set) > 0 {
			err = fmt.Errorf("%s still has %v %s", cluster, apps, set)
		}
		return err
	})
}
