// Package proposing keeps the pull requests of upgrades: it opens and renews them, obeys what people with write access ask for in comments, and keeps the
// dashboard. Everything is planned first; a plan may be carried out, cut off anywhere, and made again: it then holds what is left to do.
//
// What people did stands: commits of theirs are never overwritten, what they closed stays closed until it would be something else.
package proposing

import (
	"context"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/report"
)

// Hub is what is asked of the forge.
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
	// Issues are the open issues with a label; pull requests are none.
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

// Plan says what is to be done, in order. Steps without Do only tell. An error may come with steps: it is about what could not be looked at, they about the
// rest.
func Plan(ctx context.Context, o Options) ([]*steps.Step, upgrading.Found, error) { panic("todo") }
