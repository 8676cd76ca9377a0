package catalog

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// TestGate reads files as they come with addons, some of which would take their reader down.
func TestGate(t *testing.T) {
	deep := ""
	for i := range 300 {
		deep += strings.Repeat(" ", i) + "a:\n"
	}
	for name, tc := range map[string]struct {
		text string
		// documents and harmless are what Documents and Harmless say.
		documents, harmless string
		plain               bool
	}{
		"an object":               {text: "kind: A\nspec: {a: [b]}\n", plain: true},
		"no YAML":                 {text: "a: b: c\n", documents: "x.yaml:1: is not YAML: mapping values are not allowed in this context", plain: true},
		"anchors":                 {text: "a: &a b\nc: *a\n"},
		"a circle":                {text: "a: &a [*a]\n", documents: "x.yaml:1:8: the alias *a is inside the value it stands for: remove it", harmless: "x.yaml:1:8: the alias *a is inside the value it stands for: remove it"},
		"deep":                    {text: deep, documents: "x.yaml:256:256: nests deeper than 256 levels", harmless: "x.yaml:256:256: nests deeper than 256 levels"},
		"deep in a line":          {text: strings.Repeat("- ", 300), documents: "x.yaml:1:513: nests deeper than 256 levels", harmless: "x.yaml:1:513: nests deeper than 256 levels"},
		"deep brackets":           {text: strings.Repeat("[", 300) + strings.Repeat("]", 300), documents: "x.yaml:1:257: nests deeper than 256 levels", harmless: "x.yaml:1:257: nests deeper than 256 levels"},
		"deep by other line ends": {text: strings.ReplaceAll(deep, "\n", "\r"), documents: "x.yaml:256:256: nests deeper than 256 levels", harmless: "x.yaml:256:256: nests deeper than 256 levels"},
		"too large":               {text: strings.Repeat("x", MaxFile+1), documents: "x.yaml: has 4194305 bytes, at most 4194304 are read: divide it"},
	} {
		t.Run(name, func(t *testing.T) {
			text := func(err error) string {
				if err == nil {
					return ""
				}
				if !errors.As(err, new(fault.Problem)) {
					t.Errorf("%T is no fault.Problem", err)
				}
				return fmt.Sprint(err)
			}
			_, err := Documents("x.yaml", []byte(tc.text))
			if got := text(err); got != tc.documents {
				t.Errorf("Documents:\ngot  %s\nwant %s", got, tc.documents)
			}
			if got := text(Harmless("x.yaml", []byte(tc.text))); got != tc.harmless {
				t.Errorf("Harmless:\ngot  %s\nwant %s", got, tc.harmless)
			}
			if got := Plain([]byte(tc.text)); got != tc.plain {
				t.Errorf("Plain: got %t", got)
			}
		})
	}
}

// FuzzPlain looks for a file that passes for plain and is not harmless.
func FuzzPlain(f *testing.F) {
	for _, text := range []string{"a: b", "- - - ? a: b\n", "? ? ? [", "a: &a [*a]", "{{[[", "-\t- a", "!!map {}", "a:\r b:\r  c:"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := Harmless("x", []byte(text)); err != nil && Plain([]byte(text)) {
			t.Error(err)
		}
	})
}
