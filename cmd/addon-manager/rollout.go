package main

import (
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/spf13/cobra"
)

func newRollout(now func() time.Time) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout",
		Short: "Show how far releases have come, and halt, resume, roll back or hurry one",
		Args:  subcommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRolloutStatus(), newHalt(now), newResume(now), newRollback(now), newEmergency(now))
	return cmd
}

// subcommand refuses a verb that does not exist.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return cli.Usagef("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return nil
}

func newHalt(now func() time.Time) *cobra.Command {
	return releaseOrder(now, "halt RELEASE", "Let no further cluster move to a release, until it is resumed",
		"Adds RELEASE to spec.rollout.halted of the CatalogSource. Clusters that have the release keep it.", halt)
}

func newRollback(now func() time.Time) *cobra.Command {
	return undoableReleaseOrder(now, "rollback RELEASE", "Take a release back from every cluster that has it",
		"Adds RELEASE to spec.rollout.rolledBack of the CatalogSource: its clusters go back to the newest usable release before it, all at once.",
		"let the release roll out again", rollback, undoRollback)
}

func newEmergency(now func() time.Time) *cobra.Command {
	return undoableReleaseOrder(now, "emergency RELEASE", "Roll a release to every cluster of its minor at once",
		"Adds RELEASE to spec.rollout.emergency of the CatalogSource: groups, limits and windows do not hold it back. Pins, freezes and pauses do.",
		"let the release go group by group again", emergency, undoEmergency)
}

// releaseDecision is an order about one release.
type releaseDecision func(*v1alpha1.CatalogSource, release.Tag) (said, error)

func releaseOrder(now func() time.Time, use, short, long string, decide releaseDecision) *cobra.Command {
	o := order{now: now}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cli.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tag, err := parseRelease(args[0])
			if err != nil {
				return err
			}
			return run(cmd, &o, o.source, aboutSource(func(s *v1alpha1.CatalogSource) (said, error) { return decide(s, tag) }))
		},
	}
	o.add(cmd)
	return cmd
}

func undoableReleaseOrder(now func() time.Time, use, short, long, undone string, do, undo releaseDecision) *cobra.Command {
	var back bool
	cmd := releaseOrder(now, use, short, long, func(s *v1alpha1.CatalogSource, tag release.Tag) (said, error) {
		if back {
			return undo(s, tag)
		}
		return do(s, tag)
	})
	cmd.Flags().BoolVar(&back, "undo", false, "take the order back: "+undone)
	return cmd
}
