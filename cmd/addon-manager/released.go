package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxListedAddons is how many addons spec.adopt and spec.forget each hold.
const maxListedAddons = 200

func newAdopt(now func() time.Time) *cobra.Command {
	o := order{now: now}
	var undo bool
	cmd := &cobra.Command{
		Use:   "adopt CLUSTER ADDON",
		Short: "Deliver an addon again whose objects were left on the cluster",
		Long: "Adds ADDON to spec.adopt of the cluster's ClusterAddons: it is on again, also without a label, unless a label switches it off. Its\n" +
			"objects are taken over as they are and brought to the cluster's release.",
		Args: cli.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd, &o, o.cluster(args[0]), func(ctx context.Context, c client.Reader, ca *v1alpha1.ClusterAddons) (said, error) {
				if undo {
					return undoAdopt(ca, args[1]), nil
				}
				secret, err := clusterSecret(ctx, c, client.ObjectKeyFromObject(ca))
				switch {
				case apierrors.IsForbidden(err): // Release managers need not be allowed to read Secrets.
					told, err := adopt(ca, args[1], "")
					told.Details = append(told.Details, "your rights do not show whether a label switches it off")
					return told, err
				case err != nil:
					return said{}, err
				case secret == nil:
					return said{}, fmt.Errorf("cluster %q has no Secret, so nothing can be delivered to it", ca.Name)
				}
				return adopt(ca, args[1], secret.Labels[catalog.LabelPrefix+args[1]])
			})
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&undo, "undo", false, "take the order back: the labels alone decide again")
	return cmd
}

func newForget(now func() time.Time) *cobra.Command {
	o := order{now: now}
	cmd := &cobra.Command{
		Use:   "forget CLUSTER ADDON",
		Short: "No longer list an addon whose objects were left on the cluster",
		Long: "Adds ADDON to spec.forget of the cluster's ClusterAddons, with the time since which it is listed as released. The objects stay, and\n" +
			"nobody manages them.",
		Args: cli.Exactly(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd, &o, o.cluster(args[0]), aboutCluster(func(ca *v1alpha1.ClusterAddons) (said, error) { return forget(ca, args[1]) }))
		},
	}
	o.add(cmd)
	return cmd
}

