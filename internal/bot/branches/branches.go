// Package branches keeps the branches of a config repository: it cuts them, proposes picks to them, says on pull requests where changes
// are and what they do, and closes what is no longer wanted. Everything is planned first, from Git and the forge alone; a plan may be
// carried out, cut off anywhere, and made again: it then holds what is left to do.
//
// What people did stands: commits of theirs are never overwritten, titles and targets never changed back, what they closed stays closed.
package branches

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Hub is what is asked of the forge. Its answers are believed in what they say, and not trusted in any text.
type Hub interface {
	OpenPulls(ctx context.Context) ([]forge.Pull, error)
	PullsSince(ctx context.Context, since time.Time) ([]forge.Pull, error)
	Pull(ctx context.Context, number int) (forge.Pull, error)
	Open(ctx context.Context, p forge.NewPull) (forge.Pull, error)
	Edit(ctx context.Context, number int, e forge.PullEdit) (forge.Pull, error)
	Label(ctx context.Context, number int, labels ...string) error
	Assign(ctx context.Context, number int, logins ...string) error
	Comments(ctx context.Context, number int) ([]forge.Comment, error)
	Comment(ctx context.Context, number int, body string) (forge.Comment, error)
	EditComment(ctx context.Context, id int64, body string) error
	Checks(ctx context.Context, commit string) ([]forge.Check, error)
	SetCheck(ctx context.Context, check forge.Check) error
}

// Options say which repository, as whom, and what for.
type Options struct {
	Mirror *native.Mirror
	// Hub is nil for a plain Git server: then only branches are cut and followed.
	Hub Hub
	// Main is the branch that changes come from; empty for the repository's default branch.
	Main string
	// Repository is owner/name, URL its page, Login who the bot is there. They are empty without a Hub.
	Repository, URL, Login string
	// Committer is who commits picks. Commits of anybody else on the bot's branches are people's.
	Committer change.Person
	// Renders tells what stops addons of a tree from rendering for a minor, by addon; none named means all that are offered there. Nil leaves
	// rendering out. Its error means that nobody can tell at the moment.
	Renders func(ctx context.Context, tree fs.FS, minor version.Minor, addons []string) (problems map[string]string, err error)
	// Diff says in Markdown what a pull request does to the manifests; nil leaves that out.
	Diff func(ctx context.Context, base, head, baseName string) (markdown string, err error)
	// Follow are minors whose branches are moved along with main until their first release.
	Follow []version.Minor
	// Also plans more from what was read, such as releases that were cut off; nil for nothing.
	Also func(ctx context.Context, h history.History) ([]*steps.Step, error)
}

// Plan says what is to be done to the whole repository, in order. Steps without Do only tell. An error may come with steps: it is about what
// could not be looked at, they about the rest.
func Plan(ctx context.Context, o Options) (plan []*steps.Step, failed error) {
	w, err := gather(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) ([]*steps.Step, error){
		w.cut, w.follow, w.retire, w.picks, w.checks, w.also, w.ledgers, w.diffs,
	} {
		more, err := part(ctx)
		plan, failed = append(plan, more...), errors.Join(failed, err)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return plan, failed
}

func (w *world) also(ctx context.Context) ([]*steps.Step, error) {
	if w.Also == nil {
		return nil, nil
	}
	return w.Also(ctx, w.History)
}

// tell is a step that only says something.
func tell(action, branch string, pull int, what, why string) *steps.Step {
	return &steps.Step{Action: action, Branch: branch, Pull: pull, What: what, Why: why}
}

// Refused is the action of steps that say what cannot be done, and why.
const Refused = "refuse"

// short is a commit as people name it.
func short(hash string) string { return fmt.Sprintf("%.12s", hash) }
