package engine

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fast decodes the YAML that machines and most people write: block style, one line per plain or quoted scalar, literal blocks. It takes a
// fifth of the time that a whole YAML library takes, which matters for CustomResourceDefinitions. Whatever it is not sure of, mistakes among
// it, it leaves to the library: false. What it decodes is what the library would.
func fast(text []byte) (map[string]any, bool) {
	if !bytes.HasSuffix(text, []byte("\n")) || !tame(text) {
		return nil, false
	}
	p := blocks{lines: make([]line, 0, bytes.Count(text, []byte("\n"))+1)}
	whole := string(text)
	for raw := range strings.SplitSeq(whole, "\n") {
		trimmed := strings.TrimLeft(raw, " ")
		p.lines = append(p.lines, line{len(raw) - len(trimmed), strings.TrimRight(trimmed, " "), raw})
	}
	if p.skip(); p.at < len(p.lines) && p.lines[p.at].raw == "---" {
		p.at++
		p.skip()
	}
	if p.at == len(p.lines) || p.lines[p.at].indent != 0 {
		return nil, false
	}
	m, ok := p.mapping(0, 0)
	return m, ok && p.at == len(p.lines)
}

// tame refuses characters that YAML gives a meaning, or that Argo CD cannot read.
func tame(text []byte) bool {
	ascii := true
	for _, b := range text {
		if b < ' ' && b != '\n' || b == 0x7f {
			return false
		}
		ascii = ascii && b < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	for _, r := range string(text) {
		switch {
		case r == utf8.RuneError, r >= 0x80 && r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
			return false
		}
	}
	return true
}

// line is a line without the spaces around it; raw has them.
type line struct {
	indent    int
	text, raw string
}

type blocks struct {
	lines []line
	at    int
}

// deepest is where the library takes over; manifests have no need to be deeper.
const deepest = 200

// skip goes to the next line that says something.
func (p *blocks) skip() {
	for p.at < len(p.lines) && (p.lines[p.at].text == "" || p.lines[p.at].text[0] == '#') {
		p.at++
	}
}

// mapping reads the entries at an indent, of which the current line is the first.
func (p *blocks) mapping(indent, depth int) (map[string]any, bool) {
	if depth > deepest {
		return nil, false
	}
	m := map[string]any{}
	for p.at < len(p.lines) {
		l := p.lines[p.at]
		if l.indent != indent || isItem(l.text) {
			return m, l.indent < indent || l.indent == indent && isItem(l.text) && depth > 0
		}
		key, rest, ok := entryOf(l.text)
		if !ok || indent == 0 && (strings.HasPrefix(l.text, "---") || strings.HasPrefix(l.text, "...")) {
			return nil, false
		}
		p.at++
		if m[key], ok = p.value(rest, indent, depth, true); !ok {
			return nil, false
		}
	}
	return m, true
}

// sequence reads the items at an indent, of which the current line is the first.
func (p *blocks) sequence(indent, depth int) ([]any, bool) {
	if depth > deepest {
		return nil, false
	}
	list := []any{}
	for p.at < len(p.lines) {
		l := p.lines[p.at]
		if l.indent != indent || !isItem(l.text) {
			return list, l.indent <= indent
		}
		rest := strings.TrimLeft(l.text[1:], " ")
		var v any
		var ok bool
		if _, _, isEntry := entryOf(rest); isEntry {
			inner := indent + len(l.text) - len(rest)
			p.lines[p.at] = line{inner, rest, l.raw}
			v, ok = p.mapping(inner, depth+1)
		} else if isItem(rest) {
			return nil, false
		} else {
			p.at++
			v, ok = p.value(rest, indent, depth, false)
		}
		if !ok {
			return nil, false
		}
		list = append(list, v)
	}
	return list, true
}

func isItem(text string) bool { return text == "-" || strings.HasPrefix(text, "- ") }

// value reads what follows a key or a dash at an indent; the current line is the next one.
func (p *blocks) value(rest string, indent, depth int, keyed bool) (any, bool) {
	switch rest {
	case "":
		return p.nested(indent, depth, keyed)
	case "{}":
		return map[string]any{}, p.ends(indent)
	case "[]":
		return []any{}, p.ends(indent)
	case "|", "|-":
		return p.literal(indent, rest == "|")
	}
	switch c := rest[0]; c {
	case '"', '\'':
		if s, after, ok := quoted(rest); ok {
			return s, after == "" && p.ends(indent)
		}
		return p.quotedLines(rest, indent)
	case '{', '[':
		return p.flow(rest, indent)
	case '&', '*', '!', '|', '>', '%', '@', '`', ',', ']', '}', '#', '?', ':':
		return nil, false
	}
	return p.plain(rest, indent)
}

// nested is a value on lines of its own.
func (p *blocks) nested(indent, depth int, keyed bool) (any, bool) {
	p.skip()
	if p.at == len(p.lines) {
		return nil, true
	}
	l := p.lines[p.at]
	switch item := isItem(l.text); {
	case item && (l.indent > indent || keyed && l.indent == indent):
		return p.sequence(l.indent, depth+1)
	case l.indent <= indent:
		return nil, true
	}
	if _, _, ok := entryOf(p.lines[p.at].text); !ok {
		return nil, false
	}
	return p.mapping(l.indent, depth+1)
}

// ends says that a value does not go on: nothing deeper follows.
func (p *blocks) ends(indent int) bool {
	p.skip()
	return p.at == len(p.lines) || p.lines[p.at].indent <= indent
}

// literal reads a block of text.
func (p *blocks) literal(indent int, final bool) (any, bool) {
	if p.at == len(p.lines) || p.lines[p.at].text == "" || p.lines[p.at].indent <= indent {
		return nil, false
	}
	own := p.lines[p.at].indent
	var b strings.Builder
	empty := 0
	for ; p.at < len(p.lines); p.at++ {
		l := p.lines[p.at]
		if l.text == "" {
			if len(l.raw) > own {
				return nil, false
			}
			empty++
			continue
		}
		if l.indent < own {
			break
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		for ; empty > 0; empty-- {
			b.WriteByte('\n')
		}
		b.WriteString(l.raw[own:])
	}
	if final {
		b.WriteByte('\n')
	}
	return b.String(), p.ends(indent)
}

// plain reads a scalar without quotes, which may go on over deeper lines.
func (p *blocks) plain(first string, indent int) (any, bool) {
	if !isPlain(first) || isItem(first) {
		return nil, false
	}
	if p.at == len(p.lines) || p.lines[p.at].text != "" && p.lines[p.at].indent <= indent {
		return scalar(first)
	}
	start, empty := p.at, 0
	b := []byte(first)
	for ; p.at < len(p.lines); p.at++ {
		l := p.lines[p.at]
		if l.text == "" {
			empty++
			continue
		}
		if l.indent <= indent {
			break
		}
		if !isPlain(l.text) || l.text[0] == '#' {
			return nil, false
		}
		if empty == 0 {
			b = append(b, ' ')
		}
		for ; empty > 0; empty-- {
			b = append(b, '\n')
		}
		b = append(b, l.text...)
	}
	if p.skip(); p.at > start && len(b) > len(first) {
		return string(b), p.ends(indent) && !special(first)
	}
	v, ok := scalar(first)
	return v, ok && p.ends(indent)
}

func isPlain(text string) bool {
	return !strings.Contains(text, ": ") && !strings.Contains(text, " #") && text[len(text)-1] != ':'
}

// special tells scalars that may be something else than text.
func special(text string) bool {
	switch c := text[0]; {
	case c >= '0' && c <= '9', c == '+', c == '-', c == '.', c == '~', c == '<', c == '=':
		return true
	}
	if len(text) > 5 {
		return false
	}
	switch strings.ToLower(text) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return true
	}
	return false
}

// scalar is the value of a plain scalar on one line.
func scalar(text string) (any, bool) {
	switch {
	case !special(text), strings.Contains(text, " "), strings.HasPrefix(text, "--"):
		return text, true
	case text == "true":
		return true, true
	case text == "false":
		return false, true
	case text == "null":
		return nil, true
	}
	digits := strings.TrimPrefix(text, "-")
	if len(digits) > 0 && len(digits) < 18 && strings.Trim(digits, "0123456789") == "" && (digits[0] != '0' || text == "0") {
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	}
	v, err := decodeSlowly([]byte(text))
	switch v.(type) {
	case string, int64, float64:
		return v, err == nil
	}
	return nil, false
}

// longest is less than what YAML allows for a key on one line.
const longest = 512

// entryOf takes the key off a line that has one.
func entryOf(text string) (key, rest string, ok bool) {
	if text == "" {
		return "", "", false
	}
	if text[0] == '"' || text[0] == '\'' {
		if key, rest, ok = quoted(text); !ok || len(key) > longest {
			return "", "", false
		}
	} else {
		n := 0
		for n < len(text) && keyByte(text[n]) {
			n++
		}
		key, rest = text[:n], text[n:]
		if n == 0 || n > longest || !(text[0] >= 'a' && text[0] <= 'z' || text[0] >= 'A' && text[0] <= 'Z') || special(key) {
			return "", "", false
		}
	}
	switch {
	case rest == ":":
		return key, "", true
	case strings.HasPrefix(rest, ": "):
		return key, strings.TrimLeft(rest[2:], " "), true
	}
	return "", "", false
}

func keyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '/' || c == '$'
}
