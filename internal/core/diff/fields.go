package diff

import (
	"cmp"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// walker compares two objects.
type walker struct {
	// builtin is true for kinds of Kubernetes itself, whose lists are known.
	builtin bool
	way     steps
	// length is that of the keys on the way.
	length int
	found  []found
	// budget is how many pairs of list items may still be compared with each other; it is shared by all objects of a comparison.
	budget *int
}

// tooLong bounds the paths of fields: below it, a value is compared as a whole. Paths of real objects are some hundred bytes long, those of
// a hostile one would fill the memory when they were repeated for each of its fields.
const tooLong = 2048

// found is a difference with the path that it has in the base, by which unstable fields are known.
type found struct {
	Field
	inBase string
}

// pairBudget bounds the work that lists without keys and renamed objects can make: beyond it, fewer partners are found.
const pairBudget = 20_000_000

// object compares two objects but for their names, which their IDs hold.
func (w *walker) object(base, head map[string]any, schema map[string]any) []found {
	w.mapping(base, head, schema)
	slices.SortStableFunc(w.found, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Shown, b.Shown), compareBool(b.HadBefore, a.HadBefore))
	})
	return w.found
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// value compares two values; nil is none.
func (w *walker) value(base, head any, schema map[string]any) {
	if w.length > tooLong {
		if !same(base, head) {
			w.report(base, head, base != nil, head != nil)
		}
		return
	}
	switch b := base.(type) {
	case map[string]any:
		if h, ok := head.(map[string]any); ok {
			w.mapping(b, h, schema)
			return
		}
	case []any:
		if h, ok := head.([]any); ok {
			w.list(b, h, schema)
			return
		}
	}
	if sameScalar(base, head) || w.atResource() && sameQuantity(base, head) {
		return
	}
	if w.atMetadata() {
		// Labels are compared one by one even where one side has none at all, so that each can be hidden or shown.
		b, isMap := base.(map[string]any)
		h, isMap2 := head.(map[string]any)
		if (isMap || base == nil) && (isMap2 || head == nil) {
			w.mapping(b, h, schema)
			return
		}
	}
	w.report(base, head, base != nil, head != nil)
}

func (w *walker) mapping(base, head, schema map[string]any) {
	step := func(k string) {
		if len(w.way) == 1 && w.way[0].key == "metadata" && (k == "name" || k == "namespace") {
			return
		}
		w.way, w.length = append(w.way, step{key: k}), w.length+len(k)+1
		w.value(base[k], head[k], property(schema, k))
		w.way, w.length = w.way[:len(w.way)-1], w.length-len(k)-1
	}
	for k := range base {
		step(k)
	}
	for k := range head {
		if _, both := base[k]; !both {
			step(k)
		}
	}
}

// item compares two items of a list; an index of -1 is none.
func (w *walker) item(base, head []any, i, j int, baseName, headName string, schema map[string]any) {
	size := len(baseName) + len(headName) + 4
	w.way, w.length = append(w.way, step{item: true, base: i, head: j, baseName: baseName, headName: headName}), w.length+size
	switch {
	case j < 0:
		w.report(base[i], nil, true, false)
	case i < 0:
		w.report(nil, head[j], false, true)
	case base[i] == nil && head[j] == nil:
	case base[i] == nil || head[j] == nil:
		w.report(base[i], head[j], true, true)
	default:
		w.value(base[i], head[j], schema)
	}
	w.way, w.length = w.way[:len(w.way)-1], w.length-size
}

func (w *walker) report(before, after any, had, has bool) {
	of := ofHead
	if !has {
		of = ofBase
	}
	w.found = append(w.found, found{
		Field: Field{
			Path: w.way.pointer(of), Shown: w.way.shown(of), Before: before, After: after, HadBefore: had, HasAfter: has,
		},
		inBase: w.way.shown(ofBase),
	})
}

// key is the map key that leads to the value, or to the n-th value above it; items of lists have none.
func (w *walker) key(above int) string {
	if i := len(w.way) - 1 - above; i >= 0 && !w.way[i].item {
		return w.way[i].key
	}
	return ""
}

// atResource reports whether the value is an amount in resources.limits or resources.requests.
func (w *walker) atResource() bool {
	return w.key(2) == "resources" && (w.key(1) == "limits" || w.key(1) == "requests")
}

// atMetadata reports whether the value is the labels or annotations of the object or of a template in it.
func (w *walker) atMetadata() bool {
	return w.key(1) == "metadata" && (w.key(0) == "labels" || w.key(0) == "annotations")
}

// property is the schema of a map's value.
func property(schema map[string]any, key string) map[string]any {
	if p := manifest.Map(schema, "properties", key); p != nil {
		return p
	}
	return manifest.Map(schema, "additionalProperties")
}
