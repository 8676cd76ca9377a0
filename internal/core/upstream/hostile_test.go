package upstream

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// TestFindGoesOn has files that nothing can be found in: each is told of, and the others are read all the same.
func TestFindGoesOn(t *testing.T) {
	const good = "image: quay.io/org/good:v1.0.0\n"
	for name, tc := range map[string]struct {
		file fstest.MapFile
		want []string
	}{
		"no YAML":       {fstest.MapFile{Data: []byte("image: [x\n")}, []string{`addons/a/bad.yaml:1: is not YAML: did not find expected ',' or ']'`}},
		"binary":        {fstest.MapFile{Data: []byte("image: \x01\x02\x00\xff")}, []string{"addons/a/bad.yaml:1:8: holds the control character U+0001: remove it"}},
		"UTF-16":        {fstest.MapFile{Data: []byte("\xff\xfei\x00m\x00image")}, []string{"addons/a/bad.yaml:1:1: is UTF-16: save it as UTF-8"}},
		"huge":          {fstest.MapFile{Data: make([]byte, catalog.MaxFile+1)}, []string{"addons/a/bad.yaml has 4194305 bytes, at most 4194304 are read: divide it"}},
		"a link":        {fstest.MapFile{Data: []byte("good.yaml"), Mode: fs.ModeSymlink | 0o777}, []string{"addons/a/bad.yaml is a symbolic link, which is not followed: what it leads to is not looked at"}},
		"a bomb":        {fstest.MapFile{Data: []byte("image: &a [x, x, x, x, x, x, x, x, x, x]\n" + bomb(8))}, []string{"addons/a/bad.yaml:5:36: aliases add more than 100000 values: write them out"}},
		"a circle":      {fstest.MapFile{Data: []byte("image: &a {image: *a}\n")}, []string{"addons/a/bad.yaml:1:19: the alias *a is inside the value it stands for: remove it"}},
		"a folder":      {fstest.MapFile{Mode: fs.ModeDir | 0o755}, nil},
		"empty":         {fstest.MapFile{Data: []byte("# image\n")}, nil},
		"a scalar":      {fstest.MapFile{Data: []byte("image")}, nil},
		"other things":  {fstest.MapFile{Data: []byte("image: {image: [{image: {}}]}\n")}, nil},
		"no such image": {fstest.MapFile{Data: []byte("image: {repository: Bad, tag: 1}\n")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{"addons/a/bad.yaml": &tc.file, "addons/a/good.yaml": {Data: []byte(good)}}
			pins, problems := Find(catalog.Addon{Name: "a", Path: "addons/a"}, tree)
			if len(pins) != 1 || pins[0].Source.Repository != "quay.io/org/good" || pins[0].Places[0].File != "addons/a/good.yaml" {
				t.Errorf("pins: %+v", pins)
			}
			if !slices.Equal(problems, tc.want) {
				t.Errorf("problems:\n%q\nwant\n%q", problems, tc.want)
			}
		})
	}
}

// bomb are lists of ten aliases each.
func bomb(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "%c: &%c [%s*%c]\n", 'b'+i, 'b'+i, strings.Repeat(fmt.Sprintf("*%c, ", 'a'+i), 9), 'a'+i)
	}
	return b.String()
}

func TestFindIsBounded(t *testing.T) {
	tree := fstest.MapFS{}
	for i := range maxFiles + 10 {
		tree[fmt.Sprintf("addons/a/%05d.yaml", i)] = &fstest.MapFile{Data: []byte("spec: {containers: [{image: \"x:latest\"}]}\n")}
	}
	pins, problems := Find(catalog.Addon{Name: "a", Path: "addons/a"}, tree)
	if len(pins) != 0 || len(problems) != maxProblems+1 || problems[maxProblems] != fmt.Sprintf("and %d more like these", maxFiles+1-maxProblems) {
		t.Errorf("%d pins, and %d problems, the last of them %q", len(pins), len(problems), problems[len(problems)-1])
	}
	if _, problems := Find(catalog.Addon{Name: "a", Path: "addons/b"}, tree); !slices.Equal(problems, []string{"the folder addons/b cannot be read: open addons/b: file does not exist"}) {
		t.Errorf("%q", problems)
	}
}

// TestFindStaysInside has a kustomization that leads in a circle, and out of the repository.
func TestFindStaysInside(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"outside/deployment.yaml":           "image: outside:1.0.0\n",
		"repo/addons/a/kustomization.yaml":  "resources: [../a, ../b, ../../../outside, ../../../outside/deployment.yaml, link/deployment.yaml, /outside]\npatches: [{path: ../../../outside/deployment.yaml}]\nhelmGlobals: {chartHome: ../../../outside}\nhelmCharts: [{name: ../x, repo: https://x.example.com, version: 1.0.0},\n  {name: y, repo: 'https://me:secret@y.example.com', version: 1.0.0}]\n",
		"repo/addons/b/kustomization.yaml":  "resources: [../a]\n",
		"repo/addons/c/Chart.yaml":          "name: c\nversion: 1.0.0\ndependencies: [{name: ../../../../outside, version: 1.0.0}]\n",
		"repo/addons/d/kustomization.yaml":  "- a\n",
		"repo/addons/e/kustomization.yaml":  "resources: {a: b}\nimages: [x, {name: [y]}, null]\nhelmCharts: [x, {name: {}}]\npatches: [null, {path: []}]\n",
		"repo/addons/f/Chart.yaml":          "dependencies: [null, x, {name: []}, {name: x, version: {}, repository: https://x.example.com}]\n",
		"repo/addons/f/Chart.lock":          "dependencies: [1, {name: x}]\n",
		"repo/addons/g/kustomization.yaml/": "",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil && text != "" {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../../outside", filepath.Join(dir, "repo/addons/a/link")); err != nil {
		t.Fatal(err)
	}
	tree := os.DirFS(filepath.Join(dir, "repo"))
	const link = "! addons/a/link is a symbolic link, which is not followed: what it leads to is not looked at\n"
	const secret = "! addons/a/kustomization.yaml:5: chart y: its repository \"https://***@y.example.com\" has a credential in it: keep that where Docker or netrc have theirs\n"
	const name = "! addons/a/kustomization.yaml:4: \"../x\" is not a chart's name\n"
	for addon, want := range map[string]string{
		"a": name + secret + link,
		"b": name + secret + link,
		"c": "! addons/c/Chart.yaml:3: \"../../../../outside\" is not a chart's name\n",
		"d": "", "e": "", "g": "",
		"f": "! addons/f/Chart.yaml:1: dependency x: it names no version: pin one\n",
	} {
		if got := shown(Find(catalog.Addon{Name: addon, Path: "addons/" + addon}, tree)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", addon, got, want)
		}
	}
}
