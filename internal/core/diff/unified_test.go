package diff

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUnified(t *testing.T) {
	base := parse(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  one: x\n  script: |\n    line 1\n    line 2\n    line 3\n")[0]
	head := parse(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  two: 'yes'\n  script: |\n    line 1\n    line two\n    line 3\n")[0]
	want := `@@ -1,10 +1,10 @@
 apiVersion: v1
 data:
-  one: x
   script: |
     line 1
-    line 2
+    line two
     line 3
+  two: "yes"
 kind: ConfigMap
 metadata:
   name: a
`
	if d := cmp.Diff(want, Unified(&base, &head, 3)); d != "" {
		t.Error(d)
	}
	if got := Unified(&base, &head, 0); !strings.Contains(got, "-    line 2\n+    line two\n@@") || strings.Contains(got, " apiVersion") {
		t.Errorf("no context wanted, got\n%s", got)
	}
	if got := Unified(&base, &base, 3); got != "" {
		t.Errorf("nothing changed, got\n%s", got)
	}
	if got := Unified(nil, &base, 3); strings.Count(got, "\n+") != 10 || strings.Contains(got, "\n-") {
		t.Errorf("all is new, got\n%s", got)
	}
	if got := Unified(&base, nil, 3); strings.Count(got, "\n-") != 10 || strings.Contains(got, "\n+") {
		t.Errorf("all is gone, got\n%s", got)
	}
}

// TestUnifiedLarge compares long texts without a line in common, and texts beyond the limit.
func TestUnifiedLarge(t *testing.T) {
	text := func(side string, lines int) string {
		var b strings.Builder
		for i := range lines {
			fmt.Fprintf(&b, "%s%d\n", side, i*7919%lines)
		}
		return b.String()
	}
	start := time.Now()
	if got := unified(text("a", 120_000), text("b", 120_000), 3); strings.Count(got, "\n") != 240_001 {
		t.Errorf("%d lines, want both texts and a header", strings.Count(got, "\n"))
	}
	for text, want := range map[string]string{
		strings.Repeat("a\n", lineLimit-4):      "@@ too large to compare line by line: 249996 lines before, 5 lines after @@\n",
		strings.Repeat("a", textLimit-9) + "\n": "@@ too large to compare line by line: 1 lines before, 5 lines after @@\n",
		strings.Repeat("a", textLimit-10):       "",
		strings.Repeat("a\n", lineLimit-5):      "",
	} {
		got := unified(text, strings.Repeat("b\n", 5), 3)
		if got != want && (want != "" || !strings.HasPrefix(got, "@@ -1")) {
			t.Errorf("got %q, want %q", got[:min(len(got), 200)], want)
		}
	}
	if spent := time.Since(start); spent > 20*time.Second {
		t.Errorf("took %v", spent)
	}
}
