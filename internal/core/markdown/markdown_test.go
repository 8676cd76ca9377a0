package markdown_test

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// TestQuiet writes names and sentences that try to be more.
func TestQuiet(t *testing.T) {
	for in, want := range map[string]struct{ clean, prose, code string }{
		"cert-manager":         {"cert-manager", "cert-manager", "`cert-manager`"},
		"":                     {"", "", "<code></code>"},
		"a b":                  {"a b", "a b", "`a b`"},
		" a":                   {" a", "a", "<code> a</code>"},
		"quay.io/a/b:v1@sha":   {"quay.io/a/b:v1@sha", "quay.io/a/b:v1&#64;&#8203;sha", "`quay.io/a/b:v1@sha`"},
		"x#1":                  {"x#1", "x&#35;&#8203;1", "`x#1`"},
		"a`b":                  {"a`b", "a&#96;b", "<code>a&#96;b</code>"},
		"a|b":                  {"a|b", "a&#124;b", "<code>a&#124;b</code>"},
		`a\b`:                  {`a\b`, "a&#92;b", "<code>a&#92;b</code>"},
		"<!-- x -->":           {"<!-- x -->", "&#60;!-- x --&#62;", "`<!-- x -->`"},
		"a\nb":                 {`a\nb`, "a b", `<code>a&#92;nb</code>`},
		"\x1b[31m":             {`\x1b[31m`, `&#92;x1b&#91;31m`, `<code>&#92;x1b&#91;31m</code>`},
		"a\u202eb":             {`a\u202eb`, `a&#92;u202eb`, `<code>a&#92;u202eb</code>`},
		"a\xffb":               {`a\xffb`, `a&#92;xffb`, `<code>a&#92;xffb</code>`},
		"a\ufffdb":             {`a\ufffdb`, `a&#92;ufffdb`, `<code>a&#92;ufffdb</code>`},
		"see https://x.y/z":    {"see https://x.y/z", "see https&#58;//x.y/z", "`see https://x.y/z`"},
		"www.x.y mailto:a@b.c": {"www.x.y mailto:a@b.c", "www&#46;x.y mailto&#58;a&#64;&#8203;b.c", "`www.x.y mailto:a@b.c`"},
		// At the start of a line or of a list's item.
		"- --":        {"- --", "&#45; --", "`- --`"},
		"---":         {"---", "&#45;--", "`---`"},
		"===":         {"===", "&#61;==", "`===`"},
		"+ a":         {"+ a", "&#43; a", "`+ a`"},
		":-:":         {":-:", "&#58;-:", "`:-:`"},
		"1. a":        {"1. a", "1&#46; a", "`1. a`"},
		"  23)":       {"  23)", "23&#41;", "<code>  23&#41;</code>"},
		"1.4.0 of it": {"1.4.0 of it", "1.4.0 of it", "`1.4.0 of it`"},
		"a - b":       {"a - b", "a - b", "`a - b`"},
		"größe 漢 🙂":   {"größe 漢 🙂", "größe 漢 🙂", "`größe 漢 🙂`"},
	} {
		if got := markdown.Clean(in); got != want.clean {
			t.Errorf("markdown.Clean(%q) = %q, want %q", in, got, want.clean)
		}
		if got := markdown.Text(in); got != want.prose {
			t.Errorf("markdown.Text(%q) = %q, want %q", in, got, want.prose)
		}
		if got := markdown.Code(in); got != want.code {
			t.Errorf("markdown.Code(%q) = %q, want %q", in, got, want.code)
		}
	}
}

func TestClip(t *testing.T) {
	for _, tc := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 10, "short"},
		{"0123456789", 10, "0123456789"},
		{"0123456789a", 10, "0123456789… (1 byte more)"},
		{"ääää", 3, "ä… (6 bytes more)"},
		{strings.Repeat("x", 60_010), 10, "xxxxxxxxxx… (60,000 bytes more)"},
	} {
		if got := markdown.Clip(tc.in, tc.n); got != tc.want {
			t.Errorf("markdown.Clip(%q, %d) = %q, want %q", markdown.Cut(tc.in, 20), tc.n, got, tc.want)
		}
	}
}

// TestReferences keeps what GitHub would take for a reference from being one.
func TestReferences(t *testing.T) {
	for in, want := range map[string]string{
		"closes GH-14": "closes GH-&#8203;14",
		"gh-1 Gh-2":    "gh-&#8203;1 Gh-&#8203;2",
		"GH-, GH-a":    "GH-, GH-a",
	} {
		if got := markdown.Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}
