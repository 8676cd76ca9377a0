package manager

import (
	"context"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// TestLedgerIsNeverWrittenBlindly has the conductor write: whatever changed, it writes on condition that nobody else did in between.
func TestLedgerIsNeverWrittenBlindly(t *testing.T) {
	var versions []string
	captured := interceptor.NewClient(fake.NewFakeClient(), interceptor.Funcs{
		SubResourcePatch: func(_ context.Context, _ client.Client, _ string, o client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
			versions = append(versions, o.GetResourceVersion())
			o.SetResourceVersion(o.GetResourceVersion() + "+")
			return nil
		},
	})
	now := time.Now()
	c := &conductor{client: captured, counters: newCounters(), now: func() time.Time { return now }}
	c.written = remembered{key: client.ObjectKey{Namespace: "argocd", Name: "fleet"}, version: "7"}
	result := resolve.Conducted{Ledger: budget.Ledger{Grants: []budget.Grant{{Cluster: "tokyo-1", Addon: "certs", Action: "remove", At: now}}}}
	write := func() {
		t.Helper()
		if _, err := c.write(t.Context(), result); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
	}
	write()
	result.Rollouts = []rollout.Status{{Release: "v1.31-ake.1", State: rollout.StateProgressing}}
	write()
	if len(versions) != 2 || versions[0] != "7" || versions[1] != "7+" {
		t.Errorf("written at versions %q, want what was read and what came of it", versions)
	}
}
