package branches

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// diffs says on open pull requests what they do to the manifests, against the commit where they left their base: so it stays as it is while
// the base moves on, and is rendered once for each head.
func (w *world) diffs(ctx context.Context) (plan []*steps.Step, failed error) {
	if w.Hub == nil || w.Diff == nil {
		return nil, nil
	}
	for _, p := range w.pulls {
		kept := p.Base == w.Main || slices.ContainsFunc(w.live(), func(b ledger.Branch) bool { return b.Name == p.Base })
		if !p.Open || !kept || w.renewed(p.Number) {
			continue
		}
		step, err := w.diff(ctx, p)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("comments of #%d: %w", p.Number, err))
		} else if step != nil {
			plan = append(plan, step)
		}
	}
	return plan, failed
}

// renewed tells of pull requests that this plan changes: they are compared in the next run.
func (w *world) renewed(number int) bool {
	return slices.ContainsFunc(w.ahead, func(u upcoming) bool { return u.pull == number || u.closes == number })
}

func (w *world) diff(ctx context.Context, p forge.Pull) (*steps.Step, error) {
	if !slices.Contains(headsOf(w.refs, p), p.HeadCommit) {
		return nil, nil
	}
	base, err := w.Mirror.MergeBase(ctx, w.refs.Branches[p.Base], p.HeadCommit)
	if err != nil || base == "" || base == p.HeadCommit {
		return nil, err
	}
	all, err := w.Hub.Comments(ctx, p.Number)
	if err != nil {
		return nil, err
	}
	about := note{Kind: kindDiff, Base: base, Head: p.HeadCommit}
	if _, is := w.find(all, kindDiff); is == about {
		return nil, nil
	}
	return &steps.Step{
		Action: "comment", Branch: p.Base, Pull: p.Number, What: "say what it changes in the manifests",
		Do: func(ctx context.Context) error {
			text, err := w.Diff(ctx, base, p.HeadCommit, p.Base)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				text = "**The manifests cannot be compared:** " + markdown.Text(markdown.Clip(err.Error(), 2000)) + "\n"
			}
			return w.say(ctx, p.Number, kindDiff, about.hide(text))
		},
	}, nil
}
