package steps

import (
	"context"
	"errors"
	"fmt"
)

// Outcome is what became of a step.
type Outcome string

// The outcomes.
const (
	// Done went well.
	Done Outcome = "done"
	// Failed did not; the error says why.
	Failed Outcome = "failed"
	// Held was not tried, because a step that it needs failed or was not tried.
	Held Outcome = "held"
	// Told is a step with nothing to do.
	Told Outcome = "told"
)

// Result is a step and what became of it.
type Result struct {
	*Step
	Outcome Outcome `json:"outcome"`
	Error   string  `json:"error,omitempty"`
}

// Apply does steps in order. A step that fails stops those that need it and no others; its error is among those joined. When ctx ends, no
// further step begins. Told, when set, hears of each step once it is over.
func Apply(ctx context.Context, plan []*Step, told func(Result)) error {
	var (
		failed error
		bad    = map[*Step]bool{}
	)
	for _, s := range plan {
		r := Result{Step: s}
		switch err := s.attempt(ctx, bad); {
		case s.Do == nil:
			r.Outcome = Told
		case errors.Is(err, errHeld):
			r.Outcome, bad[s] = Held, true
		case err != nil:
			r.Outcome, r.Error, bad[s] = Failed, err.Error(), true
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.Name(), err))
		default:
			r.Outcome = Done
		}
		if told != nil {
			told(r)
		}
		if ctx.Err() != nil {
			return errors.Join(failed, ctx.Err())
		}
	}
	return failed
}

var errHeld = errors.New("a step before it did not happen")

func (s *Step) attempt(ctx context.Context, bad map[*Step]bool) error {
	for _, n := range s.Needs {
		if bad[n] {
			return errHeld
		}
	}
	if s.Do == nil {
		return nil
	}
	return s.Do(ctx)
}

// Name is how an error speaks of the step.
func (s *Step) Name() string {
	name := s.Action
	if s.Branch != "" {
		name += " " + s.Branch
	}
	if s.Pull != 0 {
		name += fmt.Sprintf(" #%d", s.Pull)
	}
	return name
}

// Pending are the steps of a plan that do something.
func Pending(plan []*Step) (pending []*Step) {
	for _, s := range plan {
		if s.Do != nil {
			pending = append(pending, s)
		}
	}
	return pending
}
