// Package native works on a config repository with the git program, in a bare mirror without a work tree: it fetches, merges, writes commits and
// tags, and pushes. What it writes stays in the mirror until Push.
//
// The program runs isolated: no configuration, hook, credential helper, prompt, attribute driver, replaced object or transport of the user's or of the
// repository's own takes part, and what comes from outside is never an option or a path of the mirror. Credentials are in no argument, file or error.
//
// Refs, trees and files are read through package git, which Repository opens on the mirror.
package native

import (
	"context"
	"errors"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// What a push can be refused for; errors.Is tells which.
var (
	// ErrStale means that a ref is not what the caller thought: somebody else was faster. Nothing was pushed.
	ErrStale = errors.New("the ref has moved")
	// ErrProtected means that the server's rules refuse it. Nothing was pushed.
	ErrProtected = errors.New("the server refuses it")
)

// Options say which repository to work on, and where.
type Options struct {
	// URL is http(s)://, ssh://, user@host:path, file:// or a folder. A folder is never written to, but by Push.
	URL string
	// Dir is the folder of the mirror. It is kept between runs, and made, checked and made anew as needed. One process at a time has it: another waits. Empty means a
	// temporary folder that Close removes.
	Dir string
	// Auth gives user and password for HTTP, asked for anew for each request since tokens end. Nil or empty answers mean none.
	Auth func(ctx context.Context) (user, password string, err error)
	// Timeout bounds one Fetch or Push; 0 means git.DefaultTimeout.
	Timeout time.Duration
	// Git is the program; empty means git in the PATH. At least 2.38.
	Git string
	// Log, when set, hears what happens by itself, such as discarding a damaged mirror.
	Log func(message string, pairs ...any)
}

// Mirror is one repository.
type Mirror struct{}

// Open opens the mirror. It does not use the network.
func Open(ctx context.Context, o Options) (*Mirror, error) { panic("todo") }

// Close gives the folder free.
func (m *Mirror) Close() error { panic("todo") }

// Fetch brings branches, tags and pull request heads (refs/pull/*/head, where the server has them) up to date and tells whether anything changed.
// When it fails, what was there before stays.
func (m *Mirror) Fetch(ctx context.Context) (changed bool, err error) { panic("todo") }

// Repository reads the mirror's refs, trees and files, as of the last Fetch. Commits and trees that were written since are readable by hash.
func (m *Mirror) Repository() *git.Repository { panic("todo") }

// Refs are names of the mirror, or of the remote.
type Refs struct {
	// Head is the default branch.
	Head string
	// Branches map names to commits, Tags to what they name, PullHeads numbers of pull requests to commits.
	Branches  map[string]string
	Tags      map[string]Tag
	PullHeads map[int]string
}

// Tag is what a tag names.
type Tag struct {
	// Object is the tag object, equal to Commit for a lightweight tag.
	Object, Commit string
}

// Refs are the mirror's.
func (m *Mirror) Refs(ctx context.Context) (Refs, error) { panic("todo") }

// Remote asks the remote for its branches and tags, now. PullHeads are left out.
func (m *Mirror) Remote(ctx context.Context) (Refs, error) { panic("todo") }

// LogRequest says which commits to list.
type LogRequest struct {
	// Of are listed with their ancestors, without Not and its ancestors. All are hashes.
	Of, Not []string
	// FirstParent follows only first parents.
	FirstParent bool
	// Files and PatchIDs ask for these fields; a merge is compared to its first parent.
	Files, PatchIDs bool
}

// Log lists commits, oldest first: parents come before their children.
func (m *Mirror) Log(ctx context.Context, r LogRequest) ([]change.Commit, error) { panic("todo") }

// PatchIDs are the stable patch-ids of commits against their first parents. Commits that change nothing are not in it.
func (m *Mirror) PatchIDs(ctx context.Context, commits []string) (map[string]string, error) {
	panic("todo")
}

// ReversePatchIDs are the patch-ids of undoing commits.
func (m *Mirror) ReversePatchIDs(ctx context.Context, commits []string) (map[string]string, error) {
	panic("todo")
}

// MergeBase is the best common ancestor, empty when there is none.
func (m *Mirror) MergeBase(ctx context.Context, a, b string) (string, error) { panic("todo") }

// Contains tells whether commit is branch or one of its ancestors.
func (m *Mirror) Contains(ctx context.Context, branch, commit string) (bool, error) { panic("todo") }

// Files are all paths of a commit or tree.
func (m *Mirror) Files(ctx context.Context, commit string) (map[string]change.Entry, error) {
	panic("todo")
}

// Blob is a file's content, at most git.DefaultMaxBlob bytes.
func (m *Mirror) Blob(ctx context.Context, hash string) ([]byte, error) { panic("todo") }

// Picked is what comes of applying a commit's change, against its first parent, to another commit.
type Picked struct {
	// Tree is the result. With conflicts, files with Content conflicts have markers in it, and other paths are as on the branch.
	Tree string
	// Empty tells that the branch has all of it already: Tree is the branch's.
	Empty bool
	// Conflicts are sorted by path; none means that it applies.
	Conflicts []pick.Conflict
	// Stages are the three versions of each conflicting path: base, ours (the branch), theirs (the commit).
	Stages map[string]Stages
}

// Stages are the versions of a path in a conflict; zero entries are not there.
type Stages struct{ Base, Ours, Theirs change.Entry }

// Pick applies the change of a commit to another, as `git cherry-pick -m 1` would in a work tree. Onto is a commit; label names it in conflict
// markers. Both are hashes.
func (m *Mirror) Pick(ctx context.Context, onto, label, commit string) (Picked, error) { panic("todo") }

// PickEach applies each commit to the same other one, without the others. It is much faster than one Pick after another.
func (m *Mirror) PickEach(ctx context.Context, onto string, commits []string) ([]Picked, error) {
	panic("todo")
}

// MergeFile merges a file's versions, with markers in diff3 style where they conflict.
func (m *Mirror) MergeFile(ctx context.Context, base, ours, theirs []byte, label, commit string) (merged []byte, clean bool, err error) {
	panic("todo")
}

// WriteBlob and WriteTree write objects. WriteTree is tree with some paths changed; zero entries are removed.
func (m *Mirror) WriteBlob(ctx context.Context, content []byte) (hash string, err error) {
	panic("todo")
}

// WriteTree is a tree with some paths changed; zero entries are removed.
func (m *Mirror) WriteTree(ctx context.Context, tree string, paths map[string]change.Entry) (hash string, err error) {
	panic("todo")
}

// Commit writes a commit. The same commit has the same hash.
func (m *Mirror) Commit(ctx context.Context, c change.Commit) (hash string, err error) { panic("todo") }

// NewTag is an annotated tag to make.
type NewTag struct {
	Name, Commit, Message string
	Tagger                change.Person
	// Signing says how to sign; the zero value does not.
	Signing Signing
}

// Signing is how tags are signed.
type Signing struct {
	// Format is ssh or openpgp.
	Format string
	// Key is the file of an SSH private key, or the id of an OpenPGP key in Home.
	Key string
	// Home is the GNUPGHOME with the key; empty means the user's.
	Home string
}

// Tag writes a tag object and gives its hash. No ref names it until Push.
func (m *Mirror) Tag(ctx context.Context, t NewTag) (object string, err error) { panic("todo") }

// Verify tells whether a tag object has a good signature: by one of the keys in an allowed-signers file (ssh), or in Signing.Home (openpgp).
func (m *Mirror) Verify(ctx context.Context, object, allowedSigners string, s Signing) error { panic("todo") }

// Update is a ref to push.
type Update struct {
	// Ref is a full name such as refs/heads/release-1.31.
	Ref string
	// Old is what the remote must have, empty when it must not have the ref. New is what it gets, empty to delete it.
	Old, New string
}

// Push changes refs of the remote, all or none. An error other than ErrStale and ErrProtected leaves open whether it happened: ask Remote.
func (m *Mirror) Push(ctx context.Context, updates ...Update) error { panic("todo") }
