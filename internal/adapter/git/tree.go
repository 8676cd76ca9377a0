package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// Why a path of a Tree or WorkTree cannot be read.
var (
	// ErrSymlink means that a symbolic link is in the way. Links are shown by Lstat and ReadLink and never followed.
	ErrSymlink = errors.New("symbolic link, which is not followed")
	// ErrSubmodule means that the content is in another repository.
	ErrSubmodule = errors.New("submodule, which is not read")
	// ErrBadName means that a folder holds a name that no checkout could have.
	ErrBadName = errors.New("bad name in the Git tree")
	// ErrIrregular means a device, a pipe or a socket.
	ErrIrregular = errors.New("not a regular file")
)

// Tree gives the files of a commit, which is a full hash. They are read from the repository's objects when asked for,
// so an I/O failure can come with any call, and stays readable as long as the repository is open. The result also
// implements fs.ReadDirFS, fs.ReadFileFS, fs.StatFS and fs.ReadLinkFS. Symbolic links are never followed, not even by
// Stat; submodules have fs.ModeIrregular.
func (r *Repository) Tree(commit string) (fs.FS, error) {
	h, err := r.hash(commit)
	if err != nil {
		return nil, err
	}
	_, objects, err := r.current()
	if err != nil {
		return nil, err
	}
	c, err := objects.commit(h)
	if errors.Is(err, errMissing) {
		return nil, r.missing(h, commit)
	}
	if err != nil {
		return nil, r.fault(err)
	}
	t := &tree{repository: r, root: entry{name: ".", mode: fs.ModeDir | 0o555, hash: c.TreeHash}, when: c.Committer.When.UTC()}
	if _, err := t.list(t.root); err != nil {
		return nil, err
	}
	return t, nil
}

// tree is the file system of one commit.
type tree struct {
	repository *Repository
	root       entry
	when       time.Time

	mu     sync.Mutex
	folder map[plumbing.Hash][]entry
}

// entry is one name in a folder.
type entry struct {
	name string
	mode fs.FileMode
	hash plumbing.Hash
}

// modes are Git's file modes. 100664 stands in some old trees.
var modes = map[string]fs.FileMode{
	"40000":  fs.ModeDir | 0o555,
	"100644": 0o444,
	"100664": 0o444,
	"100755": 0o555,
	"120000": fs.ModeSymlink | 0o777,
	"160000": fs.ModeIrregular,
}

// list reads a folder, sorted by name.
func (t *tree) list(folder entry) ([]entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if list, ok := t.folder[folder.hash]; ok {
		return list, nil
	}
	typ, content, err := t.repository.read(folder.hash, maxObject)
	if err != nil {
		return nil, err
	}
	if typ != plumbing.TreeObject {
		return nil, t.repository.fault(fmt.Errorf("%w: %s is a %s, not a tree", ErrCorrupt, folder.hash, typ))
	}
	list, err := parseTree(content)
	if err != nil {
		return nil, err
	}
	if t.folder == nil {
		t.folder = map[plumbing.Hash][]entry{}
	}
	t.folder[folder.hash] = list
	return list, nil
}

// parseTree reads a tree object: mode, space, name, NUL, 20 bytes of hash, and so on. Names that a checkout refuses, or that
// would mean another folder, make the whole folder unreadable: whoever delivers from it would not get it either.
func parseTree(content []byte) ([]entry, error) {
	var list []entry
	for len(content) > 0 {
		head, rest, ok := bytes.Cut(content, []byte{0})
		if !ok || len(rest) < len(plumbing.ZeroHash) {
			return nil, fmt.Errorf("%w: a Git tree is cut off", ErrCorrupt)
		}
		mode, name, ok := strings.Cut(string(head), " ")
		if !ok {
			return nil, fmt.Errorf("%w: a Git tree has an entry without mode", ErrCorrupt)
		}
		e := entry{name: name, hash: plumbing.Hash(rest[:len(plumbing.ZeroHash)])}
		content = rest[len(plumbing.ZeroHash):]
		if e.mode, ok = modes[strings.TrimLeft(mode, "0")]; !ok {
			return nil, fmt.Errorf("%w: %q has the unknown mode %q", ErrCorrupt, name, mode)
		}
		switch {
		case name == "" || name == "." || name == ".." || strings.Contains(name, "/") || strings.EqualFold(name, ".git"):
			return nil, fmt.Errorf("%w: %q is no name that a checkout can have", ErrBadName, name)
		case !utf8.ValidString(name):
			return nil, fmt.Errorf("%w: %q is not UTF-8", ErrBadName, name)
		}
		list = append(list, e)
	}
	slices.SortStableFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(list); i++ {
		if list[i].name == list[i-1].name {
			return nil, fmt.Errorf("%w: %q is there twice", ErrBadName, list[i].name)
		}
	}
	return list, nil
}

