// Package impact says which clusters of a fleet a change to addons reaches.
package impact

import (
	"cmp"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Fleet is what is told of a fleet to whoever changes addons: no address, and nothing secret.
type Fleet struct {
	// Groups are the names of the rollout's groups, in its order.
	Groups []string
	// Clusters are sorted by name.
	Clusters []Cluster
}

// Cluster is one cluster of a Fleet.
type Cluster struct {
	Name string
	// Minor is zero while the cluster's Kubernetes version is not known.
	Minor version.Minor
	// Group is the one of the rollout that the cluster belongs to.
	Group string
	// Addons are those that it has or is to have, sorted.
	Addons []string
}

// Touched are the clusters that a change reaches: those with one of the changed addons, on a minor on which it changed. Groups without any
// are left out.
func Touched(f Fleet, changed map[string][]version.Minor) report.Clusters {
	all := report.Clusters{Total: len(f.Clusters)}
	groups := map[string][]report.Cluster{}
	for _, c := range f.Clusters {
		var addons []string
		for _, a := range c.Addons {
			if slices.Contains(changed[a], c.Minor) && !c.Minor.IsZero() {
				addons = append(addons, a)
			}
		}
		if len(addons) == 0 {
			continue
		}
		all.Touched++
		slices.Sort(addons)
		groups[c.Group] = append(groups[c.Group], report.Cluster{Name: c.Name, Minor: c.Minor, Addons: slices.Compact(addons)})
	}
	for _, name := range order(f, groups) {
		clusters := groups[name]
		slices.SortFunc(clusters, func(a, b report.Cluster) int { return cmp.Compare(a.Name, b.Name) })
		all.Groups = append(all.Groups, report.Group{Name: name, Clusters: clusters})
	}
	return all
}

// order is that of the rollout; groups that it does not name come last.
func order(f Fleet, groups map[string][]report.Cluster) []string {
	var named, rest []string
	for _, name := range f.Groups {
		if _, ok := groups[name]; ok && !slices.Contains(named, name) {
			named = append(named, name)
		}
	}
	for name := range groups {
		if !slices.Contains(named, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	return append(named, rest...)
}
