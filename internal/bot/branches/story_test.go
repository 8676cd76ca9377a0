package branches_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/test/github"
)

// said is the bot's comment of a kind on a pull request.
func (town *town) said(number int, heading string) string {
	town.Helper()
	var found []string
	for _, c := range town.repo.Comments(number) {
		if (c.Author == "branch-bot" || town.app != nil && c.Author == town.app.Login) && strings.Contains(c.Body, heading) {
			found = append(found, strings.ReplaceAll(c.Body, town.server.URL()+"/acme/config", ""))
		}
	}
	if len(found) > 1 {
		town.Errorf("#%d has %d comments with %q", number, len(found), heading)
	}
	return strings.Join(found, "\n---\n")
}

// where is the table of a ledger comment, a line for each branch.
func (town *town) where(number int) (lines []string) {
	town.Helper()
	for l := range strings.Lines(town.said(number, "### Where this is")) {
		if strings.HasPrefix(l, "| `release") {
			lines = append(lines, strings.TrimSpace(l))
		}
	}
	return lines
}

// check is what addons/no-conflicts says of a pull request's head.
func (town *town) check(number int) string {
	for _, c := range town.repo.Checks(town.pull(number).HeadSHA) {
		if c.Name == "addons/no-conflicts" {
			return c.Conclusion
		}
	}
	return ""
}

func (town *town) pull(number int) github.Pull {
	town.Helper()
	for _, p := range town.repo.Pulls() {
		if p.Number == number {
			return p
		}
	}
	town.Fatalf("there is no #%d", number)
	return github.Pull{}
}

// TestOneChange follows a change from its merge to the releases of both branches.
func TestOneChange(t *testing.T) {
	town := newTown(t, github.Options{})
	town.expect(town.run())
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	lines := town.run()
	head := town.pull(2).HeadSHA[:12]
	town.expect(lines,
		`done    open release-1.31: open a pull request "[release-1.31] Set cert to 2"`,
		`done    open release-1.32: open a pull request "[release-1.32] Set cert to 2"`,
		`done    check release-1.31: set addons/no-conflicts of `+head+` to success: No conflicts`,
		`done    check release-1.32: set addons/no-conflicts of `+head+` to success: No conflicts`,
		`done    comment #1: say where the change is`,
	)
	town.expect(town.pulls(),
		`#2 release-1.31 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, open ["cherry-pick"]`,
		`#3 release-1.32 ← pick/release-1.32/pr-1 by branch-bot: [release-1.32] Set cert to 2, open ["cherry-pick"]`,
	)
	town.expect(town.pull(2).Assignees, "ann")
	town.expect([]string{town.check(2), town.check(3)}, "success", "success")
	town.expect(town.where(1),
		"| `release-1.31` | open | [#2](/pull/2) |  |",
		"| `release-1.32` | open | [#3](/pull/3) |  |",
	)
	town.expect(town.run())

	town.merge(2, "squash")
	town.expect(town.run(), "done    comment #1: say where the change is")
	landed := town.pull(2).MergeSHA[:12]
	first := fmt.Sprintf("| `release-1.31` | landed | [`%s`](/commit/%s) [#2](/pull/2) |  |", landed, town.pull(2).MergeSHA)
	town.expect(town.where(1), first, "| `release-1.32` | open | [#3](/pull/3) |  |")
	if got := town.content("release-1.31", "addons/cert/cert.yaml"); got != settings("cert", "2") {
		t.Errorf("release-1.31 has\n%s", got)
	}
	town.ok(town.repo.Git.AnnotatedTag("v1.31-ake.1", "release-1.31", "The first"))
	town.merge(3, "merge")
	town.expect(town.run(), "done    comment #1: say where the change is")
	town.expect(town.where(1), strings.Replace(first, "| landed | ", "| landed | `v1.31-ake.1` ", 1),
		fmt.Sprintf("| `release-1.32` | landed | [`%s`](/commit/%s) [#3](/pull/3) |  |", town.pull(3).HeadSHA[:12], town.pull(3).HeadSHA))
	town.ok(town.repo.Git.AnnotatedTag("v1.32-ake.1", "release-1.32", "The first"))
	town.expect(town.run(), "done    comment #1: say where the change is")
	town.expect(town.run())
}

