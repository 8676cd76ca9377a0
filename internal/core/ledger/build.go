package ledger

import (
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/change"
)

// Build decides. It looks at nothing but its argument and keeps nothing: the same facts give the same ledger.
func Build(f Facts) Ledger {
	b := builder{facts: f, index: map[string]int{}, onMain: map[content][]int{}, last: map[string]change.Entry{}, commits: map[string]*change.Commit{}}
	for i := range f.Changes {
		c := &f.Changes[i]
		b.index[c.Hash] = i
		for _, file := range c.Files {
			key := content{file.Path, file.New}
			b.onMain[key] = append(b.onMain[key], i)
			b.last[file.Path] = file.New
		}
	}
	for i := range f.Branches {
		for j := range f.Branches[i].Commits {
			c := &f.Branches[i].Commits[j]
			b.commits[c.Hash] = c
		}
	}
	for i := range f.Others {
		b.commits[f.Others[i].Hash] = &f.Others[i]
	}
	l := Ledger{Changes: make([]Row, len(f.Changes)), Differences: map[string][]Difference{}}
	for i, c := range f.Changes {
		row := Row{Commit: c.Hash, Title: title(f.Changes, i), Pull: c.Number, Branches: map[string]Entry{}}
		if c.Pull != nil {
			row.Pull = c.Pull.Number
		}
		l.Changes[len(f.Changes)-1-i] = row
	}
	for i := range f.Branches {
		d := b.decide(&f.Branches[i])
		for j, e := range d.entries {
			l.Changes[len(f.Changes)-1-j].Branches[d.Name] = e
		}
		l.Differences[d.Name] = d.differences()
	}
	return l
}

// title is that of the pull request, where it brought no other change.
func title(all []Change, i int) string {
	c := all[i]
	several := i > 0 && sameSource(all[i-1], c) || i+1 < len(all) && sameSource(c, all[i+1])
	if c.Pull != nil && c.Pull.Title != "" && !several {
		return c.Pull.Title
	}
	return change.Title(c.Message)
}

// builder is what is the same for all branches.
type builder struct {
	facts Facts
	// index finds changes by hash, commits finds the branches' commits.
	index   map[string]int
	commits map[string]*change.Commit
	// onMain are the changes that gave a path a content, oldest first; last is what main has now.
	onMain map[content][]int
	last   map[string]change.Entry
}

// content is what a path may be.
type content struct {
	path  string
	entry change.Entry
}

// decision is what is found out about one branch.
type decision struct {
	*builder
	*Branch
	evidence
	timeline
	// kept says why changes are not meant for the branch, by change.
	kept map[int]string
	// entries are by change; an undecided one has no state.
	entries []Entry
	// landedAt is the position on the branch at which a path was last touched by a landed change, open the undecided changes that touch it.
	landedAt map[string]int
	open     map[string][]int
	// undoneBy is the later change that undoes a change exactly; void are those that undo one which never came.
	undoneBy map[int]int
	void     map[int]bool
}

func (b *builder) decide(branch *Branch) *decision {
	d := &decision{
		builder: b, Branch: branch, kept: map[int]string{}, entries: make([]Entry, len(b.facts.Changes)),
		landedAt: map[string]int{}, open: map[string][]int{}, undoneBy: map[int]int{}, void: map[int]bool{},
	}
	d.timeline = newTimeline(branch)
	d.evidence = b.evidence(branch, d.position)
	for i, c := range b.facts.Changes {
		if why := keptBack(c, branch); why != "" {
			d.kept[i] = why
		}
		for _, undone := range slices.Backward(c.RevertsProven) {
			x, is := b.index[undone]
			if _, taken := d.undoneBy[x]; is && x < i && !taken {
				d.undoneBy[x] = i
				break
			}
		}
	}
	for i := range b.facts.Changes {
		d.place(i)
	}
	d.queue()
	return d
}