// find looks a path up, without following anything.
func (t *tree) find(op, name string) (entry, error) {
	fail := func(err error) (entry, error) { return entry{}, &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	at := t.root
	if name == "." {
		return at, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case at.mode.IsDir():
		case at.mode.Type() == 0:
			return fail(fs.ErrNotExist)
		default:
			return fail(at.unreadable())
		}
		list, err := t.list(at)
		if err != nil {
			return fail(err)
		}
		i, ok := slices.BinarySearchFunc(list, part, func(e entry, name string) int { return strings.Compare(e.name, name) })
		if !ok {
			return fail(fs.ErrNotExist)
		}
		at = list[i]
	}
	return at, nil
}

// unreadable tells why an entry has no content of its own here.
func (e entry) unreadable() error {
	switch e.mode.Type() {
	case fs.ModeSymlink:
		return ErrSymlink
	case fs.ModeIrregular:
		return ErrSubmodule
	default:
		return nil
	}
}

// Open opens a file or a folder.
func (t *tree) Open(name string) (fs.File, error) {
	e, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if err := e.unreadable(); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if e.mode.IsDir() {
		list, err := t.dirEntries(e)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &openFolder{info: t.infoOf(e, 0), path: name, entries: list}, nil
	}
	content, err := t.content(e)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{Reader: bytes.NewReader(content), info: t.infoOf(e, int64(len(content)))}, nil
}

// ReadFile gives the whole content of a file.
func (t *tree) ReadFile(name string) ([]byte, error) {
	e, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	if err = e.unreadable(); err == nil && e.mode.IsDir() {
		err = errors.New("is a directory")
	}
	var content []byte
	if err == nil {
		content, err = t.content(e)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return content, nil
}

// ReadDir lists a folder, sorted by name.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if err = e.unreadable(); err == nil && !e.mode.IsDir() {
		err = errors.New("not a directory")
	}
	var list []fs.DirEntry
	if err == nil {
		list, err = t.dirEntries(e)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return list, nil
}

// Stat describes a file or a folder. A symbolic link is an error: what it points to is not looked at.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	e, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	if e.mode.Type() == fs.ModeSymlink {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: ErrSymlink}
	}
	return t.describe("stat", name, e)
}

// Lstat describes a file, a folder, a symbolic link or a submodule.
func (t *tree) Lstat(name string) (fs.FileInfo, error) {
	e, err := t.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return t.describe("lstat", name, e)
}

// ReadLink gives the target of a symbolic link.
func (t *tree) ReadLink(name string) (string, error) {
	e, err := t.find("readlink", name)
	if err == nil && e.mode.Type() != fs.ModeSymlink {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return "", err
	}
	content, err := t.content(e)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(content), nil
}

func (t *tree) describe(op, name string, e entry) (fs.FileInfo, error) {
	info, err := t.info(e)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return info, nil
}

func (t *tree) content(e entry) ([]byte, error) {
	typ, content, err := t.repository.read(e.hash, t.repository.options.MaxBlob)
	if err == nil && typ != plumbing.BlobObject {
		err = t.repository.fault(fmt.Errorf("%w: %s is a %s, not a file", ErrCorrupt, e.hash, typ))
	}
	return content, err
}

// info finds out the size without loading the content.
func (t *tree) info(e entry) (fs.FileInfo, error) {
	if e.mode.IsDir() || e.mode.Type() == fs.ModeIrregular {
		return t.infoOf(e, 0), nil
	}
	_, objects, err := t.repository.current()
	if err != nil {
		return nil, err
	}
	size, err := objects.size(e.hash)
	if err != nil {
		return nil, t.repository.fault(err)
	}
	return t.infoOf(e, size), nil
}

func (t *tree) infoOf(e entry, size int64) info { return info{e, size, t.when} }

func (t *tree) dirEntries(folder entry) ([]fs.DirEntry, error) {
	list, err := t.list(folder)
	if err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, len(list))
	for i, e := range list {
		entries[i] = dirEntry{t, e}
	}
	return entries, nil
}

type dirEntry struct {
	tree  *tree
	entry entry
}

func (d dirEntry) Name() string               { return d.entry.name }
func (d dirEntry) IsDir() bool                { return d.entry.mode.IsDir() }
func (d dirEntry) Type() fs.FileMode          { return d.entry.mode.Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d.tree.info(d.entry) }
func (d dirEntry) String() string             { return fs.FormatDirEntry(d) }

// info describes an entry. Everything has the commit's date.
type info struct {
	entry entry
	size  int64
	when  time.Time
}

func (i info) Name() string       { return path.Base(i.entry.name) }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.entry.mode }
func (i info) ModTime() time.Time { return i.when }
func (i info) IsDir() bool        { return i.entry.mode.IsDir() }
func (i info) Sys() any           { return nil }
func (i info) String() string     { return fs.FormatFileInfo(i) }

// openFile is a file that was read whole.
type openFile struct {
	*bytes.Reader
	info info
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

// openFolder is a folder that was read whole.
type openFolder struct {
	info    info
	path    string
	entries []fs.DirEntry
	at      int
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFolder) Close() error               { return nil }

func (f *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.path, Err: errors.New("is a directory")}
}

func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := f.entries[f.at:]
	if n > 0 && len(rest) == 0 {
		return nil, io.EOF
	}
	if n > 0 && len(rest) > n {
		rest = rest[:n]
	}
	f.at += len(rest)
	return slices.Clone(rest), nil
}