// TestMergeMethods brings changes that were merged in each way to a branch, where people merge the picks in each way.
func TestMergeMethods(t *testing.T) {
	town := newTown(t, github.Options{})
	methods := []string{"squash", "merge", "rebase"}
	var sources []int
	for i, method := range methods {
		branch := fmt.Sprintf("feature-%d", i)
		town.branch(branch, "main")
		town.commit(branch, "First of "+branch, map[string]string{fmt.Sprintf("addons/cert/%d.yaml", i): settings("first", "1")})
		town.commit(branch, "Second of "+branch, map[string]string{fmt.Sprintf("addons/cert/%d.yaml", i): settings("first", "2")})
		number := town.propose(branch, "main", "Feature "+method)
		town.merge(number, method)
		sources = append(sources, number)
	}
	town.run()
	var picks []string
	for _, p := range town.repo.Pulls() {
		if p.Base != "main" {
			picks = append(picks, fmt.Sprintf("#%d %s %s: %d commits", p.Number, p.Base, p.Title, len(p.Commits)))
		}
	}
	town.expect(picks,
		"#4 release-1.31 [release-1.31] Feature squash: 1 commits", "#5 release-1.32 [release-1.32] Feature squash: 1 commits",
		"#6 release-1.31 [release-1.31] Feature merge: 1 commits", "#7 release-1.32 [release-1.32] Feature merge: 1 commits",
		"#8 release-1.31 [release-1.31] Feature rebase: 2 commits", "#9 release-1.32 [release-1.32] Feature rebase: 2 commits",
	)
	for i, number := range []int{4, 6, 8} {
		town.merge(number, methods[i])
		town.merge(number+1, methods[(i+1)%3])
	}
	town.settle()
	for _, number := range sources {
		for _, l := range town.where(number) {
			if !strings.Contains(l, "| landed |") {
				t.Errorf("#%d: %s", number, l)
			}
		}
		if n := len(town.where(number)); n < 2 {
			t.Errorf("#%d: the comment has %d lines about branches", number, n)
		}
	}
}

// TestWaiting has two changes of one file: the second is proposed once the first is there, and says so until then.
func TestWaiting(t *testing.T) {
	town := newTown(t, github.Options{})
	town.minors = `"1.31"`
	town.commit("main", "Offer less", map[string]string{"catalog.yaml": fmt.Sprintf(catalogText, town.minors)})
	town.commit("release-1.31", "Offer less", map[string]string{"catalog.yaml": fmt.Sprintf(catalogText, town.minors)})
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.change("Set cert to 3", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "3")})
	town.change("Set dns to 2", "squash", map[string]string{"addons/dns/dns.yaml": settings("dns", "2")})
	lines := town.run()
	if want := `told    wait release-1.31: #2 "Set cert to 3" is not picked: comes after #1, which changes the same files`; !slices.Contains(lines, want) {
		t.Errorf("%q has no %q", lines, want)
	}
	town.expect(town.pulls(),
		`#4 release-1.31 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, open ["cherry-pick"]`,
		`#5 release-1.31 ← pick/release-1.31/pr-3 by branch-bot: [release-1.31] Set dns to 2, open ["cherry-pick"]`,
	)
	town.expect(town.where(2), "| `release-1.31` | waiting |  | waits for &#35;&#8203;1, which changes the same files |")
	town.expect(doing(town.run()))
	town.merge(4, "rebase")
	town.settle()
	town.expect(town.pulls()[2:], `#6 release-1.31 ← pick/release-1.31/pr-2 by branch-bot: [release-1.31] Set cert to 3, open ["cherry-pick"]`)
	town.merge(6, "squash")
	town.settle()
	if got := town.content("release-1.31", "addons/cert/cert.yaml"); got != settings("cert", "3") {
		t.Errorf("release-1.31 has\n%s", got)
	}
}

