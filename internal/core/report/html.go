package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template shows. Its texts are plain: the template escapes them.
type page struct {
	Title, Verdict, Base, Head, Next string
	Style                            template.CSS
	StyleHash                        string
	Codes                            []pageCode
	Flags, NextFlags                 []pageFlag
	Problems, NextProblems           []pageProblem
	Policies                         *pagePolicies
	Clusters                         []pageGroup
	Images                           []pageImage
	Minors                           []string
	Rows                             []pageRow
	Same                             string
	Hidden                           int
	Addons                           []pageAddon
}

type (
	// pageCode is a filter: a radio button that leaves only the objects with this code.
	pageCode struct {
		Number, Objects int
		Code            string
	}
	pageFlag    struct{ Code, Message, Object, Path, Where, Link string }
	pageProblem struct{ Of, Message string }
	pageGroup   struct {
		Name, Count string
		Clusters    []pageCluster
	}
	pageCluster struct{ Name, Minor, Addons string }
	pageImage   struct{ Before, After, Link, Addon, Only string }
	pageRow     struct {
		Name, Link string
		Cells      []string
	}
	pageAddon struct {
		ID, Name, Summary string
		Quiet             bool
		Unstable          []string
		Entries           []pageEntry
	}
	pageEntry struct {
		ID, Classes, Object, Kind, Detail string
		Codes                             []string
		Diff, Noise, Whole                template.HTML
	}
)

// HTML is a page with everything in it, which loads nothing and runs nothing.
func HTML(r Report) ([]byte, error) {
	v := newView(r)
	p := page{
		Title: "What changes: " + markdown.Clean(side(r.HeadName, r.Head)), Verdict: strings.Join(v.verdict(), " · "),
		Base: markdown.Clean(side(r.BaseName, r.Base)), Head: markdown.Clean(side(r.HeadName, r.Head)), Next: r.Next.String(),
		Problems: pageProblems(v.failed), NextProblems: pageProblems(v.later),
	}
	numbers := p.filters(&v)
	links := p.changes(&v, numbers)
	p.Flags, p.NextFlags = pageFlags(&v, r.Flags, links), pageFlags(&v, v.forNext(), links)
	p.Policies = v.pagePolicies(links)
	p.tables(&v)
	p.style()
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, p)
	return b.Bytes(), err
}

// filters numbers the codes of the flags, the worst first.
func (p *page) filters(v *view) map[fault.Code]int {
	numbers := map[fault.Code]int{}
	for _, f := range v.Flags {
		if _, ok := numbers[f.Code]; !ok {
			numbers[f.Code] = len(numbers)
			p.Codes = append(p.Codes, pageCode{Number: numbers[f.Code], Code: markdown.Clean(string(f.Code))})
		}
	}
	for _, a := range v.addons {
		for _, e := range a.entries {
			for _, c := range e.codes {
				p.Codes[numbers[c]].Objects++
			}
		}
	}
	return numbers
}

// style makes the style sheet with the rules of the filters, and its hash: the page allows no other.
func (p *page) style() {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(pageStyle))
	b.WriteString("\n#f-all:checked ~ main label[for=f-all]")
	for _, c := range p.Codes {
		fmt.Fprintf(&b, ", #f%d:checked ~ main label[for=f%d]", c.Number, c.Number)
	}
	b.WriteString(" { border-color: var(--link); color: var(--link); }\n")
	for _, c := range p.Codes {
		fmt.Fprintf(&b, "#f%d:checked ~ main .obj:not(.c%d) { display: none; }\n", c.Number, c.Number)
	}
	hash := sha256.Sum256([]byte(b.String()))
	p.Style, p.StyleHash = template.CSS(b.String()), "sha256-"+base64.StdEncoding.EncodeToString(hash[:])
}

// changes fills in the objects, and returns the anchor of each by addon and name.
func (p *page) changes(v *view, numbers map[fault.Code]int) map[[2]string]string {
	links := map[[2]string]string{}
	for i, a := range v.addons {
		out := pageAddon{ID: fmt.Sprintf("a%d", i), Name: markdown.Clean(a.name), Summary: strings.Join(a.summary(), ", "), Quiet: len(a.entries) == 0}
		if out.Quiet {
			out.Summary = "nothing but known noise"
		}
		for _, u := range a.unstable {
			out.Unstable = append(out.Unstable, markdown.Clean(u.Object.String()+" "+u.Path))
		}
		for j, e := range slices.Concat(a.entries, a.quiet) {
			entry := v.pageEntry(&e, numbers)
			entry.ID = fmt.Sprintf("o%d-%d", i, j)
			out.Entries = append(out.Entries, entry)
			p.Hidden += len(e.Hidden)
			for _, object := range []string{e.Object.String(), fromName(e.Change)} {
				if _, ok := links[[2]string{a.name, object}]; !ok {
					links[[2]string{a.name, object}] = entry.ID
				}
			}
		}
		p.Addons = append(p.Addons, out)
	}
	return links
}

