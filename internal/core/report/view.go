package report

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// view is a report as people read it: each distinct change once, with the minors that have it.
type view struct {
	Report
	addons []*addon
	// failed and later are the problems of the minors asked for, and of the one after them.
	failed, later []Problem
	// shown are the paths for people of the fields that changed, by addon, object and path.
	shown map[[3]string]string
}

// addon is what happens to one addon.
type addon struct {
	name string
	// entries are the changes in the order of their risk, quiet those with nothing but known noise.
	entries, quiet []entry
	// rank is the place of its worst flag, unflagged where there is none.
	rank     int
	images   []images
	unstable []diff.Unstable
}

// entry is a change of an object, on the minors that agree about it.
type entry struct {
	diff.Change
	minors []version.Minor
	// codes are those of its flags, the worst first; rank is the place of the first among all flags.
	codes []fault.Code
	rank  int
}

// images is a change of an image, on the minors that have it.
type images struct {
	diff.Image
	minors []version.Minor
}

const unflagged = math.MaxInt

func newView(r Report) view {
	v := view{Report: r}
	byName := map[string]*addon{}
	for i := range r.Results {
		result := &r.Results[i]
		a := byName[result.Addon]
		if a == nil {
			a = &addon{name: result.Addon, rank: unflagged}
			byName[result.Addon] = a
			v.addons = append(v.addons, a)
		}
		a.add(result)
	}
	for _, p := range r.Problems {
		if p.Next {
			v.later = append(v.later, p)
		} else {
			v.failed = append(v.failed, p)
		}
	}
	v.rank(byName)
	return v
}

// add takes the changes of some minors: those that an earlier result has too get its minors.
func (a *addon) add(r *Result) {
	// Within one result an object changes once, so that only what earlier results brought can be equal.
	earlier := map[string][]int{}
	for i, e := range a.entries {
		earlier[e.Object.String()] = append(earlier[e.Object.String()], i)
	}
	for _, c := range r.Changes {
		if !visible(c) {
			a.addQuiet(c, r.Minors)
			continue
		}
		known := earlier[c.Object.String()]
		if i := slices.IndexFunc(known, func(i int) bool { return equal(a.entries[i].Change, c) }); i >= 0 {
			e := &a.entries[known[i]]
			e.minors = slices.Concat(e.minors, r.Minors)
			continue
		}
		a.entries = append(a.entries, entry{Change: c, minors: r.Minors, rank: unflagged})
	}
	for _, image := range r.Images {
		if i := slices.IndexFunc(a.images, func(known images) bool { return known.Image == image }); i >= 0 {
			a.images[i].minors = slices.Concat(a.images[i].minors, r.Minors)
		} else {
			a.images = append(a.images, images{image, r.Minors})
		}
	}
	for _, u := range r.Unstable {
		if !slices.Contains(a.unstable, u) {
			a.unstable = append(a.unstable, u)
		}
	}
}

// addQuiet takes a change with nothing but known noise.
func (a *addon) addQuiet(c diff.Change, minors []version.Minor) {
	at, found := slices.BinarySearchFunc(a.quiet, c, func(e entry, c diff.Change) int { return e.Object.Compare(c.Object) })
	if found && reflect.DeepEqual(a.quiet[at].Hidden, c.Hidden) {
		a.quiet[at].minors = slices.Concat(a.quiet[at].minors, minors)
		return
	}
	a.quiet = slices.Insert(a.quiet, at, entry{Change: c, minors: minors, rank: unflagged})
}

// equal reports whether two changes read the same.
func equal(a, b diff.Change) bool {
	if a.Kind != b.Kind || a.Object != b.Object || !reflect.DeepEqual(a.From, b.From) || !reflect.DeepEqual(a.Fields, b.Fields) {
		return false
	}
	switch a.Kind {
	case diff.Added:
		return reflect.DeepEqual(a.After, b.After)
	case diff.Removed:
		return reflect.DeepEqual(a.Before, b.Before)
	}
	return true
}

// rank gives the entries their flags, and orders everything by them.
func (v *view) rank(byName map[string]*addon) {
	type key struct{ addon, object string }
	flags := map[key][]int{}
	for i, f := range v.Flags {
		k := key{f.Addon, f.Object}
		flags[k] = append(flags[k], i)
		if a := byName[f.Addon]; a != nil {
			a.rank = min(a.rank, i)
		}
	}
	v.shown = map[[3]string]string{}
	for _, a := range v.addons {
		for i := range a.entries {
			e := &a.entries[i]
			of := flags[key{a.name, e.Object.String()}]
			if e.From != nil && e.From.String() != e.Object.String() {
				of = slices.Concat(of, flags[key{a.name, e.From.String()}])
				slices.Sort(of)
			}
			for _, f := range of {
				if !overlap(v.Flags[f].Minors, e.minors) {
					continue
				}
				e.rank = min(e.rank, f)
				if at := slices.IndexFunc(e.Fields, func(field diff.Field) bool { return field.Path == v.Flags[f].Path }); at >= 0 {
					v.shown[[3]string{a.name, v.Flags[f].Object, v.Flags[f].Path}] = shown(&e.Fields[at])
				}
				if code := v.Flags[f].Code; !slices.Contains(e.codes, code) {
					e.codes = append(e.codes, code)
				}
			}
		}
		slices.SortStableFunc(a.entries, compareEntries)
	}
	slices.SortStableFunc(v.addons, func(a, b *addon) int { return cmp.Compare(a.rank, b.rank) })
}

