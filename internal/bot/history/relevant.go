package history

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// lists is what is asked of the forge.
type lists interface {
	OpenPulls(ctx context.Context) ([]forge.Pull, error)
	PullsSince(ctx context.Context, since time.Time) ([]forge.Pull, error)
}

// slack is how long before a change the pull requests that have to do with it may have been updated last: clocks differ.
const slack = 48 * time.Hour

// Relevant are the pull requests that can say anything about a change that is not on every branch, or that releases are still to tell of: those
// that are open, and those that were touched since the oldest such change. By number, to be read into Options.Pulls.
func Relevant(ctx context.Context, hub lists, o Options) ([]forge.Pull, error) {
	open, err := hub.OpenPulls(ctx)
	if err != nil {
		return nil, err
	}
	o.Pulls, o.Trial = nil, false
	h, err := Read(ctx, o)
	if err != nil {
		return nil, err
	}
	byNumber := map[int]forge.Pull{}
	refs, err := o.Mirror.Refs(ctx)
	if err != nil {
		return nil, err
	}
	if since, any := oldest(h, Newest(refs, h.Distribution)); any {
		touched, err := hub.PullsSince(ctx, since.Add(-slack))
		if err != nil {
			return nil, err
		}
		for _, p := range touched {
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
func oldest(h History, newest map[string]bool) (when time.Time, any bool) {
	at := map[string]time.Time{}
	for _, c := range h.Facts.Changes {
		at[c.Hash] = c.Committer.When
	}
	for _, row := range h.Ledger.Changes {
		for _, e := range row.Branches {
			if t := at[row.Commit]; (e.State != ledger.Landed || Recent(row, e, newest)) && (!any || t.Before(when)) {
				when, any = t, true
			}
		}
	}
	return when, any
}

// Recent tells of a change that came to a branch by a pick, and is in no release yet or in one of the newest.
func Recent(row ledger.Row, e ledger.Entry, newest map[string]bool) bool {
	return e.State == ledger.Landed && e.Commit != row.Commit && (e.Tag == "" || newest[e.Tag])
}

// Newest are the last two releases of each branch.
func Newest(refs native.Refs, distribution string) map[string]bool {
	byMinor := map[version.Minor][]release.Tag{}
	for name := range refs.Tags {
		if t, err := release.ParseTag(name); err == nil && t.Distribution == distribution {
			byMinor[t.Minor] = append(byMinor[t.Minor], t)
		}
	}
	found := map[string]bool{}
	for _, tags := range byMinor {
		slices.SortFunc(tags, release.Tag.Compare)
		for _, t := range tags[max(0, len(tags)-2):] {
			found[t.String()] = true
		}
	}
	return found
}
