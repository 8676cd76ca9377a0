package rollout

import (
	"time"

	"github.com/addon-manager/addon-manager/internal/core/release"
)

// stateOf is how far a cluster that takes part is with r, and when time alone changes that; zero for never.
func stateOf(c *Cluster, r release.Tag, pace Pace, now time.Time) (state State, changes time.Time) {
	never := time.Time{}
	if c.At != r {
		if c.Unreachable != "" {
			return Skip, never
		}
		return ToApply, never
	}
	switch {
	case c.Failed != "":
		return Failed, never
	case c.Proven:
		return Succeeded, never
	case c.Unreachable != "":
		return Skip, never
	}
	// Health from before the admission is no evidence.
	ready := c.ReadySince
	if ready.Before(c.Since) {
		ready = c.Since
	}
	var soaked time.Time
	if c.Ready {
		soaked = ready.Add(pace.MinSuccessTime)
		if !now.Before(soaked) {
			return Succeeded, never
		}
	}
	if pace.ProgressDeadline == 0 || c.Since.IsZero() {
		return Progressing, soaked
	}
	late := c.Since.Add(pace.ProgressDeadline)
	switch {
	case c.Ready && ready.Before(late):
		return Progressing, soaked // It was in time; the soak may take longer than the deadline.
	case now.Before(late):
		return Progressing, late
	default:
		return TimeOut, soaked
	}
}
