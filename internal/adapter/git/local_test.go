package git_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// run runs native git as a person would.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return runIn(t, dir, "", args...)
}

// Every kind of folder a person may be in.
func TestOnDisk(t *testing.T) {
	r := gitrepo.New(t)
	first := r.Commit("main", map[string]string{"catalog.yaml": "1"}, "first")
	r.SetBranch("release-1.31", "main")
	second := r.Commit("release-1.31", map[string]string{"catalog.yaml": "2"}, "second")
	r.AnnotatedTag("v1.31-ake.1", second, "one")
	tags := map[string]string{"v1.31-ake.1": second}
	both := map[string]string{"main": first, "release-1.31": second}
	top := t.TempDir()
	clone, linked, packed, shallow := filepath.Join(top, "clone"), filepath.Join(top, "linked"), filepath.Join(top, "packed"), filepath.Join(top, "shallow")
	run(t, top, "clone", "-q", r.Dir, clone)
	run(t, clone, "commit", "-q", "--allow-empty", "-m", "local")
	local := run(t, clone, "rev-parse", "HEAD")
	run(t, clone, "worktree", "add", "-q", "--detach", linked, "v1.31-ake.1")
	run(t, top, "clone", "-q", "--mirror", r.Dir, packed)
	run(t, packed, "gc", "-q")
	run(t, packed, "pack-refs", "--all")
	run(t, top, "clone", "-q", "--depth=1", "--branch=release-1.31", "file://"+r.Dir, shallow)

	for name, tc := range map[string]struct {
		url  string
		want git.Refs
		head string
	}{
		"bare":             {url: r.Dir, want: git.Refs{Head: "main", Branches: both, Tags: tags}, head: first},
		"file URL":         {url: "file://" + r.Dir, want: git.Refs{Head: "main", Branches: both, Tags: tags}, head: first},
		"packed":           {url: packed, want: git.Refs{Head: "main", Branches: both, Tags: tags}, head: first},
		"clone":            {url: clone, want: git.Refs{Head: "main", Branches: map[string]string{"main": local, "release-1.31": second}, Tags: tags}, head: local},
		"linked work tree": {url: linked, want: git.Refs{Head: "main", Branches: map[string]string{"main": local, "release-1.31": second}, Tags: tags}, head: second},
		"shallow":          {url: shallow, want: git.Refs{Head: "release-1.31", Branches: map[string]string{"release-1.31": second}, Tags: tags}, head: second},
	} {
		t.Run(name, func(t *testing.T) {
			before := snapshot(t, strings.TrimPrefix(tc.url, "file://"))
			repo := open(t, git.Options{URL: tc.url, AllowLocal: true})
			wantRefs(t, repo, tc.want)
			fetch(t, repo, false)
			if got, err := repo.Resolve("HEAD"); err != nil || got != tc.head {
				t.Errorf("HEAD = %s, %v, want %s", got, err, tc.head)
			}
			if got := readFile(t, repo, second, "catalog.yaml"); got != "2" {
				t.Errorf("catalog: %q", got)
			}
			if after := snapshot(t, strings.TrimPrefix(tc.url, "file://")); after != before {
				t.Errorf("the repository was written to:\n%s\nbefore:\n%s", after, before)
			}
		})
	}

	t.Run("changes are seen", func(t *testing.T) {
		repo := open(t, git.Options{URL: r.Dir, AllowLocal: true})
		third := r.Commit("main", map[string]string{"catalog.yaml": "3"}, "third")
		fetch(t, repo, true)
		fetch(t, repo, false)
		r.Git("gc", "-q", "--prune=now")
		if got := readFile(t, repo, third, "catalog.yaml"); got != "3" {
			t.Errorf("catalog after git gc: %q", got)
		}
		if got, err := repo.Contains(third, first); err != nil || !got {
			t.Errorf("Contains = %v, %v", got, err)
		}
	})

	// A shallow clone does not know; it must not say no.
	t.Run("shallow history", func(t *testing.T) {
		repo := open(t, git.Options{URL: shallow, AllowLocal: true})
		if got, err := repo.Contains(second, second); err != nil || !got {
			t.Errorf("Contains = %v, %v", got, err)
		}
		_, err := repo.Contains(second, first)
		wantError(t, err, git.ErrUnknownRevision, "git repository "+shallow+`: no such branch, tag or commit: "`+first+`"`)
		run(t, shallow, "fetch", "-q", "--depth=1", "origin", first)
		_, err = repo.Contains(second, first)
		wantError(t, err, git.ErrShallow, "git repository "+shallow+": is a shallow clone: its history ends before it shows whether "+first+
			" is part of "+second+"; fetch its whole history with git fetch --unshallow")
		run(t, shallow, "fetch", "-q", "--unshallow")
		if _, err := repo.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := repo.Contains(second, first); err != nil || !got {
			t.Errorf("Contains once unshallowed = %v, %v", got, err)
		}
	})
}

