package branches

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

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

// slack is how long before a change the pull requests that have to do with it may have been updated last: clocks differ.
const slack = 48 * time.Hour

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
		if w.pulls, err = relevant(ctx, o); err != nil {
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

// relevant are the pull requests that can say anything about a change that is not on every branch: those that are open, and those that were
// touched since the oldest such change.
func relevant(ctx context.Context, o Options) ([]forge.Pull, error) {
	open, err := o.Hub.OpenPulls(ctx)
	if err != nil {
		return nil, err
	}
	plain := o.history(nil)
	plain.Trial = false
	h, err := history.Read(ctx, plain)
	if err != nil {
		return nil, err
	}
	byNumber := map[int]forge.Pull{}
	refs, err := o.Mirror.Refs(ctx)
	if err != nil {
		return nil, err
	}
	if since, any := oldest(h, newest(refs, h.Distribution)); any {
		recent, err := o.Hub.PullsSince(ctx, since.Add(-slack))
		if err != nil {
			return nil, err
		}
		for _, p := range recent {
			byNumber[p.Number] = p
		}
	}
	for _, p := range open {
		// What is in both lists may have changed between the two: the later answer counts, but for what only the first has.
		if _, known := byNumber[p.Number]; !known {
			byNumber[p.Number] = p
		}
	}
	pulls := make([]forge.Pull, 0, len(byNumber))
	for _, p := range byNumber {
		pulls = append(pulls, p)
	}
	slices.SortFunc(pulls, func(a, b forge.Pull) int { return cmp.Compare(a.Number, b.Number) })
	return pulls, nil
}

// oldest is when the oldest change was committed about which there may be something to do or to say, as far as Git knows: it is not on every
// live branch, or came to one and is in no release yet, or in a new one.
func oldest(h history.History, newest map[string]bool) (when time.Time, any bool) {
	at := map[string]time.Time{}
	for _, c := range h.Facts.Changes {
		at[c.Hash] = c.Committer.When
	}
	for _, row := range h.Ledger.Changes {
		for _, e := range row.Branches {
			if t := at[row.Commit]; (e.State != ledger.Landed || recent(row, e, newest)) && (!any || t.Before(when)) {
				when, any = t, true
			}
		}
	}
	return when, any
}

// recent tells of a change that came to a branch by a pick, and is in no release yet or in a new one.
func recent(row ledger.Row, e ledger.Entry, newest map[string]bool) bool {
	return e.State == ledger.Landed && e.Commit != row.Commit && (e.Tag == "" || newest[e.Tag])
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
