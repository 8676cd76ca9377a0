package git_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

func treeOf(t *testing.T, r *gitrepo.Fixture, o git.Options) fs.FS {
	t.Helper()
	o.URL, o.AllowLocal = r.Dir, true
	tree, err := open(t, o).Tree(r.Resolve("main"))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestTreeIsAFileSystem(t *testing.T) {
	r := gitrepo.New(t)
	// "a.b" sorts before "a/" in Git and after "a" in io/fs.
	r.Apply("main", "first",
		gitrepo.File("a/x.yaml", "x"), gitrepo.File("a.b", "dot"), gitrepo.File("a/deep/er/y.yaml", "y"),
		gitrepo.Executable("run", "#!/bin/sh\n"), gitrepo.File("empty", ""),
	)
	if err := fstest.TestFS(treeOf(t, r, git.Options{}), "a/x.yaml", "a.b", "a/deep/er/y.yaml", "run", "empty"); err != nil {
		t.Error(err)
	}
}

func TestWorkTreeIsAFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, fstest.MapFS{
		"a/x.yaml": {Data: []byte("x")}, "a.b": {}, "empty": {}, ".git/config": {Data: []byte("secret")}, "a/.git": {Data: []byte("secret")},
	}); err != nil {
		t.Fatal(err)
	}
	w, err := git.WorkTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(w, "a/x.yaml", "a.b", "empty"); err != nil {
		t.Error(err)
	}
	for _, path := range []string{".git", ".git/config", "a/.git"} {
		if _, err := fs.Stat(w, path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The same rules for a commit and for a folder: what is asked, and how it ends.
func TestLinksAndLimits(t *testing.T) {
	changes := []gitrepo.Change{
		gitrepo.File("dir/file", "content"),
		gitrepo.Symlink("link-file", "dir/file"), gitrepo.Symlink("link-dir", "dir"),
		gitrepo.Symlink("link-out", "../../../etc/passwd"), gitrepo.Symlink("link-abs", "/etc/passwd"),
		gitrepo.Symlink("link-loop", "link-loop"), gitrepo.File("large", strings.Repeat("x", git.DefaultMaxBlob+1)),
		gitrepo.File("full", strings.Repeat("x", git.DefaultMaxBlob)),
	}
	r := gitrepo.New(t)
	r.Apply("main", "first", changes...)
	dir := filepath.Join(t.TempDir(), "clone")
	r.Git("worktree", "add", "-q", "--detach", dir, "main")
	w, err := git.WorkTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) func(fs.FS) error {
		return func(f fs.FS) error { _, err := fs.ReadFile(f, path); return err }
	}
	opened := func(path string) func(fs.FS) error {
		return func(f fs.FS) error {
			file, err := f.Open(path)
			if err == nil {
				err = file.Close()
			}
			return err
		}
	}
	stat := func(path string) func(fs.FS) error {
		return func(f fs.FS) error { _, err := fs.Stat(f, path); return err }
	}
	lstat := func(path string) func(fs.FS) error {
		return func(f fs.FS) error { _, err := fs.Lstat(f, path); return err }
	}
	readDir := func(path string) func(fs.FS) error {
		return func(f fs.FS) error { _, err := fs.ReadDir(f, path); return err }
	}
	readLink := func(path, want string) func(fs.FS) error {
		return func(f fs.FS) error {
			got, err := fs.ReadLink(f, path)
			if err == nil && got != want {
				t.Errorf("ReadLink(%s) = %q, want %q", path, got, want)
			}
			return err
		}
	}
	link := git.ErrSymlink.Error()
	for name, tc := range map[string]struct {
		do   func(fs.FS) error
		want string
	}{
		"read a file":              {do: read("dir/file")},
		"read the largest file":    {do: read("full")},
		"read a link":              {read("link-file"), "read link-file: " + link},
		"open a link":              {opened("link-file"), "open link-file: " + link},
		"read through a link":      {read("link-dir/file"), "read link-dir/file: " + link},
		"list a link":              {readDir("link-dir"), "readdir link-dir: " + link},
		"stat through a link":      {stat("link-dir/file"), "stat link-dir/file: " + link},
		"stat a link":              {stat("link-file"), "stat link-file: " + link},
		"lstat a link":             {do: lstat("link-file")},
		"lstat through a link":     {lstat("link-dir/file"), "lstat link-dir/file: " + link},
		"link out":                 {read("link-out"), "read link-out: " + link},
		"link out, by root":        {read("link-abs"), "read link-abs: " + link},
		"link to itself":           {read("link-loop"), "read link-loop: " + link},
		"target of a link out":     {do: readLink("link-out", "../../../etc/passwd")},
		"target of a file":         {readLink("dir/file", ""), "readlink dir/file: invalid argument"},
		"too large":                {read("large"), "read large: file too large: 4194305 bytes, at most 4194304 are read"},
		"open too large":           {opened("large"), "open large: file too large: 4194305 bytes, at most 4194304 are read"},
		"stat too large":           {do: stat("large")},
		"read a folder":            {read("dir"), "read dir: is a directory"},
		"list a file":              {readDir("dir/file"), "readdir dir/file: not a directory"},
		"not there":                {read("nowhere"), "read nowhere: file does not exist"},
		"below a file":             {read("dir/file/x"), "read dir/file/x: file does not exist"},
		"parent folder":            {read("../x"), "read ../x: invalid argument"},
		"parent folder, later":     {read("dir/../dir/file"), "read dir/../dir/file: invalid argument"},
		"absolute":                 {read("/etc/passwd"), "read /etc/passwd: invalid argument"},
		"trailing slash":           {readDir("dir/"), "readdir dir/: invalid argument"},
		"empty":                    {stat(""), "stat : invalid argument"},
		"not UTF-8":                {read("\xff"), "read \xff: invalid argument"},
		"4,096 characters":         {read(strings.Repeat("x", 200) + strings.Repeat("/x", 2000)), "file does not exist"},
		"backslash is no slash":    {read(`dir\file`), `read dir\file: file does not exist`},
		"Git's own":                {stat(".git"), "stat .git: file does not exist"},
		"Git's own, in disguise":   {stat(".GIT/config"), "stat .GIT/config: file does not exist"},
		"case matters":             {read("DIR/file"), "read DIR/file: file does not exist"},
		"the folder itself":        {do: readDir(".")},
		"the folder itself, stats": {do: stat(".")},
	} {
		t.Run(name, func(t *testing.T) {
			for system, fsys := range map[string]fs.FS{"tree": treeOf(t, r, git.Options{}), "work tree": w} {
				err := tc.do(fsys)
				switch {
				case tc.want == "" && err != nil:
					t.Errorf("%s: %v", system, err)
				case tc.want != "" && (err == nil || !strings.HasSuffix(strings.ReplaceAll(err.Error(), "no such file or directory", "file does not exist"), tc.want)):
					t.Errorf("%s: error %v, want %s", system, err, tc.want)
				}
			}
		})
	}
	for system, fsys := range map[string]fs.FS{"tree": treeOf(t, r, git.Options{}), "work tree": w} {
		info, err := fs.Lstat(fsys, "link-out")
		if err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("%s: Lstat of a link: %v, %v", system, info, err)
		}
		list, err := fs.ReadDir(fsys, ".")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range list {
			got = append(got, e.Type().String()+" "+e.Name())
		}
		want := []string{
			"d--------- dir", "---------- full", "---------- large", "L--------- link-abs", "L--------- link-dir",
			"L--------- link-file", "L--------- link-loop", "L--------- link-out",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: ReadDir = %q, want %q", system, got, want)
		}
	}
}

