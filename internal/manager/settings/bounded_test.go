package settings_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/manager/settings"
)

// TestLongMessagesAreCutBetweenLetters: half a letter would come back from the API server as another text than was written, and be written again.
func TestLongMessagesAreCutBetweenLetters(t *testing.T) {
	for _, message := range []string{strings.Repeat("a", 1000), strings.Repeat("é", 600), "x" + strings.Repeat("é", 600)} {
		got := settings.DeletionStatus(budget.Ledger{}, &budget.Quarantine{Message: message}).Quarantine.Message
		if !utf8.ValidString(got) || len(got) > 1024 || !strings.HasPrefix(message, strings.TrimSuffix(got, "…")) {
			t.Errorf("%d bytes became %d, ending in %q", len(message), len(got), got[len(got)-8:])
		}
	}
}
