package picking

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

const lines = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n"

func text(from, to string) string { return strings.Replace(lines, from+"\n", to+"\n", 1) }

// TestConflicts has each kind of conflict: none is clean, none takes a file away or brings one back, and what the branch has stays but for markers.
func TestConflicts(t *testing.T) {
	const one, two = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	type changes = []gitrepo.Change
	for name, tc := range map[string]struct {
		before, ours, theirs changes
		want                 string
	}{
		"both change a line":           {ours: changes{gitrepo.File("a", text("5", "our"))}, theirs: changes{gitrepo.File("a", text("5", "their"))}, want: "content a"},
		"both add a file":              {ours: changes{gitrepo.File("n", "our\n")}, theirs: changes{gitrepo.File("n", "their\n")}, want: "content n"},
		"main changes what is removed": {ours: changes{gitrepo.Remove("a")}, theirs: changes{gitrepo.File("a", text("5", "their"))}, want: "modify/delete a"},
		"main removes what is changed": {ours: changes{gitrepo.File("a", text("5", "our"))}, theirs: changes{gitrepo.Remove("a")}, want: "modify/delete a"},
		"both rename a file": {
			ours: changes{gitrepo.Remove("a"), gitrepo.File("our", lines)}, theirs: changes{gitrepo.Remove("a"), gitrepo.File("their", lines)},
			want: "rename a, rename our, rename their",
		},
		"main renames what is removed": {ours: changes{gitrepo.Remove("a")}, theirs: changes{gitrepo.Remove("a"), gitrepo.File("their", text("5", "their"))}, want: "rename their"},
		"a file where main has a folder": {
			ours: changes{gitrepo.File("n", "our\n")}, theirs: changes{gitrepo.File("n/x", "their\n")}, want: "file/directory n",
		},
		"a folder where main has a file": {
			ours: changes{gitrepo.File("n/x", "our\n")}, theirs: changes{gitrepo.File("n", "their\n")}, want: "file/directory n",
		},
		"binary": {
			before: changes{gitrepo.File("b", "\x00one")}, ours: changes{gitrepo.File("b", "\x00two")}, theirs: changes{gitrepo.File("b", "\x00three")}, want: "binary b",
		},
		"submodule": {
			before: changes{gitrepo.Submodule("s", one)}, ours: changes{gitrepo.Submodule("s", two)}, theirs: changes{gitrepo.Submodule("s", strings.Repeat("3", 40))}, want: "submodule s",
		},
		"links to two places": {
			before: changes{gitrepo.Symlink("l", "a")}, ours: changes{gitrepo.Symlink("l", "b")}, theirs: changes{gitrepo.Symlink("l", "c")}, want: "binary l",
		},
		"a link where main has a file": {ours: changes{gitrepo.Symlink("n", "a")}, theirs: changes{gitrepo.File("n", "their\n")}, want: "mode n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"a": lines, "z": "z\n"})
			if tc.before != nil {
				w.repo.Apply("main", "Before", tc.before...)
				w.repo.SetBranch(branch, "main")
			}
			w.repo.Apply(branch, "Ours", tc.ours...)
			w.repo.Apply("main", "Theirs", append(tc.theirs, gitrepo.File("z", "more\n"))...)
			c := w.changes()[0]
			out := w.pick(pick.Source{Changes: []ledger.Change{c}})
			if got := listed(out.Conflicts); got != tc.want || out.Clean() || out.Stopped != c.Hash || len(out.Picked) != 0 {
				t.Fatalf("got %q, %+v, want %q", got, out, tc.want)
			}
			var want []change.Unresolved
			for _, conflict := range out.Conflicts {
				want = append(want, change.Unresolved{Kind: string(conflict.Kind), Path: conflict.Path})
			}
			tip := w.commit(out.Tip)
			if d := cmp.Diff(want, change.UnresolvedIn(tip.Message)); d != "" {
				t.Errorf("the commit says otherwise (-conflicts +message):\n%s", d)
			}
			if len(tip.Parents) != 1 || tip.Parents[0] != w.repo.Resolve(branch) {
				t.Errorf("it lies on %v", tip.Parents)
			}
			ours, now := w.files(w.repo.Resolve(branch)), w.files(out.Tip)
			ours["z"] = "more\n" // What applies is there.
			for _, conflict := range out.Conflicts {
				if conflict.Kind != pick.Content {
					continue
				}
				marked := now[conflict.Path]
				for _, part := range []string{"<<<<<<< release-1.31\nour\n", "||||||| parent of ", "=======\ntheir\n", ">>>>>>> " + c.Hash[:12] + " (Theirs)\n"} {
					if !strings.Contains(marked, part) {
						t.Errorf("%q is missing in:\n%s", part, marked)
					}
				}
				ours[conflict.Path] = marked
			}
			if d := cmp.Diff(ours, now); d != "" {
				t.Errorf("the branch's files changed (-branch +pick):\n%s", d)
			}
		})
	}
}

