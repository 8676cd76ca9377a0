package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// stateHalted is the state of a rollout that failures or a person stopped.
const stateHalted = "Halted"

// maxAccepted is how many clusters spec.rollout.resumed[].accept holds.
const maxAccepted = 1000

func newResume(now func() time.Time) *cobra.Command {
	o := order{now: now}
	var accept []string
	cmd := &cobra.Command{
		Use:   "resume RELEASE",
		Short: "Let a release that is halted go on",
		Long: "Removes RELEASE from spec.rollout.halted of the CatalogSource. Where failures halted it, the clusters that the status names as\n" +
			"failed, late or unreachable are accepted: they are listed in spec.rollout.resumed and no longer count. A cluster that fails later does.",
		Args: cli.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tag, err := parseRelease(args[0])
			if err != nil {
				return err
			}
			return run(cmd, &o, o.source, func(ctx context.Context, c client.Reader, s *v1alpha1.CatalogSource) (said, error) {
				if err := knowsClusters(ctx, c, o.connect.namespace, accept); err != nil {
					return said{}, err
				}
				return aboutSource(func(s *v1alpha1.CatalogSource) (said, error) { return resume(s, tag, accept) })(ctx, c, s)
			})
		},
	}
	o.add(cmd)
	cmd.Flags().StringSliceVar(&accept, "accept", nil, "accept the failure of this cluster too, where the status has no room to name it")
	return cmd
}

func knowsClusters(ctx context.Context, c client.Reader, namespace string, names []string) error {
	for _, name := range names {
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &v1alpha1.ClusterAddons{})
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("--accept: there is no cluster %q in namespace %q; `kubectl get ca` lists those there are", name, namespace)
		}
		if err != nil {
			return fmt.Errorf("--accept: get ClusterAddons %q: %w", name, err)
		}
	}
	return nil
}

func resume(s *v1alpha1.CatalogSource, tag release.Tag, more []string) (said, error) {
	r := rolloutOrders(s)
	byOrder := has(r.Halted, tag)
	if !byOrder {
		if _, err := knownRelease(s, tag); err != nil {
			return said{}, err
		}
	}
	accept, groups, unnamed := slices.Clone(more), []string(nil), 0
	rollout := rolloutOf(s, tag.String())
	byFailure := rollout != nil && rollout.State == stateHalted
	if byFailure {
		for _, g := range rollout.Groups {
			if len(g.Late) > 0 {
				accept = append(accept, g.Late...)
				groups = append(groups, fmt.Sprintf("accepted in group %s: %s", g.Name, listed(g.Late)))
			}
			unnamed += int(g.Failed+g.TimeOut+g.Skip) - len(g.Late)
		}
	}
	if !byOrder && !byFailure && len(more) == 0 {
		return said{Message: fmt.Sprintf("%s is not halted: nothing to resume", tag)}, nil
	}
	r.Halted = without(r.Halted, tag)
	added, err := accepting(r, tag, accept)
	if err != nil {
		return said{}, err
	}
	keep(s, r)
	told := said{Message: fmt.Sprintf("resumed %s: further clusters move to it", tag), Details: groups}
	switch {
	case !byOrder && added == 0:
		told.Message = fmt.Sprintf("%s is resumed already: %s accepted", tag, counted(len(accept), "failure is", "failures are"))
	case len(accept) > 0:
		told.Message = fmt.Sprintf("resumed %s: further clusters move to it; %s accepted", tag, counted(len(accept), "failure is", "failures are"))
	}
	if unnamed > 0 {
		told.Details = append(told.Details, fmt.Sprintf("failed beside them, where the status has no room for names: %d; that still counts. Find them in `addon-manager status`, and name them by --accept", unnamed))
	}
	return told, nil
}

// accepting lists clusters whose failure at a release no longer counts, beside those that are listed already.
func accepting(r *v1alpha1.Rollout, tag release.Tag, clusters []string) (added int, err error) {
	if len(clusters) == 0 {
		return 0, nil
	}
	name := v1alpha1.ReleaseName(tag.String())
	i := slices.IndexFunc(r.Resumed, func(e v1alpha1.ResumedRelease) bool { return e.Release == name })
	entry := v1alpha1.ResumedRelease{Release: name}
	if i >= 0 {
		entry = r.Resumed[i]
	}
	all := slices.Concat(entry.Accept, clusters)
	slices.Sort(all)
	all = slices.Compact(all)
	if added = len(all) - len(entry.Accept); added == 0 {
		return 0, nil
	}
	if len(all) > maxAccepted {
		return 0, fmt.Errorf("%d clusters would be accepted at %s, at most %d allowed; roll it back instead: `addon-manager rollout rollback %s`", len(all), tag, maxAccepted, tag)
	}
	entry.Accept = all
	if i >= 0 {
		r.Resumed = slices.Clone(r.Resumed)
		r.Resumed[i] = entry
		return added, nil
	}
	if len(r.Resumed) >= maxOrders {
		return 0, fmt.Errorf("spec.rollout.resumed holds %d releases, at most %d allowed; remove one that no longer matters, such as %s", len(r.Resumed), maxOrders, r.Resumed[0].Release)
	}
	r.Resumed = append(slices.Clone(r.Resumed), entry)
	return added, nil
}
