package argocd

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/argoproj/gitops-engine/pkg/health"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// Delivered joins what a cluster's ApplicationSet lists with the Applications that exist. set may be nil.
func Delivered(set *ApplicationSet, applications []Application) ([]resolve.Delivered, error) {
	var delivered []resolve.Delivered
	at := map[string]int{}
	if set != nil {
		elements, err := Elements(set)
		if err != nil {
			return nil, err
		}
		for _, e := range elements {
			at[e.Application] = len(delivered)
			delivered = append(delivered, resolve.Delivered{Element: e, Listed: true})
		}
	}
	for i := range applications {
		app := &applications[i]
		j, listed := at[app.Name]
		if !listed {
			e, err := elementOf(app)
			if err != nil {
				return nil, err
			}
			j = len(delivered)
			delivered = append(delivered, resolve.Delivered{Element: e})
		}
		d := &delivered[j]
		d.Exists, d.Deleting = true, app.DeletionTimestamp != nil
		d.Finalizer, d.Marked = Prunes(app), app.Annotations[AnnotationDisabled] != ""
		d.Status = statusOf(app)
	}
	slices.SortFunc(delivered, func(a, b resolve.Delivered) int { return strings.Compare(a.Addon, b.Addon) })
	return delivered, nil
}

// isResourcesFinalizer also knows the form that picks a propagation policy.
func isResourcesFinalizer(f string) bool {
	return f == resourcesFinalizer || strings.HasPrefix(f, resourcesFinalizer+"/")
}

// elementOf reads an Application as the element that would make it again.
func elementOf(app *Application) (resolve.Element, error) {
	e := resolve.Element{
		Application: app.Name, Addon: app.Labels[LabelAddon], Placement: catalog.Placement(app.Labels[LabelPlacement]),
		OnDisable: catalog.OnDisable(app.Annotations[AnnotationOnDisable]), Release: app.Labels[LabelRelease], Commit: app.Annotations[AnnotationCommit],
		Namespace: app.Spec.Destination.Namespace, Server: app.Spec.Destination.Server,
		Disabled: app.Annotations[AnnotationDisabled], Grace: app.Annotations[AnnotationGrace], PruneCRDs: app.Annotations[AnnotationPruneCRDs] == "true",
	}
	spec := map[string]any{}
	if app.Spec.SyncPolicy != nil {
		spec["syncPolicy"] = map[string]any{"syncOptions": app.Spec.SyncPolicy.SyncOptions}
	}
	if len(app.Spec.IgnoreDifferences) > 0 {
		spec["ignoreDifferences"] = app.Spec.IgnoreDifferences
	}
	if source := app.Spec.Source; source != nil {
		e.Revision, e.Path = source.TargetRevision, source.Path
		switch {
		case source.Helm != nil && (source.Helm.ValuesObject != nil || source.Helm.ReleaseName != ""):
			helm := map[string]any{}
			if source.Helm.ValuesObject != nil {
				helm["valuesObject"] = json.RawMessage(source.Helm.ValuesObject.Raw)
			}
			if source.Helm.ReleaseName != "" {
				helm["releaseName"] = source.Helm.ReleaseName
			}
			spec["source"] = map[string]any{"helm": helm}
		case source.Kustomize != nil && len(source.Kustomize.Patches) > 0:
			spec["source"] = map[string]any{"kustomize": map[string]any{"patches": source.Kustomize.Patches}}
		}
	}
	patch, err := canonical(map[string]any{"spec": spec})
	if err != nil {
		return e, fmt.Errorf("Application %q: %w", app.Name, err)
	}
	e.Patch = patch
	return e, nil
}

// canonical is a value's JSON with every object's keys sorted.
func canonical(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return "", err
	}
	raw, err = json.Marshal(plain)
	return string(raw), err
}

// maxMessage bounds Argo CD's messages, which may hold whole manifests.
const maxMessage = 300

