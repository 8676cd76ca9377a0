package bot

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Checked says of each addon that does not render why not.
type Checked struct {
	// Broken are addons whose own files stop them from rendering.
	Broken map[string]string
	// Unknown are addons whose charts could not be fetched, which says nothing about their files.
	Unknown map[string]string
}

// Check renders addons of a tree for a minor; none named means all that the catalog offers there. An addon that is not offered renders. The error
// means that nothing can be said: a catalog that is not valid, a minor without data.
func Check(ctx context.Context, o Options, tree fs.FS, minor version.Minor, addons []string) (Checked, error) {
	if _, err := apis.Of(minor); err != nil {
		return Checked{}, err
	}
	data, err := fs.ReadFile(tree, catalog.File)
	if err != nil {
		return Checked{}, fmt.Errorf("read %s: %w", catalog.File, err)
	}
	offered, err := catalog.Decode(catalog.File, data)
	if err != nil {
		return Checked{}, err
	}
	s := newSide("tree", tree, offered)
	c := comparison{Options: o, base: newSide("nothing", nil, catalog.Catalog{}), head: s}
	s.collect(o.Kustomize, func(a catalog.Addon) bool { return a.Kubernetes.HoldsSome(minor) })
	c.fetch(ctx)
	if err := c.serve(ctx, []version.Minor{minor}); err != nil {
		return Checked{}, err
	}
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		out  = Checked{Broken: map[string]string{}, Unknown: map[string]string{}}
	)
	for name, a := range s.addons {
		if len(addons) > 0 && !slices.Contains(addons, name) {
			continue
		}
		wait.Go(func() {
			_, err := c.render(ctx, s, a, minor, o.Renderer.Render)
			if err == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if a.elsewhere {
				out.Unknown[name] = o.Masker.Text(err.Error())
			} else {
				out.Broken[name] = o.Masker.Text(err.Error())
			}
		})
	}
	wait.Wait()
	return out, ctx.Err()
}
