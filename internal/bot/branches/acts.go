package branches

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/core/release"
)

// upcoming is a pull request whose head this plan makes.
type upcoming struct {
	branch, head string
	// from is the name of its branch, title what it is called.
	from, title string
	// pull is 0 for one that is not there yet, closes the one that it takes the place of.
	pull, closes int
	step         *steps.Step
}

// act is the step that carries a decision out; nil for nothing.
func (w *world) act(s situation, d decision) *steps.Step {
	step := &steps.Step{Action: string(d.verb), Branch: s.branch, Why: d.why}
	if d.pull != nil {
		step.Pull = d.pull.Number
	}
	switch d.verb {
	case nothing:
		return nil
	case wait, leave:
		step.What = "nothing is done about the pull request"
		if len(s.source.Changes) > 0 {
			step.What = w.called(s.source) + " is not picked"
		}
		return step
	case closes:
		step.What = fmt.Sprintf("close %q", markdown.Clip(d.pull.Title, 80))
		step.Do = func(ctx context.Context) error { return w.close(ctx, *d.pull, d.why) }
		w.touch(s.source, d.pull.Brings)
		return step
	}
	p := w.proposal(s)
	tip := s.outcome.Tip
	kind := "pull request"
	if p.Draft {
		kind = "draft"
	}
	switch d.verb {
	case open:
		step.What = fmt.Sprintf("open a %s %q", kind, markdown.Clip(p.Title, 80))
		step.Do = func(ctx context.Context) error { return w.open(ctx, s, d, p) }
	case update:
		step.What = fmt.Sprintf("renew %q", markdown.Clip(d.pull.Title, 80))
		step.Do = func(ctx context.Context) error { return w.update(ctx, s, d, p) }
	case replace:
		step.What = fmt.Sprintf("close %q for a new %s", markdown.Clip(d.pull.Title, 80), kind)
		step.Do = func(ctx context.Context) error { return w.replace(ctx, s, d, p) }
	}
	ahead := upcoming{branch: s.branch, head: tip, from: pick.Head(s.branch, s.source), title: p.Title, step: step}
	switch d.verb {
	case update:
		ahead.pull = d.pull.Number
	case replace:
		ahead.closes = d.pull.Number
	}
	w.ahead = append(w.ahead, ahead)
	w.touch(s.source, nil)
	return step
}

// called is how people know a source.
func (w *world) called(s pick.Source) string {
	if s.Pull != nil {
		return fmt.Sprintf("#%d %q", s.Pull.Number, markdown.Clip(s.Title(), 80))
	}
	return fmt.Sprintf("%s %q", short(s.Changes[0].Hash), markdown.Clip(s.Title(), 80))
}

// touch notes that the plan changes what is to be said about a source, or about changes.
func (w *world) touch(s pick.Source, changes []string) {
	if s.Pull != nil {
		w.busy[s.Pull.Number] = true
	}
	for _, c := range w.Facts.Changes {
		if c.Pull != nil && slices.Contains(changes, c.Hash) {
			w.busy[c.Pull.Number] = true
		}
	}
}

// prepare makes the branch of a pick what the outcome is.
func (w *world) prepare(ctx context.Context, s situation, d decision) error {
	if d.push {
		if err := Push(ctx, w.Mirror, native.Update{Ref: "refs/heads/" + pick.Head(s.branch, s.source), Old: s.ref, New: s.outcome.Tip}); err != nil {
			return err
		}
	}
	w.pushed[s.outcome.Tip] = true
	return nil
}

func (w *world) open(ctx context.Context, s situation, d decision, p pick.Proposal) error {
	if err := w.prepare(ctx, s, d); err != nil {
		return err
	}
	opened, err := w.Hub.Open(ctx, forge.NewPull{
		Title: p.Title, Body: p.Body, Base: s.branch, Head: pick.Head(s.branch, s.source), Draft: p.Draft,
	})
	exists := errors.Is(err, github.ErrExists)
	if err != nil && !exists {
		return err
	}
	if opened.Number == 0 {
		// It is there, and not in any list yet: the next run sees it.
		return nil
	}
	mine := w.own(opened)
	w.learn(s.branch, ledger.Pull{Pull: opened, Ours: mine, Brings: hashes(s.source)})
	if !mine {
		// A person was faster, and it is theirs now.
		return nil
	}
	return w.dress(ctx, opened.Number, p.Labels, p.Assignees)
}