func statusOf(app *Application) resolve.Status {
	s := resolve.Status{
		Release: app.Labels[LabelRelease], Sync: string(app.Status.Sync.Status), Health: string(app.Status.Health.Status), Revision: app.Status.Sync.Revision,
		Reconciled: timeOf(app.Status.ReconciledAt), HealthSince: timeOf(app.Status.Health.LastTransitionTime),
	}
	if op := app.Status.OperationState; op != nil {
		s.Operation = resolve.Operation{Phase: string(op.Phase), Finished: timeOf(op.FinishedAt)}
		if op.SyncResult != nil {
			s.Operation.Revision = op.SyncResult.Revision
		}
	}
	if s.Health == string(health.HealthStatusHealthy) && s.Sync == string(argo.SyncStatusCodeSynced) {
		return s
	}
	for _, c := range app.Status.Conditions {
		if c.IsError() {
			s.Message = c.Message
			break
		}
	}
	if op := app.Status.OperationState; s.Message == "" && op != nil && op.Phase.Failed() {
		s.Message = op.Message
	}
	if len(s.Message) > maxMessage {
		s.Message = strings.ToValidUTF8(s.Message[:maxMessage], "") + "…"
	}
	return s
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// Slim drops from an Application what this package never reads, so that tens of thousands fit into memory.
func Slim(app *Application) {
	app.ManagedFields = nil
	status := argo.ApplicationStatus{
		Sync:         argo.SyncStatus{Status: app.Status.Sync.Status, Revision: app.Status.Sync.Revision},
		Health:       argo.HealthStatus{Status: app.Status.Health.Status, LastTransitionTime: app.Status.Health.LastTransitionTime},
		ReconciledAt: app.Status.ReconciledAt,
	}
	if op := app.Status.OperationState; op != nil {
		status.OperationState = &argo.OperationState{Phase: op.Phase, FinishedAt: op.FinishedAt}
		if op.SyncResult != nil {
			status.OperationState.SyncResult = &argo.SyncOperationResult{Revision: op.SyncResult.Revision}
		}
	}
	message := statusOf(app).Message
	if message != "" {
		status.Conditions = []argo.ApplicationCondition{{Type: argo.ApplicationConditionSyncError, Message: message}}
	}
	app.Status = status
	app.Operation = nil
	app.Annotations = keep(app.Annotations, AnnotationCluster, AnnotationCommit, AnnotationOnDisable, AnnotationDisabled, AnnotationGrace, AnnotationPruneCRDs, AnnotationCRDs)
}

func keep(m map[string]string, keys ...string) map[string]string {
	kept := make(map[string]string, len(keys))
	for _, k := range keys {
		if v, ok := m[k]; ok {
			kept[k] = v
		}
	}
	return kept
}

// Changed reports whether two states of an Application differ in anything that a decision or a report depends on beside its metadata.
func Changed(a, b *Application) bool {
	before, after := statusOf(a), statusOf(b)
	// Argo CD looks again every few minutes; that alone is news only while an older look is no evidence.
	before.Reconciled, after.Reconciled = time.Time{}, time.Time{}
	return a.Generation != b.Generation && specOf(a) != specOf(b) || before != after
}

// specOf is what elementOf reads of the spec of an Application that an ApplicationSet lists. Argo CD keeps operations in the object too,
// so the generation alone says too much.
func specOf(app *Application) [4]string {
	s := [4]string{app.Spec.Destination.Server, app.Spec.Destination.Namespace}
	if app.Spec.Source != nil {
		s[2], s[3] = app.Spec.Source.TargetRevision, app.Spec.Source.Path
	}
	return s
}

// Prunes reports whether deleting the Application deletes its objects.
func Prunes(app *Application) bool { return slices.ContainsFunc(app.Finalizers, isResourcesFinalizer) }

// WithoutFinalizer lists an object's finalizers but the resources finalizer, for an Application whose objects stay.
func WithoutFinalizer(o metav1.Object) []string {
	return slices.DeleteFunc(slices.Clone(o.GetFinalizers()), isResourcesFinalizer)
}
