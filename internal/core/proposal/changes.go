package proposal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// changes adds a table of what moves from where to where.
func (w *writer) changes() {
	all := w.Proposal.Changes
	if len(all) == 0 {
		return
	}
	addon := several(all)
	w.WriteString("\n### What moves\n\n")
	w.row(addon, "addon", "what", "from", "to", "step", "published")
	w.row(addon, "---", "---", "---", "---", "---", "---")
	rows := 0
	for i, c := range all {
		if rows >= w.rows {
			w.printf("\n… and %s.\n", markdown.Count(len(all)-i, "more change"))
			break
		}
		for _, cells := range w.rowsOf(c) {
			w.row(addon, append([]string{w.prose(c.Addon)}, cells...)...)
			rows++
		}
	}
}

// row writes cells, without the first where all would be the same.
func (w *writer) row(all bool, cells ...string) {
	if !all {
		cells = cells[1:]
	}
	w.printf("| %s |\n", strings.Join(cells, " | "))
}

// rowsOf are the lines of one change: the thing itself, what it holds, and what of it the files name.
func (w *writer) rowsOf(c upgrade.Change) (rows [][]string) {
	step := string(c.Size)
	if c.Security {
		step += ", **security**"
	}
	if c.Size == upstream.Digest {
		return [][]string{{w.what(c), w.code(c.From + " " + digest(c.Pin.Digest)), w.code(c.To + " " + digest(c.Digest)), step, day(c)}}
	}
	rows = append(rows, []string{w.what(c), w.code(c.From), w.linked(c), step, day(c)})
	if was, is := c.Was.App, c.Version.App; is != "" && was != is && !c.Pin.App {
		if was == "" {
			was = "–"
		} else {
			was = w.code(was)
		}
		rows = append(rows, []string{"the application in it", was, w.code(is), "", ""})
	}
	if c.Pin.App && c.Write != "" {
		rows = append(rows, []string{"the images of it", w.code(c.Pin.Version), w.code(c.Write), "", ""})
	}
	return rows
}

// digest is enough of one to tell it from others.
func digest(s string) string {
	algorithm, hex, ok := strings.Cut(s, ":")
	if !ok || len(hex) < 12 {
		return s
	}
	return algorithm + ":" + hex[:12]
}

// kinds are what versions are of, for people.
var kinds = map[upstream.Kind]string{
	upstream.Helm: "chart", upstream.Image: "image", upstream.GitHub: "releases of", upstream.Git: "tags of",
}

// what names the thing that moves, with a page about it where there is one.
func (w *writer) what(c upgrade.Change) string {
	s := c.Pin.Source
	shown, page := s.Repository, ""
	switch s.Kind {
	case upstream.Helm:
		shown = s.Name
		if len(c.Version.Links) > 0 {
			page = c.Version.Links[0]
		}
	case upstream.GitHub:
		page = "https://github.com/" + s.Repository
	case upstream.Git:
		page = s.Repository
	}
	text := w.code(shown)
	if to, ok := w.linker.address(page); ok {
		text = "[" + text + "](<" + to + ">)"
	}
	kind := kinds[s.Kind]
	if kind == "" {
		kind = w.prose(string(s.Kind))
	}
	return kind + " " + text
}

// refused adds why newer versions are not proposed: those with the same reason together, newest first.
func (w *writer) refused() {
	type line struct {
		addon, reason string
		versions      []string
	}
	var lines []*line
	names := addons(w.Proposal.Changes)
	for addon := range w.Proposal.Refused {
		if !slices.Contains(names, addon) {
			names = append(names, addon)
		}
	}
	slices.Sort(names)
	for _, addon := range names {
		for _, r := range w.Proposal.Refused[addon] {
			i := slices.IndexFunc(lines, func(l *line) bool { return l.addon == addon && l.reason == r.Reason })
			if i < 0 {
				i = len(lines)
				lines = append(lines, &line{addon: addon, reason: r.Reason})
			}
			lines[i].versions = append(lines[i].versions, r.Version)
		}
	}
	if len(lines) == 0 {
		return
	}
	w.printf("\n### Newer, and not proposed for %s\n\n", w.code(w.Proposal.Branch))
	addon := len(names) > 1
	w.row(addon, "addon", "version", "why not")
	w.row(addon, "---", "---", "---")
	for i, l := range lines {
		if w.more(i, len(lines), "reason") {
			break
		}
		w.row(addon, w.prose(l.addon), w.versions(l.versions), w.prose(l.reason))
	}
}

// versions names the first few.
func (w *writer) versions(all []string) string {
	const most = 5
	n := min(len(all), most, w.rows)
	if len(all) == n+1 {
		n++
	}
	codes := make([]string, n)
	for i := range n {
		codes[i] = w.code(all[i])
	}
	if len(all) > n {
		return fmt.Sprintf("%s and %s, down to %s", strings.Join(codes, ", "), markdown.Count(len(all)-n, "more"), w.code(all[len(all)-1]))
	}
	return strings.Join(codes, ", ")
}
