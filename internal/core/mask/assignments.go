package mask

import "strings"

// assignments hides the values that a text gives to names of secrets: password: x, PASSWORD=x, "password": "x", --password x,
// <password>x</password>, password "x". It reads YAML, JSON (also quoted in a string), INI, properties, shell and prose alike, in one pass.
//
// In prose, as errors are, a word after such a name is hidden too when it has both letters and digits: bad password hunter2.
func (m *Masker) assignments(s string, prose bool) string {
	var b strings.Builder
	end := 0
	for i := 0; i < len(s); i++ {
		var from, to int
		switch s[i] {
		case '<':
			if startsWithPlaceholder(s[i:]) {
				i += length - 1
			}
			continue
		case ':', '=':
			from, to = assigned(s, i, end)
		case '>':
			from, to = element(s, i, end)
		case ' ':
			if from, to = flag(s, i, end); from >= to && prose {
				from, to = said(s, i, end)
			}
		case '"', '\'', '`':
			from, to = quotedAfter(s, i, end)
		default:
			continue
		}
		if from >= to {
			continue
		}
		b.WriteString(s[end:from])
		b.WriteString(m.placeholder(s[from:to]))
		end, i = to, to-1
	}
	if end == 0 {
		return s
	}
	b.WriteString(s[end:])
	return b.String()
}

// name is what stands before an assignment.
type name struct {
	text  string
	start int
	// quoted is set for a name in quotation marks.
	quoted bool
}

// nameBefore reads the name that ends before i, and not before the limit.
func nameBefore(s string, i, limit int) name {
	for i > limit && (s[i-1] == ' ' || s[i-1] == '\t') {
		i--
	}
	quoted := false
	if i > limit && (s[i-1] == '"' || s[i-1] == '\'') {
		quoted = true
		for i--; i > limit && s[i-1] == '\\'; {
			i--
		}
	}
	start := i
	for start > limit && i-start < maxKey && inName(s[start-1]) {
		start--
	}
	return name{s[start:i], start, quoted}
}

func inName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// assigned finds the value after the colon or equals sign at i.
func assigned(s string, i, limit int) (from, to int) {
	n := nameBefore(s, i, limit)
	c := classify(n.text)
	if c == plain {
		return 0, 0
	}
	from = i + 1
	if from < len(s) && (s[from] == '=' || s[from] == '>') {
		from++ // := and =>
	}
	from = skipBlanks(s, from)
	if inner, last, ok := quoted(s, from); ok {
		if c.hides(s[inner:last]) {
			return inner, last
		}
		return 0, 0
	}
	whole := !n.quoted && !strings.HasPrefix(n.text, "--") && startsLine(s, n.start)
	if whole {
		if to, ok := block(s, n.start, from); ok {
			return from, to
		}
		to = lineEnd(s, from)
	} else {
		to = from
		for to < len(s) && !strings.ContainsRune(" \t\r\n,;&}])\"'", rune(s[to])) {
			to++
		}
	}
	to = from + len(strings.TrimRight(s[from:to], " \t\r"))
	if c.hides(s[from:to]) {
		return from, to
	}
	return 0, 0
}

// block finds the end of a YAML block scalar whose header is at from: the lines below that are indented deeper than its key.
func block(s string, key, from int) (to int, ok bool) {
	end := lineEnd(s, from)
	header := strings.TrimRight(s[from:end], " \t\r")
	if header == "" || (header[0] != '|' && header[0] != '>') || strings.Trim(header[1:], "+-0123456789") != "" {
		return 0, false
	}
	indent := key - (strings.LastIndexByte(s[:key], '\n') + 1)
	for end < len(s) {
		next := lineEnd(s, end+1)
		line := s[end+1 : next]
		if text := strings.TrimLeft(line, " "); strings.TrimSpace(text) != "" && len(line)-len(text) <= indent {
			break
		}
		end = next
	}
	return end, true
}

const maxIndent = 512

// startsLine reports whether a name is the first thing on its line, but for what may stand before one: list dashes, comment signs, export.
func startsLine(s string, start int) bool {
	// What is indented deeper than this is far into a long line.
	near := s[max(0, start-maxIndent):start]
	line := strings.LastIndexByte(near, '\n')
	if line < 0 && len(near) == maxIndent {
		return false
	}
	before := strings.TrimLeft(near[line+1:], " \t-#;/!'\"")
	return before == "" || before == "export " || before == "set "
}

