package pick

import (
	"strconv"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// Source is what one pull request picks: the changes of main that one pull request brought (several when it was merged by rebasing), or one
// commit that came without.
type Source struct {
	// Pull is nil when the change came without a pull request, or no forge was asked.
	Pull *forge.Pull
	// Changes are oldest first.
	Changes []ledger.Change
}

// Key names a source in branch names: pr-12, or c- and twelve digits of the commit.
func (s Source) Key() string {
	if s.Pull != nil {
		return "pr-" + strconv.Itoa(s.Pull.Number)
	}
	if len(s.Changes) == 0 {
		return "c-"
	}
	return "c-" + short(s.Changes[0].Hash)
}

// Sources are what a ledger says is still to be picked to a branch, oldest first: changes that are missing, waiting, open or draft there.
func Sources(f ledger.Facts, l ledger.Ledger, branch string) []Source {
	wanted := map[string]bool{}
	for _, row := range l.Changes {
		switch row.Branches[branch].State {
		case ledger.Missing, ledger.Waiting, ledger.Open, ledger.Draft:
			wanted[row.Commit] = true
		case ledger.Landed, ledger.Skipped:
		}
	}
	var sources []Source
	at := map[int]int{}
	for _, c := range f.Changes {
		if !wanted[c.Hash] {
			continue
		}
		if c.Pull == nil {
			sources = append(sources, Source{Changes: []ledger.Change{c}})
			continue
		}
		// The same pull request has the same branch, so all of it is one source even if something came between.
		i, known := at[c.Pull.Number]
		if !known {
			i = len(sources)
			at[c.Pull.Number] = i
			sources = append(sources, Source{Pull: c.Pull})
		}
		sources[i].Changes = append(sources[i].Changes, c)
	}
	return sources
}

// short is how commits are named to people.
func short(hash string) string { return hash[:min(12, len(hash))] }
