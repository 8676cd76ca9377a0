package history

import (
	"context"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// reach says which addons changes touch, and which branches they are not meant for.
func (r *reader) reach(ctx context.Context) error {
	oldest := len(r.Facts.Changes)
	for _, b := range r.Facts.Branches {
		oldest = min(oldest, b.Contains)
	}
	ranges := map[string]catalog.Addon{}
	for _, a := range r.catalog.Addons {
		ranges[a.Name] = a
	}
	for i := oldest; i < len(r.Facts.Changes); i++ {
		c := &r.Facts.Changes[i]
		if err := r.touched(ctx, c); err != nil {
			return fmt.Errorf("change %s: %w", c.Hash, err)
		}
		if c.Elsewhere || len(c.Addons) == 0 {
			continue
		}
		c.Outside = map[string]string{}
		for _, b := range r.Facts.Branches {
			var kept []string
			for _, name := range c.Addons {
				if a, offered := ranges[name]; offered && !a.Kubernetes.HoldsSome(b.Minor) {
					kept = append(kept, name+" ("+a.Kubernetes.String()+")")
				}
			}
			if len(kept) == len(c.Addons) {
				c.Outside[b.Name] = "main's catalog keeps " + strings.Join(kept, ", ") + " from " + b.Minor.String()
			}
		}
	}
	return nil
}

// touched finds the addons of a change by their folders and by their entries in the catalog.
func (r *reader) touched(ctx context.Context, c *ledger.Change) error {
	addons := map[string]bool{}
	c.Elsewhere = false
	for _, f := range c.Files {
		if f.Path == catalog.File {
			names, elsewhere, err := r.entries(ctx, f)
			if err != nil {
				return err
			}
			for _, name := range names {
				addons[name] = true
			}
			c.Elsewhere = c.Elsewhere || elsewhere
			continue
		}
		if name := r.addonOf(f.Path); name != "" {
			addons[name] = true
		} else {
			c.Elsewhere = true
		}
	}
	c.Addons = slices.Sorted(maps.Keys(addons))
	return nil
}

func (r *reader) addonOf(file string) string {
	addon, length := "", -1
	for name, folder := range r.Facts.Folders {
		if len(folder) > length && strings.HasPrefix(file, path.Clean(folder)+"/") {
			addon, length = name, len(folder)
		}
	}
	return addon
}

// entries are the addons whose entries differ between two catalogs; elsewhere tells that more than entries do, or that one cannot be read.
func (r *reader) entries(ctx context.Context, f change.File) (names []string, elsewhere bool, err error) {
	before, err := r.decode(ctx, f.Old)
	if err != nil {
		return nil, false, err
	}
	after, err := r.decode(ctx, f.New)
	if err != nil {
		return nil, false, err
	}
	if before == nil || after == nil {
		return nil, true, nil
	}
	elsewhere = before.Distribution != after.Distribution || !slices.Equal(before.Minors, after.Minors)
	was := map[string]catalog.Addon{}
	for _, a := range before.Addons {
		was[a.Name] = a
	}
	for _, a := range after.Addons {
		if old, is := was[a.Name]; !is || !reflect.DeepEqual(old, a) {
			names = append(names, a.Name)
		}
		delete(was, a.Name)
	}
	return slices.AppendSeq(names, maps.Keys(was)), elsewhere, nil
}

// decode reads a version of the catalog, nil for one that is not there or not readable.
func (r *reader) decode(ctx context.Context, e change.Entry) (*catalog.Catalog, error) {
	if c, known := r.decoded[e.Blob]; known || e.Blob == "" {
		return c, nil
	}
	data, err := r.Mirror.Blob(ctx, e.Blob)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", catalog.File, err)
	}
	r.decoded[e.Blob] = nil
	if c, err := catalog.Decode(catalog.File, data); err == nil {
		r.decoded[e.Blob] = &c
	}
	return r.decoded[e.Blob], nil
}
