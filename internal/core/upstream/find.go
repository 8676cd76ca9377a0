package upstream

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/inplace"
)

// What one addon may cost: files that are read, their bytes together, and sentences about what is wrong.
const (
	maxFiles    = 2_000
	maxBytes    = catalog.MaxFolderBytes
	maxProblems = 30
)

// Find tells what an addon's files pin. What the catalog names as upstream counts alone where it is set; without it, everything that the files name.
// Tree is the whole repository. Problems are sentences about what cannot be followed, and why; the rest is found all the same.
func Find(a catalog.Addon, tree fs.FS) (pins []Pin, problems []string) {
	f := &finder{addon: a, tree: tree, read: map[string]*document{}, overridden: map[string]bool{}, renamed: map[string]string{}}
	entries, err := fs.ReadDir(tree, a.Path)
	if err != nil {
		return nil, []string{fmt.Sprintf("the folder %s cannot be read: %v", a.Path, err)}
	}
	switch catalog.Detect(entries) {
	case catalog.Helm:
		f.chart(a.Path)
	case catalog.Kustomize:
		f.kustomization(a.Path)
	default:
		f.plain(a.Path, entries)
	}
	for _, name := range f.manifests {
		f.images(name)
	}
	return f.choose()
}

// finder reads the files of one addon.
type finder struct {
	addon catalog.Addon
	tree  fs.FS
	// read are the files by path, nil for those that cannot be read.
	read  map[string]*document
	bytes int64
	// manifests are the files in which images are looked for, once it is known which of them a kustomization overrides.
	manifests []string
	// overridden are the images whose version a kustomization says, renamed those that it takes from elsewhere.
	overridden map[string]bool
	renamed    map[string]string

	found    []Pin
	problems []problem
}

// problem is a sentence about a source, or about a file when there is none.
type problem struct {
	source Source
	text   string
}

func (f *finder) refuse(about Source, format string, args ...any) {
	f.problems = append(f.problems, problem{about, fmt.Sprintf(format, args...)})
}

// document is a YAML file, and what anchors stand for in it.
type document struct {
	*inplace.File
	name    string
	anchors map[*yaml.Node]*at
}

// at is the way to a value.
type at struct {
	above *at
	key   string
	index int
}

func (a *at) field() string {
	switch {
	case a == nil:
		return ""
	case a.key == "":
		return fmt.Sprintf("%s[%d]", a.above.field(), a.index)
	case strings.ContainsAny(a.key, ".[]\"' "):
		return fmt.Sprintf("%s[%q]", a.above.field(), a.key)
	}
	return strings.TrimPrefix(a.above.field()+"."+a.key, ".")
}

// inside tells whether a value is below one of some keys.
func (a *at) inside(keys ...string) bool {
	return a != nil && (a.key != "" && slices.Contains(keys, a.key) || a.above.inside(keys...))
}

// value is a value in a file.
type value struct {
	node *yaml.Node
	at   *at
	in   *document
}

// text is that of a scalar; of an alias, that of what it stands for.
func (v value) text() string {
	if v.node == nil || v.node.Kind != yaml.ScalarNode || v.node.ShortTag() == "!!null" {
		return ""
	}
	return v.node.Value
}

func (v value) place() Place { return Place{v.in.name, v.node.Line, v.at.field()} }

// child is what a map has for a key; a value without node where it has nothing.
func (v value) child(key string) value {
	for k, c := range v.fields() {
		if k == key {
			return c
		}
	}
	return value{}
}

// fields are what a map has.
func (v value) fields() func(yield func(string, value) bool) {
	return func(yield func(string, value) bool) {
		if v.node == nil || v.node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			key := v.node.Content[i].Value
			if !yield(key, v.in.value(v.node.Content[i+1], &at{above: v.at, key: key})) {
				return
			}
		}
	}
}

// items are what a list has.
func (v value) items() []value {
	if v.node == nil || v.node.Kind != yaml.SequenceNode {
		return nil
	}
	all := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		all[i] = v.in.value(n, &at{above: v.at, index: i})
	}
	return all
}

// value takes what an alias stands for, with the place of that.
func (d *document) value(n *yaml.Node, way *at) value {
	if n.Kind == yaml.AliasNode {
		if d.anchors == nil {
			d.anchors = map[*yaml.Node]*at{}
			for _, doc := range d.Docs {
				d.note(doc, nil)
			}
		}
		return value{n.Alias, d.anchors[n.Alias], d}
	}
	return value{n, way, d}
}