func fromName(c diff.Change) string {
	if c.From == nil {
		return c.Object.String()
	}
	return c.From.String()
}

func (v *view) pageEntry(e *entry, numbers map[fault.Code]int) pageEntry {
	out := pageEntry{Object: markdown.Clean(e.Object.String()), Kind: string(e.Kind)}
	var details []string
	if isCRD(e.Change) {
		details = append(details, schema(e.Change)...)
	} else if n := len(e.Fields); n > 0 {
		details = append(details, markdown.Count(n, "field"))
	}
	if only := v.only("", e.minors); only != "" {
		details = append(details, only)
	}
	out.Detail = strings.Join(details, ", ")
	for _, c := range e.codes {
		out.Codes = append(out.Codes, markdown.Clean(string(c)))
		out.Classes += fmt.Sprintf("c%d ", numbers[c])
	}
	if !visible(e.Change) {
		out.Classes += "noise"
	}
	out.Diff = rows(lines(e.Change, 0))
	if len(e.Hidden) > 0 {
		out.Noise = rows(lines(diff.Change{Kind: diff.Changed, Fields: e.Hidden}, 0))
	}
	if e.Before != nil && e.After != nil {
		out.Whole = rows(unified(diff.Unified(e.Before, e.After, 5)))
	}
	return out
}

// unified are the lines of a diff in the usual format.
func unified(text string) []line {
	var out []line
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		op := byte(stays)
		switch {
		case strings.HasPrefix(l, "@@"):
			op = heads
		case strings.HasPrefix(l, "-"):
			op = gone
		case strings.HasPrefix(l, "+"):
			op = came
		case strings.HasPrefix(l, `\`):
			op = remark
		}
		if op == gone || op == came || op == stays {
			l = strings.TrimPrefix(l, string(rune(op)))
		}
		out = append(out, line{op, markdown.Clean(l)})
	}
	return out
}

// rows are the lines of a diff with their colours. The texts are escaped here: the template would take as long as all the rest for so many.
func rows(lines []line) template.HTML {
	if len(lines) == 0 {
		return ""
	}
	classes := map[byte]string{came: " c", gone: " g", heads: " h", remark: " m"}
	var b strings.Builder
	b.WriteString("<pre>")
	for _, l := range lines {
		b.WriteString(`<span class="row`)
		b.WriteString(classes[l.op])
		b.WriteString(`">`)
		switch l.op {
		case came, gone, stays:
			b.WriteByte(l.op)
			b.WriteByte(' ')
		}
		template.HTMLEscape(&b, []byte(l.text))
		b.WriteString("</span>")
	}
	b.WriteString("</pre>")
	return template.HTML(b.String())
}

func pageFlags(v *view, flags []Flag, links map[[2]string]string) []pageFlag {
	out := make([]pageFlag, len(flags))
	for i, f := range flags {
		out[i] = pageFlag{
			markdown.Clean(string(f.Code)), markdown.OneLine(f.Message), markdown.Clean(f.Object), markdown.Clean(v.pathOf(f)), markdown.Clean(v.where(f.Addon, f.Minors)),
			links[[2]string{f.Addon, f.Object}],
		}
	}
	return out
}

func pageProblems(problems []Problem) []pageProblem {
	var out []pageProblem
	for _, f := range failures(problems) {
		var lines []string
		for l := range strings.SplitSeq(f.message, "\n") {
			lines = append(lines, markdown.Clean(l))
		}
		out = append(out, pageProblem{markdown.Clean(f.where), strings.Join(lines, "\n")})
	}
	return out
}

// tables fills in what stands between the risks and the changes.
func (p *page) tables(v *view) {
	if v.Clusters != nil {
		for _, g := range v.Clusters.Groups {
			group := pageGroup{Name: groupName(g), Count: markdown.Count(len(g.Clusters), "cluster")}
			for _, c := range g.Clusters {
				group.Clusters = append(group.Clusters, pageCluster{markdown.Clean(c.Name), c.Minor.String(), markdown.Clean(strings.Join(c.Addons, ", "))})
			}
			p.Clusters = append(p.Clusters, group)
		}
	}
	anchors := map[string]string{}
	for i, a := range v.addons {
		anchors[a.name] = p.Addons[i].ID
		for _, image := range a.images {
			p.Images = append(p.Images, pageImage{
				markdown.Clean(image.Before), markdown.Clean(image.After), imageLink(image.After), markdown.Clean(a.name), v.only(", ", image.minors),
			})
		}
	}
	for _, m := range v.Minors {
		p.Minors = append(p.Minors, m.String())
	}
	for _, a := range v.rows() {
		p.Rows = append(p.Rows, pageRow{markdown.Clean(a.name), anchors[a.name], v.cells(a)})
	}
	if v.Same > 0 {
		p.Same = markdown.Count(v.Same, "other addon")
	}
}
