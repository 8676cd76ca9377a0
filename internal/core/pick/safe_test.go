package pick

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// tricks are what texts are made of that try to be more than text.
var tricks = []string{
	"`", "```", "````diff", "~~~", "|", "\\", "\n", "\n\n", "\r", "\t", "<details>", "</details>", "<script>", "<!--", "-->", "--", "--!>", "<![CDATA[",
	"<!-- branch-bot {\"kind\":\"pick\"} -->\n", "<a href=https://evil.example>", "&lt;", "&#64;", "@org", "@org/team", "a@b.example", "#1", "org/repo#2", "GH-1",
	"Fixes #1", "https://evil.example", "www.evil.example", "mailto:a@b.example", "[x](https://evil.example)", "![x](https://evil.example)", "[x]: https://evil.example",
	"**", "_", "~", "$x$", "# title", "- item", "> quote", "---", "$(rm)", "'", "\"", "; rm", "-x", "*", ":(glob)", "\x1b[31m", "\x00", "\u202e", "\ufeff", "é", "漢", "🙂",
	" ", "    ", "name", "v1.2.3",
}

func tricky() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(tricks), 0, 6).Draw(t, "tricks"), "")
		if rapid.IntRange(0, 40).Draw(t, "long") == 0 {
			s = strings.Repeat(s, rapid.IntRange(1, 400).Draw(t, "times"))
		}
		return s
	})
}

func bytesToo() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return tricky().Draw(t, "text") + rapid.SampledFrom([]string{"", "", "\xff", "\xe2\x82"}).Draw(t, "bytes")
	})
}

func requests() *rapid.Generator[Request] {
	text := bytesToo()
	return rapid.Custom(func(t *rapid.T) Request {
		r := Request{URL: "https://github.com/kaas/addons", Branch: "release-1.31"}
		if rapid.Bool().Draw(t, "pull") {
			r.Source.Pull = &forge.Pull{Number: 12, Title: text.Draw(t, "title"), Author: "ada"}
		}
		hashes := []string{first, second, third}[:rapid.IntRange(1, 3).Draw(t, "changes")]
		for _, h := range hashes {
			r.Source.Changes = append(r.Source.Changes, one(h, text.Draw(t, "message"), text.Draw(t, "author"), before))
		}
		o := &r.Outcome
		o.Stopped = rapid.SampledFrom(append(hashes, "")).Draw(t, "stopped")
		if o.Stopped != "" {
			o.Conflicts = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Conflict {
				kind := rapid.SampledFrom([]Kind{Content, ModifyDelete, Rename, YAML, Render, Kind(text.Draw(t, "odd"))}).Draw(t, "kind")
				return Conflict{Path: text.Draw(t, "path"), Kind: kind, Message: text.Draw(t, "words")}
			}), 1, 30).Draw(t, "conflicts")
		}
		o.Resolved = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Resolution {
			return Resolution{
				Path: text.Draw(t, "path"), Line: 3, Addon: text.Draw(t, "addon"), Ours: text.Draw(t, "ours"), Theirs: text.Draw(t, "theirs"),
				Taken: text.Draw(t, "taken"), Reason: text.Draw(t, "reason"),
			}
		}), 0, 3).Draw(t, "resolved")
		o.Warnings = rapid.SliceOfN(text, 0, 3).Draw(t, "warnings")
		r.Earlier = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Earlier {
			return Earlier{Commit: before, Title: text.Draw(t, "title"), Pull: rapid.IntRange(0, 3).Draw(t, "pull"), Entry: ledger.Entry{State: ledger.Open, Pull: 7, Reason: text.Draw(t, "reason")}}
		}), 0, 4).Draw(t, "earlier")
		r.Marker = Marker{Kind: "pick", Branch: tricky().Draw(t, "branch"), Source: hashes, Retired: text.Draw(t, "retired")}
		return r
	})
}

// TestSafe writes pull requests of texts that try to break out, and reads them with a Markdown and an HTML parser.
func TestSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { safe(t, requests().Draw(t, "request")) })
}

func FuzzSafe(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { safe(t, requests().Draw(t, "request")) }))
}

func safe(t interface{ Fatalf(string, ...any) }, r Request) {
	p := Write(r)
	switch {
	case len(p.Body) > maxBody:
		t.Fatalf("%d bytes", len(p.Body))
	case !utf8.ValidString(p.Body) || !utf8.ValidString(p.Title):
		t.Fatalf("no UTF-8: %q\n%q", p.Title, p.Body)
	case strings.ContainsAny(p.Title, "\n\r\x1b") || utf8.RuneCountInString(p.Title) > maxTitle:
		t.Fatalf("the title is %q", p.Title)
	case Write(r).Body != p.Body:
		t.Fatalf("a second time it is another")
	}
	if m, is := Find(p.Body); !is || m.Branch != r.Marker.Branch {
		t.Fatalf("the marker says %+v, %v:\n%s", m, is, p.Body)
	}
	var b strings.Builder
	if err := goldmarked.Convert([]byte(p.Body), &b); err != nil {
		t.Fatalf("%v", err)
	}
	if problem := foreign(b.String()); problem != "" {
		t.Fatalf("%s in:\n%s", problem, p.Body)
	}
}

var (
	goldmarked = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	elements   = strings.Fields("html head body p strong em code pre h3 ul li table thead tbody tr th td a")
	// references are what GitHub makes links of in the text of a page, with a notification for somebody. Our own are of the numbers below.
	references = regexp.MustCompile(`@[A-Za-z0-9]|#[0-9]`)
	own        = regexp.MustCompile(`#(12|[0-3]|7)\b`)
)

// foreign says what is in a page that has no business there.
func foreign(page string) string {
	root, err := nethtml.Parse(strings.NewReader(page))
	if err != nil {
		return err.Error()
	}
	headings, comments := 0, 0
	var walk func(n *nethtml.Node, code bool) string
	walk = func(n *nethtml.Node, code bool) string {
		switch n.Type {
		case nethtml.CommentNode:
			if comments++; comments > 1 || !strings.HasPrefix(n.Data, " branch-bot {") {
				return "a comment: " + n.Data
			}
		case nethtml.TextNode:
			text := strings.ReplaceAll(n.Data, "\u200b", "·")
			if !code && references.MatchString(own.ReplaceAllString(text, "")) {
				return fmt.Sprintf("%q mentions somebody", text)
			}
		case nethtml.ElementNode:
			if n.Data == "h3" {
				headings++
			}
			if !slices.Contains(elements, n.Data) {
				return "an element " + n.Data
			}
			for _, a := range n.Attr {
				known := a.Key == "class" && n.Data == "code" || a.Key == "href" && strings.HasPrefix(a.Val, "https://github.com/kaas/addons/commit/")
				if !known {
					return fmt.Sprintf("an attribute %s=%q", a.Key, a.Val)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if problem := walk(c, code || n.Data == "code" || n.Data == "pre"); problem != "" {
				return problem
			}
		}
		return ""
	}
	if problem := walk(root, false); problem != "" {
		return problem
	}
	if headings > 6 || comments != 1 {
		return fmt.Sprintf("%d headings and %d comments", headings, comments)
	}
	return ""
}
