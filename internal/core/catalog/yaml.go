package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// place is a line and a column, both counted from 1; 0 is unknown.
type place struct{ line, column int }

func at(n *yaml.Node) place { return place{n.Line, n.Column} }

// in writes the place the way compilers do.
func (p place) in(file string) string {
	switch {
	case p.line == 0:
		return file
	case p.column == 0:
		return file + ":" + strconv.Itoa(p.line)
	}
	return file + ":" + strconv.Itoa(p.line) + ":" + strconv.Itoa(p.column)
}

// syntaxError is a file that is no YAML, and where.
type syntaxError struct {
	place
	text string
}

func (e *syntaxError) Error() string { return e.text }

// marks are the bytes of which each value, key and line of a YAML file has one at least.
const marks = ",:-?[{\n"

// documents parses the YAML documents of data, without expanding an alias. Callers bound the size of data first; the parser
// itself bounds nesting. A parsed value takes some hundred bytes, so their number is bounded before parsing: at most maxMarks.
func documents(data []byte, maxDocs, maxMarks int) (docs []*yaml.Node, err error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := encoding(data); err != nil {
		return nil, err
	}
	n := 0
	for i := range len(marks) {
		n += bytes.Count(data, []byte{marks[i]})
	}
	if n > maxMarks {
		return nil, &syntaxError{text: fmt.Sprintf("holds too much: %d lines and separators, at most %d are read", n, maxMarks)}
	}
	// The parser has panicked on malformed input before, and one release's file must never stop the others.
	defer func() {
		if r := recover(); r != nil {
			docs, err = nil, &syntaxError{text: fmt.Sprintf("is not YAML: the parser gave up: %v", r)}
		}
	}()
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		doc := &yaml.Node{}
		switch err := d.Decode(doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return docs, explain(err, data)
		}
		if docs = append(docs, doc); len(docs) > maxDocs {
			return docs, &syntaxError{at(doc), fmt.Sprintf("has more than %s: remove the line --- and what follows it", count(maxDocs, "YAML document"))}
		}
	}
}

// encoding refuses what is no UTF-8 text, at its place: the parser would guess UTF-16 and report no place at all.
func encoding(data []byte) error {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return &syntaxError{place{1, 1}, "is UTF-16: save it as UTF-8"}
	}
	p := place{1, 1}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			return &syntaxError{p, fmt.Sprintf("is not UTF-8: byte 0x%02x: save it as UTF-8", data[i])}
		case r == 0 && i < 4:
			return &syntaxError{place{1, 1}, "is UTF-16 or UTF-32, or not text at all: save it as UTF-8"}
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			return &syntaxError{p, fmt.Sprintf("holds the control character %U: remove it", r)}
		}
		i += size
		if r == '\n' || r == '\r' && (i == len(data) || data[i] != '\n') {
			p = place{p.line + 1, 1}
		} else {
			p.column++
		}
	}
	return nil
}

var parserError = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)$`)

// explain turns the parser's error into one with a place. A tab in the indentation is named first: the parser
// reports it as a stray character, often lines away.
func explain(err error, data []byte) error {
	if p, ok := tab(data); ok {
		return &syntaxError{p, "is not YAML: this line is indented with a tab: use spaces"}
	}
	m := parserError.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	if m == nil {
		return &syntaxError{text: "is not YAML: " + err.Error()}
	}
	line, _ := strconv.Atoi(m[1])
	return &syntaxError{place{max(line, 1), 0}, "is not YAML: " + m[2]}
}

func tab(data []byte) (place, bool) {
	line := 0
	for text := range bytes.Lines(data) {
		line++
		indent := len(text) - len(bytes.TrimLeft(text, " \t"))
		if i := bytes.IndexByte(text[:indent], '\t'); i >= 0 && len(bytes.TrimSpace(text)) > 0 {
			return place{line, i + 1}, true
		}
	}
	return place{}, false
}

// cost bounds what a reader that expands aliases would make of a document.
type cost struct {
	maxDepth, maxAliased int
	// sizes holds the values below each anchored node; -1 while it is being counted.
	sizes map[*yaml.Node]int
	added int
}

// check walks the document once, however often its aliases multiply it.
func (c *cost) check(n *yaml.Node) error {
	c.sizes = map[*yaml.Node]int{}
	_, err := c.count(n, 0)
	return err
}

func (c *cost) count(n *yaml.Node, depth int) (int, error) {
	if depth > c.maxDepth {
		return 0, &syntaxError{at(n), fmt.Sprintf("nests deeper than %d levels", c.maxDepth)}
	}
	if n.Kind == yaml.AliasNode {
		return c.alias(n, depth)
	}
	if n.Anchor != "" {
		c.sizes[n] = -1
	}
	size := 1
	for _, child := range n.Content {
		s, err := c.count(child, depth+1)
		if err != nil {
			return 0, err
		}
		size += s
	}
	if n.Anchor != "" {
		c.sizes[n] = size
	}
	return size, nil
}

func (c *cost) alias(n *yaml.Node, depth int) (int, error) {
	size, seen := c.sizes[n.Alias]
	switch {
	case !seen:
		// An anchor is always counted before its alias: the parser resolves names backwards only.
		return 0, &syntaxError{at(n), fmt.Sprintf("the alias *%s names no anchor above it", n.Value)}
	case size < 0:
		return 0, &syntaxError{at(n), fmt.Sprintf("the alias *%s is inside the value it stands for: remove it", n.Value)}
	}
	c.added += size
	if c.added > c.maxAliased {
		return 0, &syntaxError{at(n), fmt.Sprintf("aliases add more than %d values: write them out", c.maxAliased)}
	}
	return size, nil
}
