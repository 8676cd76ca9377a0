package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ClusterAddonsSpec is what people order for one cluster. Which addons it has is said by the labels of its Secret.
type ClusterAddonsSpec struct {
	// Pins keep the cluster, or one addon, at a release.
	// +listType=map
	// +listMapKey=addon
	// +kubebuilder:validation:MaxItems=200
	// +optional
	Pins []Pin `json:"pins,omitempty"`
	// Freeze lets no move start on this cluster; switching addons on and off still works.
	// +optional
	Freeze *Freeze `json:"freeze,omitempty"`
	// Decommission takes everything delivered to the cluster away, for good. It is the only way a vanished cluster's Applications go.
	// +optional
	Decommission *Decommission `json:"decommission,omitempty"`
	// Adopt are addons whose objects were left on the cluster and are to be delivered again, unless a label switches them off.
	// +listType=set
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:items:MaxLength=63
	// +optional
	Adopt []string `json:"adopt,omitempty"`
	// Forget are addons whose objects were left on the cluster and are no longer to be listed as released.
	// +listType=map
	// +listMapKey=addon
	// +kubebuilder:validation:MaxItems=200
	// +optional
	Forget []Forget `json:"forget,omitempty"`
}

// Pin keeps a cluster or an addon at a release.
type Pin struct {
	// Addon is the addon pinned; empty for the whole cluster.
	// +kubebuilder:default=""
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Addon string `json:"addon"`
	// Release is a release of the cluster's minor.
	Release ReleaseName `json:"release"`
	// Reason and Owner say why, and who can be asked.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Owner string `json:"owner"`
	// Expires is when the pin ends: it warns from then on, and the next wave takes what it held along.
	Expires metav1.Time `json:"expires"`
}

// Freeze stops moves for a while.
type Freeze struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Owner string `json:"owner"`
	// Until is when it ends by itself.
	Until metav1.Time `json:"until"`
}

// DecommissionMode says what becomes of the objects on a cluster that is given up.
// +kubebuilder:validation:Enum=prune;abandon
type DecommissionMode string

// The decommission modes.
const (
	// DecommissionPrune deletes them, as far as the cluster can be reached until the deadline.
	DecommissionPrune DecommissionMode = "prune"
	// DecommissionAbandon leaves them.
	DecommissionAbandon DecommissionMode = "abandon"
)

// Decommission gives a cluster up.
type Decommission struct {
	Mode DecommissionMode `json:"mode"`
	// Requested is when it was asked for.
	Requested metav1.Time `json:"requested"`
	// Deadline is how long pruning may take before what is left is abandoned; 1h by default.
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('720h')",message="deadline must lie between 0s and 720h"
	// +optional
	Deadline *metav1.Duration `json:"deadline,omitempty"`
}

// Forget drops one entry of status.released.
type Forget struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Addon string `json:"addon"`
	// Since is that of the entry, so that a later one of the same addon is not forgotten with it.
	Since metav1.Time `json:"since"`
}

// ReleasedAddon is an addon whose objects were left on the cluster when it was switched off. Nothing manages them.
type ReleasedAddon struct {
	Name string `json:"name"`
	// Since is when it was released from Argo CD.
	Since metav1.Time `json:"since"`
	// Release is the one its objects are of, Namespace where most of them are.
	// +optional
	Release string `json:"release,omitempty"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Reason is why it left.
	// +optional
	Reason Reason `json:"reason,omitempty"`
}

// UpgradeStatus answers whether the cluster can move to the next Kubernetes minor.
type UpgradeStatus struct {
	// To is the minor asked about.
	To string `json:"to"`
	// Possible is set when nothing blocks it.
	Possible bool `json:"possible"`
	// Release is the one that the cluster would have there.
	// +optional
	Release string `json:"release,omitempty"`
	// Blockers say what is in the way and what to do.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Blockers []Reason `json:"blockers,omitempty"`
}

// NodesStatus is which versions the nodes run.
type NodesStatus struct {
	// Oldest and Newest kubelet version.
	Oldest string `json:"oldest"`
	Newest string `json:"newest"`
	// Count of nodes.
	Count int32 `json:"count"`
}
