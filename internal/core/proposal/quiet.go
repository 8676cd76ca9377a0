package proposal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// Bounds of what is taken from one text from outside.
const (
	// maxSource is how many bytes of it are read, the beginning. A parser's time may grow with the square of it.
	maxSource = 16_000
	// maxDepth is how deep blocks, and how deep emphasis, may stand in each other; what is deeper becomes plain text.
	maxDepth = 6
	maxRows  = 40
	maxCells = 10
	maxCode  = 40
	// maxParagraph and maxCodeLine are in bytes.
	maxParagraph = 4000
	maxCodeLine  = 400
)

// parse reads Markdown as GitHub does. It holds no state of its own.
var parse = goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse

// piece is a block of Markdown that can stand alone, so that a text can be cut between any two.
type piece struct {
	text string
	// tight tells that it follows the one before without an empty line.
	tight bool
}

// quiet writes Markdown from outside anew, out of nothing but headings, lists, quotes, tables, code, emphasis and links. It reads as before, and mentions
// nobody, refers to no issue, loads no image, and holds no HTML, whatever is in it: all text goes through markdown.Text.
func quiet(source string, links linker) []piece {
	source = readable(beginning(source, maxSource))
	q := &quieter{source: []byte(source), linker: links, top: 7}
	root := parse(text.NewReader(q.source), parser.WithContext(parser.NewContext()))
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, is := n.(*ast.Heading); is {
			q.top = min(q.top, h.Level)
		}
	}
	return q.blocks(root, 0)
}

// beginning is the first part of a text, up to the end of a line where that is not far.
func beginning(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = markdown.Cut(s, most)
	if at := strings.LastIndexByte(s, '\n'); at > most/2 {
		s = s[:at]
	}
	return s
}

// readable is a text without characters that nobody sees.
func readable(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || unicode.In(r, unicode.Zl, unicode.Zp):
			return '\n'
		case unicode.Is(unicode.Zs, r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
}

type quieter struct {
	source []byte
	linker
	// top is the level of the largest heading.
	top int
}

func (q *quieter) blocks(parent ast.Node, depth int) (all []piece) {
	if depth > maxDepth {
		return paragraph(q.escaped(q.plain(parent)))
	}
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		all = append(all, q.block(n, depth)...)
	}
	return all
}

func (q *quieter) block(n ast.Node, depth int) []piece {
	switch n := n.(type) {
	case *ast.Heading:
		// Above them stand headings of ours, down to the third level.
		if line := q.inline(n, " "); line != "" {
			return paragraph(strings.Repeat("#", min(6, max(1, n.Level-q.top+1)+3)) + " " + line)
		}
	case *ast.Paragraph, *ast.TextBlock:
		return paragraph(q.inline(n, "\\\n"))
	case *ast.FencedCodeBlock:
		return q.code(n, language(string(n.Language(q.source))))
	case *ast.CodeBlock:
		return q.code(n, "")
	case *ast.HTMLBlock:
		return q.html(n)
	case *ast.Blockquote:
		if inside := join(q.blocks(n, depth+1)); inside != "" {
			return paragraph(indented(alert.ReplaceAllStringFunc(inside, alerted), "> ", "> "))
		}
	case *ast.List:
		return q.list(n, depth)
	case *extast.Table:
		return q.table(n)
	case *ast.ThematicBreak, *ast.LinkReferenceDefinition:
	default:
		return q.blocks(n, depth+1)
	}
	return nil
}

// alert begins a quote that GitHub would draw as a box, such as [!WARNING], after it was escaped.
var alert = regexp.MustCompile(`^&#91;!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)&#93;\s*`)

func alerted(s string) string {
	word := alert.FindStringSubmatch(s)[1]
	return "**" + word[:1] + strings.ToLower(word[1:]) + "**: "
}

func paragraph(s string) []piece {
	if s == "" {
		return nil
	}
	return []piece{{text: s}}
}

// join is pieces as one text.
func join(pieces []piece) string {
	var b strings.Builder
	for i, p := range pieces {
		b.WriteString(p.gap(i) + p.text)
	}
	return b.String()
}

func (p piece) gap(i int) string {
	switch {
	case i == 0:
		return ""
	case p.tight:
		return "\n"
	}
	return "\n\n"
}

// indented puts something in front of the first line and of the others. Empty lines stay empty where that is only space.
func indented(s, first, rest string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		switch {
		case i == 0:
			lines[i] = first + l
		case l != "" || strings.TrimSpace(rest) != "":
			lines[i] = strings.TrimRight(rest+l, " ")
		}
	}
	return strings.Join(lines, "\n")
}

func (q *quieter) list(n *ast.List, depth int) (items []piece) {
	number := min(max(n.Start, 1), 99_999)
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		blocks := q.blocks(item, depth+1)
		for i := range blocks {
			// What may follow a line of text at once, and is no part of it: a list with signs.
			blocks[i].tight = blocks[i].tight || n.IsTight && strings.HasPrefix(blocks[i].text, "- ")
		}
		mark := "- "
		if n.IsOrdered() {
			mark = fmt.Sprintf("%d. ", number)
			number++
		}
		if inside := join(blocks); inside != "" {
			items = append(items, piece{indented(inside, mark, strings.Repeat(" ", len(mark))), n.IsTight && len(items) > 0})
		}
	}
	return items
}

func (q *quieter) table(n *extast.Table) []piece {
	var rows []string
	left := 0
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for cell := row.FirstChild(); cell != nil && len(cells) < maxCells; cell = cell.NextSibling() {
			cells = append(cells, q.inline(cell, " "))
		}
		if len(rows) > maxRows {
			left++
			continue
		}
		rows = append(rows, "| "+strings.Join(cells, " | ")+" |")
		if len(rows) == 1 {
			rows = append(rows, "|"+strings.Repeat(" --- |", len(cells)))
		}
	}
	all := []piece{{text: strings.Join(rows, "\n")}}
	if left > 0 {
		all = append(all, piece{text: "… " + markdown.Count(left, "more row")})
	}
	return all
}

// code writes a block of code, or as many lines of it as a reader looks at.
func (q *quieter) code(n ast.Node, language string) []piece {
	var lines []string
	for i := range n.Lines().Len() {
		segment := n.Lines().At(i)
		l := strings.TrimRight(string(segment.Value(q.source)), "\n")
		lines = append(lines, markdown.Clip(markdown.Clean(strings.ReplaceAll(l, "\t", "    ")), maxCodeLine))
	}
	if left := len(lines) - maxCode; left > 0 {
		lines = append(lines[:maxCode], "… "+markdown.Count(left, "more line"))
	}
	return paragraph(strings.TrimRight(markdown.Fence(language, lines), "\n"))
}

// language is what a block of code is coloured as. GitHub draws pictures of some others.
func language(name string) string {
	known := strings.Fields("yaml yml json toml ini sh bash shell console go hcl terraform diff text dockerfile python makefile sql promql rego")
	if name = strings.ToLower(name); slices.Contains(known, name) {
		return name
	}
	return ""
}

// escaped is text that stays text.
func (q *quieter) escaped(s string) string {
	if len(s) > maxParagraph {
		s = markdown.Cut(s, maxParagraph) + "…"
	}
	return markdown.Text(s)
}
