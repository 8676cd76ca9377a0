package inplace

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// first finds the first scalar with a value.
func first(n *yaml.Node, value string) *yaml.Node {
	if n.Kind == yaml.ScalarNode && n.Value == value {
		return n
	}
	for _, c := range n.Content {
		if found := first(c, value); found != nil {
			return found
		}
	}
	return nil
}

func find(f *File, value string) *yaml.Node {
	for _, d := range f.Docs {
		if n := first(d, value); n != nil {
			return n
		}
	}
	return nil
}

// set changes one value; the error is what comes back in its place.
func set(t *testing.T, text, from, to string) string {
	t.Helper()
	f, err := Parse("a.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	n := find(f, from)
	if n == nil {
		t.Fatalf("there is no %q in %q", from, text)
	}
	out, err := f.Set(map[*yaml.Node]string{n: to})
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// TestSet has § where 1.2.3 is, and 2.0.0 is written.
func TestSet(t *testing.T) {
	for name, text := range map[string]string{
		"plain":                 "version: §\n",
		"a comment":             "# head\nversion:   §   # line \n# foot\n",
		"double quotes":         "version: \"§\"\n",
		"single quotes":         "version: '§' # '1.2.3'\n",
		"flow":                  "images: [{name: x, newTag: §}, {name: y, newTag: 1.2.4}]\n",
		"JSON":                  "{\n\t\"name\": \"x\",\n\t\"version\": \"§\"\n}",
		"CRLF":                  "a: b\r\nversion: §\r\nc: d\r\n",
		"CR":                    "a: b\rversion: §\rc: d\r",
		"other line ends":       "a: \"ä\u2028 b\"\nversion: §\n",
		"a BOM":                 "\xef\xbb\xbfversion: §\n",
		"a BOM, later":          "\xef\xbb\xbfa: b\nversion: §\n",
		"letters before it":     "{ä: ö€𝄞, version: §}\n",
		"an anchor":             "version: &v §\nappVersion: *v\n",
		"an anchor and a tag":   "version: &v !!str '§'\nappVersion: *v\n",
		"a tag":                 "version: !!str §\n",
		"several documents":     "---\nversion: 1.2.4\n...\n---\n# two\nversion: §\n---\n",
		"no end of line":        "version: §",
		"odd indentation":       "a:\n        b:\n         -   version: §\n",
		"on the line below":     "version:\n  §\n",
		"an entry of its own":   "- §\n- x\n",
		"the same on one line":  "{a: 1.2.30, b: §}",
		"trailing blanks":       "version: § \t \nx: 1\n\n\n",
		"a directive":           "%YAML 1.1\n---\nversion: §\n",
		"complex keys":          "? a\n: version: §\n",
		"after a block of text": "text: |\n  version: 1.2.3\n\nversion: §\n",
	} {
		t.Run(name, func(t *testing.T) {
			before := strings.ReplaceAll(text, "§", "1.2.3")
			if name == "after a block of text" {
				before = text[:strings.LastIndex(text, "§")] + "1.2.3\n"
			}
			if got, want := set(t, before, "1.2.3", "2.0.0"), strings.ReplaceAll(text, "§", "2.0.0"); got != want {
				t.Errorf("%q becomes\n%q, want\n%q", before, got, want)
			}
		})
	}
}

func TestSetQuotes(t *testing.T) {
	for _, tc := range []struct{ text, from, to, want string }{
		{"tag: v1.9 # x\n", "v1.9", "1.10", "tag: \"1.10\" # x\n"},
		{"tag: 1.9\n", "1.9", "1.10", "tag: \"1.10\"\n"},
		{"tag: \"1.9\"\n", "1.9", "1.10", "tag: \"1.10\"\n"},
		{"tag: '1.9'\n", "1.9", "1.10", "tag: '1.10'\n"},
		{"tag: 1.9\n", "1.9", "1.10.0", "tag: 1.10.0\n"},
		{"tag: x\n", "x", "20240501", "tag: \"20240501\"\n"},
		{"tag: x\n", "x", "2024-05-01", "tag: \"2024-05-01\"\n"},
		{"tag: x\n", "x", "1e5", "tag: \"1e5\"\n"},
		{"tag: x\n", "x", "0x1F", "tag: \"0x1F\"\n"},
		{"tag: x\n", "x", "no", "tag: \"no\"\n"},
		{"tag: x\n", "x", "~", "tag: \"~\"\n"},
		{"{tag: 1.9}\n", "1.9", "2", "{tag: \"2\"}\n"},
		{"tag: !!str 1.9\n", "1.9", "1.10", "tag: !!str 1.10\n"},
	} {
		if got := set(t, tc.text, tc.from, tc.to); got != tc.want {
			t.Errorf("%q becomes %q, want %q", tc.text, got, tc.want)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	const lines = " is not written on one line as it is: write it so, without escapes"
	for _, tc := range []struct{ text, from, to, want string }{
		{"a: 1\nversion: |-\n  1.2.3\n", "1.2.3", "2", `a.yaml:2: "1.2.3"` + lines},
		{"version: >-\n  1.2.3\n", "1.2.3", "2", `a.yaml:1: "1.2.3"` + lines},
		{"version: \"1\\x2e2\"\n", "1.2", "2", `a.yaml:1: "1.2"` + lines},
		{"version: 1.2\n  beta\n", "1.2 beta", "2", `a.yaml:1: "1.2 beta"` + lines},
		{"version: x\n", "x", "a: b", "version: \"a: b\"\n"},
		{"version: \"x\"\n", "x", "a\" #", "a.yaml cannot be changed without changing what else it says: line 1 would say something else"},
		{"version: 'x'\n", "x", "'", "a.yaml cannot be changed without changing what else it says: a.yaml:2: is not YAML: found unexpected end of stream"},
		{"version: !!int 5\n", "5", "x\ny: 1", "a.yaml cannot be changed without changing what else it says: line 1 would say something else"},
	} {
		if got := set(t, tc.text, tc.from, tc.to); got != tc.want {
			t.Errorf("%q:\ngot  %s\nwant %s", tc.text, got, tc.want)
		}
	}
}

// FuzzSet gives each scalar of anything another value: that is refused, or the file says what it said, but for this.
func FuzzSet(f *testing.F) {
	for _, s := range []string{"version: 1.2.3 # x\r\n", "{a: [&x '1', *x], \"b\": !!str 2}", "\xef\xbb\xbf- a\n-  b\n--- \n? c\n: |\n d", "a: \u2028b\n\u0085c: d"} {
		f.Add([]byte(s), "1.10")
	}
	f.Fuzz(func(t *testing.T, data []byte, value string) {
		file, err := Parse("a.yaml", data)
		if err != nil {
			return
		}
		var try func(n *yaml.Node)
		try = func(n *yaml.Node) {
			for _, c := range n.Content {
				try(c)
			}
			start, raw, ok := file.Raw(n)
			out, err := file.Set(map[*yaml.Node]string{n: value})
			if err != nil {
				return
			}
			if !ok {
				t.Fatalf("%q was changed where it could not be found", data)
			}
			rest := len(data) - start - len(raw)
			if string(out[:start]) != string(data[:start]) || string(out[len(out)-rest:]) != string(data[start+len(raw):]) {
				t.Fatalf("%q became %q", data, out)
			}
			again, err := Parse("a.yaml", out)
			if err != nil || len(again.Docs) != len(file.Docs) {
				t.Fatalf("%q became %q: %v", data, out, err)
			}
		}
		for _, d := range file.Docs {
			try(d)
		}
	})
}
