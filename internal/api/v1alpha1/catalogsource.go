package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RevisionMode says what the Applications name.
// +kubebuilder:validation:Enum=commit;tag
type RevisionMode string

// The revision modes.
const (
	// RevisionCommit names the commit that the tag named when it was first seen.
	RevisionCommit RevisionMode = "commit"
	// RevisionTag names the tag itself.
	RevisionTag RevisionMode = "tag"
)

// CatalogSourceSpec is the config repository and how it is delivered.
type CatalogSourceSpec struct {
	// URL of the config repository, as Argo CD reaches it too: https, http, ssh, or the scp form git@host:path. Credentials belong
	// into the Secret, never here.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(https?|ssh)://[^\\\\s]+$') || self.matches('^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^\\\\s]+$')",message="url must start with https://, http:// or ssh://, or have the form git@host:path"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[a-z]+://[^/]*:[^/]*@')",message="url must not contain a password; put credentials into the Secret that secretRef names"
	URL string `json:"url"`

	// SecretRef names a Secret in this namespace with the credentials, in Argo CD's repository-secret format.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`

	// PollInterval is how often the repository is asked for changes, when no webhook says so earlier.
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="pollInterval must lie between 1s and 24h"
	// +optional
	PollInterval *metav1.Duration `json:"pollInterval,omitempty"`

	// Revision is what Applications name: the commit that a tag named when first seen, or the tag.
	// +kubebuilder:default=commit
	// +optional
	Revision RevisionMode `json:"revision,omitempty"`

	// Project is the Argo CD AppProject of all Applications.
	// +kubebuilder:default=addons
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	// +optional
	Project string `json:"project,omitempty"`

	// Paused changes nothing on any cluster while it is set.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// Rollout says in which order and how fast a release reaches the fleet; at once when it is absent.
	// +optional
	Rollout *Rollout `json:"rollout,omitempty"`

	// Deletion says how carefully addons are taken away.
	// +kubebuilder:default={}
	// +optional
	Deletion Deletion `json:"deletion,omitempty"`
}

// SecretReference names a Secret in the same namespace.
type SecretReference struct {
	// Name of the Secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// CatalogSourceStatus is what is known of the repository.
type CatalogSourceStatus struct {
	// ObservedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions are Ready, Fetched and ReleasesValid.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Minors lists, for each minor, what is released.
	// +listType=map
	// +listMapKey=minor
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Minors []MinorStatus `json:"minors,omitempty"`
	// Ignored counts the tags that are no releases of this distribution.
	// +optional
	Ignored int32 `json:"ignored,omitempty"`
	// Clusters counts the clusters served, Pairs the addons on them, Holds the pairs that are held.
	// +optional
	Clusters int32 `json:"clusters"`
	// +optional
	Pairs int32 `json:"pairs"`
	// +optional
	Holds int32 `json:"holds"`
	// Blocking names cluster Secrets that Argo CD cannot read; while there is one, Argo CD 2.14 reconciles no ApplicationSet.
	// +kubebuilder:validation:MaxItems=20
	// +listType=set
	// +optional
	Blocking []string `json:"blocking,omitempty"`
	// Rollouts are how far the release of each minor has come.
	// +listType=map
	// +listMapKey=minor
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Rollouts []RolloutStatus `json:"rollouts,omitempty"`
	// Deletions are what may be deleted, what was, and what waits for approval.
	// +optional
	Deletions *DeletionStatus `json:"deletions,omitempty"`
}

// MinorStatus is what is released for one minor.
type MinorStatus struct {
	// Minor such as 1.31.
	// +kubebuilder:validation:MaxLength=16
	Minor string `json:"minor"`
	// Release is the newest usable release, which clusters of the minor get; empty when there is none.
	// +optional
	Release string `json:"release,omitempty"`
	// Releases are known ones, the newest first, with the commit each named when first seen. They are the memory that tells
	// a moved tag: a release that leaves the repository stays listed here, refused.
	// +listType=map
	// +listMapKey=tag
	// +kubebuilder:validation:MaxItems=100
	// +optional
	Releases []ReleaseStatus `json:"releases,omitempty"`
}

// ReleaseStatus is one release.
type ReleaseStatus struct {
	// Tag such as v1.31-ake.4.
	// +kubebuilder:validation:MaxLength=63
	Tag string `json:"tag"`
	// Commit is what the tag named when it was first seen.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}$`
	Commit string `json:"commit"`
	// Refused says why nothing moves to this release.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Refused string `json:"refused,omitempty"`
}

// CatalogSource is the config repository that serves the fleet. One of them counts: the oldest.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Clusters",type=integer,JSONPath=`.status.clusters`
// +kubebuilder:printcolumn:name="Pairs",type=integer,JSONPath=`.status.pairs`
// +kubebuilder:printcolumn:name="Holds",type=integer,JSONPath=`.status.holds`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type CatalogSource struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   CatalogSourceSpec   `json:"spec"`
	Status CatalogSourceStatus `json:"status,omitempty"`
}

// CatalogSourceList is a list of them.
//
// +kubebuilder:object:root=true
type CatalogSourceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []CatalogSource `json:"items"`
}
