package upgrade

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// TestAdmission has proposals in the order in which they should be opened; each story says which of them wait, and why.
func TestAdmission(t *testing.T) {
	proposals := func(heads ...string) (all []Proposal) {
		for _, head := range heads {
			head, security := strings.CutSuffix(head, "!")
			p := Proposal{Head: head, Security: security}
			p.Branch, p.Unit, p.Major, _ = ParseHead(head)
			all = append(all, p)
		}
		return all
	}
	five := proposals("upgrade/main/a!", "upgrade/main/b", "upgrade/release-1.31/a", "upgrade/main/c", "upgrade/main/b.major")
	office := "CRON_TZ=Europe/Paris * 8-17 * * 1-5"
	monday := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	sunday := monday.AddDate(0, 0, -1)
	for name, tc := range map[string]struct {
		rules catalog.Upgrades
		open  []string
		now   time.Time
		want  map[string]string
	}{
		"no rules":               {now: sunday},
		"in the schedule":        {rules: catalog.Upgrades{Schedule: office}, now: monday},
		"all are open, at night": {rules: catalog.Upgrades{Schedule: office, MaxOpen: 1}, now: sunday, open: []string{"upgrade/main/a", "upgrade/main/b", "upgrade/release-1.31/a", "upgrade/main/c", "upgrade/main/b.major"}},
		"on Sunday, only security": {rules: catalog.Upgrades{Schedule: office}, now: sunday, open: []string{"upgrade/main/c"}, want: map[string]string{
			"upgrade/main/b":         "outside of the schedule (CRON_TZ=Europe/Paris * 8-17 * * 1-5) until 2026-11-23 08:00 CET",
			"upgrade/release-1.31/a": "outside of the schedule (CRON_TZ=Europe/Paris * 8-17 * * 1-5) until 2026-11-23 08:00 CET",
			"upgrade/main/b.major":   "outside of the schedule (CRON_TZ=Europe/Paris * 8-17 * * 1-5) until 2026-11-23 08:00 CET",
		}},
		"three at once, one of them is open": {rules: catalog.Upgrades{MaxOpen: 3}, now: monday, open: []string{"upgrade/main/c"}, want: map[string]string{
			"upgrade/release-1.31/a": "3 upgrade pull requests are open, at most 3 may be (maxOpen)",
			"upgrade/main/b.major":   "3 upgrade pull requests are open, at most 3 may be (maxOpen)",
		}},
		"too many are open already": {rules: catalog.Upgrades{MaxOpen: 1}, now: monday, open: []string{"upgrade/main/x", "upgrade/main/y"}, want: map[string]string{
			"upgrade/main/a":         "2 upgrade pull requests are open, at most 1 may be (maxOpen)",
			"upgrade/main/b":         "2 upgrade pull requests are open, at most 1 may be (maxOpen)",
			"upgrade/release-1.31/a": "2 upgrade pull requests are open, at most 1 may be (maxOpen)",
			"upgrade/main/c":         "2 upgrade pull requests are open, at most 1 may be (maxOpen)",
			"upgrade/main/b.major":   "2 upgrade pull requests are open, at most 1 may be (maxOpen)",
		}},
		"one for each branch": {rules: catalog.Upgrades{MaxOpenPerBranch: 1}, now: monday, want: map[string]string{
			"upgrade/main/b":       "1 upgrade pull request is open for main, at most 1 may be (maxOpenPerBranch)",
			"upgrade/main/c":       "1 upgrade pull request is open for main, at most 1 may be (maxOpenPerBranch)",
			"upgrade/main/b.major": "1 upgrade pull request is open for main, at most 1 may be (maxOpenPerBranch)",
		}},
		"two in a run, what is open is not new": {rules: catalog.Upgrades{MaxNew: 2}, now: monday, open: []string{"upgrade/main/a"}, want: map[string]string{
			"upgrade/main/c":       "one run opens at most 2 (maxNew): the next one goes on",
			"upgrade/main/b.major": "one run opens at most 2 (maxNew): the next one goes on",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Admission(tc.rules, five, tc.open, tc.now); !maps.Equal(got, tc.want) {
				t.Errorf("got  %v\nwant %v", got, tc.want)
			}
		})
	}
}
