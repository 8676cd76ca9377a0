package pick

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// Check is the name of the check that keeps unfinished picks from being merged.
const Check = "addons/no-conflicts"

// Decided begins a line of a commit message that says that a path with a conflict is right as it is.
const Decided = "Resolved: "

// The labels of pull requests of picks.
const (
	LabelPick     = "cherry-pick"
	LabelConflict = "conflict"
	// LabelNever on a source pull request keeps it off all release branches, with a slash and a minor off one.
	LabelNever = "no-cherry-pick"
)

// What GitHub takes: 65,536 characters of body, of which some stay free, and 256 of title.
const (
	maxBody  = 60_000
	maxTitle = 256
)

// Request is what a pull request is written from.
type Request struct {
	// Repository is owner/name, URL its page.
	Repository, URL string
	Branch          string
	Source          Source
	Outcome         Outcome
	// Earlier are changes of main that the branch does not have and that touch the conflicting paths, oldest first, each with where it is.
	Earlier []Earlier
	Marker  Marker
}

// Earlier is a change that a conflict may come from missing.
type Earlier struct {
	Commit, Title string
	Pull          int
	Entry         ledger.Entry
}

// Proposal is what a pull request says.
type Proposal struct {
	Title, Body string
	Draft       bool
	Labels      []string
	Assignees   []string
}

// Write writes it. Text from outside stays text: it mentions nobody, closes no issue, ends no block.
func Write(r Request) Proposal {
	p := Proposal{Title: title(r.Branch, r.Source.Title()), Draft: !r.Outcome.Clean(), Labels: []string{LabelPick}}
	if p.Draft {
		p.Labels = append(p.Labels, LabelConflict)
	}
	// GitHub assigns no Apps.
	if s := r.Source.Pull; s != nil && s.Author != "" && !strings.HasSuffix(s.Author, "[bot]") {
		p.Assignees = []string{s.Author}
	}
	for _, rows := range []int{200, 100, 50, 25, 10, 5, 2} {
		if p.Body = Hide(body(r, rows), r.Marker); len(p.Body) <= maxBody {
			return p
		}
	}
	// Only the marker can be so long.
	p.Body = body(r, 2)
	return p
}

func title(branch, text string) string {
	t := "[" + branch + "] " + markdown.OneLine(text)
	if utf8.RuneCountInString(t) > maxTitle {
		t = string([]rune(t)[:maxTitle-1]) + "…"
	}
	return t
}

// writer writes the parts of a body, with so many rows in each list.
type writer struct {
	strings.Builder
	Request
	rows int
}

func body(r Request, rows int) string {
	w := &writer{Request: r, rows: rows}
	w.verdict()
	w.resolved()
	w.warnings()
	if !r.Outcome.Clean() {
		w.conflicts()
		w.earlier()
		w.byHand()
	}
	w.next()
	return w.String()
}

func (w *writer) printf(format string, args ...any) { fmt.Fprintf(w, format, args...) }

// verdict says what is picked from where, and whether it applies.
func (w *writer) verdict() {
	what, result := "a change of main", "It applies cleanly."
	switch n := len(w.Source.Changes); {
	case w.Source.Pull != nil && n > 1:
		what = fmt.Sprintf("#%d, %d changes of main,", w.Source.Pull.Number, n)
	case w.Source.Pull != nil:
		what = fmt.Sprintf("#%d", w.Source.Pull.Number)
	}
	o := w.Outcome
	switch n := len(o.Conflicts); {
	case n > 0 && merged(o.Conflicts):
		result = "It applies, but the result does not work."
	case n > 0:
		result = "It does not apply: " + markdown.Count(n, "conflict") + " for a person to decide."
	case len(o.Resolved) > 0:
		result = "It applies, with " + markdown.Count(len(o.Resolved), "version") + " decided by the rule below."
	}
	w.printf("Picks %s to `%s`. **%s**\n\n", what, w.Branch, result)
	for i, c := range w.Source.Changes {
		if w.more(i, len(w.Source.Changes), "change") {
			break
		}
		fate := "is left for later"
		switch {
		case slices.Contains(o.Picked, c.Hash):
			fate = "applied"
		case slices.Contains(o.Empty, c.Hash):
			fate = "changes nothing here"
		case c.Hash == o.Stopped:
			fate = "**conflict**"
		case slices.Contains(o.Left, c.Hash):
			fate = "not tried, it comes after the conflict"
		}
		w.printf("- %s %s, by %s: %s\n", w.commit(c.Hash), prose(change.Subject(Message(c))), prose(c.Author.Name), fate)
	}
	w.WriteString("\n")
}

// merged tells of conflicts that Git did not see.
func merged(all []Conflict) bool {
	return !slices.ContainsFunc(all, func(c Conflict) bool { return c.Kind != YAML && c.Kind != Render })
}

func (w *writer) resolved() {
	if len(w.Outcome.Resolved) == 0 {
		return
	}
	w.WriteString("### Versions that both sides changed\n\n| File | Addon | Branch | Main | Taken | Why |\n|---|---|---|---|---|---|\n")
	for i, r := range w.Outcome.Resolved {
		if i == w.rows {
			break
		}
		place := name(r.Path)
		if r.Line > 0 {
			place += fmt.Sprintf(" line %d", r.Line)
		}
		w.printf("| %s | %s | %s | %s | %s | %s |\n", place, name(r.Addon), name(r.Ours), name(r.Theirs), name(r.Taken), prose(r.Reason))
	}
	w.more(w.rows, len(w.Outcome.Resolved), "version")
	w.WriteString("\n")
}

