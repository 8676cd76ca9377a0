package diff

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// large is a render of about 52,000 lines.
func large(t testing.TB) []manifest.Object {
	var text strings.Builder
	for i := range 853 {
		fmt.Fprintf(&text, "---%s", strings.NewReplacer("name: app\n", fmt.Sprintf("name: app-%04d\n", i), ":1.0.0", fmt.Sprintf(":1.0.%d", i)).Replace(deployment))
	}
	return parse(t, text.String())
}

// changed is a copy of objects in which every n-th value is another.
func changed(objects []manifest.Object, n int) []manifest.Object {
	count := 0
	var change func(v any) any
	change = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			m := map[string]any{}
			for _, k := range slices.Sorted(maps.Keys(v)) {
				inner := v[k]
				m[k] = inner
				if k != "apiVersion" && k != "kind" && k != "name" && k != "namespace" {
					m[k] = change(inner)
				}
			}
			return m
		case []any:
			l := make([]any, len(v))
			for i := range v {
				l[i] = change(v[i])
			}
			return l
		}
		if count++; count%n == 0 {
			return fmt.Sprint(v, "-changed-", count)
		}
		return v
	}
	var out []manifest.Object
	for _, o := range objects {
		out = append(out, object(change(o.Content).(map[string]any)))
	}
	return out
}

func write(t testing.TB, objects []manifest.Object) string {
	t.Helper()
	var text strings.Builder
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	for _, o := range objects {
		if err := e.Encode(o.Content); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// BenchmarkLarge compares two renders of 52,000 lines, with a few changes and with one in every seventh value: structurally, as text, and with
// git's process.
func BenchmarkLarge(b *testing.B) {
	base := large(b)
	for name, every := range map[string]int{"few": 4000, "every7th": 7} {
		head := changed(base, every)
		before, after := write(b, base), write(b, head)
		b.Run("structure/"+name, func(b *testing.B) {
			b.ReportAllocs()
			fields := 0
			for b.Loop() {
				fields = 0
				for _, c := range Compare(base, head, Options{}).Changes {
					fields += len(c.Fields) + len(c.Hidden)
				}
			}
			b.ReportMetric(float64(fields), "fields")
			b.ReportMetric(float64(strings.Count(before, "\n")), "lines")
		})
		b.Run("text/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				unified(before, after, 3)
			}
		})
		b.Run("git/"+name, func(b *testing.B) {
			dir := b.TempDir()
			for file, text := range map[string]string{"before": before, "after": after} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				cmd := exec.Command("git", "diff", "--no-index", "--histogram", "before", "after")
				cmd.Dir = dir
				if out, err := cmd.Output(); len(out) == 0 {
					b.Fatalf("git says nothing: %v", err)
				}
			}
		})
	}
}
