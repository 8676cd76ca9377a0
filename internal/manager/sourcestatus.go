package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// maxReleases is how many releases of a minor the status remembers, the newest; what is delivered is remembered by its ApplicationSets too.
const maxReleases = 50

// statusFor lists the releases of a source.
func (r *sources) statusFor(active *v1alpha1.CatalogSource, s resolve.Source) v1alpha1.CatalogSourceStatus {
	status := *active.Status.DeepCopy()
	status.Minors = nil
	at := map[version.Minor]int{}
	releases := slices.Clone(s.Releases)
	resolve.SortReleases(releases)
	for _, rel := range releases {
		i, known := at[rel.Tag.Minor]
		if !known {
			i = len(status.Minors)
			at[rel.Tag.Minor] = i
			status.Minors = append(status.Minors, v1alpha1.MinorStatus{Minor: rel.Tag.Minor.String()})
		}
		m := &status.Minors[i]
		if m.Release == "" && rel.Refused == nil && rel.Catalog != nil && !rolledBack(active, rel.Tag.String()) {
			m.Release = rel.Tag.String()
		}
		if len(m.Releases) < maxReleases {
			entry := v1alpha1.ReleaseStatus{Tag: rel.Tag.String(), Commit: rel.Commit}
			if rel.Refused != nil {
				entry.Refused = cut(rel.Refused.Message, 1000)
			}
			m.Releases = append(m.Releases, entry)
		}
	}
	return status
}

func rolledBack(active *v1alpha1.CatalogSource, tag string) bool {
	return active.Spec.Rollout != nil && slices.Contains(active.Spec.Rollout.RolledBack, v1alpha1.ReleaseName(tag))
}

// report writes the status, if anything in it changed.
func (r *sources) report(ctx context.Context, active *v1alpha1.CatalogSource, fetchErr, loadErr error) error {
	status := *active.Status.DeepCopy()
	if r.loaded {
		status = r.statusFor(active, r.last)
	}
	status.ObservedGeneration = active.Generation
	if err := r.count(ctx, &status); err != nil {
		return err
	}
	for _, c := range sourceConditions(r.last, r.loaded, fetchErr, loadErr, status.Blocking) {
		setCondition(&status.Conditions, c, active.Generation)
	}
	if before, after := conditionOf(active.Status.Conditions), conditionOf(status.Conditions); before != after {
		kind := corev1.EventTypeNormal
		if after.Status != metav1.ConditionTrue {
			kind = corev1.EventTypeWarning
		}
		r.events.Event(active, kind, after.Reason, cut(after.Message, maxMessage))
	}
	if len(active.Status.Blocking) > 0 && len(status.Blocking) == 0 {
		if err := r.nudgeArgoCD(ctx); err != nil {
			return err
		}
	}
	return r.write(ctx, active, status)
}

// nudgeArgoCD has Argo CD look again at the ApplicationSets that a cluster Secret, mended by now, had stopped: by itself it waits for minutes.
func (r *sources) nudgeArgoCD(ctx context.Context) error {
	var sets argocd.ApplicationSetList
	if err := r.live.List(ctx, &sets, client.InNamespace(r.namespace), client.MatchingLabels{argocd.LabelManagedBy: argocd.Manager}); err != nil {
		return fmt.Errorf("list ApplicationSets to wake Argo CD: %w", err)
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		if !argocd.Stopped(set) {
			continue
		}
		if err := r.client.Patch(ctx, set, client.RawPatch(types.MergePatchType, argocd.RefreshPatch(set))); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("wake Argo CD for ApplicationSet %q: %w", set.Name, err)
		}
		r.counters.writes.WithLabelValues("ApplicationSet").Inc()
	}
	return nil
}

