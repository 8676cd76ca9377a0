package resolve_test

import (
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

// TestOutdated tells a report that only has to be repeated from one that is evidence, and from one about another revision.
func TestOutdated(t *testing.T) {
	const commit, other = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	moved := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		revision   string
		reconciled time.Time
		want       bool
	}{
		"found before the revision was written":     {commit, moved.Add(-time.Second), true},
		"found afterwards":                          {commit, moved, false},
		"about another revision":                    {other, moved.Add(-time.Second), false},
		"about none, for it was never looked at":    {"", time.Time{}, false},
		"without a time, where the revision counts": {commit, time.Time{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := resolve.Pair{
				Element: &resolve.Element{Commit: commit, Moved: moved.Format(time.RFC3339)},
				Status:  resolve.Status{Sync: "Synced", Health: "Healthy", Revision: tc.revision, Reconciled: tc.reconciled},
			}
			if got := p.Outdated(); got != tc.want {
				t.Errorf("Outdated() = %v, want %v", got, tc.want)
			}
		})
	}
}
