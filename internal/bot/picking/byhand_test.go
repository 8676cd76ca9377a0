package picking

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// TestByHand follows the commands that a pull request shows, in a clone, over the branch that the bot pushed.
func TestByHand(t *testing.T) {
	const odd = "$(touch oops) `b`'s *.txt"
	w := newWorld(t, map[string]string{"a": lines, odd: lines, "gone": lines})
	w.repo.Apply(branch, "Ours", gitrepo.File("a", text("5", "ours")), gitrepo.File(odd, text("5", "ours")), gitrepo.Remove("gone"), gitrepo.File("way/in", "x\n"))
	w.repo.Commit("main", map[string]string{"b": "b\n"}, "First")
	w.repo.SetBranch("topic", "main")
	w.repo.Commit("topic", map[string]string{"a": text("5", "theirs"), odd: text("5", "theirs"), "gone": text("5", "theirs"), "way": "theirs\n"}, "Inner")
	w.repo.Merge("main", "Merge pull request #12 from x/topic\n\nSecond\n", []string{"topic"},
		gitrepo.File("a", text("5", "theirs")), gitrepo.File(odd, text("5", "theirs")), gitrepo.File("gone", text("5", "theirs")), gitrepo.File("way", "theirs\n"))
	w.repo.Commit("main", map[string]string{"c": "c\n"}, "Third")
	s := pick.Source{Pull: &forge.Pull{Number: 12, Title: "Second"}, Changes: w.changes()}
	out := w.pick(s)
	if got, want := listed(out.Conflicts), "content "+odd+", content a, file/directory way, modify/delete gone"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	head := pick.Head(branch, s)
	if err := w.mirror.Push(t.Context(), native.Update{Ref: "refs/heads/" + head, New: out.Tip}); err != nil {
		t.Fatal(err)
	}

	_, block, _ := strings.Cut(pick.Write(pick.Request{Branch: branch, Source: s, Outcome: out}).Body, "```sh\n")
	block, _, _ = strings.Cut(block, "```\n")
	dir := filepath.Join(t.TempDir(), "clone")
	run := func(command string) error {
		cmd := exec.Command("bash", "-c", command)
		cmd.Env = append(gitrepo.Env(), "GIT_EDITOR=true", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		t.Logf("%s\n%s", command, out)
		return err
	}
	if out, err := exec.Command("git", "clone", "--quiet", "--branch", branch, w.repo.Dir, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(block) {
		err := run(strings.TrimSpace(line))
		if strings.Contains(line, "# stops") {
			if err == nil {
				t.Fatal("it did not stop")
			}
			for _, file := range []string{"a", odd} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text("5", "decided")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	w.fetch()
	want := map[string]string{"a": text("5", "decided"), odd: text("5", "decided"), "gone": text("5", "theirs"), "b": "b\n", "c": "c\n", "way/in": "x\n"}
	tip := w.repo.Resolve(head)
	if d := cmp.Diff(want, w.files(tip)); d != "" {
		t.Error(d)
	}
	var claims, wanted []string
	for _, c := range s.Changes {
		wanted = append(wanted, c.Hash)
	}
	for at := w.commit(tip); at.Hash != w.repo.Resolve(branch); at = w.commit(at.Parents[0]) {
		claims = append(change.Claims(at.Message), claims...)
		if len(change.UnresolvedIn(at.Message)) > 0 {
			t.Errorf("a trace of the conflict is left:\n%s", at.Message)
		}
	}
	if d := cmp.Diff(wanted, claims); d != "" {
		t.Errorf("the commits claim others (-source +claims):\n%s", d)
	}
}
