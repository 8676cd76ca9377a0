package proposal

import (
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"golang.org/x/net/html"
)

var (
	// unread are elements whose text is for machines.
	unread = strings.Fields("script style template iframe noscript noembed noframes title textarea xmp plaintext")
	// within are elements that stand in a line.
	within = strings.Fields("a abbr b bdi bdo cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u var")
)

// html keeps the text of HTML, line by line, with the items of lists.
func (q *quieter) html(n *ast.HTMLBlock) (all []piece) {
	var source strings.Builder
	for i := range n.Lines().Len() {
		segment := n.Lines().At(i)
		source.Write(segment.Value(q.source))
	}
	if n.HasClosure() {
		source.Write(n.ClosureLine.Value(q.source))
	}
	line, item := strings.Builder{}, false
	end := func() {
		if s := q.escaped(readable(line.String())); s != "" && item {
			all = append(all, piece{"- " + s, len(all) > 0 && strings.HasPrefix(all[len(all)-1].text, "- ")})
		} else {
			all = append(all, paragraph(s)...)
		}
		line.Reset()
		item = false
	}
	skip := ""
	for z := html.NewTokenizer(strings.NewReader(source.String())); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			end()
			return all
		}
		name, _ := z.TagName()
		tag := string(name)
		switch {
		case kind == html.TextToken && skip == "":
			line.WriteString(z.Token().Data)
		case kind == html.EndTagToken && tag == skip:
			skip = ""
		case kind == html.StartTagToken && skip == "" && slices.Contains(unread, tag):
			skip = tag
		}
		if (kind == html.StartTagToken || kind == html.EndTagToken || kind == html.SelfClosingTagToken) && !slices.Contains(within, tag) {
			end()
			item = kind == html.StartTagToken && tag == "li"
		}
	}
}
