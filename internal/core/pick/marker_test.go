package pick

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestMarker reads markers from texts as people leave them.
func TestMarker(t *testing.T) {
	ours := Marker{Kind: "pick", Branch: "release-1.31", Source: []string{"aaaa"}, Content: "c1", Head: "bbbb"}
	other := Marker{Kind: "pick", Branch: "release-1.32", Source: []string{"cccc"}}
	hidden := strings.TrimSpace(Hide("", ours))
	if want := `<!-- branch-bot {"kind":"pick","branch":"release-1.31","source":["aaaa"],"content":"c1","head":"bbbb"} -->`; hidden != want {
		t.Errorf("got  %s\nwant %s", hidden, want)
	}
	for name, tc := range map[string]struct {
		body string
		want Marker
	}{
		"alone":                     {hidden, ours},
		"after a text":              {Hide("Text.\n", ours), ours},
		"before what a person says": {Hide("Text.", ours) + "Looks good.\n", ours},
		"edited in a browser":       {strings.ReplaceAll(Hide("Text.", ours), "\n", "\r\n"), ours},
		"a copy before it":          {Hide("", other) + "Text.\n" + hidden, ours},
		"a quoted copy after it":    {hidden + "\n> " + strings.TrimSpace(Hide("", other)) + "\n", ours},
		"a copy inside a line":      {hidden + "\nsee " + strings.TrimSpace(Hide("", other)) + "\n", ours},
		"a broken one after it":     {hidden + "\n<!-- branch-bot {\"kind\": -->\n", ours},
		"none":                      {"Text.", Marker{}},
		"no text":                   {"", Marker{}},
		"not ours":                  {"<!-- branch-bot {} -->", Marker{}},
		"cut off":                   {hidden[:len(hidden)-3], Marker{}},
	} {
		got, is := Find(tc.body)
		if !reflect.DeepEqual(got, tc.want) || is != (tc.want.Kind != "") {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, is, tc.want)
		}
	}
	if got, want := Hide(Hide("Text.\n\n> a quote\n", other)+"More.\n", ours), "Text.\n\n> a quote\n\nMore.\n\n"+hidden+"\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestMarkerLasts writes markers with anything in them into anything.
func TestMarkerLasts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Marker{
			Kind: "pick", Branch: tricky().Draw(t, "branch"), Source: rapid.SliceOf(tricky()).Draw(t, "source"),
			Content: tricky().Draw(t, "content"), Head: tricky().Draw(t, "head"), Retired: tricky().Draw(t, "retired"),
		}
		body := Hide(tricky().Draw(t, "body"), m)
		got, is := Find(body)
		if !is || fmt.Sprint(got) != fmt.Sprint(m) {
			t.Fatalf("got %+v, %v, want %+v in %q", got, is, m, body)
		}
		if again := Hide(body, m); again != body {
			t.Fatalf("written again it is %q, was %q", again, body)
		}
		last := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		if strings.Count(last[len(last)-1], "--") != 2 {
			t.Fatalf("a marker that can be ended: %s", last[len(last)-1])
		}
	})
}
