package gather

import (
	"cmp"
	"maps"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/impact"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Impact is what of a fleet those must know who change addons. An addon counts for a cluster that has it, for one that is to have it as the
// controller reports, and, where catalogOf knows what a minor is offered, for one whose labels switch it on. CatalogOf may be nil.
// A cluster whose Secret is gone is none: nothing new reaches it.
func Impact(fleet Fleet, catalogOf func(version.Minor) (catalog.Catalog, bool)) impact.Fleet {
	groups := fleet.Policy.Rollout
	out := impact.Fleet{Clusters: make([]impact.Cluster, 0, len(fleet.Clusters))}
	for i := range groups.Groups {
		out.Groups = append(out.Groups, groups.Groups[i].Name)
	}
	rest := cmp.Or(groups.Rest.Name, resolve.RestName)
	out.Groups = append(out.Groups, rest)
	for i := range fleet.Clusters {
		c := &fleet.Clusters[i]
		if c.Gone {
			continue
		}
		one := impact.Cluster{Name: c.Name, Minor: fleet.minorOf(c), Group: cmp.Or(groups.GroupOf(c.Labels).Name, rest)}
		addons := fleet.has(c.Name)
		if catalogOf != nil && !one.Minor.IsZero() {
			if offered, ok := catalogOf(one.Minor); ok {
				for j := range offered.Addons {
					if on(&offered.Addons[j], c) {
						addons[offered.Addons[j].Name] = true
					}
				}
			}
		}
		one.Addons = slices.Sorted(maps.Keys(addons))
		out.Clusters = append(out.Clusters, one)
	}
	slices.SortFunc(out.Clusters, func(a, b impact.Cluster) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// minorOf is what the cluster runs, or where that is not known, what the releases are for that it was let to or has.
func (f *Fleet) minorOf(c *resolve.Cluster) version.Minor {
	minor := c.Version().Minor
	releases := []string{c.Admitted.Release}
	for i := range f.Delivered[c.Name] {
		releases = append(releases, f.Delivered[c.Name][i].Release)
	}
	for _, r := range releases {
		if tag, err := release.ParseTag(r); err == nil && minor.IsZero() {
			minor = tag.Minor
		}
	}
	return minor
}

// has are the addons that a cluster has and is not losing, or is to have.
func (f *Fleet) has(name string) map[string]bool {
	addons := map[string]bool{}
	for i := range f.Delivered[name] {
		if d := &f.Delivered[name][i]; !d.Deleting {
			addons[d.Addon] = true
		}
	}
	if report := f.reports[name]; report != nil {
		for i := range report.Status.Addons {
			if a := &report.Status.Addons[i]; a.EnabledBy != "" {
				addons[a.Name] = true
			}
		}
	}
	return addons
}

// on reports whether an addon that is offered is switched on for a cluster and can be there.
func on(a *catalog.Addon, c *resolve.Cluster) bool {
	if v := c.Version(); !v.Minor.IsZero() && !a.Kubernetes.Holds(v) {
		return false
	}
	switch a.Enabled {
	case catalog.Always:
		return true
	case catalog.Default:
		return c.Switch(a.Name) == cluster.Enabled || c.Switch(a.Name) == cluster.Unset
	default:
		return c.Switch(a.Name) == cluster.Enabled
	}
}
