package tagging

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/notes"
	"github.com/addon-manager/addon-manager/internal/core/release"
)

// Unfinished are the steps that give releases to tags of the bot's that have none, because it was stopped in between. History is what was read of
// the mirror as it is. A release that is there is never changed: a person may have written in it.
func Unfinished(ctx context.Context, o Options, h history.History) (all []*steps.Step, err error) {
	if o.Hub == nil {
		return nil, nil
	}
	refs, err := o.Mirror.Refs(ctx)
	if err != nil {
		return nil, err
	}
	for i, b := range h.Facts.Branches {
		f := &facts{history: h, branch: b.Name, tip: b.Tip, live: &h.Facts.Branches[i], tags: tagsOf(refs, b.Minor, h.Distribution)}
		some, err := o.unfinished(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// unfinished looks at the tags of a branch from the newest on, up to the first of the bot's that has its release: it finishes one before it makes
// the next. Tags that people made are theirs.
func (o Options) unfinished(ctx context.Context, f *facts) (all []*steps.Step, err error) {
	if o.Hub == nil {
		return nil, nil
	}
	for _, t := range f.tags.order {
		a, annotated, err := o.Mirror.Annotated(ctx, f.tags.of[t])
		if err != nil {
			return nil, err
		}
		if !annotated || a.Tagger.Email != o.Tagger.Email {
			continue
		}
		has, err := o.hasRelease(ctx, t)
		if err != nil {
			return nil, err
		}
		if has {
			break
		}
		all = append(all, o.complete(f, t))
	}
	slices.Reverse(all)
	return all, nil
}

func (o Options) hasRelease(ctx context.Context, t release.Tag) (bool, error) {
	_, err := o.Hub.Release(ctx, t.String())
	if errors.Is(err, github.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func releaseOf(t release.Tag) string { return "make the release " + t.String() }

// release is the step that makes the release of a plan's tag, once it is pushed.
func (o Options) release(p *Plan, push *steps.Step) *steps.Step {
	tag, body := p.Tag, p.Notes
	return &steps.Step{
		Action: "release", Branch: p.Branch, What: releaseOf(tag), Needs: []*steps.Step{push},
		Do: func(ctx context.Context) error { return o.create(ctx, tag, body) },
	}
}

// complete is the step that makes the release of a tag that is there.
func (o Options) complete(f *facts, t release.Tag) *steps.Step {
	return &steps.Step{
		Action: "release", Branch: f.branch, What: releaseOf(t), Why: "the tag has none",
		Do: func(ctx context.Context) error {
			previous, err := o.previous(ctx, f.tags, t)
			if err != nil {
				return err
			}
			n, err := o.notes(ctx, f, t, t, previous, f.tags.of[t].Commit)
			if err != nil {
				return err
			}
			a, _, err := o.Mirror.Annotated(ctx, f.tags.of[t])
			if err != nil {
				return err
			}
			if a.Tagger.Email == o.Tagger.Email {
				n.Anyway, n.Against = notes.Anyway(a.Message)
			}
			return o.create(ctx, t, notes.Markdown(n, notes.Limit))
		},
	}
}

// create makes a release, unless somebody was faster.
func (o Options) create(ctx context.Context, t release.Tag, body string) error {
	_, err := o.Hub.CreateRelease(ctx, forge.Release{Tag: t.String(), Name: t.String(), Body: body})
	if err != nil && !errors.Is(err, github.ErrExists) {
		return fmt.Errorf("make the release %s: %w", t, err)
	}
	return nil
}
