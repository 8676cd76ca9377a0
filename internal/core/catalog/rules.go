package catalog

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// The rules between fields and between addons. All take the entries sorted by name; an entry whose name was refused has
// an empty one and is left out.

func (d *decoder) names(addons []entry) {
	for i, e := range addons {
		if i > 0 && e.addon.Name != "" && e.addon.Name == addons[i-1].addon.Name {
			first := addons[i-1].place("name")
			d.refuse(e.place("name"), "%s.name: %q is the name of two addons, the other in line %d: rename one", e.name, e.addon.Name, first.line)
		}
	}
}

// paths refuses two addons in one folder or in each other's. Names that differ only by case are one folder on macOS and Windows.
func (d *decoder) paths(addons []entry) {
	byPath := slices.DeleteFunc(slices.Clone(addons), func(e entry) bool { return e.addon.Path == "" })
	key := func(e entry) string { return strings.ToLower(e.addon.Path) + "/" }
	slices.SortStableFunc(byPath, func(a, b entry) int { return strings.Compare(key(a), key(b)) })
	// Sorted this way, everything inside a folder follows it directly.
	outer := -1
	for i, e := range byPath {
		if outer < 0 || !strings.HasPrefix(key(e), key(byPath[outer])) {
			outer = i
			continue
		}
		o := byPath[outer]
		switch {
		case o.addon.Name == e.addon.Name:
			// Two addons of one name have been refused already.
		case o.addon.Path == e.addon.Path:
			d.refuse(e.place("path"), "%s.path: %s is also the path of addon %s: one folder is one addon", e.name, quote(e.addon.Path), quote(o.addon.Name))
		case key(o) == key(e):
			d.refuse(e.place("path"), "%s.path: %s differs only by case from %s of addon %s: rename one folder", e.name, quote(e.addon.Path), quote(o.addon.Path), quote(o.addon.Name))
		default:
			d.refuse(e.place("path"), "%s.path: %s is inside %s of addon %s: move it out", e.name, quote(e.addon.Path), quote(o.addon.Path), quote(o.addon.Name))
		}
	}
}

// shared refuses to let an addon take CustomResourceDefinitions of the management cluster along: all clusters share them there, and with one
// cluster's addon everybody's custom resources would go.
func (d *decoder) shared(addons []entry) {
	for _, e := range addons {
		if e.addon.PruneCRDs && e.addon.Placement == Management {
			d.refuse(e.place("pruneCRDs"), "%s.pruneCRDs: an addon with placement management shares its CustomResourceDefinitions with those of all other clusters, which would lose theirs: remove pruneCRDs", e.name)
		}
	}
}

// lastMinor ends the minors that ranges are tried on: 1.0 to 1.99.
const lastMinor = 99

// fit tells which minors a range holds.
type fit [lastMinor + 1]bool

func (f fit) any() bool { return f != fit{} }

func (f fit) meets(o fit) bool {
	for i := range f {
		if f[i] && o[i] {
			return true
		}
	}
	return false
}

// fits remembers the minors of each range: most addons share a few.
type fits map[string]fit

func (all fits) of(r version.Range) fit {
	f, ok := all[r.String()]
	if !ok {
		for i := range f {
			f[i] = r.HoldsSome(version.Minor{Major: 1, Minor: i})
		}
		all[r.String()] = f
	}
	return f
}

// ranges checks every range alone and returns what each holds; nil when they are too many to try.
func (d *decoder) ranges(addons []entry) fits {
	all, bytes := fits{}, 0
	for _, e := range addons {
		r := e.addon.Kubernetes
		if _, known := all[r.String()]; !known {
			if bytes += len(r.String()); bytes > MaxRanges {
				d.refuse(e.place("kubernetes"), "%s.kubernetes: the different ranges of the catalog have more than %d bytes together: let addons share ranges", e.name, MaxRanges)
				return nil
			}
		}
		if !all.of(r).any() {
			d.refuse(e.place("kubernetes"), "%s.kubernetes: %s holds no Kubernetes minor from 1.0 to 1.%d: correct the range", e.name, quote(r.String()), lastMinor)
		}
	}
	return all
}

// dependencies checks every edge, then looks for circles.
func (d *decoder) dependencies(addons []entry, all fits) {
	index := map[string]int{}
	names := make([]string, 0, len(addons))
	for i, e := range addons {
		if e.addon.Name != "" {
			index[e.addon.Name] = i
			names = append(names, e.addon.Name)
		}
	}
	for _, e := range addons {
		for _, dep := range e.addon.DependsOn {
			i, known := index[dep]
			where, name := e.dependency(dep)
			switch {
			case dep == e.addon.Name:
				d.refuse(where, "%s: %s depends on itself: remove it", name, quote(dep))
			case !known:
				hint := "add it or remove this entry"
				// A hint compares every name; one for each of many thousand slips would take minutes.
				if len(d.found) < MaxProblems {
					if near := nearest(dep, names); near != "" {
						hint = "did you mean " + near + "?"
					}
				}
				d.refuse(where, "%s: the catalog has no addon %s: %s", name, quote(dep), hint)
			case all != nil:
				mine, its := all.of(e.addon.Kubernetes), all.of(addons[i].addon.Kubernetes)
				if mine.any() && its.any() && !mine.meets(its) {
					d.refuse(where, "%s: %s is for Kubernetes %s and %s for %s, no minor runs both: correct one range or remove this entry",
						name, e.addon.Name, quote(e.addon.Kubernetes.String()), dep, quote(addons[i].addon.Kubernetes.String()))
				}
			}
		}
	}
	d.circles(addons, index)
}

// dependency is where the addon's entry of that name is written.
func (e entry) dependency(dep string) (place, string) {
	list := e.given["dependsOn"]
	i := slices.IndexFunc(list.Content, func(n *yaml.Node) bool { return n.Value == dep })
	return at(list.Content[i]), fmt.Sprintf("%s.dependsOn[%d]", e.name, i)
}

// circles names one circle for each way back that a depth-first walk in the order of names meets.
func (d *decoder) circles(addons []entry, index map[string]int) {
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(addons))
	var trail []string
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		trail = append(trail, addons[i].addon.Name)
		for _, dep := range slices.Sorted(slices.Values(addons[i].addon.DependsOn)) {
			next, known := index[dep]
			switch {
			case !known || next == i:
			case state[next] == unseen:
				visit(next)
			case state[next] == open:
				circle := append(slices.Clone(trail[slices.Index(trail, dep):]), dep)
				where, name := addons[i].dependency(dep)
				d.refuse(where, "%s: the addons depend on each other in a circle: %s: remove one of these dependencies", name, arrows(circle))
			}
		}
		trail = trail[:len(trail)-1]
		state[i] = done
	}
	for _, i := range named(addons, index) {
		if state[i] == unseen {
			visit(i)
		}
	}
}

// named lists the entries that names lead to, in order of name: of two addons with one name only the last counts.
func named(addons []entry, index map[string]int) []int {
	var list []int
	for i, e := range addons {
		if j, ok := index[e.addon.Name]; ok && i == j {
			list = append(list, i)
		}
	}
	return list
}

// maxArrows is how many addons of a circle are named.
const maxArrows = 10

func arrows(circle []string) string {
	if left := len(circle) - 1 - maxArrows; left > 0 {
		circle = slices.Concat(circle[:maxArrows], []string{fmt.Sprintf("(%d more)", left)}, circle[len(circle)-1:])
	}
	return strings.Join(circle, " → ")
}