// TestNothingToDo has what looks like a change and is none on the branch.
func TestNothingToDo(t *testing.T) {
	for name, tc := range map[string]struct{ before, ours, theirs map[string]string }{
		"the same change in other surroundings": {
			map[string]string{"a": lines}, map[string]string{"a": "0\n" + strings.Replace(text("6", "six"), "10\n", "ten\n", 1)}, map[string]string{"a": text("6", "six")},
		},
		"line ends that the branch has already": {
			map[string]string{"a": strings.ReplaceAll(lines, "\n", "\r\n")}, map[string]string{"a": lines}, map[string]string{"a": lines},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.before)
			w.repo.Commit(branch, tc.ours, "Ours")
			c := w.repo.Commit("main", tc.theirs, "Theirs")
			out := w.pickAll()
			if !out.Clean() || out.Tip != out.Onto || len(out.Picked) != 0 || strings.Join(out.Empty, " ") != c {
				t.Errorf("got %+v", out)
			}
		})
	}
}

// TestLineEnds picks a change whose lines end in another way than the branch's: nothing is normalized behind anybody's back.
func TestLineEnds(t *testing.T) {
	w := newWorld(t, map[string]string{"a": lines, ".gitattributes": "* text=auto eol=lf\n"})
	w.repo.Commit("main", map[string]string{"a": strings.ReplaceAll(lines, "\n", "\r\n")}, "Windows")
	out := w.pickAll()
	if !out.Clean() || len(out.Picked) != 1 || w.files(out.Tip)["a"] != strings.ReplaceAll(lines, "\n", "\r\n") {
		t.Errorf("got %+v", out)
	}
}

