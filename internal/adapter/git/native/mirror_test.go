package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// events collects what a mirror does by itself.
type events []string

func (e *events) log(message string, _ ...any) { *e = append(*e, message) }

// opened is Open, and closes at the end.
func opened(t *testing.T, o Options) *Mirror {
	t.Helper()
	m, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// TestFetchFails meets a server in trouble: the error names it, and the mirror stays as it was.
func TestFetchFails(t *testing.T) {
	for name, tc := range map[string]struct {
		fault githttp.Fault
		kind  error
		text  string
	}{
		"fault 49: the server is down":          {githttp.Down(), git.ErrUnreachable, "git repository URL: cannot be reached: the server answers 503 Service Unavailable; check the address, the server and the network"},
		"fault 50: half a pack":                 {githttp.TruncatedPack(200), git.ErrUnreachable, ""},
		"fault 50: a pack that stops":           {githttp.StalledPack(200), git.ErrUnreachable, "git repository URL: cannot be reached: no complete answer within 1s; check the address, the server and the network"},
		"the listing is cut":                    {githttp.Fault{CutAfter: 20}, git.ErrUnreachable, ""},
		"fault 64: other credentials are asked": {githttp.Fault{Status: http.StatusUnauthorized}, git.ErrAuth, "git repository URL: refuses the credentials: the server asks for authentication (401); check the repository's credentials and that they may read it"},
		"fault 69: the permission is lost":      {githttp.Fault{Status: http.StatusNotFound}, git.ErrNotFound, "git repository URL: not found: the server knows no such repository; check the URL, and that the credentials may read it"},
		"forbidden":                             {githttp.Fault{Status: http.StatusForbidden}, git.ErrAuth, "git repository URL: refuses the credentials: the server forbids it (403); check the repository's credentials and that they may read it"},
		"a redirect":                            {githttp.Fault{Redirect: "http://127.0.0.1:1"}, git.ErrRefused, "git repository URL: not allowed: the server sends us elsewhere (307), and credentials do not go there; give the new address as the URL"},
		"fault 67: a page instead of Git":       {githttp.Fault{Status: http.StatusOK}, git.ErrNotGit, ""},
	} {
		t.Run(name, func(t *testing.T) {
			daily(t, name, "fault 49: the server is down", "fault 50: half a pack", "fault 64: other credentials are asked", "a redirect")
			t.Parallel()
			repo := gitrepo.New(t)
			repo.Commit("main", map[string]string{"a": "1\n"}, "one")
			url, server := serve(t, repo, githttp.Options{})
			m := open(t, Options{URL: url, Dir: t.TempDir(), Timeout: time.Minute, Auth: auth("bot", "hunter2")})
			before, err := m.Refs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			next := repo.Commit("main", map[string]string{"a": "2\n", "b": strings.Repeat("b", 1000)}, "two")
			server.SetFault(tc.fault)
			if tc.fault.StallAfter > 0 {
				m.options.Timeout = time.Second
			}
			changed, err := m.Fetch(t.Context())
			if changed || !errors.Is(err, tc.kind) {
				t.Fatalf("Fetch says %v, %v", changed, err)
			}
			if got := strings.ReplaceAll(err.Error(), url, "URL"); tc.text != "" && got != tc.text || strings.Contains(got, "hunter2") || strings.ContainsRune(got, '\n') {
				t.Errorf("got  %s\nwant %s", got, tc.text)
			}
			if after, err := m.Refs(t.Context()); err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("refs are %v, %v", after, err)
			}
			if _, err := m.Files(t.Context(), before.Branches["main"]); err != nil {
				t.Error(err)
			}
			server.SetFault(githttp.Fault{})
			m.options.Timeout = time.Minute
			if changed, err := m.Fetch(t.Context()); !changed || err != nil {
				t.Errorf("healed, Fetch says %v, %v", changed, err)
			}
			if refs, _ := m.Refs(t.Context()); refs.Branches["main"] != next {
				t.Errorf("main is %s", refs.Branches["main"])
			}
		})
	}
}

