package branches_test

import (
	"testing"

	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/test/github"
)

// TestPicksOfSomeBranches plans picks to one branch, and refuses one that is not there instead of having nothing to do.
func TestPicksOfSomeBranches(t *testing.T) {
	town := newTown(t, github.Options{})
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	o, done, err := town.options(t.Context())
	town.ok(err)
	defer done()
	plan, err := branches.Picks(t.Context(), o, []string{"release-1.32"})
	town.ok(err)
	if len(plan) == 0 {
		t.Error("nothing is picked to release-1.32")
	}
	for _, s := range plan {
		if s.Branch != "release-1.32" {
			t.Errorf("%s %s is planned for release-1.32", s.Action, s.Branch)
		}
	}
	_, err = branches.Picks(t.Context(), o, []string{"release-9.99"})
	if want := `--branch "release-9.99" is no live release branch: there are release-1.31, release-1.32`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
