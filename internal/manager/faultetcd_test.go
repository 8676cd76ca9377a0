package manager_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// TestEtcdRestored puts an older state of the whole management cluster back under a manager that goes on: versions go back, and everything
// is as it was, cluster Secrets too. A client that watches waits for versions that are yet to come, and sees nothing; so all clients are to be
// started anew after a restore, as Kubernetes asks. Until then the manager may do nothing that the restored Secrets do not want, and then
// everything that they do.
func TestEtcdRestored(t *testing.T) {
	t.Parallel()
	cp := plane.Start(t)
	w := &faultWorld{world: newWorldOn(t, cp)}
	w.through()
	s := scenario{start: []string{"alpha", "gamma"}, before: always(firstRelease, "alpha", "beta", "gamma")}
	stop := w.begin(s, "c001", "c002")
	before := w.uids("c001")

	snapshot := filepath.Join(t.TempDir(), "etcd")
	w.replace(cp, func(data string) { w.must(os.CopyFS(snapshot, os.DirFS(data))) })
	w.label("c001", "param", "enabled")
	w.label("c001", "alpha", "")
	w.reaches("c001", lines(firstRelease, "beta", "gamma", "param")...)
	for range 20 { // The snapshot is older by more than what happens next.
		w.label("c002", "note", "disabled")
		w.label("c002", "note", "")
	}

	w.replace(cp, func(data string) {
		w.must(os.RemoveAll(data))
		w.must(os.CopyFS(data, os.DirFS(snapshot)))
	})
	w.reaches("c001", lines(firstRelease, "alpha", "beta", "gamma")...)
	w.label("c001", "gamma", "disabled")
	w.label("c002", "param", "enabled")
	w.quiet()
	stop()
	w.argo.Stop()
	w.must(w.argo.Start(w.ctx))
	w.run()
	w.reaches("c001", lines(firstRelease, "alpha", "beta")...)
	w.reaches("c002", lines(firstRelease, "alpha", "beta", "gamma", "param")...)
	delete(before, "c001-gamma")
	if diff := remade(before, w.uids("c001")); diff != "" {
		t.Error(diff)
	}
}

// replace stops etcd and the API server, and starts them again with what is done to etcd's data in between.
func (w *faultWorld) replace(cp *plane.ControlPlane, do func(data string)) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Minute)
	defer cancel()
	cp.APIServer.Stop()
	cp.Etcd.Stop()
	do(filepath.Join(cp.Dir, "etcd"))
	w.must(cp.Etcd.Start(ctx))
	w.must(cp.APIServer.Start(ctx))
}
