package rollout

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Window is a time in which moves may start, again and again. The zero value never opens.
type Window struct {
	schedule cron.Schedule
	duration time.Duration
	zone     *time.Location
}

// The bounds of a window.
const (
	minWindow   = time.Minute
	maxWindow   = 7 * 24 * time.Hour
	maxSchedule = 128
)

// fields reads five fields and nothing else: `@every 1h` counts from the start of a process, and means nothing here.
var fields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// ParseWindow reads when a window opens, as a cron expression of five fields; for how long, as a Go duration; and the IANA time zone of the
// schedule, "" for UTC. As in cron, day of month and day of week both given mean either.
func ParseWindow(schedule, duration, timeZone string) (Window, error) {
	s, err := parseSchedule(schedule)
	if err != nil {
		return Window{}, fmt.Errorf("schedule %s: %w; write minute, hour, day of month, month and day of week, such as \"0 22 * * 1-5\"", quote(schedule), err)
	}
	d, err := time.ParseDuration(duration)
	if err != nil || d < minWindow || d > maxWindow {
		return Window{}, fmt.Errorf("duration %s: write how long the window stays open, from 1m to 168h, such as 4h", quote(duration))
	}
	if timeZone == "Local" { // Where the manager runs is nobody's intention.
		return Window{}, fmt.Errorf("timeZone %s: write the name of an IANA time zone such as Europe/Berlin", quote(timeZone))
	}
	zone, err := time.LoadLocation(timeZone)
	if err != nil {
		return Window{}, fmt.Errorf("timeZone %s is not known: write the name of an IANA time zone such as Europe/Berlin", quote(timeZone))
	}
	return Window{schedule: s, duration: d, zone: zone}, nil
}

func parseSchedule(text string) (cron.Schedule, error) {
	if len(text) > maxSchedule {
		return nil, fmt.Errorf("it has %d bytes, at most %d are read", len(text), maxSchedule)
	}
	if strings.ContainsRune(text, '=') {
		return nil, errors.New("a time zone stands in timeZone") // The parser behind panics on `TZ=` without a space.
	}
	s, err := fields.Parse(text)
	if err != nil {
		return nil, errors.New("it is no cron expression")
	}
	if s.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("no such day comes")
	}
	return s, nil // Without a zone of its own, it follows that of the times it is asked about.
}

// Next is the first opening after now; zero when there is none within five years.
//
// The schedule is followed on the wall clock of the zone, each reading of the clock once. An opening that falls into an hour which the clocks
// skip comes when they jump, so that no night's window is lost; in an hour which they repeat, it comes the first time only.
func (w Window) Next(now time.Time) time.Time {
	if w.schedule == nil {
		return time.Time{}
	}
	for wall := wallOf(now, w.zone); ; {
		wall = w.schedule.Next(wall)
		if wall.IsZero() {
			return time.Time{}
		}
		// In the repeated hour, readings after this one may have come before.
		if t := instant(wall, w.zone); t.After(now) {
			return t
		}
	}
}

// Open reports whether the window is open.
func (w Window) Open(now time.Time) bool {
	_, open := w.closes(now)
	return open
}

// closes is when what is open now closes, not counting later openings.
func (w Window) closes(now time.Time) (time.Time, bool) {
	opening := w.Next(now.Add(-w.duration))
	if opening.IsZero() || opening.After(now) {
		return time.Time{}, false
	}
	return opening.Add(w.duration), true
}

// wallOf is what the clock of a zone shows, written as a time in UTC.
func wallOf(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instant is when the clock of a zone first shows wall, or jumps over it.
func instant(wall time.Time, zone *time.Location) time.Time {
	offsetAt := func(t time.Time) time.Duration {
		_, offset := t.In(zone).Zone()
		return time.Duration(offset) * time.Second
	}
	const day = 24 * time.Hour // No zone is further from UTC, and none changes twice in two days.
	before, after := wall.Add(-offsetAt(wall.Add(-day))), wall.Add(-offsetAt(wall.Add(day)))
	for _, t := range []time.Time{before, after} { // Where both show it, the clock went back, and before is the first.
		if wallOf(t, zone).Equal(wall) {
			return t
		}
	}
	jump, _ := before.In(zone).ZoneBounds()
	return jump.UTC()
}

// opened tells whether any of the windows is open, and when that changes: zero for never. No windows are always open.
func opened(windows []Window, now time.Time) (open bool, changes time.Time) {
	if len(windows) == 0 {
		return true, time.Time{}
	}
	// Windows that follow each other without a gap may never close; waking up once in between does no harm.
	const most = 64
	end := now
	for range most {
		later := end
		for _, w := range windows {
			if c, ok := w.closes(end); ok && c.After(later) {
				later = c
			}
		}
		if later.Equal(end) {
			break
		}
		end = later
	}
	if end.After(now) {
		return true, end
	}
	for _, w := range windows {
		changes = earliest(changes, w.Next(now))
	}
	return false, changes
}

// earliest of two times, of which zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
