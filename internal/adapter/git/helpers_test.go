package git_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// runIn runs native git in a folder and returns what it printed.
func runIn(tb testing.TB, dir, stdin string, args ...string) string {
	tb.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, gitrepo.Env(), strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// commitTree puts a folder "bad" into main whose tree object is made of entries as they stand, without any check.
// %s in entries is the hash of a file with the text "content".
func commitTree(t *testing.T, r *gitrepo.Fixture, entries string) {
	t.Helper()
	git := func(stdin string, args ...string) string {
		t.Helper()
		return runIn(t, r.Dir, stdin, args...)
	}
	bad := git(fmt.Sprintf(entries, git("content", "hash-object", "-w", "--stdin")), "mktree")
	root := git(git("", "ls-tree", "main")+"\n040000 tree "+bad+"\tbad\n", "mktree")
	commit := git("", "commit-tree", "-p", "main", "-m", "bad", root)
	git("", "update-ref", "refs/heads/main", commit)
}

// testKey is some private key.
var testKey = func() []byte { _, private := newKey(); return private }()
