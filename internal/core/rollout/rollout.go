// Package rollout decides, for all clusters of the fleet at once, which release each of them may have now.
//
// A release goes through the clusters of its minor in groups, one after the other, a few clusters at a time, and halts when too many
// of them fail. The decision remembers nothing: it follows from what is known of each cluster at this moment, so that a restart, a lost
// pass or a repeated one changes nothing. It relies on two things. Every permit is recorded as the cluster's At and Since before anything
// is delivered by it, except those that are Ahead; and a cluster is Ready, Failed or Proven only by evidence about exactly the release At.
//
// The words are those of Open Cluster Management's rollout strategy.
package rollout

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Pace says how fast a release goes through a group.
type Pace struct {
	// MaxConcurrency is how many clusters of the group may be Progressing at once. What computes to 0 admits none: a gate that a person
	// opens by raising it.
	MaxConcurrency Limit
	// MinSuccessTime is how long a cluster must be Ready before it counts as succeeded.
	MinSuccessTime time.Duration
	// ProgressDeadline is how long after its admission a cluster may take to become Ready; 0 waits for ever.
	ProgressDeadline time.Duration
	// MaxFailures is how many clusters of the group may have failed, timed out or be skipped; one more halts the release.
	MaxFailures Limit
}

// Group is a set of clusters that a rollout treats together.
type Group struct {
	Name string
	// Selector picks clusters by their labels; nil picks none.
	Selector labels.Selector
	Pace     Pace
	// Mandatory groups tolerate no failure, whatever their pace says.
	Mandatory bool
	// Windows take the place of the fleet's.
	Windows []Window
}

// Policy is how releases reach the fleet, and what people ordered about single ones. Releases are named by their tags.
type Policy struct {
	// Groups in order; a cluster belongs to the first that selects it.
	Groups []Group
	// Rest is the last group, of every cluster that no other selects. Its selector is not looked at.
	Rest Group
	// Windows are when moves may start; any time when there are none.
	Windows []Window
	// Halted releases admit nobody.
	Halted map[string]bool
	// RolledBack releases are given up: whoever has one returns to the newest usable release before it.
	RolledBack map[string]bool
	// Emergency releases go to every cluster at once, past groups, windows, concurrency and failures; not past Halted.
	Emergency map[string]bool
	// Accepted are, for each release, the clusters whose failure a person accepted: it does not count.
	Accepted map[string]map[string]bool
}

// Release is a release of some minor.
type Release struct {
	Tag release.Tag
	// Usable is set when the release is not refused and its catalog can be read.
	Usable bool
}

// State is how far a cluster is with the release that rolls out on its minor.
type State string

// The states.
const (
	// ToApply has another release or none.
	ToApply State = "ToApply"
	// Progressing was admitted and has not succeeded yet.
	Progressing State = "Progressing"
	// Succeeded was Ready for long enough.
	Succeeded State = "Succeeded"
	// Failed has the release, and Argo CD reports a failure there.
	Failed State = "Failed"
	// TimeOut has the release, and was not Ready by the deadline.
	TimeOut State = "TimeOut"
	// Skip cannot be reached.
	Skip State = "Skip"
	// Exempt takes no part.
	Exempt State = "Exempt"
)

// Cluster is what is known of one cluster, whatever is the newest release.
type Cluster struct {
	// Name is unique in the fleet.
	Name   string
	Labels map[string]string
	// Minor is zero while the Kubernetes version is not known.
	Minor version.Minor
	// At is the release the cluster was last admitted to, zero for none, and Since when that was. With a zero Since no deadline counts.
	At    release.Tag
	Since time.Time
	// Empty is set when nothing is enabled and nothing delivered: the cluster takes no slot and does not count.
	Empty bool
	// Ready is set when all its pairs are Synced and Healthy at exactly At, ReadySince since when.
	Ready      bool
	ReadySince time.Time
	// Proven is set when the cluster was Succeeded at At before. From then on only a failure counts against it: an addon that is switched on
	// later, or a connection that breaks, says nothing about the release. Who records no states leaves it unset.
	Proven bool
	// Failed says what failure Argo CD reports at At.
	Failed string
	// Unreachable says why no evidence can come from the cluster.
	Unreachable string
	// Exempt says why the cluster takes no part: it is pinned, frozen, paused or held.
	Exempt string
	// Pinned is the release the whole cluster is pinned to. Such a cluster takes no part.
	Pinned release.Tag
}

// Input is everything a decision depends on. It is not changed.
type Input struct {
	Policy   Policy
	Releases []Release
	Clusters []Cluster
	Now      time.Time
}

// Permit is what one cluster may have.
type Permit struct {
	// Release is zero when there is nothing for the cluster's minor yet: the cluster keeps what it has and gets nothing new.
	Release release.Tag
	// State is how far the cluster is with the release that rolls out on its minor; "" when none does.
	State State
	// Reasons say why it is not the newest release. They are read-only: clusters that wait for the same share them.
	Reasons []fault.Reason
}

// Ahead reports whether the cluster has a newer release than it is permitted, one that is not usable at the moment. It keeps that release, and
// such a permit is not recorded: once the release is usable again, nothing has changed.
func (p Permit) Ahead() bool {
	return slices.ContainsFunc(p.Reasons, func(r fault.Reason) bool { return r.Code == CodeAhead })
}

// Output is the decision.
type Output struct {
	// Permits has an entry for each cluster.
	Permits map[string]Permit
	// Rollouts are those of every minor that has clusters and a usable release, by minor.
	Rollouts []Status
	// Next is when time alone changes the answer; zero for never.
	Next time.Time
}

// The states of rollouts and groups.
const (
	// StateCompleted has nobody waiting or on the way.
	StateCompleted = "Completed"
	// StateProgressing has clusters on the way.
	StateProgressing = "Progressing"
	// StateWaiting has clusters waiting and none on the way.
	StateWaiting = "Waiting"
	// StateHalted admits nobody until a person acts.
	StateHalted = "Halted"
)

// Status is how far the release of one minor has come.
type Status struct {
	Minor   string `json:"minor"`
	Release string `json:"release"`
	State   string `json:"state"`
	// Message says what it waits for, or why it is halted and what to do. It has no times that pass, and at most 1,000 bytes where the
	// names of groups have at most 63.
	Message string `json:"message"`
	// Groups are all of the policy, in order, the implicit one last.
	Groups []GroupStatus `json:"groups"`
}

// GroupStatus counts the clusters of a group.
type GroupStatus struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Message string `json:"message"`
	// Clusters take part; the next six numbers add up to it.
	Clusters    int `json:"clusters"`
	ToApply     int `json:"toApply"`
	Progressing int `json:"progressing"`
	Succeeded   int `json:"succeeded"`
	Failed      int `json:"failed"`
	TimeOut     int `json:"timeOut"`
	Skip        int `json:"skip"`
	// Exempt take no part.
	Exempt int `json:"exempt"`
	// Late are the first of those that failed, timed out or are skipped, by name.
	Late []string `json:"late,omitempty"`
}

// maxLate is how many clusters a GroupStatus names.
const maxLate = 20
