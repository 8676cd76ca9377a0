package resolve

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Reasons about releases.
const (
	CodeTagMoved       fault.Code = "TagMoved"
	CodeTagGone        fault.Code = "TagGone"
	CodeTagNotOnBranch fault.Code = "TagNotOnBranch"
	CodeCatalogInvalid fault.Code = "CatalogInvalid"
	CodeMinorRetired   fault.Code = "MinorRetired"
	CodeTagsIgnored    fault.Code = "TagsIgnored"
)

// Source is what the config repository offers.
type Source struct {
	// Releases are all known ones, in any order.
	Releases []SourceRelease
	// Offered are the minors that main's catalog names; nil when it cannot be read.
	Offered []version.Minor
	// Unavailable is set when the repository has not been read, so that nothing is known of its releases.
	Unavailable *fault.Reason
	// Problems are about the repository as a whole.
	Problems []fault.Problem
	// RevisionTag makes Applications name the tag in place of its commit.
	RevisionTag bool
}

// SourceRelease is one release as the repository has it.
type SourceRelease struct {
	release.Release
	// Refused says why nothing is moved to this release; nil when it is fine.
	Refused *fault.Reason
	// Catalog is what it offers; nil when it was not needed or could not be read.
	Catalog *catalog.Catalog
}

// ReleaseState is a release as a plan shows it.
type ReleaseState struct {
	Minor  string `json:"minor"`
	Tag    string `json:"tag"`
	Commit string `json:"commit"`
	// Refused says why nothing moves to it, "" when it is fine.
	Refused string `json:"refused"`
}

// Ref is one tag as Git has it now.
type Ref struct {
	Tag    release.Tag
	Commit string
	// OnBranch is set when the commit is reachable from the tip of the minor's release branch.
	OnBranch bool
}

// Seen is what is remembered of a tag.
type Seen struct {
	// Commit is what the tag named when it was first seen.
	Commit string
	// Delivered is set while any pair has the release.
	Delivered bool
}

// Judge holds the tags of a repository against what they named when first seen. A tag that moved, vanished, or lies
// elsewhere than on its branch is refused; the commit first seen stays its release. A vanished tag is forgotten once nothing has it
// and a newer one is there.
func Judge(refs []Ref, firstSeen map[release.Tag]Seen) []SourceRelease {
	releases := make([]SourceRelease, 0, len(refs))
	present := make(map[release.Tag]bool, len(refs))
	newest := map[version.Minor]int{}
	for _, r := range refs {
		present[r.Tag] = true
		sr := SourceRelease{Release: release.Release{Tag: r.Tag, Commit: r.Commit}}
		newest[r.Tag.Minor] = max(newest[r.Tag.Minor], r.Tag.N)
		switch first := firstSeen[r.Tag].Commit; {
		case first != "" && first != r.Commit:
			sr.Commit = first
			sr.Refused = tagMoved(r.Tag.String(), first, r.Commit)
		case !r.OnBranch:
			sr.Refused = reason(CodeTagNotOnBranch, "tag %s names commit %s, which is not on branch %s; tag a commit of that branch", r.Tag, short(r.Commit), release.Branch(r.Tag.Minor))
		}
		releases = append(releases, sr)
	}
	for tag, seen := range firstSeen {
		if present[tag] || !seen.Delivered && tag.N < newest[tag.Minor] {
			continue
		}
		releases = append(releases, SourceRelease{
			Release: release.Release{Tag: tag, Commit: seen.Commit},
			Refused: reason(CodeTagGone, "tag %s is gone from the repository; what has it keeps commit %s. Push the tag again, or tag a new release", tag, short(seen.Commit)),
		})
	}
	SortReleases(releases)
	return releases
}

func tagMoved(tag, first, now string) *fault.Reason {
	return reason(CodeTagMoved, "tag %s moved from %s to %s; releases never change: the commit first seen stays delivered. Move the tag back, or tag a new release",
		tag, short(first), short(now))
}

// SortReleases puts the newest release of the lowest minor first.
func SortReleases(releases []SourceRelease) {
	slices.SortFunc(releases, func(a, b SourceRelease) int {
		return cmp.Or(a.Tag.Minor.Compare(b.Tag.Minor), -a.Tag.Compare(b.Tag))
	})
}

func short(commit string) string {
	if len(commit) > 12 {
		return commit[:12]
	}
	return commit
}

func reason(code fault.Code, format string, args ...any) *fault.Reason {
	r := fault.Reasonf(code, format, args...)
	return &r
}

// Snapshot is a Source made ready for many decisions. It is read-only and safe for concurrent use.
type Snapshot struct {
	source Source
	policy Policy
	byTag  map[string]*SourceRelease
	// minors hold the newest usable release of each, offers every usable one by tag.
	minors map[version.Minor]*offer
	offers map[string]*offer
	// released are the minors with a usable release, for messages.
	released string
	longer   map[string][]string
	names    Names
	states   []ReleaseState
	addons   map[string]bool
}

// offer is what clusters of one minor get.
type offer struct {
	release  SourceRelease
	tag      string
	minor    string
	revision string
	addons   []offered
	// refused are newer releases that nothing moves to.
	refused []fault.Reason
	// ranges holds a []bool by patch version.
	ranges sync.Map
}

