package risk_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/addon-manager/addon-manager/internal/core/risk"
)

var update = flag.Bool("update", false, "rewrite want in testdata/*.txtar")

// TestStories reads each story: a base, a head, perhaps facts, and all flags that the change must raise. Without a line in want it must
// raise none.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	raised, silent := map[string]bool{}, 0
	for _, name := range files {
		text, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parts := map[string]string{}
		for _, f := range text.Files {
			if _, twice := parts[f.Name]; twice {
				t.Errorf("%s has %q twice", name, f.Name)
			}
			parts[f.Name] = string(f.Data)
		}
		for i, f := range text.Files {
			story, ok := strings.CutSuffix(f.Name, "/want")
			if !ok {
				continue
			}
			t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar")+"/"+story, func(t *testing.T) {
				var got strings.Builder
				for _, f := range risk.Flags(compare(t, parts[story+"/base"], parts[story+"/head"]), facts(t, parts[story+"/facts"])) {
					got.WriteString(line(f) + "\n")
					raised[string(f.Code)] = true
				}
				if got.Len() == 0 {
					silent++
				}
				if *update {
					text.Files[i].Data = []byte(got.String())
				} else if d := cmp.Diff(string(f.Data), got.String()); d != "" {
					t.Errorf("(-want +got, -update rewrites it):\n%s", d)
				}
			})
		}
		if *update {
			if err := os.WriteFile(name, txtar.Format(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range risk.Codes() {
		// What is large or renamed has tests of its own.
		if !raised[string(c)] && c != risk.LargeObject && c != risk.NamespaceChanged && c != risk.APIVersionsAssumed {
			t.Errorf("no story raises %s", c)
		}
	}
	if silent < 20 {
		t.Errorf("only %d stories raise nothing", silent)
	}
}
