package notes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/report"
)

// Limit is how many bytes the notes may have: GitHub refuses long texts.
const Limit = report.Limit

// Lengths of what comes from outside, in bytes.
const (
	nameWidth   = 200
	titleWidth  = 300
	reasonWidth = 1000
)

// Markdown are the notes for the forge's page of the release, at most limit bytes long, whatever is in them. The changes have at most half of it.
func Markdown(n Notes, limit int) string {
	p := &page{room: limit}
	p.add(n.head())
	p.anyway(n)
	p.room -= limit / 2
	p.groups(n)
	if len(n.Own) > 0 {
		p.list("\n## Only on "+n.Branch+"\n\n", "commit", own(n.Own))
	}
	p.room += limit / 2
	p.rendered(n)
	return p.text.String()
}

// page is Markdown as it grows.
type page struct {
	text strings.Builder
	// room is how many bytes may be added.
	room int
}

// add adds a text if there is room for it, and says whether there was.
func (p *page) add(s string) bool {
	if len(s) > p.room {
		return false
	}
	p.text.WriteString(s)
	p.room -= len(s)
	return true
}

// list adds a titled list, or as many items of it as there is room for and how many are left.
func (p *page) list(title, noun string, items []string) {
	const reserve = len("- … and 9,999,999 more commits\n")
	size, n := len(title)+reserve, 0
	for n < len(items) && size+len(items[n]) <= p.room {
		size += len(items[n])
		n++
	}
	text := title + strings.Join(items[:n], "")
	if left := len(items) - n; left > 0 {
		text += "- … and " + markdown.Count(left, "more "+noun) + "\n"
	}
	p.add(text)
}

func (n Notes) head() string {
	what := "Release of " + markdown.Code(n.Branch) + ", commit " + markdown.Code(n.Commit) + ".\n"
	if n.First() {
		return what + "\nThe first release of this branch" + with(n) + ".\n"
	}
	return what + "\nSince " + markdown.Code(n.Previous.String()) + ": " + n.counted() + ".\n"
}

// with says what a first release has beside what main had when the branch began.
func with(n Notes) string {
	if len(n.Changes)+len(n.Own) == 0 {
		return ", with " + markdown.Count(len(n.Addons), "addon")
	}
	return ", with " + markdown.Count(len(n.Addons), "addon") + ". Since the branch began: " + n.counted()
}

// counted says how much the release brings.
func (n Notes) counted() string {
	var parts []string
	if c := len(n.Changes); c > 0 {
		parts = append(parts, markdown.Count(c, "change")+" of main")
	}
	if c := len(n.Own); c > 0 {
		parts = append(parts, markdown.Count(c, "commit")+" that only this branch has")
	}
	if len(parts) == 0 {
		return "no changes"
	}
	return strings.Join(parts, ", ")
}

func (p *page) anyway(n Notes) {
	if n.Anyway == "" {
		return
	}
	var items []string
	for _, a := range n.Against {
		items = append(items, "- "+markdown.Text(markdown.Clip(a, reasonWidth))+"\n")
	}
	p.add("\n**Released anyway**: " + markdown.Text(markdown.Clip(n.Anyway, reasonWidth)) + "\n")
	if len(items) > 0 {
		p.list("\nThe checks said:\n\n", "reason", items)
	}
}

// groups adds what happened addon by addon, and then elsewhere. Where not all has room, each gets the same share.
func (p *page) groups(n Notes) {
	groups := grouped(n)
	title := "\n## Addons\n"
	if n.First() {
		p.offered(n.Addons)
		title = "\n## Since the branch began\n"
	}
	heads, lines := make([]string, len(groups)), make([][]string, len(groups))
	size := len(title)
	for i, g := range groups {
		heads[i] = "\n### " + markdown.Text(markdown.Clip(g.title, nameWidth)) + "\n\n"
		if s := g.addon.summary(); s != "" {
			heads[i] += s + "\n\n"
		}
		for _, c := range g.changes {
			lines[i] = append(lines[i], c.line())
		}
		if size += len(heads[i]) + len(strings.Join(lines[i], "")); len(lines[i]) == 0 {
			heads[i] = strings.TrimSuffix(heads[i], "\n")
		}
	}
	if len(groups) == 0 || !p.add(title) {
		return
	}
	share := p.room / len(groups)
	if size <= p.room {
		share = p.room
	}
	left := 0
	for i := range groups {
		if !p.share(share, heads[i], "change", lines[i]) {
			left++
		}
	}
	if left > 0 {
		p.add("\n… and " + markdown.Count(left, "more addon") + "\n")
	}
}

