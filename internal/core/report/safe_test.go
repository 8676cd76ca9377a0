package report

import (
	"fmt"
	"math"
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

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// knownCodes are as many codes as there are, and a few more.
var knownCodes = strings.Fields(`ObjectRemoved NamespaceChanged APIRemoved APIDeprecated CRDVersionRemoved CRDStorageChanged CRDFieldRequired
	CRDSchemaNarrowed ImmutableField RBACWider PrivilegeGained WebhookChanged ImageRegistryChanged ImageNoDigest ScaledToZero ProtectionRemoved
	PlainSecret ForeignNamespace ManagedObject HookDeletes LargeObject UnknownKind OneMoreCode AndAnotherOne`)

// tricks are what texts are made of that try to be more than text.
var tricks = []string{
	"`", "``", "```", "````diff", "~~~", "|", "\\", "\\|", "\n", "\n\n", "\r", "\r\n", "\t", "<details>", "</details>", "</summary>", "</code>",
	"<script>", "<img src=x onerror=y>", "<!--", "-->", "<![CDATA[", "<a href=https://evil.example>", "&lt;", "&#64;", "@org", "@org/team", "a@b.example",
	"#1", "org/repo#2", "https://evil.example", "http://x", "www.evil.example", "mailto:a@b.example", "[x](https://evil.example)",
	"![x](https://evil.example)", "[x]: https://evil.example", "**", "__", "_", "*", "~", "$x$", "# title", "- item", "1. item", "> quote", "---", "===",
	"\x1b[31m", "\x00", "\u202e", "\u200b", "\ufeff", "\xff", "\xe2\x82", "é", "漢", "🙂", " ", "  ", "    ", "name", "v1.2.3", "docker.io/library/x:1",
	"quay.io/a/b:1", "ghcr.io/a/b@sha256:00", "registry.k8s.io/pause:3.9", ":", "/", "\"", "'", "(", ")", "---\nx: y", "'''", "@@ x @@", "{{.}}", "\u2028",
}

func text() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(tricks), 0, 6).Draw(t, "tricks"), "")
		if rapid.IntRange(0, 40).Draw(t, "long") == 0 {
			s = strings.Repeat(s+rapid.SampledFrom(tricks).Draw(t, "again"), rapid.IntRange(1, 400).Draw(t, "times"))
		}
		return s
	})
}

func minors() *rapid.Generator[[]version.Minor] {
	return rapid.Custom(func(t *rapid.T) []version.Minor {
		return slices.DeleteFunc(slices.Clone(three), func(version.Minor) bool { return rapid.Bool().Draw(t, "without") })
	})
}

func values(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 6
		if depth > 0 {
			kinds = 8
		}
		switch rapid.IntRange(0, kinds).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.Int64().Draw(t, "int")
		case 3:
			return rapid.SampledFrom([]float64{1.5, math.Inf(1), math.NaN()}).Draw(t, "float")
		case 7:
			return rapid.SliceOfN(values(depth-1), 0, 4).Draw(t, "list")
		case 8:
			return rapid.MapOfN(text(), values(depth-1), 0, 4).Draw(t, "map")
		}
		return text().Draw(t, "text")
	})
}

func objects() *rapid.Generator[manifest.ID] {
	return rapid.Custom(func(t *rapid.T) manifest.ID {
		if rapid.IntRange(0, 4).Draw(t, "crd") == 0 {
			return manifest.ID{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Name: text().Draw(t, "name")}
		}
		return manifest.ID{Group: text().Draw(t, "group"), Version: "v1", Kind: text().Draw(t, "kind"), Name: text().Draw(t, "name")}
	})
}

func changes() *rapid.Generator[diff.Change] {
	fields := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) diff.Field {
		f := diff.Field{Path: text().Draw(t, "path"), Shown: text().Draw(t, "shown"), HadBefore: rapid.Bool().Draw(t, "had"), HasAfter: rapid.Bool().Draw(t, "has")}
		if rapid.IntRange(0, 3).Draw(t, "lines") == 0 {
			lines := text().Draw(t, "same lines")
			f.Before, f.After, f.HadBefore, f.HasAfter = "old\n"+lines+"\nold\n", "new\n"+lines+"\nnew\n", true, true
			return f
		}
		if f.HadBefore {
			f.Before = values(2).Draw(t, "before")
		}
		if f.HasAfter {
			f.After = values(2).Draw(t, "after")
		}
		return f
	}), 0, 4)
	content := rapid.MapOfN(text(), values(3), 0, 5)
	return rapid.Custom(func(t *rapid.T) diff.Change {
		c := diff.Change{
			Object: objects().Draw(t, "object"), Fields: fields.Draw(t, "fields"), Hidden: fields.Draw(t, "hidden"),
			Kind: rapid.SampledFrom([]diff.Kind{diff.Added, diff.Removed, diff.Changed, diff.Renamed}).Draw(t, "kind"),
		}
		if c.Kind == diff.Renamed || rapid.IntRange(0, 5).Draw(t, "from") == 0 {
			from := objects().Draw(t, "from")
			c.From = &from
		}
		if c.Kind != diff.Added && rapid.Bool().Draw(t, "before") {
			c.Before = &manifest.Object{ID: c.Object, Content: content.Draw(t, "content before")}
		}
		if c.Kind != diff.Removed && rapid.Bool().Draw(t, "after") {
			c.After = &manifest.Object{ID: c.Object, Content: content.Draw(t, "content after")}
		}
		return c
	})
}