// dress assigns and labels a pull request. The label comes last: while it is missing, this is not finished.
func (w *world) dress(ctx context.Context, number int, labels, assignees []string) error {
	if len(assignees) > 0 {
		if err := w.Hub.Assign(ctx, number, assignees...); err != nil {
			return err
		}
	}
	return w.Hub.Label(ctx, number, labels...)
}

// untouched reads a pull request again, right before it is changed. Ok is false when it is closed, which is no error.
func (w *world) untouched(ctx context.Context, planned ledger.Pull, heads ...string) (now forge.Pull, ok bool, err error) {
	now, err = w.Hub.Pull(ctx, planned.Number)
	switch {
	case err != nil:
		return now, false, err
	case !now.Open:
		return now, false, nil
	case now.Base != planned.Base:
		return now, false, fmt.Errorf("somebody has pointed it to %s meanwhile, so it is left as it is", now.Base)
	case !slices.Contains(append(heads, planned.HeadCommit), now.HeadCommit):
		return now, false, errors.New("somebody else pushed to it meanwhile, so it is left as it is")
	}
	return now, true, nil
}

func (w *world) update(ctx context.Context, s situation, d decision, p pick.Proposal) error {
	if _, ok, err := w.untouched(ctx, *d.pull, s.ref, s.outcome.Tip); err != nil || !ok {
		return err
	}
	if err := w.prepare(ctx, s, d); err != nil {
		return err
	}
	if _, err := w.Hub.Edit(ctx, d.pull.Number, forge.PullEdit{Body: &p.Body}); err != nil {
		return err
	}
	return w.dress(ctx, d.pull.Number, p.Labels, nil)
}

func (w *world) replace(ctx context.Context, s situation, d decision, p pick.Proposal) error {
	if _, ok, err := w.untouched(ctx, *d.pull, s.ref, s.outcome.Tip); err != nil || !ok {
		return err
	}
	if err := w.prepare(ctx, s, d); err != nil {
		return err
	}
	if err := w.close(ctx, *d.pull, d.why, s.outcome.Tip); err != nil {
		return err
	}
	d.push = false
	return w.open(ctx, s, d, p)
}

// close closes a pull request and says why in its text, for people and for later runs, in one write.
func (w *world) close(ctx context.Context, p ledger.Pull, why string, heads ...string) error {
	now, ok, err := w.untouched(ctx, p, heads...)
	if err != nil || !ok {
		return err
	}
	m, known := pick.Find(now.Body)
	if !known {
		m = pick.Marker{Kind: "pick", Branch: p.Base, Source: p.Brings}
	}
	m.Retired = why
	body := pick.Hide("> **Closed by the bot:** "+markdown.Text(why)+".\n\n"+now.Body, m)
	closed, err := w.Hub.Edit(ctx, p.Number, forge.PullEdit{Body: &body, Closed: true})
	if err != nil {
		return err
	}
	p.Pull, p.Retired = closed, true
	w.learn(p.Base, p)
	return nil
}

// retire closes the bot's pull requests onto branches whose minor is no longer offered. Nothing is deleted.
func (w *world) retire(context.Context) (plan []*steps.Step, _ error) {
	for _, branch := range w.Retired {
		m, _ := release.ParseBranch(branch)
		for _, p := range w.pulls {
			if !p.Open || p.Base != branch || !w.own(p) || !strings.HasPrefix(p.Head, pick.Prefix) {
				continue
			}
			why := fmt.Sprintf("the catalog of %s does not offer %s any more", w.Main, m)
			plan = append(plan, w.act(situation{branch: branch}, decision{verb: closes, pull: &ledger.Pull{Pull: p, Ours: true}, why: why}))
		}
	}
	return plan, nil
}