// TestMissingBefore has a change that needs one that was kept off the branch. Once that is let in, the draft gives way to a clean pull request.
func TestMissingBefore(t *testing.T) {
	town := newTown(t, github.Options{})
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.ok(town.repo.LabelPull(1, "ben", "no-cherry-pick/1.31"))
	town.change("Set cert to 3", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "3")})
	town.settle()
	town.expect(town.pulls(),
		`#3 release-1.32 ← pick/release-1.32/pr-1 by branch-bot: [release-1.32] Set cert to 2, open ["cherry-pick"]`,
		`#4 release-1.31 ← pick/release-1.31/pr-2 by branch-bot: [release-1.31] Set cert to 3, open draft ["cherry-pick" "conflict"]`,
	)
	body := town.pull(4).Body
	for _, want := range []string{"| `addons/cert/cert.yaml` | content |", "Set cert to 2 | skipped: label no-cherry-pick/1.31 on &#35;&#8203;1 |", "git cherry-pick -x "} {
		if !strings.Contains(body, want) {
			t.Errorf("the draft lacks %q:\n%s", want, body)
		}
	}
	town.expect([]string{town.check(4), town.check(3)}, "failure", "success")

	town.ok(town.repo.UnlabelPull(1, "ben", "no-cherry-pick/1.31"))
	town.settle()
	if got := town.pulls()[2]; got != `#5 release-1.31 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, open ["cherry-pick"]` {
		t.Error(got)
	}
	town.merge(5, "squash")
	lines := town.run()
	if want := `done    replace release-1.31 #4: close "[release-1.31] Set cert to 3" for a new pull request: it applies cleanly now, and a draft cannot be made a normal pull request`; !slices.Contains(lines, want) {
		t.Errorf("%q has no %q", lines, want)
	}
	town.settle()
	town.expect([]string{town.pulls()[1], town.pulls()[3]},
		`#4 release-1.31 ← pick/release-1.31/pr-2 by branch-bot: [release-1.31] Set cert to 3, closed draft ["cherry-pick" "conflict"]`,
		`#6 release-1.31 ← pick/release-1.31/pr-2 by branch-bot: [release-1.31] Set cert to 3, open ["cherry-pick"]`,
	)
	if want := "> **Closed by the bot:** it applies cleanly now, and a draft cannot be made a normal pull request.\n"; !strings.HasPrefix(town.pull(4).Body, want) {
		t.Errorf("the closed draft says\n%s", town.pull(4).Body)
	}
	town.expect([]string{town.check(6)}, "success")
}

// TestLabels keeps a change off a branch after its pull request was opened, and lets it back.
func TestLabels(t *testing.T) {
	town := newTown(t, github.Options{})
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.settle()
	town.ok(town.repo.LabelPull(1, "ben", "no-cherry-pick/1.31"))
	town.expect(town.run(),
		`done    close release-1.31 #2: close "[release-1.31] Set cert to 2": label no-cherry-pick/1.31 on #1`,
		`done    comment #1: say where the change is`,
	)
	town.expect(town.run())
	town.expect(town.where(1)[:1], "| `release-1.31` | skipped |  | label no-cherry-pick/1.31 on &#35;&#8203;1 |")
	town.ok(town.repo.UnlabelPull(1, "ben", "no-cherry-pick/1.31"))
	town.settle()
	town.expect(town.pulls(),
		`#2 release-1.31 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, closed ["cherry-pick"]`,
		`#3 release-1.32 ← pick/release-1.32/pr-1 by branch-bot: [release-1.32] Set cert to 2, open ["cherry-pick"]`,
		`#4 release-1.31 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, open ["cherry-pick"]`,
	)
}

// TestMinors adds a minor, which gets a branch, and takes one away, whose pull requests are closed.
func TestMinors(t *testing.T) {
	town := newTown(t, github.Options{})
	town.follow = []version.Minor{{Major: 1, Minor: 33}}
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.settle()
	town.change("Offer 1.33, no longer 1.31", "squash", map[string]string{"catalog.yaml": fmt.Sprintf(catalogText, `"1.32", "1.33"`)})
	town.settle()
	town.expect(town.pulls(),
		`#2 release-1.31 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, closed ["cherry-pick"]`,
		`#3 release-1.32 ← pick/release-1.32/pr-1 by branch-bot: [release-1.32] Set cert to 2, open ["cherry-pick"]`,
	)
	if want := "> **Closed by the bot:** the catalog of main does not offer 1.31 any more.\n"; !strings.HasPrefix(town.pull(2).Body, want) {
		t.Errorf("the closed pull request says\n%s", town.pull(2).Body)
	}
	refs := town.repo.Refs()
	if refs["refs/heads/release-1.31"] == "" || refs["refs/heads/release-1.33"] != refs["refs/heads/main"] {
		t.Errorf("the branches are %v", refs)
	}
	town.change("Set dns to 2", "squash", map[string]string{"addons/dns/dns.yaml": settings("dns", "2")})
	town.settle()
	refs = town.repo.Refs()
	if refs["refs/heads/release-1.33"] != refs["refs/heads/main"] {
		t.Errorf("release-1.33 does not follow main: %v", refs)
	}
	town.change("Offer 1.31 again", "squash", map[string]string{"catalog.yaml": fmt.Sprintf(catalogText, `"1.31", "1.32", "1.33"`)})
	town.settle()
	if got := town.pulls(); !slices.ContainsFunc(got, func(l string) bool {
		return strings.HasSuffix(l, `release-1.31 ← pick/release-1.31/pr-1 by branch-bot: [release-1.31] Set cert to 2, open ["cherry-pick"]`)
	}) {
		t.Errorf("nothing is proposed to the branch that came back: %q", got)
	}
}