// offered adds the addons of a first release.
func (p *page) offered(addons []Addon) {
	var items []string
	for _, a := range addons {
		item := "- " + markdown.Text(markdown.Clip(a.Name, nameWidth))
		if s := a.summary(); s != "" {
			item += ": " + s
		}
		items = append(items, item+"\n")
	}
	if len(items) > 0 {
		p.list("\n## Addons\n\n", "addon", items)
	}
}

// share is list within a share of the room.
func (p *page) share(share int, title, noun string, items []string) bool {
	whole := p.room
	p.room = min(share, whole)
	before := p.text.Len()
	p.list(title, noun, items)
	added := p.text.Len() - before
	p.room = whole - added
	return added > 0
}

// group is an addon with its changes.
type group struct {
	title   string
	addon   Addon
	changes []Change
}

// elsewhere is what changes are under that touch no addon.
const elsewhere = "Elsewhere in the repository"

// grouped are the addons with something to tell, and what is elsewhere. A change that touches several addons is under each.
func grouped(n Notes) (groups []group) {
	known := map[string]int{}
	for _, a := range n.Addons {
		known[a.Name] = len(groups)
		g := group{title: a.Name, addon: a}
		if n.First() {
			g.addon = Addon{} // Its versions are listed with those of all others.
		}
		groups = append(groups, g)
	}
	rest := group{title: elsewhere}
	for _, c := range n.Changes {
		found := false
		for _, name := range c.Addons {
			if at, ok := known[name]; ok {
				groups[at].changes = append(groups[at].changes, c)
				found = true
			}
		}
		if !found {
			rest.changes = append(rest.changes, c)
		}
	}
	groups = append(groups, rest)
	return slices.DeleteFunc(groups, func(g group) bool {
		return len(g.changes)+len(g.addon.Versions) == 0 && !g.addon.New && !g.addon.Gone
	})
}

// summary says what becomes of an addon and its versions.
func (a Addon) summary() string {
	var parts []string
	switch {
	case a.New:
		parts = append(parts, "**new**")
	case a.Gone:
		parts = append(parts, "**not offered any more**")
	}
	for _, v := range a.Versions {
		parts = append(parts, v.markdown())
	}
	const most = 20
	if len(parts) > most {
		parts = append(parts[:most], "and "+markdown.Count(len(parts)-most, "more version"))
	}
	return strings.Join(parts, " · ")
}

func (v Version) markdown() string {
	code := func(s string) string { return markdown.Code(markdown.Clip(s, nameWidth)) }
	of := markdown.Text(markdown.Clip(v.Of, nameWidth))
	switch {
	case v.Before == "":
		return of + " " + code(v.After)
	case v.After == "":
		return of + " " + code(v.Before) + " is gone"
	}
	return of + " " + code(v.Before) + " → " + code(v.After)
}

func (c Change) line() string {
	return "- " + markdown.Text(markdown.Clip(c.Title, titleWidth)) + " (" + strings.Join(c.origins(markdown.Code), ", ") + ")\n"
}

// origins say where a change came from and where else it is.
func (c Change) origins(code func(string) string) (parts []string) {
	if c.Pull > 0 {
		parts = append(parts, fmt.Sprintf("#%d", c.Pull))
	} else {
		parts = append(parts, code(short(c.Source)))
	}
	if c.PickPull > 0 {
		parts = append(parts, fmt.Sprintf("picked in #%d", c.PickPull))
	}
	if len(c.AlsoIn) > 0 {
		names := make([]string, len(c.AlsoIn))
		for i, t := range c.AlsoIn {
			names[i] = code(t.String())
		}
		parts = append(parts, "also in "+strings.Join(names, ", "))
	}
	return parts
}

func own(all []Own) (items []string) {
	for _, o := range all {
		items = append(items, fmt.Sprintf("- %s (%s by %s)\n", markdown.Text(markdown.Clip(o.Title, titleWidth)), markdown.Code(short(o.Commit)), markdown.Text(markdown.Clip(o.Author, nameWidth))))
	}
	return items
}

// rendered adds the comparison of what is rendered, in what room is left.
func (p *page) rendered(n Notes) {
	const title = "\n## In the rendered manifests\n\n"
	switch {
	case n.Report != nil && p.add(title):
		p.add(report.Markdown(*n.Report, p.room))
	case n.Report == nil && n.Uncompared != "":
		p.add(title + markdown.Text(markdown.Clip(n.Uncompared, reasonWidth)) + "\n")
	}
}

// short is the beginning of a commit, enough to name it.
func short(commit string) string { return commit[:min(len(commit), 10)] }
