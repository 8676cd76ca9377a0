package bench

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// pickRounds is odd, for the median; each has 200 picks in a work tree.
const pickRounds = 3

// BenchmarkPick decides picks without a work tree, against git cherry-pick in one, as scripts and actions do it: one change after another onto one branch,
// and 50 changes onto each of 3 branches. Both sides must come to the same trees.
func BenchmarkPick(b *testing.B) {
	for _, size := range []struct{ files, commits, changes int }{{2000, 10000, 50}, {20000, 200, 50}} {
		b.Run(fmt.Sprintf("%dfiles", size.files), func(b *testing.B) {
			once(b)
			repo, branches, changes := longHistory(b, size.files, size.commits, size.changes)
			m, err := native.Open(b.Context(), native.Options{URL: repo.Dir})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = m.Close() }()
			started := time.Now()
			if _, err := m.Fetch(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(started).Milliseconds()), "mirror-ms")
			tree := filepath.Join(b.TempDir(), "tree")
			inTree(b, repo.Dir, "clone", "--quiet", "--shared", "--no-checkout", repo.Dir, tree)
			inTree(b, tree, "checkout", "--quiet", "--detach", branches[0])

			// One by one, each onto the branch as it is: the commit is written too.
			log, err := m.Log(b.Context(), native.LogRequest{Of: changes[len(changes)-1:], Not: []string{branches[0]}})
			if err != nil {
				b.Fatal(err)
			}
			byHash := map[string]change.Commit{}
			for _, c := range log {
				byHash[c.Hash] = c
			}
			var ours, theirs, each, chained, script []time.Duration
			for range pickRounds {
				started := time.Now()
				trees := make([]string, len(changes))
				for i, c := range changes {
					trees[i] = picked(b, m, branches[0], byHash[c]).Tree
				}
				ours = append(ours, time.Since(started)/time.Duration(len(changes)))

				started = time.Now()
				for i, c := range changes {
					if got := cherryPick(b, tree, branches[0], c); got != trees[i] {
						b.Fatalf("%s onto %s: git makes %s, and we %s", c, branches[0], got, trees[i])
					}
				}
				theirs = append(theirs, time.Since(started)/time.Duration(len(changes)))

				started = time.Now()
				onto := branches[0]
				for _, c := range changes {
					onto = picked(b, m, onto, byHash[c]).Hash
				}
				chained = append(chained, time.Since(started)/time.Duration(len(changes)))

				started = time.Now()
				for _, onto := range branches {
					results, err := m.PickEach(b.Context(), onto, changes)
					if err != nil || slices.ContainsFunc(results, func(p native.Picked) bool { return len(p.Conflicts) > 0 || p.Empty }) {
						b.Fatalf("%+v, %v", results, err)
					}
				}
				each = append(each, time.Since(started)/time.Duration(len(changes)*len(branches)))

				started = time.Now()
				for _, onto := range branches {
					for _, c := range changes {
						cherryPick(b, tree, onto, c)
					}
				}
				script = append(script, time.Since(started)/time.Duration(len(changes)*len(branches)))
			}
			ms := func(list []time.Duration) float64 { return float64(median(list).Microseconds()) / 1000 }
			b.ReportMetric(ms(ours), "one-ms")
			b.ReportMetric(ms(theirs), "cherry-pick-ms")
			b.ReportMetric(ms(theirs)/ms(ours), "times-faster-one")
			b.ReportMetric(ms(chained), "chained-ms")
			b.ReportMetric(ms(each), "each-of-150-ms")
			b.ReportMetric(ms(script)/ms(each), "times-faster-150")
		})
	}
}

// picked picks a commit and writes what comes of it.
func picked(b *testing.B, m *native.Mirror, onto string, c change.Commit) change.Commit {
	b.Helper()
	p, err := m.Pick(b.Context(), onto, "release", c.Hash)
	if err != nil || len(p.Conflicts) > 0 || p.Empty {
		b.Fatalf("%+v, %v", p, err)
	}
	c.Tree, c.Parents = p.Tree, []string{onto}
	if c.Hash, err = m.Commit(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	return c
}

// cherryPick is what scripts do, and answers the tree.
func cherryPick(b *testing.B, tree, onto, commit string) string {
	b.Helper()
	inTree(b, tree, "checkout", "--quiet", "--detach", onto)
	inTree(b, tree, "cherry-pick", "-x", commit)
	return inTree(b, tree, "rev-parse", "HEAD^{tree}")
}

func inTree(b *testing.B, dir string, args ...string) string {
	b.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, gitrepo.Env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("git %v: %v: %s", args, err, out)
	}
	return string(bytes.TrimSpace(out))
}

// longHistory makes a repository of many files and commits, three branches that left main before its last commits, and answers their tips and those commits.
func longHistory(b *testing.B, files, commits, changes int) (repo *gitrepo.Fixture, branches, last []string) {
	b.Helper()
	repo = gitrepo.New(b)
	name := func(i int) string { return fmt.Sprintf("addons/a%02d/templates/t%d/f%d.yaml", i%97, i%7, i) }
	text := func(i, version int) string {
		return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: f%d\ndata:\n  version: \"%d\"\n  a: \"1\"\n  b: \"2\"\n  c: \"3\"\n  own: \"\"\n", i, version)
	}
	var in bytes.Buffer
	n := 0
	begin := func(branch string) {
		fmt.Fprintf(&in, "commit refs/heads/%s\nmark :%d\ncommitter A <a@example.com> %d +0000\ndata <<END\nchange %d\nEND\n", branch, n+1, 1700000000+n*60, n)
		n++
	}
	set := func(file int, content string) {
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", name(file), len(content), content)
	}
	begin("main")
	for i := range files {
		set(i, text(i, 0))
	}
	for n < commits {
		begin("main")
		set(n%files, text(n%files, n))
	}
	fork := n
	for i := range 3 {
		branch := fmt.Sprintf("release-1.3%d", i)
		begin(branch)
		fmt.Fprintf(&in, "from :%d\n", fork)
		for file := range 20 {
			set(file, text(file, fork+10*i+file))
		}
		branches = append(branches, branch)
	}
	for i := range changes {
		begin("main")
		if i == 0 {
			fmt.Fprintf(&in, "from :%d\n", fork)
		}
		for k := range 3 {
			set(100+3*i+k, text(100+3*i+k, n+files))
		}
		last = append(last, fmt.Sprintf("main~%d", changes-1-i))
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Env, cmd.Stdin = repo.Dir, gitrepo.Env(), &in
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for _, list := range [][]string{branches, last} {
		for i := range list {
			list[i] = repo.Resolve(list[i])
		}
	}
	return repo, branches, last
}
