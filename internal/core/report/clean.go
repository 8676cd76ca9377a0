package report

import (
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes everything visible that a reader could not see or that would act on a terminal or a page: control characters, line breaks,
// marks that turn the direction of writing, spaces that look like none. What comes out is one line of valid UTF-8.
func clean(s string) string {
	if strings.IndexFunc(s, odd) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case !odd(r):
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func odd(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// oneLine makes a sentence of a message of many lines.
func oneLine(s string) string { return clean(strings.Join(strings.Fields(s), " ")) }

// clip shortens a text to about n bytes and says how much is gone.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return cut(s, n) + fmt.Sprintf("… (%s more)", count(len(s)-len(cut(s, n)), "byte"))
}

// cut is the beginning of a text, at most n bytes, of whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// prose writes text from outside into Markdown so that it stays text: no link, mention, reference, tag, emphasis or table cell comes of it.
func prose(s string) string {
	s = oneLine(s)
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '@' || r == '#':
			// GitHub looks for mentions and references in the finished page, where an entity is no hindrance.
			entity(&b, r)
			b.WriteString("&#8203;")
		case strings.ContainsRune("<>&\"'`*_~|[]\\$^", r):
			entity(&b, r)
		case r == ':' && opensAddress(s[:i], s[i:]), r == '.' && endsIn(s[:i], "www"):
			// So that no address is found and made a link.
			entity(&b, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// opensAddress reports whether a colon between two texts could be that of an address.
func opensAddress(before, after string) bool {
	return strings.HasPrefix(after, ":/") || endsIn(before, "mailto") || endsIn(before, "xmpp")
}

func endsIn(s, end string) bool {
	return len(s) >= len(end) && strings.EqualFold(s[len(s)-len(end):], end)
}

// code writes a name into Markdown as code. Plain names stay readable in the source, others become a tag with entities, which no character in
// them can end: a code span could be cut by a table's columns.
func code(s string) string {
	s = clean(s)
	if s != "" && strings.Trim(s, " ") == s && !strings.ContainsAny(s, "`|\\") {
		return "`" + s + "`"
	}
	return "<code>" + entities(s) + "</code>"
}

// entities writes text for a place where Markdown and HTML are both read.
func entities(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" -/,=", r) {
			entity(&b, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func entity(b *strings.Builder, r rune) {
	b.WriteString("&#")
	b.WriteString(strconv.Itoa(int(r)))
	b.WriteByte(';')
}

// tag writes a name as code where only HTML is read.
func tag(s string) string { return "<code>" + html.EscapeString(clean(s)) + "</code>" }

// fence puts lines between fences that none of them can close.
func fence(language string, lines []string) string {
	longest := 2
	for _, l := range lines {
		for run := range strings.FieldsFuncSeq(l, func(r rune) bool { return r != '`' }) {
			longest = max(longest, len(run))
		}
	}
	mark := strings.Repeat("`", longest+1)
	return strings.Join(slices.Concat([]string{mark + language}, lines, []string{mark}), "\n") + "\n"
}
