package main

import (
	"context"
	"errors"
	"time"

	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/bot/tagging"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/spf13/cobra"
)

// reconcile is the reconcile command.
type reconcile struct {
	forge     forgeFlags
	rendering rendering
	following following
	planned   planned
}

func newReconcile() *cobra.Command {
	var r reconcile
	cmd := &cobra.Command{
		Use:   "reconcile --repository URL [--apply]",
		Short: "Bring the branches and pull requests to what they should be, once",
		Long: "Makes missing release branches, and closes the bot's pull requests onto those whose minor is no longer offered; opens, renews and closes the pull\n" +
			"requests that pick changes of main to release branches; sets the check addons/no-conflicts; says on each source pull request where its changes\n" +
			"are, and on each open one what it does to the manifests; and finishes releases that were cut off.\n\n" +
			"What people did stands: commits of theirs are not overwritten, and what they closed stays closed until it would be something else.\n" +
			"Cut off anywhere, the next run finishes it; with nothing to do, it writes nothing. Exits with 3 when main is not fit for a branch.",
		Example: "  branch-bot reconcile --repository https://github.com/acme/addons\n" +
			"  branch-bot reconcile --repository https://github.com/acme/addons --apply",
		DisableFlagsInUseLine: true,
		Args:                  cli.NoArgs,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return r.run(cmd) },
	}
	r.forge.Add(cmd)
	r.rendering.add(cmd)
	r.following.add(cmd)
	r.planned.add(cmd)
	return cmd
}

func (r *reconcile) run(cmd *cobra.Command) error {
	if err := errors.Join(r.planned.check(), r.following.check()); err != nil {
		return err
	}
	if _, err := r.rendering.check(); err != nil {
		return err
	}
	p, err := r.forge.open(cmd.Context(), cmd.ErrOrStderr(), true)
	if err != nil {
		return err
	}
	defer p.Close()
	o, done, err := r.rendering.open(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer done()
	plan, err := r.following.reconcile(cmd.Context(), p, o)
	return r.planned.finish(cmd, plan, err)
}

// reconcile plans everything that is to be done to a repository.
func (f *following) reconcile(ctx context.Context, p *place, o bot.Options) ([]*steps.Step, error) {
	o.Repository = p.mirror.Repository()
	b := p.branches(o, f.minors)
	b.Diff = diffs(o, report.Limit)
	b.Also = func(ctx context.Context, h history.History) ([]*steps.Step, error) {
		t := tagging.Options{Mirror: p.mirror, Rendering: o, Tagger: p.committer, Now: time.Now}
		if p.hub != nil {
			t.Hub = p.hub
		}
		return tagging.Unfinished(ctx, t, h)
	}
	return branches.Plan(ctx, b)
}
