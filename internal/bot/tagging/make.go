package tagging

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/notes"
	"github.com/addon-manager/addon-manager/internal/core/release"
)

// Make plans a release from facts that it reads anew, again when they change meanwhile. It changes nothing but the mirror.
func Make(ctx context.Context, o Options, r Request) (p *Plan, err error) {
	for range attempts {
		if p, err = o.plan(ctx, r); !errors.Is(err, native.ErrStale) || ctx.Err() != nil {
			break
		}
	}
	return p, err
}

func (o Options) plan(ctx context.Context, r Request) (*Plan, error) {
	f, err := o.gather(ctx, r.Minor)
	if err != nil {
		return nil, err
	}
	if r.Commit != "" && !strings.HasPrefix(f.tip, r.Commit) {
		return nil, fmt.Errorf("%s is at %.12s and not at %.12s: look at what came since, and name that commit", f.branch, f.tip, r.Commit)
	}
	p := &Plan{Branch: f.branch, Commit: f.tip, Previous: f.last}
	p.remark(f.tags.odd...)
	if len(f.atTip) > 0 {
		return p, o.finish(ctx, p, f)
	}
	c := &checking{Options: o, facts: f, minor: r.Minor, anyway: r.Anyway != ""}
	if err := c.all(ctx); err != nil {
		return nil, err
	}
	p.Checks = c.found
	p.remark(c.missing())
	if p.Tag, err = o.next(ctx, f, r.Minor); err != nil {
		return nil, err
	}
	switch len(f.gone) {
	case 0:
	case 1:
		p.remark(names(f.gone) + " is not on the remote any more: its number is not given again")
	default:
		p.remark(names(f.gone) + " are not on the remote any more: their numbers are not given again")
	}
	if err := o.unsigned(ctx, p, f); err != nil {
		return nil, err
	}
	if c.live == nil || c.catalog.Addons == nil {
		return p, nil
	}
	n, err := o.notes(ctx, f, p.Tag, release.Tag{}, p.Previous, f.tip)
	if err != nil {
		return nil, err
	}
	for _, check := range p.Checks {
		if check.Result == Overruled {
			n.Anyway = r.Anyway
			n.Against = append(n.Against, check.Message)
		}
	}
	p.Notes, p.Message, p.Report = notes.Markdown(n, notes.Limit), notes.Message(n, notes.MessageLimit), n.Report
	if p.Refused() {
		return p, nil
	}
	unfinished, err := o.unfinished(ctx, f)
	if err != nil {
		return nil, err
	}
	push := o.push(p)
	p.Steps = append(unfinished, push)
	if o.Hub == nil {
		p.remark("no forge is asked: the notes are in the tag's message alone")
		return p, nil
	}
	p.Steps = append(p.Steps, o.release(p, push))
	return p, nil
}

func (p *Plan) remark(texts ...string) {
	for _, t := range texts {
		if t != "" {
			p.Remarks = append(p.Remarks, t)
		}
	}
}

// finish plans what is left to do for a tip that has its tag.
func (o Options) finish(ctx context.Context, p *Plan, f *facts) (err error) {
	p.Tag, p.Made = f.atTip[0], true
	if len(f.atTip) > 1 {
		p.remark(fmt.Sprintf("%s name the same commit", names(f.atTip)))
	}
	if p.Previous, err = o.previous(ctx, f.tags, p.Tag); err != nil || o.Hub == nil {
		return err
	}
	p.Steps, err = o.unfinished(ctx, f)
	if err != nil {
		return err
	}
	// A tag that a person made by hand gets its release too, when somebody asks for it.
	has, err := o.hasRelease(ctx, p.Tag)
	if err != nil || has || len(p.Steps) > 0 && p.Steps[len(p.Steps)-1].What == releaseOf(p.Tag) {
		return err
	}
	p.Steps = append(p.Steps, o.complete(f, p.Tag))
	return nil
}

// unsigned remarks where a branch changes from unsigned tags to signed ones.
func (o Options) unsigned(ctx context.Context, p *Plan, f *facts) error {
	if o.Signing == (native.Signing{}) || f.last.IsZero() {
		return nil
	}
	last, annotated, err := o.Mirror.Annotated(ctx, f.tags.of[f.last])
	if err == nil && (!annotated || !last.Signed) {
		p.remark(f.last.String() + " is not signed, and " + p.Tag.String() + " will be")
	}
	return err
}

// push is the step that makes the tag.
func (o Options) push(p *Plan) *steps.Step {
	tag, branch, commit, message := p.Tag, p.Branch, p.Commit, p.Message
	how := "annotated"
	if o.Signing != (native.Signing{}) {
		how = "signed with " + o.Signing.Format
	}
	return &steps.Step{
		Action: "tag", Branch: branch, What: fmt.Sprintf("push %s, %s, at %.12s, together with %s", tag, how, commit, branch),
		Do: func(ctx context.Context) error {
			tagger := o.Tagger
			tagger.When = o.Now()
			object, err := o.Mirror.Tag(ctx, native.NewTag{Name: tag.String(), Commit: commit, Message: message, Tagger: tagger, Signing: o.Signing})
			if err != nil {
				return fmt.Errorf("make %s: %w", tag, err)
			}
			err = o.Mirror.Push(ctx,
				native.Update{Ref: "refs/heads/" + branch, Old: commit, New: commit},
				native.Update{Ref: "refs/tags/" + tag.String(), New: object},
			)
			switch {
			case err == nil:
				return nil
			case errors.Is(err, native.ErrProtected):
				return fmt.Errorf("push %s: %w: let the bot create tags v*-%s.*", tag, err, tag.Distribution)
			case errors.Is(err, native.ErrStale):
				return fmt.Errorf("push %s: %w", tag, err)
			}
			return unsurePush{fmt.Errorf("push %s: %w", tag, err)}
		},
	}
}
