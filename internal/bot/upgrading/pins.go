package upgrading

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// pinned is what an addon's files pin.
type pinned struct {
	pins     []upstream.Pin
	problems []string
}

// find reads an addon's files, unless the same folder with the same entry was read on another branch.
func (l *looker) find(a catalog.Addon, tree fs.FS, files map[string]change.Entry) pinned {
	key := keyOf(a, files)
	if p, known := l.pins[key]; known {
		return p
	}
	w := &watched{tree: tree, folder: a.Path}
	var p pinned
	p.pins, p.problems = upstream.Find(a, w)
	if !w.outside && key != "" {
		l.pins[key] = p
	}
	return p
}

// keyOf is a digest of an addon's entry and of the files in its folder.
func keyOf(a catalog.Addon, files map[string]change.Entry) string {
	entry, err := json.Marshal(a)
	if err != nil {
		return ""
	}
	sum := sha256.New()
	sum.Write(entry)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if inside(path, a.Path) {
			fmt.Fprintf(sum, "\x00%s\x00%s\x00%s", path, files[path].Mode, files[path].Blob)
		}
	}
	return string(sum.Sum(nil))
}

// inside tells whether a path is a folder or below it.
func inside(path, folder string) bool {
	return folder == "." || path == folder || strings.HasPrefix(path, folder+"/")
}

// watched is a tree that notes whether anything outside of a folder was asked for.
type watched struct {
	tree    fs.FS
	folder  string
	outside bool
}

func (w *watched) note(name string) fs.FS {
	w.outside = w.outside || !inside(name, w.folder)
	return w.tree
}

func (w *watched) Open(name string) (fs.File, error)          { return w.note(name).Open(name) }
func (w *watched) ReadFile(name string) ([]byte, error)       { return fs.ReadFile(w.note(name), name) }
func (w *watched) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(w.note(name), name) }
func (w *watched) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(w.note(name), name) }
func (w *watched) Lstat(name string) (fs.FileInfo, error)     { return fs.Lstat(w.note(name), name) }
func (w *watched) ReadLink(name string) (string, error)       { return fs.ReadLink(w.note(name), name) }
