package native

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// worktree picks as people do: with git cherry-pick, in a work tree.
type worktree struct {
	t   rapid.TB
	dir string
}

func newWorktree(t *testing.T, repo string) *worktree {
	t.Helper()
	w := &worktree{t: t, dir: filepath.Join(t.TempDir(), "tree")}
	cmd := exec.Command("git", "clone", "--quiet", "--shared", "--no-checkout", repo, w.dir)
	cmd.Env = gitrepo.Env()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return w
}

func (w *worktree) try(args ...string) (string, error) {
	args = append([]string{"-c", "merge.directoryRenames=false", "-c", "merge.renameLimit=10000", "-c", "merge.conflictStyle=diff3", "-c", "core.quotePath=false", "-c", "core.autocrlf=false"}, args...)
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = w.dir, gitrepo.Env()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("git %v: %w: %s", args, err, errs.String())
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

func (w *worktree) git(args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// outcome is what came of a pick: a tree, or the paths that conflict and what is in the files with markers.
type outcome struct {
	Tree      string
	Conflicts []string
	Marked    map[string]string
}

// pick picks a commit onto another.
func (w *worktree) pick(onto, commit string, parents int) outcome {
	w.t.Helper()
	if _, err := w.try("cherry-pick", "--abort"); err != nil {
		_, _ = w.try("cherry-pick", "--quit")
	}
	w.git("checkout", "--quiet", "--force", "--detach", onto)
	w.git("clean", "-ffdxq")
	args := []string{"cherry-pick", "--no-gpg-sign", "--allow-empty", "--keep-redundant-commits"}
	if parents > 1 {
		args = append(args, "-m1")
	}
	_, err := w.try(append(args, commit)...)
	var o outcome
	// The side that is moved aside has a name with the label of its side.
	aside := regexp.MustCompile(`~(HEAD|` + commit[:7] + `[0-9a-f]* \(.*\))(_\d+)?$`)
	for record := range strings.SplitSeq(w.git("ls-files", "--unmerged", "-z"), "\x00") {
		if _, path, ok := strings.Cut(record, "\t"); ok {
			o.Conflicts = append(o.Conflicts, aside.ReplaceAllString(path, ""))
			if content, err := os.ReadFile(filepath.Join(w.dir, path)); err == nil && bytes.Contains(content, []byte("<<<<<<< HEAD")) {
				if o.Marked == nil {
					o.Marked = map[string]string{}
				}
				o.Marked[path] = string(content)
			}
		}
	}
	slices.Sort(o.Conflicts)
	o.Conflicts = slices.Compact(o.Conflicts)
	if len(o.Conflicts) == 0 {
		if err != nil {
			w.t.Fatalf("cherry-pick failed without a conflict: %v", err)
		}
		o.Tree = w.git("rev-parse", "HEAD^{tree}")
	}
	return o
}

// history makes a random history: branches that rename, change, remove and merge the same few files, as a stream for git fast-import.
type history struct {
	bytes.Buffer
	t     *rapid.T
	marks int
	// files is what each mark has.
	files map[int]map[string]string
	// parents counts those of each mark.
	parents map[int]int
}

const submodule = "160000 4444444444444444444444444444444444444444"

// content draws what a file may have: lines of which a few are alike, with either line end; or bytes, a link, a submodule.
func (h *history) content(old string) string {
	switch rapid.IntRange(0, 11).Draw(h.t, "kind") {
	case 0:
		return "100755 " + strings.TrimPrefix(strings.TrimPrefix(old, "100644 "), "100755 ")
	case 1:
		return "100644 bin\x00" + strings.Repeat(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(h.t, "byte"), 20)
	case 2:
		return "120000 " + rapid.SampledFrom([]string{"x", "y", "z"}).Draw(h.t, "target")
	case 3:
		return submodule[:7] + strings.Repeat(rapid.SampledFrom([]string{"1", "2", "3"}).Draw(h.t, "commit"), 40)
	}
	end := "\n"
	if rapid.IntRange(0, 9).Draw(h.t, "end") == 0 {
		end = "\r\n"
	}
	lines := strings.Split("one two three four five six seven eight nine ten eleven twelve", " ")
	if strings.HasPrefix(old, "100") && strings.Count(old, "\n") > 5 {
		lines = strings.Split(strings.TrimSpace(strings.ReplaceAll(old[7:], "\r\n", "\n")), "\n")
	}
	for range rapid.IntRange(1, 2).Draw(h.t, "edits") {
		at := rapid.IntRange(0, len(lines)-1).Draw(h.t, "line")
		lines[at] = rapid.SampledFrom([]string{"red", "green", "blue"}).Draw(h.t, "word")
	}
	return "100644 " + strings.Join(lines, end) + end
}

// commit adds a commit and answers its mark.
func (h *history) commit(parent, merged int) int {
	h.marks++
	fmt.Fprintf(h, "commit refs/heads/b%d\nmark :%d\ncommitter A <a@example.com> %d +0000\ndata <<END\nchange %d\nEND\n", h.marks, h.marks, 1700000000+h.marks, h.marks)
	files := map[string]string{}
	h.parents[h.marks] = 0
	if parent > 0 {
		fmt.Fprintf(h, "from :%d\n", parent)
		h.parents[h.marks]++
		for path, content := range h.files[parent] {
			files[path] = content
		}
	}
	if merged > 0 {
		fmt.Fprintf(h, "merge :%d\n", merged)
		h.parents[h.marks]++
	}
	paths := []string{"a", "b", "dir/a", "dir/b", "dir/sub/c", "b/in", "Ä ö"}
	for range rapid.IntRange(0, 3).Draw(h.t, "changes") {
		path := rapid.SampledFrom(paths).Draw(h.t, "path")
		old := files[path]
		if old != "" && rapid.IntRange(0, 5).Draw(h.t, "what") == 0 {
			delete(files, path)
			if rapid.Bool().Draw(h.t, "rename") {
				h.set(files, rapid.SampledFrom(paths).Draw(h.t, "to"), old)
			}
			continue
		}
		h.set(files, path, h.content(old))
	}
	h.WriteString("deleteall\n")
	for _, path := range keys(files) {
		mode, content, _ := strings.Cut(files[path], " ")
		if mode == "160000" {
			fmt.Fprintf(h, "M 160000 %s %q\n", content, path)
			continue
		}
		fmt.Fprintf(h, "M %s inline \"%s\"\ndata %d\n%s\n", mode, path, len(content), content)
	}
	h.WriteString("\n")
	h.files[h.marks] = files
	return h.marks
}

// set puts a file where no folder is, and no file where a folder would have to be.
func (h *history) set(files map[string]string, path, content string) {
	for other := range files {
		if strings.HasPrefix(other, path+"/") || strings.HasPrefix(path, other+"/") {
			delete(files, other)
		}
	}
	files[path] = content
}

// otherGit names a git program of another version, to be held to the same as the one in the PATH.
const otherGit = "ADDON_MANAGER_TEST_GIT"

// TestPickIsCherryPick holds Pick and PickEach to git cherry-pick in a work tree, on random histories: the same tree where it applies, the same
// conflicting paths where it does not, and the same markers.
func TestPickIsCherryPick(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 2
	}
	clean, conflicting, round := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		if round++; round > rounds {
			return // rapid has no way to say how many rounds a test wants
		}
		h := &history{t: rt, files: map[int]map[string]string{}, parents: map[int]int{}}
		root := h.commit(0, 0)
		tips := []int{root}
		for range 14 {
			parent := rapid.SampledFrom(tips).Draw(rt, "parent")
			merged := 0
			if rapid.IntRange(0, 4).Draw(rt, "merge") == 0 {
				if merged = rapid.SampledFrom(tips).Draw(rt, "merged"); merged == parent {
					merged = 0
				}
			}
			tips = append(tips, h.commit(parent, merged))
		}
		repo := gitrepo.New(t)
		importing := exec.Command("git", "fast-import", "--quiet")
		importing.Dir, importing.Env, importing.Stdin = repo.Dir, gitrepo.Env(), &h.Buffer
		if out, err := importing.CombinedOutput(); err != nil {
			rt.Fatalf("%v: %s", err, out)
		}
		hash := func(mark int) string { return repo.Resolve(fmt.Sprintf("b%d", mark)) }
		m := open(t, Options{URL: repo.Dir, Git: os.Getenv(otherGit)})
		theirs := newWorktree(t, repo.Dir)
		theirs.t = rt
		onto := hash(tips[len(tips)-1])
		var commits []string
		for _, mark := range tips {
			commits = append(commits, hash(mark))
		}
		each, err := m.PickEach(t.Context(), onto, commits)
		if err != nil {
			rt.Fatal(err)
		}
		for i, commit := range commits {
			one, err := m.Pick(t.Context(), onto, "HEAD", commit)
			if err != nil {
				rt.Fatal(err)
			}
			got := outcome{Conflicts: paths(one), Marked: m.marked(t, one)}
			if len(one.Conflicts) == 0 {
				got.Tree = one.Tree
				clean++
			} else {
				conflicting++
			}
			want := theirs.pick(onto, commit, h.parents[tips[i]])
			for path, content := range want.Marked {
				if !slices.ContainsFunc(one.Conflicts, func(c pick.Conflict) bool { return c.Path == path && c.Kind == pick.Content }) {
					delete(want.Marked, path) // there we leave the branch's file
					continue
				}
				want.Marked[path] = regexp.MustCompile(`(?m)^(>>>>>>> |\|\|\|\|\|\|\| parent of )[0-9a-f]+ \(`).ReplaceAllString(content, "${1}"+commit[:12]+" (")
			}
			if len(want.Marked) == 0 {
				want.Marked = nil
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				rt.Errorf("pick of mark %d (%s) onto %s:\ngot  %q\nwant %q\n%+v", tips[i], commit, onto, got, want, one)
			}
			if m.program.minor >= 40 && h.parents[tips[i]] > 0 {
				// Newer versions can be told the base: the result is the same.
				out, err := m.program.run(t.Context(), call{args: []string{"merge-tree", "--write-tree", "--merge-base=" + commit + "^1", onto, commit}})
				if code, _ := exited(err); err != nil && code != 1 {
					rt.Fatal(err)
				}
				if (err == nil) != (len(one.Conflicts) == 0) || err == nil && firstLine(string(out)) != one.Tree {
					rt.Errorf("pick of %s onto %s with --merge-base: got %s, %v, want %+v", commit, onto, firstLine(string(out)), err, one)
				}
			}
			if fmt.Sprint(paths(each[i])) != fmt.Sprint(paths(one)) || len(one.Conflicts) == 0 && each[i].Tree != one.Tree || each[i].Empty != one.Empty {
				rt.Errorf("PickEach of %s: got %+v, want %+v", commit, each[i], one)
			}
		}
	})
	t.Logf("%d clean, %d conflicting", clean, conflicting)
	if clean < rounds || conflicting < rounds {
		t.Errorf("%d picks applied and %d did not: the histories are too much alike", clean, conflicting)
	}
}

func paths(p Picked) (list []string) {
	for _, c := range p.Conflicts {
		list = append(list, c.Path)
	}
	return list
}

// marked are the files of a result that have markers.
func (m *Mirror) marked(t *testing.T, p Picked) map[string]string {
	t.Helper()
	var found map[string]string
	for _, c := range p.Conflicts {
		e, err := m.at(p.Tree, c.Path)
		if err != nil {
			t.Fatal(err)
		}
		if e.Mode == "" || e.Mode == folderMode || e.Mode == submoduleMode {
			continue
		}
		content, err := m.Blob(t.Context(), e.Blob)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), "<<<<<<< HEAD") {
			if found == nil {
				found = map[string]string{}
			}
			found[c.Path] = string(content)
		}
	}
	return found
}
