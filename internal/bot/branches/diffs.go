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
	"github.com/addon-manager/addon-manager/internal/core/proposal"
)

// diffs says on open pull requests what they do to the manifests, against the commit where they left their base: so it stays as it is while
// the base moves on, and is rendered once for each head.
func (w *world) diffs(ctx context.Context) (plan []*steps.Step, failed error) {
	if w.Hub == nil || w.Diff == nil {
		return nil, nil
	}
	for _, p := range w.pulls {
		kept := p.Base == w.Main || slices.ContainsFunc(w.live(), func(b ledger.Branch) bool { return b.Name == p.Base })
		if !p.Open || !kept || w.renewed(p.Number) || w.saysItself(p) {
			continue
		}
		step, err := w.diff(ctx, p)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("comments of #%d: %w", p.Number, err))
		} else if step != nil {
			plan = append(plan, step)
		}
	}
	for _, u := range w.ahead {
		step, err := w.diffAhead(ctx, u)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("compare %s: %w", short(u.head), err))
		} else if step != nil {
			plan = append(plan, step)
		}
	}
	return plan, failed
}

// saysItself tells of upgrades and new minors, whose text has the comparison, as long as nobody but the bot has pushed to them.
func (w *world) saysItself(p forge.Pull) bool {
	m, is := proposal.Find(p.Body)
	return is && p.Author == w.Login && m.Head == p.HeadCommit
}

// renewed tells of pull requests that this plan changes: their new heads are compared.
func (w *world) renewed(number int) bool {
	return slices.ContainsFunc(w.ahead, func(u upcoming) bool { return u.pull == number || u.closes == number })
}

const whatDiff = "say what %s changes in the manifests"

func (w *world) diff(ctx context.Context, p forge.Pull) (*steps.Step, error) {
	if !slices.Contains(headsOf(w.refs, p), p.HeadCommit) {
		return nil, nil
	}
	c, err := w.comparison(ctx, p.Base, p.HeadCommit)
	if err != nil || c == nil {
		return nil, err
	}
	if told, err := w.told(ctx, p.Number, *c); err != nil || told {
		return nil, err
	}
	return &steps.Step{
		Action: "comment", Branch: p.Base, Pull: p.Number, What: fmt.Sprintf(whatDiff, "it"),
		Do: func(ctx context.Context) error { return w.sayDiff(ctx, p.Number, *c) },
	}, nil
}

// diffAhead is about a head that this plan makes: its pull request may get its number only then.
func (w *world) diffAhead(ctx context.Context, u upcoming) (*steps.Step, error) {
	c, err := w.comparison(ctx, u.branch, u.head)
	if err != nil || c == nil {
		return nil, err
	}
	what := fmt.Sprintf("%q", markdown.Clip(u.title, 80))
	if u.pull != 0 {
		what = "it"
		if told, err := w.told(ctx, u.pull, *c); err != nil || told {
			return nil, err
		}
	}
	return &steps.Step{
		Action: "comment", Branch: u.branch, Pull: u.pull, What: fmt.Sprintf(whatDiff, what), Needs: []*steps.Step{u.step},
		Do: func(ctx context.Context) error {
			number := u.pull
			for _, p := range w.news[u.branch] {
				if p.Open && p.Ours && p.Head == u.from {
					number = p.Number
				}
			}
			if number == 0 || !w.pushed[u.head] {
				return nil // Somebody was faster: the next run sees what is there.
			}
			return w.sayDiff(ctx, number, *c)
		},
	}, nil
}

// comparison is what is to be compared for a head onto a branch; nil for nothing.
func (w *world) comparison(ctx context.Context, branch, head string) (*comparison, error) {
	base, err := w.Mirror.MergeBase(ctx, w.refs.Branches[branch], head)
	if err != nil || base == "" || base == head {
		return nil, err
	}
	return &comparison{branch, note{Kind: kindDiff, Base: base, Head: head}}, nil
}

type comparison struct {
	branch string
	about  note
}

// told tells whether a pull request has the comparison already.
func (w *world) told(ctx context.Context, number int, c comparison) (bool, error) {
	all, err := w.Hub.Comments(ctx, number)
	if err != nil {
		return false, err
	}
	_, is := w.find(all, kindDiff)
	return is == c.about, nil
}

func (w *world) sayDiff(ctx context.Context, number int, c comparison) error {
	text, err := w.Diff(ctx, c.about.Base, c.about.Head, c.branch)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		text = "**The manifests cannot be compared:** " + markdown.Text(markdown.Clip(err.Error(), 2000)) + "\n"
	}
	return w.say(ctx, number, kindDiff, c.about.hide(text))
}
