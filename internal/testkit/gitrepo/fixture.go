package gitrepo

import (
	"io/fs"
	"path/filepath"
)

// TB is what a Fixture needs of a test. The testing package itself stays out, because the sandbox is no test.
type TB interface {
	Helper()
	Fatal(args ...any)
	TempDir() string
}

// Fixture is a Repo whose methods end the test when they fail.
type Fixture struct {
	*Repo
	t TB
}

// New makes an empty bare repository that lives as long as the test. Its folder's name is config.git, and the folder
// above holds nothing else, so that a Git server can have it as its root.
func New(t TB) *Fixture {
	t.Helper()
	r, err := Create(filepath.Join(t.TempDir(), "config.git"))
	f := &Fixture{r, t}
	f.must(err)
	return f
}

// Root is the folder that holds the repository.
func (f *Fixture) Root() string { return filepath.Dir(f.Dir) }

// Commit is Repo.Commit.
func (f *Fixture) Commit(branch string, files map[string]string, message string) string {
	f.t.Helper()
	return f.value(f.Repo.Commit(branch, files, message))
}

// Apply is Repo.Apply.
func (f *Fixture) Apply(branch, message string, changes ...Change) string {
	f.t.Helper()
	return f.value(f.Repo.Apply(branch, message, changes...))
}

// Merge is Repo.Merge.
func (f *Fixture) Merge(branch, message string, others []string, changes ...Change) string {
	f.t.Helper()
	return f.value(f.Repo.Merge(branch, message, others, changes...))
}

// CommitFS is Repo.CommitFS.
func (f *Fixture) CommitFS(branch string, fsys fs.FS, message string) string {
	f.t.Helper()
	return f.value(f.Repo.CommitFS(branch, fsys, message))
}

// Resolve is Repo.Resolve.
func (f *Fixture) Resolve(rev string) string {
	f.t.Helper()
	return f.value(f.Repo.Resolve(rev))
}

// Git is Repo.Git.
func (f *Fixture) Git(args ...string) string {
	f.t.Helper()
	return f.value(f.Repo.Git(args...))
}

// Tag is Repo.Tag.
func (f *Fixture) Tag(name, rev string) {
	f.t.Helper()
	f.must(f.Repo.Tag(name, rev))
}

// AnnotatedTag is Repo.AnnotatedTag.
func (f *Fixture) AnnotatedTag(name, rev, message string) {
	f.t.Helper()
	f.must(f.Repo.AnnotatedTag(name, rev, message))
}

// MoveTag is Repo.MoveTag.
func (f *Fixture) MoveTag(name, rev string) {
	f.t.Helper()
	f.must(f.Repo.MoveTag(name, rev))
}

// DeleteTag is Repo.DeleteTag.
func (f *Fixture) DeleteTag(name string) {
	f.t.Helper()
	f.must(f.Repo.DeleteTag(name))
}

// SetBranch is Repo.SetBranch.
func (f *Fixture) SetBranch(branch, rev string) {
	f.t.Helper()
	f.must(f.Repo.SetBranch(branch, rev))
}

// DeleteBranch is Repo.DeleteBranch.
func (f *Fixture) DeleteBranch(branch string) {
	f.t.Helper()
	f.must(f.Repo.DeleteBranch(branch))
}

// SetHead is Repo.SetHead.
func (f *Fixture) SetHead(branch string) {
	f.t.Helper()
	f.must(f.Repo.SetHead(branch))
}

// SetRef is Repo.SetRef.
func (f *Fixture) SetRef(ref, rev string) {
	f.t.Helper()
	f.must(f.Repo.SetRef(ref, rev))
}

func (f *Fixture) value(s string, err error) string {
	f.t.Helper()
	f.must(err)
	return s
}

func (f *Fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}