// count sums up the fleet. Right after a start the totals are of a part of it; until every cluster has been seen, the old ones stand.
func (r *sources) count(ctx context.Context, status *v1alpha1.CatalogSourceStatus) error {
	var reports v1alpha1.ClusterAddonsList
	if err := r.client.List(ctx, &reports, client.InNamespace(r.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list ClusterAddons: %w", err)
	}
	names := make([]string, len(reports.Items))
	for i := range reports.Items {
		names[i] = reports.Items[i].Name
	}
	if !r.fleet.knows(names) {
		return nil
	}
	t := r.fleet.totals()
	status.Clusters, status.Pairs, status.Holds = int32(t.clusters), int32(t.pairs), int32(t.actions[resolve.Hold])
	status.Blocking = t.blocking[:min(len(t.blocking), maxListed)]
	return nil
}

// conditionOf is the Ready condition without its times.
func conditionOf(conditions []metav1.Condition) metav1.Condition {
	for _, c := range conditions {
		if c.Type == v1alpha1.ConditionReady {
			return metav1.Condition{Status: c.Status, Reason: c.Reason, Message: c.Message}
		}
	}
	return metav1.Condition{}
}

// sourceConditions is the one place where a source's outcome becomes conditions.
func sourceConditions(s resolve.Source, loaded bool, fetchErr, loadErr error, blocking []string) []metav1.Condition {
	fetched := metav1.Condition{Type: v1alpha1.ConditionFetched, Status: metav1.ConditionTrue, Reason: "Fetched", Message: "the repository was read"}
	if err := errors.Join(fetchErr, loadErr); fetchErr != nil || loadErr != nil {
		if fetchErr != nil {
			err = fetchErr
		}
		fetched.Status, fetched.Reason, fetched.Message = metav1.ConditionFalse, "FetchFailed", cut(err.Error(), maxMessage)
	}
	valid := metav1.Condition{Type: v1alpha1.ConditionReleasesValid, Status: metav1.ConditionTrue, Reason: "Valid", Message: "no release is refused"}
	for _, rel := range slices.Backward(s.Releases) {
		if rel.Refused != nil {
			valid.Status, valid.Reason = metav1.ConditionFalse, string(rel.Refused.Code)
			valid.Message = cut(rel.Tag.String()+" is refused: "+rel.Refused.Message, maxMessage)
		}
	}
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Serving", Message: "every minor offered has a release"}
	switch {
	case len(blocking) > 0:
		ready.Status, ready.Reason = metav1.ConditionFalse, "ClusterSecretBlocksArgoCD"
		ready.Message = fmt.Sprintf("Argo CD cannot read cluster Secret %q; until it is corrected, it reconciles no ApplicationSet of any cluster", blocking[0])
	case s.Unavailable != nil:
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, string(s.Unavailable.Code), cut(s.Unavailable.Message, maxMessage)
	case !loaded:
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, fetched.Reason, fetched.Message
	case len(s.Problems) > 0 && slices.ContainsFunc(s.Problems, notIgnored):
		p := s.Problems[slices.IndexFunc(s.Problems, notIgnored)]
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, string(p.Code), cut(p.Error(), maxMessage)
	case valid.Status != metav1.ConditionTrue:
		ready.Message += "; some releases are refused"
	}
	return []metav1.Condition{ready, fetched, valid}
}

func notIgnored(p fault.Problem) bool { return p.Code != resolve.CodeTagsIgnored }

// write patches a status that differs from what is there.
func (r *sources) write(ctx context.Context, cs *v1alpha1.CatalogSource, status v1alpha1.CatalogSourceStatus) error {
	if equality.Semantic.DeepEqual(cs.Status, status) {
		return nil
	}
	status = *status.DeepCopy()
	status.Rollouts, status.Deletions = nil, nil // The conductor's, who knows them better than this copy.
	out := &v1alpha1.CatalogSource{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "CatalogSource"},
		ObjectMeta: metav1.ObjectMeta{Name: cs.Name, Namespace: cs.Namespace}, Status: status,
	}
	rollouts, deletions := cs.Status.Rollouts, cs.Status.Deletions
	cs.Status = status
	cs.Status.Rollouts, cs.Status.Deletions = rollouts, deletions
	// Only the status subresource is written; the empty spec of the patch is not looked at.
	if err := applyStatus(ctx, r.client, out, &status); err != nil {
		return fmt.Errorf("apply status of CatalogSource: %w", err)
	}
	r.counters.writes.WithLabelValues("CatalogSource").Inc()
	return nil
}
