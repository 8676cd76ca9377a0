package rollout

import (
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// releases are those that clusters may be given.
type releases struct {
	usable map[release.Tag]bool
	// byMinor has the usable ones of each minor, oldest first.
	byMinor    map[version.Minor][]release.Tag
	rolledBack map[release.Tag]bool
	halted     map[release.Tag]bool
}

func sortReleases(in *Input) *releases {
	r := &releases{
		usable: map[release.Tag]bool{}, byMinor: map[version.Minor][]release.Tag{},
		rolledBack: tagsOf(in.Policy.RolledBack), halted: tagsOf(in.Policy.Halted),
	}
	for _, known := range in.Releases {
		t := known.Tag
		if known.Usable && !r.rolledBack[t] {
			r.usable[t] = true
			r.byMinor[t.Minor] = append(r.byMinor[t.Minor], t)
		}
	}
	for _, tags := range r.byMinor {
		slices.SortFunc(tags, release.Tag.Compare)
	}
	return r
}

// tagsOf reads names once, in place of writing every cluster's release. What is no tag names no release.
func tagsOf(names map[string]bool) map[release.Tag]bool {
	tags := make(map[release.Tag]bool, len(names))
	for name, set := range names {
		if t, err := release.ParseTag(name); err == nil && set {
			tags[t] = true
		}
	}
	return tags
}

// newest is the release that rolls out on a minor; zero when there is none.
func (r *releases) newest(m version.Minor) release.Tag {
	tags := r.byMinor[m]
	if len(tags) == 0 {
		return release.Tag{}
	}
	return tags[len(tags)-1]
}

// before is the newest usable release before t; zero when there is none.
func (r *releases) before(t release.Tag) release.Tag {
	tags := r.byMinor[t.Minor]
	i, _ := slices.BinarySearchFunc(tags, t, release.Tag.Compare)
	if i == 0 || tags[i-1].Distribution != t.Distribution {
		return release.Tag{}
	}
	return tags[i-1]
}