func reports() *rapid.Generator[Report] {
	return rapid.Custom(func(t *rapid.T) Report {
		r := Report{
			Base: text().Draw(t, "base"), Head: text().Draw(t, "head"), BaseName: text().Draw(t, "base name"), Minors: minors().Draw(t, "minors"),
			Same: rapid.IntRange(0, 1e6).Draw(t, "same"), Page: text().Draw(t, "page"),
		}
		if rapid.Bool().Draw(t, "next") {
			r.Next = m134
		}
		names := rapid.SliceOfN(text(), 1, 3).Draw(t, "addons")
		addon := rapid.SampledFrom(names)
		images := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) diff.Image {
			return diff.Image{Before: text().Draw(t, "before"), After: text().Draw(t, "after")}
		}), 0, 4)
		for range rapid.IntRange(0, 4).Draw(t, "results") {
			r.Results = append(r.Results, Result{Addon: addon.Draw(t, "addon"), Minors: minors().Draw(t, "minors"), Result: diff.Result{
				Changes: rapid.SliceOfN(changes(), 0, 6).Draw(t, "changes"), Images: images.Draw(t, "images"),
			}})
		}
		flags := rapid.Custom(func(t *rapid.T) Flag {
			f := risky(rapid.SampledFrom(knownCodes).Draw(t, "code"), addon.Draw(t, "addon"), text().Draw(t, "object"), text().Draw(t, "path"), text().Draw(t, "message"))
			f.Minors = minors().Draw(t, "minors")
			if len(r.Results) > 0 && len(r.Results[0].Changes) > 0 && rapid.Bool().Draw(t, "real") {
				f.Addon, f.Object = r.Results[0].Addon, r.Results[0].Changes[0].Object.String()
			}
			return f
		})
		r.Flags, r.NextFlags = rapid.SliceOfN(flags, 0, 30).Draw(t, "flags"), rapid.SliceOfN(flags, 0, 5).Draw(t, "next flags")
		for range rapid.SampledFrom([]int{0, 0, 0, 0, 0, 5, 10}).Draw(t, "more") {
			r.Flags = append(r.Flags, r.Flags...)
			if len(r.Flags) > 500 || len(r.Flags) == 0 {
				break
			}
		}
		r.Problems = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Problem {
			p := Problem{Addon: addon.Draw(t, "addon"), Message: text().Draw(t, "message"), Side: text().Draw(t, "side"), Next: rapid.Bool().Draw(t, "next")}
			if rapid.Bool().Draw(t, "minor") {
				p.Minor = m132
			}
			return p
		}), 0, 4).Draw(t, "problems")
		if rapid.Bool().Draw(t, "clusters") {
			r.Clusters = &Clusters{Total: 10, Touched: 3}
			for range rapid.IntRange(0, 20).Draw(t, "groups") {
				r.Clusters.Groups = append(r.Clusters.Groups, Group{Name: text().Draw(t, "group"), Clusters: []Cluster{{Name: text().Draw(t, "cluster"), Minor: m131}}})
			}
		}
		return r
	})
}

// TestSafe makes reports of texts that try to break out, in any size, and reads what comes of them with a Markdown and an HTML parser.
func TestSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { safe(t, reports().Draw(t, "report"), rapid.IntRange(1000, 70_000).Draw(t, "limit")) })
}

func FuzzSafe(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { safe(t, reports().Draw(t, "report"), rapid.IntRange(0, 70_000).Draw(t, "limit")) }))
}

