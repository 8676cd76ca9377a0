package picking

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// resolve decides conflicts that are about nothing but versions, file by file: a file with another conflict stays as Git left it.
func (p *picker) resolve(ctx context.Context, c ledger.Change, m native.Picked) (native.Picked, []pick.Resolution, error) {
	var (
		left     []pick.Conflict
		resolved []pick.Resolution
		paths    = map[string]change.Entry{}
		offered  *catalog.Catalog
	)
	for _, conflict := range m.Conflicts {
		stages := m.Stages[conflict.Path]
		if conflict.Kind != pick.Content || !pick.IsYAML(conflict.Path) || !regular(stages.Base) || !regular(stages.Ours) || !regular(stages.Theirs) {
			left = append(left, conflict)
			continue
		}
		if offered == nil {
			now, err := p.offered(c.Hash)
			if err != nil {
				return m, nil, err
			}
			offered = &now
		}
		entry, found, err := p.versions(ctx, c, conflict.Path, stages, *offered)
		if err != nil {
			return m, nil, err
		}
		if len(found) == 0 {
			left = append(left, conflict)
			continue
		}
		paths[conflict.Path] = entry
		resolved = append(resolved, found...)
	}
	if len(resolved) == 0 {
		return m, nil, nil
	}
	tree, err := p.Mirror.WriteTree(ctx, m.Tree, paths)
	m.Tree, m.Conflicts = tree, left
	return m, resolved, err
}

// versions merges a file again with its versions decided. Without a resolution it still conflicts.
func (p *picker) versions(ctx context.Context, c ledger.Change, path string, s native.Stages, offered catalog.Catalog) (e change.Entry, found []pick.Resolution, err error) {
	addon, belongs := addonOf(offered, path)
	if !belongs {
		return e, nil, nil
	}
	var sides pick.Sides
	for _, f := range []struct {
		into *[]byte
		from change.Entry
	}{{&sides.Base, s.Base}, {&sides.Ours, s.Ours}, {&sides.Theirs, s.Theirs}} {
		*f.into, err = p.Mirror.Blob(ctx, f.from.Blob)
		if errors.Is(err, git.ErrTooLarge) {
			return e, nil, nil
		}
		if err != nil {
			return e, nil, err
		}
	}
	sides, found = pick.Versions(path, sides, pick.Rule{Addon: addon.Name, Range: addon.Kubernetes, Minor: p.target.Minor})
	if len(found) == 0 {
		return e, nil, nil
	}
	merged, clean, err := p.Mirror.MergeFile(ctx, sides.Base, sides.Ours, sides.Theirs, p.target.Branch, c.Hash)
	if err != nil || !clean {
		return e, nil, err
	}
	e = s.Ours
	if s.Ours.Mode == s.Base.Mode {
		e.Mode = s.Theirs.Mode
	}
	e.Blob, err = p.Mirror.WriteBlob(ctx, merged)
	return e, found, err
}

// offered is the catalog at a commit; one that cannot be read offers nothing.
func (p *picker) offered(commit string) (catalog.Catalog, error) {
	tree, err := p.Mirror.Repository().Tree(commit)
	if err != nil {
		return catalog.Catalog{}, err
	}
	data, there, err := read(tree, catalog.File)
	if err != nil || !there {
		return catalog.Catalog{}, err
	}
	c, err := catalog.Decode(catalog.File, data)
	if err != nil {
		return catalog.Catalog{}, nil
	}
	return c, nil
}

// read reads a file. What is not there, is no file or is larger than anybody reads is none; an error is a failure to look.
func read(tree fs.FS, file string) (data []byte, there bool, err error) {
	info, err := fs.Stat(tree, file)
	if err == nil && info.Mode().IsRegular() {
		data, err = fs.ReadFile(tree, file)
		there = err == nil
	}
	for _, none := range []error{fs.ErrNotExist, git.ErrSymlink, git.ErrSubmodule, git.ErrTooLarge} {
		if errors.Is(err, none) {
			return nil, false, nil
		}
	}
	return data, there, err
}

// addonOf is the addon whose folder a path is in.
func addonOf(c catalog.Catalog, path string) (found catalog.Addon, ok bool) {
	for _, a := range c.Addons {
		if strings.HasPrefix(path, a.Path+"/") && len(a.Path) > len(found.Path) {
			found, ok = a, true
		}
	}
	return found, ok
}

func regular(e change.Entry) bool { return strings.HasPrefix(e.Mode, "100") }
