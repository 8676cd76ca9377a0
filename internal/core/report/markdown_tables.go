package report

import (
	"fmt"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// images adds a table of what happens to images, with links where a registry has a page for people.
func (d *document) images() {
	var items []string
	for _, a := range d.addons {
		for _, i := range a.images {
			before, old := imageParts(i.Before)
			after, now := imageParts(i.After)
			name, from, to := markdown.Code(markdown.Clip(after, nameWidth)), imageVersion(old, i.Before), imageVersion(now, i.After)
			switch {
			case i.Before == "":
				from = "–"
			case i.After == "":
				name, to = markdown.Code(markdown.Clip(before, nameWidth)), "–"
			case before != after:
				name = markdown.Code(markdown.Clip(before, nameWidth)) + " → " + name
			}
			if link := imageLink(i.After); link != "" && len(link) < 500 {
				to = "[" + to + "](<" + link + ">)"
			}
			items = append(items, fmt.Sprintf("| %s | %s | %s | %s%s |\n", name, from, to, markdown.Text(markdown.Clip(a.name, nameWidth)), d.only(", ", i.minors)))
		}
	}
	d.table("\n### Images\n\n| image | from | to | addon |\n| --- | --- | --- | --- |\n", items, 4, "image")
}

// imageVersion is what names an image within its repository, as code.
func imageVersion(version, image string) string {
	if version == "" && image != "" {
		return "no tag"
	}
	return markdown.Code(markdown.Clip(version, nameWidth))
}

// matrix adds a table of addons and minors.
func (d *document) matrix() {
	rows := d.rows()
	if len(rows) == 0 || len(d.Minors) == 0 {
		return
	}
	agreed := d.agreed(rows)
	head := []string{"addon"}
	if agreed {
		head = append(head, "on "+ranges(d.Minors))
	} else {
		for _, m := range d.Minors {
			head = append(head, m.String())
		}
	}
	var items []string
	for _, a := range rows {
		cells := d.cells(a)
		if agreed {
			cells = cells[:1]
		}
		items = append(items, "| "+markdown.Text(markdown.Clip(a.name, nameWidth))+" | "+strings.Join(cells, " | ")+" |\n")
	}
	if n := d.noisy(); n > 0 {
		items = append(items, "| "+markdown.Count(n, "addon")+" with nothing but known noise"+strings.Repeat(" | –", len(head)-1)+" |\n")
	}
	if d.Same > 0 {
		items = append(items, "| "+markdown.Count(d.Same, "other addon")+strings.Repeat(" | –", len(head)-1)+" |\n")
	}
	title := "\n### By addon and minor\n\n| " + strings.Join(head, " | ") + " |\n|" + strings.Repeat(" --- |", len(head)) + "\n"
	d.table(title, items, 3, "addon")
}

// table adds a table with as many rows as have room within a share.
func (d *document) table(title string, rows []string, share int, noun string) {
	if len(rows) == 0 {
		return
	}
	budget, n := d.room/share-len(title), 0
	for n < len(rows) && len(rows[n]) <= budget {
		budget -= len(rows[n])
		n++
	}
	if n > 0 {
		d.add(title+strings.Join(rows[:n], ""), 1)
	}
	d.leave(len(rows)-n, noun)
}
