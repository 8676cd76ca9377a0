package proposal

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/marker"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// Bounds of what a dashboard remembers: how many versions, the newest, and how many bytes.
const (
	maxSeen   = 500
	maxMemory = 20_000
)

// memory is what is hidden in a dashboard.
type memory struct {
	Kind string       `json:"kind"`
	Seen []seenSource `json:"seen"`
}

// seenSource are the versions of one source, with the second in which each was first seen.
type seenSource struct {
	upstream.Source
	Versions map[string]int64 `json:"versions"`
}

func (m memory) ours() bool { return m.Kind == "dashboard" }

// remember writes when versions were first seen: those that were seen last, as many as there is room for.
func remember(seen map[upgrade.Release]time.Time) string {
	all := slices.SortedFunc(maps.Keys(seen), func(a, b upgrade.Release) int {
		return cmp.Or(seen[b].Compare(seen[a]), compareSources(a.Source, b.Source), cmp.Compare(a.Version, b.Version))
	})
	for n := min(len(all), maxSeen); ; n /= 2 {
		if line := marker.Line(remembered(seen, all[:n])); len(line) <= maxMemory || n == 0 {
			return line
		}
	}
}

func remembered(seen map[upgrade.Release]time.Time, releases []upgrade.Release) memory {
	m := memory{Kind: "dashboard", Seen: []seenSource{}}
	for _, r := range releases {
		i := slices.IndexFunc(m.Seen, func(s seenSource) bool { return s.Source == r.Source })
		if i < 0 {
			i = len(m.Seen)
			m.Seen = append(m.Seen, seenSource{r.Source, map[string]int64{}})
		}
		m.Seen[i].Versions[r.Version] = seen[r].Unix()
	}
	slices.SortFunc(m.Seen, func(a, b seenSource) int { return compareSources(a.Source, b.Source) })
	return m
}

// Remembered reads what a dashboard's text remembers; nothing when it is none. Times are in whole seconds.
func Remembered(body string) (seen map[upgrade.Release]time.Time, is bool) {
	m, is := marker.Find(body, memory.ours)
	if !is {
		return nil, false
	}
	seen = map[upgrade.Release]time.Time{}
	for _, s := range m.Seen {
		for v, at := range s.Versions {
			seen[upgrade.Release{Source: s.Source, Version: v}] = time.Unix(at, 0).UTC()
		}
	}
	return seen, true
}
