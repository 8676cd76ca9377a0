package branches

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// checks says of every pull request onto a live branch whether it is free of conflicts, by the files of its head.
func (w *world) checks(ctx context.Context) (plan []*steps.Step, failed error) {
	if w.Hub == nil {
		return nil, nil
	}
	for _, b := range w.live() {
		for _, p := range b.Pulls {
			if !p.Open || w.renewed(p.Number) {
				continue
			}
			more, err := w.check(ctx, b, p)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("check #%d: %w", p.Number, err))
			}
			plan = append(plan, more...)
		}
	}
	for _, u := range w.ahead {
		i := slices.IndexFunc(w.live(), func(b ledger.Branch) bool { return b.Name == u.branch })
		c, err := w.inspect(ctx, w.live()[i].Tip, u.head)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("check %s: %w", short(u.head), err))
			continue
		}
		step := w.sets(u.branch, u.pull, c)
		set := step.Do
		step.Do = func(ctx context.Context) error {
			if !w.pushed[u.head] {
				return nil
			}
			return set(ctx)
		}
		step.Needs = []*steps.Step{u.step}
		plan = append(plan, step)
	}
	return plan, failed
}

// check looks at an open pull request.
func (w *world) check(ctx context.Context, b ledger.Branch, p ledger.Pull) (plan []*steps.Step, err error) {
	if !slices.Contains(headsOf(w.refs, p.Pull), p.HeadCommit) {
		// The forge knows of a push that the mirror has not seen, or the other way round: the next run has both.
		return nil, nil
	}
	c, err := w.inspect(ctx, b.Tip, p.HeadCommit)
	if err != nil {
		return nil, err
	}
	all, err := w.Hub.Checks(ctx, p.HeadCommit)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(set forge.Check) bool { return set.Name == c.Name })
	if step := w.undressed(b.Name, p); step != nil {
		plan = append(plan, step)
	}
	if i < 0 || all[i].Conclusion != c.Conclusion || all[i].Title != c.Title {
		plan = append(plan, w.sets(b.Name, p.Number, c))
	}
	return plan, nil
}

// headsOf is what the mirror knows the head of a pull request to be.
func headsOf(r native.Refs, p forge.Pull) []string {
	return []string{r.PullHeads[p.Number], r.Branches[p.Head]}
}

func (w *world) sets(branch string, pull int, c forge.Check) *steps.Step {
	return &steps.Step{
		Action: "check", Branch: branch, Pull: pull,
		What: fmt.Sprintf("set %s of %s to %s", c.Name, short(c.Commit), c.Conclusion), Why: c.Title,
		Do: func(ctx context.Context) error { return w.Hub.SetCheck(ctx, c) },
	}
}

// undressed labels a pull request of the bot's that has no label: opening it was cut off, since the label comes last, or somebody took it away, and
// people look for picks by it.
func (w *world) undressed(branch string, p ledger.Pull) *steps.Step {
	m, known := believed(p)
	if !known || p.Human != "" || !strings.HasPrefix(p.Head, pick.Prefix) || slices.Contains(p.Labels, pick.LabelPick) {
		return nil
	}
	labels := []string{pick.LabelPick}
	if p.Draft {
		labels = append(labels, pick.LabelConflict)
	}
	var assignees []string
	for _, c := range w.Facts.Changes {
		if len(p.Assignees) == 0 && len(assignees) == 0 && c.Pull != nil && slices.Contains(m.Source, c.Hash) {
			source := pick.Source{Pull: c.Pull, Changes: []ledger.Change{c}}
			assignees = pick.Write(pick.Request{Branch: branch, Source: source}).Assignees
		}
	}
	return &steps.Step{
		Action: "label", Branch: branch, Pull: p.Number,
		What: fmt.Sprintf("label and assign %q", markdown.Clip(p.Title, 80)), Why: "it has no label " + pick.LabelPick,
		Do: func(ctx context.Context) error { return w.dress(ctx, p.Number, labels, assignees) },
	}
}

// inspect looks at the files that a head changes.
func (w *world) inspect(ctx context.Context, tip, head string) (forge.Check, error) {
	base, err := w.Mirror.MergeBase(ctx, tip, head)
	if err != nil {
		return forge.Check{}, err
	}
	before := map[string]change.Entry{}
	if base != "" {
		if before, err = w.listing(ctx, base); err != nil {
			return forge.Check{}, err
		}
	}
	after, err := w.Mirror.Files(ctx, head)
	if err != nil {
		return forge.Check{}, err
	}
	var files []file
	for path, e := range after {
		if e == before[path] || !regular(e) {
			continue
		}
		f := file{path: path}
		if f.head, err = w.text(ctx, e); err != nil {
			return forge.Check{}, err
		}
		if f.before, err = w.text(ctx, before[path]); err != nil {
			return forge.Check{}, err
		}
		files = append(files, f)
	}
	commits, err := w.Mirror.Log(ctx, native.LogRequest{Of: []string{head}, Not: []string{tip}})
	if err != nil {
		return forge.Check{}, err
	}
	left := undecided(commits, func(commit, path string) bool {
		then, listed := w.listing(ctx, commit)
		err = errors.Join(err, listed)
		return sameBelow(then, after, path)
	})
	return verdict(head, inspect(files, left)), err
}

func regular(e change.Entry) bool { return strings.HasPrefix(e.Mode, "100") }

// text is a file's content. One that is too large to read is no text that people resolve conflicts in.
func (w *world) text(ctx context.Context, e change.Entry) ([]byte, error) {
	if !regular(e) {
		return nil, nil
	}
	data, err := w.Mirror.Blob(ctx, e.Blob)
	if errors.Is(err, git.ErrTooLarge) {
		return nil, nil
	}
	return data, err
}

// sameBelow tells whether a path, and all below it, is the same in two listings.
func sameBelow(a, b map[string]change.Entry, path string) bool {
	within := func(p string) bool { return p == path || strings.HasPrefix(p, path+"/") }
	for p, e := range a {
		if within(p) && b[p] != e {
			return false
		}
	}
	for p, e := range b {
		if within(p) && a[p] != e {
			return false
		}
	}
	return true
}
