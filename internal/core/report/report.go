// Package report says what a change does to the rendered manifests: for a reviewer who decides in a minute, and for programs.
package report

import (
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
	// Clusters says whom the change touches; nil when nobody asked.
	Clusters *Clusters
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

// Limit is how many bytes Markdown may have: GitHub refuses 65,536 characters.
const Limit = 60_000

// Markdown is the report for a pull request, at most limit bytes long, whatever is in it.
func Markdown(r Report, limit int) string { panic("not yet") }

// Text is the report for a terminal.
func Text(r Report) string { panic("not yet") }

// HTML is a page with everything in it, which loads nothing from elsewhere.
func HTML(r Report) ([]byte, error) { panic("not yet") }

// JSON is the report for programs.
func JSON(r Report) ([]byte, error) { panic("not yet") }
