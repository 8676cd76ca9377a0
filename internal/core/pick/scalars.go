package pick

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/inplace"
)

// scalar is a value in a file that says a version.
type scalar struct {
	// id names the place in the same way in every version of the file; group is the id of what it is decided with.
	id, group string
	// value is all of it, shown what people are told, raw how it is written, with its quotes, at this place of the file.
	value, shown, raw string
	line, start       int
	// about is what the version is of, such as an image's name: versions of different things cannot be compared. version is what is.
	about, version string
	follows        bool
}

// scalars are those of one file, by id.
type scalars struct {
	order []string
	by    map[string]*scalar
	// unclear tells that two have the same id.
	unclear bool

	file string
	in   *inplace.File
}

var errUnclear = errors.New("it cannot be said which value is which")

// scalarsOf finds the versions in a file.
func scalarsOf(file string, data []byte) (*scalars, error) {
	in, err := inplace.Parse(file, data)
	if err != nil {
		return nil, err
	}
	s := &scalars{by: map[string]*scalar{}, file: path.Base(file), in: in}
	for i, doc := range in.Docs {
		for doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
			doc = doc.Content[0]
		}
		s.walk(doc, identity(doc, i), nil)
	}
	if s.unclear {
		return nil, errUnclear
	}
	return s, nil
}

// identity names a document by its object, or its place.
func identity(doc *yaml.Node, i int) string {
	kind, name := text(doc, "kind"), text(child(doc, "metadata"), "name")
	if kind == "" || name == "" {
		return "#" + strconv.Itoa(i)
	}
	return fmt.Sprintf("%s/%s/%s", kind, text(child(doc, "metadata"), "namespace"), name)
}

// walk visits the maps and lists below a node. Keys are those on the way.
func (s *scalars) walk(n *yaml.Node, at string, keys []string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			below := at + "/" + strconv.Quote(key.Value)
			if value.Kind == yaml.ScalarNode {
				s.found(n, value, below, at, append(keys, key.Value))
			} else {
				s.walk(value, below, append(keys, key.Value))
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			// Items are known by their names; a list without them must have the same length everywhere.
			id := fmt.Sprintf("%d of %d", i, len(n.Content))
			if name := text(item, "name"); name != "" {
				id = strconv.Quote(name + " " + text(item, "alias") + text(item, "releaseName"))
			}
			below := at + "[" + id + "]"
			if item.Kind == yaml.ScalarNode {
				s.remote(item, at, keys)
			} else {
				s.walk(item, below, keys)
			}
		}
	}
}

// found keeps a scalar if its key says that it is a version.
func (s *scalars) found(parent, n *yaml.Node, id, group string, keys []string) {
	key := keys[len(keys)-1]
	v := scalar{id: id, group: id, version: n.Value}
	switch {
	case key == "image":
		s.image(n, v)
		return
	case key == "newTag", key == "tag":
		if text(parent, "digest") != "" {
			v.group = group
		}
		v.about = text(parent, "newName") + " " + text(parent, "repository")
	case key == "digest":
		if text(parent, "newTag") == "" && text(parent, "tag") == "" && !isLock(s.file) {
			return
		}
		v.group, v.follows = group, true
	case key == "generated" && isLock(s.file):
		v.follows = true
	case key == "version" && s.versioned(keys):
		v.about = text(parent, "repository") + " " + text(parent, "repo")
	case key == "appVersion" && s.file == "Chart.yaml", key == "app.kubernetes.io/version":
	default:
		return
	}
	s.keep(n, v)
}

// versioned tells whether the key `version` is that of a chart, or of one that it needs.
func (s *scalars) versioned(keys []string) bool {
	switch s.file {
	case "Chart.yaml", "Chart.lock", "requirements.yaml", "requirements.lock":
		return len(keys) == 1 && s.file == "Chart.yaml" || len(keys) == 2 && keys[0] == "dependencies"
	}
	return catalog.IsKustomization(s.file) && len(keys) == 2 && keys[0] == "helmCharts"
}

// image keeps an image's tag, with its digest when there is one.
func (s *scalars) image(n *yaml.Node, v scalar) {
	named, _, _ := strings.Cut(n.Value, "@")
	at := strings.LastIndexByte(named, ':')
	if at < 0 || strings.Contains(named[at:], "/") {
		return // Without a tag there is nothing to compare.
	}
	v.about, v.version = named[:at], named[at+1:]
	s.keep(n, v)
}

// remote keeps the ref of a remote base.
func (s *scalars) remote(n *yaml.Node, at string, keys []string) {
	if !catalog.IsKustomization(s.file) || len(keys) != 1 || keys[0] != "resources" && keys[0] != "bases" && keys[0] != "components" {
		return
	}
	address, query, asks := strings.Cut(n.Value, "?")
	if !asks {
		return
	}
	var rest []string
	ref := ""
	for part := range strings.SplitSeq(query, "&") {
		if value, is := strings.CutPrefix(part, "ref="); is && ref == "" {
			ref = value
		} else {
			rest = append(rest, part)
		}
	}
	if ref == "" {
		return
	}
	id := at + "/" + strconv.Quote(address)
	s.keep(n, scalar{id: id, group: id, about: strings.Join(rest, "&"), version: ref})
}

// keep keeps a scalar that is written on one line, without escapes.
func (s *scalars) keep(n *yaml.Node, v scalar) {
	if s.by[v.id] != nil {
		s.unclear = true
		return
	}
	// What an anchor names is also elsewhere, and what a tag says would not go along.
	start, raw, ok := s.in.Raw(n)
	if !ok || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return
	}
	v.value, v.shown, v.raw, v.line, v.start = n.Value, n.Value, raw, n.Line, start
	s.order, s.by[v.id] = append(s.order, v.id), &v
}

// child is a map's value for a key, nil when there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// text is a map's text for a key, empty when there is none.
func text(n *yaml.Node, key string) string {
	if v := child(n, key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}
