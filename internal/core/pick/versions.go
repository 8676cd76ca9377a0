package pick

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Sides are the three versions of a file that conflict: what both began from, the branch's, and the change's.
type Sides struct{ Base, Ours, Theirs []byte }

// Rule is what decides about versions that both sides changed.
type Rule struct {
	// Addon is the one that the file belongs to, Range the Kubernetes versions that it supports by main's catalog at the change.
	Addon string
	Range version.Range
	// Minor is the branch's.
	Minor version.Minor
}

// Versions decides the versions in a YAML file that both sides changed: main's when the addon supports the branch's minor and main's is not older,
// otherwise the branch's. It gives the three versions of the file with the same value there, so that merging them again has no conflict at that place,
// and otherwise changes no byte of them. What is not sure is left alone: the file comes back without a resolution.
func Versions(file string, s Sides, rule Rule) (Sides, []Resolution) {
	if !IsYAML(file) {
		return s, nil
	}
	var sides [3]*scalars
	for i, data := range [][]byte{s.Base, s.Ours, s.Theirs} {
		found, err := scalarsOf(file, data)
		if err != nil {
			return s, nil
		}
		sides[i] = found
	}
	var (
		decided []Resolution
		edits   [3][]edit
		wins    []side
	)
	for _, g := range groups(file, sides) {
		w, ok := g.decide(rule)
		if !ok {
			continue
		}
		wins = append(wins, w)
		for _, m := range g.members {
			if m.same() {
				continue
			}
			taken := m.at[w]
			for i := range edits {
				edits[i] = append(edits[i], edit{*m.at[i], taken.raw})
			}
			decided = append(decided, Resolution{
				Path: file, Line: m.at[ours].line, Addon: rule.Addon, Ours: m.at[ours].shown, Theirs: m.at[theirs].shown, Taken: taken.shown,
				Reason: g.reason(rule, w, m),
			})
		}
	}
	// The versions of one chart belong together: half of them from here and half from there was never tried by anybody.
	if len(decided) == 0 || isChart(file) && slices.ContainsFunc(wins, func(w side) bool { return w != wins[0] }) {
		return s, nil
	}
	slices.SortStableFunc(decided, func(a, b Resolution) int { return a.Line - b.Line })
	return Sides{apply(s.Base, edits[base]), apply(s.Ours, edits[ours]), apply(s.Theirs, edits[theirs])}, decided
}

// IsYAML tells by a file's name whether it is YAML.
func IsYAML(file string) bool {
	name := strings.ToLower(path.Base(file))
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") || name == "chart.lock" || name == "kustomization"
}

func isChart(file string) bool {
	return path.Base(file) == "Chart.yaml" || isLock(file)
}

func isLock(file string) bool {
	return path.Base(file) == "Chart.lock" || path.Base(file) == "requirements.lock"
}

type side int

const (
	base side = iota
	ours
	theirs
)

// member is one scalar in the three versions of a file.
type member struct {
	at [3]*scalar
	// follows tells that it goes where its group goes: a digest.
	follows bool
}

// same tells that there is nothing to decide.
func (m member) same() bool { return m.at[ours].value == m.at[theirs].value }

// changed tells whether a side changed it.
func (m member) changed(s side) bool { return m.at[s].value != m.at[base].value }

// group is what is decided together.
type group struct {
	members []member
	// whole tells that all of it comes from one side, so that also what only one side changed may be superseded.
	whole bool
}

// groups puts together the scalars that both sides may have changed: a tag with its digest, all of a lock file, others alone.
func groups(file string, sides [3]*scalars) []group {
	var all []group
	at := map[string]int{}
	for _, id := range sides[base].order {
		m := member{follows: sides[base].by[id].follows}
		key := sides[base].by[id].group
		partly := false
		for i, s := range sides {
			m.at[i] = s.by[id]
			// A version that has a digest on one side only is another thing there.
			partly = partly || m.at[i] == nil || m.at[i].group != key
		}
		if isLock(file) {
			if partly || len(sides[ours].order) != len(sides[base].order) || len(sides[theirs].order) != len(sides[base].order) {
				return nil
			}
			key = "lock"
		}
		if partly {
			continue
		}
		i, known := at[key]
		if !known {
			i = len(all)
			at[key] = i
			all = append(all, group{whole: isLock(file)})
		}
		all[i].members = append(all[i].members, m)
		all[i].whole = all[i].whole || m.follows
	}
	return all
}

// decide says which side's versions a group gets.
func (g group) decide(rule Rule) (w side, ok bool) {
	contested := slices.ContainsFunc(g.members, func(m member) bool { return m.changed(ours) }) &&
		slices.ContainsFunc(g.members, func(m member) bool { return m.changed(theirs) })
	if !contested || !slices.ContainsFunc(g.members, func(m member) bool { return !m.same() }) {
		return 0, false
	}
	order := 0
	for _, m := range g.members {
		if m.follows || m.same() {
			continue
		}
		c, comparable := compare(*m.at[ours], *m.at[theirs])
		if !comparable || c == 0 && g.whole || order != 0 && c != order {
			// Where each side is newer in something, neither is right as a whole.
			return 0, false
		}
		if c == 0 {
			c = -1
		}
		order = c
	}
	switch {
	case order == 0:
		return 0, false
	case order > 0 || !rule.Range.HoldsSome(rule.Minor):
		return ours, true
	}
	return theirs, true
}

// reason says why, in a sentence without end.
func (g group) reason(rule Rule, w side, m member) string {
	by := "the catalog says nothing of Kubernetes versions for " + rule.Addon
	if rule.Range.String() != "" {
		by = fmt.Sprintf("%s is for Kubernetes %s by main's catalog", rule.Addon, rule.Range)
	}
	switch {
	case m.follows:
		return "it goes with its version"
	case !rule.Range.HoldsSome(rule.Minor):
		return by + ", so the branch keeps its own"
	case w == ours:
		return "main's is older than the branch's"
	}
	return by + ", and main's is not older"
}

// edit is a scalar to be written in another way.
type edit struct {
	scalar
	raw string
}

// apply writes scalars in place.
func apply(data []byte, edits []edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int { return a.start - b.start })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(data[at:e.start])
		out.WriteString(e.raw)
		at = e.start + len(e.scalar.raw)
	}
	out.Write(data[at:])
	return out.Bytes()
}
