package branches_test

import (
	"context"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/proposal"
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

// TestDiffOnce leaves out the comment on pull requests whose own text has the comparison, until somebody pushes to them.
func TestDiffOnce(t *testing.T) {
	town := newTown(t, github.Options{})
	town.diff = func(_ context.Context, base, head, _ string) (string, error) {
		return "from " + base + " to " + head + "\n", nil
	}
	propose := func(author, branch string) (number int) {
		town.branch(branch, "main")
		head := town.commit(branch, "Raise cert", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
		body := proposal.Hide("What it changes.", proposal.Marker{Kind: proposal.KindUpgrade, Branch: "main", Unit: "cert", Head: head})
		number, err := town.repo.OpenPull(github.NewPull{Author: author, Title: "Raise cert", Body: body, Head: branch, Base: "main"})
		town.ok(err)
		return number
	}
	propose("branch-bot", "upgrade/main/cert")
	town.expect(town.run())
	propose("ann", "copied")
	town.expect(town.run(), "done    comment main #2: say what it changes in the manifests")
	town.commit("upgrade/main/cert", "Raise it further", map[string]string{"addons/cert/cert.yaml": settings("cert", "3")})
	town.expect(town.run(), "done    comment main #1: say what it changes in the manifests")
	town.expect(town.run())
}
