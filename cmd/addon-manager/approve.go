package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
)

// hash is what a person may type of the hash of a list: at least the first 12 digits.
var hash = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// maxApproved is how many approvals spec.deletion.approved holds.
const maxApproved = 32

func newApprove(now func() time.Time) *cobra.Command {
	o := order{now: now}
	cmd := &cobra.Command{
		Use:   "approve HASH",
		Short: "Let exactly one list of quarantined deletions through",
		Long: "Adds HASH to spec.deletion.approved of the CatalogSource. HASH names the list of deletions that wait, as `addon-manager plan` and\n" +
			"`addon-manager status` show it. A list that changed meanwhile has another hash and needs an approval of its own.",
		Args: cli.Exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !hash.MatchString(args[0]) {
				return cli.Usagef("%q is no hash of a list of deletions: want its 12 to 64 digits, 0-9 and a-f, as `addon-manager status` shows them", args[0])
			}
			return run(cmd, &o, o.source, aboutSource(func(s *v1alpha1.CatalogSource) (said, error) { return approve(s, args[0]) }))
		},
	}
	o.add(cmd)
	return cmd
}

func approve(s *v1alpha1.CatalogSource, typed string) (said, error) {
	approved := &s.Spec.Deletion.Approved
	q := quarantineOf(s)
	if q == nil {
		if i := slices.IndexFunc(*approved, func(h string) bool { return strings.HasPrefix(h, typed) }); i >= 0 {
			return said{Message: fmt.Sprintf("%s is approved already, and no deletion waits", (*approved)[i])}, nil
		}
		return said{}, fmt.Errorf("hash %s names nothing that waits: no deletion is quarantined", typed)
	}
	count := counted(int(q.Count), "deletion", "deletions")
	if !strings.HasPrefix(q.Hash, typed) {
		return said{}, fmt.Errorf("hash %s does not name the list that waits now; that one has %s and the hash %s: look at it with `addon-manager plan` before you approve it", typed, count, q.Hash)
	}
	if slices.Contains(*approved, q.Hash) {
		return said{Message: fmt.Sprintf("%s is approved already: its %s may go ahead", q.Hash, count), Details: firstPairs(q)}, nil
	}
	*approved = append(slices.Clone(*approved), q.Hash)
	*approved = (*approved)[max(0, len(*approved)-maxApproved):] // The oldest have had their effect.
	return said{Message: fmt.Sprintf("approved %s: %s may go ahead, exactly this list", q.Hash, count), Details: firstPairs(q)}, nil
}

// firstPairs lists the first pairs of a quarantine, and counts the rest.
func firstPairs(q *v1alpha1.Quarantine) []string {
	lines := slices.Clone(q.Pairs[:min(len(q.Pairs), maxNames)])
	if more := int(q.Count) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more; `addon-manager plan` lists all", more))
	}
	return lines
}
