package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

// TestForms compares every form of some reports with what a person has read and found good.
func TestForms(t *testing.T) {
	for name, r := range map[string]Report{
		"cert-manager": sample(), "cert-manager-hidden": sample().WithHidden(), "unchanged": unchanged(), "noise": noise(), "hostile": hostile(),
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
