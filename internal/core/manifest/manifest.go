// Package manifest holds Kubernetes objects as values: what a render makes, and what a diff compares.
package manifest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// ID names an object. Two versions of one group may name the same object: Same compares without them.
type ID struct {
	Group, Version, Kind string
	// Namespace is empty for what belongs to the whole cluster.
	Namespace, Name string
}

// APIVersion is what the object's apiVersion says.
func (id ID) APIVersion() string {
	if id.Group == "" {
		return id.Version
	}
	return id.Group + "/" + id.Version
}

// GroupKind is the kind with its group, as kubectl writes it: Deployment.apps, ConfigMap.
func (id ID) GroupKind() string {
	if id.Group == "" {
		return id.Kind
	}
	return id.Kind + "." + id.Group
}

// String is the form that reports use: apps/v1/Deployment/namespace/name, and without the namespace for what has none.
func (id ID) String() string {
	parts := []string{id.APIVersion(), id.Kind, id.Namespace, id.Name}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "/")
}

// Same is the ID without the version: two objects with the same are one object to the API server.
func (id ID) Same() ID {
	id.Version = ""
	return id
}

// Compare orders by group, kind, namespace, name and version.
func (id ID) Compare(o ID) int {
	return cmp.Or(
		cmp.Compare(id.Group, o.Group), cmp.Compare(id.Kind, o.Kind), cmp.Compare(id.Namespace, o.Namespace),
		cmp.Compare(id.Name, o.Name), cmp.Compare(id.Version, o.Version),
	)
}

// Object is one object. Content is read-only once made: objects are shared between renders, comparisons and reports.
type Object struct {
	ID
	// Hook is the phase in which Argo CD applies the object, such as PreSync; empty for what is simply applied.
	Hook string
	// Content is the whole object of map[string]any, []any, string, bool, nil, int64 and float64.
	Content map[string]any
}

// Sort orders objects by ID, which is how renders give them.
func Sort(objects []Object) {
	slices.SortStableFunc(objects, func(a, b Object) int { return a.Compare(b.ID) })
}

// Clone is a deep copy of a value as Object.Content holds them.
func Clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := maps.Clone(v)
		for k, inner := range c {
			c[k] = Clone(inner)
		}
		return c
	case []any:
		c := slices.Clone(v)
		for i, inner := range c {
			c[i] = Clone(inner)
		}
		return c
	}
	return v
}

// At is the value that a path of map keys leads to, nil when it leads nowhere.
func At(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// Text is At for a string, empty when there is none.
func Text(v any, keys ...string) string {
	s, _ := At(v, keys...).(string)
	return s
}

// Map is At for a map, nil when there is none.
func Map(v any, keys ...string) map[string]any {
	m, _ := At(v, keys...).(map[string]any)
	return m
}

// List is At for a list, nil when there is none.
func List(v any, keys ...string) []any {
	l, _ := At(v, keys...).([]any)
	return l
}

// Place puts objects that name no namespace where Argo CD puts them: into the Application's, unless their kind has none. It gives copies of
// those it changes. A kind that nobody knows counts as namespaced, as it does for Argo CD.
func Place(objects []Object, namespace string, namespaced func(group, kind string) (is, known bool)) []Object {
	placed := slices.Clone(objects)
	for i := range placed {
		o := &placed[i]
		want := o.Namespace
		if is, known := namespaced(o.Group, o.Kind); known && !is {
			want = ""
		} else if want == "" {
			want = namespace
		}
		if want == o.Namespace {
			continue
		}
		o.Namespace = want
		meta := maps.Clone(Map(o.Content, "metadata"))
		if meta == nil {
			meta = map[string]any{}
		}
		delete(meta, "namespace")
		if want != "" {
			meta["namespace"] = want
		}
		o.Content = maps.Clone(o.Content)
		o.Content["metadata"] = meta
	}
	Sort(placed)
	return placed
}

// Duplicates are the objects that are there more than once, each named once: only the last one counts for a cluster.
func Duplicates(objects []Object) (twice []ID) {
	seen := map[ID]int{}
	for i := range objects {
		same := objects[i].Same()
		if seen[same]++; seen[same] == 2 {
			twice = append(twice, objects[i].ID)
		}
	}
	return twice
}
