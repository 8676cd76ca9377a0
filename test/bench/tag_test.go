package bench

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// BenchmarkTag cuts a twelfth release branch and releases another one with 200 changes of main since its last release: branch-bot as a process, on a
// folder, with a mirror that it has from before.
func BenchmarkTag(b *testing.B) {
	once(b)
	changes := size(b, "BENCH_CHANGES", 200)
	program := filepath.Join(b.TempDir(), "branch-bot")
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "../../cmd/branch-bot").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	var cuts, tags []time.Duration
	for range rounds {
		repo := gitrepo.New(b)
		b.Log(fill(b, repo.Dir, changes), " commits")
		flags := []string{"--repository", repo.Dir, "--mirror", b.TempDir(), "--cache", b.TempDir()}
		run(b, program, append([]string{"ledger"}, flags[:4]...)...)
		cut, _ := run(b, program, append([]string{"cut", "1.36", "--apply"}, flags[:4]...)...)
		tag, _ := run(b, program, append([]string{"tag", "1.35", "--apply"}, flags...)...)
		repo.Git("rev-parse", "refs/heads/release-1.36", "refs/tags/v1.35-ake.2")
		cuts, tags = append(cuts, cut), append(tags, tag)
	}
	c, t := median(cuts), median(tags)
	b.ReportMetric(float64(c.Milliseconds()), "cut-ms")
	b.ReportMetric(float64(t.Milliseconds()), "tag-ms")
	b.ReportMetric(float64((c + t).Milliseconds()), "both-ms")
}

// fill makes a main with changes and eleven release branches that have picks of them all, and says how many commits that is.
func fill(b *testing.B, dir string, changes int) (commits int) {
	b.Helper()
	var stream bytes.Buffer
	commit := func(ref, from, message, path, text string) {
		commits++
		date := 1735689600 + commits
		fmt.Fprintf(&stream, "commit %s\nmark :%d\nauthor A <a@example.com> %d +0000\ncommitter A <a@example.com> %d +0000\ndata %d\n%s\n", ref, commits, date, date, len(message), message)
		if from != "" {
			fmt.Fprintf(&stream, "from %s\n", from)
		}
		fmt.Fprintf(&stream, "M 100644 inline %s\ndata %d\n%s\n\n", path, len(text), text)
	}
	minors := ""
	for n := 25; n <= 36; n++ {
		minors += fmt.Sprintf("%q, ", fmt.Sprintf("1.%d", n))
	}
	catalog := "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [" + minors + "]}\naddons:\n"
	for i := range 10 {
		catalog += fmt.Sprintf("- {name: addon-%d}\n", i)
	}
	settings := func(i, value int) (path, text string) {
		return fmt.Sprintf("addons/addon-%d/config.yaml", i%10), fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: addon-%d}\ndata: {value: \"%d\"}\n", i%10, value)
	}
	commit("refs/heads/main", "", "Begin", "catalog.yaml", catalog)
	for i := range 10 {
		path, text := settings(i, 0)
		commit("refs/heads/main", fmt.Sprintf(":%d", commits), "Add an addon", path, text)
	}
	fork := commits
	for i := range changes {
		path, text := settings(i, i+1)
		commit("refs/heads/main", fmt.Sprintf(":%d", commits), fmt.Sprintf("Change %d (#%d)", i, i+1), path, text)
	}
	send(b, dir, stream.String())
	hashes := lines(b, dir, "rev-list", "--reverse", "--first-parent", "main")
	stream.Reset()
	for n := 25; n <= 35; n++ {
		ref := fmt.Sprintf("refs/heads/release-1.%d", n)
		for i := range changes {
			from := ""
			if i == 0 {
				from = hashes[fork-1]
			}
			path, text := settings(i, i+1)
			commit(ref, from, fmt.Sprintf("Change %d (#%d)\n\n(cherry picked from commit %s)\nPicked-From: %s", i, i+1, hashes[fork+i], hashes[fork+i]), path, text)
		}
	}
	send(b, dir, stream.String())
	lines(b, dir, "tag", "v1.35-ake.1", hashes[fork-1])
	return commits
}

func send(b *testing.B, dir, stream string) {
	b.Helper()
	cmd := exec.Command("git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Env, cmd.Stdin = dir, gitrepo.Env(), bytes.NewReader([]byte(stream))
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

func lines(b *testing.B, dir string, args ...string) (all []string) {
	b.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, gitrepo.Env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("git %v: %v: %s", args, err, out)
	}
	for line := range bytes.Lines(out) {
		all = append(all, string(bytes.TrimSpace(line)))
	}
	return all
}
