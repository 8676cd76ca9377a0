package proposal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// told are the notes of one version, ready to be cut anywhere between its pieces.
type told struct {
	// head names the version where HTML is read, line where Markdown is.
	head, line string
	page       string
	// cut tells that the publisher wrote more than was read.
	cut    bool
	pieces []piece
	size   int
}

// fewest are the bytes below which notes of a version are not begun.
const fewest = 200

// notes are the release notes, in at most room bytes: of every version the same share, and what one does not need is for the others.
func (w *writer) notes(room int) string {
	const heading = "\n## Release notes\n"
	var all []told
	silent, left := 0, 0
	count := 0
	for _, ofChange := range w.Notes {
		count += len(ofChange)
	}
	most := max(1, room/(2*fewest))
	for i, ofChange := range w.Notes {
		for _, n := range ofChange {
			if len(all) == most {
				left++
				continue
			}
			v := w.told(i, n, max(4000, 2*room/min(count, most)))
			if len(v.pieces) == 0 && v.page == "" {
				silent++
				continue
			}
			all = append(all, v)
		}
	}
	end := ""
	if silent > 0 {
		end = fmt.Sprintf("\nOf %s there are none.\n", markdown.Count(silent, "more version"))
	}
	room -= len(heading) + len(end) + len("\n… and 9,999,999 more versions.\n")
	shares := share(all, room)
	var b strings.Builder
	for i, v := range all {
		text := v.markdown(shares[i])
		if text == "" || b.Len()+len(text) > room {
			left++
			continue
		}
		b.WriteString(text)
	}
	if left > 0 {
		end += fmt.Sprintf("\n… and %s.\n", markdown.Count(left, "more version"))
	}
	if b.Len()+len(end) == 0 {
		return ""
	}
	return heading + b.String() + end
}

func (w *writer) told(change int, n Note, most int) told {
	of := n.Of
	if several(w.Proposal.Changes) && change < len(w.Proposal.Changes) && w.Proposal.Changes[change].Addon != n.Of {
		of = w.Proposal.Changes[change].Addon + ", " + n.Of
	}
	v := told{head: prose(of, 100) + " " + markdown.Tag(markdown.Clip(n.Version, 100)), line: prose(of, 100) + " " + markdown.Code(markdown.Clip(n.Version, 100))}
	l := linkerFor(w.URL, n.URL)
	if to, ok := l.address(n.URL); ok {
		v.page = to
	}
	source := beginning(n.Text, min(most, maxSource))
	v.pieces, v.cut = quiet(source, l), len(source) < len(n.Text)
	v.size = len(v.frame("")) + len(v.rest())
	for i, p := range v.pieces {
		v.size += len(p.gap(i)) + len(p.text)
	}
	return v
}

// rest says where the notes go on.
func (v told) rest() string {
	if v.page == "" {
		return "\n\n… cut here."
	}
	return "\n\n… cut here; [all of it](<" + v.page + ">)."
}

func (v told) frame(text string) string {
	return "\n<details><summary>" + v.head + "</summary>\n\n" + text + "\n\n</details>\n"
}

// markdown is as much of the notes as has room; empty when it is too little.
func (v told) markdown(room int) string {
	if len(v.pieces) == 0 {
		text := "\n" + v.line + ": see [its page](<" + v.page + ">).\n"
		if len(text) > room {
			return ""
		}
		return text
	}
	if room < v.size && room < fewest {
		return ""
	}
	rest := v.rest()
	room -= len(v.frame("")) + len(rest)
	var b strings.Builder
	for i, p := range v.pieces {
		text := p.gap(i) + p.text
		if b.Len()+len(text) > room {
			return v.frame(strings.TrimPrefix(b.String()+rest, "\n\n"))
		}
		b.WriteString(text)
	}
	if v.cut {
		b.WriteString(rest)
	}
	return v.frame(b.String())
}

// share divides room: whoever needs less than an even part gets what it needs, the others even parts of what is left. Where even parts are too small to say
// anything, the last get none.
func share(all []told, room int) []int {
	shares := make([]int, len(all))
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return all[a].size - all[b].size })
	for n, i := range order {
		shares[i] = min(all[i].size, room/(len(order)-n))
		room -= shares[i]
	}
	return shares
}