// TestRefsFollow moves and removes refs of every kind on the server (faults 52 to 56), also such as are in each other's way.
func TestRefsFollow(t *testing.T) {
	repo := gitrepo.New(t)
	one := repo.Apply("main", "one")
	two := repo.Apply("main", "two")
	repo.SetBranch("a", one)
	repo.Tag("light", one)
	repo.AnnotatedTag("annotated", one, "x")
	repo.SetRef("refs/pull/1/head", one)
	repo.SetRef("refs/pull/1/merge", two)
	repo.SetRef("refs/pull/x/head", two)
	repo.SetRef("refs/notes/x", one)
	tree := repo.Git("rev-parse", one+"^{tree}")
	repo.SetRef("refs/tags/tree", tree)
	nested := raw(t, repo, "tag", "object "+repo.Git("rev-parse", "refs/tags/annotated")+"\ntype tag\ntag nested\ntagger A <a@example.com> 1 +0000\n\nx\n")
	repo.SetRef("refs/tags/nested", nested)
	url, _ := serve(t, repo, githttp.Options{})
	dir := t.TempDir()
	m := opened(t, Options{URL: url, Dir: dir})
	if _, err := m.Refs(t.Context()); !errors.Is(err, git.ErrNotFetched) {
		t.Errorf("before the first fetch: %v", err)
	}
	if _, err := m.Repository().Refs(); !errors.Is(err, git.ErrNotFetched) {
		t.Errorf("before the first fetch: %v", err)
	}
	look := func() string {
		t.Helper()
		if _, err := m.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		refs, err := m.Refs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		remote, err := m.Remote(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%s %v %v %v", refs.Head, refs.Branches, refs.Tags, refs.PullHeads)
		refs.PullHeads = map[int]string{}
		delete(remote.Tags, "tree") // only who has it knows that it is no commit
		if fmt.Sprint(refs) != fmt.Sprint(remote) {
			t.Errorf("the mirror has\n%v, the remote\n%v", refs, remote)
		}
		if read, err := m.Repository().Refs(); err != nil || fmt.Sprint(read.Branches) != fmt.Sprint(refs.Branches) || read.Head != refs.Head {
			t.Errorf("package git reads %v, %v", read, err)
		}
		names := strings.NewReplacer(one, "1", two, "2", nested, "N")
		for _, tag := range refs.Tags {
			if tag.Object != tag.Commit && tag.Object != nested {
				names = strings.NewReplacer(one, "1", two, "2", nested, "N", tag.Object, "T")
			}
		}
		return names.Replace(text)
	}
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"at first", func() {}, "main map[a:1 main:2] map[annotated:{T 1} light:{1 1} nested:{N 1}] map[1:1]"},
		{"a tag moves (fault 52, g5)", func() { repo.MoveTag("light", two) }, "main map[a:1 main:2] map[annotated:{T 1} light:{2 2} nested:{N 1}] map[1:1]"},
		{"a tag goes (fault 53, g5)", func() { repo.DeleteTag("light"); repo.DeleteTag("nested") }, "main map[a:1 main:2] map[annotated:{T 1}] map[1:1]"},
		{"a branch is pushed back (fault 54)", func() { repo.SetBranch("main", one) }, "main map[a:1 main:1] map[annotated:{T 1}] map[1:1]"},
		{"a branch goes (fault 55), and makes room for a folder", func() { repo.DeleteBranch("a"); repo.SetBranch("a/b", one) }, "main map[a/b:1 main:1] map[annotated:{T 1}] map[1:1]"},
		{"and the folder for a branch", func() { repo.DeleteBranch("a/b"); repo.SetBranch("a", two) }, "main map[a:2 main:1] map[annotated:{T 1}] map[1:1]"},
		{"the default branch is renamed (fault 56)", func() { repo.SetBranch("trunk", one); repo.DeleteBranch("main"); repo.SetHead("trunk") }, "trunk map[a:2 trunk:1] map[annotated:{T 1}] map[1:1]"},
		{"only HEAD moves", func() { repo.SetHead("a") }, "a map[a:2 trunk:1] map[annotated:{T 1}] map[1:1]"},
		{"a pull request moves, another comes", func() { repo.SetRef("refs/pull/1/head", two); repo.SetRef("refs/pull/22/head", one) }, "a map[a:2 trunk:1] map[annotated:{T 1}] map[1:2 22:1]"},
		{"names that look like options (g1)", func() {
			repo.SetRef("refs/heads/-x", one)
			repo.SetRef("refs/heads/HEAD", one)
			repo.SetRef("refs/heads/refs/heads/x", one)
		}, "a map[-x:1 HEAD:1 a:2 refs/heads/x:1 trunk:1] map[annotated:{T 1}] map[1:2 22:1]"},
	} {
		step.do()
		if got := look(); got != step.want {
			t.Errorf("%s:\ngot  %s\nwant %s", step.name, got, step.want)
		}
	}
	for _, branch := range []string{"-x", "HEAD", "refs/heads/x", "a", "trunk"} {
		repo.DeleteBranch(branch)
	}
	repo.DeleteTag("annotated")
	repo.DeleteTag("tree")
	repo.SetRef("refs/keep/a", two)
	for _, n := range []string{"1", "22"} {
		repo.Git("update-ref", "-d", "refs/pull/"+n+"/head")
	}
	if _, err := m.Fetch(t.Context()); !errors.Is(err, git.ErrEmpty) {
		t.Errorf("a repository that lost everything: %v", err)
	}
	if refs, err := m.Refs(t.Context()); err != nil || len(refs.Branches) != 5 {
		t.Errorf("refs are %v, %v", refs, err)
	}
}

