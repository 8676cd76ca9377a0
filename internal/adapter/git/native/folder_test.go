package native

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// snapshot lists a folder's files with sizes and times.
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
		b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFolders mirrors what people have on disk, in every form, without writing to it.
func TestFolders(t *testing.T) {
	type made struct{ url, want string }
	for name, tc := range map[string]func(t *testing.T, bare *gitrepo.Fixture, dir string) made{
		"bare": func(_ *testing.T, bare *gitrepo.Fixture, _ string) made {
			return made{bare.Dir, "main: main=two release-1.31=one"}
		},
		"file URL": func(_ *testing.T, bare *gitrepo.Fixture, _ string) made {
			return made{"file://" + bare.Dir, "main: main=two release-1.31=one"}
		},
		"a clone, which has the release branch only as the remote's": func(_ *testing.T, bare *gitrepo.Fixture, dir string) made {
			gitIn(dir, "clone", "--quiet", bare.Dir, "clone")
			return made{dir + "/clone", "main: main=two release-1.31=one"}
		},
		"a clone with a branch of its own": func(_ *testing.T, bare *gitrepo.Fixture, dir string) made {
			gitIn(dir, "clone", "--quiet", bare.Dir, "clone")
			gitIn(dir+"/clone", "branch", "release-1.31", "main")
			return made{dir + "/clone", "main: main=two release-1.31=two"}
		},
		"a clone at a mere commit": func(_ *testing.T, bare *gitrepo.Fixture, dir string) made {
			gitIn(dir, "clone", "--quiet", bare.Dir, "clone")
			gitIn(dir+"/clone", "checkout", "--quiet", "--detach", "main~1")
			return made{dir + "/clone", "main: main=two release-1.31=one"}
		},
		"a clone whose refs are packed": func(_ *testing.T, bare *gitrepo.Fixture, dir string) made {
			gitIn(dir, "clone", "--quiet", bare.Dir, "clone")
			gitIn(dir+"/clone", "pack-refs", "--all")
			return made{dir + "/clone", "main: main=two release-1.31=one"}
		},
		"a clone that shares objects": func(_ *testing.T, bare *gitrepo.Fixture, dir string) made {
			gitIn(dir, "clone", "--quiet", "--shared", bare.Dir, "clone")
			return made{dir + "/clone", "main: main=two release-1.31=one"}
		},
		"a linked work tree": func(_ *testing.T, bare *gitrepo.Fixture, dir string) made {
			gitIn(bare.Dir, "worktree", "add", "--quiet", dir+"/linked", "release-1.31")
			return made{dir + "/linked", "release-1.31: main=two release-1.31=one"}
		},
		"replaced objects are not looked at (g17)": func(_ *testing.T, bare *gitrepo.Fixture, _ string) made {
			gitIn(bare.Dir, "replace", bare.Resolve("main"), bare.Resolve("main~1"))
			return made{bare.Dir, "main: main=two release-1.31=one"}
		},
		"grafts are not looked at (g17)": func(t *testing.T, bare *gitrepo.Fixture, _ string) made {
			if err := os.WriteFile(filepath.Join(bare.Dir, "info", "grafts"), []byte(bare.Resolve("main")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return made{bare.Dir, "main: main=two release-1.31=one"}
		},
		"the lock of a git that was killed": func(t *testing.T, bare *gitrepo.Fixture, _ string) made {
			if err := os.WriteFile(bare.Dir+"/packed-refs.lock", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return made{bare.Dir, "main: main=two release-1.31=one"}
		},
		"a name that looks like an option": func(_ *testing.T, bare *gitrepo.Fixture, dir string) made {
			gitIn(dir, "clone", "--quiet", "--bare", bare.Dir, "./--upload-pack=touch x")
			return made{dir + "/--upload-pack=touch x", "main: main=two release-1.31=one"}
		},
		"a name that looks like a host": func(_ *testing.T, bare *gitrepo.Fixture, dir string) made {
			gitIn(dir, "clone", "--quiet", "--bare", bare.Dir, "./host:x")
			return made{dir + "/host:x", "main: main=two release-1.31=one"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			daily(t, name, "bare", "a clone, which has the release branch only as the remote's", "grafts are not looked at (g17)", "a name that looks like an option")
			t.Parallel()
			bare := gitrepo.New(t)
			bare.Commit("main", map[string]string{"a": "1\n"}, "one")
			bare.SetBranch("release-1.31", "main")
			bare.Commit("main", map[string]string{"a": "2\n"}, "two")
			dir := t.TempDir()
			got := tc(t, bare, dir)
			before := snapshot(t, bare.Dir) + snapshot(t, dir)
			m := open(t, Options{URL: got.url})
			refs, err := m.Refs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			text := refs.Head + ":"
			for _, branch := range keys(refs.Branches) {
				log, err := m.Log(t.Context(), LogRequest{Of: []string{refs.Branches[branch]}})
				if err != nil {
					t.Fatal(err)
				}
				if want := map[string]int{"one\n": 1, "two\n": 2}[log[len(log)-1].Message]; len(log) != want {
					t.Errorf("%s has %d commits", branch, len(log))
				}
				text += " " + branch + "=" + strings.TrimSpace(log[len(log)-1].Message)
			}
			if text != got.want {
				t.Errorf("got  %s\nwant %s", text, got.want)
			}
			if changed, err := m.Fetch(t.Context()); changed || err != nil {
				t.Errorf("the second Fetch says %v, %v", changed, err)
			}
			if read, err := m.Repository().Refs(); err != nil || strings.Join(keys(read.Branches), " ") != strings.Join(keys(refs.Branches), " ") || read.Head != refs.Head {
				t.Errorf("package git reads %v, %v", read, err)
			}
			if after := snapshot(t, bare.Dir) + snapshot(t, dir); after != before {
				t.Errorf("the folder was written to:\n%s\nand before\n%s", after, before)
			}
		})
	}
}

// TestNoFolder refuses what cannot be mirrored, before or at the first fetch.
func TestNoFolder(t *testing.T) {
	for name, tc := range map[string]struct {
		url  func(t *testing.T, bare *gitrepo.Fixture, dir string) string
		kind error
		text string
	}{
		"nothing":   {func(*testing.T, *gitrepo.Fixture, string) string { return "" }, git.ErrRefused, `git repository "": not allowed: the URL is empty`},
		"no folder": {func(_ *testing.T, _ *gitrepo.Fixture, dir string) string { return dir + "/none" }, git.ErrNotFound, "git repository DIR/none: not found: there is no such folder; check the URL, and that the credentials may read it"},
		"no repository": {
			func(_ *testing.T, _ *gitrepo.Fixture, dir string) string { return dir }, git.ErrNotFound,
			"git repository DIR: not found: 'DIR' does not appear to be a git repository; Could not read from remote repository.; check the URL, and that the credentials may read it",
		},
		"empty": {func(_ *testing.T, _ *gitrepo.Fixture, dir string) string {
			gitIn(dir, "init", "--quiet", "--bare", "x")
			return dir + "/x"
		}, git.ErrEmpty, "git repository DIR/x: has no branches; push at least one branch; the state known before is kept"},
		"SHA-256": {func(_ *testing.T, _ *gitrepo.Fixture, dir string) string {
			gitIn(dir, "init", "--quiet", "--object-format=sha256", "x")
			gitIn(dir+"/x", "commit", "--quiet", "--allow-empty", "-m", "x")
			return dir + "/x"
		}, git.ErrRefused, "git repository DIR/x: not allowed: the repository uses SHA-256, and only SHA-1 is supported"},
		"g17: shallow": {func(_ *testing.T, bare *gitrepo.Fixture, dir string) string {
			gitIn(dir, "clone", "--quiet", "--bare", "--depth=1", "file://"+bare.Dir, "x")
			return dir + "/x"
		}, git.ErrShallow, "git repository DIR/x: is a shallow clone; fetch its whole history with git fetch --unshallow"},
		"g17: a missing object": {func(t *testing.T, bare *gitrepo.Fixture, _ string) string {
			tree := bare.Git("rev-parse", "main^{tree}")
			if err := os.Remove(filepath.Join(bare.Dir, "objects", tree[:2], tree[2:])); err != nil {
				t.Fatal(err)
			}
			return bare.Dir
		}, git.ErrCorrupt, ""},
		"g15: a helper that runs programs": {func(*testing.T, *gitrepo.Fixture, string) string { return "ext::sh -c touch% x" }, git.ErrRefused, `git repository "ext::sh -c touch% x": not allowed: transport helpers such as ext:: are not used; give an https:// or ssh:// URL`},
		"another scheme":                   {func(*testing.T, *gitrepo.Fixture, string) string { return "ftp://example.com/x" }, git.ErrRefused, `git repository "ftp://example.com/x": not allowed: scheme "ftp"; use https, ssh or http`},
		"an SSH option for a host":         {func(*testing.T, *gitrepo.Fixture, string) string { return "ssh://-oProxyCommand=touch/x" }, git.ErrRefused, `git repository "ssh://-oProxyCommand=touch/x": not allowed: the host begins with a dash`},
		"an SSH option, short form":        {func(*testing.T, *gitrepo.Fixture, string) string { return "-oProxyCommand=touch:x" }, git.ErrNotFound, "git repository -oProxyCommand=touch:x: not found: there is no such folder; check the URL, and that the credentials may read it"},
		"a line end":                       {func(*testing.T, *gitrepo.Fixture, string) string { return "https://example.com/x\nHost: y" }, git.ErrRefused, `git repository "https://example.com/x\nHost: y": not allowed: the URL holds a control character`},
		"no host, with a password":         {func(*testing.T, *gitrepo.Fixture, string) string { return "https://bot:hunter2@/x" }, git.ErrRefused, ""},
	} {
		t.Run(name, func(t *testing.T) {
			daily(t, name, "no folder", "empty", "g17: shallow", "g15: a helper that runs programs", "an SSH option for a host")
			t.Parallel()
			bare := gitrepo.New(t)
			bare.Commit("main", map[string]string{"a": "1\n"}, "one")
			bare.Commit("main", map[string]string{"a": "2\n"}, "two")
			dir := t.TempDir()
			m, err := Open(t.Context(), Options{URL: tc.url(t, bare, dir)})
			if err == nil {
				t.Cleanup(func() { _ = m.Close() })
				_, err = m.Fetch(t.Context())
			}
			if err == nil {
				t.Fatal("it was fetched")
			}
			got := strings.ReplaceAll(err.Error(), dir, "DIR")
			if !errors.Is(err, tc.kind) || tc.text != "" && got != tc.text || strings.Contains(got, "hunter2") {
				t.Errorf("got  %s\nwant %s (%v)", got, tc.text, tc.kind)
			}
		})
	}
}
