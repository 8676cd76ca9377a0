package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

// TestForms compares every form of some reports with what a person has read and found good.
func TestForms(t *testing.T) {
	for name, r := range map[string]Report{
		"cert-manager": sample(), "cert-manager-hidden": sample().WithHidden(), "unchanged": unchanged(), "noise": noise(), "hostile": hostile(), "policies": policed(),
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".md", []byte(Markdown(r, Limit)))
			golden(t, name+".txt", []byte(Text(r)))
			for kind, form := range map[string]func(Report) ([]byte, error){"json": JSON, "html": HTML} {
				out, err := form(r)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+kind, out)
			}
		})
	}
}

// TestCut is a report of a sensible size that has to be told in little space.
func TestCut(t *testing.T) {
	for name, limit := range map[string]int{"cut-1000.md": 1000, "cut-3000.md": 3000} {
		out := Markdown(sample(), limit)
		if len(out) > limit {
			t.Errorf("%s has %d bytes, at most %d are allowed", name, len(out), limit)
		}
		golden(t, name, []byte(out))
	}
}

// TestManyFlags reads risks by code once there are more than a screen of them.
func TestManyFlags(t *testing.T) {
	r := Report{Minors: three}
	for i := range 300 {
		code := []string{"ObjectRemoved", "RBACWider", "ImageNoDigest"}[i/100]
		r.Flags = append(r.Flags, risky(code, "a", fmt.Sprintf("v1/ConfigMap/n/x%d", i), "", "It is risky.", three...))
	}
	out := Markdown(r, Limit)
	for part, want := range map[string]int{
		"\n- **ObjectRemoved**: It is risky.\n  `v1/ConfigMap/n/x0` (a)\n": 1, "It is risky.": 24, "`v1/ConfigMap/n/x7`": 1, "`v1/ConfigMap/n/x8`": 0,
		"\n- **ObjectRemoved**: 92 more\n": 1, "\n- **RBACWider**: 92 more\n": 1, "\n- **ImageNoDigest**: 92 more\n": 1,
		"*Left out here: 276 risks; `branch-bot diff --html FILE` writes everything.*": 1,
	} {
		if got := strings.Count(out, part); got != want {
			t.Errorf("%q is there %d times, want %d:\n%s", part, got, want, out)
		}
	}
	for i := range r.Flags {
		r.Flags[i].Message = strings.Repeat("It is very risky. ", 20)
	}
	if out := Markdown(r, 1000); !strings.Contains(out, "**ObjectRemoved** × 100, **RBACWider** × 100, **ImageNoDigest** × 100\n") {
		t.Errorf("in 1,000 bytes the codes are not counted:\n%s", out)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(string(want), string(got)))
	}
}
