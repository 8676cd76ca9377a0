package rollout_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/rollout"
)

func TestParseWindow(t *testing.T) {
	const write = `; write minute, hour, day of month, month and day of week, such as "0 22 * * 1-5"`
	for name, tc := range map[string]struct{ schedule, duration, zone, want string }{
		"nightly":                {"0 22 * * 1-5", "4h", "Europe/Berlin", ""},
		"named days":             {"30 2 * * SUN", "1h30m", "", ""},
		"the leap day":           {"0 0 29 2 *", "24h", "UTC", ""},
		"empty":                  {"", "4h", "", `schedule "": it is no cron expression` + write},
		"six fields":             {"0 0 22 * * 1-5", "4h", "", `schedule "0 0 22 * * 1-5": it is no cron expression` + write},
		"an hour too late":       {"0 24 * * *", "4h", "", `schedule "0 24 * * *": it is no cron expression` + write},
		"an interval":            {"@every 1h", "4h", "", `schedule "@every 1h": it is no cron expression` + write},
		"a nickname":             {"@daily", "4h", "", `schedule "@daily": it is no cron expression` + write},
		"a zone in the schedule": {"CRON_TZ=UTC 0 22 * * *", "4h", "", `schedule "CRON_TZ=UTC 0 22 * * *": a time zone stands in timeZone` + write},
		"only a zone":            {"TZ=UTC", "4h", "", `schedule "TZ=UTC": a time zone stands in timeZone` + write},
		"a day that never comes": {"0 0 30 2 *", "4h", "", `schedule "0 0 30 2 *": no such day comes` + write},
		"no duration":            {"0 22 * * *", "", "", `duration "": write how long the window stays open, from 1m to 168h, such as 4h`},
		"too short":              {"0 22 * * *", "59s", "", `duration "59s": write how long the window stays open, from 1m to 168h, such as 4h`},
		"too long":               {"0 22 * * *", "169h", "", `duration "169h": write how long the window stays open, from 1m to 168h, such as 4h`},
		"a day is no duration":   {"0 22 * * *", "1d", "", `duration "1d": write how long the window stays open, from 1m to 168h, such as 4h`},
		"an unknown zone":        {"0 22 * * *", "4h", "Europe/Atlantis", `timeZone "Europe/Atlantis" is not known: write the name of an IANA time zone such as Europe/Berlin`},
		"the manager's zone":     {"0 22 * * *", "4h", "Local", `timeZone "Local": write the name of an IANA time zone such as Europe/Berlin`},
		"a file":                 {"0 22 * * *", "4h", "../../etc/passwd", `timeZone "../../etc/passwd" is not known: write the name of an IANA time zone such as Europe/Berlin`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rollout.ParseWindow(tc.schedule, tc.duration, tc.zone)
			if message(err) != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

// TestWindows lists when windows open, with the clocks as they are in Berlin: on 29 March 2026 they jump from 2 to 3 o'clock, on 25 October they
// go back from 3 to 2.
func TestWindows(t *testing.T) {
	for name, tc := range map[string]struct {
		schedule, duration, zone string
		from                     string
		openings                 []string
		// closed and open are times at which it is.
		open, closed []string
	}{
		"weekdays in UTC": {
			"0 22 * * 1-5", "4h", "", "2026-03-05T22:00:00Z",
			[]string{"2026-03-06T22:00:00Z", "2026-03-09T22:00:00Z"},
			[]string{"2026-03-05T22:00:00Z", "2026-03-06T01:59:59Z", "2026-03-07T00:00:00Z"},
			[]string{"2026-03-05T21:59:59Z", "2026-03-06T02:00:00Z", "2026-03-07T22:30:00Z"},
		},
		"the clocks jump over the opening": {
			"30 2 * * *", "2h", "Europe/Berlin", "2026-03-27T12:00:00Z",
			[]string{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
			[]string{"2026-03-29T01:00:00Z", "2026-03-29T02:59:59Z"},
			[]string{"2026-03-29T00:59:59Z", "2026-03-29T03:00:00Z"},
		},
		"the clocks jump while it is open": {
			"0 1 * * *", "2h", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"},
			[]string{"2026-03-29T01:59:59Z"},
			[]string{"2026-03-29T02:00:00Z"},
		},
		"the clocks repeat the opening": {
			"30 2 * * *", "1h", "Europe/Berlin", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:29:59Z"},
			[]string{"2026-10-25T00:29:59Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"},
		},
		"every half hour over the repeated one": {
			"*/30 * * * *", "10m", "Europe/Berlin", "2026-10-24T23:50:00Z",
			[]string{"2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:30:00Z"},
			nil,
			[]string{"2026-10-25T01:05:00Z"},
		},
		"every half hour over the missing one": {
			"*/30 * * * *", "10m", "Europe/Berlin", "2026-03-29T00:10:00Z",
			[]string{"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"},
			[]string{"2026-03-29T01:05:00Z"},
			nil,
		},
		"midnight does not exist": { // Santiago's clocks jumped from 0 to 1 o'clock on 6 September 2026.
			"0 0 * * *", "1h", "America/Santiago", "2026-09-05T12:00:00Z",
			[]string{"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"},
			[]string{"2026-09-06T04:59:59Z"},
			[]string{"2026-09-06T03:59:59Z", "2026-09-06T05:00:00Z"},
		},
		"half an hour of daylight saving": { // Lord Howe: from 2:00 to 2:30 on 4 October 2026.
			"15 2 * * *", "1h", "Australia/Lord_Howe", "2026-10-02T18:00:00Z",
			[]string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"},
			nil, nil,
		},
		"longer than it takes to come again": {
			"0 * * * *", "90m", "Asia/Kolkata", "2026-03-05T10:00:00Z",
			[]string{"2026-03-05T10:30:00Z", "2026-03-05T11:30:00Z"},
			[]string{"2026-03-05T10:29:00Z", "2026-03-05T10:30:00Z", "2026-03-05T11:59:59Z", "2026-03-06T00:00:00Z"},
			nil,
		},
		"day of month or day of week": {
			"0 0 13 * 5", "1h", "", "2026-03-12T12:00:00Z",
			[]string{"2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z", "2026-03-27T00:00:00Z", "2026-04-03T00:00:00Z", "2026-04-10T00:00:00Z", "2026-04-13T00:00:00Z"},
			nil, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := rollout.ParseWindow(tc.schedule, tc.duration, tc.zone)
			if err != nil {
				t.Fatal(err)
			}
			now := at(t, tc.from)
			var got []string
			for range tc.openings {
				now = w.Next(now)
				got = append(got, now.UTC().Format(time.RFC3339))
			}
			if diff := cmp.Diff(tc.openings, got); diff != "" {
				t.Errorf("openings (-want +got):\n%s", diff)
			}
			for want, times := range map[bool][]string{true: tc.open, false: tc.closed} {
				for _, text := range times {
					if got := w.Open(at(t, text)); got != want {
						t.Errorf("at %s open is %t", text, got)
					}
				}
			}
		})
	}
}

// TestZeroWindow: a window that nobody parsed lets nothing through.
func TestZeroWindow(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if w := (rollout.Window{}); w.Open(now) || !w.Next(now).IsZero() {
		t.Errorf("it opens %s", w.Next(now))
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// FuzzWindow: whatever is read, openings come one after the other, and the window is open from each of them on.
func FuzzWindow(f *testing.F) {
	for _, schedule := range []string{"0 22 * * 1-5", "*/7 2,3 * * *", "30 2 29 2 *", "TZ=", "CRON_TZ=X", "* * * * *", "0-99999999999 * * * *", "*/0 * * * *", "1-2/99999999999999 * * * *", "? ? ? ? ?", "@hourly", "0 0 31 4,6 *"} {
		f.Add(schedule, int64(60), "Europe/Berlin", int64(1774746000))
	}
	f.Add("15 2 * * *", int64(600), "Australia/Lord_Howe", int64(1790000000))
	f.Add("0 0 * * *", int64(10000), "Pacific/Apia", int64(1325200000))
	f.Add("0 0 * * *", int64(1), "Local", int64(0))
	f.Fuzz(func(t *testing.T, schedule string, minutes int64, zone string, unix int64) {
		duration := time.Duration(minutes%20000) * time.Minute
		w, err := rollout.ParseWindow(schedule, duration.String(), zone)
		if err != nil {
			if len(err.Error()) > 600 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		now := time.Unix(unix%(1<<32), 0)
		for range 5 {
			next := w.Next(now)
			if next.IsZero() {
				return
			}
			if !next.After(now) {
				t.Fatalf("after %s it opens %s", now, next)
			}
			if !w.Open(next) || !w.Open(next.Add(duration-1)) {
				t.Fatalf("it opens %s and is not open", next)
			}
			if first := w.Next(next.Add(-time.Nanosecond)); !first.Equal(next) {
				t.Fatalf("just before %s the next is %s", next, first)
			}
			if w.Open(now) == false && w.Open(next.Add(-time.Nanosecond)) {
				t.Fatalf("it is open before it opens %s", next)
			}
			now = next
		}
	})
}
