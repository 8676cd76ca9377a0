package report

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// Limit is how many bytes Markdown may have: GitHub refuses 65,536 characters.
const Limit = 60_000

// Lengths of what comes from outside, in bytes: names are longer only by mistake or on purpose.
const (
	nameWidth    = 300
	messageWidth = 1000
)

// manyFlags are more than a reader takes in one by one: of more, only the first of each code are written.
const manyFlags = 25

// Markdown is the report for a pull request, at most limit bytes long, whatever is in it. What matters most comes first and is cut last; what
// is left out is counted at the end. Nothing in the report can leave its place: a name makes no link, mention or column, no text ends a fence.
func Markdown(r Report, limit int) string {
	v := newView(r)
	verdict := "**" + strings.Join(v.verdict(), " · ") + "**\n"
	d := &document{view: v, left: map[string]int{}}
	footer := len(d.footer(worst))
	if !r.Policies.silent() {
		footer += len(", 9,999,999 violations")
	}
	room := limit - len(verdict) - footer
	if room < 0 {
		return markdown.Cut(strings.Join(v.verdict(), " · ")+"\n", max(0, limit))
	}
	d.room = room
	d.commits()
	d.flags("Risks", r.Flags, 2)
	d.problems("Problems", v.failed, 4)
	d.policies()
	d.clusters()
	d.images()
	d.matrix()
	d.next()
	d.changes()
	return verdict + d.text.String() + d.footer(d.left)
}

// document is Markdown as it grows.
type document struct {
	view
	text strings.Builder
	// room is how many bytes may be added.
	room int
	// left counts what did not fit, by what it is.
	left map[string]int
}

// add adds a text if there is room for it within share of what is left, and says whether it did. One is all of it, two half of it.
func (d *document) add(text string, share int) bool {
	if len(text) > d.room/share {
		return false
	}
	d.text.WriteString(text)
	d.room -= len(text)
	return true
}

// leave notes that something had no room.
func (d *document) leave(n int, noun string) { d.left[noun] += n }

// nouns are what can be left out, in the order in which it is told; worst is the longest that the end can be.
var (
	nouns = []string{"risk", "problem", "violation", "group", "image", "addon", "object"}
	worst = map[string]int{"risk": 9999999, "problem": 9999999, "group": 9999999, "image": 9999999, "addon": 9999999, "object": 9999999}
)

