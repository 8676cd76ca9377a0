package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/addon-manager/addon-manager/internal/core/change"
)

// maxTree bounds one folder: one of 200,000 files has about 8 MiB.
const maxTree = 64 << 20

const folderMode = "40000"

// item is what a folder has under a name.
type item struct {
	mode, name, hash string
}

// order is by which Git sorts a folder: as if the names of folders ended with a slash.
func (i item) order() string {
	if i.mode == folderMode {
		return i.name + "/"
	}
	return i.name
}

func (m *Mirror) folder(hash string) ([]item, error) {
	if hash == emptyTree {
		return nil, nil
	}
	content, err := m.read(hash, plumbing.TreeObject, maxTree)
	if err != nil {
		return nil, err
	}
	var items []item
	for len(content) > 0 {
		space, end := bytes.IndexByte(content, ' '), bytes.IndexByte(content, 0)
		if space < 0 || end < space || len(content) < end+21 {
			return nil, fmt.Errorf("tree %s cannot be read", hash)
		}
		items = append(items, item{string(content[:space]), string(content[space+1 : end]), hexOf(content[end+1 : end+21])})
		content = content[end+21:]
	}
	return items, nil
}

func (m *Mirror) writeFolder(items []item) (string, error) {
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.order(), b.order()) })
	var b bytes.Buffer
	for _, i := range items {
		hash := plumbing.NewHash(i.hash)
		fmt.Fprintf(&b, "%s %s\x00%s", i.mode, i.name, hash[:])
	}
	return m.write(plumbing.TreeObject, b.Bytes())
}

// at is a path's entry in a tree, zero when it is not there. A folder has the mode folderMode.
func (m *Mirror) at(tree, path string) (change.Entry, error) {
	for {
		name, rest, deeper := strings.Cut(path, "/")
		items, err := m.folder(tree)
		if err != nil {
			return change.Entry{}, err
		}
		n := slices.IndexFunc(items, func(i item) bool { return i.name == name })
		switch {
		case n < 0, deeper && items[n].mode != folderMode:
			return change.Entry{}, nil
		case !deeper:
			return change.Entry{Mode: items[n].mode, Blob: items[n].hash}, nil
		}
		tree, path = items[n].hash, rest
	}
}

// edit is what becomes of the paths below a folder.
type edit struct {
	// entry is set for a path that gets it, or is removed when it is zero.
	entry *change.Entry
	below map[string]*edit
}

func (e *edit) add(path string, to change.Entry) {
	for name := range strings.SplitSeq(path, "/") {
		if e.below == nil {
			e.below = map[string]*edit{}
		}
		if e.below[name] == nil {
			e.below[name] = &edit{}
		}
		e = e.below[name]
	}
	e.entry = &to
}

// WriteTree is a tree with some paths changed; zero entries are removed, and with their last file folders go. A file takes the place of a folder of its
// name, and the other way round.
func (m *Mirror) WriteTree(_ context.Context, tree string, paths map[string]change.Entry) (hash string, err error) {
	for path, e := range paths {
		if err := checkEntry(path, e); err != nil {
			return "", fmt.Errorf("write a tree: %w", err)
		}
	}
	return m.edited(tree, paths)
}

func (m *Mirror) edited(tree string, paths map[string]change.Entry) (string, error) {
	if err := hashes(tree); err != nil {
		return "", err
	}
	if len(paths) == 0 {
		return tree, nil
	}
	e := &edit{}
	for path, to := range paths {
		e.add(path, to)
	}
	hash, err := m.apply(tree, e)
	if hash == "" && err == nil {
		return m.writeFolder(nil)
	}
	return hash, err
}

// apply edits a folder and answers its new hash, empty when nothing is left of it.
func (m *Mirror) apply(tree string, e *edit) (string, error) {
	items, err := m.folder(tree)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(e.below)) {
		below := e.below[name]
		old := emptyTree
		n := slices.IndexFunc(items, func(i item) bool { return i.name == name })
		var was *item
		if n >= 0 {
			was = &item{items[n].mode, items[n].name, items[n].hash}
			items = slices.Delete(items, n, n+1)
		}
		if below.entry != nil && *below.entry != (change.Entry{}) {
			if below.below != nil && slices.ContainsFunc(slices.Collect(maps.Values(below.below)), (*edit).sets) {
				return "", fmt.Errorf("%q would be a file and a folder", name)
			}
			items = append(items, item{below.entry.Mode, name, below.entry.Blob})
			continue
		}
		switch {
		case was != nil && was.mode == folderMode && below.entry == nil:
			old = was.hash
		case was != nil && below.entry == nil && !below.sets():
			items = append(items, *was) // removing what is below a file changes nothing
			continue
		}
		hash, err := m.apply(old, below)
		if err != nil {
			return "", err
		}
		if hash != "" {
			items = append(items, item{folderMode, name, hash})
		}
	}
	if len(items) == 0 {
		return "", nil
	}
	return m.writeFolder(items)
}

// sets tells whether an edit puts anything anywhere.
func (e *edit) sets() bool {
	if e.entry != nil && *e.entry != (change.Entry{}) {
		return true
	}
	for _, below := range e.below {
		if below.sets() {
			return true
		}
	}
	return false
}

func checkEntry(path string, e change.Entry) error {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." || strings.ContainsRune(name, 0) || strings.EqualFold(name, ".git") {
			return fmt.Errorf("%q is no path that Git allows", path)
		}
	}
	if e == (change.Entry{}) {
		return nil
	}
	if !slices.Contains([]string{"100644", "100755", "120000", "160000"}, e.Mode) {
		return fmt.Errorf("%q has the mode %q", path, e.Mode)
	}
	return hashes(e.Blob)
}

// commitObject is what a merge needs to know of a commit.
type commitObject struct {
	tree, parent, subject string
}

func (m *Mirror) commit(hash string) (c commitObject, err error) {
	content, err := m.read(hash, plumbing.CommitObject, maxTree)
	if err != nil {
		return c, err
	}
	header, message, _ := strings.Cut(string(content), "\n\n")
	for line := range strings.SplitSeq(header, "\n") {
		field, value, _ := strings.Cut(line, " ")
		switch {
		case field == "tree" && c.tree == "":
			c.tree = value
		case field == "parent" && c.parent == "":
			c.parent = value
		}
	}
	c.subject = firstLine(message)
	if c.tree == "" {
		return c, errors.New("commit " + hash + " has no tree")
	}
	return c, nil
}