func (w *writer) warnings() {
	for i, text := range w.Outcome.Warnings {
		if w.more(i, len(w.Outcome.Warnings), "warning") {
			break
		}
		w.printf("- **Warning:** %s\n", prose(text))
	}
	if len(w.Outcome.Warnings) > 0 {
		w.WriteString("\n")
	}
}

// advice says for each kind what has happened and what to do.
var advice = map[Kind]string{
	Content:         "Both sides changed the same lines. Choose between the markers.",
	ModifyDelete:    "One side changed the file, the other removed it. Here is the branch's side: remove the file, or take the change's.",
	Rename:          "The file was renamed, and the other side has other plans for it. Here is the branch's side: move and edit by hand.",
	Mode:            "The sides made different kinds of file of it, such as executable or a link. Here is the branch's side: take one.",
	Binary:          "Git cannot merge it. Here is the branch's file: keep it, or take the change's.",
	FileOrDirectory: "It is a file on one side and a folder on the other. Here is the branch's side: move one of them.",
	Submodule:       "It is a submodule. Here is the branch's commit: keep it, or take the change's.",
	YAML:            "It merged, and cannot be read any more. Correct it.",
	Render:          "It merged, and the addon does not render any more. Correct it.",
}

func (w *writer) conflicts() {
	all := w.Outcome.Conflicts
	w.WriteString("### To decide\n\n| Path | Conflict | What to do |\n|---|---|---|\n")
	for i, c := range all {
		if i == w.rows {
			break
		}
		what := advice[c.Kind]
		if c.Message != "" && c.Kind != Content {
			// Git says no more of those than that there are some.
			what = strings.TrimSpace(what + " " + markdown.Text(markdown.Clip(markdown.OneLine(c.Message), 400)))
		}
		w.printf("| %s | %s | %s |\n", name(c.Path), markdown.Text(string(c.Kind)), what)
	}
	w.more(w.rows, len(all), "conflict")
	w.WriteString("\n")
}

func (w *writer) earlier() {
	if len(w.Earlier) == 0 {
		return
	}
	w.printf("### Earlier changes of these files that `%s` does not have\n\nThe conflict may come from that. If one of them belongs here, merge it first.\n\n"+
		"| Change of main | Is here |\n|---|---|\n", w.Branch)
	for i, e := range w.Earlier {
		if i == w.rows {
			break
		}
		change := w.commit(e.Commit) + " " + prose(e.Title)
		if e.Pull != 0 {
			change = fmt.Sprintf("#%d ", e.Pull) + change
		}
		state := markdown.Text(string(e.Entry.State))
		if e.Entry.Pull != 0 {
			state += fmt.Sprintf(", #%d", e.Entry.Pull)
		}
		if e.Entry.Reason != "" {
			state += ": " + prose(e.Entry.Reason)
		}
		w.printf("| %s | %s |\n", change, state)
	}
	w.more(w.rows, len(w.Earlier), "change")
	w.WriteString("\n")
}

func (w *writer) byHand() {
	w.WriteString("### To finish by hand\n\nIn a clone whose `origin` is this repository:\n\n")
	w.WriteString(markdown.Fence("sh", commands(w.Request, w.rows)))
	w.WriteString("\n")
}

// next says what comes of what a person does now.
func (w *writer) next() {
	never := ""
	if w.Source.Pull != nil {
		never = fmt.Sprintf(" The label `%s/%s` on #%d keeps it off this branch for good.",
			LabelNever, strings.TrimPrefix(w.Branch, "release-"), w.Source.Pull.Number)
	}
	w.WriteString("### What happens next\n\n")
	if w.Outcome.Clean() {
		w.WriteString("- Merging is up to you, in whichever way you merge.\n")
	} else {
		w.printf("- The check `%s` fails until all of it is decided: it looks at the files. Then mark this pull request as ready and merge it.\n"+
			"- A path that is right as it is here needs a line `%sPATH` in the message of a commit on this branch.\n"+
			"- When an earlier change lands and this one applies cleanly after it, a new pull request takes the place of this one.\n"+
			"- Commits that people push to this branch are never overwritten.\n", Check, Decided)
	}
	w.printf("- Close it to refuse it. It is opened again only when it would change something else.%s\n", never)
}

// more ends a list that is too long, and tells whether it did.
func (w *writer) more(i, n int, noun string) bool {
	if i != w.rows || n <= i {
		return false
	}
	w.printf("\n%s more.\n", markdown.Count(n-i, noun))
	return true
}

// commit names a commit, with its page where there is one.
func (w *writer) commit(hash string) string {
	if w.URL == "" {
		return name(short(hash))
	}
	return fmt.Sprintf("[%s](%s/commit/%s)", name(short(hash)), strings.TrimSuffix(w.URL, "/"), hash)
}

func prose(s string) string { return markdown.Text(markdown.Clip(markdown.OneLine(s), 300)) }
func name(s string) string  { return markdown.Code(markdown.Clip(s, 300)) }
