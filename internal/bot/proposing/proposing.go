// Package proposing keeps the pull requests of upgrades: it opens and renews them, obeys what people with write access ask for in comments, and keeps the
// dashboard. Everything is planned first; a plan may be carried out, cut off anywhere, and made again: it then holds what is left to do.
//
// What people did stands: commits of theirs are never overwritten, what they closed stays closed until it would be something else.
package proposing

import (
	"context"
	"errors"
	"slices"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
)

// Hub is what is asked of the forge. Its reading methods may be called several at a time.
type Hub interface {
	OpenPulls(ctx context.Context) ([]forge.Pull, error)
	PullsOf(ctx context.Context, head string) ([]forge.Pull, error)
	Pull(ctx context.Context, number int) (forge.Pull, error)
	Open(ctx context.Context, p forge.NewPull) (forge.Pull, error)
	Edit(ctx context.Context, number int, e forge.PullEdit) (forge.Pull, error)
	Label(ctx context.Context, number int, labels ...string) error
	Unlabel(ctx context.Context, number int, label string) error
	Comments(ctx context.Context, number int) ([]forge.Comment, error)
	Comment(ctx context.Context, number int, body string) (forge.Comment, error)
	// MayWrite tells whether somebody has write access to the repository.
	MayWrite(ctx context.Context, login string) (bool, error)
	// Issues are the issues with a label, open or not; pull requests are none.
	Issues(ctx context.Context, label string) ([]forge.Issue, error)
	OpenIssue(ctx context.Context, i forge.NewIssue) (forge.Issue, error)
	EditIssue(ctx context.Context, number int, body string) error
}

// Options say which repository, as whom, and what for.
type Options struct {
	upgrading.Options
	// Hub is never nil.
	Hub Hub
	// Repository is owner/name, URL its page, Login who the bot is there.
	Repository, URL, Login string
	// Diff compares two commits, for the minors that the branch of this name is for.
	Diff func(ctx context.Context, base, head, baseName string) (report.Report, error)
}

// upgrader is what finds upgrades and makes commits of them: package upgrading, but for tests.
type upgrader struct {
	look  func(ctx context.Context, o upgrading.Options, k upgrading.Known) (upgrading.Found, error)
	again func(f upgrading.Found, ctx context.Context, o upgrading.Options, k upgrading.Known) (upgrading.Found, error)
	build func(ctx context.Context, o upgrading.Options, base string, p upgrade.Proposal) (upgrading.Built, error)
	notes func(ctx context.Context, o upgrading.Options, p upgrade.Proposal) ([][]proposal.Note, error)
}

// Plan says what is to be done, in order. Steps without Do only tell. An error may come with steps: it is about what could not be looked at, they about the
// rest.
func Plan(ctx context.Context, o Options) ([]*steps.Step, upgrading.Found, error) {
	return plan(ctx, o, upgrader{look: upgrading.Look, again: upgrading.Found.Again, build: upgrading.Build, notes: upgrading.Notes})
}

// plan answers people first, then takes away what is no longer proposed, then proposes: security first. The dashboard tells of all that at the end.
func plan(ctx context.Context, o Options, do upgrader) (all []*steps.Step, found upgrading.Found, failed error) {
	w, err := gather(ctx, o, do)
	if err != nil {
		return nil, upgrading.Found{}, err
	}
	for _, part := range []func(context.Context) ([]*steps.Step, error){w.obey, w.leftovers, w.proposals, w.answers} {
		more, err := part(ctx)
		all, failed = append(all, more...), errors.Join(failed, err)
		if ctx.Err() != nil {
			return nil, w.found, ctx.Err()
		}
	}
	// Whoever asked for something is answered first.
	slices.SortStableFunc(all, func(a, b *steps.Step) int { return w.turn(a) - w.turn(b) })
	if board := w.dashboard(all); board != nil {
		all = append(all, board)
	}
	return all, w.found, errors.Join(w.failed, failed)
}

func (w *world) turn(s *steps.Step) int {
	if s.Pull != 0 && slices.ContainsFunc(w.orders, func(o *order) bool { return o.pull.Number == s.Pull }) {
		return 0
	}
	return 1
}

// The actions of steps.
const (
	open    = "open"
	update  = "update"
	label   = "label"
	closes  = "close"
	comment = "comment"
	wait    = "wait"
	leave   = "leave"
	refuse  = "refuse"
)

// tell is a step that only says something.
func tell(action, branch string, pull int, what, why string) *steps.Step {
	return &steps.Step{Action: action, Branch: branch, Pull: pull, What: what, Why: why}
}
