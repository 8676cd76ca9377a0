package catalog

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// WithMinor is a catalog's text that offers one more minor, after the last one: nothing else of it changes. File names it in errors.
func WithMinor(file string, data []byte, m version.Minor) ([]byte, error) {
	before, err := Decode(file, data)
	if err != nil {
		return nil, err
	}
	if slices.Contains(before.Minors, m) {
		return nil, fmt.Errorf("%s offers %s already", file, m)
	}
	at, text, err := afterLast(file, data, m)
	if err != nil {
		return nil, err
	}
	out := slices.Concat(data[:at], []byte(text), data[at:])
	after, err := Decode(file, out)
	if err != nil || !slices.Contains(after.Minors, m) || len(after.Minors) != len(before.Minors)+1 {
		return nil, fmt.Errorf("%s: kubernetes.minors is written in a way that %s cannot be added to: add it by hand", file, m)
	}
	return out, nil
}

// afterLast is where in the text a minor is added, and what.
func afterLast(file string, data []byte, m version.Minor) (at int, text string, err error) {
	docs, err := Documents(file, data)
	if err != nil {
		return 0, "", err
	}
	list := below(below(docs[0], "kubernetes"), "minors")
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return 0, "", fmt.Errorf("%s has no list kubernetes.minors: add it by hand, with %s", file, m)
	}
	last := list.Content[len(list.Content)-1]
	lines := bytes.SplitAfter(data, []byte("\n"))
	if last.Kind != yaml.ScalarNode || last.Line < 1 || last.Line > len(lines) {
		return 0, "", fmt.Errorf("%s: the last of kubernetes.minors is no plain value: add %s by hand", file, m)
	}
	start := len(bytes.Join(lines[:last.Line-1], nil))
	line := lines[last.Line-1]
	quote := `"`
	if last.Style == yaml.SingleQuotedStyle {
		quote = "'"
	}
	if list.Style&yaml.FlowStyle != 0 {
		end := last.Column - 1 + len(quote) + len(last.Value) + len(quote)
		if last.Style != yaml.DoubleQuotedStyle && last.Style != yaml.SingleQuotedStyle || end > len(line) {
			return 0, "", fmt.Errorf("%s: the last of kubernetes.minors is not quoted: add %s by hand", file, m)
		}
		return start + end, ", " + quote + m.String() + quote, nil
	}
	dash := bytes.IndexByte(line, '-')
	if dash < 0 {
		return 0, "", fmt.Errorf("%s: kubernetes.minors is written in a way that %s cannot be added to: add it by hand", file, m)
	}
	ending := "\n"
	if bytes.HasSuffix(line, []byte("\r\n")) {
		ending = "\r\n"
	}
	text = string(line[:dash]) + "- " + quote + m.String() + quote + ending
	if !bytes.HasSuffix(line, []byte("\n")) {
		text = ending + text
	}
	return start + len(line), text, nil
}

// below is the value of a key in a map, nil where there is none.
func below(n *yaml.Node, key string) *yaml.Node {
	for n != nil && n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
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