// offered is one addon of an offer, with everything computed that no cluster changes.
type offered struct {
	*catalog.Addon
	label string
	// grace is how long the addon stays when it is switched off, "" for the default.
	grace string
	// patch is the whole Patch of an addon without parameters.
	patch string
	// form is the Patch of one with parameters.
	form form
}

// inRange tells, for each addon of the offer, whether it supports a version. The answers are kept: the fleet runs few versions, and
// a range costs more to ask than everything else about a pair.
func (o *offer) inRange(v version.Kubernetes) []bool {
	if known, ok := o.ranges.Load(v.Patch); ok {
		return known.([]bool)
	}
	answers := make([]bool, len(o.addons))
	for i := range o.addons {
		answers[i] = o.addons[i].Kubernetes.Holds(v)
	}
	known, _ := o.ranges.LoadOrStore(v.Patch, answers)
	return known.([]bool)
}

// Prepare compiles a source for decisions. names is what exists already.
func Prepare(source Source, policy Policy, names Names) *Snapshot {
	s := &Snapshot{source: source, policy: policy.withDefaults(), offers: map[string]*offer{}, byTag: map[string]*SourceRelease{}, minors: map[version.Minor]*offer{}, names: names, addons: map[string]bool{}}
	releases := slices.Clone(source.Releases)
	SortReleases(releases)
	s.source.Releases = releases
	for _, a := range names.Addons() {
		s.addons[a] = true
	}
	// Refused releases of another distribution are not newer than anything.
	type line struct {
		minor        version.Minor
		distribution string
	}
	refused := map[line][]fault.Reason{}
	for i := range releases {
		r := &releases[i]
		tag := r.Tag.String()
		s.byTag[tag] = r
		state := ReleaseState{Minor: r.Tag.Minor.String(), Tag: tag, Commit: r.Commit}
		if r.Refused != nil {
			state.Refused = r.Refused.Message
		}
		if r.Refused == nil && policy.Rollout.RolledBack[tag] {
			state.Refused = "rolled back; `addon-manager rollout rollback --undo " + tag + "` offers it again"
		}
		s.states = append(s.states, state)
		if r.Catalog != nil {
			for _, a := range r.Catalog.Addons {
				s.addons[a.Name] = true
			}
		}
		if r.Refused != nil && s.minors[r.Tag.Minor] == nil {
			of := line{r.Tag.Minor, r.Tag.Distribution}
			refused[of] = append(refused[of], fault.Reason{Code: CodeReleaseRefused, Message: tag + " is refused: " + r.Refused.Message})
			continue
		}
		if r.Catalog == nil || r.Refused != nil {
			continue // Not loaded, because nobody needs it; or an older one that is refused.
		}
		newest := s.minors[r.Tag.Minor] == nil && !policy.Rollout.RolledBack[tag]
		of := newOffer(*r, nil, source.RevisionTag)
		s.offers[tag] = of
		if newest {
			of.refused = refused[line{r.Tag.Minor, r.Tag.Distribution}]
			s.minors[r.Tag.Minor] = of
		}
	}
	if s.states == nil {
		s.states = []ReleaseState{}
	}
	s.longer = longerNames(s.addons)
	s.released = listMinors(slices.SortedFunc(maps.Keys(s.minors), version.Minor.Compare))
	return s
}

func newOffer(r SourceRelease, refused []fault.Reason, tags bool) *offer {
	o := &offer{release: r, tag: r.Tag.String(), minor: r.Tag.Minor.String(), revision: r.Commit, refused: refused, addons: make([]offered, len(r.Catalog.Addons))}
	if tags {
		o.revision = o.tag
	}
	for i := range r.Catalog.Addons {
		a := &r.Catalog.Addons[i]
		of := offered{Addon: a, label: catalog.LabelPrefix + a.Name}
		if a.Grace != nil {
			of.grace = a.Grace.String()
		}
		if len(a.Parameters) == 0 {
			// A patch without parameters is made of strings and checked JSON only; marshalling it cannot fail.
			of.patch, _ = patchOf(*a, nil)
		} else {
			of.form = formOf(*a)
		}
		o.addons[i] = of
	}
	slices.SortFunc(o.addons, func(a, b offered) int { return cmp.Compare(a.Name, b.Name) })
	return o
}

func listMinors(minors []version.Minor) string {
	if len(minors) == 0 {
		return "none"
	}
	text := make([]string, len(minors))
	for i, m := range minors {
		text[i] = m.String()
	}
	return strings.Join(text, ", ")
}

// minorProblems tells of clusters on minors that main's catalog offers no more.
func (s *Snapshot) minorProblems(clusters []ClusterPlan) []fault.Problem {
	if s.source.Offered == nil {
		return nil
	}
	retired := map[string]bool{}
	for m := range s.minors {
		retired[m.String()] = !slices.Contains(s.source.Offered, m)
	}
	count := map[string]int{}
	for _, c := range clusters {
		if retired[c.Minor] {
			count[c.Minor]++
		}
	}
	var problems []fault.Problem
	for _, m := range slices.Sorted(maps.Keys(count)) {
		problems = append(problems, fault.Problem{
			Code: CodeMinorRetired, Where: catalog.File,
			Message: fmt.Sprintf("kubernetes.minors no longer offers %s, which %d cluster(s) run; they keep getting its releases", m, count[m]),
		})
	}
	return problems
}
