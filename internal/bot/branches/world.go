package branches

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// world is what was found, and what this run has changed since.
type world struct {
	Options
	history.History
	refs native.Refs
	// rows are the ledger's, by commit.
	rows map[string]ledger.Row
	// pulls are all that matter, by number.
	pulls []forge.Pull
	// following are branches that a step of this plan moves to main.
	following map[string]bool
	// ahead are heads that steps of this plan make.
	ahead []upcoming
	// pushed are those that are on the server now: a person may have been faster, and then there is nothing to make.
	pushed map[string]bool
	// busy are the sources, by pull request, about which this plan changes something.
	busy map[int]bool
	// news are pull requests that steps opened or closed, by branch: the ledger is built again with them.
	news map[string][]ledger.Pull
	// rebuilt is that ledger, with the first built of the news.
	rebuilt ledger.Ledger
	built   int
	// files remembers listings of trees.
	files map[string]map[string]change.Entry
}

// gather looks at everything.
func gather(ctx context.Context, o Options) (*world, error) {
	if _, err := o.Mirror.Fetch(ctx); err != nil {
		return nil, err
	}
	w := &world{
		Options: o, following: map[string]bool{}, pushed: map[string]bool{}, busy: map[int]bool{}, news: map[string][]ledger.Pull{},
		rows: map[string]ledger.Row{}, files: map[string]map[string]change.Entry{},
	}
	var err error
	if o.Hub != nil {
		// After Git: what was merged in between is known to be there, and waited for.
		if w.pulls, err = history.Relevant(ctx, o.Hub, o.history(nil)); err != nil {
			return nil, err
		}
	}
	if w.refs, err = o.Mirror.Refs(ctx); err != nil {
		return nil, err
	}
	w.History, err = history.Read(ctx, o.history(w.pulls))
	if err != nil {
		return nil, err
	}
	for _, r := range w.Ledger.Changes {
		w.rows[r.Commit] = r
	}
	if w.Main = cmp.Or(o.Main, w.Facts.Main, w.refs.Head); w.Main == "" {
		return nil, fmt.Errorf("which branch is main is not known: say --main")
	}
	return w, nil
}

func (o Options) history(pulls []forge.Pull) history.Options {
	return history.Options{
		Mirror: o.Mirror, Main: o.Main, Pulls: pulls, Me: o.Login, Repository: o.Repository, Email: o.Committer.Email, Trial: o.Hub != nil,
	}
}

// live are the release branches that are looked after, by minor.
func (w *world) live() []ledger.Branch { return w.Facts.Branches }

// learn notes what a step did to a pull request, for what later steps say.
func (w *world) learn(branch string, p ledger.Pull) {
	w.news[branch] = append(w.news[branch], p)
}

// latest is the ledger with what this run has done until now.
func (w *world) latest() ledger.Ledger {
	n := 0
	for _, pulls := range w.news {
		n += len(pulls)
	}
	if n == 0 {
		return w.Ledger
	}
	if n != w.built {
		w.rebuilt, w.built = w.rebuild(), n
	}
	return w.rebuilt
}

func (w *world) rebuild() ledger.Ledger {
	f := w.Facts
	f.Branches = slices.Clone(f.Branches)
	for i, b := range f.Branches {
		for _, p := range w.news[b.Name] {
			b.Pulls = slices.DeleteFunc(slices.Clone(b.Pulls), func(o ledger.Pull) bool { return o.Number == p.Number })
			b.Pulls = append(b.Pulls, p)
		}
		f.Branches[i] = b
	}
	return ledger.Build(f)
}

// listing is all paths of a commit.
func (w *world) listing(ctx context.Context, commit string) (map[string]change.Entry, error) {
	if files, known := w.files[commit]; known {
		return files, nil
	}
	files, err := w.Mirror.Files(ctx, commit)
	if err == nil {
		w.files[commit] = files
	}
	return files, err
}
