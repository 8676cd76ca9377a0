package proposal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// Board is what the dashboard lists.
type Board struct {
	Repository, URL string
	// Open are the pull requests, Waiting those that are held back and why, by head. Of the plan, what is refused, wrong, and to be known.
	Open     []Listed
	Waiting  []Listed
	Plan     upgrade.Plan
	Ignored  []upgrade.Ignored
	Declined []Listed
	// Seen is remembered here, for versions whose source does not say when they were published.
	Seen map[upgrade.Release]time.Time
}

// Listed is one line of the dashboard.
type Listed struct {
	Proposal upgrade.Proposal
	// Pull is 0 while there is none.
	Pull int
	// Why says what is waited for, or why an open one is left as it is.
	Why string
}

// BoardTitle is the title of the dashboard's issue.
const BoardTitle = "Upgrades of addons"

// Dashboard writes the text, at most report.Limit bytes. The same world is the same text: there is no time in it.
func Dashboard(b Board) string {
	memory, sections := remember(b.Seen), b.sections()
	for _, rows := range []int{300, 150, 75, 40, 20, 10, 5, 2} {
		if text := board(sections, rows) + "\n" + memory; len(text) <= report.Limit {
			return text
		}
	}
	return summary(sections) + "\n" + memory
}

// section is a part of the dashboard: a table.
type section struct {
	title, about string
	// count names what is in it, in the summary.
	count   string
	columns []string
	rows    [][]string
}

// board writes the sections, with so many lines of each.
func board(sections []section, rows int) string {
	var s strings.Builder
	s.WriteString("Newer versions of what the addons of this repository are made of, and what has become of them. " +
		"The bot keeps this text up to date; what anybody else writes into it is lost. Who closes this issue does not see it any more: it stays closed, and is kept, since the bot also remembers here since when it has known versions.\n\n")
	s.WriteString(summary(sections))
	for _, part := range sections {
		if len(part.rows) == 0 {
			continue
		}
		fmt.Fprintf(&s, "\n## %s\n\n%s\n\n| %s |\n|%s\n", part.title, part.about, strings.Join(part.columns, " | "), strings.Repeat(" --- |", len(part.columns)))
		for _, row := range part.rows[:min(rows, len(part.rows))] {
			s.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
		if left := len(part.rows) - rows; left > 0 {
			fmt.Fprintf(&s, "\n… and %s.\n", markdown.Count(left, "more line"))
		}
	}
	return s.String()
}

// summary counts what there is.
func summary(sections []section) string {
	var parts []string
	for _, part := range sections {
		if n := len(part.rows); n > 0 {
			parts = append(parts, markdown.Number(n)+" "+part.count)
		}
	}
	if len(parts) == 0 {
		return "**Nothing to do**: everything that can be followed is at the newest version that its branch can run.\n"
	}
	return "**" + strings.Join(parts, " · ") + "**\n"
}

// sections are in the order in which they want something of a reader.
func (b Board) sections() []section {
	return []section{
		{
			"Open", "Pull requests to decide.", "open",
			[]string{"pull request", "upgrade", "branch", "from → to", "step"},
			listed(b.Open, func(l Listed) string { return pull(l.Pull) }, stepAndWhy),
		},
		{
			"Failing", "No newer version can be found, or none can be taken. Everything else goes on.", "failing",
			[]string{"addon", "branch", "what is wrong"},
			said(b.Plan.Problems),
		},
		{
			"Waiting", "Held back for now. They are opened without anybody doing anything.", "waiting",
			[]string{"upgrade", "branch", "from → to", "step", "waits for"},
			listed(b.Waiting, nil, step, func(l Listed) string { return prose(l.Why, 300) }),
		},
		{
			"Refused", "Newer versions that a branch cannot run or the catalog does not want. Of each reason the newest is listed.", "refused",
			[]string{"addon", "branch", "version", "why not"},
			b.refused(),
		},
		{
			"Ignored", "A person said `/ignore` on a pull request. Reopening that pull request takes it back.", "ignored",
			[]string{"what", "branch", "not wanted", "by"},
			b.ignored(),
		},
		{
			"Declined", "Pull requests that a person closed. Each is opened again when another version is out, or when it would change something else; reopening it works at any time.", "declined",
			[]string{"pull request", "upgrade", "branch", "from → to", "step"},
			listed(b.Declined, func(l Listed) string { return pull(l.Pull) }, step),
		},
		{
			"To know", "Nothing is wrong here yet.", "to know",
			[]string{"addon", "branch", "what to know"},
			said(b.Plan.Remarks),
		},
	}
}

func pull(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("#%d", n)
}

func step(l Listed) string {
	largest := upstream.Digest
	for _, s := range []upstream.Size{upstream.Patch, upstream.Minor, upstream.Major} {
		if slices.ContainsFunc(l.Proposal.Changes, func(c upgrade.Change) bool { return c.Size == s }) {
			largest = s
		}
	}
	text := string(largest)
	if l.Proposal.Security {
		text += ", **security**"
	}
	return text
}

func stepAndWhy(l Listed) string {
	if l.Why == "" {
		return step(l)
	}
	return step(l) + "; " + prose(l.Why, 300)
}

// listed writes proposals, sorted, with more columns before and after what they propose.
func listed(all []Listed, first func(Listed) string, last ...func(Listed) string) (rows [][]string) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Listed) int {
		return cmp.Or(cmp.Compare(a.Proposal.Unit, b.Proposal.Unit), byBranch(a.Proposal.Branch, b.Proposal.Branch), cmp.Compare(a.Proposal.Head, b.Proposal.Head), cmp.Compare(a.Pull, b.Pull))
	})
	for _, l := range all {
		row := []string{prose(l.Proposal.Unit, 100), markdown.Code(markdown.Clip(l.Proposal.Branch, 100)), moves(l.Proposal.Changes)}
		if first != nil {
			row = append([]string{first(l)}, row...)
		}
		for _, column := range last {
			row = append(row, column(l))
		}
		rows = append(rows, row)
	}
	return rows
}

