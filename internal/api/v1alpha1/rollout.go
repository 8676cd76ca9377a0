package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Pace says how fast a release goes through a group of clusters. Names and meaning are those of Open Cluster Management's rollout strategy.
type Pace struct {
	// MaxConcurrency is how many clusters of a group, as a number or a percentage, may be on their way to a release at once; all of them by default.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^((100|[0-9]{1,2})%|[0-9]+)$`
	// +optional
	MaxConcurrency *intstr.IntOrString `json:"maxConcurrency,omitempty"`

	// MinSuccessTime is how long a cluster must stay Synced and Healthy at the release before it counts as succeeded; 0s by default.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('720h')",message="must lie between 0s and 720h"
	// +optional
	MinSuccessTime *metav1.Duration `json:"minSuccessTime,omitempty"`

	// ProgressDeadline is how long a cluster may take to succeed, such as 30m, before it counts as failed; None, the default, waits for ever.
	// +kubebuilder:validation:Pattern=`^(([0-9]+(h|m|s))+|None)$`
	// +optional
	ProgressDeadline string `json:"progressDeadline,omitempty"`

	// MaxFailures is how many clusters of a group, as a number or a percentage, may fail, be late or be unreachable; one more halts the
	// release. 0 by default; in a rollout without groups and pace nothing counts.
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^((100|[0-9]{1,2})%|[0-9]+)$`
	// +optional
	MaxFailures *intstr.IntOrString `json:"maxFailures,omitempty"`
}

// Rollout says in which order and how fast a release reaches the clusters of its minor. Its own pace is that of the last, implicit group,
// which takes every cluster that no group selects, and of every group that does not say otherwise.
type Rollout struct {
	Pace `json:",inline"`

	// Groups are served in order; a cluster belongs to the first that selects it.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Groups []RolloutGroup `json:"groups,omitempty"`

	// Windows are when moves may start; any time when there are none.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Windows []Window `json:"windows,omitempty"`

	// Halted are releases that no further cluster moves to, until a person resumes them.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Halted []ReleaseName `json:"halted,omitempty"`

	// Resumed are releases that go on in spite of failures: those of the clusters named are accepted.
	// +listType=map
	// +listMapKey=release
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Resumed []ResumedRelease `json:"resumed,omitempty"`

	// RolledBack are releases that clusters leave again, for the newest usable one before.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +optional
	RolledBack []ReleaseName `json:"rolledBack,omitempty"`

	// Emergency are releases that go to every cluster at once, past groups and windows.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Emergency []ReleaseName `json:"emergency,omitempty"`
}

// ReleaseName is a tag such as v1.31-ake.4.
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^v[0-9]+\.[0-9]+-[a-z0-9][a-z0-9-]*\.[0-9]+$`
type ReleaseName string

// RolloutGroup is a set of clusters that a rollout treats together.
type RolloutGroup struct {
	// Name of the group.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// Selector picks clusters by the labels of their Secrets.
	Selector metav1.LabelSelector `json:"selector"`

	Pace `json:",inline"`

	// Mandatory groups must succeed wholly before the next opens: no failure is tolerated.
	// +optional
	Mandatory bool `json:"mandatory,omitempty"`

	// Windows take the place of the rollout's for this group.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Windows []Window `json:"windows,omitempty"`
}

// Window is a time in which moves may start, again and again.
type Window struct {
	// Schedule is when it opens, as a cron expression of five fields: minute, hour, day of month, month, day of week.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Schedule string `json:"schedule"`
	// Duration is how long it stays open.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('168h')",message="must lie between 1m and 168h"
	Duration metav1.Duration `json:"duration"`
	// TimeZone is an IANA name such as Europe/Berlin; UTC by default.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// ResumedRelease goes on in spite of failures.
type ResumedRelease struct {
	Release ReleaseName `json:"release"`
	// Accept names the clusters whose failure no longer counts.
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	Accept []string `json:"accept"`
}

// RolloutStatus is how far the release of a minor has come.
type RolloutStatus struct {
	// Minor such as 1.31.
	// +kubebuilder:validation:MaxLength=16
	Minor string `json:"minor"`
	// Release is the one that rolls out.
	// +optional
	Release string `json:"release,omitempty"`
	// State is Completed, Progressing, Waiting or Halted.
	State string `json:"state"`
	// Message says what it waits for, or why it is halted and what to do.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// Groups in order, the implicit one last.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=33
	// +optional
	Groups []RolloutGroupStatus `json:"groups,omitempty"`
}

// RolloutGroupStatus counts the clusters of a group by how far they are.
type RolloutGroupStatus struct {
	Name string `json:"name"`
	// State is Completed, Progressing, Waiting or Halted.
	State string `json:"state"`
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// Clusters that take part; the other numbers are their states.
	Clusters    int32 `json:"clusters"`
	ToApply     int32 `json:"toApply"`
	Progressing int32 `json:"progressing"`
	Succeeded   int32 `json:"succeeded"`
	Failed      int32 `json:"failed"`
	TimeOut     int32 `json:"timeOut"`
	// Skip counts clusters that cannot be reached.
	Skip int32 `json:"skip"`
	// Exempt counts clusters that take no part: pinned, frozen, paused or held.
	Exempt int32 `json:"exempt"`
	// Late names the first of those that failed, are late or cannot be reached.
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Late []string `json:"late,omitempty"`
}
