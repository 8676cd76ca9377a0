package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxPins is how many pins a cluster may have.
const maxPins = 200

func newPin(now func() time.Time) *cobra.Command {
	o := order{now: now}
	var (
		terms term
		to    string
	)
	cmd := &cobra.Command{
		Use:   "pin CLUSTER [ADDON] --to RELEASE --reason TEXT --owner WHO --for DURATION|--until TIME",
		Short: "Keep a cluster, or one of its addons, at a release for a while",
		Long: "Sets spec.pins of the cluster's ClusterAddons. A pin that expired warns, and what it held moves on with the next release that the\n" +
			"cluster's group gets.",
		DisableFlagsInUseLine: true,
		Args:                  clusterAndMaybeAddon,
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return cli.Usagef("--to is missing: name a release of the cluster's minor, such as v1.31-ake.4")
			}
			tag, err := parseRelease(to)
			if err != nil {
				return cli.Usagef("--to: %w", err)
			}
			end, err := terms.end(now())
			if err != nil {
				return err
			}
			pin := v1alpha1.Pin{
				Addon: second(args), Release: v1alpha1.ReleaseName(tag.String()), Reason: terms.reason, Owner: terms.owner, Expires: metav1.NewTime(end),
			}
			return run(cmd, &o, o.cluster(args[0]), func(ctx context.Context, c client.Reader, ca *v1alpha1.ClusterAddons) (said, error) {
				s, err := o.source(ctx, c)
				if err != nil {
					return said{}, err
				}
				return setPin(s, ca, tag, pin)
			})
		},
	}
	o.add(cmd)
	terms.add(cmd)
	cmd.Flags().StringVar(&to, "to", "", "the release to stay at")
	return cmd
}

func newUnpin(now func() time.Time) *cobra.Command {
	o := order{now: now}
	cmd := &cobra.Command{
		Use:                   "unpin CLUSTER [ADDON]",
		Short:                 "Take back a pin of a cluster, or of one of its addons",
		Long:                  "Removes the pin from spec.pins of the cluster's ClusterAddons.",
		DisableFlagsInUseLine: true,
		Args:                  clusterAndMaybeAddon,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd, &o, o.cluster(args[0]), aboutCluster(func(ca *v1alpha1.ClusterAddons) (said, error) { return unpin(ca, second(args)), nil }))
		},
	}
	o.add(cmd)
	return cmd
}

// clusterAndMaybeAddon asks for a cluster, or a cluster and an addon.
func clusterAndMaybeAddon(cmd *cobra.Command, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return cli.Usagef("usage: %s", cmd.UseLine())
	}
	if slices.Contains(args, "") {
		return cli.Usagef("an argument is empty; usage: %s", cmd.UseLine())
	}
	return nil
}

func second(args []string) string {
	if len(args) > 1 {
		return args[1]
	}
	return ""
}