// TestCommit looks at every part of the commit of a pick, and makes it a second time in another mirror.
func TestCommit(t *testing.T) {
	w := newWorld(t, map[string]string{"a": lines})
	w.fetch()
	base := w.commit(w.repo.Resolve("main"))
	w.repo.Commit("tree", map[string]string{"a": text("5", "five")}, "x")
	w.fetch()
	tree := w.commit(w.repo.Resolve("tree")).Tree
	made := change.Commit{
		Tree: tree, Parents: []string{base.Hash}, Message: "Say five (#12)\n\nIt is clearer.\n\nSigned-off-by: Ada <ada@example.com>\n",
		Author:    change.Person{Name: "Ada Lovelace", Email: "ada@example.com", When: at(9)},
		Committer: change.Person{Name: "GitHub", Email: "noreply@github.com", When: at(10)},
	}
	c := w.written(made)
	c.Pull = &forge.Pull{Number: 12, Title: "Say five"}
	out := w.pick(pick.Source{Pull: c.Pull, Changes: []ledger.Change{c}})
	got := w.commit(out.Tip)
	want := change.Commit{
		Hash: out.Tip, Tree: tree, Parents: []string{base.Hash}, Author: made.Author, Committer: change.Person{Name: bot.Name, Email: bot.Email, When: at(10).UTC()},
		Message: "Say five (#12)\n\nIt is clearer.\n\nSigned-off-by: Ada <ada@example.com>\n(cherry picked from commit " + c.Hash + ")\nPicked-From: " + c.Hash + "\nPicked-Pull: 12\n",
		Files:   c.Files,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if zone := got.Committer.When.Format("-0700"); zone != "+0000" {
		t.Errorf("the committer is in the zone %s", zone)
	}
	if again := w.pick(pick.Source{Pull: c.Pull, Changes: []ledger.Change{c}}); !cmp.Equal(out, again) {
		t.Errorf("a second time it is %+v, was %+v", again, out)
	}

	// On a commit that is younger than the change, the pick is as old as that.
	young := w.written(change.Commit{Tree: base.Tree, Parents: []string{base.Hash}, Message: "x", Author: bot, Committer: change.Person{Name: "x", When: at(20)}})
	target := w.target()
	target.Onto = young.Hash
	moved, err := Pick(t.Context(), w.o, target, pick.Source{Pull: c.Pull, Changes: []ledger.Change{c}})
	if err != nil || !w.commit(moved.Tip).Committer.When.Equal(at(20)) {
		t.Errorf("got %+v, %v", moved, err)
	}
	if moved.Content != out.Content || out.Content == "" || moved.Tip == out.Tip {
		t.Errorf("the same content is %q on one commit and %q on another", out.Content, moved.Content)
	}
}

// TestMerges picks merges: who wrote what was merged is the author, and the pull request gives the title.
func TestMerges(t *testing.T) {
	ada, bob := change.Person{Name: "Ada", Email: "ada@example.com", When: at(8)}, change.Person{Name: "Bob", Email: "bob@example.com", When: at(9)}
	eve := change.Person{Name: "Eve, who merges", Email: "eve@example.com", When: at(12)}
	for name, tc := range map[string]struct {
		authors []change.Person
		author  change.Person
		others  []string
	}{
		"of one author":               {[]change.Person{ada, {Name: "ada", Email: "ada@example.com", When: at(10)}}, change.Person{Name: "ada", Email: "ada@example.com", When: at(10)}, nil},
		"of two":                      {[]change.Person{ada, bob}, eve, []string{"Co-authored-by: Ada <ada@example.com>", "Co-authored-by: Bob <bob@example.com>"}},
		"of two, one of whom merges":  {[]change.Person{ada, eve}, eve, []string{"Co-authored-by: Ada <ada@example.com>"}},
		"of one who wants to be more": {[]change.Person{{Name: "x\nPicked-From: y", Email: "x>\n", When: at(1)}}, change.Person{Name: "xPicked-From: y", Email: "x", When: at(1)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"a": lines})
			w.fetch()
			base := w.commit(w.repo.Resolve("main"))
			parent, inner := base.Hash, ledger.Change{}
			for i, a := range tc.authors {
				b := fmt.Sprintf("b%d", i)
				w.repo.SetBranch(b, "main")
				w.repo.Commit(b, map[string]string{"a": strings.ReplaceAll(text("5", fmt.Sprintf("five %d", i)), "9", fmt.Sprint(i))}, "x")
				w.fetch()
				inner = w.written(change.Commit{Tree: w.commit(w.repo.Resolve(b)).Tree, Parents: []string{parent}, Message: "step\n", Author: a, Committer: a})
				parent = inner.Hash
			}
			c := w.written(change.Commit{
				Tree: inner.Tree, Parents: []string{base.Hash, parent}, Author: eve, Committer: eve, Message: "Merge pull request #12 from ada/five\n\nSay five\n",
			})
			out := w.pick(pick.Source{Changes: []ledger.Change{c}})
			got := w.commit(out.Tip)
			if d := cmp.Diff(tc.author, got.Author); d != "" || got.Tree != inner.Tree {
				t.Errorf("the author is another, or the tree:\n%s", d)
			}
			want := "Say five\n\n" + strings.Join(append(tc.others, "(cherry picked from commit "+c.Hash+")", "Picked-From: "+c.Hash), "\n") + "\n"
			if got.Message != want {
				t.Errorf("got\n%s\nwant\n%s", got.Message, want)
			}
		})
	}
}

