package gitrepo_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// The hashes are written down: they must be the same on every machine and with every git.
func TestSameCallsGiveTheSameHashes(t *testing.T) {
	r := gitrepo.New(t)
	first := r.Commit("main", map[string]string{"catalog.yaml": "a\n", "addons/b/x.yaml": "x\n"}, "first")
	r.SetBranch("release-1.31", "main")
	second := r.Apply("release-1.31", "second",
		gitrepo.File("addons/c/ünï \"code\"\n.yaml", "c\n"),
		gitrepo.Executable("addons/c/run", "#!/bin/sh\n"),
		gitrepo.Symlink("addons/c/link", "../b/x.yaml"),
		gitrepo.Submodule("addons/c/sub", first),
		gitrepo.Remove("addons/b"),
	)
	r.AnnotatedTag("v1.31-ake.1", "release-1.31", "Release 1")
	r.Tag("v1.31-ake.2", first)
	r.MoveTag("v1.31-ake.2", second)
	r.Commit("gone", map[string]string{"f": ""}, "third")
	r.DeleteBranch("gone")
	r.SetHead("release-1.31")
	merge := r.Merge("main", "merge", []string{"release-1.31"})

	got := strings.Join([]string{
		r.Git("for-each-ref", "--format=%(objectname) %(objecttype) %(refname)"),
		r.Git("ls-tree", "-r", "release-1.31"),
		"head " + r.Git("symbolic-ref", "HEAD"),
		"merge " + r.Git("log", "-1", "--format=%P %an <%ae> %ad %cd %s", "--date=iso-strict", merge),
	}, "\n")
	want := `00e769c2ba977853b95640a4ef4c930ad6e59cfa commit refs/heads/main
5c53b25b5b61acd13223f6c7b3eaa80b1692ad40 commit refs/heads/release-1.31
6bd214657968bafddfc1067ad563bff4158f8712 tag refs/tags/v1.31-ake.1
5c53b25b5b61acd13223f6c7b3eaa80b1692ad40 commit refs/tags/v1.31-ake.2
120000 blob 896ab636d52a7a7cb0ffc66d8f1c33df3ad437fe	addons/c/link
100755 blob 1a2485251c33a70432394c93fb89330ef214bfc9	addons/c/run
160000 commit d5ccf455e0e4a06cff8a0a288b2d470af2085308	addons/c/sub
100644 blob f2ad6c76f0115a6ba5b00456a849810e7ec0af20	"addons/c/\303\274n\303\257 \"code\"\n.yaml"
100644 blob 78981922613b2afb6025042ff6bd878ac1994e85	catalog.yaml
head refs/heads/release-1.31
merge d5ccf455e0e4a06cff8a0a288b2d470af2085308 5c53b25b5b61acd13223f6c7b3eaa80b1692ad40 Addon Tester <tester@example.com> 2025-01-01T00:04:00+00:00 2025-01-01T00:04:00+00:00 merge`
	if got != want {
		t.Errorf("repository:\n%s\nwant:\n%s", got, want)
	}
}

func TestCommitFSReplacesTheTree(t *testing.T) {
	r := gitrepo.New(t)
	r.Commit("main", map[string]string{"old": "old"}, "first")
	r.CommitFS("main", fstest.MapFS{
		"catalog.yaml":   {Data: []byte("c")},
		"addons/a/run":   {Data: []byte("r"), Mode: 0o755},
		"addons/a/empty": {},
	}, "second")
	got := r.Git("ls-tree", "-r", "--format=%(objectmode) %(path) %(objectsize)", "main")
	want := "100644 addons/a/empty 0\n100755 addons/a/run 1\n100644 catalog.yaml 1"
	if got != want {
		t.Errorf("tree:\n%s\nwant:\n%s", got, want)
	}
}

func TestOpenDatesNewCommitsAfterTheOld(t *testing.T) {
	r := gitrepo.New(t)
	r.Commit("main", nil, "first")
	again, err := gitrepo.Open(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Commit("main", nil, "second"); err != nil {
		t.Fatal(err)
	}
	want := "2025-01-01T00:01:00+00:00 second\n2025-01-01T00:00:00+00:00 first"
	if got := strings.ReplaceAll(r.Git("log", "--format=%cI %s", "main"), "Z ", "+00:00 "); got != want {
		t.Errorf("log:\n%s\nwant:\n%s", got, want)
	}
}

func TestMistakesAreErrors(t *testing.T) {
	r := gitrepo.New(t)
	r.Commit("main", nil, "first")
	for name, do := range map[string]func() error{
		"a second repository in the folder": func() error { _, err := gitrepo.Create(r.Dir); return err },
		"tag a commit that is not there":    func() error { return r.Repo.Tag("x", "nowhere") },
		"tag twice":                         func() error { _ = r.Repo.Tag("twice", "main"); return r.Repo.Tag("twice", "main") },
		"delete a tag that is not there":    func() error { return r.Repo.DeleteTag("nowhere") },
		"delete a branch that is not there": func() error { return r.Repo.DeleteBranch("nowhere") },
		"merge what is not there":           func() error { _, err := r.Repo.Merge("main", "m", []string{"nowhere"}); return err },
		"open an empty folder":              func() error { _, err := gitrepo.Open(t.TempDir()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			if err := do(); err == nil {
				t.Error("no error")
			}
		})
	}
}
