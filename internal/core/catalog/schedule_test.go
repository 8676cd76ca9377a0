package catalog

import (
	"testing"
	"time"
)

// TestInside: people want pull requests while they are at work, where they are.
func TestInside(t *testing.T) {
	const office = "CRON_TZ=Europe/Paris * 8-17 * * 1-5"
	for name, tc := range map[string]struct {
		schedule, now string
		want          bool
		next          string
	}{
		"always":                              {"", "2026-11-22T03:00:00Z", true, "2026-11-22T03:00:00Z"},
		"a Sunday":                            {office, "2026-11-22T12:00:00Z", false, "2026-11-23T07:00:00Z"},
		"Monday, 7:59:59 in Paris":            {office, "2026-11-23T06:59:59Z", false, "2026-11-23T07:00:00Z"},
		"Monday, 8:00 in Paris":               {office, "2026-11-23T07:00:00Z", true, "2026-11-23T07:00:00Z"},
		"Monday, 17:59:59 in Paris":           {office, "2026-11-23T16:59:59.9Z", true, "2026-11-23T16:59:59.9Z"},
		"Monday, 18:00 in Paris":              {office, "2026-11-23T17:00:00Z", false, "2026-11-24T07:00:00Z"},
		"in summer Paris is two hours ahead":  {office, "2026-07-01T06:00:00Z", true, "2026-07-01T06:00:00Z"},
		"without a zone, UTC":                 {"* 8-17 * * *", "2026-11-23T07:59:00+00:00", false, "2026-11-23T08:00:00Z"},
		"whoever asks, wherever":              {"* 8-17 * * *", "2026-11-23T12:00:00+05:00", false, "2026-11-23T08:00:00Z"},
		"one minute of an hour":               {"30 8 * * *", "2026-11-23T08:30:59Z", true, "2026-11-23T08:30:59Z"},
		"the hour that summer takes":          {"CRON_TZ=Europe/Paris * 2 * * *", "2026-03-29T01:30:00Z", false, "2026-03-30T00:00:00Z"},
		"the hour that winter repeats, again": {"CRON_TZ=Europe/Paris * 2 * * *", "2026-10-25T01:30:00Z", true, "2026-10-25T01:30:00Z"},
		"what Decode refuses":                 {"TZ=", "2026-11-23T08:30:00Z", false, "0001-01-01T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			u := Upgrades{Schedule: tc.schedule}
			now, err := time.Parse(time.RFC3339, tc.now)
			if err != nil {
				t.Fatal(err)
			}
			if got := u.Inside(now); got != tc.want {
				t.Errorf("Inside = %v, want %v", got, tc.want)
			}
			if got := u.Next(now).UTC().Format(time.RFC3339Nano); got != tc.next {
				t.Errorf("Next = %s, want %s", got, tc.next)
			}
		})
	}
}
