package report

import (
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// isCRD reports whether a change is one of a CustomResourceDefinition.
func isCRD(c diff.Change) bool {
	return c.Object.Group == "apiextensions.k8s.io" && c.Object.Kind == "CustomResourceDefinition"
}

// schema sums up what happens to a CustomResourceDefinition, whose text nobody reads.
func schema(c diff.Change) []string {
	var out []string
	switch {
	case c.Kind == diff.Added && c.After != nil:
		return []string{"versions " + versions(c.After), markdown.Count(fieldsIn(c.After.Content), "field")}
	case c.Kind == diff.Removed && c.Before != nil:
		return []string{"versions " + versions(c.Before), markdown.Count(fieldsIn(c.Before.Content), "field")}
	case c.Before != nil && c.After != nil:
		before, after := versions(c.Before), versions(c.After)
		if before != after {
			after = before + " → " + after
		}
		out = append(out, "versions "+after)
	}
	var added, removed, changed, words, other int
	for _, f := range c.Fields {
		inSchema := strings.Contains(f.Path, "/openAPIV3Schema")
		switch {
		case !inSchema:
			other++
		case strings.HasSuffix(f.Path, "/description"):
			words++
		case !f.HadBefore:
			added++
		case !f.HasAfter:
			removed++
		default:
			changed++
		}
	}
	for _, n := range []struct {
		n    int
		what string
	}{{added, "added"}, {removed, "removed"}, {changed, "changed"}} {
		if n.n > 0 {
			out = append(out, markdown.Count(n.n, "schema field")+" "+n.what)
		}
	}
	if words > 0 {
		out = append(out, markdown.Count(words, "description")+" reworded")
	}
	if other > 0 {
		out = append(out, markdown.Count(other, "other field")+" changed")
	}
	return out
}

// versions are those of a CustomResourceDefinition: v1 (stored), v1beta1 (not served).
func versions(o *manifest.Object) string {
	var out []string
	for _, v := range manifest.List(o.Content, "spec", "versions") {
		name := markdown.Clip(markdown.Clean(manifest.Text(v, "name")), 63)
		if stored, _ := manifest.At(v, "storage").(bool); stored {
			name += " (stored)"
		}
		if served, _ := manifest.At(v, "served").(bool); !served {
			name += " (not served)"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// fieldsIn counts the properties of all schemas in a value.
func fieldsIn(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if properties, ok := inner.(map[string]any); ok && k == "properties" {
				n += len(properties)
			}
			n += fieldsIn(inner)
		}
	case []any:
		for _, inner := range v {
			n += fieldsIn(inner)
		}
	}
	return n
}

// leaves counts the values in a value that hold no others.
func leaves(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			n += leaves(inner)
		}
		return n
	case []any:
		for _, inner := range v {
			n += leaves(inner)
		}
		return n
	}
	return 1
}
