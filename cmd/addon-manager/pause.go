package main

import (
	"fmt"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
)

func newPause(now func() time.Time) *cobra.Command {
	return pauseOrder(now, true, "pause", "Change nothing on any cluster until unpause",
		"Sets spec.paused of the CatalogSource. Argo CD goes on syncing what is delivered; to stop that too is Argo CD's business.")
}

func newUnpause(now func() time.Time) *cobra.Command {
	return pauseOrder(now, false, "unpause", "Let the manager change clusters again", "Removes spec.paused of the CatalogSource.")
}

func pauseOrder(now func() time.Time, paused bool, use, short, long string) *cobra.Command {
	o := order{now: now}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("%q is about the whole fleet and takes no argument, got %q; one cluster is paused by the annotation addons.kaas.dev/paused: \"true\" on its Secret", cmd.CommandPath(), args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd, &o, o.source, justSource(func(s *v1alpha1.CatalogSource) (said, error) { return pause(s, paused), nil }))
		},
	}
	o.add(cmd)
	return cmd
}

func pause(s *v1alpha1.CatalogSource, paused bool) said {
	was := s.Spec.Paused
	s.Spec.Paused = paused
	switch {
	case paused && was:
		return said{Message: fmt.Sprintf("CatalogSource %q is paused already: nothing changes on any cluster", s.Name)}
	case paused:
		return said{Message: fmt.Sprintf("paused CatalogSource %q: nothing changes on any cluster until `addon-manager unpause`", s.Name)}
	case was:
		return said{Message: fmt.Sprintf("unpaused CatalogSource %q: what was held goes on", s.Name)}
	}
	return said{Message: fmt.Sprintf("CatalogSource %q is not paused: nothing to undo", s.Name)}
}
