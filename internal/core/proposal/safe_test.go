package proposal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// tricks are what texts are made of that try to be more than text.
var tricks = []string{
	"`", "``", "```", "````diff", "```mermaid\n", "~~~", "|", "\\", "\\|", "\n", "\n\n", "\r", "\r\n", "\t", "<details>", "<details open>\n", "</details>", "</details>\n\n", "<summary>", "</summary>",
	"<script>", "</script>", "<style>", "<textarea>", "<pre>", "</pre>", "<img src=x onerror=y>", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<?x", "?>", "<!X", "<br>", "<li>", "<ul>\n",
	"<a href=https://evil.example>", "</a>", "<b>", "</b>", "&lt;", "&#64;", "&commat;", "&#x40;", "&num;", "&#35;", "&#96;", "&amp;#64;", "\\@", "\\#", "@org", "@org/team", "a@b.example", "#1", "org/repo#2", "GH-3", "gh-4",
	"Fixes ", "closes: ", "https://github.com/org/repo/issues/5", "http://www.github.com/o/r/pull/6#x", "https://GitHub.com:443/o/r/commit/1a2b3c4", "//github.com/o/r/issues/1", "https://github.com./o/r/issues/1",
	"https://u:p@github.com/o/r", "https://evil.example", "http://x", "www.evil.example", "www.github.com/o/r/issues/1", "mailto:a@b.example", "javascript:alert(1)", "xmpp:a@b", "](", "[x](", "[", "]", "!", ")", "<", ">",
	"[x](https://evil.example)", "![x](https://evil.example)", "[x]: https://evil.example\n", "[x]", "[^1]", "[^1]: note\n", "[x](<https://a.example/b c>)", "[x](https://a.example \"t\")", "[x](/o/r/issues/1)",
	"**", "__", "_", "*", "***", "~", "~~", "$x$", "$$", ":tada:", "# title", "\n## ", "- ", "\n- item", "\n  - ", "\n    ", "1. item", "\n999999999. ", "\n- [ ] task", "> quote", "\n> > ", "> [!NOTE]\n> x", "---", "===", "\n===\n",
	"\n| a | b |\n|---|---|\n| c | @d |\n", "\n<!-- branch-bot {\"kind\":\"upgrade\",\"unit\":\"evil\"} -->\n", "\n/rebase\n",
	"\x1b[31m", "\x00", "\u202e", "\u200b", "\ufeff", "\u00ad", "\u2028", "\xff", "\xe2\x82", "é", "漢", "🙂", " ", "  ", "    ", "name", "v1.2.3", ":", "/", "\"", "'", "(",
}

func tricky() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(tricks), 0, 12).Draw(t, "tricks"), "")
		if rapid.IntRange(0, 60).Draw(t, "long") == 0 {
			s = strings.Repeat(s+rapid.SampledFrom(tricks).Draw(t, "again"), rapid.IntRange(1, 300).Draw(t, "times"))
		}
		return s
	})
}

func changes() *rapid.Generator[upgrade.Change] {
	return rapid.Custom(func(t *rapid.T) upgrade.Change {
		x := tricky()
		return upgrade.Change{
			Addon: x.Draw(t, "addon"), From: x.Draw(t, "from"), To: x.Draw(t, "to"), Write: x.Draw(t, "write"), Digest: x.Draw(t, "digest"), Security: rapid.Bool().Draw(t, "security"),
			Size: rapid.SampledFrom([]upstream.Size{upstream.Major, upstream.Minor, upstream.Patch, upstream.Digest}).Draw(t, "size"),
			Pin: upstream.Pin{
				Source: upstream.Source{
					Kind:       rapid.SampledFrom([]upstream.Kind{upstream.Helm, upstream.Image, upstream.GitHub, upstream.Git}).Draw(t, "kind"),
					Repository: x.Draw(t, "repository"), Name: x.Draw(t, "name"),
				},
				Version: x.Draw(t, "pinned"), Digest: x.Draw(t, "old"), App: rapid.Bool().Draw(t, "app"),
			},
			Version: upstream.Version{Name: x.Draw(t, "version"), App: x.Draw(t, "appversion"), URL: x.Draw(t, "page"), Links: rapid.SliceOfN(x, 0, 2).Draw(t, "links")},
			Was:     upstream.Version{App: x.Draw(t, "was")},
		}
	})
}

