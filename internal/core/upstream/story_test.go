package upstream

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

var update = flag.Bool("update", false, "rewrite want in testdata/*.txtar")

// TestStories finds what the addons of whole repositories pin, and writes another version wherever one was found.
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
			want := ""
			if last := len(story.Files) - 1; story.Files[last].Name == "want" {
				want, story.Files = string(story.Files[last].Data), story.Files[:last]
			}
			tree, err := txtar.FS(story)
			if err != nil {
				t.Fatal(err)
			}
			c, err := catalog.Decode(catalog.File, story.Files[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, a := range c.Addons {
				fmt.Fprintf(&b, "# %s\n%s", a.Name, shown(Find(a, tree)))
				pins, _ := Find(a, tree)
				b.WriteString(edits(t, a, pins, tree))
			}
			if *update {
				story.Files = append(story.Files, txtar.File{Name: "want", Data: []byte(b.String())})
				if err := os.WriteFile(name, txtar.Format(story), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if b.String() != want {
				t.Errorf("got (-update rewrites it):\n%s\nwant:\n%s", b.String(), want)
			}
		})
	}
}

// shown writes what was found, line by line.
func shown(pins []Pin, problems []string) string {
	var b strings.Builder
	for _, p := range pins {
		fmt.Fprintf(&b, "%s %s", p.Source.Kind, p.Source.Repository)
		for _, part := range [][2]string{{" ", p.Source.Name}, {" ", p.Version}, {" @", p.Digest}, {" range ", p.Range}, {" lock ", p.Lock}, {" vendored ", p.Vendored}} {
			if part[1] != "" {
				b.WriteString(part[0] + part[1])
			}
		}
		if p.App {
			b.WriteString(" app")
		}
		b.WriteByte('\n')
		for _, place := range p.Places {
			fmt.Fprintf(&b, "  %s %s\n", place, place.Field)
		}
	}
	for _, p := range problems {
		b.WriteString("! " + p + "\n")
	}
	return b.String()
}

// next is a version after all others, written as the one before.
func next(version string) string {
	p, _ := parse(version)
	prefix := ""
	if strings.Contains(version, "v") && p.variant == "" {
		prefix = "v"
	}
	if len(p.numbers) < 3 {
		return p.prefix + prefix + "9.10"
	}
	return p.prefix + prefix + "9.10.0"
}

// edits takes every pin to another version, and writes which lines are other ones. What is found afterwards is the same, but for the version.
func edits(t *testing.T, a catalog.Addon, pins []Pin, tree fs.FS) string {
	t.Helper()
	var b strings.Builder
	for _, p := range pins {
		to, digest := next(p.Version), ""
		if p.Digest != "" {
			digest = "sha256:" + strings.Repeat("b", 64)
		}
		edited, err := Edit(tree, p, to, digest)
		if err != nil {
			t.Errorf("%s: %s: %v", a.Name, p.Source.title(), err)
			continue
		}
		for _, file := range slices.Sorted(maps.Keys(edited)) {
			before, err := fs.ReadFile(tree, file)
			if err != nil {
				t.Fatal(err)
			}
			was, is := strings.Split(string(before), "\n"), strings.Split(string(edited[file]), "\n")
			if len(was) != len(is) {
				t.Fatalf("%s: %s has other lines", a.Name, file)
			}
			for i := range was {
				if was[i] != is[i] {
					fmt.Fprintf(&b, "> %s\n", strings.TrimSpace(is[i]))
				}
			}
		}
		after := a
		if data, is := edited[catalog.File]; is {
			c, err := catalog.Decode(catalog.File, data)
			if err != nil {
				t.Fatal(err)
			}
			after = c.Addons[slices.IndexFunc(c.Addons, func(other catalog.Addon) bool { return other.Name == a.Name })]
		}
		again, problems := Find(after, over{tree, edited})
		if !slices.ContainsFunc(again, func(g Pin) bool {
			// A copy is renewed by others, and so is a lock.
			return g.Source == p.Source && (g.Version == to && g.Digest == digest || p.Range != "" || len(p.Places) == 0) && slices.Equal(g.Places, p.Places)
		}) && !strings.Contains(strings.Join(problems, "\n"), "is in two versions") {
			t.Errorf("%s: %s %s is not there after the edit:\n%s", a.Name, p.Source.title(), to, shown(again, problems))
		}
	}
	return b.String()
}

// over is a tree with other contents in some files.
type over struct {
	fs.FS
	files map[string][]byte
}

func (o over) ReadFile(name string) ([]byte, error) {
	if data, is := o.files[name]; is {
		return data, nil
	}
	return fs.ReadFile(o.FS, name)
}

func (o over) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(o.FS, name) }
func (o over) ReadLink(name string) (string, error)   { return fs.ReadLink(o.FS, name) }
