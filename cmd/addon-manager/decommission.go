package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// defaultDeadline is how long pruning may take, as the API has it too; maxDeadline is its bound.
	defaultDeadline = time.Hour
	maxDeadline     = 720 * time.Hour
)

func newDecommission(now func() time.Time) *cobra.Command {
	o := order{now: now}
	var (
		mode     string
		deadline time.Duration
		undo     bool
	)
	cmd := &cobra.Command{
		Use:   "decommission CLUSTER --mode=prune|abandon [--deadline 1h]",
		Short: "Give a cluster up: take everything delivered to it away",
		Long: "Sets spec.decommission of the cluster's ClusterAddons. It is the only way in which the Applications of a retired or vanished cluster go.\n" +
			"--mode=prune deletes the objects on the cluster, as far as it answers until the deadline; --mode=abandon leaves them there.\n" +
			"--undo takes the order back while no deletion has begun.",
		DisableFlagsInUseLine: true,
		Args:                  cli.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			hasDeadline := cmd.Flags().Changed("deadline")
			if undo {
				if mode != "" || hasDeadline {
					return cli.Usagef("--undo goes without --mode and --deadline")
				}
				return run(cmd, &o, o.cluster(args[0]), undoDecommission)
			}
			if err := checkDecommission(mode, deadline, hasDeadline); err != nil {
				return err
			}
			wish := &v1alpha1.Decommission{Mode: v1alpha1.DecommissionMode(mode), Requested: metav1.NewTime(now().UTC().Truncate(time.Second)), Deadline: &metav1.Duration{Duration: deadline}}
			return run(cmd, &o, o.cluster(args[0]), func(ctx context.Context, c client.Reader, ca *v1alpha1.ClusterAddons) (said, error) {
				return decommission(ctx, c, ca, wish.DeepCopy())
			})
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&mode, "mode", "", "prune deletes what was delivered to the cluster, abandon leaves it there")
	cmd.Flags().DurationVar(&deadline, "deadline", defaultDeadline, "with --mode=prune, how long that may take before what is left is abandoned")
	cmd.Flags().BoolVar(&undo, "undo", false, "take the order back while no deletion has begun")
	return cmd
}

func checkDecommission(mode string, deadline time.Duration, hasDeadline bool) error {
	switch v1alpha1.DecommissionMode(mode) {
	case v1alpha1.DecommissionPrune:
	case v1alpha1.DecommissionAbandon:
		if hasDeadline {
			return cli.Usagef("--deadline goes with --mode=prune: nothing is waited for when objects are abandoned")
		}
	case "":
		return cli.Usagef("--mode is missing: prune deletes what was delivered to the cluster, abandon leaves it there")
	default:
		return cli.Usagef("--mode %q is none of prune, abandon", mode)
	}
	if deadline < 0 || deadline > maxDeadline {
		return cli.Usagef("--deadline %s does not lie between 0s and %s", deadline, maxDeadline)
	}
	return nil
}

func decommission(ctx context.Context, c client.Reader, ca *v1alpha1.ClusterAddons, wish *v1alpha1.Decommission) (said, error) {
	hasSecret, paused, err := reachable(ctx, c, ca)
	if err != nil {
		return said{}, err
	}
	pairs, err := deliveries(ctx, c, ca)
	if err != nil {
		return said{}, err
	}
	was := ca.Spec.Decommission
	if was != nil && was.Mode == wish.Mode {
		wish.Requested = was.Requested // The same order, at most with another deadline.
	}
	ca.Spec.Decommission = wish
	told := said{Details: leaving(ca, wish, pairs, hasSecret)}
	if paused {
		told.Details = append(told.Details, fmt.Sprintf("the cluster is paused: nothing happens until the annotation %s is off its Secret", cluster.PausedAnnotation))
	}
	switch {
	case was != nil && was.Mode == wish.Mode && deadlineOf(was).Equal(deadlineOf(wish)):
		ca.Spec.Decommission = was
		told.Message = fmt.Sprintf("%s is decommissioned already (%s, since %s): %s", ca.Name, was.Mode, clock(was.Requested.Time), remaining(pairs))
	case was != nil && was.Mode == wish.Mode:
		told.Message = fmt.Sprintf("%s is decommissioned already (%s, since %s), with another deadline now: %s", ca.Name, was.Mode, clock(was.Requested.Time), remaining(pairs))
	case was != nil:
		told.Message = fmt.Sprintf("decommissioned %s (%s in place of %s): %s", ca.Name, wish.Mode, was.Mode, remaining(pairs))
	default:
		told.Message = fmt.Sprintf("decommissioned %s (%s): %s", ca.Name, wish.Mode, remaining(pairs))
	}
	return told, nil
}

// reachable reports whether the cluster has a Secret, and whether that says to change nothing. Release managers need not be allowed to read
// Secrets: then the report counts.
func reachable(ctx context.Context, c client.Reader, ca *v1alpha1.ClusterAddons) (hasSecret, paused bool, err error) {
	secret, err := clusterSecret(ctx, c, client.ObjectKeyFromObject(ca))
	switch {
	case apierrors.IsForbidden(err):
		return !reported(ca, resolve.CodeClusterGone), reported(ca, cluster.CodePaused), nil
	case err != nil || secret == nil:
		return false, false, err
	}
	return true, secret.Annotations[cluster.PausedAnnotation] == "true", nil
}

