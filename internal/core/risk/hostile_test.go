package risk_test

import (
	"math/rand"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/risk"
)

// junk is what a template may put where something else belongs.
var junk = []any{
	nil, true, "", "x", int64(-1), int64(1) << 60, 1.5,
	map[string]any{},
	[]any{},
	[]any{nil, "x", int64(1)},
	map[string]any{"": nil},
	[]any{map[string]any{"name": int64(1)}},
	map[string]any{"name": []any{}, "containers": []any{map[string]any{"name": nil, "ports": "x", "securityContext": []any{}}}},
}

// TestHostileShapes puts junk in place of values of all stories' objects: whatever comes in, the risks come out, all of them known, in order.
func TestHostileShapes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	r := rand.New(rand.NewSource(1))
	served := facts(t, "minor: '1.32'")
	told := 0
	for _, name := range files {
		text, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range text.Files {
			if !strings.HasSuffix(f.Name, "/base") && !strings.HasSuffix(f.Name, "/head") {
				continue
			}
			for _, o := range parse(t, string(f.Data)) {
				for range 12 {
					other := o
					other.Content = manifest.Clone(o.Content).(map[string]any)
					for range 3 {
						if content, ok := into(r, other.Content).(map[string]any); ok {
							other.Content = content
						}
					}
					for _, pair := range [][2]*manifest.Object{{&o, &other}, {&other, &o}, {nil, &other}, {&other, nil}} {
						told += check(t, pair[0], pair[1], served)
					}
				}
			}
		}
	}
	if told < 1000 {
		t.Errorf("only %d risks were told", told)
	}
}

func check(t *testing.T, before, after *manifest.Object, f risk.Facts) int {
	t.Helper()
	c := diff.Change{Kind: diff.Changed, Before: before, After: after}
	switch {
	case before == nil:
		c.Kind, c.Object = diff.Added, after.ID
	case after == nil:
		c.Kind, c.Object = diff.Removed, before.ID
	default:
		c.Object = after.ID
	}
	flags := risk.Flags(diff.Result{Changes: []diff.Change{c}}, f)
	for i, flag := range flags {
		if risk.Rank(flag.Code) >= len(risk.Codes()) || flag.Message == "" || flag.Object != c.Object.String() || i > 0 && risk.Rank(flags[i-1].Code) > risk.Rank(flag.Code) {
			t.Fatalf("flag %d of %v is %v", i, c.Object, line(flag))
		}
	}
	return len(flags)
}

// into replaces a value somewhere in a value.
func into(r *rand.Rand, v any) any {
	switch v := v.(type) {
	case map[string]any:
		n := r.Intn(len(v) + 1)
		for k, inner := range v {
			if n == 0 {
				v[k] = into(r, inner)
				return v
			}
			n--
		}
	case []any:
		if len(v) > 0 && r.Intn(3) > 0 {
			i := r.Intn(len(v))
			v[i] = into(r, v[i])
			return v
		}
	}
	return manifest.Clone(junk[r.Intn(len(junk))])
}
