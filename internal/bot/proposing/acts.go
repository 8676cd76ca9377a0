package proposing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
)

// proposals brings the pull requests of all proposals to what they should be, in the order in which they should be opened.
func (w *world) proposals(ctx context.Context) (plan []*steps.Step, failed error) {
	for _, p := range w.found.Plan.Proposals {
		s, err := w.situation(ctx, p)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", p.Head, err))
			continue
		}
		w.situations = append(w.situations, s)
	}
	if err := w.admit(ctx); err != nil {
		return nil, err
	}
	for _, s := range w.situations {
		step, err := w.act(ctx, s, decide(*s))
		if err != nil {
			return nil, err
		}
		if step != nil {
			plan = append(plan, step)
		}
	}
	return plan, failed
}

// admit finds out which proposals must wait. One whose commit cannot be made takes no other's place.
func (w *world) admit(ctx context.Context) error {
	var heads []string
	for _, p := range w.pulls {
		if p.Open && w.own(p) && w.closing[p.Head] == nil && w.going[p.Number] == "" {
			heads = append(heads, p.Head)
		}
	}
	for {
		var candidates []upgrade.Proposal
		for _, s := range w.situations {
			if s.waits = ""; s.mine != nil || decide(*s).verb == open {
				candidates = append(candidates, s.proposal)
			}
		}
		waits := upgrade.Admission(w.found.Rules, candidates, heads, w.Now)
		settled := true
		for _, s := range w.situations {
			s.waits = waits[s.proposal.Head]
			if decide(*s).verb != open || s.built != nil {
				continue
			}
			if err := w.build(ctx, s); err != nil {
				return err
			}
			settled = settled && s.failing == "" && s.brought == nil
		}
		if settled {
			return nil
		}
	}
}

// act is the step that carries a decision out; nil for nothing.
func (w *world) act(ctx context.Context, s *situation, d decision) (*steps.Step, error) {
	step := &steps.Step{Action: d.verb, Branch: s.proposal.Branch, Pull: d.pull, Why: d.why}
	title := markdown.Clip(s.draft.Title, 80)
	if before := w.closing[s.proposal.Head]; before != nil {
		step.Needs = append(step.Needs, before)
	}
	switch d.verb {
	case "":
		return nil, nil
	case open:
		step.What = fmt.Sprintf("open a pull request %q", title)
		step.Do = func(ctx context.Context) error { return w.open(ctx, s) }
	case label:
		step.What = fmt.Sprintf("label %q", title)
		step.Do = func(ctx context.Context) error {
			_, ok, err := w.untouched(ctx, *s.mine)
			if err != nil || !ok {
				return err
			}
			return w.Hub.Label(ctx, s.mine.Number, s.draft.Labels...)
		}
	case update:
		if err := w.renewed(ctx, s); err != nil {
			return nil, err
		}
		if s.failing != "" {
			w.leaving[s.mine.Number] = s.failing
			return tell(leave, s.proposal.Branch, s.mine.Number, fmt.Sprintf("%q is not renewed", title), s.failing), nil
		}
		step.What = fmt.Sprintf("renew %q", title)
		step.Do = func(ctx context.Context) error { return w.update(ctx, s) }
		w.renewing[s.mine.Number] = step
	default:
		step.What = fmt.Sprintf("%q is not proposed", title)
		if s.mine != nil {
			step.What = fmt.Sprintf("%q is left as it is", title)
			w.leaving[s.mine.Number] = d.why
		}
	}
	return step, nil
}

// renewed makes the commit of a pull request that is renewed. Where only its text is out of date the commit stays.
func (w *world) renewed(ctx context.Context, s *situation) error {
	if s.built == nil && !s.asked && s.known && same(s.marker.Versions, versions(s.proposal)) && s.marker.Head == s.ref && s.moved == "" {
		if concerns, err := w.concerns(ctx, s.marker.Base, s.tip, s.proposal); err != nil {
			return err
		} else if !concerns {
			if err := w.buildOn(ctx, s, s.marker.Base); err != nil {
				return err
			}
			if s.built != nil && s.built.Tip == s.ref {
				return nil
			}
			s.built, s.failing = nil, ""
		}
	}
	return w.build(ctx, s)
}

