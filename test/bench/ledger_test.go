package bench

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// The repository whose ledger is rebuilt: each change moves one line of one of the files.
const (
	ledgerChanges  = 2000
	ledgerBranches = 5
	ledgerFiles    = 200
	ledgerLines    = 100
)

// BenchmarkLedger rebuilds the ledger of 2,000 changes × 5 branches from nothing: branch-bot as a process, that mirrors a repository on disk. The branches
// differ in what landed: by trailer, by patch-id beside own lines, or not at all.
func BenchmarkLedger(b *testing.B) {
	once(b)
	program := filepath.Join(b.TempDir(), "branch-bot")
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "../../cmd/branch-bot").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for _, mix := range []struct {
		name             string
		trailer, patches int
	}{{"all-by-trailer", 100, 0}, {"all-by-patch", 0, 100}, {"mixed", 60, 30}, {"all-missing", 0, 0}} {
		b.Run(mix.name, func(b *testing.B) {
			repo, landed := ledgerRepository(b, mix.trailer, mix.patches)
			args := []string{"ledger", "--repository", repo.Dir, "-o", "json"}
			checkLedger(b, program, args, landed)
			var took []time.Duration
			var largest int64
			for range 3 {
				d, memory := run(b, program, args...)
				took = append(took, d)
				largest = max(largest, memory)
			}
			b.ReportMetric(float64(median(took).Milliseconds()), "ms")
			b.ReportMetric(float64(largest)/(1<<20), "largest-process-MiB")
		})
	}
}

// ledgerRepository is made with git fast-import. Of a hundred changes so many are picked to each branch with a trailer, so many without a word.
func ledgerRepository(b *testing.B, trailer, patches int) (repo *gitrepo.Fixture, landed int) {
	b.Helper()
	repo = gitrepo.New(b)
	var in strings.Builder
	mark, when := 0, 1750000000
	commit := func(branch, message string, from int, files map[string]string) int {
		mark++
		when++
		fmt.Fprintf(&in, "commit refs/heads/%s\nmark :%d\nauthor A <a@example.com> %d +0000\ncommitter A <a@example.com> %d +0000\ndata %d\n%s\n", branch, mark, when, when, len(message), message)
		if from > 0 {
			fmt.Fprintf(&in, "from :%d\n", from)
		}
		for name, text := range files {
			fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", name, len(text), text)
		}
		return mark
	}
	begin := map[string]string{"catalog.yaml": "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [\"1.31\", \"1.32\", \"1.33\", \"1.34\", \"1.35\"]}\naddons: [{name: a0}]\n"}
	// values of the lines that changes move, by file and line.
	values := make([][ledgerLines]int, ledgerFiles)
	name := func(file int) string { return fmt.Sprintf("addons/a%d/values.yaml", file) }
	text := func(values *[ledgerLines]int, own string) string {
		var t strings.Builder
		for i, v := range values {
			fmt.Fprintf(&t, "line%d: %d\n", i, v)
		}
		return t.String() + own
	}
	for file := range values {
		begin[name(file)] = text(&values[file], "")
	}
	first := commit("main", "Begin", 0, begin)
	type moved struct{ file, line int }
	place := func(i int) moved {
		return moved{i % ledgerFiles, i / ledgerFiles * (ledgerLines / (ledgerChanges / ledgerFiles))}
	}
	tip := first
	for i := range ledgerChanges {
		p := place(i)
		values[p.file][p.line]++
		tip = commit("main", fmt.Sprintf("Raise %d (#%d)\n", i, i+1), tip, map[string]string{name(p.file): text(&values[p.file], "")})
	}
	importInto(b, repo, in.String())
	hashes := strings.Fields(repo.Git("rev-list", "--reverse", "main"))[1:]
	in.Reset()
	mark = 0
	for n := range ledgerBranches {
		branch := fmt.Sprintf("release-1.%d", 31+n)
		values := make([][ledgerLines]int, ledgerFiles)
		own := map[string]string{}
		for file := range values {
			own[name(file)] = text(&values[file], "own: "+branch+"\n")
		}
		// An own line in every file: no file is ever as on main.
		mark++
		fmt.Fprintf(&in, "reset refs/heads/%s\nfrom %s\n\n", branch, repo.Git("rev-list", "--max-parents=0", "main"))
		tip := commit(branch, "Own", 0, own)
		for i, hash := range hashes {
			kind := (i*37 + n*13) % 100
			if kind >= trailer+patches {
				continue
			}
			message := fmt.Sprintf("Raise %d\n", i)
			if kind < trailer {
				message = change.Picked(change.Pick{Message: message, Commit: hash})
			}
			p := place(i)
			values[p.file][p.line]++
			tip = commit(branch, message, tip, map[string]string{name(p.file): text(&values[p.file], "own: "+branch+"\n")})
			landed++
		}
	}
	importInto(b, repo, in.String())
	repo.Git("repack", "-adq")
	return repo, landed
}

func importInto(b *testing.B, repo *gitrepo.Fixture, stream string) {
	b.Helper()
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Env, cmd.Stdin = repo.Dir, gitrepo.Env(), strings.NewReader(stream)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("git fast-import: %v: %s", err, out)
	}
}

// checkLedger sees that what is measured is right.
func checkLedger(b *testing.B, program string, args []string, landed int) {
	b.Helper()
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		b.Fatal(err)
	}
	var l ledger.Ledger
	if err := json.Unmarshal(out, &l); err != nil {
		b.Fatal(err)
	}
	states := map[ledger.State]int{}
	for _, r := range l.Changes {
		for _, e := range r.Branches {
			states[e.State]++
		}
	}
	if want := landed + ledgerBranches; len(l.Changes) != ledgerChanges+1 || states[ledger.Landed] != want {
		b.Fatalf("%d changes, states %v: want %d changes and %d landed", len(l.Changes), states, ledgerChanges+1, want)
	}
}
