package fakeargo

import (
	"regexp"
	"time"

	"github.com/argoproj/gitops-engine/pkg/health"
	synccommon "github.com/argoproj/gitops-engine/pkg/sync/common"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
)

// Script says what comes of an Application as it stands. It is asked from several goroutines, each time the Application changes; the
// object is a copy.
type Script func(app *argo.Application) Outcome

// Outcome is how an Application ends up at the revision that it names.
type Outcome struct {
	State State
	// After is how long it is Progressing first.
	After time.Duration
	// Message is what Argo CD says of it, where State has a place for it.
	Message string
	// Resources are the objects that status lists.
	Resources []argo.ResourceStatus
	// Stuck is set when a deletion that prunes never ends.
	Stuck bool
}

// State is what Argo CD reports in the end.
type State int

const (
	// Healthy is Synced and Healthy at the revision.
	Healthy State = iota
	// Progressing is Synced and Progressing, for good.
	Progressing
	// Degraded is Synced and Degraded.
	Degraded
	// Failed is a sync that failed: OutOfSync at the revision, and Healthy, as what was there before still runs.
	Failed
	// Unreachable is a cluster that Argo CD cannot read: Unknown in both, with a ComparisonError. A deletion that prunes does not end.
	Unreachable
	// Silent is an application controller that does not look at it: nothing is written. A deletion that prunes does not end.
	Silent
	// Stale is a controller that still reports the revision before, as Synced and Healthy.
	Stale
)

// noCommit stands for the revision before in a Stale status that has none.
const noCommit = "0000000000000000000000000000000000000000"

var commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)

// commitOf is what Argo CD would resolve the Application's revision to.
func commitOf(app *argo.Application) string {
	revision := app.Spec.GetSource().TargetRevision
	if commit := app.Annotations[argocd.AnnotationCommit]; commit != "" && !commitPattern.MatchString(revision) {
		return commit
	}
	return revision
}

// settled is the status that an Application gets, given that it has been Progressing for long enough or not.
func (o Outcome) settled(app *argo.Application, ready bool, now metav1.Time) argo.ApplicationStatus {
	s := *app.Status.DeepCopy()
	s.Conditions = nil
	if o.Resources != nil {
		s.Resources = o.Resources
	}
	switch state := o.State; {
	case state == Silent:
		return app.Status
	case state == Stale:
		if s.Sync.Revision == "" {
			s.Sync.Revision = noCommit
		}
		s.Sync.Status, s.Health.Status = argo.SyncStatusCodeSynced, health.HealthStatusHealthy
		return s
	case state == Unreachable:
		s.Sync, s.Health.Status = compared(app, argo.SyncStatusCodeUnknown), health.HealthStatusUnknown
		s.Conditions = []argo.ApplicationCondition{{
			Type: argo.ApplicationConditionComparisonError, Message: orText(o.Message, "failed to load live state: the cluster cannot be reached"), LastTransitionTime: &now,
		}}
	case state == Failed && ready:
		s.Sync, s.Health.Status = compared(app, argo.SyncStatusCodeOutOfSync), health.HealthStatusHealthy
		s.OperationState = operation(app, synccommon.OperationFailed, orText(o.Message, "one or more objects failed to apply"), now)
	default:
		s.Sync = compared(app, argo.SyncStatusCodeSynced)
		s.Health.Status = map[State]health.HealthStatusCode{Healthy: health.HealthStatusHealthy, Degraded: health.HealthStatusDegraded}[state]
		if !ready || s.Health.Status == "" {
			s.Health.Status = health.HealthStatusProgressing
		}
		s.OperationState = operation(app, synccommon.OperationSucceeded, "successfully synced (all tasks run)", now)
	}
	return s
}

func orText(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

func compared(app *argo.Application, status argo.SyncStatusCode) argo.SyncStatus {
	return argo.SyncStatus{
		Status: status, Revision: commitOf(app),
		ComparedTo: argo.ComparedTo{Source: app.Spec.GetSource(), Destination: app.Spec.Destination, IgnoreDifferences: app.Spec.IgnoreDifferences},
	}
}

// operation is the sync that brought the Application where it is: the one that status holds, if it was of just this.
func operation(app *argo.Application, phase synccommon.OperationPhase, message string, now metav1.Time) *argo.OperationState {
	source, commit := app.Spec.GetSource(), commitOf(app)
	if last := app.Status.OperationState; last != nil && last.Phase == phase && last.Message == message && last.SyncResult != nil &&
		last.SyncResult.Revision == commit && last.SyncResult.Source.Equals(&source) {
		return last
	}
	return &argo.OperationState{
		Operation: argo.Operation{Sync: &argo.SyncOperation{Revision: commit, Prune: true}, InitiatedBy: argo.OperationInitiator{Automated: true}},
		Phase:     phase, Message: message, StartedAt: now, FinishedAt: &now,
		SyncResult: &argo.SyncOperationResult{Revision: commit, Source: source},
	}
}
