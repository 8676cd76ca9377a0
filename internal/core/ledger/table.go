package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/release"
)

// Recent are the changes that at least one branch was not cut with, newest first, and how many older ones there are.
func (l Ledger) Recent() (rows []Row, older int) {
	end := len(l.Changes)
	for end > 0 && everywhere(l.Changes[end-1]) {
		end--
	}
	return l.Changes[:end], len(l.Changes) - end
}

func everywhere(r Row) bool {
	for _, e := range r.Branches {
		if e.State != Landed || e.Commit != r.Commit {
			return false
		}
	}
	return true
}

// Branches are the names of the release branches, by minor.
func (l Ledger) Branches() []string { return ordered(l.Differences) }

func ordered[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		x, _ := release.ParseBranch(a)
		y, _ := release.ParseBranch(b)
		return cmp.Or(x.Compare(y), cmp.Compare(a, b))
	})
}

// maxTitle is how much of a title a line of the table has.
const maxTitle = 60

// Table is the ledger for a terminal: the changes that at least one branch was not cut with, or all.
func Table(l Ledger, all bool) string {
	rows, older := l.shown(all)
	branches := l.Branches()
	var b strings.Builder
	if len(branches) == 0 {
		b.WriteString("there are no live release branches\n")
	}
	if len(rows) > 0 && len(branches) > 0 {
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "CHANGE\tPULL\tTITLE\t"+strings.Join(branches, "\t"))
		for _, r := range rows {
			pull := "-"
			if r.Pull > 0 {
				pull = number(r.Pull)
			}
			cells := []string{short(r.Commit), pull, clip(r)}
			for _, branch := range branches {
				cells = append(cells, r.Branches[branch].cell())
			}
			fmt.Fprintln(table, strings.Join(cells, "\t"))
		}
		_ = table.Flush() // A strings.Builder takes everything.
	}
	if why := reasons(rows, branches); len(why) > 0 {
		b.WriteString("\nWhy\n")
		for _, w := range why {
			fmt.Fprintf(&b, "  %s on %s: %s\n", short(w.row.Commit), strings.Join(w.branches, ", "), markdown.OneLine(w.text))
		}
	}
	for _, branch := range branches {
		differences := l.Differences[branch]
		if len(differences) == 0 {
			fmt.Fprintf(&b, "\n%s is as main\n", branch)
			continue
		}
		fmt.Fprintf(&b, "\n%s differs from main in\n", branch)
		for _, d := range differences {
			fmt.Fprintf(&b, "  %s: %s\n", d.subject(), markdown.OneLine(d.Reason))
		}
	}
	if older > 0 && len(branches) > 0 {
		fmt.Fprintf(&b, "\n%s that every branch was cut with: --all shows them\n", markdown.Count(older, "change"))
	}
	return b.String()
}

func (l Ledger) shown(all bool) (rows []Row, older int) {
	if all {
		return l.Changes, 0
	}
	return l.Recent()
}

// clip is a title without the number that stands beside it.
func clip(r Row) string {
	title := markdown.OneLine(strings.TrimSuffix(r.Title, " ("+number(r.Pull)+")"))
	if title == "" {
		return "(no title)"
	}
	if runes := []rune(title); len(runes) > maxTitle {
		return string(runes[:maxTitle-1]) + "…"
	}
	return title
}

// cell is an entry in a word or two.
func (e Entry) cell() string {
	switch {
	case e.State == Landed && e.Tag != "":
		return "landed " + e.Tag
	case (e.State == Open || e.State == Draft) && e.Pull > 0:
		return string(e.State) + " " + number(e.Pull)
	}
	return string(e.State)
}

// subject is what a difference is about.
func (d Difference) subject() string {
	if d.Addon != "" {
		return d.Addon
	}
	return markdown.Clean(strings.Join(d.Paths, ", "))
}

// reason is why a change is not on branches.
type reason struct {
	row      Row
	branches []string
	text     string
}

// reasons are those of changes that are not on their way, as far as they say something that the state does not.
func reasons(rows []Row, branches []string) (found []reason) {
	for _, r := range rows {
		first := len(found)
	next:
		for _, branch := range branches {
			e := r.Branches[branch]
			if e.Reason == "" || e.State == Landed || e.State == Open {
				continue
			}
			text := e.Reason
			for i := first; i < len(found); i++ {
				if found[i].text == text {
					found[i].branches = append(found[i].branches, branch)
					continue next
				}
			}
			found = append(found, reason{r, []string{branch}, text})
		}
	}
	return found
}
