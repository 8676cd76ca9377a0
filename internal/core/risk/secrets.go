package risk

import (
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/mask"
)

// secrets flags what the masker found: placeholders that came.
func (x *finder) secrets(c diff.Change) {
	if c.After == nil {
		return
	}
	before, after := placeholders(c.Before), placeholders(c.After)
	known := map[string]bool{}
	for _, v := range before {
		known[v] = true
	}
	secret := c.Object.GroupKind() == "Secret"
	var paths []string
	for _, path := range slices.Sorted(maps.Keys(after)) {
		_, had := before[path]
		// In a Secret another value is news, elsewhere only that there is one: that it was there before is known to all by now.
		if known[after[path]] || had && !secret {
			continue
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return
	}
	if secret {
		x.flag(PlainSecret, c.Object, paths[0], "its values are in the repository, or made anew by each render, for everybody who reads either: %s", list(paths))
		return
	}
	x.flag(PlainSecret, c.Object, paths[0], "holds what looks like a secret, readable for all who may read a %s: %s", c.Object.Kind, list(paths))
}

// placeholders are the masked strings of an object, by JSON pointer.
func placeholders(o *manifest.Object) map[string]string {
	found := map[string]string{}
	if o == nil {
		return found
	}
	eachText(o.Content, func(path []any, s string) {
		// The checksum of a Secret is masked, for a short secret can be guessed from it, and is none itself.
		if key, _ := path[len(path)-1].(string); mask.Is(s) && !strings.HasPrefix(key, "checksum") {
			found[pointer(path...)] = s
		}
	})
	return found
}

// eachText visits all strings in a value, in any order. The path is only good during the visit.
func eachText(v any, visit func(path []any, s string)) {
	each(v, func(path []any, v any) bool {
		if s, is := v.(string); is {
			visit(path, s)
		}
		return true
	})
}

// each visits a value and all values in it, in any order, but for what is in those where visit does not want to go deeper. The path is only good
// during the visit.
func each(v any, visit func(path []any, v any) (deeper bool)) {
	var path []any
	var walk func(v any)
	walk = func(v any) {
		if !visit(path, v) {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				path = append(path, k)
				walk(inner)
				path = path[:len(path)-1]
			}
		case []any:
			for i, inner := range v {
				path = append(path, i)
				walk(inner)
				path = path[:len(path)-1]
			}
		}
	}
	walk(v)
}
