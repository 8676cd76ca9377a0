package tagging_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/bot/tagging"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// pending is what a ledger says while picks are on their way.
func pending() []ledger.Row {
	row := func(commit, title string, pull int, e ledger.Entry) ledger.Row {
		return ledger.Row{Commit: strings.Repeat(commit, 40), Title: title, Pull: pull, Branches: map[string]ledger.Entry{branch: e}}
	}
	return []ledger.Row{
		row("7", "Nobody picked this", 0, ledger.Entry{State: ledger.Missing}),
		row("6", "Comes after that", 0, ledger.Entry{State: ledger.Missing, After: []string{strings.Repeat("7", 40)}}),
		row("5", "Comes after the draft", 15, ledger.Entry{State: ledger.Waiting, After: []string{strings.Repeat("4", 40)}}),
		row("4", "Conflicts | <b>", 14, ledger.Entry{State: ledger.Draft, Pull: 24}),
		row("3", "Is reviewed", 0, ledger.Entry{State: ledger.Open, Pull: 23}),
		row("2", "Is not for 1.31", 12, ledger.Entry{State: ledger.Skipped, Reason: "label"}),
		row("1", "Is there", 11, ledger.Entry{State: ledger.Landed}),
	}
}

// TestOverrule has a release manager release in spite of checks and picks, and tell why.
func TestOverrule(t *testing.T) {
	w := newWorld(t)
	tip := w.repo.Commit(branch, map[string]string{"README.md": "1\n"}, "Say something")
	w.rows = pending()
	w.hub.required = []string{"addons/no-conflicts", "e2e", "lint", "slow", "unit"}
	w.hub.checks[tip] = []forge.Check{
		{Name: "e2e", Conclusion: forge.Failure}, {Name: "lint", Conclusion: forge.Skipped}, {Name: "slow"}, {Name: "other", Conclusion: forge.Failure},
	}
	o := w.bot()
	p := plan(t, o, request)
	golden(t, "pending.txt", told(p))
	if !p.Refused() || len(p.Steps) > 0 {
		t.Errorf("not refused: %+v", p.Steps)
	}
	p, _ = run(t, o, tagging.Request{Minor: m131, Anyway: "CVE-2026-1234 cannot wait"})
	golden(t, "overruled.txt", told(p))
	golden(t, "overruled-message.txt", w.repo.Git("for-each-ref", "--format=%(contents)", "refs/tags/v1.31-ake.1")+"\n")
	golden(t, "overruled.md", w.hub.releases["v1.31-ake.1"].Body)

	// A reason without anything to overrule is not told: somebody may always say it.
	w.rows, w.hub.required = nil, nil
	w.repo.Commit(branch, map[string]string{"README.md": "2\n"}, "Say more")
	run(t, o, tagging.Request{Minor: m131, Anyway: "just in case"})
	if body := w.hub.releases["v1.31-ake.2"].Body; strings.Contains(body, "just in case") || !strings.Contains(body, "Say more") {
		t.Errorf("the notes:\n%s", body)
	}
}

// TestRequired asks for the checks that the branch requires.
func TestRequired(t *testing.T) {
	w := newWorld(t)
	w.repo.SetBranch("change", "main")
	head := w.repo.Commit("change", map[string]string{"README.md": "1\n"}, "Say something")
	tip := w.repo.Commit(branch, map[string]string{"README.md": "1\n"}, "Say something (#5)")
	merged := ledger.Pull{Pull: forge.Pull{Number: 5, Merged: true, HeadCommit: head, MergeCommit: tip}}
	o := w.bot()
	for name, tc := range map[string]struct {
		required []string
		unknown  bool
		pull     ledger.Pull
		tip      []forge.Check
		want     string
	}{
		"none are required": {want: "checks ok: release-1.31 requires none\n"},
		"nobody may ask": {unknown: true, want: "checks refused: which checks release-1.31 requires cannot be asked\n" +
			"  give the bot the permission to read the repository's administration, or say --anyway \"reason\"\n"},
		"green": {required: []string{"e2e"}, tip: []forge.Check{{Name: "e2e", Conclusion: forge.Success}}, want: "checks ok: green: e2e\n"},
		"a new kind of end": {required: []string{"e2e"}, tip: []forge.Check{{Name: "e2e", Conclusion: "exploded"}}, want: "checks refused: the required check e2e ended with exploded on COMMIT\n" +
			"  correct what it found, or say --anyway \"reason\"\n"},
		"green on the pull request with the same files": {required: []string{"e2e"}, pull: merged, want: "checks ok: green: e2e\n"},
		"red since it was merged": {required: []string{"e2e"}, pull: merged, tip: []forge.Check{{Name: "e2e", Conclusion: forge.Failure}}, want: "checks refused: the required check e2e ended with failure on COMMIT\n" +
			"  correct what it found, or say --anyway \"reason\"\n"},
		"it never ran": {required: []string{"e2e"}, want: "checks refused: the required check e2e has not run on COMMIT\n" +
			"  let it run on pushes to release-1.31 too, or say --anyway \"reason\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w.hub.required, w.hub.unknown, w.pulls = tc.required, tc.unknown, []ledger.Pull{tc.pull}
			w.hub.checks = map[string][]forge.Check{tip: tc.tip, head: {{Name: "e2e", Conclusion: forge.Success}}}
			got := told(plan(t, o, request))
			if _, got, _ = strings.Cut(commits.ReplaceAllString(got, "COMMIT"), "not merged\n"); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
	w.hub.down = errDown
	if _, err := tagging.Make(t.Context(), o, request); !errors.Is(err, errDown) {
		t.Errorf("a forge that is down: %v", err)
	}
	w.hub.down = nil

	// Something else was merged after the pull request's checks ran: they say nothing of what is there now.
	w.repo.Commit("change", map[string]string{"README.md": "0\n"}, "Undo")
	w.hub.required, w.hub.checks = []string{"e2e"}, map[string][]forge.Check{w.repo.Commit("change", map[string]string{"OTHER.md": "1\n"}, "Other"): {{Name: "e2e", Conclusion: forge.Success}}}
	for commit := range w.hub.checks {
		w.pulls = []ledger.Pull{{Pull: forge.Pull{Number: 5, Merged: true, HeadCommit: commit, MergeCommit: tip}}}
	}
	if p := plan(t, o, request); !p.Refused() {
		t.Errorf("checks of other files counted: %s", told(p))
	}
}
