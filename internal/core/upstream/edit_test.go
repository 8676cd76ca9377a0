package upstream

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

var (
	digestA = "sha256:" + strings.Repeat("a", 64)
	digestB = "sha256:" + strings.Repeat("b", 64)
)

// TestEditKeepsBytes changes one version in files that are written in every way there is. § is where it is, and where the new one will be.
func TestEditKeepsBytes(t *testing.T) {
	for name, text := range map[string]string{
		"Windows":            "# a\r\nspec:\r\n  containers:\r\n  - image: a:§  # b\r\n    name: x\r\n",
		"a BOM":              "\xef\xbb\xbfimage: a:§\n",
		"no end":             "image: \"a:§\"",
		"flow over lines":    "{spec: {containers: [\n  {image: 'a:§',\n    name: ä}]}}\n",
		"an anchor":          "x: &x a:§\nspec: {containers: [{image: *x}, {image: *x}]}\n",
		"a merge":            "x: &x {image: a:§}\nspec: {containers: [{<<: *x, name: b}]}\n",
		"documents":          "---\n# one\n---\nimage: a:§\n...\n--- {image: a:§}\n",
		"odd keys":           "\"a.b/c\": {'x y': [{image: a:§}]}\n",
		"comments within":    "containers: # §\n\n\n-   # first\n    image:   a:§\n#   image: a:1.2.3\n",
		"blanks at the end":  "image: a:§   \n\n\n",
		"letters in between": "x: {ü: \"€\", y: 𝄞, image: a:§}\n",
		"tagged":             "image: !!str a:§\n",
	} {
		t.Run(name, func(t *testing.T) {
			write := func(version string) string {
				return strings.Replace(strings.ReplaceAll(text, ":§", ":"+version), "# §", "# 1.2.3", 1)
			}
			tree := fstest.MapFS{"a/a.yaml": {Data: []byte(write("1.2.3"))}}
			pins, problems := Find(catalog.Addon{Name: "a", Path: "a"}, tree)
			if len(pins) != 1 || len(problems) > 0 {
				t.Fatalf("%+v %q", pins, problems)
			}
			edited, err := Edit(tree, pins[0], "1.10.0", "")
			if err != nil {
				t.Fatal(err)
			}
			if got := string(edited["a/a.yaml"]); got != write("1.10.0") || len(edited) != 1 {
				t.Errorf("%q becomes\n%q, want\n%q", write("1.2.3"), got, write("1.10.0"))
			}
		})
	}
}

func TestEditDigests(t *testing.T) {
	text := "a: {image: 'x:1.0@" + digestA + "'}\nb: {image: {repository: x, tag: \"1.0\", digest: " + digestA + "}}\nc: {image: {repository: x, tag: \"1.0@" + digestA + "\"}}\n"
	tree := fstest.MapFS{"a/a.yaml": {Data: []byte(text)}}
	pins, problems := Find(catalog.Addon{Name: "a", Path: "a"}, tree)
	if len(pins) != 1 || len(problems) > 0 || pins[0].Digest != digestA {
		t.Fatalf("%+v %q", pins, problems)
	}
	for version, want := range map[string]string{
		"1.0":  strings.ReplaceAll(text, digestA, digestB),
		"1.10": strings.ReplaceAll(strings.ReplaceAll(text, digestA, digestB), "1.0", "1.10"),
	} {
		edited, err := Edit(tree, pins[0], version, digestB)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(edited["a/a.yaml"]); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", version, got, want)
		}
	}
}

