package proposal

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func whole(x Text) string {
	return fmt.Sprintf("title: %s\nlabels: %q\n\n%s", x.Title, x.Labels, x.Body)
}

// TestWrite compares pull requests with what a person has read and found good.
func TestWrite(t *testing.T) {
	for name, r := range map[string]Request{
		"minor-on-main": minorStep(), "lower-on-release": lower(), "group": grouped(), "major-security": secure(), "unrendered": unrendered(),
		"digest": contents(), "images-of-a-chart": followed(), "refused-200": stuck(), "hostile-notes": hostile(), "hostile": hostileRequest(),
	} {
		t.Run(name, func(t *testing.T) { golden(t, name+".md", whole(Write(r))) })
	}
}
