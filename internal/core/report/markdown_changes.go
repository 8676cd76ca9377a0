package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// lineWidth is how long a line of a diff may be in Markdown.
const lineWidth = 300

// fewest are the lines of a diff that are worth showing when it does not fit as a whole.
const fewest = 5

// changes adds the diffs of objects, those of the greatest risk first, under their addons. A long one leaves room for others.
func (d *document) changes() {
	total := 0
	for _, a := range d.addons {
		total += len(a.entries)
	}
	if total == 0 {
		return
	}
	const title = "\n### Changes\n"
	if len(title) > d.room {
		d.leave(total, "object")
		return
	}
	budget := d.room - len(title)
	blocks := make([][]string, len(d.addons))
	heads := make([]string, len(d.addons))
	left := 0
	for _, place := range d.byRisk() {
		a := d.addons[place.addon]
		size := 0
		if heads[place.addon] == "" {
			size = len(heading(a))
		}
		block := d.block(a.entries[place.entry], min(budget-size, max(4000, d.room/4)))
		if block == "" {
			left++
			continue
		}
		heads[place.addon] = heading(a)
		budget -= size + len(block)
		blocks[place.addon] = append(blocks[place.addon], block)
	}
	if left < total {
		var b strings.Builder
		b.WriteString(title)
		for i := range d.addons {
			b.WriteString(heads[i] + strings.Join(blocks[i], ""))
		}
		d.add(b.String(), 1)
	}
	d.leave(left, "object")
}

// place is where an entry stands in a view.
type place struct{ addon, entry int }

// byRisk are all entries: those with a flag in the order of the flags, then the others addon by addon, and at last the schemas.
func (d *document) byRisk() []place {
	var flagged, others, schemas []place
	for i, a := range d.addons {
		for j, e := range a.entries {
			switch p := (place{i, j}); {
			case e.rank != unflagged:
				flagged = append(flagged, p)
			case isCRD(e.Change):
				schemas = append(schemas, p)
			default:
				others = append(others, p)
			}
		}
	}
	slices.SortStableFunc(flagged, func(a, b place) int {
		return cmp.Compare(d.addons[a.addon].entries[a.entry].rank, d.addons[b.addon].entries[b.entry].rank)
	})
	return slices.Concat(flagged, others, schemas)
}

func heading(a *addon) string {
	return "\n#### " + markdown.Text(markdown.Clip(a.name, nameWidth)) + "\n\n" + strings.Join(a.summary(), ", ") + "\n"
}

// block is the diff of an object that opens on a click, at most size bytes long; empty when not even its beginning fits.
func (d *document) block(e entry, size int) string {
	head := "\n<details><summary>" + d.caption(e) + "</summary>\n\n"
	const tail = "\n</details>\n"
	if size -= len(head) + len(tail); size < 0 {
		return ""
	}
	body, whole := d.body(e, size)
	if body == "" && !whole {
		return ""
	}
	return head + body + tail
}

// caption is what a reader sees of an object before the click.
func (d *document) caption(e entry) string {
	parts := []string{markdown.Tag(markdown.Clip(e.Object.String(), nameWidth)) + " " + string(e.Kind)}
	if e.Kind == diff.Renamed && e.From != nil {
		parts[0] = markdown.Tag(markdown.Clip(e.From.String(), nameWidth)) + " → " + markdown.Tag(markdown.Clip(e.Object.String(), nameWidth)) + " " + string(e.Kind)
	}
	switch n := len(e.Fields); {
	case isCRD(e.Change):
	case n == 1:
		if l, ok := inline(&e.Fields[0], 120); ok {
			parts = append(parts, markdown.Tag(l))
		} else {
			parts = append(parts, markdown.Tag(markdown.Clip(shown(&e.Fields[0]), 120)))
		}
	case n > 1:
		parts = append(parts, markdown.Count(n, "field"))
	}
	if only := d.only("", e.minors); only != "" {
		parts = append(parts, only)
	}
	for _, c := range e.codes {
		parts = append(parts, "<b>"+markdown.Text(markdown.Clip(string(c), 60))+"</b>")
	}
	return strings.Join(parts, " · ")
}

// body is the diff itself, or its beginning. Schemas are summed up: their text is for the page.
func (d *document) body(e entry, size int) (text string, whole bool) {
	if isCRD(e.Change) {
		var b strings.Builder
		for _, l := range schema(e.Change) {
			b.WriteString("- " + markdown.Text(markdown.Clip(l, messageWidth)) + "\n")
		}
		if b.Len() > size {
			return "", false
		}
		if rest, _ := fenced(fields(e.Change), size-b.Len()-1, 40); rest != "" {
			b.WriteString("\n" + rest)
		}
		return b.String(), true
	}
	return fenced(lines(e.Change, lineWidth), size, 0)
}

// fields are the lines of a schema's change without the descriptions.
func fields(c diff.Change) []line {
	if c.Kind != diff.Changed {
		return nil
	}
	kept := c.Fields[:0:0]
	for _, f := range c.Fields {
		if !strings.HasSuffix(f.Path, "/description") {
			f.Before, f.After = brief(f.Before), brief(f.After)
			kept = append(kept, f)
		}
	}
	c.Fields = kept
	return lines(c, lineWidth)
}

// brief is a part of a schema, or how large it is when nobody would read it.
func brief(v any) any {
	if n := leaves(v); n > 12 {
		return "(" + markdown.Count(n, "value") + ")"
	}
	return v
}

// fenced writes lines as a diff of at most size bytes and, if most is not zero, at most that many lines. What is too long ends with a count.
func fenced(all []line, size, most int) (text string, whole bool) {
	if len(all) == 0 {
		return "", true
	}
	texts := make([]string, 0, len(all))
	for _, l := range all {
		texts = append(texts, l.markdown())
	}
	if most == 0 || len(texts) <= most {
		if text := markdown.Fence("diff", texts); len(text) <= size {
			return text, true
		}
	}
	if most > 0 && len(texts) > most {
		texts = texts[:most]
	}
	// The fence may be as long as the longest line, twice.
	used, n := len("``````diff\n\n… 9,999,999 more lines\n")+2*lineWidth/4, 0
	for n < len(texts) && used+len(texts[n])+1 <= size {
		used += len(texts[n]) + 1
		n++
	}
	for ; n >= min(fewest, len(texts)); n-- {
		rest := "… " + markdown.Count(len(all)-n, "more line")
		if text := markdown.Fence("diff", append(texts[:n:n], rest)); len(text) <= size {
			return text, false
		}
	}
	return "", false
}

// markdown is a line as GitHub colours it.
func (l line) markdown() string {
	switch l.op {
	case heads:
		return "@@ " + l.text + " @@"
	case remark:
		return "# " + l.text
	}
	return string(rune(l.op)) + " " + l.text
}