func TestEditRefuses(t *testing.T) {
	tree := fstest.MapFS{
		"a.yaml":     {Data: []byte("image: x:1.0.0\nother:\n  tag: |-\n    1.0.0\n")},
		"pinned":     {Data: []byte("image: x:1.0.0@" + digestA + "\n")},
		"broken":     {Data: []byte("a: [\n")},
		"Chart.yaml": {Data: []byte("version: \"1\\x2e0.0\"\n")},
	}
	place := func(file string, line int, field string) Pin {
		return Pin{Source: Source{Kind: Image, Repository: "docker.io/library/x"}, Version: "1.0.0", Places: []Place{{file, line, field}}}
	}
	pinned := place("pinned", 1, "image")
	pinned.Digest = digestA
	for name, tc := range map[string]struct {
		pin             Pin
		version, digest string
		want            string
	}{
		"no version":          {place("a.yaml", 1, "image"), "", "", `"" is no version: want letters, digits and ._+~-`},
		"a hostile version":   {place("a.yaml", 1, "image"), "1.0\nx: y", "", `"1.0\nx: y" is no version: want letters, digits and ._+~-`},
		"another option":      {place("a.yaml", 1, "image"), "--x", "", `"--x" is no version: want letters, digits and ._+~-`},
		"without its digest":  {pinned, "1.1.0", "", "1.0.0 of docker.io/library/x is pinned with its digest, and that of 1.1.0 is not known"},
		"a hostile digest":    {pinned, "1.1.0", "sha256:x", `"sha256:x" is no digest: want sha256: and 64 hexadecimal digits`},
		"no such file":        {place("none.yaml", 1, "image"), "1.1.0", "", "open none.yaml: file does not exist"},
		"no YAML":             {place("broken", 1, "image"), "1.1.0", "", "broken:1: is not YAML: did not find expected node content"},
		"another line":        {place("a.yaml", 2, "image"), "1.1.0", "", "a.yaml:2: image is not there any more"},
		"another field":       {place("a.yaml", 1, "images"), "1.1.0", "", "a.yaml:1: images is not there any more"},
		"a block of text":     {place("a.yaml", 3, "other.tag"), "1.1.0", "", `a.yaml:3: "1.0.0" is not written on one line as it is: write it so, without escapes`},
		"escapes":             {place("Chart.yaml", 1, "version"), "1.1.0", "", `Chart.yaml:1: "1.0.0" is not written on one line as it is: write it so, without escapes`},
		"it changed meantime": {Pin{Source: Source{Kind: Image, Repository: "x"}, Version: "0.9.0", Places: []Place{{"a.yaml", 1, "image"}}}, "1.1.0", "", `a.yaml:1: image: it has "x:1.0.0", and not 0.9.0 any more`},
	} {
		t.Run(name, func(t *testing.T) {
			edited, err := Edit(tree, tc.pin, tc.version, tc.digest)
			if err == nil || err.Error() != tc.want || edited != nil {
				t.Errorf("%v\nwant %s\nedited %q", err, tc.want, slices.Sorted(maps.Keys(edited)))
			}
		})
	}
}

func TestRanged(t *testing.T) {
	for _, tc := range [][3]string{
		{"^1.2.0", "1.9.0", "^1.2.0"},
		{"^1.2.0", "2.1.3", "^2.1.3"},
		{"^1.2.0", "v2.1.3", "^2.1.3"},
		{"~1.2", "1.3.4", "~1.3"},
		{"~ 1.2.3", "1.3.4", "~ 1.3.4"},
		{"1", "2.0.1", "2"},
		{"1.2", "1.3.4", "1.3"},
		{"1.x", "2.3.4", "2.x"},
		{"1.2.*", "1.3.4", "1.3.*"},
		{"v1.2.X", "1.3.4", "v1.3.X"},
		{"1.2.3 - 1.4.0", "1.5.0", "1.5.0"},
		{">=1 <2", "2.0.0", "2.0.0"},
		{">=1", "2.0.0", ">=1"},
		{"*", "2.0.0", "*"},
		{"^1.2.0", "2.0.0-rc.1", "^2.0.0-rc.1"},
		{"1.x", "2.0.0-rc.1", "2.0.0-rc.1"},
		{"nonsense", "2.0.0", "2.0.0"},
		{"^1.2.0", "nonsense", "nonsense"},
	} {
		if got := ranged(tc[0], tc[1]); got != tc[2] {
			t.Errorf("ranged(%q, %q) = %q, want %q", tc[0], tc[1], got, tc[2])
		}
	}
}

// FuzzEdit takes everything that is found in anything to another version: only that is other afterwards.
func FuzzEdit(f *testing.F) {
	for _, s := range []string{
		"image: &a x:1.0.0 # y\r\nb: {image: *a}", "images: [{name: x, newTag: 1.0, digest: " + digestA + "}]\nresources: [\"https://github.com/o/r//x?ref=v1\"]",
		"dependencies:\n- {name: a, version: ^1.0, repository: oci://x/y}\nhelmCharts: [{name: a, repo: https://x, version: v1.0.0}]", "\xef\xbb\xbfimage: {repository: x, tag: '1', registry: y.z}",
	} {
		f.Add([]byte(s), "2.10")
	}
	f.Fuzz(func(t *testing.T, data []byte, version string) {
		for _, file := range []string{"a.yaml", "kustomization.yaml", "Chart.yaml"} {
			tree := fstest.MapFS{"a/" + file: {Data: data}, "a/values.yaml": {Data: data}}
			pins, _ := Find(catalog.Addon{Name: "a", Path: "a"}, tree)
			for _, p := range pins {
				edited, err := Edit(tree, p, version, digestB)
				if err != nil {
					if plain(version) {
						t.Fatalf("%q: %+v cannot be edited: %v", data, p, err)
					}
					continue
				}
				for name, after := range edited {
					if strings.Count(string(after), "\n") != strings.Count(string(data), "\n") {
						t.Fatalf("%s: %q became %q", name, data, after)
					}
				}
				back := p
				back.Version, back.Digest = version, digestB
				if p.Digest == "" {
					back.Digest = ""
				}
				again := fstest.MapFS{}
				maps.Copy(again, tree)
				for name, after := range edited {
					again[name] = &fstest.MapFile{Data: after}
				}
				if p.Range != "" || len(edited) == 0 {
					continue
				}
				if _, err := Edit(again, back, p.Version, digestA); err != nil {
					t.Fatalf("%q became %q, and not back again: %v", data, edited, err)
				}
			}
		}
	})
}
