package bot_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/risk"
)

// TestNoChangeIsMissed changes every value of everything that the reference catalog renders to, one at a time: the comparison shows it, and what
// the API server refuses is flagged.
func TestNoChangeIsMissed(t *testing.T) {
	tree := os.DirFS("../..")
	data, err := fs.ReadFile(tree, catalog.File)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Decode(catalog.File, data)
	if err != nil {
		t.Fatal(err)
	}
	minor := c.Minors[len(c.Minors)-1]
	served, err := apis.Of(minor)
	if err != nil {
		t.Fatal(err)
	}
	changed, refused := 0, 0
	for _, a := range c.Addons {
		source, err := render.Collect(tree, a, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := fs.ReadDir(tree, a.Path)
		if err != nil {
			t.Fatal(err)
		}
		out, err := engine.Render(context.Background(), engine.Job{
			Files: source.Files, Path: a.Path, Type: catalog.Detect(entries), Release: a.Name, Namespace: a.Namespace, KubeVersion: minor.String(), APIVersions: served.Versions(),
		})
		if err != nil {
			t.Fatalf("%s: %v", a.Name, err)
		}
		for _, o := range manifest.Place(out.Objects, a.Namespace, served.Namespaced) {
			n, r := mutate(t, a, o)
			changed, refused = changed+n, refused+r
		}
	}
	if changed < 1500 || refused < 100 {
		t.Errorf("changed %d values, of which %d are refused: the search is broken", changed, refused)
	}
	t.Logf("changed %d values, %d of them such that the API server refuses", changed, refused)
}

// everyNth leaf of a schema is changed: there are thousands, all alike.
const everyNth = 10

func mutate(t *testing.T, a catalog.Addon, o manifest.Object) (changed, refused int) {
	t.Helper()
	for i, pointer := range leaves(o.Content, "") {
		if o.Kind == "CustomResourceDefinition" && i%everyNth != 0 || identity[pointer] {
			continue
		}
		after := o
		after.Content = with(o.Content, pointer).(map[string]any)
		r := diff.Compare([]manifest.Object{o}, []manifest.Object{after}, diff.Options{})
		if len(r.Changes) != 1 || len(r.Changes[0].Fields)+len(r.Changes[0].Hidden) == 0 {
			t.Errorf("%s of %s: a change of %s is not shown", o.ID, a.Name, pointer)
			continue
		}
		changed++
		change := r.Changes[0]
		must := slices.ContainsFunc(slices.Concat(change.Fields, change.Hidden), func(f diff.Field) bool { return diff.Refused(&o, &after, f) })
		if diff.Immutable(o.ID, pointer) && o.Hook == "" && !must && !values[pointer] {
			t.Errorf("%s of %s: %s never changes, and yet a change is not refused", o.ID, a.Name, pointer)
		}
		flagged := slices.ContainsFunc(risk.Flags(r, risk.Facts{Addon: a}), func(f risk.Flag) bool { return f.Code == risk.ImmutableField })
		if must != flagged {
			t.Errorf("%s of %s: %s is refused: %v, flagged: %v", o.ID, a.Name, pointer, must, flagged)
		}
		if must {
			refused++
		}
	}
	return changed, refused
}

// identity are the values with which another object begins.
var identity = map[string]bool{"/apiVersion": true, "/kind": true, "/metadata/name": true, "/metadata/namespace": true}

// values are what the API server refuses to change only from one certain value to another.
var values = map[string]bool{"/spec/clusterIP": true, "/spec/clusterIPs/0": true}

// leaves are JSON pointers to everything in an object that holds nothing else.
func leaves(v any, at string) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			all = append(all, leaves(v[k], at+"/"+manifest.EscapePointer(k))...)
		}
	case []any:
		for i, inner := range v {
			all = append(all, leaves(inner, at+"/"+strconv.Itoa(i))...)
		}
	case nil:
	default:
		all = append(all, at)
	}
	return all
}

// with is a copy of a value in which the leaf that a pointer leads to is another.
func with(v any, pointer string) any {
	key, rest, more := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	if more {
		rest = "/" + rest
	}
	switch v := v.(type) {
	case map[string]any:
		c, k := maps.Clone(v), manifest.UnescapePointer(key)
		c[k] = with(v[k], rest)
		return c
	case []any:
		c := slices.Clone(v)
		i, _ := strconv.Atoi(key)
		c[i] = with(v[i], rest)
		return c
	case bool:
		return !v
	case int64:
		return v + 1
	case float64:
		return v + 1
	}
	return fmt.Sprint(v, "x")
}