// note keeps where anchors are.
func (d *document) note(n *yaml.Node, way *at) {
	if n.Anchor != "" {
		d.anchors[n] = way
	}
	for i, c := range n.Content {
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 1:
			d.note(c, &at{above: way, key: n.Content[i-1].Value})
		case n.Kind == yaml.SequenceNode:
			d.note(c, &at{above: way, index: i})
		case n.Kind == yaml.DocumentNode:
			d.note(c, way)
		}
	}
}

// roots are the values of the documents.
func (d *document) roots() (all []value) {
	for _, doc := range d.Docs {
		if len(doc.Content) == 1 {
			all = append(all, value{doc.Content[0], nil, d})
		}
	}
	return all
}

// each visits the maps in a value with what they have, from above. Aliases are not followed: what they stand for is visited where it is.
func (v value) each(visit func(parent value, key string, c value)) {
	switch v.node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			key, n := v.node.Content[i].Value, v.node.Content[i+1]
			c := v.in.value(n, &at{above: v.at, key: key})
			visit(v, key, c)
			if n.Kind != yaml.AliasNode {
				c.each(visit)
			}
		}
	case yaml.SequenceNode:
		for i, n := range v.node.Content {
			if n.Kind != yaml.AliasNode {
				(value{n, &at{above: v.at, index: i}, v.in}).each(visit)
			}
		}
	}
}

// data reads a file whole. Ok is false when there is nothing to look at; why has been said, but for a file that is not there and need not be.
func (f *finder) data(name string) (data []byte, ok bool) {
	if link := f.link(name); link != "" {
		f.refuse(Source{}, "%s is a symbolic link, which is not followed: what it leads to is not looked at", link)
		return nil, false
	}
	info, err := fs.Lstat(f.tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false
	case err != nil:
		f.refuse(Source{}, "%s cannot be read: %v", name, err)
	case !info.Mode().IsRegular():
		return nil, false
	case info.Size() > catalog.MaxFile:
		f.refuse(Source{}, "%s has %d bytes, at most %d are read: divide it", name, info.Size(), catalog.MaxFile)
	case len(f.read) >= maxFiles:
		f.refuse(Source{}, "the addon has more than %d files: the rest is not looked at", maxFiles)
	case f.bytes+info.Size() > maxBytes:
		f.refuse(Source{}, "the addon's files have more than %d bytes together: %s is not looked at", maxBytes, name)
	default:
		f.bytes += info.Size()
		if data, err = fs.ReadFile(f.tree, name); err == nil {
			return data, true
		}
		f.refuse(Source{}, "%s cannot be read: %v", name, err)
	}
	return nil, false
}

// link is the symbolic link that a path goes through, if any. That the addon's own folder is none is seen to by catalog.Inspect.
func (f *finder) link(name string) string {
	start := 0
	if strings.HasPrefix(name, f.addon.Path+"/") {
		start = len(f.addon.Path) + 1
	}
	for i := start; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		if info, err := fs.Lstat(f.tree, name[:i]); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return name[:i]
		}
	}
	return ""
}

// open reads a YAML file, once; nil when there is nothing in it to look at.
func (f *finder) open(name string, holds ...string) *document {
	if d, known := f.read[name]; known {
		return d
	}
	data, ok := f.data(name)
	f.read[name] = nil
	// Most of an addon is other things than images. What is wrong with a file that says none is for others to tell.
	if !ok || len(holds) > 0 && !slices.ContainsFunc(holds, func(h string) bool { return strings.Contains(string(data), h) }) {
		return nil
	}
	file, err := inplace.Parse(name, data)
	if err != nil {
		f.refuse(Source{}, "%s", sentence(name, err))
		return nil
	}
	f.read[name] = &document{File: file, name: name}
	return f.read[name]
}

// sentence says what is wrong with a file, and where.
func sentence(name string, err error) string {
	if p := (fault.Problem{}); errors.As(err, &p) {
		return p.Where + ": " + p.Message
	}
	return name + ": " + err.Error()
}

// root is the first document of a file.
func (f *finder) root(name string) (value, bool) {
	if d := f.open(name); d != nil {
		if roots := d.roots(); len(roots) > 0 && roots[0].node.Kind == yaml.MappingNode {
			return roots[0], true
		}
	}
	return value{}, false
}

// exists tells whether there is a file, or a folder.
func (f *finder) exists(name string) bool {
	_, err := fs.Lstat(f.tree, name)
	return err == nil
}

// plain looks at a folder of manifests: only the files directly in it are delivered.
func (f *finder) plain(folder string, entries []fs.DirEntry) {
	for _, e := range entries {
		switch path.Ext(e.Name()) {
		case ".yaml", ".yml", ".json":
			f.manifests = append(f.manifests, path.Join(folder, e.Name()))
		}
	}
}

// add keeps a version with the place where it is written.
func (f *finder) add(p Pin) { f.found = append(f.found, p) }
