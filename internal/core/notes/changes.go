package notes

import (
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/release"
)

// Since is what a branch got with a release: the changes of main, newest first, and the commits that it has alone. The zero tag stands for the
// release to come: for all that no release of the branch has. What main had before the branch began is no news for its first release.
func Since(f ledger.Facts, l ledger.Ledger, branch string, tag release.Tag) (changes []Change, own []Own) {
	at := slices.IndexFunc(f.Branches, func(b ledger.Branch) bool { return b.Name == branch })
	if at < 0 {
		return nil, nil
	}
	b := f.Branches[at]
	sources := map[string]*ledger.Change{}
	began := map[string]bool{}
	for i := range f.Changes {
		sources[f.Changes[i].Hash] = &f.Changes[i]
		began[f.Changes[i].Hash] = i < b.Contains
	}
	first := !released(b, tag)
	landed := map[string]bool{}
	for _, row := range l.Changes {
		e, ok := row.Branches[branch]
		if !ok || e.State != ledger.Landed {
			continue
		}
		landed[e.Commit] = true
		if e.Tag != tag.String() || first && began[row.Commit] {
			continue
		}
		c := Change{Title: row.Title, Pull: row.Pull, PickPull: e.Pull, Source: row.Commit, Commit: e.Commit}
		if s := sources[row.Commit]; s != nil {
			c.Addons = s.Addons
		}
		c.AlsoIn = others(row, branch)
		changes = append(changes, c)
	}
	for _, c := range b.Commits {
		// A merge brings what other commits say.
		if b.TagOf[c.Hash] == tag && !landed[c.Hash] && len(c.Parents) < 2 {
			own = append(own, Own{Commit: c.Hash, Title: change.Subject(c.Message), Author: c.Author.Name})
		}
	}
	slices.Reverse(own)
	return changes, own
}

// released tells whether the branch had a release before another.
func released(b ledger.Branch, before release.Tag) bool {
	for _, t := range b.TagOf {
		if t.Minor == b.Minor && (before.IsZero() || t.Compare(before) < 0) {
			return true
		}
	}
	return false
}

// others are the first releases of other branches that have a change, by minor.
func others(row ledger.Row, branch string) (tags []release.Tag) {
	for name, e := range row.Branches {
		if name == branch || e.State != ledger.Landed {
			continue
		}
		if t, err := release.ParseTag(e.Tag); err == nil {
			tags = append(tags, t)
		}
	}
	slices.SortFunc(tags, release.Tag.Compare)
	return slices.Compact(tags)
}
