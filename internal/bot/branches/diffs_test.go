package branches_test

import (
	"context"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/test/github"
)

// TestDiffAtOnce opens pull requests that say in the same run what they change, and renews one whose comment is renewed with it.
func TestDiffAtOnce(t *testing.T) {
	town := newTown(t, github.Options{})
	var asked []string
	town.diff = func(_ context.Context, base, head, onto string) (string, error) {
		asked = append(asked, onto)
		return "from " + base + " to " + head + "\n", nil
	}
	source := town.change("Raise cert", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.run()
	for _, p := range town.repo.Pulls() {
		if p.Number == source {
			continue
		}
		base, err := town.repo.Git.Git("merge-base", p.Base, p.HeadSHA)
		town.ok(err)
		if got, want := town.said(p.Number, "from "), "from "+base+" to "+p.HeadSHA+"\n"; !strings.HasSuffix(got, want) {
			t.Errorf("#%d says %q, want %q", p.Number, got, want)
		}
	}
	if got, want := strings.Join(asked, " "), "release-1.31 release-1.32"; got != want {
		t.Errorf("compared for %q, want %q", got, want)
	}
	town.expect(town.run())
	if len(asked) != 2 {
		t.Errorf("compared %d times", len(asked))
	}
}
