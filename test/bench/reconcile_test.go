package bench

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

// BenchmarkNothingToDo counts what a reconcile with nothing to do asks of GitHub: branch-bot as a process, of a repository with ten changes that are
// open on four branches. It fails when anything is written.
func BenchmarkNothingToDo(b *testing.B) {
	once(b)
	const branches, changes = 4, 10
	program := filepath.Join(b.TempDir(), "branch-bot")
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "../../cmd/branch-bot").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	hub := github.New(b, github.Options{Primary: 1 << 20, ContentPerMinute: -1, ContentPerHour: -1})
	repo, err := hub.AddRepository("acme", "addons", github.RepositoryOptions{})
	if err != nil {
		b.Fatal(err)
	}
	repo.Allow("bot", "write")
	repo.Allow("mona", "write")
	b.Setenv("BRANCH_BOT_TOKEN", hub.AddToken("bot"))
	proposeMany(b, repo, branches, changes)

	args := []string{
		"reconcile", "--apply", "-o", "json", "--repository", repo.CloneURL(), "--mirror", b.TempDir(),
		"--writes-per-minute", "1000000", "--writes-per-hour", "1000000",
	}
	for range 3 { // What is opened by one pass is looked at by the next.
		run(b, program, args...)
	}
	if n := len(repo.Pulls()); n != changes+branches*changes {
		b.Fatalf("there are %d pull requests, want %d", n, changes+branches*changes)
	}
	var took []time.Duration
	var asked, unchanged int
	for range 5 {
		hub.ForgetRequests()
		d, _ := run(b, program, args...)
		took = append(took, d)
		asked, unchanged = 0, 0
		for _, r := range hub.Requests() {
			if strings.HasPrefix(r.Operation, "git/") {
				continue
			}
			asked++
			if r.Status == http.StatusNotModified {
				unchanged++
			}
		}
		if w := hub.Writes(); len(w) > 0 {
			b.Fatalf("%d writes, the first is %s %s", len(w), w[0].Method, w[0].Path)
		}
	}
	b.ReportMetric(float64(median(took).Milliseconds()), "ms")
	b.ReportMetric(float64(asked), "requests")
	b.ReportMetric(float64(unchanged), "not-modified")
	b.ReportMetric(float64(asked)/float64(branches*changes), "requests/pull-request")
}

// proposeMany merges pull requests to main that no release branch has yet.
func proposeMany(b *testing.B, repo *github.Repository, branches, changes int) {
	b.Helper()
	minors, addons := []string{}, []string{}
	var files []gitrepo.Change
	for i := range branches {
		minors = append(minors, fmt.Sprintf("%q", fmt.Sprintf("1.%d", 31+i)))
	}
	manifest := func(i, v int) gitrepo.Change {
		return gitrepo.File(fmt.Sprintf("addons/a%d/x.yaml", i), fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {v: %q}\n", fmt.Sprint(v)))
	}
	for i := range changes {
		addons = append(addons, fmt.Sprintf("{name: a%d}", i))
		files = append(files, manifest(i, 1))
	}
	files = append(files, gitrepo.File("catalog.yaml", "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: ["+strings.Join(minors, ", ")+"]}\naddons: ["+strings.Join(addons, ", ")+"]\n"))
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	_, err := repo.Git.Apply("main", "Start", files...)
	must(err)
	for i := range branches {
		must(repo.Git.SetBranch(fmt.Sprintf("release-1.%d", 31+i), "main"))
	}
	for i := range changes {
		head := fmt.Sprintf("change-%d", i)
		must(repo.Git.SetBranch(head, "main"))
		_, err := repo.Git.Apply(head, fmt.Sprintf("Change a%d", i), manifest(i, 2))
		must(err)
		n, err := repo.OpenPull(github.NewPull{Author: "mona", Title: fmt.Sprintf("Change a%d", i), Head: head, Base: "main"})
		must(err)
		_, err = repo.MergePull(n, "mona", github.Merge{Method: "squash"})
		must(err)
	}
}
