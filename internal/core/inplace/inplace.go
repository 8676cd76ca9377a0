// Package inplace finds where single values are written in a YAML file, and writes others in their place: every other byte stays as it was.
package inplace

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// File is a YAML file, and where things are in it.
type File struct {
	// Docs are its documents.
	Docs []*yaml.Node

	name string
	data []byte
	// starts are where the lines start, as YAML counts them.
	starts []int
}

const bom = "\xef\xbb\xbf"

// Parse reads a file. It refuses what catalog.Documents refuses.
func Parse(name string, data []byte) (*File, error) {
	docs, err := catalog.Documents(name, data)
	if err != nil {
		return nil, err
	}
	f := &File{Docs: docs, name: name, data: data}
	first := 0
	if bytes.HasPrefix(data, []byte(bom)) {
		first = len(bom)
	}
	f.starts = []int{first}
	for i := first; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		i += size
		switch r {
		case '\r':
			if i < len(data) && data[i] == '\n' {
				continue
			}
		case '\n', '\u0085', '\u2028', '\u2029':
		default:
			continue
		}
		f.starts = append(f.starts, i)
	}
	return f, nil
}

// Raw is how a scalar is written, with its quotes, and where. Ok is false when that is no part of one line which says it as it is: a block, a
// text over several lines, one with escapes.
func (f *File) Raw(n *yaml.Node) (start int, raw string, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Value == "" || n.Line < 1 || n.Line > len(f.starts) {
		return 0, "", false
	}
	start = f.starts[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(f.data[start:])
		start += size
	}
	start = f.skip(start)
	raw = n.Value
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		raw = `"` + n.Value + `"`
	case n.Style&yaml.SingleQuotedStyle != 0:
		raw = "'" + n.Value + "'"
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 0, "", false
	}
	return start, raw, bytes.HasPrefix(f.data[start:], []byte(raw))
}

// skip passes over the anchor and the tag before a value.
func (f *File) skip(at int) int {
	for at < len(f.data) && (f.data[at] == '&' || f.data[at] == '!') {
		length := bytes.IndexAny(f.data[at:], " \t\r\n")
		if length < 0 {
			return at
		}
		at += length
		for at < len(f.data) && (f.data[at] == ' ' || f.data[at] == '\t') {
			at++
		}
	}
	return at
}

// Set gives the file with other values for some of its scalars, in the same quotes. What would be read as something else than text without
// quotes gets them. The result is read again: it is the same document but for these values, or there is an error.
func (f *File) Set(values map[*yaml.Node]string) ([]byte, error) {
	nodes := slices.SortedFunc(maps.Keys(values), func(a, b *yaml.Node) int {
		return 2*(a.Line-b.Line) + min(max(a.Column-b.Column, -1), 1)
	})
	var out bytes.Buffer
	end := 0
	for _, n := range nodes {
		start, raw, ok := f.Raw(n)
		if !ok || start < end {
			return nil, fmt.Errorf("%s:%d: %s is not written on one line as it is: write it so, without escapes", f.name, n.Line, clip(n.Value))
		}
		out.Write(f.data[end:start])
		out.WriteString(written(n, values[n]))
		end = start + len(raw)
	}
	out.Write(f.data[end:])
	if err := f.same(out.Bytes(), values); err != nil {
		return nil, fmt.Errorf("%s cannot be changed without changing what else it says: %w", f.name, err)
	}
	return out.Bytes(), nil
}

// written is a value in the quotes of the one before it.
func written(n *yaml.Node, value string) string {
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return `"` + value + `"`
	case n.Style&yaml.SingleQuotedStyle != 0:
		return "'" + value + "'"
	case n.Style&yaml.TaggedStyle == 0 && !text(value):
		return `"` + value + `"`
	}
	return value
}

// text tells whether a value without quotes is read as text, whatever the reader: 1.10 is a number, 2024-05-01 a date, and for readers of
// older YAML no is false.
func text(value string) bool {
	var n yaml.Node
	if yaml.Unmarshal([]byte("- "+value), &n) != nil || n.Kind != yaml.DocumentNode || n.Content[0].Kind != yaml.SequenceNode || len(n.Content[0].Content) != 1 {
		return false
	}
	switch strings.ToLower(value) {
	case "y", "n", "yes", "no", "on", "off":
		return false
	}
	item := n.Content[0].Content[0]
	return item.Kind == yaml.ScalarNode && item.ShortTag() == "!!str" && item.Value == value
}

// same compares the documents before and after.
func (f *File) same(data []byte, values map[*yaml.Node]string) error {
	docs, err := catalog.Documents(f.name, data)
	if err != nil {
		return err
	}
	if len(docs) != len(f.Docs) {
		return errors.New("it would have other documents")
	}
	for i := range docs {
		if err := equal(f.Docs[i], docs[i], values); err != nil {
			return err
		}
	}
	return nil
}

func equal(a, b *yaml.Node, values map[*yaml.Node]string) error {
	want, tag := a.Value, a.Tag
	if value, edited := values[a]; edited {
		want = value
		if a.Style&yaml.TaggedStyle == 0 {
			tag = "!!str"
		}
	}
	if a.Kind != b.Kind || b.Value != want || b.Tag != tag || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) || a.Line != b.Line ||
		a.HeadComment != b.HeadComment || a.LineComment != b.LineComment || a.FootComment != b.FootComment {
		return fmt.Errorf("line %d would say something else", a.Line)
	}
	for i := range a.Content {
		if err := equal(a.Content[i], b.Content[i], values); err != nil {
			return err
		}
	}
	return nil
}

func clip(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return fmt.Sprintf("%q", s)
}