// TestDiffs says on open pull requests what they do, once for each head.
func TestDiffs(t *testing.T) {
	town := newTown(t, github.Options{})
	asked := 0
	town.diff = func(_ context.Context, base, head, name string) (string, error) {
		asked++
		if head == town.repo.Refs()["refs/heads/broken"] {
			return "", fmt.Errorf("head: catalog.yaml:1:1: <!-- @everyone")
		}
		return fmt.Sprintf("### Manifests of %s\n\n%s to %s\n", name, base, head), nil
	}
	base := town.repo.Refs()["refs/heads/main"]
	town.branch("change", "main")
	head := town.commit("change", "Set dns to 2", map[string]string{"addons/dns/dns.yaml": settings("dns", "2")})
	town.propose("change", "main", "Set dns to 2")
	town.expect(town.run(), "done    comment main #1: say what it changes in the manifests")
	want := fmt.Sprintf(`<!-- branch-bot {"kind":"diff","base":"%s","head":"%s"} -->`+"\n### Manifests of main\n\n%s to %s\n", base, head, base, head)
	if got := town.said(1, "Manifests"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	town.commit("main", "Something else", map[string]string{"README.md": "Hello.\n"})
	town.settle()
	if got := town.said(1, "Manifests"); got != want {
		t.Errorf("main moved on, and the comment says\n%s", got)
	}
	head = town.commit("change", "Set dns to 3", map[string]string{"addons/dns/dns.yaml": settings("dns", "3")})
	town.settle()
	if got := town.said(1, "Manifests"); !strings.HasSuffix(got, base+" to "+head+"\n") {
		t.Errorf("the head moved on, and the comment says\n%s", got)
	}
	town.branch("broken", "main")
	town.commit("broken", "Break it", map[string]string{"catalog.yaml": "x: 1\n"})
	number := town.propose("broken", "main", "Break it")
	before := asked
	town.settle()
	if got := town.said(number, "cannot be compared"); !strings.HasSuffix(got, "**The manifests cannot be compared:** head: catalog.yaml:1:1: &#60;!-- &#64;&#8203;everyone\n") {
		t.Errorf("got\n%s", got)
	}
	if asked != before+1 {
		t.Errorf("compared %d times", asked-before)
	}
}

// TestAsApp has the bot be a GitHub App, which may make check runs, and whose login nobody else can have.
func TestAsApp(t *testing.T) {
	town := newTown(t, github.Options{})
	app, err := town.server.AddApp("keeper", "acme")
	town.ok(err)
	town.app = app
	town.commit("release-1.31", "Own value", map[string]string{"addons/cert/cert.yaml": settings("cert", "own")})
	town.change("Set cert to 2", "squash", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.settle()
	town.expect(town.pulls(),
		`#2 release-1.31 ← pick/release-1.31/pr-1 by keeper[bot]: [release-1.31] Set cert to 2, open draft ["cherry-pick" "conflict"]`,
		`#3 release-1.32 ← pick/release-1.32/pr-1 by keeper[bot]: [release-1.32] Set cert to 2, open ["cherry-pick"]`,
	)
	check := town.repo.Checks(town.pull(2).HeadSHA)[0]
	want := github.Check{
		Name: "addons/no-conflicts", SHA: town.pull(2).HeadSHA, Status: "completed", Conclusion: "failure", Title: "1 path to decide", App: "keeper",
		Summary: "These paths are not ready to be merged:\n\n- `addons/cert/cert.yaml` has 1 conflict marker\n\n" +
			"Where a path is right as it is, say so in the message of a commit, on a line of its own: `Resolved: PATH`.\n",
	}
	if check != want {
		t.Errorf("got  %+v\nwant %+v", check, want)
	}
	if who, err := town.repo.Git.Git("log", "-1", "--format=%an, %cn", town.pull(3).HeadSHA); err != nil || who != "ann, keeper[bot]" {
		t.Errorf("committed by %s (%v)", who, err)
	}
	// A finished draft: markers gone, by a person, who then says that it is ready.
	town.commit("pick/release-1.31/pr-1", "Finish it", map[string]string{"addons/cert/cert.yaml": settings("cert", "2")})
	town.ok(town.repo.SetDraft(2, "ann", false))
	town.settle()
	town.expect([]string{town.check(2)}, "success")
	town.merge(2, "squash")
	town.settle()
	town.expect(town.where(1)[:1], fmt.Sprintf("| `release-1.31` | landed | [`%s`](/commit/%s) [#2](/pull/2) |  |", town.pull(2).MergeSHA[:12], town.pull(2).MergeSHA))
}
