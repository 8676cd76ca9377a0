package picking

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// TestPlan tries changes in order: on top of those of the same files that apply, and without those that do not.
func TestPlan(t *testing.T) {
	w := newWorld(t, map[string]string{"a": lines, "b": lines, "c": lines})
	w.repo.Commit(branch, map[string]string{"b": text("3", "ours")}, "Ours")
	names := map[string]string{}
	for _, c := range []struct {
		name  string
		files map[string]string
	}{
		{"a5", map[string]string{"a": text("5", "five")}},
		{"b3", map[string]string{"b": text("3", "three")}},
		{"c1", map[string]string{"c": text("1", "one")}},
		{"a5 again", map[string]string{"a": text("5", "5.0")}},
		{"b9", map[string]string{"b": strings.Replace(text("3", "three"), "9\n", "nine\n", 1)}},
		{"b3 again", map[string]string{"b": strings.Replace(text("3", "3.0"), "9\n", "nine\n", 1)}},
		{"c1 and a6", map[string]string{"a": strings.Replace(text("5", "5.0"), "6\n", "six\n", 1), "c": text("1", "1.0")}},
		{"d", map[string]string{"d": "new\n"}},
	} {
		names[w.repo.Commit("main", c.files, c.name)] = c.name
	}
	trials, err := Plan(t.Context(), w.o, w.afterFetch(), w.changes())
	if err != nil {
		t.Fatal(err)
	}
	called := func(hashes []string) string {
		var all []string
		for _, h := range hashes {
			all = append(all, names[h])
		}
		return strings.Join(all, ", ")
	}
	var got []string
	for _, trial := range trials {
		result := "clean"
		if !trial.Outcome.Clean() {
			result = listed(trial.Outcome.Conflicts)
		}
		got = append(got, fmt.Sprintf("%s: %s, after [%s] without [%s]", names[trial.Change.Hash], result, called(trial.After), called(trial.Without)))
	}
	want := []string{
		"a5: clean, after [] without []",
		"b3: content b, after [] without []",
		"c1: clean, after [] without []",
		"a5 again: clean, after [a5] without []",
		"b9: clean, after [] without [b3]",
		"b3 again: content b, after [b9] without [b3]",
		"c1 and a6: clean, after [a5, c1, a5 again] without []",
		"d: clean, after [] without []",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (w *world) afterFetch() Target {
	w.fetch()
	return w.target()
}

// TestAsPeopleDo picks chains of random changes, and compares with `git cherry-pick -x` in a work tree: trees, authors, and the beginning of messages.
func TestAsPeopleDo(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	edits := func(who string) *rapid.Generator[[]map[string]string] {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) map[string]string {
			line := rapid.SampledFrom([]string{"1", "2", "6", "10", "12"}).Draw(t, "line")
			return map[string]string{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "file"): text(line, who+fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "value")))}
		}), 1, 4)
	}
	clean, conflicts := 0, 0
	for seed := range 25 {
		w := newWorld(t, map[string]string{"a": lines, "b": lines})
		for _, e := range edits("our").Example(seed)[1:] {
			w.repo.Commit(branch, e, "Ours")
		}
		for i, e := range edits("their").Example(seed + 1000) {
			w.repo.Commit("main", e, fmt.Sprintf("Change %d\n\nBody\n", i))
		}
		out := w.pickAll()
		if again := w.pickAll(); again.Tip != out.Tip {
			t.Fatalf("a second time it is %s, was %s", again.Tip, out.Tip)
		}
		dir := filepath.Join(t.TempDir(), "tree")
		git := func(args ...string) (string, error) {
			cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
			cmd.Env = gitrepo.Env()
			if _, err := os.Stat(dir); err == nil {
				cmd.Dir = dir
			}
			said, err := cmd.Output()
			return strings.TrimSpace(string(said)), err
		}
		if _, err := git("clone", "--quiet", "--shared", "--branch", branch, w.repo.Dir, dir); err != nil {
			t.Fatal(err)
		}
		for _, c := range out.Picked {
			if said, err := git("cherry-pick", "-x", c); err != nil {
				t.Fatalf("git does not pick %s: %s", c, said)
			}
		}
		if len(out.Conflicts) > 0 {
			if _, err := git("cherry-pick", "-x", out.Stopped); err == nil {
				t.Fatalf("git picks %s, we have %s", out.Stopped, listed(out.Conflicts))
			}
			conflicts++
			continue
		}
		clean++
		want, _ := git("rev-parse", "HEAD^{tree}")
		theirs, _ := git("log", "-1", "--format=%an %ae %ad%n%B")
		tip := w.commit(out.Tip)
		ours := fmt.Sprintf("%s %s %s\n%s", tip.Author.Name, tip.Author.Email, tip.Author.When.Format("Mon Jan 2 15:04:05 2006 -0700"), tip.Message)
		if tip.Tree != want || len(out.Picked) > 0 && !strings.HasPrefix(ours, theirs+"\n") {
			t.Fatalf("got %s\n%s\nwant %s\n%s", tip.Tree, ours, want, theirs)
		}
	}
	if clean < 5 || conflicts < 5 {
		t.Errorf("%d are clean and %d conflict: that is no test", clean, conflicts)
	}
}

// TestDigest is the same for the same change, and another when a person is needed or main changed its mind.
func TestDigest(t *testing.T) {
	w := newWorld(t, map[string]string{"a": lines, "b": lines})
	w.repo.Commit("main", map[string]string{"a": text("5", "five")}, "One")
	first := w.changes()
	one := w.pickAll().Content
	w.repo.Commit(branch, map[string]string{"a": text("1", "ours"), "b": text("1", "ours")}, "Ours")
	if got := w.pickAll().Content; got != one {
		t.Errorf("on another commit it is %s, was %s", got, one)
	}
	reworded := first[0]
	reworded.Message, reworded.Hash = "Reworded", first[0].Hash
	if got := w.pick(pick.Source{Changes: []ledger.Change{reworded}}).Content; got != one {
		t.Errorf("with another message it is %s, was %s", got, one)
	}
	w.repo.Commit(branch, map[string]string{"a": text("5", "ours")}, "Ours")
	conflict := w.pickAll().Content
	w.repo.Commit("main", map[string]string{"a": text("5", "5.0")}, "Two")
	two := w.pickAll().Content
	if conflict == one || two == conflict || two == one {
		t.Errorf("they are alike: %s %s %s", one, conflict, two)
	}
}

// TestUnrelated lets changes without a common path alone.
func TestUnrelated(t *testing.T) {
	files := func(paths ...string) (all []change.File) {
		for _, p := range paths {
			all = append(all, change.File{Path: p})
		}
		return all
	}
	for _, tc := range []struct {
		a, b []change.File
		want bool
	}{
		{files("a", "b"), files("b", "c"), true}, {files("a"), files("b", "c"), false}, {files("a", "z"), files("a.b", "a/b"), false}, {nil, files("a"), false},
	} {
		if got := overlap(tc.a, tc.b); got != tc.want {
			t.Errorf("%v and %v: %v", tc.a, tc.b, got)
		}
	}
}
