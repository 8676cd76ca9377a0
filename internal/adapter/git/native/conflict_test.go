package native

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

const twelve = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\neleven\ntwelve\n"

// TestKinds tells what each kind of conflict (g11) is called, what git says of it, and what is left in the tree: markers where git made some, and the branch's
// side elsewhere.
func TestKinds(t *testing.T) {
	file, remove := gitrepo.File, gitrepo.Remove
	submodule := func(digit string) gitrepo.Change { return gitrepo.Submodule("lib", strings.Repeat(digit, 40)) }
	big := strings.Replace(twelve, "six", "SIX", 1)
	for name, tc := range map[string]struct {
		base, branch, main []gitrepo.Change
		conflicts          []pick.Conflict
		// tree has each path's mode and content; empty says that the pick applies and brings nothing.
		tree  string
		empty bool
	}{
		"both change a line": {
			base: []gitrepo.Change{file("a", twelve)}, branch: []gitrepo.Change{file("a", strings.Replace(twelve, "six", "branch", 1))}, main: []gitrepo.Change{file("a", big)},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.Content, Message: "CONFLICT (content): Merge conflict in a"}},
			tree:      "100644 a: one two three four five <<<<<<< release-1.31 branch ||||||| parent of COMMIT (change) six ======= SIX >>>>>>> COMMIT (change) seven eight nine ten eleven twelve",
		},
		"both add a file": {
			branch: []gitrepo.Change{file("new", "1\n")}, main: []gitrepo.Change{file("new", "2\n")},
			conflicts: []pick.Conflict{{Path: "new", Kind: pick.Content, Message: "CONFLICT (add/add): Merge conflict in new"}},
			tree:      "100644 new: <<<<<<< release-1.31 1 ||||||| parent of COMMIT (change) ======= 2 >>>>>>> COMMIT (change)",
		},
		"renamed on the branch, changed on both sides": {
			base: []gitrepo.Change{file("a", twelve)}, branch: []gitrepo.Change{remove("a"), file("b", strings.Replace(twelve, "six", "branch", 1))}, main: []gitrepo.Change{file("a", big)},
			conflicts: []pick.Conflict{{Path: "b", Kind: pick.Content, Message: "CONFLICT (content): Merge conflict in b"}},
			tree:      "100644 b: one two three four five <<<<<<< release-1.31:b branch ||||||| parent of COMMIT (change):a six ======= SIX >>>>>>> COMMIT (change):a seven eight nine ten eleven twelve",
		},
		"gone on the branch": {
			base: []gitrepo.Change{file("a", twelve)}, branch: []gitrepo.Change{remove("a")}, main: []gitrepo.Change{file("a", big)},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.ModifyDelete, Message: "CONFLICT (modify/delete): a deleted in release-1.31 and modified in COMMIT"}},
		},
		"removed by the change": {
			base: []gitrepo.Change{file("a", twelve)}, branch: []gitrepo.Change{file("a", big)}, main: []gitrepo.Change{remove("a")},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.ModifyDelete, Message: "CONFLICT (modify/delete): a deleted in COMMIT and modified in release-1.31"}},
			tree:      "100644 a: one two three four five SIX seven eight nine ten eleven twelve",
		},
		"renamed to two names": {
			base: []gitrepo.Change{file("a", twelve)}, branch: []gitrepo.Change{remove("a"), file("b", twelve)}, main: []gitrepo.Change{remove("a"), file("c", big)},
			conflicts: []pick.Conflict{
				{Path: "a", Kind: pick.Rename, Message: "CONFLICT (rename/rename): a renamed to b in release-1.31 and to c in COMMIT."},
				{Path: "b", Kind: pick.Rename, Message: "CONFLICT (rename/rename): a renamed to b in release-1.31 and to c in COMMIT."},
				{Path: "c", Kind: pick.Rename, Message: "CONFLICT (rename/rename): a renamed to b in release-1.31 and to c in COMMIT."},
			},
			tree: "100644 b: one two three four five six seven eight nine ten eleven twelve",
		},
		"renamed by the change, gone on the branch": {
			base: []gitrepo.Change{file("a", twelve)}, branch: []gitrepo.Change{remove("a")}, main: []gitrepo.Change{remove("a"), file("c", twelve)},
			conflicts: []pick.Conflict{{Path: "c", Kind: pick.Rename, Message: "CONFLICT (rename/delete): a renamed to c in COMMIT, but deleted in release-1.31."}},
		},
		"a binary file": {
			base: []gitrepo.Change{file("a", "\x00base")}, branch: []gitrepo.Change{file("a", "\x00branch")}, main: []gitrepo.Change{file("a", "\x00main")},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.Binary, Message: "Cannot merge binary files: a (release-1.31 vs. COMMIT)"}},
			tree:      "100644 a: \x00branch",
		},
		"a symbolic link": {
			base: []gitrepo.Change{gitrepo.Symlink("a", "x")}, branch: []gitrepo.Change{gitrepo.Symlink("a", "y")}, main: []gitrepo.Change{gitrepo.Symlink("a", "z")},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.Binary, Message: "CONFLICT (content): Merge conflict in a"}},
			tree:      "120000 a: y",
		},
		"a link and a file": {
			branch: []gitrepo.Change{gitrepo.Symlink("a", "y")}, main: []gitrepo.Change{file("a", "z\n")},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.Mode, Message: "CONFLICT (distinct types): a had different types on each side"}},
			tree:      "120000 a: y",
		},
		"modes only": {
			branch: []gitrepo.Change{gitrepo.Executable("a", "same\n")}, main: []gitrepo.Change{file("a", "same\n")},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.Mode, Message: "CONFLICT (add/add): Merge conflict in a"}},
			tree:      "100755 a: same",
		},
		"a folder on the branch where the change has a file": {
			branch: []gitrepo.Change{file("a/b", "1\n")}, main: []gitrepo.Change{file("a", "2\n")},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.FileOrDirectory, Message: "CONFLICT (file/directory): directory in the way of a from COMMIT"}},
			tree:      "100644 a/b: 1",
		},
		"a file on the branch where the change has a folder": {
			branch: []gitrepo.Change{file("a", "1\n")}, main: []gitrepo.Change{file("a/b", "2\n"), file("a/c/d", "2\n")},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.FileOrDirectory, Message: "CONFLICT (file/directory): directory in the way of a from release-1.31"}},
			tree:      "100644 a: 1",
		},
		"a submodule": {
			base: []gitrepo.Change{submodule("1")}, branch: []gitrepo.Change{submodule("2")}, main: []gitrepo.Change{submodule("3")},
			conflicts: []pick.Conflict{{Path: "lib", Kind: pick.Submodule, Message: "Failed to merge submodule lib (not checked out)"}},
			tree:      "160000 lib: " + strings.Repeat("2", 40),
		},
		"several at once, and a file that applies": {
			base:   []gitrepo.Change{file("a", twelve), file("b", "\x001"), file("c", twelve)},
			branch: []gitrepo.Change{file("a", "branch\n"), file("b", "\x002")}, main: []gitrepo.Change{file("a", "main\n"), file("b", "\x003"), file("c", big)},
			conflicts: []pick.Conflict{
				{Path: "a", Kind: pick.Content, Message: "CONFLICT (content): Merge conflict in a"},
				{Path: "b", Kind: pick.Binary, Message: "Cannot merge binary files: b (release-1.31 vs. COMMIT)"},
			},
			tree: "100644 a: <<<<<<< release-1.31 branch ||||||| parent of COMMIT (change) one two three four five six seven eight nine ten eleven twelve ======= main >>>>>>> COMMIT (change); " +
				"100644 b: \x002; 100644 c: one two three four five SIX seven eight nine ten eleven twelve",
		},
		"the branch has it, among other lines": { // g9: the patch-ids differ
			base: []gitrepo.Change{file("a", twelve)}, branch: []gitrepo.Change{file("a", strings.Replace(big, "seven", "7", 1))}, main: []gitrepo.Change{file("a", big)},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.Content, Message: "CONFLICT (content): Merge conflict in a"}},
			tree:      "100644 a: one two three four five <<<<<<< release-1.31 SIX 7 ||||||| parent of COMMIT (change) six seven ======= SIX seven >>>>>>> COMMIT (change) eight nine ten eleven twelve",
		},
		"the branch has it and more, further away": { // g9
			base: []gitrepo.Change{file("a", twelve)}, branch: []gitrepo.Change{file("a", strings.Replace(big, "eleven", "11", 1))}, main: []gitrepo.Change{file("a", big)},
			empty: true,
			tree:  "100644 a: one two three four five SIX seven eight nine ten 11 twelve",
		},
		"the branch has the line ends that the change brings": { // g23
			base: []gitrepo.Change{file("a", "1\r\n2\r\n"), file(".gitattributes", "* text=auto\n")}, branch: []gitrepo.Change{file("a", "1\n2\n")}, main: []gitrepo.Change{file("a", "1\n2\n")},
			empty: true,
			tree:  "100644 .gitattributes: * text=auto; 100644 a: 1 2",
		},
		"a file for a folder that has another name on the branch": { // nothing is guessed
			base: []gitrepo.Change{file("old/a", twelve), file("old/b", big)}, branch: []gitrepo.Change{remove("old"), file("new/a", twelve), file("new/b", big)}, main: []gitrepo.Change{file("old/c", "1\n")},
			tree: "100644 new/a: one two three four five six seven eight nine ten eleven twelve; 100644 new/b: one two three four five SIX seven eight nine ten eleven twelve; 100644 old/c: 1",
		},
		"an empty change": { // g8
			base:  []gitrepo.Change{file("a", "1\n")},
			empty: true,
			tree:  "100644 a: 1",
		},
		"a merge driver in attributes is not run": { // g14
			base:      []gitrepo.Change{file("a", "1\n"), file(".gitattributes", "* merge=union filter=x diff=y export-ignore\n")},
			branch:    []gitrepo.Change{file("a", "2\n")},
			main:      []gitrepo.Change{file("a", "3\n")},
			conflicts: []pick.Conflict{{Path: "a", Kind: pick.Content, Message: "CONFLICT (content): Merge conflict in a"}},
			tree:      "100644 .gitattributes: * merge=union filter=x diff=y export-ignore; 100644 a: <<<<<<< release-1.31 2 ||||||| parent of COMMIT (change) 1 ======= 3 >>>>>>> COMMIT (change)",
		},
		"files that Git keeps for itself": { // g13: nothing is checked out, so they do no harm
			base: []gitrepo.Change{file("a", "1\n")}, branch: []gitrepo.Change{file("b", "1\n")}, main: []gitrepo.Change{file("a", "2\n"), file(".GIT/config", "[core]\n"), file("git~1/hooks/x", "#!/bin/sh\n")},
			tree: "100644 .GIT/config: [core]; 100644 a: 2; 100644 b: 1; 100644 git~1/hooks/x: #!/bin/sh",
		},
		"names that a shell or a page would act on": { // g12
			base: []gitrepo.Change{file("a\nb", "1\n"), file(`"q"\`, "1\n"), file("-x", "1\n"), file("$(touch x)", "1\n"), file("\xff\xfe", "1\n"), file("A", "1\n"), file(strings.Repeat("d/", 500)+"e", "1\n")},
			main: []gitrepo.Change{file("a\nb", "2\n"), file(`"q"\`, "2\n"), file("-x", "2\n"), file("$(touch x)", "2\n"), file("\xff\xfe", "2\n"), file("a", "2\n"), file(strings.Repeat("d/", 500)+"e", "2\n")},
			tree: "100644 \"q\"\\: 2; 100644 $(touch x): 2; 100644 -x: 2; 100644 A: 1; 100644 a: 2; 100644 a\nb: 2; 100644 " + strings.Repeat("d/", 500) + "e: 2; 100644 \xff\xfe: 2",
		},
		"a conflict in a name that a page would act on": { // g12
			base: []gitrepo.Change{file("a\nb~1", "1\n")}, branch: []gitrepo.Change{file("a\nb~1", "2\n")}, main: []gitrepo.Change{file("a\nb~1", "3\n")},
			conflicts: []pick.Conflict{{Path: "a\nb~1", Kind: pick.Content, Message: "CONFLICT (content): Merge conflict in a b~1"}},
			tree:      "100644 a\nb~1: <<<<<<< release-1.31 2 ||||||| parent of COMMIT (change) 1 ======= 3 >>>>>>> COMMIT (change)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			daily(t, name, "both change a line", "removed by the change", "renamed to two names", "an empty change", "a merge driver in attributes is not run", "a conflict in a name that a page would act on")
			t.Parallel()
			repo := gitrepo.New(t)
			repo.Apply("main", "base", tc.base...)
			repo.SetBranch("release-1.31", "main")
			onto := repo.Apply("release-1.31", "branch", tc.branch...)
			commit := repo.Apply("main", "change", tc.main...)
			m := open(t, Options{URL: repo.Dir, Git: os.Getenv(otherGit)})
			got, err := m.Pick(t.Context(), onto, "release-1.31", commit)
			if err != nil {
				t.Fatal(err)
			}
			told := strings.NewReplacer(commit[:12], "COMMIT")
			for i := range got.Conflicts {
				got.Conflicts[i].Message = told.Replace(got.Conflicts[i].Message)
			}
			if !slices.Equal(got.Conflicts, tc.conflicts) || got.Empty != tc.empty {
				t.Errorf("got  %+v, empty %v\nwant %+v, empty %v", got.Conflicts, got.Empty, tc.conflicts, tc.empty)
			}
			if tree := told.Replace(shown(t, m, got.Tree)); tree != tc.tree {
				t.Errorf("the tree has\n%q, want\n%q", tree, tc.tree)
			}
			if repo.Git("fsck", "--strict", "--no-dangling", "--connectivity-only") != "" {
				t.Error("the repository was damaged")
			}
		})
	}
}

// shown is a tree in one line.
func shown(t *testing.T, m *Mirror, tree string) string {
	t.Helper()
	files, err := m.Files(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, path := range keys(files) {
		e := files[path]
		content := []byte(e.Blob)
		if e.Mode != submoduleMode {
			if content, err = m.Blob(t.Context(), e.Blob); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, fmt.Sprintf("%s %s: %s", e.Mode, path, strings.ReplaceAll(strings.TrimSuffix(string(content), "\n"), "\n", " ")))
	}
	return strings.Join(list, "; ")
}

// TestMergeAdvice reads results after which git writes advice for people, as some versions do for some submodules, in the middle of the data.
func TestMergeAdvice(t *testing.T) {
	one := emptyTree + "\x00160000 " + zeroHash + " 2\tlib\x00\x001\x00lib\x00CONFLICT (submodule)\x00Merge conflict in lib\n\x00Recursive merging with submodules\n 1. do this\n"
	for name, tc := range map[string]struct {
		in   string
		many bool
		rest string
	}{
		"alone":      {one, false, ""},
		"of several": {one + "\x001\x00" + emptyTree + "\x00\x00", true, "1\x00" + emptyTree + "\x00\x00"},
	} {
		r := &reader{rest: tc.in}
		g, err := r.merge(true, tc.many)
		if err != nil || len(g.stages) != 1 || len(g.messages) != 1 || g.messages[0].kind != "CONFLICT (submodule)" || r.rest != tc.rest {
			t.Errorf("%s: got %+v, %v, and %q is left", name, g, err, r.rest)
		}
	}
	for _, in := range []string{"", "x\x00", emptyTree, emptyTree + "\x00", emptyTree + "\x00x\x00\x00", emptyTree + "\x00\x009\x00", emptyTree + "\x00\x001\x00a\x00"} {
		if g, err := (&reader{rest: in}).merge(true, false); err == nil && in != emptyTree+"\x00" {
			t.Errorf("%q is read as %+v", in, g)
		}
	}
}