// footer says what was left out, and where it is.
func (d *document) footer(counts map[string]int) string {
	var parts []string
	for _, noun := range nouns {
		if n := counts[noun]; n > 0 {
			parts = append(parts, markdown.Count(n, noun))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	left := strings.Join(parts, ", ")
	page := "`branch-bot diff --html FILE` writes everything"
	if d.Page != "" {
		page = "everything is in " + markdown.Code(markdown.Clip(d.Page, 60))
	}
	if linkable(d.Page) {
		page = "[everything is on a page](<" + d.Page + ">)"
	}
	return "\n*Left out here: " + left + "; " + page + ".*\n"
}

// linkable reports whether an address can stand in a link as it is.
func linkable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(address) > 500 {
		return false
	}
	return !strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\\|`\"", r) })
}

func (d *document) commits() {
	if d.Base == "" && d.Head == "" {
		return
	}
	d.add("\n"+markdown.Code(markdown.Clip(side(d.BaseName, d.Base), nameWidth))+" → "+markdown.Code(markdown.Clip(side(d.HeadName, d.Head), nameWidth))+"\n", 4)
}

// items adds a titled list, or as much of it as has room within a share, and returns how many items it had to leave out.
func (d *document) items(title string, items []string, share int, noun string) (left int) {
	if len(items) == 0 {
		return 0
	}
	budget := d.room/share - len(title) - len(more(len(items), noun))
	size, n := 0, 0
	for n < len(items) && size+len(items[n]) <= budget {
		size += len(items[n])
		n++
	}
	left = len(items) - n
	if n == 0 {
		return left
	}
	text := title + strings.Join(items[:n], "")
	if left > 0 {
		text += more(left, noun)
	}
	d.add(text, 1)
	return left
}

func more(n int, noun string) string { return "- … and " + markdown.Count(n, "more "+noun) + "\n" }

// flags adds risks: all of them, or fewer of each code until they fit, and at last the codes alone. No code is ever left out before anything
// else is.
func (d *document) flags(title string, flags []Flag, share int) {
	if len(flags) == 0 {
		return
	}
	title = "\n### " + title + "\n\n"
	byCode := map[fault.Code][]Flag{}
	var codes []fault.Code
	for _, f := range flags {
		if byCode[f.Code] == nil {
			codes = append(codes, f.Code)
		}
		byCode[f.Code] = append(byCode[f.Code], f)
	}
	levels := []int{manyFlags, 8, 3, 1}
	if len(flags) > manyFlags {
		levels = levels[1:]
	}
	for _, each := range levels {
		text, left := d.flagList(title, flags, byCode, each)
		if d.add(text, share) {
			d.leave(left, "risk")
			return
		}
	}
	counted, named := make([]string, len(codes)), make([]string, len(codes))
	for i, c := range codes {
		named[i] = markdown.Text(markdown.Clip(string(c), 60))
		counted[i] = "**" + named[i] + "** × " + markdown.Number(len(byCode[c]))
	}
	d.leave(len(flags), "risk")
	for _, text := range []string{title + strings.Join(counted, ", ") + "\n", title + strings.Join(named, ", ") + "\n", strings.Join(named, " ") + "\n"} {
		if d.add(text, 1) {
			return
		}
	}
	// Only with more codes than exist: the worst of them.
	for _, n := range named {
		if !d.add(n+" ", 1) {
			break
		}
	}
}

// flagList writes the first flags of each code, in their order, and says of the others how many there are.
func (d *document) flagList(title string, flags []Flag, byCode map[fault.Code][]Flag, each int) (text string, left int) {
	var b strings.Builder
	b.WriteString(title)
	written := map[fault.Code]int{}
	for _, f := range flags {
		if written[f.Code]++; written[f.Code] > each {
			left++
			continue
		}
		b.WriteString(d.flag(f))
		if rest := len(byCode[f.Code]) - each; written[f.Code] == each && rest > 0 {
			fmt.Fprintf(&b, "- **%s**: %s more\n", markdown.Text(markdown.Clip(string(f.Code), 60)), markdown.Number(rest))
		}
		if b.Len() > d.room {
			break
		}
	}
	return b.String(), left
}

func (d *document) flag(f Flag) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- **%s**: %s\n  %s", markdown.Text(markdown.Clip(string(f.Code), 60)), markdown.Text(markdown.Clip(f.Message, messageWidth)), markdown.Code(markdown.Clip(f.Object, nameWidth)))
	if path := d.pathOf(f); path != "" {
		b.WriteString(" " + markdown.Code(markdown.Clip(path, nameWidth)))
	}
	if where := d.where(markdown.Clip(f.Addon, nameWidth), f.Minors); where != "" {
		b.WriteString(" (" + markdown.Text(where) + ")")
	}
	return b.String() + "\n"
}

func (d *document) problems(title string, problems []Problem, share int) {
	var items []string
	for _, f := range failures(problems) {
		items = append(items, fmt.Sprintf("- **%s**: %s\n", markdown.Text(markdown.Clip(f.where, nameWidth)), markdown.Text(markdown.Clip(f.message, messageWidth))))
	}
	d.leave(d.items("\n### "+title+"\n\n", items, share, "problem"), "problem")
}

func (d *document) clusters() {
	if d.Clusters == nil {
		return
	}
	var items []string
	for _, g := range d.Clusters.Groups {
		byMinor := map[string]int{}
		var order []string
		for _, c := range g.Clusters {
			if byMinor[c.Minor.String()]++; byMinor[c.Minor.String()] == 1 {
				order = append(order, c.Minor.String())
			}
		}
		slices.Sort(order)
		for i, m := range order {
			order[i] = markdown.Number(byMinor[m]) + " on " + m
		}
		items = append(items, fmt.Sprintf("- **%s**: %s (%s): %s\n",
			markdown.Text(markdown.Clip(groupName(g), nameWidth)), markdown.Count(len(g.Clusters), "cluster"), strings.Join(order, ", "), markdown.Text(markdown.Clip(names(g, 5), nameWidth))))
	}
	d.leave(d.items("\n### Clusters\n\n", items, 5, "group"), "group")
}

// next adds what the minor after those asked for would say.
func (d *document) next() {
	d.flags("What "+d.Next.String()+" would say", d.forNext(), 4)
	d.problems("What fails on "+d.Next.String(), d.later, 4)
}

// forNext are the flags of the next minor, which need not say so each.
func (v *view) forNext() []Flag {
	flags := slices.Clone(v.NextFlags)
	for i := range flags {
		flags[i].Minors = nil
	}
	return flags
}
