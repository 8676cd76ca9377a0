package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// Groups of Gatekeeper's APIs.
const (
	templateGroup   = "templates.gatekeeper.sh"
	constraintGroup = "constraints.gatekeeper.sh"
)

// document is one YAML document.
type document struct {
	file string
	line int
	node *yaml.Node
	head struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
	}
}

// at is an error about a document, or a line of it.
func (d *document) at(line int, format string, args ...any) fault {
	return fault{d.file, cmp.Or(line, d.line), fmt.Sprintf(format, args...)}
}

func (d *document) group() string {
	group, _, _ := strings.Cut(d.head.APIVersion, "/")
	return group
}

// fault is something wrong with the policies.
type fault struct {
	file    string
	line    int
	message string
}

func (f fault) String() string {
	if f.line == 0 {
		return f.file + ": " + f.message
	}
	return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.message)
}

// faults are everything that is wrong.
type faults []fault

// maxFaults bounds what is told at once.
const maxFaults = 20

// err is nil where nothing is wrong.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.message, b.message))
	})
	var lines []string
	for _, one := range f[:min(len(f), maxFaults)] {
		lines = append(lines, one.String())
	}
	if rest := len(f) - len(lines); rest > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", rest))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// documents reads the documents of files. What is empty, or of no kind and no policy, is left out.
func documents(files []policy.File) (all []*document, wrong faults) {
	for _, f := range files {
		d := yaml.NewDecoder(bytes.NewReader(f.Data))
		for {
			var n yaml.Node
			err := d.Decode(&n)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				wrong = append(wrong, fault{f.Name, 0, strings.TrimPrefix(err.Error(), "yaml: ")})
				break
			}
			if len(n.Content) > 0 {
				found, bad := read(f.Name, n.Content[0])
				all, wrong = append(all, found...), append(wrong, bad...)
			}
		}
	}
	return all, wrong
}

// read makes a document of a node, or several where it is a List, as kubectl applies it. What claims to be a policy must be readable: left out, it would
// check nothing, and nobody would know.
func read(file string, n *yaml.Node) (all []*document, wrong faults) {
	if n = meant(n); n.Kind != yaml.MappingNode {
		return nil, nil
	}
	doc := &document{file: file, line: n.Line, node: n}
	err := n.Decode(&doc.head)
	switch group, _, _ := strings.Cut(text(find(n, "apiVersion")), "/"); {
	case err == nil && doc.head.Kind == "List" && doc.head.APIVersion == "v1":
		for _, item := range items(find(n, "items")) {
			found, bad := read(file, item)
			all, wrong = append(all, found...), append(wrong, bad...)
		}
		return all, wrong
	case err == nil && doc.head.Kind != "":
		return []*document{doc}, nil
	case group != templateGroup && group != constraintGroup:
		return nil, nil
	case err != nil:
		return nil, faults{doc.at(0, "apiVersion, kind and metadata.name of a policy are texts, and one of them is something else")}
	default:
		return nil, faults{doc.at(0, "a policy of %s has no kind", group)}
	}
}

// find is the node that a path of keys leads to, nil when it leads nowhere.
func find(n *yaml.Node, keys ...string) *yaml.Node {
	n = meant(n)
	for _, k := range keys {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var next *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == k {
				next = n.Content[i+1]
			}
		}
		n = meant(next)
	}
	return n
}

// meant is a node, or what it is an alias of.
func meant(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// items are those of a list, none where there is no list.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// text is a string's value, empty where there is none.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		return ""
	}
	return n.Value
}

// lineOf is where a node is written, 0 where it is not.
func lineOf(n *yaml.Node) int {
	if n == nil {
		return 0
	}
	return n.Line
}