// TestMirrorIsKept opens a mirror again: without the network it has what was fetched, also what was written since and never pushed.
func TestMirrorIsKept(t *testing.T) {
	repo := gitrepo.New(t)
	tip := repo.Apply("main", "one")
	url, server := serve(t, repo, githttp.Options{})
	dir := t.TempDir()
	m := open(t, Options{URL: url, Dir: dir})
	mine, err := m.Commit(t.Context(), change.Commit{Tree: emptyTree, Parents: []string{tip}, Message: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	server.SetFault(githttp.Down())
	var said events
	m = opened(t, Options{URL: url, Dir: dir, Log: said.log})
	if refs, err := m.Refs(t.Context()); err != nil || refs.Branches["main"] != tip || refs.Head != "main" {
		t.Errorf("refs are %v, %v", refs, err)
	}
	server.SetFault(githttp.Fault{})
	for i := range 3 {
		repo.Apply("main", fmt.Sprint(i))
		if changed, err := m.Fetch(t.Context()); err != nil || !changed {
			t.Fatal(changed, err)
		}
	}
	if got, err := m.Log(t.Context(), LogRequest{Of: []string{mine}}); err != nil || len(got) != 2 {
		t.Errorf("what was written is gone: %v, %v", got, err)
	}
	if len(said) > 0 {
		t.Errorf("the mirror said %q", said)
	}
	if _, err := m.program.run(t.Context(), call{args: []string{"gc", "--quiet", "--prune=2.weeks.ago"}}); err != nil {
		t.Fatal(err)
	}
	if got, err := m.Log(t.Context(), LogRequest{Of: []string{mine}}); err != nil || len(got) != 2 {
		t.Errorf("after packing, what was written is gone: %v, %v", got, err)
	}
	if _, err := m.Pick(t.Context(), tip, "main", mine); err != nil {
		t.Errorf("after packing: %v", err)
	}
	if _, err := m.Repository().Resolve(mine); err != nil {
		t.Errorf("package git does not find it: %v", err)
	}
}

// TestMirrorDamaged finds each kind of damage (faults 51 and 59), says so, and is whole again after the next fetch.
func TestMirrorDamaged(t *testing.T) {
	pack := func(dir, suffix string) string {
		list, _ := filepath.Glob(filepath.Join(dir, repositoryName, "objects", "pack", "*"+suffix))
		return list[0]
	}
	for name, tc := range map[string]struct {
		damage func(dir string) error
		// late is set for damage to a mirror that is open.
		late   bool
		killed bool
		said   []string
	}{
		"nothing":                       {damage: func(string) error { return nil }},
		"the process before was killed": {damage: func(string) error { return nil }, killed: true, said: []string{"checking the mirror, because the process that had it before was killed"}},
		"fault 51: a pack is cut":       {damage: func(dir string) error { return os.Truncate(pack(dir, ".pack"), 100) }, said: []string{"discarding a damaged mirror"}},
		"a pack is empty":               {damage: func(dir string) error { return os.Truncate(pack(dir, ".pack"), 0) }, said: []string{"discarding a damaged mirror"}},
		"a byte of a pack has changed":  {damage: func(dir string) error { return flip(pack(dir, ".pack"), -25) }, said: []string{"discarding a damaged mirror"}},
		"a pack is gone":                {damage: func(dir string) error { return os.Remove(pack(dir, ".pack")) }, said: []string{"discarding a damaged mirror"}},
		"an index is gone":              {damage: func(dir string) error { return os.Remove(pack(dir, ".idx")) }, said: []string{"discarding a damaged mirror"}},
		"an index has changed":          {damage: func(dir string) error { return flip(pack(dir, ".idx"), 1) }, said: []string{"discarding a damaged mirror"}},
		"HEAD is empty":                 {damage: func(dir string) error { return os.WriteFile(filepath.Join(dir, repositoryName, "HEAD"), nil, 0o600) }, said: []string{"discarding a damaged mirror"}},
		"a ref is empty": {damage: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, repositoryName, "refs/heads/main"), nil, 0o600)
		}, said: []string{"discarding a damaged mirror"}},
		"everything is gone": {damage: func(dir string) error { return os.RemoveAll(filepath.Join(dir, repositoryName)) }},
		"another repository's": {damage: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, repositoryName, sourceName), []byte("http://elsewhere\n"), 0o600)
		}, said: []string{"discarding a damaged mirror"}},
		"somebody's configuration": {damage: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, repositoryName, "config"), []byte("[core]\n\tfsmonitor = touch /tmp/x\n[include]\npath = /x\n"), 0o600)
		}},
		"grafts (g17)": {damage: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, repositoryName, "info/grafts"), []byte(strings.Repeat("1", 40)+"\n"), 0o600)
		}},
		"fault 59: locks":                {damage: leaveLocks, killed: true, said: []string{"removing a leftover", "removing a leftover", "removing a leftover", "removing a leftover", "checking the mirror, because the process that had it before was killed"}},
		"an object is gone after a kill": {damage: func(dir string) error { return loosen(dir) }, killed: true, said: []string{"checking the mirror, because the process that had it before was killed", "discarding a damaged mirror"}},
		"while it is open":               {damage: func(dir string) error { return os.Remove(pack(dir, ".pack")) }, late: true},
	} {
		t.Run(name, func(t *testing.T) {
			daily(t, name, "nothing", "the process before was killed", "fault 51: a pack is cut", "somebody's configuration", "fault 59: locks")
			t.Parallel()
			repo := gitrepo.New(t)
			tip := repo.Commit("main", map[string]string{"a": "1\n"}, "one")
			repo.SetBranch("release", tip)
			url, _ := serve(t, repo, githttp.Options{})
			dir := t.TempDir()
			m := open(t, Options{URL: url, Dir: dir})
			if !tc.late {
				_ = m.Close()
			}
			if err := tc.damage(dir); err != nil {
				t.Fatal(err)
			}
			if tc.killed {
				if err := os.WriteFile(filepath.Join(dir, openName), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var said events
			if tc.late {
				if _, err := m.Files(t.Context(), tip); !errors.Is(err, git.ErrCorrupt) {
					t.Errorf("reading what is gone: %v", err)
				}
			} else {
				m = opened(t, Options{URL: url, Dir: dir, Log: said.log})
			}
			if !slices.Equal(said, tc.said) {
				t.Errorf("the mirror said %q, want %q", said, tc.said)
			}
			if _, err := m.Fetch(t.Context()); err != nil {
				t.Fatal(err)
			}
			refs, err := m.Refs(t.Context())
			if err != nil || refs.Branches["main"] != tip || refs.Head != "main" {
				t.Fatalf("refs are %v, %v", refs, err)
			}
			if files, err := m.Files(t.Context(), tip); err != nil || len(files) != 1 {
				t.Errorf("files are %v, %v", files, err)
			}
			if content, err := m.Blob(t.Context(), blobOf("1\n")); err != nil || string(content) != "1\n" {
				t.Errorf("the file is %q, %v", content, err)
			}
			if _, err := m.Repository().Tree(tip); err != nil {
				t.Error(err)
			}
			if _, err := m.Log(t.Context(), LogRequest{Of: []string{tip}, Files: true}); err != nil {
				t.Error(err)
			}
			if _, err := m.program.run(t.Context(), call{args: []string{"fsck", "--strict"}}); err != nil {
				t.Error(err)
			}
		})
	}
}

// flip changes a byte of a file; a negative place counts from the end.
func flip(path string, at int64) error {
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); at < 0 && err == nil {
		at += info.Size()
	}
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	b[0] ^= 0xff
	_, err2 := f.WriteAt(b, at)
	return errors.Join(err, err2, f.Close())
}

