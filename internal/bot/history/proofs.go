package history

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/picking"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// prove computes what shows that commits do the same, or undo each other. Patch-ids are dear, so only those are computed that may turn out equal:
// two commits with the same patch touch the same paths.
func (r *reader) prove(ctx context.Context) error {
	if err := r.former(ctx); err != nil {
		return err
	}
	if err := r.patches(ctx); err != nil {
		return err
	}
	return r.reverts(ctx)
}

// paths is which files a commit touches, as one text.
func paths(files []change.File) string {
	var b strings.Builder
	for _, f := range files {
		b.WriteString(f.Path)
		b.WriteByte(0)
	}
	return b.String()
}

// effect is what a commit does to whole files, and undone what it would take to undo it.
func effect(files []change.File) string { return effects(files, false) }
func undone(files []change.File) string { return effects(files, true) }

func effects(files []change.File, reverse bool) string {
	var b strings.Builder
	for _, f := range files {
		before, after := f.Old, f.New
		if reverse {
			before, after = after, before
		}
		for _, s := range []string{f.Path, before.Mode, before.Blob, after.Mode, after.Blob} {
			b.WriteString(s)
			b.WriteByte(0)
		}
	}
	return b.String()
}

// patches gives patch-ids to commits of branches and pull requests that claim no change they could be a pick of, and to the changes that they may be equal to.
func (r *reader) patches(ctx context.Context) error {
	var wordless []*change.Commit
	oldest := len(r.Facts.Changes)
	add := func(c *change.Commit) {
		if len(c.Files) > 0 && !r.claims(*c) {
			wordless = append(wordless, c)
		}
	}
	for i := range r.Facts.Branches {
		b := &r.Facts.Branches[i]
		oldest = min(oldest, b.Contains)
		for j := range b.Commits {
			add(&b.Commits[j])
		}
	}
	for i := range r.Facts.Others {
		add(&r.Facts.Others[i])
	}
	for _, hash := range slices.Sorted(maps.Keys(r.proposed)) {
		if c := r.proposed[hash]; len(c.Files) > 0 {
			wordless = append(wordless, c) // Claims from elsewhere need a proof.
		}
	}
	byPaths := map[string][]*change.Commit{}
	for _, c := range wordless {
		byPaths[paths(c.Files)] = append(byPaths[paths(c.Files)], c)
	}
	var ask []*change.Commit
	asked := map[string]bool{}
	for i := oldest; i < len(r.Facts.Changes); i++ {
		c := &r.Facts.Changes[i].Commit
		key := paths(c.Files)
		if same := byPaths[key]; len(same) > 0 {
			ask = append(ask, c)
			if !asked[key] {
				asked[key] = true
				ask = append(ask, same...)
			}
		}
	}
	hashes := make([]string, len(ask))
	for i, c := range ask {
		hashes[i] = c.Hash
	}
	ids, err := r.Mirror.PatchIDs(ctx, hashes)
	for _, c := range ask {
		c.PatchID = ids[c.Hash]
	}
	return err
}

// claims tells whether a commit claims to be a pick of a change that it may be a pick of.
func (r *reader) claims(c change.Commit) bool {
	return slices.ContainsFunc(change.Claims(c.Message), func(hash string) bool {
		x, is := r.known(hash)
		return is && touch(c.Files, r.Facts.Changes[x].Files)
	})
}

// known finds a change by its commit, or by the one that it had before main was rewritten.
func (r *reader) known(hash string) (int, bool) {
	if now, is := r.Facts.Former[hash]; is {
		hash = now
	}
	x, is := r.index[hash]
	return x, is
}

func touch(a, b []change.File) bool {
	return slices.ContainsFunc(a, func(f change.File) bool {
		_, is := slices.BinarySearchFunc(b, f.Path, func(f change.File, path string) int { return strings.Compare(f.Path, path) })
		return is
	})
}

// former looks for commits that picks name and main does not have any more, as far as they are still in the mirror.
func (r *reader) former(ctx context.Context) error {
	r.Facts.Former = map[string]string{}
	known := map[string]bool{}
	named := map[string]bool{}
	look := func(commits []change.Commit) {
		for _, c := range commits {
			known[c.Hash] = true
			for _, hash := range change.Claims(c.Message) {
				named[hash] = true
			}
		}
	}
	for _, b := range r.Facts.Branches {
		look(b.Commits)
	}
	look(r.Facts.Others)
	for _, c := range r.proposed {
		look([]change.Commit{*c})
	}
	var lost []string
	for _, hash := range slices.Sorted(maps.Keys(named)) {
		if _, is := r.index[hash]; !is && !known[hash] && r.has(hash) {
			lost = append(lost, hash)
		}
	}
	commits, err := r.Mirror.Log(ctx, native.LogRequest{Of: lost, Not: []string{r.MainTip}, Files: true})
	if err != nil || len(commits) == 0 {
		return err
	}
	byPaths := map[string][]int{}
	for i, c := range r.Facts.Changes {
		byPaths[paths(c.Files)] = append(byPaths[paths(c.Files)], i)
	}
	var ask []string
	for _, c := range commits {
		if same := byPaths[paths(c.Files)]; len(c.Files) > 0 && named[c.Hash] && len(same) > 0 {
			ask = append(ask, c.Hash)
			for _, i := range same {
				ask = append(ask, r.Facts.Changes[i].Hash)
			}
		}
	}
	slices.Sort(ask)
	ids, err := r.Mirror.PatchIDs(ctx, slices.Compact(ask))
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, c := range commits {
		for _, i := range byPaths[paths(c.Files)] {
			now := r.Facts.Changes[i].Hash
			if named[c.Hash] && ids[c.Hash] != "" && ids[c.Hash] == ids[now] && !taken[now] {
				r.Facts.Former[c.Hash] = now
				taken[now] = true
				break
			}
		}
	}
	return nil
}

