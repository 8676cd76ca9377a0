package resolve

import (
	"time"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

// Policy is what people set for the whole fleet.
type Policy struct {
	// Paused changes nothing on any cluster.
	Paused bool
	// Invalid is why the rest cannot be read; then no release moves on, and nothing is deleted: to guess could do either everywhere at once.
	Invalid *fault.Reason
	// Rollout is in which order and how fast a release reaches the fleet; everywhere at once when it is zero.
	Rollout rollout.Policy
	// Deletion is how carefully addons are taken away.
	Deletion Deletion
}

// Deletion is how carefully addons are taken away.
type Deletion struct {
	// Grace is how long an addon that was switched off stays.
	Grace time.Duration
	// Budget bounds the deletions of an hour; nil for no bound.
	Budget *budget.Policy
}

// DefaultGrace is how long an addon stays where nobody says otherwise.
const DefaultGrace = 10 * time.Minute

// DefaultPolicy is what counts where a CatalogSource says nothing.
func DefaultPolicy() Policy {
	limits := budget.Default()
	return Policy{Deletion: Deletion{Grace: DefaultGrace, Budget: &limits}}
}

// RestName names the implicit last group; no other group may have it.
const RestName = "rest"

// DefaultRest is the implicit last group of a fleet without rollout.
func DefaultRest() rollout.Group { return rollout.Group{Name: RestName, Pace: DefaultPace()} }

// withDefaults completes a policy that names no pace: everything at once.
func (p Policy) withDefaults() Policy {
	if p.Rollout.Rest.Name == "" {
		p.Rollout.Rest = DefaultRest()
	}
	return p
}

// DefaultPace is that of a fleet without rollout: all at once, and what fails on one cluster stops no other.
func DefaultPace() rollout.Pace {
	all := rollout.Limit{Value: 100, Percent: true}
	return rollout.Pace{MaxConcurrency: all, MaxFailures: all}
}
