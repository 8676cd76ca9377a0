package impact

import (
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// CatalogOf is what is offered to the clusters of a minor; false where nothing is known of it.
type CatalogOf func(version.Minor) (catalog.Catalog, bool)

// WithNew is the fleet as it will be once head takes the place of base: an addon that comes by itself, and did not before, reaches every
// cluster of the minor. Only where an addon is on by default, a label of a cluster may still keep it away, of which a Fleet knows nothing.
func WithNew(f Fleet, base, head CatalogOf) Fleet {
	coming := map[version.Minor][]string{}
	f.Clusters = slices.Clone(f.Clusters)
	for i := range f.Clusters {
		c := &f.Clusters[i]
		if c.Minor.IsZero() {
			continue
		}
		names, known := coming[c.Minor]
		if !known {
			names = newOn(c.Minor, base, head)
			coming[c.Minor] = names
		}
		if len(names) > 0 {
			c.Addons = slices.Concat(c.Addons, names)
			slices.Sort(c.Addons)
			c.Addons = slices.Compact(c.Addons)
		}
	}
	return f
}

// newOn are the addons that come to clusters of a minor by themselves with head, and did not with base.
func newOn(m version.Minor, base, head CatalogOf) (names []string) {
	before := map[string]catalog.Enabled{}
	if c, ok := base(m); ok {
		for i := range c.Addons {
			if a := &c.Addons[i]; a.Kubernetes.HoldsSome(m) {
				before[a.Name] = a.Enabled
			}
		}
	}
	after, ok := head(m)
	if !ok {
		return nil
	}
	for i := range after.Addons {
		a := &after.Addons[i]
		if !a.Kubernetes.HoldsSome(m) {
			continue
		}
		if was := before[a.Name]; a.Enabled == catalog.Always && was != catalog.Always || a.Enabled == catalog.Default && was != catalog.Always && was != catalog.Default {
			names = append(names, a.Name)
		}
	}
	return names
}