func requests() *rapid.Generator[Request] {
	return rapid.Custom(func(t *rapid.T) Request {
		x := tricky()
		p := upgrade.Proposal{
			Unit: x.Draw(t, "unit"), Branch: rapid.OneOf(rapid.SampledFrom([]string{"main", "release-1.31"}), x).Draw(t, "branch"), Head: x.Draw(t, "head"),
			Major: rapid.Bool().Draw(t, "major"), Security: rapid.Bool().Draw(t, "security"), Changes: rapid.SliceOfN(changes(), 0, 4).Draw(t, "changes"),
			Comes: rapid.SliceOfN(x, 0, 3).Draw(t, "comes"), Refused: map[string][]upgrade.Refused{},
		}
		for range rapid.IntRange(0, 3).Draw(t, "not") {
			p.Not = append(p.Not, upgrade.Not{Branch: rapid.OneOf(rapid.Just("release-1.30"), x).Draw(t, "branch"), Reason: x.Draw(t, "reason")})
		}
		for range rapid.IntRange(0, 5).Draw(t, "refused") {
			addon := rapid.SampledFrom(append(addons(p.Changes), "other")).Draw(t, "addon")
			p.Refused[addon] = append(p.Refused[addon], upgrade.Refused{Version: x.Draw(t, "version"), Reason: x.Draw(t, "reason")})
		}
		r := request(p)
		r.Unrendered = x.Draw(t, "unrendered")
		r.Remarks = rapid.SliceOfN(x, 0, 3).Draw(t, "remarks")
		if rapid.Bool().Draw(t, "rendered") {
			r.Report = minorStep().Report
		}
		note := rapid.Custom(func(t *rapid.T) Note {
			return Note{
				Of: x.Draw(t, "of"), Version: x.Draw(t, "version"), Text: strings.Join(rapid.SliceOfN(x, 0, 5).Draw(t, "text"), ""),
				URL: rapid.OneOf(rapid.Just("https://github.com/o/r/releases/tag/v1"), x).Draw(t, "url"),
			}
		})
		r.Notes = rapid.SliceOfN(rapid.SliceOfN(note, 0, 4), 0, len(p.Changes)+1).Draw(t, "notes")
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
	x := Write(r)
	switch {
	case len(x.Body) > report.Limit:
		t.Fatalf("%d bytes", len(x.Body))
	case utf8.RuneCountInString(x.Title) > maxTitle || x.Title == "" || strings.ContainsFunc(x.Title, func(r rune) bool { return !unicode.IsPrint(r) }):
		t.Fatalf("the title is %q", x.Title)
	case Write(r).Body != x.Body:
		t.Fatalf("a second time it is another")
	case !strings.Contains(x.Body, "\n| `/rebase` |"):
		t.Fatalf("the commands are lost:\n%s", x.Body)
	}
	if m, is := Find(x.Body); !is || m.Content != r.Marker.Content || m.Unit != strings.ToValidUTF8(r.Marker.Unit, "\uFFFD") && utf8.ValidString(r.Marker.Unit) {
		t.Fatalf("the marker says %+v, %v:\n%s", m, is, x.Body)
	}
	if problem := wrong(x.Body, true); problem != "" {
		t.Fatalf("%s in:\n%s", problem, x.Body)
	}
}

// FuzzQuiet takes release notes as they come.
func FuzzQuiet(f *testing.F) {
	f.Add(hostileNotes)
	f.Add(evil)
	for _, s := range tricks {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := join(quiet(s, linkerFor(home, "https://github.com/o/r/releases/tag/v1")))
		if problem := wrong(out, false); problem != "" {
			t.Fatalf("%s in:\n%q\nof:\n%q", problem, out, s)
		}
		if len(out) > 40*maxSource {
			t.Fatalf("%d bytes of %d", len(out), len(s))
		}
	})
}

var (
	goldmarked = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	elements   = strings.Fields("html head body p strong em b i del code pre h2 h3 h4 h5 h6 ul ol li blockquote table thead tbody tr th td a details summary br")
	// references are what GitHub makes links of in the text of a page, with a notification for somebody.
	references = regexp.MustCompile(`@[A-Za-z0-9]|#[0-9]|(?i)\bGH-[0-9]`)
)

// wrong says what is wrong with Markdown; empty when nothing is.
func wrong(out string, marked bool) string {
	if !utf8.ValidString(out) {
		return "no valid UTF-8"
	}
	// What is hidden is read by nobody but the bot.
	seen, _, _ := strings.Cut(out, "\n<!-- branch-bot {")
	if strings.ContainsFunc(seen, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		return "a character that nobody sees"
	}
	var b strings.Builder
	if err := goldmarked.Convert([]byte(out), &b); err != nil {
		return err.Error()
	}
	if a, b := strings.Count(b.String(), "<details>"), strings.Count(b.String(), "</details>"); a != b {
		return fmt.Sprintf("%d details and %d ends of them", a, b)
	}
	root, err := nethtml.Parse(strings.NewReader(b.String()))
	if err != nil {
		return err.Error()
	}
	comments := 0
	problem := foreign(root, false, &comments)
	if problem == "" && marked != (comments == 1) {
		return fmt.Sprintf("%d comments", comments)
	}
	return problem
}

// foreign says what is in a page that has no business there.
func foreign(n *nethtml.Node, code bool, comments *int) string {
	switch n.Type {
	case nethtml.CommentNode:
		if *comments++; *comments > 1 || !strings.HasPrefix(n.Data, " branch-bot {") {
			return "a comment: " + n.Data
		}
	case nethtml.TextNode:
		if !code && references.MatchString(n.Data) {
			return fmt.Sprintf("%q mentions somebody", n.Data)
		}
	case nethtml.ElementNode:
		if !slices.Contains(elements, n.Data) {
			return "an element " + n.Data
		}
		for _, a := range n.Attr {
			link := a.Key == "href" && n.Data == "a" && (strings.HasPrefix(a.Val, "https://") || strings.HasPrefix(a.Val, "http://"))
			known := a.Key == "class" && n.Data == "code" && language(strings.TrimPrefix(a.Val, "language-")) != "" || a.Key == "start" && n.Data == "ol" || link
			if host := hostOf(a.Val); !known || host == "github.com" || host == "www.github.com" {
				return fmt.Sprintf("an attribute %s=%q", a.Key, a.Val)
			}
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if problem := foreign(c, code || n.Data == "code" || n.Data == "pre", comments); problem != "" {
			return problem
		}
	}
	return ""
}