// compareEntries puts what is risky first, then what goes, and schemas last: they are long, and say little.
func compareEntries(a, b entry) int {
	return cmp.Or(
		cmp.Compare(a.rank, b.rank), cmp.Compare(weight(a.Change), weight(b.Change)), a.Object.Compare(b.Object),
	)
}

func weight(c diff.Change) int {
	order := []diff.Kind{diff.Removed, diff.Renamed, diff.Changed, diff.Added}
	at := slices.Index(order, c.Kind)
	if isCRD(c) {
		at += len(order)
	}
	return at
}

// overlap reports whether two lists share a minor. A flag without minors is one of all.
func overlap(a, b []version.Minor) bool {
	return len(a) == 0 || slices.ContainsFunc(a, func(m version.Minor) bool { return slices.Contains(b, m) })
}

// pathOf is where in its object a flag points, in the words of the diff where that has the place.
func (v *view) pathOf(f Flag) string {
	if f.Path == "" {
		return ""
	}
	if shown, ok := v.shown[[3]string{f.Addon, f.Object, f.Path}]; ok {
		return shown
	}
	return f.Path
}

// hidden counts the fields of an addon that are known noise.
func (a *addon) hidden() (n int) {
	for _, e := range slices.Concat(a.entries, a.quiet) {
		n += len(e.Hidden)
	}
	return n
}

// noisy counts the addons that change in nothing but known noise.
func (v *view) noisy() (n int) {
	for _, a := range v.addons {
		if len(a.entries) == 0 && len(a.quiet) > 0 {
			n++
		}
	}
	return n
}

// on are the places of the entries that a minor has.
func (a *addon) on(m version.Minor) (at []int) {
	for i, e := range a.entries {
		if slices.Contains(e.minors, m) {
			at = append(at, i)
		}
	}
	return at
}

// broken reports whether an addon could not be rendered for a minor.
func (v *view) broken(name string, m version.Minor) bool {
	return slices.ContainsFunc(v.failed, func(p Problem) bool {
		return (p.Addon == name || p.Addon == "") && (p.Minor == m || p.Minor.IsZero())
	})
}

// rows are the addons that the matrix shows: those that change, and those with a problem.
func (v *view) rows() []*addon {
	var rows []*addon
	for _, a := range v.addons {
		if len(a.entries) > 0 {
			rows = append(rows, a)
		}
	}
	for _, p := range v.failed {
		if p.Addon != "" && !slices.ContainsFunc(rows, func(a *addon) bool { return a.name == p.Addon }) {
			rows = append(rows, &addon{name: p.Addon, rank: unflagged})
		}
	}
	return rows
}

// cells say for each minor what happens to an addon there.
func (v *view) cells(a *addon) []string {
	cells := make([]string, len(v.Minors))
	places := make([][]int, len(v.Minors))
	for i, m := range v.Minors {
		places[i] = a.on(m)
		switch like := slices.IndexFunc(places[:i], func(p []int) bool { return slices.Equal(p, places[i]) }); {
		case v.broken(a.name, m):
			cells[i] = "error"
			places[i] = []int{-1}
		case len(places[i]) == 0:
			cells[i] = "–"
		case like >= 0:
			cells[i] = "same as " + v.Minors[like].String()
		default:
			cells[i] = a.count(places[i])
		}
	}
	return cells
}

// count says how many objects of some entries came, went or changed.
func (a *addon) count(at []int) string {
	counts := map[diff.Kind]int{}
	for _, i := range at {
		counts[a.entries[i].Kind]++
	}
	var parts []string
	for _, k := range []diff.Kind{diff.Removed, diff.Renamed, diff.Changed, diff.Added} {
		if counts[k] > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", markdown.Number(counts[k]), k))
		}
	}
	return strings.Join(parts, ", ")
}

// all is count for all entries.
func (a *addon) all() string {
	at := make([]int, len(a.entries))
	for i := range at {
		at[i] = i
	}
	return a.count(at)
}

// agreement says which minors render the same changes.
func (v *view) agreement() string {
	if len(v.Minors) < 2 {
		return "on " + ranges(v.Minors)
	}
	kinds := map[string][]version.Minor{}
	var order []string
	for _, m := range v.Minors {
		var key strings.Builder
		for _, a := range v.rows() {
			fmt.Fprint(&key, a.on(m), v.broken(a.name, m))
		}
		if _, ok := kinds[key.String()]; !ok {
			order = append(order, key.String())
		}
		kinds[key.String()] = append(kinds[key.String()], m)
	}
	largest := slices.MaxFunc(order, func(a, b string) int { return cmp.Compare(len(kinds[a]), len(kinds[b])) })
	switch rest := len(v.Minors) - len(kinds[largest]); {
	case rest == 0:
		return ranges(v.Minors) + " agree"
	case len(kinds[largest]) == 1:
		return "no two of " + ranges(v.Minors) + " agree"
	case rest == 1:
		return ranges(v.outside(kinds[largest])) + " differs from " + ranges(kinds[largest])
	default:
		return ranges(v.outside(kinds[largest])) + " differ from " + ranges(kinds[largest])
	}
}

// outside are the minors of the report that are not among some.
func (v *view) outside(some []version.Minor) []version.Minor {
	return slices.DeleteFunc(slices.Clone(v.Minors), func(m version.Minor) bool { return slices.Contains(some, m) })
}

// everywhere reports whether some minors are all those of the report, or none is named.
func (v *view) everywhere(some []version.Minor) bool {
	return len(some) == 0 || len(v.outside(some)) == 0
}

// only is what to add to something that is not on all minors, with a separator in front: ", only on 1.33".
func (v *view) only(separator string, some []version.Minor) string {
	if v.everywhere(some) {
		return ""
	}
	return separator + "only on " + ranges(some)
}