// reported reports whether the manager gives a reason for the cluster as a whole.
func reported(ca *v1alpha1.ClusterAddons, code fault.Code) bool {
	return slices.ContainsFunc(ca.Status.Reasons, func(r v1alpha1.Reason) bool { return r.Code == string(code) })
}

// delivery is one addon that a cluster has.
type delivery struct {
	addon, application string
	management         bool
	deleting           bool
}

// deliveries are what a cluster has: its Applications or, for people who may not list those, what the report says of them.
func deliveries(ctx context.Context, c client.Reader, ca *v1alpha1.ClusterAddons) (pairs []delivery, err error) {
	apps, err := applicationsOf(ctx, c, client.ObjectKeyFromObject(ca))
	if apierrors.IsForbidden(err) {
		for _, a := range ca.Status.Addons {
			if a.Delivered != "" {
				pairs = append(pairs, delivery{
					addon: a.Name, application: a.Application, management: a.Placement == string(catalog.Management),
					deleting: a.Action == string(resolve.Remove) || a.Action == string(resolve.Release),
				})
			}
		}
		return pairs, nil
	}
	for _, a := range apps {
		pairs = append(pairs, delivery{
			addon: a.Labels[argocd.LabelAddon], application: a.Name, management: a.Labels[argocd.LabelPlacement] == string(catalog.Management),
			deleting: a.DeletionTimestamp != nil,
		})
	}
	return pairs, err
}

// deadlineOf is when a decommissioning stops waiting.
func deadlineOf(d *v1alpha1.Decommission) time.Time {
	if d.Deadline == nil {
		return d.Requested.Add(defaultDeadline)
	}
	return d.Requested.Add(d.Deadline.Duration)
}

func remaining(pairs []delivery) string {
	if len(pairs) == 0 {
		return "it has no Applications"
	}
	return counted(len(pairs), "Application goes", "Applications go")
}

// leaving says what becomes of everything that was delivered to a cluster.
func leaving(ca *v1alpha1.ClusterAddons, d *v1alpha1.Decommission, pairs []delivery, hasSecret bool) (lines []string) {
	var inside, outside []string
	for _, p := range pairs {
		if p.management {
			outside = append(outside, p.addon)
		} else {
			inside = append(inside, p.addon)
		}
	}
	slices.Sort(inside)
	slices.Sort(outside)
	say := func(addons []string, what string) {
		if len(addons) > 0 {
			lines = append(lines, what+": "+listed(addons))
		}
	}
	switch {
	case d.Mode == v1alpha1.DecommissionAbandon:
		say(inside, "their objects stay on the cluster")
		say(outside, "their objects stay in the management cluster")
	case !hasSecret:
		lines = append(lines, "the cluster has no Secret any more, so nothing can be pruned")
		say(inside, "their objects stay on the cluster")
		say(outside, "their objects stay in the management cluster")
	default:
		say(inside, "their objects on the cluster are deleted")
		say(outside, "their objects in the management cluster are deleted")
	}
	if d.Mode == v1alpha1.DecommissionPrune && hasSecret && len(pairs) > 0 {
		lines = append(lines, "what is not deleted by "+clock(deadlineOf(d))+" stays")
	}
	released := make([]string, len(ca.Status.Released))
	for i, r := range ca.Status.Released {
		released[i] = r.Name
	}
	say(released, "left on the cluster earlier, and not touched")
	if len(pairs) > 0 {
		lines = append(lines, "to take it back before a deletion begins: addon-manager decommission --undo "+ca.Name)
	}
	return lines
}

// undoDecommission takes the order back. Once a deletion has begun, Argo CD cannot be stopped.
func undoDecommission(ctx context.Context, c client.Reader, ca *v1alpha1.ClusterAddons) (said, error) {
	if ca.Spec.Decommission == nil {
		return said{Message: fmt.Sprintf("%s is not decommissioned: nothing to undo", ca.Name)}, nil
	}
	pairs, err := deliveries(ctx, c, ca)
	if err != nil {
		return said{}, err
	}
	if len(pairs) == 0 {
		return said{}, fmt.Errorf("cluster %q has no Applications any more: there is nothing to keep. To deliver its addons anew, remove the order: `kubectl patch ca %s -n %s --type=merge -p '{\"spec\":{\"decommission\":null}}'`", ca.Name, ca.Name, ca.Namespace)
	}
	exists := map[string]bool{}
	var going []string
	for _, p := range pairs {
		exists[p.application] = true
		if p.deleting {
			going = append(going, p.application)
		}
	}
	for _, a := range ca.Status.Addons {
		if a.Delivered != "" && !exists[a.Application] {
			going = append(going, a.Application)
		}
	}
	if len(going) > 0 {
		slices.Sort(going)
		return said{}, fmt.Errorf("too late: of cluster %q, %s gone or being deleted: %s. Let it end; removing spec.decommission then delivers everything anew", ca.Name, counted(len(going), "Application is", "Applications are"), listed(going))
	}
	ca.Spec.Decommission = nil
	return said{Message: fmt.Sprintf("%s is not decommissioned any more: its %s", ca.Name, counted(len(pairs), "Application stays", "Applications stay"))}, nil
}
