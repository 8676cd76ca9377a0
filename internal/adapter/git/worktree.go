package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// WorkTree gives the files in a folder on disk, by the same rules as a commit's: symbolic links are shown and never
// followed, files above DefaultMaxBlob are not read, and what is Git's own (.git, wherever it is) is not there. It
// shows all that is in the folder, also what Git ignores or does not know.
func WorkTree(dir string) (fs.FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	// The root's descriptor is closed when the file system is no longer used.
	return &workTree{root: root}, nil
}

type workTree struct{ root *os.Root }

// check looks at every step of a path, so that no link is followed and nothing is opened that would block.
func (w *workTree) check(op, name string) (fs.FileInfo, error) {
	fail := func(err error) (fs.FileInfo, error) { return nil, &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	for end := 0; ; {
		next := strings.IndexByte(name[end:], '/')
		at := name
		if next >= 0 {
			at = name[:end+next]
		}
		if strings.EqualFold(name[end:len(at)], ".git") {
			return fail(fs.ErrNotExist)
		}
		info, err := w.root.Lstat(at)
		if err != nil {
			return fail(cause(err))
		}
		if next < 0 {
			return info, nil
		}
		switch {
		case info.Mode().Type() == fs.ModeSymlink:
			return fail(ErrSymlink)
		case !info.IsDir():
			return fail(fs.ErrNotExist)
		}
		end += next + 1
	}
}

// readable tells why a file or folder is not to be opened.
func readable(info fs.FileInfo) error {
	switch {
	case info.Mode().Type() == fs.ModeSymlink:
		return ErrSymlink
	case info.IsDir():
		return nil
	case !info.Mode().IsRegular():
		return ErrIrregular
	case info.Size() > DefaultMaxBlob:
		return fmt.Errorf("%w: %d bytes, at most %d are read", ErrTooLarge, info.Size(), DefaultMaxBlob)
	}
	return nil
}

// cause takes off the path that the system's error has, which is ours to say.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (w *workTree) open(op, name string) (*os.File, fs.FileInfo, error) {
	info, err := w.check(op, name)
	if err == nil {
		if err = readable(info); err != nil {
			err = &fs.PathError{Op: op, Path: name, Err: err}
		}
	}
	if err != nil {
		return nil, nil, err
	}
	f, err := w.root.Open(name)
	if err != nil {
		return nil, nil, &fs.PathError{Op: op, Path: name, Err: cause(err)}
	}
	return f, info, nil
}

// Open opens a file or a folder.
func (w *workTree) Open(name string) (fs.File, error) {
	f, info, err := w.open("open", name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return f, nil
	}
	defer func() { _ = f.Close() }()
	list, err := entriesOf(f)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
	}
	return &diskFolder{openFolder{path: name, entries: list}, info}, nil
}

// ReadFile gives the whole content of a file.
func (w *workTree) ReadFile(name string) ([]byte, error) {
	f, info, err := w.open("read", name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	content, err := w.root.ReadFile(name)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: cause(err)}
	}
	return content, nil
}

// ReadDir lists a folder, sorted by name.
func (w *workTree) ReadDir(name string) ([]fs.DirEntry, error) {
	f, info, err := w.open("readdir", name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	list, err := entriesOf(f)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: cause(err)}
	}
	return list, nil
}

// Stat describes a file or a folder. A symbolic link is an error: what it points to is not looked at.
func (w *workTree) Stat(name string) (fs.FileInfo, error) {
	info, err := w.check("stat", name)
	if err == nil && info.Mode().Type() == fs.ModeSymlink {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: ErrSymlink}
	}
	return info, err
}

// Lstat describes whatever is at the path.
func (w *workTree) Lstat(name string) (fs.FileInfo, error) { return w.check("lstat", name) }

// ReadLink gives the target of a symbolic link.
func (w *workTree) ReadLink(name string) (string, error) {
	info, err := w.check("readlink", name)
	if err != nil {
		return "", err
	}
	if info.Mode().Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := w.root.Readlink(name)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: cause(err)}
	}
	return target, nil
}

// entriesOf lists a folder, sorted by name.
func entriesOf(f *os.File) ([]fs.DirEntry, error) {
	list, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(e fs.DirEntry) bool { return strings.EqualFold(e.Name(), ".git") })
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// diskFolder is an open folder on disk, already listed.
type diskFolder struct {
	openFolder
	info fs.FileInfo
}

func (d *diskFolder) Stat() (fs.FileInfo, error) { return d.info, nil }