// has tells whether the mirror has a commit.
func (r *reader) has(hash string) bool {
	_, err := r.Mirror.Repository().Resolve(hash)
	return err == nil
}

// reverts finds the commits that undo others: whole files go back to what they were, or the message says so and the patch is the reverse.
func (r *reader) reverts(ctx context.Context) error {
	claimed := map[string]string{} // patch-ids to compare: of the commit that says that it reverts, and of the one it names
	var reversed []string
	earlier := map[string][]string{}
	list := func(earlier map[string][]string, c change.Commit) []string {
		if len(c.Files) == 0 {
			return nil
		}
		return slices.Clone(earlier[undone(c.Files)])
	}
	say := func(c change.Commit, proven []string) {
		for _, target := range change.Reverts(c.Message) {
			if !slices.Contains(proven, target) && r.has(target) {
				claimed[c.Hash] = target
				reversed = append(reversed, c.Hash)
			}
		}
	}
	for i := range r.Facts.Changes {
		c := &r.Facts.Changes[i]
		c.RevertsProven = list(earlier, c.Commit)
		say(c.Commit, c.RevertsProven)
		if len(c.Files) > 0 {
			earlier[effect(c.Files)] = append(earlier[effect(c.Files)], c.Hash)
		}
	}
	for i := range r.Facts.Branches {
		b := &r.Facts.Branches[i]
		b.RevertsProven = map[string][]string{}
		own := map[string][]string{}
		for _, c := range b.Commits {
			proven := append(list(earlier, c), list(own, c)...)
			if len(proven) > 0 {
				b.RevertsProven[c.Hash] = proven
			}
			say(c, proven)
			if len(c.Files) > 0 {
				own[effect(c.Files)] = append(own[effect(c.Files)], c.Hash)
			}
		}
	}
	if len(reversed) == 0 {
		return nil
	}
	return r.reversed(ctx, reversed, claimed)
}

func (r *reader) reversed(ctx context.Context, reversed []string, claimed map[string]string) error {
	reverse, err := r.Mirror.ReversePatchIDs(ctx, reversed)
	if err != nil {
		return fmt.Errorf("look for reverts: %w", err)
	}
	targets := slices.Sorted(maps.Values(claimed))
	forward, err := r.Mirror.PatchIDs(ctx, slices.Compact(targets))
	if err != nil {
		return fmt.Errorf("look for reverts: %w", err)
	}
	proven := func(hash string) (target string, is bool) {
		target, says := claimed[hash]
		return target, says && reverse[hash] != "" && reverse[hash] == forward[target]
	}
	for i := range r.Facts.Changes {
		c := &r.Facts.Changes[i]
		if target, is := proven(c.Hash); is {
			c.RevertsProven = append(c.RevertsProven, target)
		}
	}
	for i := range r.Facts.Branches {
		b := &r.Facts.Branches[i]
		for _, c := range b.Commits {
			if target, is := proven(c.Hash); is {
				b.RevertsProven[c.Hash] = append(b.RevertsProven[c.Hash], target)
			}
		}
	}
	return nil
}

// inOrder is how often trials wait for each other; then all that are left are made at once.
const inOrder = 8

// try merges on trial what is not on a branch, where that may change nothing. What comes after a change that is still to come is left until that is found:
// before, its content proves nothing.
func (r *reader) try(ctx context.Context) error {
	if !r.Trial {
		return nil
	}
	tried := make([]map[string]bool, len(r.Facts.Branches))
	for i := range r.Facts.Branches {
		b := &r.Facts.Branches[i]
		tried[i], b.Applied, b.Keeps = map[string]bool{}, map[string]bool{}, map[string]string{}
	}
	for round := 0; ; round++ {
		state := map[string]map[string]ledger.Entry{}
		for _, row := range r.Ledger.Changes {
			state[row.Commit] = row.Branches
		}
		found := false
		for i := range r.Facts.Branches {
			b := &r.Facts.Branches[i]
			var (
				doubtful []string
				changes  []ledger.Change
			)
			for _, c := range r.Facts.Changes[b.Contains:] {
				e := state[c.Hash][b.Name]
				if len(c.Files) == 0 || e.State == ledger.Landed || len(e.After) > 0 && round < inOrder || tried[i][c.Hash] {
					continue
				}
				tried[i][c.Hash] = true
				// A path that is as it was before the change would become what the change makes of it.
				if slices.ContainsFunc(c.Files, func(f change.File) bool { return b.Files[f.Path] == f.Old }) {
					continue
				}
				if !slices.ContainsFunc(c.Files, func(f change.File) bool { return b.Files[f.Path] != f.New }) {
					b.Applied[c.Hash], found = true, true
					continue
				}
				doubtful, changes = append(doubtful, c.Hash), append(changes, c)
			}
			picked, err := r.Mirror.PickEach(ctx, b.Tip, doubtful)
			if err != nil {
				return fmt.Errorf("branch %s: %w", b.Name, err)
			}
			for j, p := range picked {
				if p.Empty {
					b.Applied[doubtful[j]], found = true, true
					continue
				}
				why, err := picking.Keeps(ctx, r.Mirror, picking.Target{Branch: b.Name, Minor: b.Minor, Onto: b.Tip}, changes[j], p)
				if err != nil {
					return fmt.Errorf("branch %s: %w", b.Name, err)
				}
				if why != "" {
					b.Keeps[doubtful[j]], found = why, true
				}
			}
		}
		if !found {
			return nil
		}
		r.Ledger = ledger.Build(r.Facts)
	}
}
