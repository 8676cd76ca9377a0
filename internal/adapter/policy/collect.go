package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// collect makes findings of answers. What cannot be evaluated is told once for each constraint and reason, with an example.
func collect(objects []manifest.Object, answers []answer) (found []policy.Finding, problems []string) {
	type failure struct{ constraint, reason string }
	first, count := map[failure]manifest.ID{}, map[failure]int{}
	var order []failure
	for i, a := range answers {
		for _, v := range a.Violations {
			found = append(found, policy.Finding{
				Action: v.Action, Constraint: v.Constraint, Object: objects[i].ID, Message: v.Message, OptedOut: policy.Skips(objects[i], v.Constraint),
			})
		}
		for _, p := range a.Problems {
			f := failure{p.Constraint, p.Message}
			if count[f]++; count[f] == 1 {
				first[f] = objects[i].ID
				order = append(order, f)
			}
		}
	}
	for _, f := range order {
		about := first[f].String()
		if n := count[f] - 1; n > 0 {
			about += fmt.Sprintf(" and %d more", n)
		}
		problems = append(problems, fmt.Sprintf("%s cannot be evaluated for %s: %s", f.constraint, about, strings.TrimSpace(f.reason)))
	}
	slices.SortFunc(found, policy.Finding.Compare)
	slices.Sort(problems)
	return found, problems
}
