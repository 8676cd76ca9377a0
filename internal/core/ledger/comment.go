package ledger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/release"
)

// Comment tells a pull request where its changes are. Rows are its changes, newest first as in the ledger; page is the repository's address, empty
// when there is none to link to.
func Comment(rows []Row, page string) string {
	branches := map[string]bool{}
	for _, r := range rows {
		for branch := range r.Branches {
			branches[branch] = true
		}
	}
	var b strings.Builder
	b.WriteString("### Where this is\n\n")
	if len(branches) == 0 {
		b.WriteString("There is no release branch that it could be on.\n")
		return b.String()
	}
	several := len(rows) > 1
	header := []string{"branch", "state", "where", "why"}
	if several {
		header = slices.Insert(header, 1, "change")
	}
	line(&b, header...)
	line(&b, slices.Repeat([]string{"---"}, len(header))...)
	for _, branch := range ordered(branches) {
		for _, r := range slices.Backward(rows) {
			e := r.Branches[branch]
			cells := []string{markdown.Code(branch), string(e.State), e.where(page), markdown.Text(e.why())}
			if several {
				cells = slices.Insert(cells, 1, link(page, r.Commit)+" "+markdown.Text(clip(r)))
			}
			line(&b, cells...)
		}
	}
	first := ordered(branches)[0]
	m, _ := release.ParseBranch(first)
	fmt.Fprintf(&b, "\nThe label %s on this pull request keeps it from all branches, %s from %s alone.\n",
		markdown.Code(labelSkip), markdown.Code(labelSkipMinor+m.String()), markdown.Code(first))
	return b.String()
}

// why is the reason, where it says more than the state and the place do.
func (e Entry) why() string {
	if e.State == Open && e.Reason == isOpen(e.Pull) {
		return ""
	}
	return e.Reason
}

// Markdown is the ledger as a page: the changes that at least one branch was not cut with, or all.
func Markdown(l Ledger, all bool, page string) string {
	rows, older := l.shown(all)
	branches := l.Branches()
	if len(branches) == 0 {
		return "There are no live release branches.\n"
	}
	var b strings.Builder
	if len(rows) > 0 {
		header := []string{"change", "title"}
		for _, branch := range branches {
			header = append(header, markdown.Code(branch))
		}
		line(&b, header...)
		line(&b, slices.Repeat([]string{"---"}, len(header))...)
		for _, r := range rows {
			title := markdown.Text(clip(r))
			if r.Pull > 0 {
				title += " " + pullLink(page, r.Pull)
			}
			cells := []string{link(page, r.Commit), title}
			for _, branch := range branches {
				e := r.Branches[branch]
				cells = append(cells, strings.TrimSpace(string(e.State)+" "+e.where(page)))
			}
			line(&b, cells...)
		}
	}
	if why := reasons(rows, branches); len(why) > 0 {
		b.WriteString("\n### Why\n\n")
		for _, w := range why {
			var on []string
			for _, branch := range w.branches {
				on = append(on, markdown.Code(branch))
			}
			fmt.Fprintf(&b, "- %s on %s: %s\n", link(page, w.row.Commit), strings.Join(on, ", "), markdown.Text(w.text))
		}
	}
	b.WriteString("\n### Differences from main\n\n")
	for _, branch := range branches {
		if len(l.Differences[branch]) == 0 {
			fmt.Fprintf(&b, "- %s: none\n", markdown.Code(branch))
			continue
		}
		fmt.Fprintf(&b, "- %s\n", markdown.Code(branch))
		for _, d := range l.Differences[branch] {
			fmt.Fprintf(&b, "  - %s: %s\n", markdown.Code(d.subject()), markdown.Text(d.Reason))
		}
	}
	if older > 0 {
		fmt.Fprintf(&b, "\n%s that every branch was cut with: not shown.\n", markdown.Count(older, "change"))
	}
	return b.String()
}

func line(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// where is the release, commit and pull request of an entry.
func (e Entry) where(page string) string {
	var parts []string
	if e.Tag != "" {
		parts = append(parts, markdown.Code(e.Tag))
	}
	if e.Commit != "" {
		parts = append(parts, link(page, e.Commit))
	}
	if e.Pull > 0 {
		parts = append(parts, pullLink(page, e.Pull))
	}
	return strings.Join(parts, " ")
}

// link names a commit. Hashes and numbers need no care, and page is our own.
func link(page, commit string) string {
	if page == "" {
		return "`" + short(commit) + "`"
	}
	return "[`" + short(commit) + "`](" + page + "/commit/" + commit + ")"
}

func pullLink(page string, n int) string {
	if page == "" {
		return number(n)
	}
	return fmt.Sprintf("[%s](%s/pull/%d)", number(n), page, n)
}
