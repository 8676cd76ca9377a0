// Package v1alpha1 is the manager's own API, group addons.kaas.dev: CatalogSource says where the config repository is,
// ClusterAddons shows what became of the addons of one cluster.
//
// +kubebuilder:object:generate=true
// +groupName=addons.kaas.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion names this API.
var GroupVersion = schema.GroupVersion{Group: "addons.kaas.dev", Version: "v1alpha1"}

// AddToScheme registers the types of this API.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &CatalogSource{}, &CatalogSourceList{}, &ClusterAddons{}, &ClusterAddonsList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// Condition types, each with status True when all is well.
const (
	// ConditionReady of a CatalogSource: the repository was read, and every minor offered has a usable release.
	// Of a ClusterAddons: every pair is Synced and Healthy at the release it should have.
	ConditionReady = "Ready"
	// ConditionFetched of a CatalogSource: the last attempt to read the repository succeeded.
	ConditionFetched = "Fetched"
	// ConditionReleasesValid of a CatalogSource: no known release is refused.
	ConditionReleasesValid = "ReleasesValid"
	// ConditionNotHeld of a ClusterAddons: nothing keeps the cluster or one of its pairs as it is against the wish.
	ConditionNotHeld = "NotHeld"
)
