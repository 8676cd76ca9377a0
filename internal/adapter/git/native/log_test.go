package native

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// raw writes any object, also one that git itself would not make.
func raw(t *testing.T, repo *gitrepo.Fixture, kind, content string) string {
	t.Helper()
	cmd := exec.Command("git", "hash-object", "-t", kind, "-w", "--stdin", "--literally")
	cmd.Dir, cmd.Env, cmd.Stdin = repo.Dir, gitrepo.Env(), strings.NewReader(content)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	return strings.TrimSpace(string(out))
}

// TestLogOfOddCommits reads what a commit may hold besides sense.
func TestLogOfOddCommits(t *testing.T) {
	const good = "A U Thor <a@example.com> 1700000000 +0000"
	at := func(unix int64, minutes int) time.Time {
		zone := time.UTC
		if minutes != 0 {
			zone = time.FixedZone("", minutes*60)
		}
		return time.Unix(unix, 0).In(zone)
	}
	author := change.Person{Name: "A U Thor", Email: "a@example.com", When: at(1700000000, 0)}
	for name, tc := range map[string]struct {
		header  string // what stands between the tree and the message
		message string
		want    change.Commit
	}{
		"an author with brackets": { // g19
			"author A <B> <a@example.com> 1700000000 +0000\ncommitter " + good + "\n", "x\n",
			change.Commit{Message: "x\n", Author: change.Person{Name: "A", Email: "B", When: at(1700000000, 0)}}, // as git reads it
		},
		"an author that goes on in the next line": { // g19: the line is a header of its own and says nothing
			"author A\nB <a@example.com> 1700000000 +0000\ncommitter " + good + "\n", "x\n",
			change.Commit{Message: "x\n", Author: change.Person{When: at(0, 0)}},
		},
		"an author without anything": {
			"author  <> 1700000000 +0000\ncommitter " + good + "\n", "x\n",
			change.Commit{Message: "x\n", Author: change.Person{When: at(1700000000, 0)}},
		},
		"no author at all":    {"committer " + good + "\n", "x\n", change.Commit{Message: "x\n", Author: change.Person{When: at(0, 0)}}},
		"an author of 1 MiB":  {"author " + strings.Repeat("a", 1<<20) + " <a@example.com> 1700000000 +0000\ncommitter " + good + "\n", "x\n", change.Commit{Message: "x\n", Author: change.Person{Name: strings.Repeat("a", 1<<20), Email: "a@example.com", When: at(1700000000, 0)}}},
		"in 1970":             {"author A U Thor <a@example.com> 0 +0000\ncommitter " + good + "\n", "x\n", change.Commit{Message: "x\n", Author: change.Person{Name: "A U Thor", Email: "a@example.com", When: at(0, 0)}}}, // g20
		"in 2106, in India":   {"author A U Thor <a@example.com> 4294967296 +0530\ncommitter " + good + "\n", "x\n", change.Commit{Message: "x\n", Author: change.Person{Name: "A U Thor", Email: "a@example.com", When: at(4294967296, 330)}}},
		"a zone of no place":  {"author A U Thor <a@example.com> 1700000000 +9999\ncommitter " + good + "\n", "x\n", change.Commit{Message: "x\n", Author: author}},
		"a date that is none": {"author A U Thor <a@example.com> yesterday +0000\ncommitter " + good + "\n", "x\n", change.Commit{Message: "x\n", Author: change.Person{Name: "A U Thor", Email: "a@example.com", When: at(0, 0)}}},
		"a message that ends fields and looks like commits": {
			"author " + good + "\ncommitter " + good + "\n", "x\n\x01" + zeroHash + "\n:100644 100644 a b M\ta\ncommit " + zeroHash + "\n",
			change.Commit{Message: "x\n\x01" + zeroHash + "\n:100644 100644 a b M\ta\ncommit " + zeroHash + "\n", Author: author},
		},
		"a message of 8 MiB":          {"author " + good + "\ncommitter " + good + "\n", strings.Repeat("0123456\n", 1<<20), change.Commit{Message: strings.Repeat("0123456\n", 1<<20), Author: author}},
		"a message of no UTF-8":       {"author " + good + "\ncommitter " + good + "\n", "x \xff\xfe\n", change.Commit{Message: "x \xff\xfe\n", Author: author}},
		"a message in another coding": {"author " + good + "\ncommitter " + good + "\nencoding ISO-8859-1\n", "\xe4\n", change.Commit{Message: "ä\n", Author: author}},
		"no message":                  {"author " + good + "\ncommitter " + good + "\n", "", change.Commit{Author: author}},
		"a signature":                 {"author " + good + "\ncommitter " + good + "\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n -----END SSH SIGNATURE-----\n", "x\n", change.Commit{Message: "x\n", Author: author}},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && len(tc.message) > 1<<20 {
				t.Skip("not for every day")
			}
			t.Parallel()
			repo := gitrepo.New(t)
			first := repo.Commit("main", map[string]string{"a": "1\n"}, "base")
			tree := repo.Git("rev-parse", repo.Commit("main", map[string]string{"a": "2\n"}, "change")+"^{tree}")
			odd := raw(t, repo, "commit", "tree "+tree+"\nparent "+first+"\n"+tc.header+"\n"+tc.message)
			repo.SetRef("refs/heads/main", odd)
			m := open(t, Options{URL: repo.Dir})
			got, err := m.Log(t.Context(), LogRequest{Of: []string{odd}, Files: true})
			if err != nil || len(got) != 2 {
				t.Fatalf("%d commits, %v", len(got), err)
			}
			want := tc.want
			want.Hash, want.Tree, want.Parents = odd, tree, []string{first}
			want.Committer = change.Person{Name: "A U Thor", Email: "a@example.com", When: at(1700000000, 0)}
			want.Files = []change.File{{Path: "a", Old: change.Entry{Mode: "100644", Blob: blobOf("1\n")}, New: change.Entry{Mode: "100644", Blob: blobOf("2\n")}}}
			if g, w := fmt.Sprintf("%+v", got[1]), fmt.Sprintf("%+v", want); g != w {
				t.Errorf("got  %.2000q\nwant %.2000q", g, w)
			}
			if _, err := m.PatchIDs(t.Context(), []string{odd}); err != nil {
				t.Error(err)
			}
		})
	}
}