// place decides about a change, given what is decided about those before it.
func (d *decision) place(i int) {
	c := &d.facts.Changes[i]
	defer d.note(i)
	if d.entries[i].State != "" {
		return // It undoes one before it, and was decided with that.
	}
	if s, is := d.standing[i]; is {
		if s.on {
			d.land(i, s.commit, s.reason)
		} else {
			d.skip(i, "reverted on the branch by "+short(s.commit))
		}
		return
	}
	if i < d.Contains {
		d.land(i, c.Hash, "")
		return
	}
	if len(c.Files) == 0 {
		d.skip(i, "it changes nothing")
		return
	}
	if x, is := d.undoes(i); is && d.entries[x].State == Skipped && !d.void[x] {
		d.void[i] = true
		d.skip(i, "it reverts "+d.name(x)+", which is not on the branch")
		return
	}
	y, undone := d.undoneBy[i]
	_, kept := d.kept[y]
	undone = undone && !kept
	if commit, is := d.contentOf(i, y, undone); is {
		d.landUnlessUndone(i, commit)
		return
	}
	switch {
	case d.Applied[c.Hash] && !d.blocked(i):
		d.land(i, d.lastTouch(c.Files), "the branch has its content already")
	case undone && !d.Applied[c.Hash]:
		d.skip(i, "reverted on "+d.facts.Main+" by "+d.name(y)+" before it came here")
		if s, is := d.standing[y]; (!is || !s.on) && y >= d.Contains {
			d.void[y] = true
			d.skip(y, "it reverts "+d.name(i)+", which never came here")
		}
	default:
		d.proposed(i)
	}
}

// landUnlessUndone lands a change by its content, unless a later commit of the branch undoes just that.
func (d *decision) landUnlessUndone(i int, commit string) {
	at, after := d.position[commit]
	for _, undoing := range d.undoing[i] {
		if !after || d.position[undoing] > at {
			d.skip(i, "reverted on the branch by "+short(undoing))
			return
		}
	}
	d.land(i, commit, "the branch has the same content")
}

// proposed looks for pull requests, and for reasons not to open one.
func (d *decision) proposed(i int) {
	ours, theirs := d.pullsOf(i)
	if p := theirs; p != nil {
		d.entries[i] = proposal(p)
		return
	}
	if why := d.kept[i]; why != "" {
		d.skip(i, why)
		return
	}
	if why := d.Keeps[d.facts.Changes[i].Hash]; why != "" && !d.blocked(i) {
		d.skip(i, why)
		return
	}
	switch p := ours; {
	case p == nil:
	case p.Open, p.Merged && p.Unseen:
		d.entries[i] = proposal(p)
	case !p.Merged && !p.Retired:
		d.entries[i] = Entry{State: Skipped, Pull: p.Number, Reason: "pull request " + number(p.Number) + " was closed without merging"}
	}
}

// pullsOf are the pull requests that bring a change: the bot's, open or last, and a person's that is on its way.
func (d *decision) pullsOf(i int) (ours, theirs *Pull) {
	better := func(p, than *Pull) bool {
		switch {
		case than == nil:
			return true
		case p.Open != than.Open:
			return p.Open
		case p.Open && p.Draft != than.Draft:
			return !p.Draft
		}
		return (p.Number > than.Number) != p.Open // Of open ones the oldest, of closed ones the newest.
	}
	for j := range d.Pulls {
		p := &d.Pulls[j]
		switch {
		case !slices.Contains(p.Brings, d.facts.Changes[i].Hash):
		case p.Ours:
			if better(p, ours) {
				ours = p
			}
		case (p.Open || p.Merged && p.Unseen) && better(p, theirs):
			theirs = p
		}
	}
	return ours, theirs
}

// undoes is the earlier change that a change undoes.
func (d *decision) undoes(i int) (x int, is bool) {
	for _, hash := range d.facts.Changes[i].RevertsProven {
		if x, is := d.index[hash]; is && x < i && d.undoneBy[x] == i {
			return x, true
		}
	}
	return 0, false
}

func (d *decision) land(i int, commit, reason string) {
	e := Entry{State: Landed, Commit: commit, Reason: reason}
	if tag, is := d.TagOf[commit]; is {
		e.Tag = tag.String()
	}
	if at, is := d.position[commit]; is {
		for _, p := range d.Pulls {
			if p.Merged && p.MergeCommit != "" && d.position[p.MergeCommit] == at && slices.Contains(p.Brings, d.facts.Changes[i].Hash) {
				e.Pull = p.Number
			}
		}
	}
	d.entries[i] = e
}

func (d *decision) skip(i int, reason string) { d.entries[i] = Entry{State: Skipped, Reason: reason} }

// note remembers what later changes must know of this one.
func (d *decision) note(i int) {
	for _, file := range d.facts.Changes[i].Files {
		switch e := d.entries[i]; e.State {
		case Landed:
			at, is := d.position[e.Commit]
			if last, before := d.landedAt[file.Path]; is && (!before || at > last) {
				d.landedAt[file.Path] = at
			}
		case Skipped:
		default:
			d.open[file.Path] = append(d.open[file.Path], i)
		}
	}
}

// blocked tells whether an earlier change of the same paths is still to come.
func (d *decision) blocked(i int) bool {
	return slices.ContainsFunc(d.facts.Changes[i].Files, func(f change.File) bool { return len(d.open[f.Path]) > 0 })
}
