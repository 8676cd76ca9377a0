// Package report says what a change does to the rendered manifests: for a reviewer who decides in a minute, and for programs.
package report

import (
	"cmp"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Report is the result of comparing two commits.
type Report struct {
	// Base and Head are commits, 40 hexadecimal digits. BaseName and HeadName are how they were asked for.
	Base, Head         string
	BaseName, HeadName string
	// Minors are those that were rendered, Next the one after them that was only tried; zero when there is none.
	Minors []version.Minor
	Next   version.Minor
	// Results are sorted by addon, then by first minor. An addon that renders the same on both sides has none.
	Results []Result
	// Flags are ranked, the worst first.
	Flags []Flag
	// NextFlags are what the next minor would say of the head. They never fail a gate.
	NextFlags []Flag
	// Problems are what could not be rendered, sorted by addon and minor.
	Problems []Problem
	// Same counts the addons that were looked at and render the same on all minors.
	Same int
	// Policies says what policies find; nil where there are none.
	Policies *Policies
	// Clusters says whom the change touches; nil when nobody asked.
	Clusters *Clusters
	// Page is where the reader of Markdown finds the HTML page: an address, or the name of a file. Empty when there is none.
	Page string
}

// Result is what happens to one addon on the minors that agree about it.
type Result struct {
	Addon  string
	Minors []version.Minor
	diff.Result
}

// Flag is a risk of one addon, on the minors that have it.
type Flag struct {
	risk.Flag
	Addon  string
	Minors []version.Minor
}

// Problem is a failure of one addon on one minor. Minor is zero when it concerns all, Addon is empty when it concerns the whole.
type Problem struct {
	Addon   string
	Minor   version.Minor
	Message string
	// Side is base or head, Next marks what only the minor after next would meet.
	Side string
	Next bool
}

// Clusters are the clusters that the change reaches.
type Clusters struct {
	// Total are all clusters of the fleet, Touched those with a changed addon.
	Total, Touched int
	// Groups are sorted as the rollout goes.
	Groups []Group
}

// Group is a part of the fleet that a release reaches together.
type Group struct {
	Name string
	// Clusters are the touched ones, sorted by name.
	Clusters []Cluster
}

// Cluster is a touched cluster.
type Cluster struct {
	Name  string
	Minor version.Minor
	// Addons are the changed ones that it has, sorted.
	Addons []string
}

// Changed are the addons with a change that is more than known noise, sorted.
func (r Report) Changed() []string {
	var names []string
	for _, result := range r.Results {
		if slices.ContainsFunc(result.Changes, visible) {
			names = append(names, result.Addon)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// WithHidden is the report with the fields that are known noise among the others, so that every form of it shows them.
func (r Report) WithHidden() Report {
	r.Results = slices.Clone(r.Results)
	for i := range r.Results {
		changes := slices.Clone(r.Results[i].Changes)
		for j, c := range changes {
			fields := slices.Concat(c.Fields, c.Hidden)
			slices.SortStableFunc(fields, func(a, b diff.Field) int { return cmp.Compare(a.Path, b.Path) })
			changes[j].Fields, changes[j].Hidden = fields, nil
		}
		r.Results[i].Changes = changes
	}
	return r
}

// visible reports whether there is more to a change than known noise.
func visible(c diff.Change) bool { return c.Kind != diff.Changed || c.From != nil || len(c.Fields) > 0 }
