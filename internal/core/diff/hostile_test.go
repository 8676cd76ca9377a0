package diff

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// TestHostile compares objects that were made to cost much. Each has a few megabytes; the comparison must stay within some times that, and end
// soon even on a busy machine.
func TestHostile(t *testing.T) {
	many := func(n int, value any) map[string]any {
		m := map[string]any{}
		for i := range n {
			m[fmt.Sprint("k", i)] = value
		}
		return m
	}
	items := func(n int, side string) (list []any) {
		for i := range n {
			list = append(list, map[string]any{"name": fmt.Sprint(side, i), "a": "x", "b": "y", "c": "z"})
		}
		return list
	}
	nested := func(depth int, v any) any {
		for range depth {
			v = []any{v, "x"}
		}
		return v
	}
	longKey, longName := strings.Repeat("k", 1<<20), strings.Repeat("n", 1<<20)
	for name, tc := range map[string]struct {
		base, head any
		fields     int
	}{
		"a long key above many fields":        {map[string]any{longKey: many(50_000, int64(1))}, map[string]any{longKey: many(50_000, int64(2))}, 1},
		"a long name above many fields":       {[]any{map[string]any{"name": longName, "x": many(50_000, int64(1))}}, []any{map[string]any{"name": longName, "x": many(50_000, int64(2))}}, 50_000},
		"many items with other names":         {map[string]any{"containers": items(8_000, "a")}, map[string]any{"containers": items(8_000, "b")}, 16_000},
		"many small lists with nothing alike": {spread(items(8_000, "a"), 200), spread(items(8_000, "b"), 200), 0},
		"deep lists":                          {nested(3000, "a"), nested(3000, "b"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			wrapped := func(v any) []manifest.Object {
				return []manifest.Object{object(map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "a"}, "spec": v})}
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			r := Compare(wrapped(tc.base), wrapped(tc.head), Options{})
			spent := time.Since(start)
			runtime.ReadMemStats(&after)
			t.Logf("%v, %d MB allocated", spent, (after.TotalAlloc-before.TotalAlloc)>>20)
			if n := len(r.Changes[0].Fields); tc.fields > 0 && n != tc.fields || n == 0 {
				t.Errorf("%d fields, want %d", n, tc.fields)
			}
			if spent > 20*time.Second {
				t.Errorf("took %v", spent)
			}
			if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; allocated > 1000 {
				t.Errorf("%d MB allocated", allocated)
			}
		})
	}
}

// spread puts items in many lists.
func spread(items []any, each int) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(items); i += each {
		m[fmt.Sprint("l", i)] = items[i:min(i+each, len(items))]
	}
	return m
}

// TestHostileText compares lines that repeat all the time, in another order.
func TestHostileText(t *testing.T) {
	text := func(seed uint64, n int) string {
		var b strings.Builder
		for range n {
			seed = seed*6364136223846793005 + 1442695040888963407
			b.WriteString([]string{"a\n", "b\n"}[seed>>63])
		}
		return b.String()
	}
	start := time.Now()
	got := unified(text(1, 120_000), text(2, 120_000), 3)
	t.Logf("%v for %d lines", time.Since(start), strings.Count(got, "\n"))
	if spent := time.Since(start); spent > 20*time.Second || got == "" {
		t.Errorf("took %v", spent)
	}
}
