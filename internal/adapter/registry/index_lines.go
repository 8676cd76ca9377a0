package registry

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// layout finds a chart's versions in an index that is laid out as Helm does, line by line:
//
//	entries:
//	  name:
//	  - digest: …
//	    version: 1.2.3
//
// The dash may stand deeper. What is not laid out like that is errLayout.
type layout struct {
	name string
	// number is in every version that is decoded.
	number []byte
	// entries is set from the key entries on, done from the next key.
	entries, done bool
	// deep is the indentation of names, dash that of the dashes before versions; -1 while none was seen.
	deep, dash int
	// inside is set among the chart's versions, known once it was found.
	inside, known bool
	// item are the lines of one version.
	item     []byte
	versions []entry
}

// lines finds the versions of a chart that may be the one asked for, and whether there is such a chart at all.
func lines(index []byte, name, version string) (versions []entry, known bool, err error) {
	l := layout{name: name, number: []byte(strings.TrimPrefix(version, "v")), deep: -1, dash: -1}
	for len(index) > 0 {
		var line []byte
		line, index, _ = bytes.Cut(index, []byte("\n"))
		if err := l.read(line); err != nil {
			return nil, false, err
		}
	}
	if err := l.flush(); err != nil {
		return nil, false, err
	}
	if !l.entries {
		return nil, false, errLayout
	}
	return slices.Clip(l.versions), l.known, nil
}

func (l *layout) read(line []byte) error {
	text := bytes.TrimLeft(line, " ")
	indent := len(line) - len(text)
	text = bytes.TrimRight(text, " \r")
	switch {
	case len(text) == 0 || text[0] == '#':
		if len(l.item) > 0 {
			l.keep(line)
		}
		return nil
	case text[0] == '\t':
		return errLayout
	case indent == 0 && (text[0] == '%' || bytes.HasPrefix(text, []byte("..."))):
		return errLayout
	case indent == 0 && bytes.HasPrefix(text, []byte("---")):
		if l.entries || len(text) > len("---") {
			return errLayout // Another document.
		}
		return nil
	case indent == 0 && text[0] != '-':
		return l.top(text)
	case !l.entries || l.done:
		return nil
	case l.deep < 0 || indent == l.deep && text[0] != '-':
		return l.chart(text, indent)
	case indent < l.deep:
		return errLayout
	case l.inside:
		return l.version(line, text, indent)
	}
	return nil
}

// top reads a key of the whole index.
func (l *layout) top(text []byte) error {
	if string(text) == "entries:" {
		if l.entries {
			return failf(ErrInvalid, "index.yaml has its entries twice")
		}
		l.entries = true
		return nil
	}
	if key, _, ok := bytes.Cut(text, []byte(":")); !ok || string(key) == "entries" || bytes.ContainsAny(key, `"'?{[*&!`) {
		return errLayout
	}
	l.done, l.inside = l.entries, false
	return l.flush()
}

// chart reads the name of a chart.
func (l *layout) chart(text []byte, indent int) error {
	if text[0] == '-' {
		return errLayout
	}
	l.deep, l.dash = indent, -1
	key, value, ok := bytes.Cut(text, []byte(":"))
	if value = bytes.TrimSpace(value); !ok || len(value) > 0 && string(value) != "[]" || bytes.ContainsAny(key[:min(1, len(key))], `?{[*&!|>@%`) {
		return errLayout
	}
	l.inside = strings.Trim(string(key), `"'`) == l.name
	if l.inside && l.known {
		return failf(ErrInvalid, "index.yaml has the chart twice: let its owner write it with helm repo index, or vendor the chart")
	}
	l.known = l.known || l.inside
	return l.flush()
}

// version reads a line of one of the chart's versions.
func (l *layout) version(line, text []byte, indent int) error {
	if l.dash < 0 {
		l.dash = indent
	}
	switch {
	case indent < l.dash, indent == l.dash && text[0] != '-':
		return errLayout
	case indent == l.dash:
		if err := l.flush(); err != nil {
			return err
		}
	}
	l.keep(line)
	return nil
}

func (l *layout) keep(line []byte) { l.item = append(append(l.item, line...), '\n') }

// flush decodes the version whose lines were kept, if it may be the one asked for.
func (l *layout) flush() error {
	item := l.item
	l.item = item[:0]
	if !bytes.Contains(item, l.number) {
		return nil
	}
	if len(item) > maxEntry {
		return failf(ErrTooLarge, "one version has more than %d KiB in index.yaml", maxEntry>>10)
	}
	var one []entry
	if err := yaml.Unmarshal(item, &one); err != nil {
		return errors.Join(errLayout, err)
	}
	l.versions = append(l.versions, one...)
	return nil
}
