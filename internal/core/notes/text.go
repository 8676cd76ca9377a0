package notes

import (
	"fmt"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/report"
)

// MessageLimit is how many bytes the message of a tag may have.
const MessageLimit = 30_000

// What stands in front of the lines of a message that the bot reads again: they begin a line, which nothing from outside does.
const (
	anywayLine  = "Released anyway: "
	againstLine = "Although "
)

// Message is the message of the tag: the notes as plain text, at most limit bytes long.
func Message(n Notes, limit int) string {
	w := &page{room: limit}
	w.add(n.Title() + "\n\n")
	if n.First() {
		w.add("The first release of " + n.Branch + with(n) + ".\n")
	} else {
		w.add("Since " + n.Previous.String() + ": " + n.counted() + ".\n")
	}
	if n.Anyway != "" {
		w.add("\n" + anywayLine + plain(n.Anyway, reasonWidth) + "\n")
		for _, a := range n.Against {
			w.add(againstLine + plain(a, reasonWidth) + "\n")
		}
	}
	if n.First() {
		w.list("\nAddons:\n", "addon", addons(n))
	}
	for _, g := range grouped(n) {
		w.list("\n"+plain(g.title, nameWidth)+":"+g.addon.plain()+"\n", "change", g.lines())
	}
	var items []string
	for _, o := range n.Own {
		items = append(items, fmt.Sprintf("- %s (%s by %s)\n", plain(o.Title, titleWidth), short(o.Commit), plain(o.Author, nameWidth)))
	}
	if len(items) > 0 {
		w.list("\nOnly on "+n.Branch+":\n", "commit", items)
	}
	if n.Report != nil {
		w.list("\nIn the rendered manifests: "+report.Verdict(*n.Report)+"\n", "risk", risks(*n.Report))
	}
	return w.text.String()
}

// Anyway is the reason and what was against a release, as the message of its tag says.
func Anyway(message string) (reason string, against []string) {
	for l := range strings.SplitSeq(message, "\n") {
		if text, ok := strings.CutPrefix(l, anywayLine); ok && reason == "" {
			reason = text
		}
		if text, ok := strings.CutPrefix(l, againstLine); ok && reason != "" {
			against = append(against, text)
		}
	}
	return reason, against
}

func plain(s string, width int) string { return markdown.OneLine(markdown.Clip(s, width)) }

// addons are those of a first release.
func addons(n Notes) (items []string) {
	for _, a := range n.Addons {
		item := "- " + plain(a.Name, nameWidth)
		if s := a.plain(); s != "" {
			item += ":" + s
		}
		items = append(items, item+"\n")
	}
	return items
}

// plain says what becomes of an addon and its versions, after its name.
func (a Addon) plain() string {
	var parts []string
	switch {
	case a.New:
		parts = append(parts, "new")
	case a.Gone:
		parts = append(parts, "not offered any more")
	}
	for _, v := range a.Versions {
		parts = append(parts, v.plain())
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, ", ")
}

func (v Version) plain() string {
	of := plain(v.Of, nameWidth)
	switch {
	case v.Before == "":
		return of + " " + plain(v.After, nameWidth)
	case v.After == "":
		return of + " " + plain(v.Before, nameWidth) + " is gone"
	}
	return of + " " + plain(v.Before, nameWidth) + " -> " + plain(v.After, nameWidth)
}

func (g group) lines() []string {
	items := make([]string, len(g.changes))
	for i, c := range g.changes {
		items[i] = "- " + plain(c.Title, titleWidth) + " (" + strings.Join(c.origins(func(s string) string { return s }), ", ") + ")\n"
	}
	return items
}

// risks counts the risks of a report by their code, the worst first.
func risks(r report.Report) (items []string) {
	counts := map[fault.Code]int{}
	var order []fault.Code
	for _, f := range r.Flags {
		if counts[f.Code]++; counts[f.Code] == 1 {
			order = append(order, f.Code)
		}
	}
	for _, c := range order {
		items = append(items, fmt.Sprintf("- %s: %s\n", plain(string(c), nameWidth), markdown.Number(counts[c])))
	}
	return items
}
