package ledger

import (
	"cmp"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/change"
)

// evidence is what the commits of a branch say and prove about changes.
type evidence struct {
	// standing is what the branch's commits last did to a change: brought it, or took it away again.
	standing map[int]standing
	// picks are the changes that a commit brought.
	picks map[string][]int
	// silent are commits that say nothing of what they pick.
	silent map[string]bool
	// undone are the changes that a commit took away; undoing are the commits that undo a change which no commit brought, if it was there at all.
	undone  map[string][]int
	undoing map[int][]string
}

type standing struct {
	on bool
	// commit is the first that brought the change since it was last taken away, or the one that took it away.
	commit string
	reason string
}

func (b *builder) evidence(branch *Branch, position map[string]int) evidence {
	e := evidence{standing: map[int]standing{}, picks: map[string][]int{}, silent: map[string]bool{}, undone: map[string][]int{}, undoing: map[int][]string{}}
	claimed := map[int]bool{}
	for i := range branch.Commits {
		c := &branch.Commits[i]
		for _, x := range b.claimed(c) {
			e.bring(c.Hash, x)
			claimed[x] = true
		}
	}
	for _, p := range branch.Pulls {
		b.merged(&e, p, position, claimed)
	}
	same := b.patches(&e, branch, position, claimed)
	b.replay(&e, branch, position, same)
	return e
}

func (e *evidence) bring(commit string, x int) {
	if !slices.Contains(e.picks[commit], x) {
		e.picks[commit] = append(e.picks[commit], x)
	}
}

// claimed are the changes that a commit claims to pick, and has a path in common with: everybody can write a claim.
func (b *builder) claimed(c *change.Commit) (found []int) {
	for _, x := range b.resolve(c.Message, map[string]bool{}) {
		if touch(c.Files, b.facts.Changes[x].Files) && !slices.Contains(found, x) {
			found = append(found, x)
		}
	}
	return found
}

// resolve follows claims to changes of main, also through picks on other branches.
func (b *builder) resolve(message string, seen map[string]bool) (found []int) {
	for _, hash := range change.Claims(message) {
		if now, moved := b.facts.Former[hash]; moved {
			hash = now
		}
		if x, is := b.index[hash]; is {
			found = append(found, x)
		} else if c := b.commits[hash]; c != nil && !seen[hash] {
			seen[hash] = true
			further := b.resolve(c.Message, seen)
			if len(further) == 0 {
				further = b.patch(c)
			}
			found = append(found, further...)
		}
	}
	return found
}

// patch is the change with the same patch-id as a commit.
func (b *builder) patch(c *change.Commit) []int {
	if c.PatchID != "" {
		for x := range b.facts.Changes {
			if b.facts.Changes[x].PatchID == c.PatchID {
				return []int{x}
			}
		}
	}
	return nil
}

func touch(a, b []change.File) bool {
	for len(a) > 0 && len(b) > 0 {
		switch n := cmp.Compare(a[0].Path, b[0].Path); {
		case n == 0:
			return true
		case n < 0:
			a = a[1:]
		default:
			b = b[1:]
		}
	}
	return false
}

// merged counts what the forge says it merged: people finish picks, and their messages may say nothing of it.
func (b *builder) merged(e *evidence, p Pull, position map[string]int, claimed map[int]bool) {
	step, is := position[p.MergeCommit]
	if !p.Merged || !is {
		return
	}
	for _, hash := range p.Brings {
		x, known := b.index[hash]
		if known && !claimed[x] && position[p.MergeCommit] == step && touch(b.commits[p.MergeCommit].Files, b.facts.Changes[x].Files) {
			e.bring(p.MergeCommit, x)
			claimed[x] = true
		}
	}
}

// patches matches what nothing claims by patch-id, each commit with one change, in order: a change that was made, reverted and made again is on a
// branch twice as well. Commits that are left, with a patch-id of a change, bring that one again.
func (b *builder) patches(e *evidence, branch *Branch, position map[string]int, claimed map[int]bool) (again map[string]int) {
	left := map[string][]string{}
	type where struct {
		patch string
		step  int
	}
	inner := map[where]bool{}
	for i := range branch.Commits {
		c := &branch.Commits[i]
		step, is := position[c.Hash]
		at := where{c.PatchID, step}
		// A merge of one commit has the same patch as that commit, and a merge of main that of what main has.
		if c.PatchID == "" || !is || len(c.Parents) > 1 && (inner[at] || !within(c.Parents[1:], position)) {
			continue
		}
		inner[at] = true
		if len(e.picks[c.Hash]) == 0 {
			left[c.PatchID] = append(left[c.PatchID], c.Hash)
		}
	}
	last := map[string]int{}
	for x := range b.facts.Changes {
		patch := b.facts.Changes[x].PatchID
		if patch == "" {
			continue
		}
		last[patch] = x
		if x < branch.Contains || claimed[x] || len(left[patch]) == 0 {
			continue
		}
		e.bring(left[patch][0], x)
		e.silent[left[patch][0]] = true
		left[patch] = left[patch][1:]
	}
	again = map[string]int{}
	for patch, commits := range left {
		for _, hash := range commits {
			if x, is := last[patch]; is {
				again[hash] = x
			}
		}
	}
	return again
}

func within(commits []string, position map[string]int) bool {
	return !slices.ContainsFunc(commits, func(hash string) bool { _, is := position[hash]; return !is })
}

// replay goes through the branch in order, since the last word counts.
func (b *builder) replay(e *evidence, branch *Branch, position map[string]int, again map[string]int) {
	order := make([]*change.Commit, 0, len(branch.Commits))
	merged := map[int][]int{}
	for i := range branch.Commits {
		c := &branch.Commits[i]
		if step, is := position[c.Hash]; is {
			order = append(order, c)
			merged[step] = append(merged[step], e.picks[c.Hash]...)
		}
	}
	slices.SortStableFunc(order, func(x, y *change.Commit) int { return cmp.Compare(position[x.Hash], position[y.Hash]) })
	merges := map[string]bool{}
	for _, c := range order {
		for _, x := range e.picks[c.Hash] {
			e.on(x, c.Hash, branch)
		}
		x, repeated := again[c.Hash]
		if repeated {
			e.on(x, c.Hash, branch)
		}
		if merges[c.Hash] = len(c.Parents) > 1; merges[c.Hash] || repeated || len(e.picks[c.Hash]) > 0 {
			continue // What a pick undoes, main undid too; and what a merge does, the commits that it merges do.
		}
		for _, target := range branch.RevertsProven[c.Hash] {
			for _, x := range e.undone[target] {
				e.on(x, c.Hash, branch)
			}
			gone := slices.Clone(e.picks[target])
			if merges[target] {
				gone = slices.Clone(merged[position[target]])
			}
			if x, is := again[target]; is {
				gone = append(gone, x)
			}
			if x, is := b.index[target]; is && (x < branch.Contains || e.standing[x].on) {
				gone = append(gone, x)
			} else if is {
				e.undoing[x] = append(e.undoing[x], c.Hash)
			}
			for _, x := range gone {
				e.standing[x] = standing{commit: c.Hash}
			}
			e.undone[c.Hash] = append(e.undone[c.Hash], gone...)
		}
	}
}

// on says that a commit brought a change, if the branch does not have it yet.
func (e *evidence) on(x int, commit string, branch *Branch) {
	s, changed := e.standing[x]
	if changed && s.on || !changed && x < branch.Contains {
		return
	}
	s = standing{on: true, commit: commit}
	if e.silent[commit] {
		s.reason = "the branch has the same patch"
	}
	e.standing[x] = s
}
