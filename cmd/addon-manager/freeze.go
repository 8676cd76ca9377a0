package main

import (
	"fmt"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func newFreeze(now func() time.Time) *cobra.Command {
	o := order{now: now}
	var terms term
	cmd := &cobra.Command{
		Use:   "freeze CLUSTER --reason TEXT --owner WHO --for DURATION|--until TIME",
		Short: "Let no move start on a cluster for a while",
		Long: "Sets spec.freeze of the cluster's ClusterAddons. Every addon stays at the release it has; switching addons on and off still works.\n" +
			"To change nothing at all, pause the cluster: annotation addons.kaas.dev/paused: \"true\" on its Secret.",
		DisableFlagsInUseLine: true,
		Args:                  cli.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			end, err := terms.end(now())
			if err != nil {
				return err
			}
			freeze := &v1alpha1.Freeze{Reason: terms.reason, Owner: terms.owner, Until: metav1.NewTime(end)}
			return run(cmd, &o, o.cluster(args[0]), aboutCluster(func(ca *v1alpha1.ClusterAddons) (said, error) { return setFreeze(ca, freeze), nil }))
		},
	}
	o.add(cmd)
	terms.add(cmd)
	return cmd
}

func newUnfreeze(now func() time.Time) *cobra.Command {
	o := order{now: now}
	cmd := &cobra.Command{
		Use:   "unfreeze CLUSTER",
		Short: "Let moves start on a cluster again",
		Long:  "Removes spec.freeze of the cluster's ClusterAddons.",
		Args:  cli.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd, &o, o.cluster(args[0]), aboutCluster(func(ca *v1alpha1.ClusterAddons) (said, error) { return unfreeze(ca), nil }))
		},
	}
	o.add(cmd)
	return cmd
}

func setFreeze(ca *v1alpha1.ClusterAddons, f *v1alpha1.Freeze) said {
	was := ca.Spec.Freeze
	if was != nil && was.Reason == f.Reason && was.Owner == f.Owner && was.Until.Equal(&f.Until) {
		return said{Message: fmt.Sprintf("%s is frozen until %s already", ca.Name, clock(f.Until.Time))}
	}
	ca.Spec.Freeze = f
	told := said{Message: fmt.Sprintf("froze %s until %s: no move starts on it; switching addons on and off still works", ca.Name, clock(f.Until.Time))}
	if was != nil {
		told.Details = append(told.Details, "in place of the freeze "+freezeLine(was))
	}
	told.Details = append(told.Details, "to take it back: addon-manager unfreeze "+ca.Name)
	return told
}

func unfreeze(ca *v1alpha1.ClusterAddons) said {
	if ca.Spec.Freeze == nil {
		return said{Message: fmt.Sprintf("%s is not frozen: nothing to undo", ca.Name)}
	}
	ca.Spec.Freeze = nil
	return said{Message: fmt.Sprintf("unfroze %s: it moves on with its group", ca.Name)}
}

// freezeLine is a freeze in one line.
func freezeLine(f *v1alpha1.Freeze) string {
	return fmt.Sprintf("until %s (%s: %s)", clock(f.Until.Time), f.Owner, f.Reason)
}
