package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ClusterAddonsStatus is the state of every addon of one cluster.
type ClusterAddonsStatus struct {
	// DisplayName is the cluster's name in Argo CD.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// KubernetesVersion as the cluster reports it; empty when unknown.
	// +optional
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// Minor decides the release.
	// +optional
	Minor string `json:"minor,omitempty"`
	// Release is the one the cluster should have.
	// +optional
	Release string `json:"release,omitempty"`
	// Delivered is the release that its Applications name; several are joined by a comma while the cluster moves.
	// +optional
	Delivered string `json:"delivered,omitempty"`
	// Ready is how many of the addons are Synced and Healthy at the release wanted, such as 7/8.
	// +optional
	Ready string `json:"ready,omitempty"`
	// Hold says in one line what holds the cluster or some of its addons; empty when nothing does.
	// +optional
	Hold string `json:"hold,omitempty"`
	// Leaving says in one line which addons are on their way out, and until when that can be undone; empty when none is.
	// +optional
	Leaving string `json:"leaving,omitempty"`
	// Succeeded is the release at which the cluster was once ready for as long as its group asks.
	// +optional
	Succeeded string `json:"succeeded,omitempty"`
	// Nodes are the versions of the nodes, where they differ from the API server's or could be asked.
	// +optional
	Nodes *NodesStatus `json:"nodes,omitempty"`
	// Upgrade answers for the next Kubernetes minor.
	// +optional
	Upgrade *UpgradeStatus `json:"upgrade,omitempty"`
	// Released lists addons whose objects were left on the cluster, until they are adopted or forgotten.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=1000
	// +optional
	Released []ReleasedAddon `json:"released,omitempty"`
	// Conditions are Ready and NotHeld.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Reasons explain the cluster as a whole.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	// +optional
	Reasons []Reason `json:"reasons,omitempty"`
	// Problems are what is wrong with the cluster's Secret.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	// +optional
	Problems []Reason `json:"problems,omitempty"`
	// Addons lists each pair, sorted by name.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=1000
	// +optional
	Addons []AddonStatus `json:"addons,omitempty"`
}

// Reason is why something is as it is.
type Reason struct {
	// Code is stable across versions.
	Code string `json:"code"`
	// Message says what happened and what to do.
	Message string `json:"message"`
}

// AddonStatus is one addon on this cluster.
type AddonStatus struct {
	// Name of the addon.
	Name string `json:"name"`
	// Application is its Argo CD Application.
	Application string `json:"application"`
	// Placement is workload or management.
	// +optional
	Placement string `json:"placement,omitempty"`
	// EnabledBy is why it is on: SwitchedOn by the cluster's label, EnabledByDefault or AlwaysOn by the catalog.
	// +optional
	EnabledBy string `json:"enabledBy,omitempty"`
	// Wanted is the release it should have, Delivered the one its Application names.
	// +optional
	Wanted string `json:"wanted,omitempty"`
	// +optional
	Delivered string `json:"delivered,omitempty"`
	// Action is what the manager does about it: install, move, keep, hold, disable, remove or release.
	Action string `json:"action"`
	// Sync and Health are Argo CD's words for it.
	// +optional
	Sync string `json:"sync,omitempty"`
	// +optional
	Health string `json:"health,omitempty"`
	// Synced is set when Argo CD has synced exactly the revision wanted; Healthy when the addon is healthy at it.
	Synced  bool `json:"synced"`
	Healthy bool `json:"healthy"`
	// Message is Argo CD's error, if any.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// DisabledSince is when the addon was found switched off, RemovalAt when its grace ends.
	// +optional
	DisabledSince *metav1.Time `json:"disabledSince,omitempty"`
	// +optional
	RemovalAt *metav1.Time `json:"removalAt,omitempty"`
	// Reasons explain the action.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Reasons []Reason `json:"reasons,omitempty"`
}

// ClusterAddons is the state of the addons of one cluster, named after its cluster Secret.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=clusteraddons,singular=clusteraddons,shortName=ca
// +kubebuilder:printcolumn:name="Kubernetes",type=string,JSONPath=`.status.kubernetesVersion`
// +kubebuilder:printcolumn:name="Release",type=string,JSONPath=`.status.release`
// +kubebuilder:printcolumn:name="Delivered",type=string,JSONPath=`.status.delivered`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.ready`
// +kubebuilder:printcolumn:name="Leaving",type=string,JSONPath=`.status.leaving`
// +kubebuilder:printcolumn:name="Hold",type=string,JSONPath=`.status.hold`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterAddons struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ClusterAddonsSpec   `json:"spec,omitempty"`
	Status ClusterAddonsStatus `json:"status,omitempty"`
}

// ClusterAddonsList is a list of them.
//
// +kubebuilder:object:root=true
type ClusterAddonsList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ClusterAddons `json:"items"`
}
