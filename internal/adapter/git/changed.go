package git

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Changed gives the paths of all files that two commits do not have in common, sorted. Folders that are the same are not read.
func (r *Repository) Changed(base, head string) ([]string, error) {
	a, err := r.Tree(base)
	if err != nil {
		return nil, err
	}
	b, err := r.Tree(head)
	if err != nil {
		return nil, err
	}
	c := comparison{a: a.(*tree), b: b.(*tree)}
	if c.a.root.hash == c.b.root.hash {
		return nil, nil
	}
	err = c.folder("", &c.a.root, &c.b.root)
	slices.Sort(c.found)
	return c.found, err
}

// comparison walks two trees side by side.
type comparison struct {
	a, b  *tree
	found []string
}

// folder compares two folders of one name; nil is none.
func (c *comparison) folder(name string, a, b *entry) error {
	var before, after []entry
	var err error
	if a != nil {
		if before, err = c.a.list(*a); err != nil {
			return err
		}
	}
	if b != nil {
		if after, err = c.b.list(*b); err != nil {
			return err
		}
	}
	for len(before)+len(after) > 0 {
		var x, y *entry
		switch {
		case len(after) == 0 || len(before) > 0 && strings.Compare(before[0].name, after[0].name) < 0:
			x, before = &before[0], before[1:]
		case len(before) == 0 || strings.Compare(before[0].name, after[0].name) > 0:
			y, after = &after[0], after[1:]
		default:
			x, before, y, after = &before[0], before[1:], &after[0], after[1:]
		}
		if err := c.entry(name, x, y); err != nil {
			return err
		}
	}
	return nil
}

// entry compares what two folders have under one name.
func (c *comparison) entry(folder string, a, b *entry) error {
	if a != nil && b != nil && a.hash == b.hash && a.mode == b.mode {
		return nil
	}
	var dirs [2]*entry
	name, file := "", false
	for i, e := range []*entry{a, b} {
		switch {
		case e == nil:
		case e.mode&fs.ModeDir != 0:
			dirs[i], name = e, e.name
		default:
			file, name = true, e.name
		}
	}
	name = path.Join(folder, name)
	if file {
		c.found = append(c.found, name)
	}
	if dirs[0] == nil && dirs[1] == nil {
		return nil
	}
	return c.folder(name, dirs[0], dirs[1])
}
