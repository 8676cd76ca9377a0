package native

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// TestLarge mirrors many refs and files (g16, a part of it: the numbers are for one that runs often), and picks there. How long it takes is printed.
func TestLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long")
	}
	const refs, files = 5_000, 100_000
	repo := gitrepo.New(t)
	var in bytes.Buffer
	fmt.Fprint(&in, "commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\ndata 4\none\n")
	for i := range files {
		fmt.Fprintf(&in, "M 100644 inline f%d/%d\ndata 6\n%06d\n", i%300, i, i)
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Env, cmd.Stdin = repo.Dir, gitrepo.Env(), &in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	repo.SetBranch("release", "main")
	onto := repo.Commit("release", map[string]string{"f1/1": "branch"}, "two")
	next := repo.Commit("main", map[string]string{"f2/2": "main"}, "three")
	packed := bytes.NewBufferString("# pack-refs with: peeled fully-peeled sorted \n")
	for i := range refs {
		fmt.Fprintf(packed, "%s refs/pull/%06d/head\n", next, 100_000+i)
	}
	if err := os.WriteFile(filepath.Join(repo.Dir, "packed-refs"), packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	url, _ := serve(t, repo, githttp.Options{})
	started := time.Now()
	said := func(what string) {
		t.Logf("%s: %v", what, time.Since(started).Round(time.Millisecond))
		started = time.Now()
	}
	m := open(t, Options{URL: url, Dir: t.TempDir(), Timeout: 10 * time.Minute})
	said("first fetch")
	all, err := m.Refs(t.Context())
	if err != nil || len(all.PullHeads) != refs || len(all.Branches) != 2 {
		t.Fatalf("%d pull requests, %v, %v", len(all.PullHeads), all.Branches, err)
	}
	if changed, err := m.Fetch(t.Context()); changed || err != nil {
		t.Errorf("nothing changed, and Fetch says %v, %v", changed, err)
	}
	said("fetch without news")
	repo.SetRef("refs/pull/7/head", onto)
	if changed, err := m.Fetch(t.Context()); !changed || err != nil {
		t.Errorf("Fetch says %v, %v", changed, err)
	}
	said("fetch of one ref")
	p, err := m.Pick(t.Context(), onto, "release", next)
	if err != nil || len(p.Conflicts) > 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	said("pick")
	listed, err := m.Files(t.Context(), p.Tree)
	if err != nil || len(listed) != files || listed["f2/2"].Blob != blobOf("main") || listed["f1/1"].Blob != blobOf("branch") {
		t.Errorf("%d files, %v", len(listed), err)
	}
	said("files")
}

// TestLargeFile picks a file that git itself treats as too large to look into (g16; 600 MiB have the same way through it as 1 GiB): nobody takes it into memory.
func TestLargeFile(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long")
	}
	repo := gitrepo.New(t)
	repo.Commit("main", map[string]string{"a": "1\n"}, "one")
	repo.SetBranch("release", "main")
	onto := repo.Commit("release", map[string]string{"a": "branch\n"}, "two")
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 600<<20); err != nil {
		t.Fatal(err)
	}
	blob := gitIn(repo.Dir, "hash-object", "-w", "-t", "blob", large)
	gitIn(repo.Dir, "read-tree", "main")
	gitIn(repo.Dir, "update-index", "--add", "--cacheinfo", "100644,"+blob+",large")
	next := gitIn(repo.Dir, "commit-tree", "-p", "main", "-m", "three", gitIn(repo.Dir, "write-tree"))
	repo.SetBranch("main", next)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m := open(t, Options{URL: repo.Dir, Dir: t.TempDir(), Timeout: 10 * time.Minute})
	log, err := m.Log(t.Context(), LogRequest{Of: []string{next}, Not: []string{onto}, Files: true, PatchIDs: true})
	if err != nil || len(log) != 1 || log[0].PatchID == "" {
		t.Errorf("the log is %+v, %v", log, err)
	}
	p, err := m.Pick(t.Context(), onto, "release", next)
	if err != nil || len(p.Conflicts) > 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if files, err := m.Files(t.Context(), p.Tree); err != nil || files["large"].Blob != blob || files["a"].Blob != blobOf("branch\n") {
		t.Errorf("%+v, %v", files, err)
	}
	if _, err := m.Blob(t.Context(), blob); !errors.Is(err, git.ErrTooLarge) {
		t.Errorf("reading it: %v", err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 100<<20 {
		t.Errorf("it took %d MiB of memory", took>>20)
	}
}
