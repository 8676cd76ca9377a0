package git_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// What differs is what git says.
func TestChanged(t *testing.T) {
	r := gitrepo.New(t)
	commits := []string{
		r.Apply("main", "first", gitrepo.File("a/x", "1"), gitrepo.File("a/deep/er/y", "1"), gitrepo.File("a.b", "1"), gitrepo.File("z", "1"), gitrepo.File("kept/k", "1")),
		r.Apply("main", "edit, add, remove", gitrepo.File("a/deep/er/y", "2"), gitrepo.File("new/n", "1"), gitrepo.Remove("z")),
		r.Apply("main", "file to folder, mode, link", gitrepo.Remove("a.b"), gitrepo.File("a.b/c", "1"), gitrepo.Executable("a/x", "1"), gitrepo.Symlink("link", "a")),
		r.Apply("main", "folder to file", gitrepo.Remove("a"), gitrepo.File("a", "1")),
	}
	repo := open(t, git.Options{URL: r.Dir, AllowLocal: true})
	for i, base := range commits {
		for j, head := range commits {
			got, err := repo.Changed(base, head)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Fields(r.Git("diff", "--name-only", "--no-renames", base, head))
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%d to %d: %q, want %q", i, j, got, want)
			}
		}
	}
	if _, err := repo.Changed(commits[0], strings.Repeat("1", 40)); err == nil {
		t.Error("an unknown commit has changes")
	}
}
