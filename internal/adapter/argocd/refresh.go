package argocd

import (
	"encoding/json"
	"slices"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// AnnotationRefresh has Argo CD's ApplicationSet controller look at an ApplicationSet at once. It takes the annotation off when it has
// looked, whatever came of it.
const AnnotationRefresh = "argocd.argoproj.io/application-set-refresh"

// RefreshPatch is a JSON merge patch that has Argo CD look at an ApplicationSet again. Argo CD 2.14 looks after three minutes only at one that
// it could not validate, even when the reason, a cluster Secret that it cannot read, has been mended meanwhile: it does not watch Secrets for
// the sake of list generators.
//
// It only counts when the annotation changes: one that was left behind is therefore given another value.
func RefreshPatch(set *ApplicationSet) []byte {
	value := "true"
	if set.Annotations[AnnotationRefresh] == value {
		value = "again"
	}
	patch, _ := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{AnnotationRefresh: value}}})
	return patch
}

// Stopped reports whether Argo CD said, when it last looked at an ApplicationSet, that it could not carry it out. It needs an ApplicationSet as
// the API server has it: SlimSet drops the status.
func Stopped(set *ApplicationSet) bool {
	return slices.ContainsFunc(set.Status.Conditions, func(c argo.ApplicationSetCondition) bool {
		return c.Type == argo.ApplicationSetConditionErrorOccurred && c.Status == argo.ApplicationSetConditionStatusTrue
	})
}