// moves says in short what a proposal changes.
func moves(changes []upgrade.Change) string {
	const most = 4
	code := func(s string) string { return markdown.Code(markdown.Clip(s, 60)) }
	var parts []string
	for i, c := range shown(changes) {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more", len(changes)-most))
			break
		}
		text := code(c.From) + " → " + code(c.To)
		if c.Size == upstream.Digest {
			text = code(c.From) + " → its new digest"
		}
		if several(changes) {
			text = prose(c.Addon, 60) + " " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// byBranch has main first, and release branches as their minors go.
func byBranch(a, b string) int {
	rank := func(s string) (int, int, int) {
		if m := minorOf(s); !m.IsZero() {
			return 1, m.Major, m.Minor
		}
		return 0, 0, 0
	}
	ai, aj, ak := rank(a)
	bi, bj, bk := rank(b)
	return cmp.Or(cmp.Compare(ai, bi), cmp.Compare(aj, bj), cmp.Compare(ak, bk), cmp.Compare(a, b))
}

// said has one line for each addon and thing that is said of it, with the branches that it is about.
func said(all []upgrade.Problem) [][]string {
	type line struct{ addon, message string }
	return together(all, func(p upgrade.Problem) (line, string) { return line{p.Addon, p.Message}, p.Branch },
		func(a, b line) int { return cmp.Or(cmp.Compare(a.addon, b.addon), cmp.Compare(a.message, b.message)) },
		func(l line, branches string) []string {
			return []string{prose(l.addon, 100), branches, prose(l.message, 300)}
		})
}

// together has one line for items with the same key, and names their branches in it.
func together[T any, K comparable](items []T, key func(T) (K, string), order func(a, b K) int, row func(k K, branches string) []string) (rows [][]string) {
	on := map[K][]string{}
	for _, item := range items {
		k, branch := key(item)
		on[k] = append(on[k], branch)
	}
	keys := make([]K, 0, len(on))
	for k := range on {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, order)
	for _, k := range keys {
		names := on[k]
		slices.SortFunc(names, byBranch)
		names = slices.Compact(names)
		where := "all"
		if !slices.Contains(names, "") {
			where = branches(names)
		}
		rows = append(rows, row(k, where))
	}
	return rows
}

// refused has the newest refused version of each addon and reason, with the branches for which it is refused.
func (b Board) refused() [][]string {
	type line struct{ addon, version, reason string }
	type item struct {
		line
		branch string
	}
	var items []item
	for _, u := range slices.Concat(b.Plan.Upgrades, b.Plan.Held) {
		var reasons []string
		for _, r := range u.Refused {
			if !r.Until.IsZero() {
				// How old it is would be another text in each run.
				r.Reason = "too young until " + r.Until.UTC().Format("2006-01-02 15:04 UTC")
			}
			if !r.Person && !slices.Contains(reasons, r.Reason) { // What a person does not want has a section of its own.
				reasons = append(reasons, r.Reason)
				items = append(items, item{line{u.Addon, r.Version, r.Reason}, u.Branch})
			}
		}
	}
	return together(items, func(i item) (line, string) { return i.line, i.branch },
		func(a, b line) int {
			order, _ := upstream.Compare(b.version, a.version)
			return cmp.Or(cmp.Compare(a.addon, b.addon), order, cmp.Compare(b.version, a.version), cmp.Compare(a.reason, b.reason))
		},
		func(l line, branches string) []string {
			return []string{prose(l.addon, 100), branches, markdown.Code(markdown.Clip(l.version, 60)), prose(l.reason, 300)}
		})
}

func (b Board) ignored() (rows [][]string) {
	all := slices.Clone(b.Ignored)
	slices.SortFunc(all, func(a, b upgrade.Ignored) int {
		return cmp.Or(compareSources(a.Source, b.Source), byBranch(a.Branch, b.Branch), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Pull, b.Pull))
	})
	for _, i := range all {
		wanted := markdown.Code(markdown.Clip(i.Version, 60))
		if i.Major {
			wanted = "the major of " + wanted
		}
		rows = append(rows, []string{
			kinds[i.Source.Kind] + " " + markdown.Code(markdown.Clip(thing(i.Source), 100)), markdown.Code(markdown.Clip(i.Branch, 100)), wanted,
			markdown.Code(markdown.Clip(i.By, 100)) + ", " + pull(i.Pull),
		})
	}
	return rows
}

func compareSources(a, b upstream.Source) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Name, b.Name))
}
