package proposing

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/test/github"
)

// TestDashboard opens one issue once there is something to say, and keeps it, whatever people do to it.
func TestDashboard(t *testing.T) {
	town := newTown(t, github.Options{})
	town.expect(town.run())
	if issues := town.repo.Issues(); len(issues) != 0 {
		t.Errorf("there is nothing to say, and there are %+v", issues)
	}
	// Who else has an issue of that name, or one with the label, has nothing to do with it.
	_, err := town.repo.OpenIssue(github.NewIssue{Author: "mallory", Title: proposal.BoardTitle, Body: "Mine.", Labels: []string{LabelBoard}})
	town.ok(err)
	_, err = town.repo.OpenIssue(github.NewIssue{Author: "branch-bot", Title: "Something else", Labels: []string{LabelBoard}})
	town.ok(err)
	town.published["cert"], town.published["log"] = []string{"4.1.0", "4.2.3"}, []string{"4.1.0", "4.2.3"}
	town.broken["dns"] = "charts.example.com does not answer"
	town.rules.MaxOpen = 1
	town.settle()
	board := func() github.Issue {
		t.Helper()
		all := town.repo.Issues()
		if len(all) != 3 || all[0].Body != "Mine." || all[1].Body != "" || all[2].Author != "branch-bot" || all[2].Title != proposal.BoardTitle {
			t.Fatalf("there are %+v", all)
		}
		return all[2]
	}
	right := board().Body
	for _, want := range []string{"#3", "1 upgrade pull request is open, at most 1 may be (maxOpen)", "charts.example.com does not answer", "## Waiting"} {
		if !strings.Contains(right, want) {
			t.Errorf("it lacks %q:\n%s", want, right)
		}
	}
	town.idle()
	number := board().Number
	town.ok(town.repo.EditIssue(number, "ann", "Nothing to see."))
	town.expect(doing(town.run()), "done    dashboard: say what is pending, refused, ignored and failing in #4")
	if got := board().Body; got != right {
		t.Errorf("got\n%s\nwant\n%s", got, right)
	}
	// Who closes it does not want to see it. What it remembers goes on.
	town.ok(town.repo.CloseIssue(number, "ann"))
	town.idle()
	delete(town.broken, "dns")
	town.settle()
	if i := board(); i.State != "closed" || i.Body == right || strings.Contains(i.Body, "does not answer") {
		t.Errorf("it is %+v", i)
	}
	town.idle()
}

// TestDashboardCutOff loses the answer to opening it: there is still only one.
func TestDashboardCutOff(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"] = []string{"4.1.0", "4.2.3"}
	town.server.Script(github.Fault{On: "issues/create", Times: 1, Cut: github.After})
	town.settle()
	town.board()
	town.idle()
}

// TestDashboardOfPeople lists a pull request that is a person's by now with what is in it, whatever is newer meanwhile.
func TestDashboardOfPeople(t *testing.T) {
	town := newTown(t, github.Options{})
	town.published["cert"] = []string{"4.1.0", "4.2.3"}
	town.settle()
	town.by("upgrade/main/cert", "addons/cert/more.yaml", "a: 1\n")
	town.published["cert"] = append(town.published["cert"], "5.0.0", "4.3.0")
	town.settle()
	want := "| #1 | cert | `main` | `4.1.0` → `4.2.3` | minor; Addon Tester has committed to it, so it is left to people |\n"
	if got := town.board(); !strings.Contains(got, want) {
		t.Errorf("it says\n%s\nwant in it\n%s", got, want)
	}
}

// TestDashboardWithoutAccess opens no issue that would have no label, and so would be opened again by each run.
func TestDashboardWithoutAccess(t *testing.T) {
	town := newTown(t, github.Options{})
	town.broken["cert"] = "charts.example.com does not answer"
	town.repo.Allow("branch-bot", "read")
	for range 2 {
		_, err := town.try(t.Context())
		if want := "dashboard: branch-bot needs write access to acme/config: "; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s…", err, want)
		}
	}
	if issues := town.repo.Issues(); len(issues) != 0 {
		t.Errorf("there are %+v", issues)
	}
}

// TestDashboardWaits is not written again because a server that wants to be left alone names a later time.
func TestDashboardWaits(t *testing.T) {
	town := newTown(t, github.Options{})
	town.broken["cert"] = "https://charts.example.com asks to wait until 2025-03-01 13:00:00 UTC, because it is asked too much"
	town.settle()
	town.broken["cert"] = "https://charts.example.com asks to wait until 2025-03-01 13:05:07 UTC, because it is asked too much"
	town.idle()
	town.broken["cert"] = "https://charts.example.com does not answer"
	town.settle()
	if got := town.board(); !strings.Contains(got, "does not answer") {
		t.Errorf("it says\n%s", got)
	}
}
