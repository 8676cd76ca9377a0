package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// randomName is the unstable path of an object that every render names anew.
const randomName = "metadata.name"

// UnstableIn are the fields that differ between two renders of the same source, sorted. The first is the one to compare with others.
func UnstableIn(a, b []manifest.Object) []Unstable {
	// Both come from one source: what has another name is most likely the same object.
	c := comparison{budget: pairBudget, renameLikeness: randomLikeness}
	var all []Unstable
	for _, p := range c.match(a, b) {
		switch {
		case p.after == nil:
			all = append(all, Unstable{Object: p.before.ID})
			continue
		case p.before == nil:
			all = append(all, Unstable{Object: p.after.ID})
			continue
		case p.before.Same() != p.after.Same():
			all = append(all, Unstable{p.before.ID, randomName})
		}
		for _, f := range c.fields(p.before, p.after) {
			path := f.inBase
			if !f.HadBefore || !f.HasAfter {
				// What comes and goes has a random key: all that is beside it may.
				path = parent(path)
			}
			all = append(all, Unstable{p.before.ID, path})
		}
	}
	return sortUnstable(all)
}

// ignores reports whether a difference to an object of the base says nothing, because the field is random. A field that went as a whole is
// reported: it is random no more.
func (c *comparison) ignores(id manifest.ID, f found) bool {
	return slices.ContainsFunc(c.unstable[id], func(path string) bool {
		if path == f.inBase {
			return f.HadBefore && f.HasAfter
		}
		return under(f.inBase, path)
	})
}

// parent is the path of what holds the value of a path for people.
func parent(path string) string {
	if strings.HasSuffix(path, "]") {
		quoted := false
		for i := len(path) - 1; i >= 0; i-- {
			switch {
			case path[i] == '"' && (i == 0 || path[i-1] != '\\'):
				quoted = !quoted
			case path[i] == '[' && !quoted:
				return path[:i]
			}
		}
	}
	return path[:max(strings.LastIndexByte(path, '.'), 0)]
}

func sortUnstable(all []Unstable) []Unstable {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b Unstable) int { return cmp.Or(a.Object.Compare(b.Object), cmp.Compare(a.Path, b.Path)) })
	return slices.Compact(sorted)
}