// write is what the pull request says.
func (w *world) write(ctx context.Context, s *situation) (proposal.Text, error) {
	r := proposal.Request{
		Repository: w.Repository, URL: w.URL, Proposal: s.proposal, Remarks: s.built.Remarks,
		Marker: proposal.Marker{
			Kind: "upgrade", Branch: s.proposal.Branch, Unit: s.proposal.Unit, Versions: versions(s.proposal), Told: told(s.proposal),
			Labels: s.draft.Labels, Head: s.built.Tip, Base: s.built.Base,
		},
	}
	does := w.rendered(ctx, *s.built, s.proposal.Branch)
	var err error
	if r.Notes, err = w.do.notes(ctx, w.Options.Options, s.proposal); err != nil {
		return proposal.Text{}, err
	}
	switch {
	case ctx.Err() != nil:
		return proposal.Text{}, ctx.Err()
	case does.err != nil:
		r.Unrendered = does.err.Error()
	default:
		r.Report, r.Marker.Content = &does.report, content(s.proposal, does.report)
	}
	return proposal.Write(r), nil
}

func (w *world) push(ctx context.Context, s *situation) error {
	if s.ref == s.built.Tip {
		return nil
	}
	return branches.Push(ctx, w.Mirror, native.Update{Ref: "refs/heads/" + s.proposal.Head, Old: s.ref, New: s.built.Tip})
}

// open pushes the branch, opens the pull request, and labels it last: while the labels are missing, it is not finished.
func (w *world) open(ctx context.Context, s *situation) error {
	text, err := w.write(ctx, s)
	if err != nil {
		return err
	}
	if err := w.push(ctx, s); err != nil {
		return err
	}
	opened, err := w.Hub.Open(ctx, forge.NewPull{Title: text.Title, Body: text.Body, Base: s.proposal.Branch, Head: s.proposal.Head})
	if err != nil && !errors.Is(err, github.ErrExists) {
		return err
	}
	if opened.Number == 0 || !w.own(opened) {
		// It is not in any list yet, or a person was faster: the next run sees it.
		return nil
	}
	w.opened[s.proposal.Head] = opened
	return w.Hub.Label(ctx, opened.Number, text.Labels...)
}

// untouched reads a pull request again, right before it is changed. Ok is false when it is closed, which is no error.
func (w *world) untouched(ctx context.Context, planned forge.Pull, heads ...string) (now forge.Pull, ok bool, err error) {
	now, err = w.Hub.Pull(ctx, planned.Number)
	switch {
	case err != nil:
		return now, false, err
	case !now.Open:
		w.closed[planned.Number] = true
		return now, false, nil
	case now.Base != planned.Base:
		return now, false, fmt.Errorf("somebody has pointed it to %s meanwhile, so it is left as it is", now.Base)
	case !slices.Contains(append(heads, planned.HeadCommit), now.HeadCommit):
		return now, false, errors.New("somebody else pushed to it meanwhile, so it is left as it is")
	}
	return now, true, nil
}

// update renews branch, labels and text: the text last, since its marker says that all is done.
func (w *world) update(ctx context.Context, s *situation) error {
	text, err := w.write(ctx, s)
	if err != nil {
		return err
	}
	now, ok, err := w.untouched(ctx, *s.mine, s.built.Tip)
	if err != nil || !ok {
		return err
	}
	if err := w.push(ctx, s); err != nil {
		return err
	}
	// What a person has taken away of those that it had stays away; where all are missing, the next run puts them on.
	if wanted := missing(missing(text.Labels, s.marker.Labels), now.Labels); len(wanted) > 0 {
		if err := w.Hub.Label(ctx, s.mine.Number, wanted...); err != nil {
			return err
		}
	}
	for _, name := range missing(s.marker.Labels, text.Labels) {
		if len(missing([]string{name}, now.Labels)) > 0 {
			continue // A person has taken it away.
		}
		if err := w.Hub.Unlabel(ctx, s.mine.Number, name); err != nil {
			return err
		}
	}
	edit := forge.PullEdit{Body: &text.Body}
	if now.Title != text.Title {
		edit.Title = &text.Title
	}
	if edit.Title == nil && plainText(now.Body) == plainText(text.Body) {
		return nil
	}
	_, err = w.Hub.Edit(ctx, s.mine.Number, edit)
	return err
}
