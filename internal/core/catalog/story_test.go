package catalog

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

var update = flag.Bool("update", false, "rewrite want/ in testdata/*.txtar")

// wanted is the file of a story that holds the catalog as it must be read.
const wanted = "want/catalog.json"

// TestStories reads whole repositories and compares the whole catalog.
func TestStories(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, name := range stories {
		t.Run(filepath.Base(name), func(t *testing.T) {
			story, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var want []byte
			for i, f := range story.Files {
				if f.Name == wanted {
					want = f.Data
					story.Files = append(story.Files[:i], story.Files[i+1:]...)
					break
				}
			}
			tree, err := txtar.FS(story)
			if err != nil {
				t.Fatal(err)
			}
			c, problems := Validate(File, story.Files[0].Data, tree, Options{})
			if len(problems) > 0 {
				t.Fatalf("problems:\n%s", show(problems))
			}
			got := printed(t, c)
			if *update {
				story.Files = append(story.Files, txtar.File{Name: wanted, Data: got})
				if err := os.WriteFile(name, txtar.Format(story), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(got, want) {
				t.Errorf("catalog:\n%s\nwant (-update rewrites it):\n%s", got, want)
			}
		})
	}
}

// printed is the whole catalog for people. A range has no fields of its own to show.
func printed(t *testing.T, c Catalog) []byte {
	type addon struct {
		Addon
		Kubernetes string
	}
	shown := struct {
		Distribution string
		Minors       []version.Minor
		Addons       []addon
		Upgrades     *Upgrades `json:",omitempty"`
		Policies     *Policies `json:",omitempty"`
	}{c.Distribution, c.Minors, nil, c.Upgrades, c.Policies}
	for _, a := range c.Addons {
		shown.Addons = append(shown.Addons, addon{a, a.Kubernetes.String()})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(shown); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
