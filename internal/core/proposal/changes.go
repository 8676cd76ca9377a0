package proposal

import (
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
		return [][]string{{w.what(c), w.code(strings.TrimSpace(c.From + " " + digest(c.Pin.Digest))), w.code(strings.TrimSpace(c.To + " " + digest(c.Digest))), step, day(c)}}
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
	if s.Kind == upstream.GitHub && s.Name != "" {
		return w.code(s.Name) + " of " + text
	}
	return kinds[s.Kind] + " " + text
}