// releasedAddon finds an addon whose objects were left; its error lists those there are.
func releasedAddon(ca *v1alpha1.ClusterAddons, addon string) (v1alpha1.ReleasedAddon, error) {
	var names []string
	for _, r := range ca.Status.Released {
		if r.Name == addon {
			return r, nil
		}
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return v1alpha1.ReleasedAddon{}, fmt.Errorf("cluster %q does not list %q as released; it lists: %s", ca.Name, addon, orNone(listed(names)))
}

// adopt switches an addon on by order. label is what the cluster's Secret says of it.
func adopt(ca *v1alpha1.ClusterAddons, addon, label string) (said, error) {
	r, err := releasedAddon(ca, addon)
	adopted := slices.Contains(ca.Spec.Adopt, addon)
	if err != nil && !adopted {
		return said{}, err
	}
	if label == string(cluster.Disabled) {
		return said{}, fmt.Errorf("label %s%s: disabled on Secret %q switches %s off; switch it on with `kubectl label secret %s %s%s=enabled --overwrite -n %s`",
			catalog.LabelPrefix, addon, ca.Name, addon, ca.Name, catalog.LabelPrefix, addon, ca.Namespace)
	}
	if adopted {
		return said{Message: fmt.Sprintf("%s on %s is adopted already", addon, ca.Name)}, nil
	}
	if len(ca.Spec.Adopt) >= maxListedAddons {
		return said{}, fmt.Errorf("spec.adopt of cluster %q holds %d addons, at most %d allowed; take one back that a label switches on: `addon-manager adopt --undo %s %s`", ca.Name, len(ca.Spec.Adopt), maxListedAddons, ca.Name, ca.Spec.Adopt[0])
	}
	ca.Spec.Adopt = append(ca.Spec.Adopt, addon)
	ca.Spec.Forget = slices.DeleteFunc(ca.Spec.Forget, func(f v1alpha1.Forget) bool { return f.Addon == addon }) // The later order counts.
	return said{
		Message: fmt.Sprintf("adopted %s on %s: it is delivered again, and its objects are taken over as they are", addon, ca.Name),
		Details: []string{
			"it was " + releasedLine(r),
			"to let the labels alone decide again: addon-manager adopt --undo " + ca.Name + " " + addon,
		},
	}, nil
}

func undoAdopt(ca *v1alpha1.ClusterAddons, addon string) said {
	if !slices.Contains(ca.Spec.Adopt, addon) {
		return said{Message: fmt.Sprintf("%s on %s is not adopted: nothing to undo", addon, ca.Name)}
	}
	ca.Spec.Adopt = slices.DeleteFunc(ca.Spec.Adopt, func(a string) bool { return a == addon })
	return said{Message: fmt.Sprintf("%s on %s is not adopted any more: its label and the catalog alone say whether it is on", addon, ca.Name)}
}

func forget(ca *v1alpha1.ClusterAddons, addon string) (said, error) {
	i := slices.IndexFunc(ca.Spec.Forget, func(f v1alpha1.Forget) bool { return f.Addon == addon })
	r, err := releasedAddon(ca, addon)
	switch {
	case err != nil && i >= 0:
		return said{Message: fmt.Sprintf("%s on %s is forgotten already", addon, ca.Name)}, nil
	case err != nil:
		return said{}, err
	case i >= 0 && ca.Spec.Forget[i].Since.Equal(&r.Since):
		return said{Message: fmt.Sprintf("%s on %s is forgotten already", addon, ca.Name)}, nil
	}
	entry := v1alpha1.Forget{Addon: addon, Since: r.Since}
	if i >= 0 {
		ca.Spec.Forget[i] = entry
	} else {
		if len(ca.Spec.Forget) >= maxListedAddons {
			dropSpent(ca)
		}
		if len(ca.Spec.Forget) >= maxListedAddons {
			return said{}, fmt.Errorf("spec.forget of cluster %q holds %d addons, at most %d allowed; wait until the manager has taken them from its list", ca.Name, len(ca.Spec.Forget), maxListedAddons)
		}
		ca.Spec.Forget = append(ca.Spec.Forget, entry)
	}
	told := said{
		Message: fmt.Sprintf("forgot %s on %s: it is no longer listed as released; its objects stay, and nobody manages them", addon, ca.Name),
		Details: []string{"it was " + releasedLine(r)},
	}
	if slices.Contains(ca.Spec.Adopt, addon) { // The later order counts.
		ca.Spec.Adopt = slices.DeleteFunc(ca.Spec.Adopt, func(a string) bool { return a == addon })
		told.Details = append(told.Details, "it is not adopted any more")
	}
	return told, nil
}

// dropSpent drops the entries of spec.forget that have had their effect.
func dropSpent(ca *v1alpha1.ClusterAddons) {
	ca.Spec.Forget = slices.DeleteFunc(ca.Spec.Forget, func(f v1alpha1.Forget) bool {
		return !slices.ContainsFunc(ca.Status.Released, func(r v1alpha1.ReleasedAddon) bool { return r.Name == f.Addon && r.Since.Equal(&f.Since) })
	})
}

// releasedLine is a released addon in one line, without its name.
func releasedLine(r v1alpha1.ReleasedAddon) string {
	line := "left on the cluster since " + clock(r.Since.Time)
	if r.Release != "" {
		line += " as of " + r.Release
	}
	if r.Namespace != "" {
		line += ", in namespace " + r.Namespace
	}
	if r.Reason.Message != "" {
		line += ": " + r.Reason.Message
	}
	return line
}
