package ledger

import (
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/change"
)

// timeline is what a branch was after each step from its fork to its tip. A step is a commit of the first-parent chain, with all that it merged.
type timeline struct {
	// chain are the steps' commits. position is the step that brought a commit; what the branch had at the start is not in it.
	chain    []string
	position map[string]int
	// became is what became of each path that steps touch, oldest first; the first is what there was at the start, at -1.
	became map[string][]moment
	fork   string
	tip    map[string]change.Entry
}

// moment is what a path is after a step.
type moment struct {
	step  int
	entry change.Entry
}

func newTimeline(b *Branch) timeline {
	t := timeline{position: map[string]int{}, became: map[string][]moment{}, fork: b.Fork, tip: b.Files}
	at := map[string]int{}
	for i, c := range b.Commits {
		at[c.Hash] = i
	}
	for i, is := at[b.Tip]; is; {
		t.chain = append(t.chain, b.Commits[i].Hash)
		if len(b.Commits[i].Parents) == 0 {
			break
		}
		i, is = at[b.Commits[i].Parents[0]]
	}
	slices.Reverse(t.chain)
	for step, hash := range t.chain {
		for _, file := range b.Commits[at[hash]].Files {
			if t.became[file.Path] == nil {
				t.became[file.Path] = []moment{{-1, file.Old}}
			}
			t.became[file.Path] = append(t.became[file.Path], moment{step, file.New})
		}
		for todo := []string{hash}; len(todo) > 0; {
			c := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			i, is := at[c]
			if _, seen := t.position[c]; seen || !is {
				continue
			}
			t.position[c] = step
			todo = append(todo, b.Commits[i].Parents...)
		}
	}
	return t
}

// state is a path after a step.
func (t *timeline) state(path string, step int) change.Entry {
	states := t.became[path]
	if states == nil {
		return t.tip[path]
	}
	i := len(states) - 1
	for i > 0 && states[i].step > step {
		i--
	}
	return states[i].entry
}

// commit is that of a step.
func (t *timeline) commit(step int) string {
	if step < 0 {
		return t.fork
	}
	return t.chain[step]
}

// lastTouch is the last commit that changed one of the files, or the fork.
func (t *timeline) lastTouch(files []change.File) string {
	last := -1
	for _, f := range files {
		if states := t.became[f.Path]; states != nil {
			last = max(last, states[len(states)-1].step)
		}
	}
	return t.commit(last)
}

// contentOf finds the first commit at which the branch had for all paths of a change what main had after it: then nothing of it is missing, however
// it came. What main made of a path later is as good, but for changes that are not meant for the branch, and for the one that undoes it.
//
// Changes are looked at in order: while an earlier one of the same paths is to come, a path may look right by chance, and so it may before
// an earlier one landed.
func (d *decision) contentOf(i, undoneBy int, undone bool) (commit string, is bool) {
	files := d.facts.Changes[i].Files
	if d.blocked(i) {
		return "", false
	}
	from := -1
	for _, f := range files {
		if at, is := d.landedAt[f.Path]; is {
			from = max(from, at)
		}
	}
	steps := []int{from}
	for _, f := range files {
		for _, s := range d.became[f.Path] {
			if s.step > from {
				steps = append(steps, s.step)
			}
		}
	}
	slices.Sort(steps)
	for _, step := range slices.Compact(steps) {
		if !slices.ContainsFunc(files, func(f change.File) bool { return !d.asOnMain(f.Path, d.state(f.Path, step), i, undoneBy, undone) }) {
			return d.timeline.commit(step), true
		}
	}
	return "", false
}

// asOnMain tells whether main had this at a path after a change or a later one that counts.
func (d *decision) asOnMain(path string, entry change.Entry, i, undoneBy int, undone bool) bool {
	for _, at := range d.onMain[content{path, entry}] {
		_, kept := d.kept[at]
		if at == i || at > i && !kept && (!undone || at < undoneBy) {
			return true
		}
	}
	return false
}