func TestOnDiskFaults(t *testing.T) {
	empty, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	new := gitrepo.New(t)
	for name, tc := range map[string]struct {
		dir  string
		kind error
		text string
	}{
		"no folder":      {empty + "/nowhere", git.ErrNotFound, "not found: there is no such folder; check the URL, and that the credentials may read it"},
		"a file":         {file, git.ErrNotFound, "not found: there is no such folder; check the URL, and that the credentials may read it"},
		"no repository":  {empty, git.ErrNotFound, "not found: there is no Git repository in this folder; check the URL, and that the credentials may read it"},
		"without commit": {new.Dir, git.ErrEmpty, "has no branches; push at least one branch; the state known before is kept"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := git.Open(t.Context(), git.Options{URL: tc.dir, AllowLocal: true})
			wantError(t, err, tc.kind, "git repository "+tc.dir+": "+tc.text)
		})
	}
	// One broken ref does not take the others away; a lock that a killed git left does not matter.
	t.Run("broken refs", func(t *testing.T) {
		r := gitrepo.New(t)
		first := r.Commit("main", nil, "first")
		gone := strings.Repeat("1", 40)
		for name, content := range map[string]string{"broken": gone + "\n", "empty": "", "main.lock": ""} {
			if err := os.WriteFile(filepath.Join(r.Dir, "refs", "heads", name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		repo := open(t, git.Options{URL: r.Dir, AllowLocal: true})
		wantRefs(t, repo, git.Refs{
			Head: "main", Branches: map[string]string{"main": first},
			Problems: []fault.Problem{
				{Code: git.CodeRefBroken, Where: "refs/heads/broken", Message: "damaged or incomplete data: missing object " + gone + "; it is ignored"},
				{Code: git.CodeRefBroken, Where: "refs/heads/empty", Message: "the file of this ref holds no hash; it is ignored"},
			},
		})
	})
	// Objects that git would show otherwise, by replacement or grafts, are read as they are.
	t.Run("replaced commits", func(t *testing.T) {
		r := gitrepo.New(t)
		first := r.Commit("main", map[string]string{"f": "1"}, "first")
		second := r.Commit("main", map[string]string{"f": "2"}, "second")
		r.Git("replace", second, first)
		repo := open(t, git.Options{URL: r.Dir, AllowLocal: true})
		if got := readFile(t, repo, second, "f"); got != "2" {
			t.Errorf("the replaced commit has %q", got)
		}
		if got, err := repo.Contains(second, first); err != nil || !got {
			t.Errorf("Contains = %v, %v", got, err)
		}
	})
	t.Run("missing objects", func(t *testing.T) {
		r := gitrepo.New(t)
		first := r.Commit("main", map[string]string{"f": "1", "g": "2"}, "first")
		blob := r.Git("rev-parse", "main:f")
		path := filepath.Join(r.Dir, "objects", blob[:2], blob[2:])
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		tree, err := open(t, git.Options{URL: r.Dir, AllowLocal: true}).Tree(first)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.ReadFile(tree, "f"); !errors.Is(err, git.ErrCorrupt) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v is not %q", err, git.ErrCorrupt)
		}
		if got, err := fs.ReadFile(tree, "g"); err != nil || string(got) != "2" {
			t.Errorf("the other file: %q, %v", got, err)
		}
	})
}

// snapshot lists a folder's files with size and date.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + " " + fs.FormatFileInfo(info) + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