func TestWorkTreeOpensNothingThatBlocks(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := git.WorkTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(w, "pipe"); !errors.Is(err, git.ErrIrregular) {
		t.Errorf("error %v is not %q", err, git.ErrIrregular)
	}
}

func TestSubmodules(t *testing.T) {
	r := gitrepo.New(t)
	first := r.Apply("main", "first", gitrepo.File(".gitmodules", "[submodule \"s\"]\n\tpath = s\n\turl = ext::sh -c id\n"))
	r.Apply("main", "second", gitrepo.Submodule("s", first))
	tree := treeOf(t, r, git.Options{})
	info, err := fs.Stat(tree, "s")
	if err != nil || info.Mode() != fs.ModeIrregular {
		t.Errorf("Stat = %v, %v, want %v", info, err, fs.ModeIrregular)
	}
	for _, path := range []string{"s", "s/file"} {
		if _, err := fs.ReadFile(tree, path); !errors.Is(err, git.ErrSubmodule) {
			t.Errorf("%s: error %v is not %q", path, err, git.ErrSubmodule)
		}
	}
}

// Names that a checkout refuses: only their folder is unreadable, and the error says which name it is.
func TestBadNames(t *testing.T) {
	for name, tc := range map[string]struct{ entry, want string }{
		"parent":          {"100644 blob %s\t..\n", `readdir bad: bad name in the Git tree: ".." is no name that a checkout can have`},
		"itself":          {"100644 blob %s\t.\n", `readdir bad: bad name in the Git tree: "." is no name that a checkout can have`},
		"Git's own":       {"100644 blob %s\t.git\n", `readdir bad: bad name in the Git tree: ".git" is no name that a checkout can have`},
		"Git's disguised": {"100644 blob %s\t.GiT\n", `readdir bad: bad name in the Git tree: ".GiT" is no name that a checkout can have`},
		"not UTF-8":       {"100644 blob %s\t\xff\xfe\n", `readdir bad: bad name in the Git tree: "\xff\xfe" is not UTF-8`},
		"twice":           {"100644 blob %[1]s\tx\n100644 blob %[1]s\tx\n", `readdir bad: bad name in the Git tree: "x" is there twice`},
		"newline, quotes": {"100644 blob %s\t\"a\\n\\\"b'\\\\c\"\n", ""},
		"case clash":      {"100644 blob %[1]s\tx\n100644 blob %[1]s\tX\n", ""},
		"long":            {"100644 blob %s\t" + strings.Repeat("x", 4096) + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := gitrepo.New(t)
			r.Commit("main", map[string]string{"good/file": "content"}, "first")
			commitTree(t, r, tc.entry)
			tree := treeOf(t, r, git.Options{})
			if got, err := fs.ReadFile(tree, "good/file"); err != nil || string(got) != "content" {
				t.Errorf("the other folder: %q, %v", got, err)
			}
			list, err := fs.ReadDir(tree, "bad")
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || err.Error() != tc.want):
				t.Errorf("error %v, want %s", err, tc.want)
			}
			for _, e := range list {
				if got, err := fs.ReadFile(tree, "bad/"+e.Name()); err != nil || string(got) != "content" {
					t.Errorf("%q: %q, %v", e.Name(), got, err)
				}
			}
		})
	}
}

func TestManyReaders(t *testing.T) {
	r := gitrepo.New(t)
	r.Commit("main", map[string]string{"a/b/c": "1", "d": "2"}, "first")
	repo := open(t, git.Options{URL: r.Dir, AllowLocal: true})
	tree, err := repo.Tree(r.Resolve("main"))
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				if got, err := fs.ReadFile(tree, "a/b/c"); err != nil || string(got) != "1" {
					t.Errorf("%q, %v", got, err)
				}
				if _, err := repo.Contains(r.Resolve("main"), r.Resolve("main")); err != nil {
					t.Error(err)
				}
				if _, err := repo.Fetch(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}
