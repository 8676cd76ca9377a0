package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// tree is the repository as kustomize sees it: at the root of a disk that cannot be written. A cleaned path begins with a slash.
type tree struct {
	files map[string][]byte
	dirs  map[string]bool
}

var errReadOnly = errors.New("nothing can be written here")

func newTree(files map[string][]byte) *tree {
	t := &tree{files: make(map[string][]byte, len(files)), dirs: map[string]bool{"/": true}}
	for name, data := range files {
		t.put("/"+name, data)
	}
	return t
}

// put is how the renderer itself writes.
func (t *tree) put(name string, data []byte) {
	t.files[name] = data
	for dir := path.Dir(name); !t.dirs[dir]; dir = path.Dir(dir) {
		t.dirs[dir] = true
	}
}

func absolute(name string) string { return path.Clean("/" + name) }

func (t *tree) IsDir(name string) bool { return t.dirs[absolute(name)] }

func (t *tree) Exists(name string) bool {
	name = absolute(name)
	_, ok := t.files[name]
	return ok || t.dirs[name]
}

func (t *tree) ReadFile(name string) ([]byte, error) {
	name = absolute(name)
	if t.dirs[name] {
		return nil, fmt.Errorf("'%s' is a directory", name)
	}
	data, ok := t.files[name]
	if !ok {
		return nil, fmt.Errorf("'%s' doesn't exist: %w", name, fs.ErrNotExist)
	}
	return slices.Clone(data), nil // kustomize may keep it, and others have it too
}

func (t *tree) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	name = absolute(name)
	if t.dirs[name] {
		return filesys.ConfirmedDir(name), "", nil
	}
	if _, ok := t.files[name]; !ok {
		return "", "", fmt.Errorf("'%s' doesn't exist: %w", name, fs.ErrNotExist)
	}
	return filesys.ConfirmedDir(path.Dir(name)), path.Base(name), nil
}

func (t *tree) ReadDir(name string) ([]string, error) {
	prefix := under(absolute(name))
	if prefix == "//" {
		prefix = "/"
	}
	var names []string
	for _, all := range []func(func(string) bool){
		func(yield func(string) bool) {
			for f := range t.files {
				if !yield(f) {
					return
				}
			}
		},
		func(yield func(string) bool) {
			for d := range t.dirs {
				if !yield(d) {
					return
				}
			}
		},
	} {
		all(func(n string) bool {
			if rel, ok := strings.CutPrefix(n, prefix); ok && rel != "" && !strings.Contains(rel, "/") {
				names = append(names, rel)
			}
			return true
		})
	}
	slices.Sort(names)
	return names, nil
}

// What kustomize's build never needs.

func (t *tree) Create(string) (filesys.File, error)  { return nil, errReadOnly }
func (t *tree) Mkdir(string) error                   { return errReadOnly }
func (t *tree) MkdirAll(string) error                { return errReadOnly }
func (t *tree) RemoveAll(string) error               { return errReadOnly }
func (t *tree) WriteFile(string, []byte) error       { return errReadOnly }
func (t *tree) Open(string) (filesys.File, error)    { return nil, errReadOnly }
func (t *tree) Glob(string) ([]string, error)        { return nil, errReadOnly }
func (t *tree) Walk(string, filepath.WalkFunc) error { return errReadOnly }
