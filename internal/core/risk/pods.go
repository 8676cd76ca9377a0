package risk

import (
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// pods finds the pod specs of an object, by JSON pointer: those of every kind, also of custom resources that have them, wherever there is a
// list of containers.
func pods(o *manifest.Object) map[string]map[string]any {
	found := map[string]map[string]any{}
	if o == nil || o.GroupKind() == definitions {
		return found
	}
	each(o.Content, func(path []any, v any) (deeper bool) {
		m, _ := v.(map[string]any)
		if l, ok := m["containers"].([]any); ok && len(l) > 0 {
			if _, ok := l[0].(map[string]any); ok {
				found[pointer(path...)] = m
				return false
			}
		}
		return true
	})
	return found
}

// container is one of a pod's.
type container struct {
	content map[string]any
	path    string
	name    string
}

func containers(pod map[string]any, path string) (all []container) {
	for _, key := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for i, v := range manifest.List(pod, key) {
			if c, ok := v.(map[string]any); ok {
				all = append(all, container{c, path + pointer(key, i), manifest.Text(c, "name")})
			}
		}
	}
	return all
}

func named(all []container, name string) map[string]any {
	for _, c := range all {
		if c.name == name {
			return c.content
		}
	}
	return nil
}

// podPair is a pod spec of both sides; before is nil where the object or the pod is new.
type podPair struct {
	path          string
	before, after map[string]any
}

// podPairs are the pod specs of an object that has changed or come.
func podPairs(before, after *manifest.Object) (pairs []podPair) {
	was, is := pods(before), pods(after)
	for _, path := range slices.Sorted(maps.Keys(is)) {
		pairs = append(pairs, podPair{path, was[path], is[path]})
	}
	return pairs
}

// effective is a setting of a container's security context, or else of its pod's.
func effective(pod, container map[string]any, key ...string) any {
	path := append([]string{"securityContext"}, key...)
	if v := manifest.At(container, path...); v != nil {
		return v
	}
	return manifest.At(pod, path...)
}

// capabilities are those that a container adds, or drops, as upper-case words without CAP_.
func capabilities(container map[string]any, what string) (all []string) {
	for _, c := range texts(manifest.List(container, "securityContext", "capabilities", what)) {
		all = append(all, strings.TrimPrefix(strings.ToUpper(c), "CAP_"))
	}
	return all
}