func setPin(s *v1alpha1.CatalogSource, ca *v1alpha1.ClusterAddons, tag release.Tag, pin v1alpha1.Pin) (said, error) {
	delivered := ca.Status.Delivered
	if pin.Addon != "" {
		i := slices.IndexFunc(ca.Status.Addons, func(a v1alpha1.AddonStatus) bool { return a.Name == pin.Addon })
		if i < 0 {
			return said{}, fmt.Errorf("cluster %q has no addon %q; it has: %s", ca.Name, pin.Addon, orNone(listed(addonNames(ca))))
		}
		delivered = ca.Status.Addons[i].Delivered
	}
	if ca.Status.Minor == "" {
		return said{}, fmt.Errorf("the Kubernetes version of cluster %q is not known yet, so neither are its releases; `addon-manager explain` says why", ca.Name)
	}
	if tag.Minor.String() != ca.Status.Minor {
		return said{}, fmt.Errorf("--to: %s is a release for Kubernetes %s, and cluster %q runs %s", tag, tag.Minor, ca.Name, ca.Status.Minor)
	}
	known, err := knownRelease(s, tag)
	if err != nil {
		return said{}, fmt.Errorf("--to: %w", err)
	}
	if known.Refused != "" && delivered != tag.String() {
		return said{}, fmt.Errorf("--to: %s is refused, so nothing moves to it: %s", tag, known.Refused)
	}
	told := said{Message: fmt.Sprintf("pinned %s to %s until %s", pinned(ca.Name, pin.Addon), tag, clock(pin.Expires.Time))}
	switch delivered {
	case tag.String():
		told.Message += ": it stays there"
	case "":
		told.Message += ": it is installed at that"
	default:
		told.Message += ": it moves there from " + delivered
	}
	i := slices.IndexFunc(ca.Spec.Pins, func(p v1alpha1.Pin) bool { return p.Addon == pin.Addon })
	switch {
	case i >= 0 && samePin(ca.Spec.Pins[i], pin):
		return said{Message: fmt.Sprintf("%s is pinned to %s until %s already", pinned(ca.Name, pin.Addon), tag, clock(pin.Expires.Time))}, nil
	case i >= 0:
		told.Details = append(told.Details, "in place of the pin "+pinLine(ca.Spec.Pins[i]))
		ca.Spec.Pins[i] = pin
	case len(ca.Spec.Pins) >= maxPins:
		return said{}, fmt.Errorf("cluster %q has %d pins, at most %d allowed; remove one first with `addon-manager unpin`, or pin the whole cluster", ca.Name, len(ca.Spec.Pins), maxPins)
	default:
		ca.Spec.Pins = append(ca.Spec.Pins, pin)
	}
	if rolledBack(s, tag.String()) {
		told.Details = append(told.Details, fmt.Sprintf("everybody else leaves %s, which is rolled back", tag))
	}
	told.Details = append(told.Details, "to take it back: addon-manager unpin "+argumentsOf(ca.Name, pin.Addon))
	return told, nil
}

func unpin(ca *v1alpha1.ClusterAddons, addon string) said {
	i := slices.IndexFunc(ca.Spec.Pins, func(p v1alpha1.Pin) bool { return p.Addon == addon })
	if i < 0 {
		return said{Message: fmt.Sprintf("%s is not pinned: nothing to undo", pinned(ca.Name, addon)), Details: otherPins(ca)}
	}
	was := ca.Spec.Pins[i]
	ca.Spec.Pins = slices.Delete(ca.Spec.Pins, i, i+1)
	return said{
		Message: fmt.Sprintf("unpinned %s from %s: it moves on with its group", pinned(ca.Name, addon), was.Release),
		Details: otherPins(ca),
	}
}

// otherPins are the pins that stand.
func otherPins(ca *v1alpha1.ClusterAddons) (lines []string) {
	for _, p := range sortedPins(ca) {
		lines = append(lines, "still pinned: "+pinLine(p))
	}
	return lines
}

func sortedPins(ca *v1alpha1.ClusterAddons) []v1alpha1.Pin {
	pins := slices.Clone(ca.Spec.Pins)
	slices.SortFunc(pins, func(a, b v1alpha1.Pin) int { return cmp.Compare(a.Addon, b.Addon) })
	return pins
}

func samePin(a, b v1alpha1.Pin) bool {
	return a.Addon == b.Addon && a.Release == b.Release && a.Reason == b.Reason && a.Owner == b.Owner && a.Expires.Equal(&b.Expires)
}

// pinned names what a pin is about.
func pinned(cluster, addon string) string {
	if addon == "" {
		return cluster
	}
	return addon + " on " + cluster
}

func argumentsOf(cluster, addon string) string {
	if addon == "" {
		return cluster
	}
	return cluster + " " + addon
}

// pinLine is a pin in one line.
func pinLine(p v1alpha1.Pin) string {
	return fmt.Sprintf("of %s to %s until %s (%s: %s)", cmp.Or(p.Addon, "the cluster"), p.Release, clock(p.Expires.Time), p.Owner, p.Reason)
}

func addonNames(ca *v1alpha1.ClusterAddons) []string {
	names := make([]string, len(ca.Status.Addons))
	for i, a := range ca.Status.Addons {
		names[i] = a.Name
	}
	return names
}
