package resolve_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// TestConductAnswersEverybody holds that each cluster has a permit, one that is given up too: whoever has none waits for it.
func TestConductAnswersEverybody(t *testing.T) {
	s := resolve.Prepare(resolve.Source{}, resolve.Policy{}, resolve.NamesOf(nil))
	out := s.Conduct([]resolve.Standing{
		{Cluster: rollout.Cluster{Name: "given-up"}, Excluded: true},
		{Cluster: rollout.Cluster{Name: "other"}},
	}, budget.Ledger{}, time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))
	var got []string
	for _, name := range []string{"given-up", "other"} {
		if _, ok := out.Permits[name]; ok {
			got = append(got, name)
		}
	}
	if diff := cmp.Diff([]string{"given-up", "other"}, got); diff != "" {
		t.Errorf("who has a permit (-want +got):\n%s", diff)
	}
}
