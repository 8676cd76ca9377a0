package catalog

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// fiveFields reads a cron line and nothing else: `@every 1h` counts from the start of a process, and means nothing here.
var fiveFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// Inside reports whether a minute is one in which pull requests may be opened. A schedule that Decode refuses holds none.
func (u Upgrades) Inside(now time.Time) bool {
	if u.Schedule == "" {
		return true
	}
	s, zone, err := parseSchedule(u.Schedule)
	if err != nil {
		return false
	}
	minute := now.In(zone).Truncate(time.Minute)
	return s.Next(minute.Add(-time.Second)).Equal(minute)
}

// Next is when Inside is true again, zero when that is never.
func (u Upgrades) Next(now time.Time) time.Time {
	if u.Inside(now) {
		return now
	}
	s, zone, err := parseSchedule(u.Schedule)
	if err != nil {
		return time.Time{}
	}
	return s.Next(now.In(zone))
}

func checkSchedule(s string) error {
	_, _, err := parseSchedule(s)
	return err
}

// parseSchedule takes the time zone off first: the parser behind panics when nothing follows it.
func parseSchedule(s string) (cron.Schedule, *time.Location, error) {
	refuse := func(why string) (cron.Schedule, *time.Location, error) {
		return nil, nil, fmt.Errorf("%s %s: want minute, hour, day of month, month and day of week, such as \"CRON_TZ=Europe/Paris * 8-17 * * 1-5\"", quote(s), why)
	}
	if len(s) > MaxSchedule {
		return nil, nil, fmt.Errorf("%s is too long: at most %d bytes are read", quote(s), MaxSchedule)
	}
	zone, line := time.UTC, strings.TrimSpace(s)
	if after, found := strings.CutPrefix(line, "CRON_TZ="); found {
		name, rest, _ := strings.Cut(after, " ")
		var err error
		if zone, err = location(name); err != nil {
			return nil, nil, err
		}
		line = strings.TrimSpace(rest)
	}
	if strings.ContainsRune(line, '=') {
		return refuse("is no schedule")
	}
	schedule, err := fiveFields.Parse(line)
	if err != nil {
		return refuse("is no schedule")
	}
	if schedule.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return refuse("names a day that never comes")
	}
	return schedule, zone, nil
}

// location is a time zone that means the same on every machine.
func location(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if name == "" || name == "Local" {
		err = errors.New("it depends on the machine")
	}
	if err != nil {
		return nil, fmt.Errorf("the time zone %s is not known: want the name of an IANA time zone, such as Europe/Paris", quote(name))
	}
	return zone, nil
}
