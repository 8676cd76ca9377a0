package upgrade

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// tagPath is what Git's tags may be beside versions: other components' in the same repository.
var tagPath = regexp.MustCompile(`^[A-Za-z0-9@][A-Za-z0-9@/._+~-]{0,254}$`)

// maxDescribed is how many versions of one source are asked about one by one.
const maxDescribed = 40

// offer is what a source has, each version once.
type offer struct {
	upstream.Listing
	source upstream.Source
	// versions are in the order of their names.
	versions []upstream.Version
	// hostile are names that no version has.
	hostile []string
	// doubled are versions that the source has twice, with different contents.
	doubled map[string]bool
	// described counts those that were asked about; it is 0 for a source that tells all at once.
	described int
	// newer remembers the versions after a current one, all those that count in order.
	newer map[string][]upstream.Version
	all   []upstream.Version
}

func newOffer(s upstream.Source, l upstream.Listing) *offer {
	o := &offer{Listing: l, source: s, doubled: map[string]bool{}, newer: map[string][]upstream.Version{}}
	all := slices.Clone(l.Versions)
	// What is known of a version comes first, so that of two with the same name it is kept, whatever order they came in.
	slices.SortFunc(all, func(a, b upstream.Version) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), first(a.Described, b.Described), cmp.Compare(b.Digest, a.Digest), a.Created.Compare(b.Created),
			cmp.Compare(a.App, b.App), cmp.Compare(a.Kubernetes, b.Kubernetes), first(a.Deprecated, b.Deprecated), cmp.Compare(a.URL, b.URL))
	})
	lazy := slices.ContainsFunc(all, func(v upstream.Version) bool { return !v.Described })
	for _, v := range all {
		switch last := len(o.versions) - 1; {
		case !version.Published(v.Name):
			if s.Kind != upstream.Git || !tagPath.MatchString(v.Name) {
				o.hostile = append(o.hostile, v.Name)
			}
		case last >= 0 && o.versions[last].Name == v.Name:
			if other := o.versions[last].Digest; other != "" && v.Digest != "" && other != v.Digest {
				o.doubled[v.Name] = true
			}
		default:
			o.versions = append(o.versions, v)
			if lazy && v.Described {
				o.described++
			}
		}
	}
	o.hostile = slices.Compact(o.hostile)
	return o
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return +1
}

// find is a version by its name, or one that differs from it in nothing that counts.
func (o *offer) find(name string) (v upstream.Version, listed bool) {
	if i, is := slices.BinarySearchFunc(o.versions, name, func(v upstream.Version, name string) int { return cmp.Compare(v.Name, name) }); is {
		return o.versions[i], true
	}
	for _, v := range o.versions {
		if order, comparable := upstream.Compare(v.Name, name); comparable && order == 0 {
			return v, true
		}
	}
	return v, false
}

// after are the versions newer than one, newest first. Those that are not finished count only after one that is not either, and of images only those with as
// many numbers: 1.27 is a name for many versions.
func (o *offer) after(current string) []upstream.Version {
	if all, known := o.newer[current]; known {
		return all
	}
	unfinished := o.unfinished(current)
	var all []upstream.Version
	for _, v := range o.versions {
		order, comparable := upstream.Compare(v.Name, current)
		if !comparable || order <= 0 || !unfinished && (v.PreRelease || upstream.IsPreRelease(v.Name)) || o.source.Kind == upstream.Image && !upstream.Alike(v.Name, current) {
			continue
		}
		all = append(all, v)
	}
	all = newestFirst(all, current)
	o.newer[current] = all
	return all
}

// ordered are all versions, newest first, and those that are not finished after the others.
func (o *offer) ordered() []upstream.Version {
	if o.all == nil {
		pre := func(v upstream.Version) bool { return v.PreRelease || upstream.IsPreRelease(v.Name) }
		o.all = slices.DeleteFunc(slices.Clone(o.versions), func(v upstream.Version) bool { return o.doubled[v.Name] })
		slices.SortFunc(o.all, func(a, b upstream.Version) int {
			order, _ := upstream.Compare(b.Name, a.Name)
			return cmp.Or(first(pre(b), pre(a)), order, cmp.Compare(a.Name, b.Name))
		})
	}
	return o.all
}

func (o *offer) unfinished(current string) bool {
	v, listed := o.find(current)
	return upstream.IsPreRelease(current) || listed && v.PreRelease
}

// newestFirst sorts versions. Of those that differ in nothing that counts, the one that is written like the current one stays.
func newestFirst(all []upstream.Version, current string) []upstream.Version {
	like := func(v upstream.Version) bool { return (v.Name[0] == 'v') == (current != "" && current[0] == 'v') }
	slices.SortFunc(all, func(a, b upstream.Version) int {
		order, _ := upstream.Compare(b.Name, a.Name)
		return cmp.Or(order, first(like(a), like(b)), cmp.Compare(a.Name, b.Name))
	})
	return slices.CompactFunc(all, func(a, b upstream.Version) bool {
		order, comparable := upstream.Compare(a.Name, b.Name)
		return comparable && order == 0
	})
}

// title names a source for people.
func title(s upstream.Source) string {
	switch s.Kind {
	case upstream.Helm:
		return "chart " + s.Name + " of " + s.Repository
	case upstream.Image:
		return "image " + s.Repository
	case upstream.GitHub:
		if s.Name != "" {
			return s.Name + " of " + s.Repository + " on GitHub"
		}
		return s.Repository + " on GitHub"
	}
	return s.Repository
}

// short names a source among others of the same addon.
func short(s upstream.Source) string { return cmp.Or(s.Name, s.Repository) }

// maxShown is how much of a value from outside lands in a sentence.
const maxShown = 60

// quote shows a value from outside: escaped, and cut.
func quote(s string) string {
	if len(s) > maxShown {
		return fmt.Sprintf("%.*q…", maxShown, s)
	}
	return strconv.Quote(s)
}

// bare is quote without the quotes.
func bare(s string) string {
	q := strconv.Quote(s[:min(len(s), maxShown)])
	if q = q[1 : len(q)-1]; len(s) > maxShown {
		q += "…"
	}
	return q
}
