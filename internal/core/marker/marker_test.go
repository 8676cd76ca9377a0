package marker_test

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/marker"
)

type note struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

func ours(n note) bool { return n.Kind == "note" }

// TestMarker hides in texts that people edit, and that hold what others hid.
func TestMarker(t *testing.T) {
	a, b := note{"note", "a"}, note{"note", "<b> --> \n &"}
	other := marker.Line(note{"other", "c"})
	for name, tc := range map[string]struct {
		body string
		want note
	}{
		"alone":                 {marker.Line(a), a},
		"after a text":          {marker.Hide("Text.\n", a, ours), a},
		"text that wants out":   {marker.Hide("Text.\n", b, ours), b},
		"edited in a browser":   {strings.ReplaceAll(marker.Hide("Text.", a, ours), "\n", "\r\n"), a},
		"the last one counts":   {marker.Line(b) + marker.Line(a), a},
		"a quoted one does not": {marker.Line(a) + "> " + marker.Line(b), a},
		"nor one in a line":     {marker.Line(a) + "x " + marker.Line(b), a},
		"nor another's":         {marker.Line(a) + other, a},
		"only another's":        {other, note{}},
		"cut off":               {strings.TrimSuffix(marker.Line(a), "->\n"), note{}},
		"none":                  {"Text.", note{}},
	} {
		if got, is := marker.Find(tc.body, ours); got != tc.want || is != (tc.want != note{}) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, is, tc.want)
		}
	}
	got := marker.Hide("Text.\n"+marker.Line(a)+other+marker.Line(b), a, ours)
	if want := "Text.\n" + other + "\n" + marker.Line(a); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if line := marker.Line(b); strings.Count(line, "--") != 2 || strings.Count(line, "\n") != 1 {
		t.Errorf("a marker that can be ended: %s", line)
	}
}
