// Package markdown writes text from outside into Markdown, HTML and terminals so that it stays text there.
package markdown

import (
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes everything visible that a reader could not see or that would act on a terminal or a page: control characters, line breaks,
// marks that turn the direction of writing, spaces that look like none. What comes out is one line of valid UTF-8.
func Clean(s string) string {
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

// OneLine makes a sentence of a message of many lines.
func OneLine(s string) string { return Clean(strings.Join(strings.Fields(s), " ")) }

// Clip shortens a text to about n bytes and says how much is gone.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return Cut(s, n) + fmt.Sprintf("… (%s more)", Count(len(s)-len(Cut(s, n)), "byte"))
}

// Cut is the beginning of a text, at most n bytes, of whole characters.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Text writes text from outside into Markdown so that it stays text: no link, mention, reference, tag, emphasis or table cell comes of it, and where
// it begins a line or a list's item no rule, heading or list either.
func Text(s string) string {
	s = OneLine(s)
	numbering := numbering(s)
	var b strings.Builder
	for i, r := range s {
		switch {
		case i == 0 && strings.ContainsRune("-+=:", r), i == numbering:
			entity(&b, r)
		case r == '@' || r == '#':
			// GitHub looks for mentions and references in the finished page, where an entity is no hindrance.
			entity(&b, r)
			b.WriteString("&#8203;")
		case r == '-' && endsIn(s[:i], "gh") && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			// The other form of a reference.
			b.WriteString("-&#8203;")
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

// numbering is where the sign behind a number is that would make a text an item of a numbered list; -1 where there is none.
func numbering(s string) int {
	at := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if at > 0 && at < len(s) && (s[at] == '.' || s[at] == ')') && (at+1 == len(s) || s[at+1] == ' ') {
		return at
	}
	return -1
}

// opensAddress reports whether a colon between two texts could be that of an address.
func opensAddress(before, after string) bool {
	return strings.HasPrefix(after, ":/") || endsIn(before, "mailto") || endsIn(before, "xmpp")
}

func endsIn(s, end string) bool {
	return len(s) >= len(end) && strings.EqualFold(s[len(s)-len(end):], end)
}

// Code writes a name into Markdown as code. Plain names stay readable in the source, others become a tag with entities, which no character in
// them can end: a code span could be cut by a table's columns.
func Code(s string) string {
	s = Clean(s)
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

// Tag writes a name as code where only HTML is read.
func Tag(s string) string { return "<code>" + html.EscapeString(Clean(s)) + "</code>" }

// Fence puts lines between fences that none of them can close.
func Fence(language string, lines []string) string {
	longest := 2
	for _, l := range lines {
		for run := range strings.FieldsFuncSeq(l, func(r rune) bool { return r != '`' }) {
			longest = max(longest, len(run))
		}
	}
	mark := strings.Repeat("`", longest+1)
	return strings.Join(slices.Concat([]string{mark + language}, lines, []string{mark}), "\n") + "\n"
}

// Count says how many of something there are: 1 risk, 2 risks.
func Count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	}
	return Number(n) + " " + noun + "s"
}

// Number writes a number with commas: 52,000.
func Number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
