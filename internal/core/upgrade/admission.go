package upgrade

import (
	"fmt"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// Admission says of each proposal, by its head, why it is not opened yet; those that may be are not in it. Open are the heads of the upgrade pull requests that are open now: these are renewed whatever the caps say.
// Security is not held by the schedule.
func Admission(rules catalog.Upgrades, proposals []Proposal, open []string, now time.Time) map[string]string {
	waits := map[string]string{}
	inside := rules.Inside(now)
	total, opened := len(open), 0
	on := map[string]int{}
	for _, head := range open {
		if branch, _, _, ok := ParseHead(head); ok {
			on[branch]++
		}
	}
	full := func(n, most int) bool { return most > 0 && n >= most }
	for _, p := range proposals {
		switch {
		case slices.Contains(open, p.Head):
		case !inside && !p.Security:
			waits[p.Head] = "outside of the schedule (" + rules.Schedule + ")" + until(rules.Next(now))
		case full(total, rules.MaxOpen):
			waits[p.Head] = fmt.Sprintf("%s open, at most %d may be (maxOpen)", are(total), rules.MaxOpen)
		case full(on[p.Branch], rules.MaxOpenPerBranch):
			waits[p.Head] = fmt.Sprintf("%s open for %s, at most %d may be (maxOpenPerBranch)", are(on[p.Branch]), p.Branch, rules.MaxOpenPerBranch)
		case full(opened, rules.MaxNew):
			waits[p.Head] = fmt.Sprintf("one run opens at most %d (maxNew): the next one goes on", rules.MaxNew)
		default:
			total++
			opened++
			on[p.Branch]++
		}
	}
	return waits
}

func are(n int) string {
	if n == 1 {
		return "1 upgrade pull request is"
	}
	return fmt.Sprintf("%d upgrade pull requests are", n)
}

func until(next time.Time) string {
	if next.IsZero() {
		return ""
	}
	return " until " + next.Format("2006-01-02 15:04 MST")
}
