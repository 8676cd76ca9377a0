package main

import (
	"errors"

	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
)

// reconcile is the reconcile command.
type reconcile struct {
	upkeep  upkeep
	planned planned
}

func newReconcile() *cobra.Command {
	var r reconcile
	cmd := &cobra.Command{
		Use:   "reconcile --repository URL [--apply]",
		Short: "Bring the branches and pull requests to what they should be, once",
		Long: "Makes missing release branches, and closes the bot's pull requests onto those whose minor is no longer offered; opens, renews and closes the pull\n" +
			"requests that pick changes of main to release branches; sets the check addons/no-conflicts; says on each source pull request where its changes\n" +
			"are, and on each open one what it does to the manifests; and finishes releases that were cut off. Where main's catalog has upgrades, it also keeps\n" +
			"the pull requests of newer versions, as upgrade does.\n\n" +
			"What people did stands: commits of theirs are not overwritten, and what they closed stays closed until it would be something else.\n" +
			"Cut off anywhere, the next run finishes it; with nothing to do, it writes nothing. Exits with 3 when main is not fit for a branch.",
		Example: "  branch-bot reconcile --repository https://github.com/acme/addons\n" +
			"  branch-bot reconcile --repository https://github.com/acme/addons --apply",
		DisableFlagsInUseLine: true,
		Args:                  cli.NoArgs,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return r.run(cmd) },
	}
	r.upkeep.add(cmd)
	r.planned.add(cmd)
	return cmd
}

func (r *reconcile) run(cmd *cobra.Command) error {
	if err := errors.Join(r.planned.check(), r.upkeep.check()); err != nil {
		return err
	}
	r.upkeep.errs = cmd.ErrOrStderr()
	p, err := r.upkeep.forge.open(cmd.Context(), cmd.ErrOrStderr(), true)
	if err != nil {
		return err
	}
	defer p.Close()
	o, done, err := r.upkeep.rendering.open(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer done()
	plan, err := r.upkeep.reconcile(cmd.Context(), p, o)
	return r.planned.finish(cmd, plan, err)
}
