package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// textWidth is how long a line of a value may be on a terminal: one that is longer is shortened around what differs.
const textWidth = 200

// marks are what stands in front of an object.
var marks = map[diff.Kind]string{diff.Added: "+", diff.Removed: "-", diff.Changed: "~", diff.Renamed: ">"}

// Text is the report for a terminal, with nothing in it that acts on one.
func Text(r Report) string {
	v := newView(r)
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("%s", strings.Join(v.verdict(), " · "))
	p("%s → %s", markdown.Clean(side(r.BaseName, r.Base)), markdown.Clean(side(r.HeadName, r.Head)))
	v.textFlags(p, "Risks", r.Flags)
	textProblems(p, "Problems", v.failed)
	v.textPolicies(p)
	v.textClusters(p)
	v.textMatrix(p)
	for _, a := range v.addons {
		v.textAddon(p, a)
	}
	if len(r.NextFlags)+len(v.later) > 0 {
		v.textFlags(p, "What "+r.Next.String()+" would say", r.NextFlags)
		textProblems(p, "What fails on "+r.Next.String(), v.later)
	}
	return b.String()
}

type printer func(format string, args ...any)

func (v *view) textFlags(p printer, title string, flags []Flag) {
	if len(flags) == 0 {
		return
	}
	p("\n%s", title)
	for _, f := range flags {
		minors := f.Minors
		if title != "Risks" {
			minors = nil
		}
		parts := slices.DeleteFunc([]string{markdown.Clean(string(f.Code)), markdown.Clean(v.where(f.Addon, minors)), markdown.Clean(f.Object), markdown.Clean(v.pathOf(f))}, func(s string) bool { return s == "" })
		p("  %s", strings.Join(parts, "  "))
		p("      %s", markdown.OneLine(f.Message))
	}
}

func textProblems(p printer, title string, problems []Problem) {
	if len(problems) == 0 {
		return
	}
	p("\n%s", title)
	for _, f := range failures(problems) {
		p("  %s", markdown.Clean(f.where))
		for l := range strings.SplitSeq(f.message, "\n") {
			p("      %s", markdown.Clean(l))
		}
	}
}

func (v *view) textClusters(p printer) {
	if v.Clusters == nil || len(v.Clusters.Groups) == 0 {
		return
	}
	p("\nClusters")
	for _, g := range v.Clusters.Groups {
		p("  %s: %s (%s)", groupName(g), markdown.Count(len(g.Clusters), "cluster"), markdown.Clean(markdown.Clip(names(g, 10), textWidth)))
	}
}

// textMatrix says what happens where, when minors differ about it.
func (v *view) textMatrix(p printer) {
	rows := v.rows()
	if len(rows) == 0 || v.agreed(rows) {
		return
	}
	p("\nBy minor")
	for _, a := range rows {
		cells := v.cells(a)
		for i, c := range cells {
			cells[i] = v.Minors[i].String() + ": " + c
		}
		p("  %s  %s", markdown.Clean(a.name), strings.Join(cells, " · "))
	}
}

func (v *view) textAddon(p printer, a *addon) {
	if len(a.entries) == 0 {
		if n := a.hidden(); n > 0 {
			p("\n%s: nothing but known noise (%s hidden)", markdown.Clean(a.name), markdown.Count(n, "field"))
		}
		return
	}
	p("\n%s: %s", markdown.Clean(a.name), strings.Join(a.summary(), ", "))
	for _, image := range a.images {
		p("  image %s%s", markdown.Clean(arrow(image.Image)), v.only(", ", image.minors))
	}
	for _, e := range a.entries {
		p("  %s %s%s", marks[e.Kind], markdown.Clean(e.Object.String()), v.only("  ", e.minors))
		if isCRD(e.Change) {
			p("      %s", strings.Join(schema(e.Change), "; "))
			continue
		}
		if e.From != nil {
			p("      was %s", markdown.Clean(e.From.String()))
		}
		for i := range e.Fields {
			textField(p, &e.Fields[i])
		}
	}
}

func textField(p printer, f *diff.Field) {
	if l, ok := inline(f, textWidth); ok {
		p("      %s", l)
		return
	}
	p("      %s:", markdown.Clean(shown(f)))
	for _, l := range appendField(nil, f, textWidth) {
		p("      %c %s", l.op, l.text)
	}
}

// summary says in parts how much of an addon changes.
func (a *addon) summary() []string {
	parts := []string{a.all()}
	if n := a.hidden(); n > 0 {
		parts = append(parts, markdown.Count(n, "field")+" of known noise hidden")
	}
	if n := len(a.unstable); n > 0 {
		parts = append(parts, markdown.Count(n, "field")+" left out that every render fills anew")
	}
	return parts
}

// arrow is an image's change in a line.
func arrow(i diff.Image) string {
	switch {
	case i.Before == "":
		return i.After + " (new)"
	case i.After == "":
		return i.Before + " (gone)"
	}
	return i.Before + " → " + i.After
}

func groupName(g Group) string {
	if g.Name == "" {
		return "in no group"
	}
	return markdown.Clean(g.Name)
}

// names are those of a group's first clusters.
func names(g Group, most int) string {
	var out []string
	for _, c := range g.Clusters[:min(most, len(g.Clusters))] {
		out = append(out, c.Name)
	}
	if rest := len(g.Clusters) - len(out); rest > 0 {
		out = append(out, markdown.Number(rest)+" more")
	}
	return strings.Join(out, ", ")
}

// agreed reports whether no row says different things of different minors.
func (v *view) agreed(rows []*addon) bool {
	for _, a := range rows {
		for i := range v.Minors {
			if v.broken(a.name, v.Minors[i]) != v.broken(a.name, v.Minors[0]) {
				return false
			}
		}
		for _, e := range a.entries {
			if !v.everywhere(e.minors) {
				return false
			}
		}
	}
	return true
}
