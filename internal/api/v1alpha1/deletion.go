package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Deletion says how carefully addons are taken away.
type Deletion struct {
	// Grace is how long an addon that was switched off stays before it is removed, so that the switch can be undone; the catalog can say
	// otherwise for an addon.
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('720h')",message="grace must lie between 0s and 720h"
	// +optional
	Grace *metav1.Duration `json:"grace,omitempty"`

	// Budget is how many pairs may go within an hour without a person's approval.
	// +optional
	Budget DeletionBudget `json:"budget,omitempty"`

	// Approved are hashes of lists of quarantined deletions that a person let through, as `addon-manager approve` writes them.
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:Pattern=`^[0-9a-f]{12,64}$`
	// +optional
	Approved []string `json:"approved,omitempty"`
}

// DeletionBudget bounds the deletions of an hour. What exceeds it is quarantined, all of it.
type DeletionBudget struct {
	// PerAddon is a number or a percentage of an addon's pairs, at least 1; 10% by default.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^((100|[0-9]{1,2})%|[0-9]+)$`
	// +optional
	PerAddon *intstr.IntOrString `json:"perAddon,omitempty"`
	// Fleet is a number or a percentage of all pairs, at least 1; 10% by default.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^((100|[0-9]{1,2})%|[0-9]+)$`
	// +optional
	Fleet *intstr.IntOrString `json:"fleet,omitempty"`
}

// DeletionStatus is the memory of what may be deleted. It is written before anything is.
type DeletionStatus struct {
	// Granted are deletions that are decided and not yet carried out.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	// +optional
	Granted []GrantedDeletions `json:"granted,omitempty"`
	// Spent counts what was granted within the budget in the last hour.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20000
	// +optional
	Spent []SpentDeletions `json:"spent,omitempty"`
	// Used are approvals that let their list through; the same list needs another one when it comes back.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Used []string `json:"used,omitempty"`
	// Quarantine is what waits for a person's approval.
	// +optional
	Quarantine *Quarantine `json:"quarantine,omitempty"`
}

// GrantedDeletions are deletions of one addon, decided together.
type GrantedDeletions struct {
	Addon string `json:"addon"`
	// Action is remove or release.
	Action string      `json:"action"`
	At     metav1.Time `json:"at"`
	// Approval is the hash that let them through; empty when they were within the budget.
	// +optional
	Approval string `json:"approval,omitempty"`
	// +listType=set
	// +kubebuilder:validation:MaxItems=10000
	Clusters []string `json:"clusters"`
}

// SpentDeletions counts the deletions of one addon granted in one minute.
type SpentDeletions struct {
	Addon string      `json:"addon"`
	At    metav1.Time `json:"at"`
	Count int32       `json:"count"`
}

// Quarantine is a list of deletions that exceed the budget.
type Quarantine struct {
	// Hash names exactly this list; `addon-manager approve HASH` lets it through.
	Hash string `json:"hash"`
	// Count is how many deletions it has.
	Count int32 `json:"count"`
	// Message says which part of the budget they exceed.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// Pairs are the first of them, as CLUSTER/ADDON; `addon-manager plan` shows all.
	// +listType=set
	// +kubebuilder:validation:MaxItems=50
	// +optional
	Pairs []string `json:"pairs,omitempty"`
}
