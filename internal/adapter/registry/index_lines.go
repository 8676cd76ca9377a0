package registry

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// layout finds the charts in an index that is laid out as Helm does, line by line:
//
//	entries:
//	  name:
//	  - digest: …
//	    version: 1.2.3
//
// The dash may stand deeper. What is not laid out like that is errLayout.
type layout struct {
	charts map[string]span
	// entries is set from the key entries on, done from the next key.
	entries, done bool
	// deep is the indentation of names, -1 while none was seen.
	deep int
	// name is that of the chart that is being read, from is where its versions begin.
	name string
	from int
}

func scanLines(text []byte) (map[string]span, error) {
	l := layout{charts: map[string]span{}, deep: -1, from: -1}
	for at := 0; at < len(text); {
		end := bytes.IndexByte(text[at:], '\n')
		next := at + end + 1
		if end < 0 {
			next = len(text)
		}
		if err := l.read(text[at:next], at, next); err != nil {
			return nil, err
		}
		at = next
	}
	l.end(len(text))
	if !l.entries {
		return nil, errLayout
	}
	return l.charts, nil
}

// split parts a line into its indentation, and the text without blanks around it.
func split(line []byte) (indent int, text []byte) {
	text = bytes.TrimLeft(line, " ")
	return len(line) - len(text), bytes.TrimRight(text, " \r\n")
}

func nothing(text []byte) bool { return len(text) == 0 || text[0] == '#' }

// read reads one line, which stands from at to next.
func (l *layout) read(line []byte, at, next int) error {
	indent, text := split(line)
	switch {
	case nothing(text):
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
		return l.top(text, at)
	case !l.entries || l.done:
		return nil
	case l.deep < 0 || indent == l.deep && text[0] != '-':
		return l.chart(text, indent, at, next)
	case indent < l.deep:
		return errLayout
	}
	return nil
}

// top reads a key of the whole index.
func (l *layout) top(text []byte, at int) error {
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
	l.end(at)
	l.done = l.entries
	return nil
}

// chart reads the name of a chart.
func (l *layout) chart(text []byte, indent, at, next int) error {
	if text[0] == '-' {
		return errLayout
	}
	l.end(at)
	l.deep = indent
	key, value, ok := bytes.Cut(text, []byte(":"))
	if value = bytes.TrimSpace(value); !ok || len(value) > 0 && string(value) != "[]" || bytes.ContainsAny(key[:min(1, len(key))], `?{[*&!|>@%`) {
		return errLayout
	}
	l.name, l.from = strings.Trim(string(key), `"'`), next
	return nil
}

// end ends the chart that was being read.
func (l *layout) end(at int) {
	if l.from < 0 {
		return
	}
	_, twice := l.charts[l.name]
	l.charts[l.name] = span{l.from, at, twice}
	l.from = -1
}

// readLines decodes those versions of a chart whose lines have number in them.
func readLines[E any](x *index, name, number string) (versions []E, known bool, err error) {
	at, known := x.charts[name]
	switch {
	case !known:
		return nil, false, nil
	case at.twice:
		return nil, false, failf(ErrInvalid, "index.yaml has the chart twice: let its owner write it with helm repo index, or vendor the chart")
	}
	dash, begin, rest := -1, 0, x.text[at.from:at.to]
	// flush decodes the version whose lines end here.
	flush := func(end int) error {
		item := rest[begin:end]
		begin = end
		if dash < 0 || !bytes.Contains(item, []byte(number)) {
			return nil
		}
		if len(item) > maxEntry {
			return failf(ErrTooLarge, "one version has more than %d KiB in index.yaml", maxEntry>>10)
		}
		var one []E
		if err := yaml.Unmarshal(item, &one); err != nil {
			return errors.Join(errLayout, err)
		}
		versions = append(versions, one...)
		return nil
	}
	for here := 0; here < len(rest); {
		next := len(rest)
		if end := bytes.IndexByte(rest[here:], '\n'); end >= 0 {
			next = here + end + 1
		}
		indent, text := split(rest[here:next])
		switch {
		case nothing(text):
		case dash < 0 && text[0] == '-':
			dash, begin = indent, here
		case indent < dash, indent <= dash && text[0] != '-', dash < 0:
			return nil, false, errLayout
		case indent == dash:
			if err := flush(here); err != nil {
				return nil, false, err
			}
		}
		here = next
	}
	return versions, true, flush(len(rest))
}
