package proposal

import (
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// maxNotes is of how many versions notes are kept, the newest.
const maxNotes = 100

// Between are the release notes for exactly the versions after from up to to, newest first, out of all releases of a repository. Chart is the name of
// the chart where tags may carry it (chart-1.2.3, helm-chart-1.2.3), empty for the application's own. Pre-releases are left out, unless to is one.
func Between(releases []upstream.Version, of, chart, from, to string) []Note {
	from, to = number(from), number(to)
	for _, prefix := range prefixes(releases, chart, to) {
		found := span{from: from, to: to}.of(releases, prefix)
		if len(found) == 0 && chart == "" {
			if a, b, ok := bare(from, to); ok {
				// An image's variant has no releases of its own.
				found = span{from: a, to: b}.of(releases, prefix)
			}
		}
		if len(found) == 0 {
			continue
		}
		notes := make([]Note, len(found))
		for i, f := range found {
			notes[i] = Note{Of: of, Version: f.Name, URL: f.URL, Text: f.Notes}
		}
		return notes[:min(len(notes), maxNotes)]
	}
	return nil
}

// prefixes are what tags of the thing may begin with, to be tried in order. Where tags carry the chart's name, others are not the chart's.
func prefixes(releases []upstream.Version, chart, to string) (all []string) {
	is := func(prefix string) func(upstream.Version) bool {
		return func(v upstream.Version) bool { _, ok := after(v.Name, prefix); return ok }
	}
	if chart != "" {
		for _, p := range []string{
			chart + "-", "helm-chart-" + chart + "-", "helm-chart-", "chart-", chart + "-chart-", chart + "/", "charts/" + chart + "/", "chart/", chart + "@",
		} {
			if slices.ContainsFunc(releases, is(p)) {
				return []string{p}
			}
		}
		return []string{""}
	}
	for _, v := range releases {
		prefix, ends := strings.CutSuffix(v.Name, to)
		prefix = strings.TrimSuffix(prefix, "v")
		if ends && prefix != "" && strings.ContainsAny(prefix[len(prefix)-1:], "-/_@") && !strings.Contains(prefix, "chart") {
			all = append(all, prefix)
		}
	}
	slices.Sort(all)
	return append([]string{""}, slices.Compact(all)...)
}

// after is the version in a tag behind a prefix.
func after(tag, prefix string) (version string, ok bool) {
	rest, ok := strings.CutPrefix(tag, prefix)
	rest = number(rest)
	return rest, ok && rest != "" && '0' <= rest[0] && rest[0] <= '9'
}

// number is a version without the v.
func number(s string) string {
	if len(s) > 1 && s[0] == 'v' && '0' <= s[1] && s[1] <= '9' {
		return s[1:]
	}
	return s
}

// bare are versions of variants without what names the variant.
func bare(from, to string) (a, b string, differ bool) {
	a, isA := upstream.Core(from)
	b, isB := upstream.Core(to)
	return a, b, isA && isB && (a != from || b != to)
}

// span are the versions after one up to another.
type span struct{ from, to string }

func (s span) of(releases []upstream.Version, prefix string) (found []upstream.Version) {
	finished := !upstream.IsPreRelease(s.to)
	versions := map[string]string{}
	for _, r := range releases {
		v, ok := after(r.Name, prefix)
		if !ok || finished && (r.PreRelease || upstream.IsPreRelease(v)) || !s.holds(v) {
			continue
		}
		if at := slices.IndexFunc(found, func(f upstream.Version) bool { return versions[f.Name] == v }); at >= 0 {
			// Both v1.2.3 and 1.2.3: the one that says something.
			if found[at].Notes == "" {
				found[at], versions[r.Name] = r, v
			}
			continue
		}
		found, versions[r.Name] = append(found, r), v
	}
	slices.SortStableFunc(found, func(a, b upstream.Version) int {
		if order, comparable := upstream.Compare(versions[b.Name], versions[a.Name]); comparable && order != 0 {
			return order
		}
		return strings.Compare(b.Name, a.Name)
	})
	return found
}

// holds tells whether a version is in the span. Where the ends cannot be compared, it is the last alone.
func (s span) holds(v string) bool {
	if v == s.to {
		return true
	}
	low, known := upstream.Compare(v, s.from)
	high, knownToo := upstream.Compare(v, s.to)
	return known && knownToo && low > 0 && high <= 0
}