// leaveLocks leaves what a git that was killed leaves.
func leaveLocks(dir string) error {
	for _, name := range []string{"packed-refs.lock", "HEAD.lock", "refs/heads/main.lock", "objects/pack/tmp_pack_abc"} {
		if err := os.WriteFile(filepath.Join(dir, repositoryName, name), []byte("x"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// loosen takes the packs apart and removes a tree.
func loosen(dir string) error {
	repository := filepath.Join(dir, repositoryName)
	packs, _ := filepath.Glob(filepath.Join(repository, "objects", "pack", "*.pack"))
	moved := filepath.Join(dir, "moved.pack")
	if err := os.Rename(packs[0], moved); err != nil {
		return err
	}
	if err := os.Remove(strings.TrimSuffix(packs[0], ".pack") + ".idx"); err != nil {
		return err
	}
	in, err := os.Open(moved)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	cmd := exec.Command("git", "unpack-objects", "-q")
	cmd.Dir, cmd.Env, cmd.Stdin = repository, gitrepo.Env(), in
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	out := gitIn(repository, "rev-parse", "refs/heads/main^{tree}")
	return os.Remove(filepath.Join(repository, "objects", out[:2], out[2:]))
}

func gitIn(dir string, args ...string) string {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, gitrepo.Env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		panic(fmt.Sprintf("git %q: %v: %s", args, err, out))
	}
	return strings.TrimSpace(string(out))
}

// TestDiskFull runs git where no file may grow (fault 60): what was there stays, and the error says what to check.
func TestDiskFull(t *testing.T) {
	repo := gitrepo.New(t)
	tip := repo.Commit("main", map[string]string{"a": "1\n"}, "one")
	limited := filepath.Join(t.TempDir(), "git")
	full := filepath.Join(t.TempDir(), "full")
	script := fmt.Sprintf("#!/bin/sh\nif [ -e '%s' ]; then trap '' XFSZ; ulimit -f 8; fi\nexec git \"$@\"\n", full)
	if err := os.WriteFile(limited, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m := open(t, Options{URL: repo.Dir, Dir: dir, Git: limited})
	next := repo.Commit("main", map[string]string{"b": incompressible(64 << 10)}, "two")
	if err := os.WriteFile(full, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Fetch(t.Context()); !errors.Is(err, git.ErrDisk) {
		t.Errorf("Fetch says %v", err)
	}
	if refs, err := m.Refs(t.Context()); err != nil || refs.Branches["main"] != tip {
		t.Errorf("refs are %v, %v", refs, err)
	}
	if _, err := m.Files(t.Context(), tip); err != nil {
		t.Error(err)
	}
	_ = m.Close()
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	m = open(t, Options{URL: repo.Dir, Dir: dir, Git: limited})
	if refs, err := m.Refs(t.Context()); err != nil || refs.Branches["main"] != next {
		t.Errorf("refs are %v, %v", refs, err)
	}
}

// incompressible is text that does not get smaller when it is packed.
func incompressible(n int) string {
	var b strings.Builder
	for i := uint32(1); b.Len() < n; i = i*1664525 + 1013904223 {
		fmt.Fprintf(&b, "%08x", i)
	}
	return b.String()
}

// TestTwoProcesses opens a mirror that another one has: it waits, and gives up when its time is over.
func TestTwoProcesses(t *testing.T) {
	repo := gitrepo.New(t)
	repo.Apply("main", "one")
	dir := t.TempDir()
	first := open(t, Options{URL: repo.Dir, Dir: dir})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Options{URL: repo.Dir, Dir: dir}); !errors.Is(err, git.ErrDisk) || !strings.Contains(err.Error(), "wait for another process that uses "+dir) {
		t.Errorf("the second says %v", err)
	}
	waiting := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		m, err := Open(t.Context(), Options{URL: repo.Dir, Dir: dir, Log: func(string, ...any) { waiting <- struct{}{} }})
		if err == nil {
			_, err = m.Refs(t.Context())
			err = errors.Join(err, m.Close())
		}
		done <- err
	}()
	<-waiting
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	// A temporary one is gone when it is closed.
	m := open(t, Options{URL: repo.Dir})
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(m.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left", m.dir)
	}
}