// quoted finds a value in quotation marks, which may be those of a string within a string: \"x\".
func quoted(s string, i int) (from, to int, ok bool) {
	from = i
	for from < len(s) && s[from] == '\\' {
		from++
	}
	if from >= len(s) || (s[from] != '"' && s[from] != '\'' && s[from] != '`') {
		return 0, 0, false
	}
	mark := s[i : from+1]
	from++
	for to = from; to < len(s); {
		at := strings.Index(s[to:], mark)
		if at < 0 {
			break
		}
		to += at
		if mark == "'" && strings.HasPrefix(s[to:], "''") {
			to += 2 // YAML's way to write one
			continue
		}
		escaped := to > from && s[to-1] == '\\'
		if escaped && mark == `"` {
			// An even number of backslashes are backslashes.
			n := to
			for n > from && s[n-1] == '\\' {
				n--
			}
			escaped = (to-n)%2 == 1
		}
		if !escaped {
			return from, to, true
		}
		to += len(mark)
	}
	// Never closed: what is left of the text.
	return from, len(s), true
}

// element finds the text of an XML element whose start tag ends at i.
func element(s string, i, limit int) (from, to int) {
	n := nameBefore(s, i, limit)
	if n.start == limit || s[n.start-1] != '<' || n.start+len(n.text) != i {
		return 0, 0
	}
	to = len(s)
	if at := strings.IndexByte(s[i+1:], '<'); at >= 0 {
		to = i + 1 + at
	}
	if classify(n.text).hides(s[i+1 : to]) {
		return i + 1, to
	}
	return 0, 0
}

// flag finds the value after the name of a flag that ends at i.
func flag(s string, i, limit int) (from, to int) {
	if i == 0 || !inName(s[i-1]) {
		return 0, 0
	}
	n := nameBefore(s, i, limit)
	if !strings.HasPrefix(n.text, "--") || classify(n.text) == plain {
		return 0, 0
	}
	from = skipBlanks(s, i)
	if from < len(s) && s[from] == '-' {
		return 0, 0
	}
	if inner, last, ok := quoted(s, from); ok {
		from, to = inner, last
	} else {
		for to = from; to < len(s) && !strings.ContainsRune(" \t\r\n;&|", rune(s[to])); {
			to++
		}
	}
	if classify(n.text).hides(s[from:to]) {
		return from, to
	}
	return 0, 0
}

// quotedAfter finds a value in quotation marks at i that follows a name and a blank, as in prose: password "x".
func quotedAfter(s string, i, limit int) (from, to int) {
	if i < 2 || i-1 <= limit || s[i-1] != ' ' || !inName(s[i-2]) {
		return 0, 0
	}
	if classify(nameBefore(s, i-1, limit).text) != secret {
		return 0, 0
	}
	from, to, ok := quoted(s, i)
	if !ok || !secret.hides(s[from:to]) {
		return 0, 0
	}
	return from, to
}

// said finds the word after the name of a secret that ends at i: password hunter2, token is abc123.
func said(s string, i, limit int) (from, to int) {
	if i == 0 || !inName(s[i-1]) || classify(nameBefore(s, i, limit).text) != secret {
		return 0, 0
	}
	from = i + 1
	for _, verb := range []string{"is ", "was ", "of ", "to "} {
		if strings.HasPrefix(s[from:], verb) {
			from += len(verb)
			break
		}
	}
	for to = from; to < len(s) && !strings.ContainsRune(" \t\r\n\"'`,;()", rune(s[to])); {
		to++
	}
	word := strings.TrimRight(s[from:to], ".:")
	if len(word) < 6 || !strings.ContainsAny(word, "0123456789") || strings.Trim(word, "0123456789.-:/") == "" || !secret.hides(word) {
		return 0, 0
	}
	return from, from + len(word)
}

func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

func lineEnd(s string, i int) int {
	if i >= len(s) {
		return len(s)
	}
	if at := strings.IndexByte(s[i:], '\n'); at >= 0 {
		return i + at
	}
	return len(s)
}
