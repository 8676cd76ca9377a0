package branches

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/addon-manager/addon-manager/internal/bot/steps"
)

// Picks is the part of Plan that is about picks and their checks, for these release branches; none named means all.
func Picks(ctx context.Context, o Options, only []string) ([]*steps.Step, error) {
	w, err := gather(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := w.Ledger.Live(only...); err != nil {
		return nil, fmt.Errorf("--branch %w", err)
	}
	picks, failed := w.picks(ctx)
	checks, err := w.checks(ctx)
	plan := slices.Concat(picks, checks)
	if len(only) > 0 {
		plan = slices.DeleteFunc(plan, func(s *steps.Step) bool { return !slices.Contains(only, s.Branch) })
	}
	return plan, errors.Join(failed, err, ctx.Err())
}
