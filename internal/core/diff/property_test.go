package diff

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// unorderedFields are lists of built-in kinds whose order means nothing, with what tells their items apart.
var unorderedFields = map[string]string{"containers": "name", "env": "name", "volumeMounts": "mountPath", "finalizers": "", "verbs": "", "rules": ""}

// content draws the inside of an object: maps, lists that have an order and lists that have none, and scalars.
func content(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := []string{"scalar", "scalar", "map", "list"}
		if depth == 0 {
			kinds = kinds[:2]
		}
		switch rapid.SampledFrom(kinds).Draw(t, "kind") {
		case "map":
			m := map[string]any{}
			for _, k := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "a.b", "x/y", "labels", "name"}), 0, 4, rapid.ID[string]).Draw(t, "keys") {
				m[k] = content(depth-1).Draw(t, k)
			}
			for field, key := range unorderedFields {
				if rapid.IntRange(0, 5).Draw(t, field) == 0 {
					m[field] = unordered(key, depth-1).Draw(t, field)
				}
			}
			return m
		case "list":
			return rapid.SliceOfN(content(depth-1), 0, 4).Draw(t, "items")
		}
		return rapid.OneOf(
			rapid.Map(rapid.SampledFrom([]string{"", "a", "b", "1", "1000m", "--a=1", "--a=2", "--b"}), func(s string) any { return s }),
			rapid.Map(rapid.Int64Range(-2, 2), func(n int64) any { return n }),
			rapid.Map(rapid.SampledFrom([]float64{0.5, 1.5}), func(f float64) any { return f }),
			rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		).Draw(t, "scalar")
	})
}

// spec draws a map.
var spec = rapid.Map(rapid.SliceOfN(content(4), 1, 5), func(values []any) any {
	m := map[string]any{}
	for i, v := range values {
		m[[]string{"containers", "rules", "a", "template", "b"}[i]] = v
	}
	return m
})

// edited is a value with some others in it.
func edited(t *rapid.T, v any) any {
	if rapid.IntRange(0, 9).Draw(t, "edit") == 0 {
		return content(2).Draw(t, "new")
	}
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, inner := range v {
			m[k] = edited(t, inner)
		}
		return m
	case []any:
		items := make([]any, 0, len(v))
		for _, inner := range v {
			for range rapid.SampledFrom([]int{1, 1, 1, 1, 0, 2}).Draw(t, "times") {
				items = append(items, edited(t, inner))
			}
		}
		return items
	}
	return v
}

func unordered(key string, depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		var items []any
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-d]{1,2}`), 0, 4, rapid.ID[string]).Draw(t, "names") {
			if key == "" {
				items = append(items, name)
				continue
			}
			items = append(items, map[string]any{key: name, "value": content(max(depth-1, 0)).Draw(t, name)})
		}
		if items == nil {
			items = []any{}
		}
		return items
	})
}

// shuffled is a value whose lists without order have another one.
func shuffled(t *rapid.T, v any, field string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, inner := range v {
			m[k] = shuffled(t, inner, k)
		}
		return m
	case []any:
		items := slices.Clone(v)
		for i := range items {
			items[i] = shuffled(t, items[i], "")
		}
		if _, ok := unorderedFields[field]; ok && len(items) > 0 {
			items = rapid.Permutation(items).Draw(t, field)
		}
		return items
	}
	return v
}

func wrap(v any) []manifest.Object {
	return []manifest.Object{object(map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "a"}, "spec": v})}
}

// TestEqual compares objects with themselves in another order: nothing changed.
func TestEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := spec.Draw(t, "object")
		if got := show(Compare(wrap(v), wrap(manifest.Clone(v)), Options{})); len(got) > 0 {
			t.Fatalf("equal objects differ: %q", got)
		}
		if got := show(Compare(wrap(v), wrap(shuffled(t, v, "")), Options{})); len(got) > 0 {
			t.Fatalf("order is no change: %q", got)
		}
	})
}

// TestDifferent compares any two objects. What is reported leads, on each side, to the values that it shows; an object whose values are all
// told of is told of completely: where nothing is reported, the values are the same but for order.
func TestDifferent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := spec.Draw(t, "base")
		b := edited(t, a)
		base, head := wrap(a), wrap(b)
		r := Compare(base, head, Options{})
		if len(r.Changes) == 0 {
			if x, y := canonical(settled(a, "")), canonical(settled(b, "")); x != y {
				t.Fatalf("no change reported between\n%s\n%s", x, y)
			}
			return
		}
		seen := map[string]bool{}
		for _, f := range slices.Concat(r.Changes[0].Fields, r.Changes[0].Hidden) {
			side, want := head[0].Content, f.After
			if !f.HasAfter {
				side, want = base[0].Content, f.Before
			}
			if got, ok := resolve(side, f.Path); !ok || !same(got, want) {
				t.Fatalf("%s is %v there, and %v in the report", f.Path, got, want)
			}
			if same(f.Before, f.After) && f.HadBefore == f.HasAfter {
				t.Fatalf("%s: %v is reported as changed", f.Path, f.Before)
			}
			key := f.Shown + map[bool]string{true: " of head", false: " of base"}[f.HasAfter]
			if seen[key] {
				t.Fatalf("%s is reported twice", key)
			}
			seen[key] = true
		}
		// What the base has more than the head, the way back reports as new.
		back := Compare(head, base, Options{})
		if len(back.Changes) == 0 {
			t.Fatalf("%q, but nothing on the way back", show(r))
		}
	})
}

// resolve follows a JSON pointer.
func resolve(v any, pointer string) (any, bool) {
	for _, segment := range strings.Split(pointer, "/")[1:] {
		segment = manifest.UnescapePointer(segment)
		switch inner := v.(type) {
		case map[string]any:
			v = inner[segment]
		case []any:
			i, err := strconv.Atoi(segment)
			if err != nil || i < 0 || i >= len(inner) {
				return nil, false
			}
			v = inner[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// settled is a value with its lists without order in one.
func settled(v any, field string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, inner := range v {
			m[k] = settled(inner, k)
		}
		return m
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = settled(v[i], "")
		}
		if _, ok := unorderedFields[field]; ok {
			slices.SortFunc(items, func(a, b any) int { return strings.Compare(canonical(a), canonical(b)) })
		}
		return items
	}
	return v
}
