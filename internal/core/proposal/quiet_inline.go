package proposal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// inline writes what stands in the lines of a block; newline is what a line break in it becomes.
func (q *quieter) inline(n ast.Node, newline string) string {
	w := &inlines{quieter: q, newline: newline}
	w.children(n, 0)
	w.flush()
	return strings.TrimSpace(w.out.String())
}

// inlines is the content of a block as it grows.
type inlines struct {
	*quieter
	newline string
	out     strings.Builder
	// run is text that was not written yet: text is escaped as a whole, for what looks like an address to GitHub may come in parts.
	run strings.Builder
	// linked tells that this is inside a link, where there can be no other.
	linked bool
}

func (w *inlines) children(n ast.Node, depth int) {
	for c := n.FirstChild(); c != nil && w.out.Len() < maxParagraph; c = c.NextSibling() {
		w.node(c, depth)
	}
}

func (w *inlines) node(n ast.Node, depth int) {
	switch n := n.(type) {
	case *ast.Text:
		w.run.WriteString(unescaped(n.Value(w.source)))
		switch {
		case n.HardLineBreak():
			w.pause()
		case n.SoftLineBreak():
			w.run.WriteByte(' ')
		}
	case *ast.String:
		w.run.WriteString(unescaped(n.Value))
	case *ast.CodeSpan:
		if code := strings.TrimSpace(markdown.OneLine(w.plain(n))); code != "" {
			w.raw(markdown.Code(markdown.Clip(code, maxCodeLine)))
		}
	case *ast.Emphasis:
		if n.Level == 2 {
			w.wrapped(n, depth, "**", "b")
		} else {
			w.wrapped(n, depth, "*", "i")
		}
	case *extast.Strikethrough:
		w.wrapped(n, depth, "~~", "del")
	case *ast.Link:
		w.link(string(n.Destination), w.plain(n))
	case *ast.AutoLink:
		if n.AutoLinkType == ast.AutoLinkEmail {
			w.run.WriteString(string(n.Label(w.source)))
			return
		}
		address := string(n.URL(w.source))
		w.link(address, label(address, string(n.Label(w.source))))
	case *ast.Image:
		// Whoever looks at the pull request would be counted where the image is. What it says is kept where it is all that a link has.
	case *ast.RawHTML:
		// Tags go, and what stands between them stays.
		if tag := string(n.Segments.Value(w.source)); len(tag) < 10 && strings.HasPrefix(strings.ToLower(tag), "<br") {
			w.pause()
		}
	case *extast.TaskCheckBox:
		// A real one would be counted as a task of the pull request.
		w.run.WriteString(map[bool]string{true: "☑ ", false: "☐ "}[n.IsChecked])
	default:
		w.children(n, depth)
	}
}

// unescaped is text as a reader sees it: whatever was hidden from the eye must be seen by what escapes it again.
func unescaped(b []byte) string {
	return readable(string(util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(b)))))
}

// plain is all text below a node.
func (q *quieter) plain(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || b.Len() > maxParagraph {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			if p := n.Parent(); p != nil && p.Kind() == ast.KindCodeSpan {
				b.Write(n.Value(q.source))
			} else {
				b.WriteString(unescaped(n.Value(q.source)))
			}
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.WriteString(unescaped(n.Value))
		case *ast.AutoLink:
			b.Write(n.Label(q.source))
		}
		if n.Type() == ast.TypeBlock {
			b.WriteByte(' ')
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// pause breaks the line.
func (w *inlines) pause() {
	w.flush()
	if w.newline == " " {
		w.run.WriteByte(' ')
	} else if s := strings.TrimRight(w.out.String(), " "); s != "" && !strings.HasSuffix(s, w.newline) {
		w.out.WriteString(w.newline)
	}
}

// flush writes the text that has come together. Spaces around it are kept, one each, but for those at the beginning of a line.
func (w *inlines) flush() {
	s := w.run.String()
	w.run.Reset()
	if s == "" {
		return
	}
	core := strings.TrimSpace(s)
	if first, _ := utf8.DecodeRuneInString(s); unicode.IsSpace(first) {
		w.space()
	}
	if core == "" {
		return
	}
	if w.linked {
		w.out.WriteString(w.escaped(core))
	} else {
		w.references(core)
	}
	if last, _ := utf8.DecodeLastRuneInString(s); unicode.IsSpace(last) {
		w.space()
	}
}

func (w *inlines) space() {
	if s := w.out.String(); s != "" && !strings.HasSuffix(s, " ") && !strings.HasSuffix(s, "\n") {
		w.out.WriteByte(' ')
	}
}

// raw writes Markdown of ours.
func (w *inlines) raw(s string) {
	w.flush()
	w.out.WriteString(s)
}

// wrapped writes emphasis: with signs where they certainly work, as a tag elsewhere.
func (w *inlines) wrapped(n ast.Node, depth int, sign, tag string) {
	if depth >= maxDepth {
		w.run.WriteString(w.plain(n))
		return
	}
	inner := &inlines{quieter: w.quieter, newline: w.newline, linked: w.linked}
	inner.children(n, depth+1)
	inner.flush()
	s := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(inner.out.String()), strings.TrimSpace(w.newline)))
	if s == "" {
		return
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	if wordy(first) && wordy(last) {
		w.raw(sign + s + sign)
	} else {
		w.raw("<" + tag + ">" + s + "</" + tag + ">")
	}
}

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
