package proposal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// Write writes it, at most report.Limit bytes: release notes are cut first, then the report, never risks, commands and marker. It holds no time but that of
// publishing, so that the same upgrade is the same text every day.
func Write(r Request) Text {
	t := Text{Title: title(r.Proposal), Labels: labels(r.Proposal)}
	end := r.commands()
	hidden, said := len(Hide("x", r.Marker)), hints(r.Notes)
	for _, size := range sizes {
		w := &writer{Request: r, size: size, linker: linkerFor(r.URL, ""), hints: said}
		w.head()
		room := report.Limit - w.Len() - len(end) - hidden
		if room < report.Limit/2 && size != sizes[len(sizes)-1] {
			continue
		}
		notes := w.notes(room / 3)
		w.WriteString(notes)
		w.rendered(room - len(notes))
		t.Body = Hide(markdown.Cut(w.String()+end, report.Limit-hidden), r.Marker)
		break
	}
	return t
}

// size is how much of lists and names is written.
type size struct{ rows, width int }

var sizes = []size{{50, 300}, {25, 200}, {10, 100}, {4, 50}, {2, 25}}

// writer writes the parts of a body.
type writer struct {
	strings.Builder
	Request
	size
	linker linker
	// hints is what the release notes speak of.
	hints string
}

func (w *writer) printf(format string, args ...any) { fmt.Fprintf(w, format, args...) }

func (w *writer) prose(s string) string { return prose(s, w.width) }
func (w *writer) code(s string) string  { return markdown.Code(markdown.Clip(s, w.width)) }

func prose(s string, width int) string {
	return markdown.Text(markdown.Clip(markdown.OneLine(s), width))
}

func name(s string) string { return markdown.Code(markdown.Clip(s, 300)) }

// more ends a list that is too long, and tells whether it did.
func (w *writer) more(i, n int, noun string) bool {
	if i != w.rows || n <= i {
		return false
	}
	w.printf("\n… and %s.\n", markdown.Count(n-i, "more "+noun))
	return true
}

// head is everything before the report.
func (w *writer) head() {
	w.verdict()
	w.changes()
	w.refused()
	w.remarks()
}

func (w *writer) remarks() {
	if len(w.Remarks) == 0 {
		return
	}
	w.WriteString("\n### To know\n\n")
	for i, text := range w.Remarks {
		if w.more(i, len(w.Remarks), "remark") {
			break
		}
		w.printf("- %s\n", w.prose(text))
	}
}

// rendered adds the report, in what room is left.
func (w *writer) rendered(room int) {
	const heading = "\n## In the rendered manifests\n\n"
	if w.Report == nil {
		w.printf("%s%s\n", heading, w.unrendered())
		return
	}
	w.WriteString(heading)
	w.WriteString(report.Markdown(*w.Report, room-len(heading)))
}

func (w *writer) unrendered() string {
	why := ""
	if w.Unrendered != "" {
		why = ": " + strings.TrimSuffix(w.prose(w.Unrendered), ".")
	}
	return "It could not be rendered" + why + "."
}

// commands says what a person can do, and what comes of it.
func (r Request) commands() string {
	var b strings.Builder
	branch := markdown.Code(markdown.Clip(r.Proposal.Branch, 300))
	fmt.Fprintf(&b, "\n## What you can do\n\n- **Merge** it, in whichever way you merge.%s\n", r.afterMerge())
	b.WriteString("- **Close** it to refuse it. It is opened again only when another version is out, or when this one would change something else on clusters.\n")
	b.WriteString("- **Push** to its branch. From then on the branch is yours: the bot does not push to it any more.\n")
	b.WriteString("- **Comment** with one of these, alone on a line, if you have write access to this repository. Each gets an answer.\n\n")
	b.WriteString("| command | what happens |\n| --- | --- |\n")
	row := func(c Command, what string) { fmt.Fprintf(&b, "| `%s` | %s |\n", c, what) }
	row(Rebase, "The upgrade is made anew on the newest commit of "+branch+".")
	one := "This version is"
	switch c := r.Proposal.Changes; {
	case len(c) > 1:
		one = "These versions are"
	case len(c) == 1 && c[0].Size == upstream.Digest:
		one = "This content is"
	}
	row(IgnoreVersion, fmt.Sprintf("%s not proposed for %s any more; others are, older ones too. This pull request is closed; to take that back, reopen it before another one comes from its branch.", one, branch))
	if r.Proposal.Major {
		row(IgnoreMajor, "No version of this major is proposed for "+branch+" any more; the next major is. This pull request is closed; to take that back, reopen it before another one comes from its branch.")
	}
	return b.String() + "\n"
}

func (r Request) afterMerge() string {
	if _, is := release.ParseBranch(r.Proposal.Branch); is {
		return " Clusters get it with the next release of " + markdown.Code(markdown.Clip(r.Proposal.Branch, 300)) + ". It goes to no other branch."
	}
	text := ""
	if len(r.Proposal.Comes) > 0 {
		text += " Picks then take it to " + branches(r.Proposal.Comes) + "."
	}
	var kept []string
	for _, n := range r.Proposal.Not {
		if l := never(n.Branch); l != "" {
			kept = append(kept, l)
		}
	}
	if len(kept) > 0 {
		text += " " + verb(len(kept), "The label ", "The labels ") + branches(kept) + " " + verb(len(kept), "keeps", "keep") + " it from where it cannot run: what can run there is proposed there."
	}
	return text
}

// branches names some branches, each as code.
func branches(names []string) string {
	const most = 12
	var codes []string
	for i, n := range names {
		if i == most {
			codes = append(codes, fmt.Sprintf("%d more", len(names)-most))
			break
		}
		codes = append(codes, markdown.Code(markdown.Clip(n, 100)))
	}
	return and(codes)
}

// and lists words as people do.
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// addons are those of a proposal, in order.
func addons(changes []upgrade.Change) (names []string) {
	for _, c := range changes {
		if !slices.Contains(names, c.Addon) {
			names = append(names, c.Addon)
		}
	}
	return names
}
