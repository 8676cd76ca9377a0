package engine

import "strings"

// quoted reads a quoted scalar without escapes at the beginning of text.
func quoted(text string) (s, after string, ok bool) {
	quote := text[0]
	end := strings.IndexByte(text[1:], quote) + 1
	if end == 0 {
		return "", "", false
	}
	s, after = text[1:end], text[end+1:]
	if quote == '"' && strings.IndexByte(s, '\\') >= 0 || quote == '\'' && strings.HasPrefix(after, "'") {
		return "", "", false
	}
	return s, after, true
}

// quotedLines reads a quoted scalar with escapes, or on several lines: the library does it, once it is clear where the scalar ends.
func (p *blocks) quotedLines(first string, indent int) (any, bool) {
	b := []byte(first)
	for from := 1; ; {
		end := closing(b, from)
		if end == len(b)-1 {
			break
		}
		if end >= 0 || p.at == len(p.lines) || p.lines[p.at].text != "" && p.lines[p.at].indent <= indent {
			return nil, false
		}
		from = len(b)
		b = append(append(b, '\n', ' '), p.lines[p.at].text...)
		p.at++
		if len(b) > 1 && b[from-1] == '\\' {
			return nil, false // it takes the line's end away, and where the next begins then matters
		}
	}
	v, err := decodeSlowly(b)
	s, ok := v.(string)
	return s, ok && err == nil && p.ends(indent)
}

// flow reads what is in braces or brackets on one line: the simple itself, the rest with the library.
func (p *blocks) flow(text string, indent int) (any, bool) {
	if v, rest, ok := inFlow(text, 0); ok && rest == "" {
		return v, p.ends(indent)
	}
	if strings.ContainsAny(text, "&*!") {
		return nil, false
	}
	v, err := decodeSlowly([]byte("in: " + text)) // alone, what follows it would be let pass
	m, ok := v.(map[string]any)
	return m["in"], ok && err == nil && len(m) == 1 && p.ends(indent)
}

// inFlow reads one value at the beginning of text.
func inFlow(text string, depth int) (v any, rest string, ok bool) {
	switch {
	case text == "" || depth > deepest:
		return nil, "", false
	case text[0] == '{':
		m := map[string]any{}
		rest, ok = members(text, '}', func(member string) (string, bool) {
			n := strings.Index(member, ": ")
			if n < 0 {
				return "", false
			}
			key, after, ok := entryOf(member[:n+1])
			if !ok || after != "" {
				return "", false
			}
			v, rest, ok := inFlow(strings.TrimLeft(member[n+2:], " "), depth+1)
			m[key] = v
			return rest, ok
		})
		return m, rest, ok
	case text[0] == '[':
		list := []any{}
		rest, ok = members(text, ']', func(member string) (string, bool) {
			v, rest, ok := inFlow(member, depth+1)
			list = append(list, v)
			return rest, ok
		})
		return list, rest, ok
	case text[0] == '"' || text[0] == '\'':
		return quoted(text)
	}
	n := 0
	for n < len(text) && (keyByte(text[n]) || text[n] == ' ' || text[n] == '=' || text[n] == '(' || text[n] == ')') {
		n++
	}
	plain := strings.TrimRight(text[:n], " ")
	if plain == "" || plain[0] == '-' || plain[0] == '=' {
		return nil, "", false
	}
	v, ok = scalar(plain)
	return v, text[n:], ok
}

// members reads what is between the first byte of text and its end, separated by commas.
func members(text string, end byte, member func(text string) (rest string, ok bool)) (rest string, ok bool) {
	rest = strings.TrimLeft(text[1:], " ")
	if rest != "" && rest[0] == end {
		return rest[1:], true
	}
	for {
		if rest, ok = member(rest); !ok {
			return "", false
		}
		rest = strings.TrimLeft(rest, " ")
		switch {
		case rest != "" && rest[0] == end:
			return rest[1:], true
		case !strings.HasPrefix(rest, ", "):
			return "", false
		}
		rest = strings.TrimLeft(rest[1:], " ")
	}
}

// closing is where the quote with which b begins ends, from an offset on; -1 when it does not.
func closing(b []byte, from int) int {
	for i := from; i < len(b); i++ {
		switch {
		case b[0] == '"' && b[i] == '\\':
			i++
		case b[i] == b[0] && b[0] == '\'' && i+1 < len(b) && b[i+1] == '\'':
			i++
		case b[i] == b[0]:
			return i
		}
	}
	return -1
}