// TestSmallLimits cuts a report to every length, down to none.
func TestSmallLimits(t *testing.T) {
	for _, r := range []Report{sample(), hostile(), unchanged()} {
		for limit := 0; limit < 4000; limit += 13 {
			if out := Markdown(r, limit); len(out) > limit || !utf8.ValidString(out) {
				t.Fatalf("at %d bytes: %d bytes, valid %v:\n%s", limit, len(out), utf8.ValidString(out), out)
			}
		}
	}
}

func safe(t interface{ Fatalf(string, ...any) }, r Report, limit int) {
	out := Markdown(r, limit)
	if problem := wrong(out, r); problem != "" {
		t.Fatalf("%s:\n%s", problem, out)
	}
	if len(out) > limit {
		t.Fatalf("%d bytes, at most %d are allowed", len(out), limit)
	}
	if again := Markdown(r, limit); again != out {
		t.Fatalf("a second time it is another:\n%s\n\n%s", out, again)
	}
	for _, f := range r.Flags {
		if limit >= 1000 && !strings.Contains(out, string(f.Code)) {
			t.Fatalf("%s is lost at %d bytes:\n%s", f.Code, limit, out)
		}
	}
	for l := range strings.SplitSeq(Text(r), "\n") {
		if at := strings.IndexFunc(l, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }); at >= 0 {
			t.Fatalf("the text has a character that acts on a terminal: %q in %q", l[at:min(at+4, len(l))], markdown.Cut(l, 500))
		}
	}
	page, err := HTML(r)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if problem := foreign(string(page), pageElements, nil); problem != "" {
		t.Fatalf("%s in the page", problem)
	}
	if _, err := JSON(r.WithHidden()); err != nil {
		t.Fatalf("%v", err)
	}
}

var (
	goldmarked = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	fences     = regexp.MustCompile("^(`{3,})(diff)?$")
	// mentions are what GitHub makes links of in the text of a page, with a notification for somebody.
	mentions = regexp.MustCompile(`@[A-Za-z0-9]|(^|\W|\w)#[0-9]`)
	pages    = []string{
		"https://quay.io/", "https://ghcr.io/", "https://gcr.io/", "https://hub.docker.com/", "https://registry.k8s.io/", "https://gallery.ecr.aws/",
	}
	markdownElements = strings.Fields("html head body p strong em code pre h3 h4 ul li table thead tbody tr th td details summary b a")
	pageElements     = strings.Fields(`html head body meta title style input header main nav section div span p b h1 h2 h3 a label ul li br code pre
		table tbody tr th td details summary`)
)

// wrong says what is wrong with the Markdown of a report; empty when nothing is.
func wrong(out string, r Report) string {
	if !utf8.ValidString(out) {
		return "no valid UTF-8"
	}
	open, details := "", 0
	for l := range strings.SplitSeq(out, "\n") {
		switch m := fences.FindStringSubmatch(l); {
		case open != "":
			if l == open {
				open = ""
			}
		case m != nil:
			open = m[1]
		case strings.HasPrefix(l, "<details>"):
			details++
		case l == "</details>":
			if details--; details < 0 {
				return "a </details> too many"
			}
		}
	}
	if open != "" || details != 0 {
		return fmt.Sprintf("left open: fence %q, %d details", open, details)
	}
	var b strings.Builder
	if err := goldmarked.Convert([]byte(out), &b); err != nil {
		return err.Error()
	}
	return foreign(b.String(), markdownElements, []string{r.Page})
}

// foreign says what is in a page that has no business there.
func foreign(page string, elements, links []string) string {
	root, err := nethtml.Parse(strings.NewReader(page))
	if err != nil {
		return err.Error()
	}
	var walk func(n *nethtml.Node, code bool) string
	walk = func(n *nethtml.Node, code bool) string {
		switch n.Type {
		case nethtml.CommentNode:
			return "a comment: " + n.Data
		case nethtml.TextNode:
			if !code && links != nil && mentions.MatchString(n.Data) {
				return fmt.Sprintf("%q mentions somebody", n.Data)
			}
		case nethtml.ElementNode:
			if !slices.Contains(elements, n.Data) {
				return "an element " + n.Data
			}
			for _, a := range n.Attr {
				known := a.Key == "href" && (strings.HasPrefix(a.Val, "#") && links == nil ||
					slices.ContainsFunc(pages, func(p string) bool { return strings.HasPrefix(a.Val, p) }) || slices.Contains(links, a.Val))
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" && links == nil || a.Key == "href" && !known {
					return fmt.Sprintf("an attribute %s=%q", a.Key, a.Val)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if problem := walk(c, code || n.Data == "code" || n.Data == "pre" || n.Data == "style"); problem != "" {
				return problem
			}
		}
		return ""
	}
	return walk(root, false)
}
