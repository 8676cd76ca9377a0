package proposing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/test/github"
)

// crowd has addons on main and three release branches, each of which has a newer version of its own.
func crowd(t *testing.T, addons int) *town {
	t.Helper()
	town := newTown(t, github.Options{})
	var offered strings.Builder
	fmt.Fprintf(&offered, "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [\"1.31\", \"1.32\", \"1.33\"]}\naddons:\n")
	files := map[string]string{}
	for i := range addons {
		name := fmt.Sprintf("addon-%02d", i)
		fmt.Fprintf(&offered, "- {name: %s, namespace: %s}\n", name, name)
		files["addons/"+name+"/version.yaml"], files["addons/"+name+"/setting.yaml"] = pinned("4.1.0"), "setting: one\n"
		town.published[name] = []string{"4.1.0", "4.2.0", "4.3.0"}
		for _, branch := range []string{"release-1.31", "release-1.32", "release-1.33"} {
			town.limits[branch+" "+name] = "4.2.0"
		}
	}
	files["catalog.yaml"] = offered.String()
	town.commit("main", "Offer many", files)
	for _, branch := range []string{"release-1.31", "release-1.32", "release-1.33"} {
		town.branch(branch, "main")
	}
	return town
}

// TestNothingToDo counts what the bot asks for when nothing has changed. It writes nothing, and compares and reads nothing of upstreams.
func TestNothingToDo(t *testing.T) {
	town := crowd(t, 3)
	town.settle()
	town.diffs, town.notes = 0, 0
	town.idle()
	asked := map[string]int{}
	for _, r := range town.server.Requests() {
		asked[r.Operation]++
	}
	// Who we are, the lists, and the comments of each of 12 pull requests.
	want := map[string]int{"users/get-authenticated": 1, "git/fetch": 2, "pulls/list": 1, "issues/list-for-repo": 1, "issues/list-comments": 12}
	if fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked  %v\nwanted %v", asked, want)
	}
	if town.diffs != 0 || town.notes != 0 {
		t.Errorf("compared %d times, read notes %d times", town.diffs, town.notes)
	}
	// What is merged of one addon touches no pull request of another.
	for _, p := range town.repo.Pulls() {
		if p.Head == "upgrade/main/addon-01" {
			town.merge(p.Number)
		}
	}
	town.server.ForgetRequests()
	town.run()
	if got := town.writes(); len(got) != 1 || got[0] != "issues/update" {
		t.Errorf("a merge made it write %q", got)
	}
}

// TestThroughTheLimits has 40 addons on 4 branches with newer versions at once, and GitHub's limits in the way: 80 writes a minute, 500 an hour.
func TestThroughTheLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("160 pull requests take a minute")
	}
	const addons, branches = 40, 4
	town := crowd(t, addons)
	town.server.ForgetRequests()
	began := town.clock.Now()
	town.run()
	took := town.clock.Now().Sub(began)
	seen := map[string]bool{}
	for _, p := range town.repo.Pulls() {
		if seen[p.Base+p.Head] || p.State != "open" || len(p.Labels) == 0 {
			t.Errorf("#%d is there twice, or not finished: %+v", p.Number, p)
		}
		seen[p.Base+p.Head] = true
	}
	if len(seen) != addons*branches {
		t.Errorf("%d pull requests, want %d", len(seen), addons*branches)
	}
	counts := map[string]int{}
	for _, op := range town.writes() {
		counts[op]++
	}
	want := map[string]int{"git/push": 160, "pulls/create": 160, "issues/add-labels": 160, "issues/create": 1}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("wrote %v, want %v", counts, want)
	}
	if n := town.server.MaxWritesPerMinute(); n > 80 {
		t.Errorf("%d writes in a minute", n)
	}
	t.Logf("%d requests, %d writes, at most %d a minute, in %v by the clock of the limits", len(town.server.Requests()), len(town.writes()), town.server.MaxWritesPerMinute(), took)
	town.idle()
	t.Logf("nothing new: %d requests", len(town.server.Requests()))
}
