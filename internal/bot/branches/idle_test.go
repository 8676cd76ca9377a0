package branches_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/test/github"
)

// TestNothingToDo counts what the bot asks for when nothing has changed. It writes nothing.
func TestNothingToDo(t *testing.T) {
	town := newTown(t, github.Options{})
	for i := range 3 {
		town.change(fmt.Sprintf("Add file %d", i), "squash", map[string]string{fmt.Sprintf("addons/cert/%d.yaml", i): settings("cert", "2")})
	}
	town.settle()
	town.server.ForgetRequests()
	town.expect(town.run())
	if w := town.server.Writes(); len(w) > 0 {
		t.Errorf("wrote %+v", w)
	}
	asked := map[string]int{}
	for _, r := range town.server.Requests() {
		asked[r.Operation]++
	}
	// Who we are, the lists, and for each of 6 pull requests its checks, of both kinds, and for each of 3 changes the comments.
	want := map[string]int{
		"users/get-authenticated": 1, "git/fetch": 2, "pulls/list": 2, "checks/list-for-ref": 6, "repos/get-combined-status-for-ref": 6, "issues/list-comments": 3,
	}
	if fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked  %v\nwanted %v", asked, want)
	}
}

// TestThroughTheLimits has 40 changes go to 4 branches at once, and GitHub's limits in the way: 80 writes a minute, 500 an hour.
func TestThroughTheLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("160 pull requests take a minute")
	}
	town := newTown(t, github.Options{})
	const changes, minors = 40, 4
	town.commit("main", "Offer four", map[string]string{"catalog.yaml": fmt.Sprintf(catalogText, `"1.31", "1.32", "1.33", "1.34"`)})
	for i := range minors {
		town.branch(fmt.Sprintf("release-1.%d", 31+i), "main")
	}
	for i := range changes {
		town.change(fmt.Sprintf("Add file %d", i), "squash", map[string]string{fmt.Sprintf("addons/cert/%d.yaml", i): settings("cert", "2")})
	}
	town.server.ForgetRequests()
	began := town.clock.Now()
	town.settle()
	if n := town.server.MaxWritesPerMinute(); n > 80 {
		t.Errorf("%d writes in a minute", n)
	}
	seen := map[string]bool{}
	for _, p := range town.repo.Pulls() {
		key := p.Base + " " + strings.TrimPrefix(p.Title, "["+p.Base+"] ")
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if p.Base != "main" && (p.State != "open" || len(p.Labels) != 1 || len(p.Assignees) != 1 || town.check(p.Number) != "success") {
			t.Errorf("#%d is not finished: %+v", p.Number, p)
		}
	}
	if want := changes * (minors + 1); len(seen) != want {
		t.Errorf("%d pull requests, want %d", len(seen), want)
	}
	for i := range changes {
		if n := len(town.where(i + 1)); n != minors {
			t.Errorf("#%d tells of %d branches", i+1, n)
		}
	}
	for _, r := range town.server.Writes() {
		if r.Status >= 400 {
			t.Errorf("%s %s was answered with %d", r.Method, r.Path, r.Status)
		}
	}
	t.Logf("%d writes, at most %d a minute, in %v by the clock of the limits", len(town.server.Writes()), town.server.MaxWritesPerMinute(), town.clock.Now().Sub(began))
}
