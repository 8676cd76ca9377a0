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
		offers, err := r.touched(ctx, c)
		if err != nil {
			return fmt.Errorf("change %s: %w", c.Hash, err)
		}
		if c.Elsewhere || len(c.Addons) == 0 && !offers {
			continue
		}
		c.Outside = map[string]string{}
		if len(c.Addons) == 0 {
			for _, b := range r.Facts.Branches {
				c.Outside[b.Name] = "it only changes which minors are offered, which counts on " + r.Facts.Main + " alone"
			}
			continue
		}
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

// touched finds the addons of a change by their folders and by their entries in the catalog. Offers tells whether it changes the minors that are offered.
func (r *reader) touched(ctx context.Context, c *ledger.Change) (offers bool, err error) {
	addons := map[string]bool{}
	c.Elsewhere = false
	for _, f := range c.Files {
		if f.Path == catalog.File {
			e, err := r.entries(ctx, f)
			if err != nil {
				return false, err
			}
			for _, name := range e.addons {
				addons[name] = true
			}
			offers = e.minors
			c.Elsewhere = c.Elsewhere || e.elsewhere
			continue
		}
		if name := r.addonOf(f.Path); name != "" {
			addons[name] = true
		} else {
			c.Elsewhere = true
		}
	}
	c.Addons = slices.Sorted(maps.Keys(addons))
	return offers, nil
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

// entries is in what two catalogs differ: in entries of addons, in the minors that are offered, or elsewhere, which is also where one cannot be read.
type entries struct {
	addons            []string
	minors, elsewhere bool
}

func (r *reader) entries(ctx context.Context, f change.File) (e entries, err error) {
	before, err := r.decode(ctx, f.Old)
	if err != nil {
		return e, err
	}
	after, err := r.decode(ctx, f.New)
	if err != nil {
		return e, err
	}
	if before == nil || after == nil {
		return entries{elsewhere: true}, nil
	}
	e.elsewhere, e.minors = before.Distribution != after.Distribution, !slices.Equal(before.Minors, after.Minors)
	was := map[string]catalog.Addon{}
	for _, a := range before.Addons {
		was[a.Name] = a
	}
	for _, a := range after.Addons {
		if old, is := was[a.Name]; !is || !reflect.DeepEqual(old, a) {
			e.addons = append(e.addons, a.Name)
		}
		delete(was, a.Name)
	}
	e.addons = slices.AppendSeq(e.addons, maps.Keys(was))
	return e, nil
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
