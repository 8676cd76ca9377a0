package tagging

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// facts are what a release is decided from.
type facts struct {
	history history.History
	// branch and tip are what is released, live its part of the ledger; nil for a branch that is not kept any more.
	branch, tip string
	live        *ledger.Branch
	tags        tags
	// gone are releases that were there once and that the remote has no more.
	gone []release.Tag
	// last is the newest release on the branch, zero when there is none. Beside holds newer ones that are not on it.
	last   release.Tag
	beside []release.Tag
	// tip's own releases, the newest first.
	atTip []release.Tag
}

// tags are the releases of one minor and distribution.
type tags struct {
	minor        version.Minor
	distribution string

	of map[release.Tag]native.Tag
	// order is newest first.
	order []release.Tag
	// odd are names that look like releases of the minor and are none, with the reason.
	odd []string
}

func tagsOf(refs native.Refs, m version.Minor, distribution string) tags {
	t := tags{minor: m, distribution: distribution, of: map[release.Tag]native.Tag{}}
	prefix := release.Tag{Minor: m, Distribution: distribution, N: 1}.String()
	prefix = prefix[:len(prefix)-1]
	for name, at := range refs.Tags {
		tag, err := release.ParseTag(name)
		switch {
		case err == nil && tag.Minor == m && tag.Distribution == distribution:
			t.of[tag] = at
			t.order = append(t.order, tag)
		case err != nil && strings.HasPrefix(name, prefix):
			t.odd = append(t.odd, "does not count: "+err.Error())
		}
	}
	slices.SortFunc(t.order, func(a, b release.Tag) int { return b.Compare(a) })
	slices.Sort(t.odd)
	return t
}

// gather reads the facts anew.
func (o Options) gather(ctx context.Context, m version.Minor) (*facts, error) {
	if _, err := o.Mirror.Fetch(ctx); err != nil {
		return nil, err
	}
	refs, err := o.Mirror.Refs(ctx)
	if err != nil {
		return nil, err
	}
	f := &facts{branch: release.Branch(m)}
	f.tip = refs.Branches[f.branch]
	if f.tip == "" {
		return nil, fmt.Errorf("there is no branch %s: offer %s in kubernetes.minors of the default branch's catalog, and branch-bot cut %s --apply makes it", f.branch, m, m)
	}
	if f.history, err = o.History(ctx); err != nil {
		return nil, err
	}
	for i, b := range f.history.Facts.Branches {
		if b.Name == f.branch {
			f.live = &f.history.Facts.Branches[i]
		}
	}
	if f.live != nil && f.live.Tip != f.tip {
		return nil, fmt.Errorf("%s moved while it was read: %w", f.branch, native.ErrStale)
	}
	f.tags = tagsOf(refs, m, f.history.Distribution)
	if f.gone, err = o.forgotten(f.tags); err != nil {
		return nil, err
	}
	f.last, f.beside, err = o.newestOn(ctx, f.tags, f.tags.order, f.tip)
	for _, t := range f.tags.order {
		if f.tags.of[t].Commit == f.tip {
			f.atTip = append(f.atTip, t)
		}
	}
	return f, err
}

// newestOn is the first of some releases that a commit has, and those before it that it does not have.
func (o Options) newestOn(ctx context.Context, all tags, order []release.Tag, commit string) (on release.Tag, beside []release.Tag, err error) {
	for _, t := range order {
		is, err := o.Mirror.Contains(ctx, commit, all.of[t].Commit)
		if err != nil {
			return release.Tag{}, nil, err
		}
		if is {
			return t, beside, nil
		}
		beside = append(beside, t)
	}
	return release.Tag{}, beside, nil
}

// previous is the release before another, on the way to its commit.
func (o Options) previous(ctx context.Context, all tags, t release.Tag) (release.Tag, error) {
	older := slices.DeleteFunc(slices.Clone(all.order), func(other release.Tag) bool { return other.Compare(t) >= 0 })
	on, _, err := o.newestOn(ctx, all, older, all.of[t].Commit)
	return on, err
}

// next is the number to give: after all that the remote has, that are remembered to have been, and that have a release on the forge.
func (o Options) next(ctx context.Context, f *facts, m version.Minor) (release.Tag, error) {
	if o.Hub != nil {
		if err := o.drafted(ctx, f); err != nil {
			return release.Tag{}, err
		}
	}
	known := slices.Concat(f.tags.order, f.gone)
	for {
		t, err := release.Next(m, f.history.Distribution, known)
		if err != nil || o.Hub == nil {
			return t, err
		}
		has, err := o.hasRelease(ctx, t)
		if err != nil || !has {
			return t, err
		}
		// Either somebody deleted its tag, or another bot made both since the tags were read.
		now, err := o.Mirror.Remote(ctx)
		if err != nil {
			return t, err
		}
		if _, there := now.Tags[t.String()]; there {
			return t, fmt.Errorf("%s was made meanwhile: %w", t, native.ErrStale)
		}
		f.gone = append(f.gone, t)
		known = append(known, t)
	}
}

// drafted finds releases after the newest tag that lost their own: GitHub keeps them as drafts.
func (o Options) drafted(ctx context.Context, f *facts) error {
	drafts, err := o.Hub.Drafts(ctx)
	if err != nil {
		return err
	}
	for _, d := range drafts {
		t, err := release.ParseTag(d.Tag)
		if err != nil || t.Minor != f.tags.minor || t.Distribution != f.tags.distribution || slices.Contains(f.gone, t) {
			continue
		}
		if len(f.tags.order) == 0 || t.Compare(f.tags.order[0]) > 0 {
			f.gone = append(f.gone, t)
		}
	}
	slices.SortFunc(f.gone, release.Tag.Compare)
	return nil
}

func names(all []release.Tag) string {
	texts := make([]string, len(all))
	for i, t := range all {
		texts[i] = t.String()
	}
	const most = 5
	if len(texts) > most {
		texts = append(texts[:most], markdown.Count(len(texts)-most, "other tag"))
	}
	return strings.Join(texts, ", ")
}
