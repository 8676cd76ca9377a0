package github

import (
	"fmt"
	"strings"
	"testing"
	"time"

	gh "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	standin "github.com/addon-manager/addon-manager/test/github"
)

// TestMerges merges in each way (a3): the commit that brought the pull request is the branch's.
func TestMerges(t *testing.T) {
	p := newPlace(t, standin.Options{})
	c := p.asUser("robot")
	for i, method := range []string{"merge", "squash", "rebase"} {
		head := "pick/release-1.31/" + method
		p.branch(head, "release-1.31")
		p.commit(head, "addons/second-"+method, "x")
		pull, err := c.Open(t.Context(), forge.NewPull{Title: method, Base: "release-1.31", Head: head})
		p.must(err)
		owner, name := c.repository()
		_, _, err = c.api.PullRequests.Merge(t.Context(), owner, name, pull.Number, "", &gh.PullRequestOptions{MergeMethod: method})
		p.must(err)
		tip, err := p.repo.Git.Resolve("release-1.31")
		p.must(err)
		single, err := c.Pull(t.Context(), pull.Number)
		p.must(err)
		listed, err := c.PullsSince(t.Context(), p.clock.now().Add(-time.Hour))
		p.must(err)
		for _, got := range []forge.Pull{single, listed[i]} {
			if !got.Merged || got.Open || got.MergeCommit != tip {
				t.Errorf("%s: merged %v, open %v, brought by %s, want %s", method, got.Merged, got.Open, got.MergeCommit, tip)
			}
		}
	}
}

// TestLongChecks says more than GitHub takes (a14): it is cut, between two characters, and found again the second time.
func TestLongChecks(t *testing.T) {
	p := newPlace(t, standin.Options{})
	head := p.branch("x", "main")
	check := forge.Check{Name: "addons/diff", Commit: head, Conclusion: forge.Neutral, Title: strings.Repeat("ä", 100), Summary: strings.Repeat("ä", 40_000)}
	for name, c := range map[string]*Client{"app": p.asApp(), "token": p.asUser("robot")} {
		for range 2 {
			if err := c.SetCheck(t.Context(), check); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, _, writes := c.Spent(); writes != 1 {
			t.Errorf("%s: %d writes, want 1", name, writes)
		}
	}
	runs, err := p.asApp().runs(t.Context(), head, "")
	p.must(err)
	if got := runs[0].GetOutput().GetSummary(); len(got) > 65_535 || len(got) < 65_500 || !strings.HasSuffix(got, "ä…") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-10:])
	}
}

// TestChecksOfOtherApps sets a check that another app has set, too: that one's is left alone, and counts as long as it is not green.
func TestChecksOfOtherApps(t *testing.T) {
	p := newPlace(t, standin.Options{})
	head := p.branch("x", "main")
	other, err := p.server.AddApp("other", "acme")
	p.must(err)
	theirs := p.asApp(func(o *Options) { o.App = &App{ID: other.ID, Installation: other.Installation, Key: other.Key} })
	p.must(theirs.SetCheck(t.Context(), forge.Check{Name: "x", Commit: head, Conclusion: forge.Failure, Title: "theirs"}))
	ours := p.asApp()
	// It starts, ends, and starts again, which takes a new run.
	for _, conclusion := range []forge.Conclusion{"", forge.Success, "", forge.Success} {
		p.must(ours.SetCheck(t.Context(), forge.Check{Name: "x", Commit: head, Conclusion: conclusion, Title: "ours"}))
	}
	runs, err := ours.runs(t.Context(), head, "x")
	p.must(err)
	var got []string
	for _, run := range runs {
		got = append(got, fmt.Sprint(run.GetApp().GetSlug(), " ", run.GetConclusion()))
	}
	if _, _, writes := ours.Spent(); fmt.Sprint(got) != "[other failure branch-bot success]" || writes != 4 {
		t.Errorf("%q after %d writes", got, writes)
	}
	checks, err := ours.Checks(t.Context(), head)
	p.must(err)
	same(t, "checks", checks, []forge.Check{{Name: "x", Commit: head, Conclusion: forge.Failure, Title: "theirs", Summary: "theirs"}})
}
