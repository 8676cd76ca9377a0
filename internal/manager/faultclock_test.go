package manager_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/manager"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A clock that is ten minutes off, or jumps, takes nothing away early and ends in the same. While it is ahead of Argo CD's, what Argo CD found is no
// evidence yet.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var skew atomic.Int64
	jump := func(d time.Duration) { skew.Store(int64(d)) }
	w.release("1.31", "v1.31-ake.1", catalogOf("alpha", "beta enabled: always"))
	w.source()
	w.tune(func(s *v1alpha1.CatalogSourceSpec) { s.Deletion.Grace = &metav1.Duration{Duration: 30 * time.Minute} })
	w.cluster("tokyo-1", "v1.31.4", map[string]string{"alpha": "enabled"})

	jump(-10 * time.Minute)
	w.runWith(manager.Options{Clock: func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }})
	w.expect("tokyo-1", "alpha keep v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
	uid := w.application("tokyo-1-alpha").UID

	w.label("tokyo-1", "alpha", "")
	w.expect("tokyo-1", "alpha disable v1.31-ake.1 ready", "beta keep v1.31-ake.1 ready")
	jump(10 * time.Minute)
	commit := w.release("1.31", "v1.31-ake.2", map[string]string{"addons/beta/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: beta2}\n"})
	w.eventually("beta moves", func() error {
		if got := w.application("tokyo-1-beta").Spec.Source.TargetRevision; got != commit {
			return fmt.Errorf("it names %s", got)
		}
		return nil
	})
	w.expect("tokyo-1", "alpha disable v1.31-ake.1 ready", "beta keep v1.31-ake.2")
	jump(-10 * time.Minute)
	w.label("tokyo-1", "alpha", "enabled")
	w.eventually("alpha moves with the cluster", func() error {
		if got := w.application("tokyo-1-alpha").Spec.Source.TargetRevision; got != commit {
			return fmt.Errorf("it names %s", got)
		}
		return nil
	})
	if got := w.application("tokyo-1-alpha").UID; got != uid {
		t.Errorf("alpha was made anew")
	}
	w.expect("tokyo-1", "alpha keep v1.31-ake.2 ready", "beta keep v1.31-ake.2")

	// Only its own countdown takes it away.
	w.label("tokyo-1", "alpha", "disabled")
	w.expect("tokyo-1", "alpha disable v1.31-ake.2 ready", "beta keep v1.31-ake.2")
	jump(25 * time.Minute)
	w.label("tokyo-1", "beta", "enabled") // Anything that has the cluster looked at.
	w.expect("tokyo-1", "beta keep v1.31-ake.2")
	w.eventually("alpha is gone", func() error { return w.none("tokyo-1-alpha") })
}