// blobOf is the hash of a file's content.
func blobOf(content string) string {
	return strings.TrimSpace(gitOf(content, "hash-object", "--stdin"))
}

// gitOf runs git on a text.
func gitOf(in string, args ...string) string {
	cmd := exec.Command("git", args...)
	cmd.Env, cmd.Stdin = gitrepo.Env(), strings.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		panic(err)
	}
	return string(out)
}

// TestLogOrder lists merges with two and eight parents (g7), an empty commit (g8) and odd paths (g12), parents first.
func TestLogOrder(t *testing.T) {
	repo := gitrepo.New(t)
	root := repo.Commit("main", map[string]string{"a": "1\n"}, "root")
	var others []string
	for i := range 7 {
		name := fmt.Sprintf("topic-%d", i)
		repo.SetBranch(name, root)
		others = append(others, repo.Commit(name, map[string]string{name: "1\n"}, name))
	}
	second := repo.Apply("main", "odd paths", gitrepo.File("n\nl", "1\n"), gitrepo.File("\x01"+zeroHash, "1\n"), gitrepo.File("\xff", "1\n"), gitrepo.Remove("a"))
	two := repo.Merge("main", "two parents", others[:1], gitrepo.File("topic-0", "1\n"), gitrepo.File("evil", "1\n"))
	eight := repo.Merge("main", "eight parents", others)
	empty := repo.Apply("main", "empty")
	m := open(t, Options{URL: repo.Dir})

	got, err := m.Log(t.Context(), LogRequest{Of: []string{empty}, FirstParent: true, Files: true, PatchIDs: true})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range got {
		line := fmt.Sprintf("%s of %d parents:", strings.TrimSpace(c.Message), len(c.Parents))
		for _, f := range c.Files {
			line += fmt.Sprintf(" %q %s>%s", f.Path, f.Old.Mode, f.New.Mode)
		}
		if (c.PatchID != "") != (len(c.Files) > 0) {
			line += fmt.Sprintf(" and the patch-id %q", c.PatchID)
		}
		lines = append(lines, line)
	}
	want := []string{
		`root of 0 parents: "a" >100644`,
		`odd paths of 1 parents: "\x01` + zeroHash + `" >100644 "a" 100644> "n\nl" >100644 "\xff" >100644`,
		`two parents of 2 parents: "evil" >100644 "topic-0" >100644`,
		`eight parents of 8 parents:`,
		`empty of 1 parents:`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	all, err := m.Log(t.Context(), LogRequest{Of: []string{empty, others[3]}, Not: []string{root}})
	if err != nil || len(all) != 11 {
		t.Fatalf("%d commits, %v", len(all), err)
	}
	seen := map[string]bool{root: true}
	for _, c := range all {
		for _, p := range c.Parents {
			if !seen[p] {
				t.Errorf("%s comes before its parent %s", c.Hash, p)
			}
		}
		seen[c.Hash] = true
		if len(c.Files) > 0 || c.PatchID != "" {
			t.Errorf("%s has files or a patch-id, which nobody asked for", c.Hash)
		}
	}
	for name, tc := range map[string]struct {
		a, b, base string
		contains   bool
	}{
		"an ancestor":  {two, second, second, true},
		"itself":       {two, two, two, true},
		"a descendant": {two, eight, two, false},
		"cousins":      {others[2], second, root, false},
	} {
		base, err := m.MergeBase(t.Context(), tc.a, tc.b)
		if err != nil || base != tc.base {
			t.Errorf("%s: merge base %s, %v, want %s", name, base, err, tc.base)
		}
		if contains, err := m.Contains(t.Context(), tc.a, tc.b); err != nil || contains != tc.contains {
			t.Errorf("%s: contains is %v, %v", name, contains, err)
		}
	}
	stranger := repo.Commit("other", map[string]string{"z": "1\n"}, "stranger")
	if _, err := m.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if base, err := m.MergeBase(t.Context(), stranger, root); err != nil || base != "" {
		t.Errorf("strangers have the merge base %q, %v", base, err)
	}
}

// TestPatchIDs tells which changes are the same.
func TestPatchIDs(t *testing.T) {
	repo := gitrepo.New(t)
	repo.Apply("main", "base", gitrepo.File("a", twelve), gitrepo.File("bin", "\x000"), gitrepo.File("sh", "x\n"))
	repo.SetBranch("other", "main")
	repo.Commit("other", map[string]string{"a": "zero\n" + twelve}, "moves the lines")
	change := func(branch string, changes ...gitrepo.Change) string { return repo.Apply(branch, "change", changes...) }
	six := strings.Replace(twelve, "six", "SIX", 1)
	original := change("main", gitrepo.File("a", six))
	same := change("other", gitrepo.File("a", "zero\n"+six))
	back := change("main", gitrepo.File("a", twelve))
	indented := change("main", gitrepo.File("a", strings.Replace(twelve, "six", "  SIX", 1)))
	change("main", gitrepo.File("a", twelve))
	binary1 := change("main", gitrepo.File("bin", "\x001"))
	change("main", gitrepo.File("bin", "\x000"))
	binary2 := change("main", gitrepo.File("bin", "\x002"))
	binarySame := change("other", gitrepo.File("bin", "\x001"))
	mode := change("main", gitrepo.Executable("sh", "x\n"))
	looks := raw(t, repo, "commit", "tree "+repo.Git("rev-parse", mode+"^{tree}")+"\nparent "+mode+"\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\ncommit "+original+"\n\ndiff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n")
	repo.SetRef("refs/heads/looks", looks)
	m := open(t, Options{URL: repo.Dir})
	ids, err := m.PatchIDs(t.Context(), []string{original, same, back, indented, binary1, binary2, binarySame, mode, looks})
	if err != nil {
		t.Fatal(err)
	}
	reverse, err := m.ReversePatchIDs(t.Context(), []string{original, binary1, mode})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		a, b string
		same bool
	}{
		"the same change elsewhere in the file":      {ids[original], ids[same], true},
		"undone":                                     {reverse[original], ids[back], true},
		"a change and its undoing":                   {ids[original], ids[back], false},
		"the same with other indentation":            {ids[original], ids[indented], false},
		"two binary changes":                         {ids[binary1], ids[binary2], false},
		"the same binary change":                     {ids[binary1], ids[binarySame], true},
		"a mode and nothing":                         {ids[mode], "", false},
		"undoing a mode":                             {ids[mode], reverse[mode], false},
		"undoing a binary change":                    {ids[binary1], reverse[binary1], false},
		"a message that looks like a patch is no id": {ids[looks], "", true},
	} {
		if (tc.a == tc.b) != tc.same {
			t.Errorf("%s: %q and %q", name, tc.a, tc.b)
		}
	}
}

// TestLogAlone reads commits without their ancestors, in the order in which they are asked for.
func TestLogAlone(t *testing.T) {
	repo := gitrepo.New(t)
	first := repo.Commit("main", map[string]string{"a": "1\n"}, "first")
	second := repo.Commit("main", map[string]string{"a": "2\n"}, "second")
	third := repo.Commit("main", map[string]string{"a": "3\n"}, "third")
	m := open(t, Options{URL: repo.Dir})
	got, err := m.Log(t.Context(), LogRequest{Of: []string{third, first}, Alone: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Hash != third || got[1].Hash != first || !slices.Equal(got[0].Parents, []string{second}) {
		t.Errorf("got %v, want the third and the first", got)
	}
}