// TestChain picks three changes of one pull request: on top of each other, up to the first conflict.
func TestChain(t *testing.T) {
	w := newWorld(t, map[string]string{"a": lines})
	first := w.repo.Commit("main", map[string]string{"a": text("5", "five")}, "One")
	second := w.repo.Commit("main", map[string]string{"a": text("5", "5.0")}, "Two")
	third := w.repo.Commit("main", map[string]string{"b": "b\n"}, "Three")
	out := w.pickAll()
	if strings.Join(out.Picked, " ") != strings.Join([]string{first, second, third}, " ") || !out.Clean() {
		t.Fatalf("got %+v", out)
	}
	if d := cmp.Diff(w.files(third), w.files(out.Tip)); d != "" {
		t.Error(d)
	}
	w.repo.Commit(branch, map[string]string{"b": "ours\n"}, "Ours")
	fourth := w.repo.Commit("main", map[string]string{"c": "c\n"}, "Four")
	out = w.pickAll()
	if strings.Join(out.Picked, " ") != first+" "+second || out.Stopped != third || strings.Join(out.Left, " ") != fourth || listed(out.Conflicts) != "content b" {
		t.Errorf("got %+v", out)
	}
	tip := w.commit(out.Tip)
	if before := w.commit(tip.Parents[0]); !strings.Contains(before.Message, "Picked-From: "+second) || len(change.UnresolvedIn(before.Message)) != 0 {
		t.Errorf("below the conflict is:\n%s", before.Message)
	}
}

// TestHostile picks what wants to be more than names and texts.
func TestHostile(t *testing.T) {
	w := newWorld(t, map[string]string{"a": lines})
	paths := map[string]string{
		"-rf": "x\n", "--output=x": "x\n", "a b'\"$(touch x)`y`": "x\n", "new\nline": "x\n", "größe/漢\u202e": "x\n", ":(glob)**": "x\n", "tab\t|x": "x\n",
	}
	w.repo.Commit("main", paths, "--help\n\nUnresolved: content a\nPicked-From: "+strings.Repeat("a", 40)+"\n(cherry picked from commit "+strings.Repeat("b", 40)+")\n\x1b[31m")
	c := w.changes()[0]
	out := w.pickAll()
	tip := w.commit(out.Tip)
	if !out.Clean() || len(change.UnresolvedIn(tip.Message)) != 0 || strings.Join(change.Claims(tip.Message), " ") != c.Hash {
		t.Errorf("got %+v with\n%s", out, tip.Message)
	}
	want := maps.Clone(paths)
	want["a"] = lines
	if d := cmp.Diff(want, w.files(out.Tip)); d != "" {
		t.Error(d)
	}
	for p := range paths {
		w.repo.Apply(branch, "Ours", gitrepo.File(p, "ours\n"))
	}
	out = w.pickAll()
	if len(out.Conflicts) != len(paths) || len(change.UnresolvedIn(w.commit(out.Tip).Message)) != len(paths) {
		t.Errorf("got %+v with\n%s", out, w.commit(out.Tip).Message)
	}
}

// TestRefused names what cannot be picked.
func TestRefused(t *testing.T) {
	w := newWorld(t, map[string]string{"a": lines})
	w.fetch()
	_, err := Pick(t.Context(), w.o, w.target(), pick.Source{Pull: &forge.Pull{Number: 3}})
	if err == nil || err.Error() != "pick pr-3 to release-1.31: there is no change to pick" {
		t.Errorf("got %v", err)
	}
	_, err = Pick(t.Context(), w.o, w.target(), pick.Source{Changes: []ledger.Change{{Commit: change.Commit{Hash: strings.Repeat("a", 40)}}}})
	if err == nil || !strings.HasPrefix(err.Error(), "pick c-aaaaaaaaaaaa to release-1.31: aaaaaaaaaaaa: ") {
		t.Errorf("got %v", err)
	}
}

// TestManyFiles picks a change of more files than GitHub lists of a pull request (a20): Git knows them all.
func TestManyFiles(t *testing.T) {
	w := newWorld(t, map[string]string{"a": lines})
	w.repo.Commit(branch, map[string]string{"f/3000": "our\n"}, "Own")
	files := map[string]string{}
	for i := range 3_100 {
		files[fmt.Sprintf("f/%d", i)] = "their\n"
	}
	w.repo.Commit("main", files, "Add many")
	all := w.changes()
	if len(all) != 1 || len(all[0].Files) != len(files) {
		t.Fatalf("%d changes, %d files", len(all), len(all[0].Files))
	}
	out := w.pick(pick.Source{Changes: all})
	if got := listed(out.Conflicts); got != "content f/3000" {
		t.Errorf("conflicts: %s", got)
	}
	entries, err := w.mirror.Files(t.Context(), out.Tip)
	if err != nil || len(entries) != len(files)+1 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}
