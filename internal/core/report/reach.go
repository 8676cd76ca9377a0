package report

import (
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Reach are the minors on which each changed addon changes, in ascending order: the clusters that a change touches.
func (r Report) Reach() map[string][]version.Minor {
	reach := map[string][]version.Minor{}
	for _, result := range r.Results {
		if slices.ContainsFunc(result.Changes, func(c diff.Change) bool { return visible(c) || len(c.Hidden) > 0 }) {
			reach[result.Addon] = append(reach[result.Addon], result.Minors...)
		}
	}
	for name, minors := range reach {
		slices.SortFunc(minors, version.Minor.Compare)
		reach[name] = slices.Compact(minors)
	}
	return reach
}
