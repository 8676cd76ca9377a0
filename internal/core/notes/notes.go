// Package notes writes what a release brings: for the people who read it on the forge, and for the message of its tag. What people wrote in titles
// and names stays text there: it mentions nobody, links nowhere, ends no block.
package notes

import (
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
)

// Notes are what there is to say of a release.
type Notes struct {
	// Tag is the release, Previous the one before it on the same branch, zero for a branch's first release.
	Tag, Previous release.Tag
	// Branch and Commit are what is released.
	Branch, Commit string
	// Addons are all that the release offers or that the one before offered, sorted by name.
	Addons []Addon
	// Changes came from main since Previous, newest first. Own were made on this branch alone.
	Changes []Change
	Own     []Own
	// Anyway is why somebody released although the checks refused; Against says what they refused.
	Anyway  string
	Against []string
	// Report compares Previous with the release. Nil leaves the comparison out; Uncompared may say why.
	Report     *report.Report
	Uncompared string
}

// Addon is one addon and the versions in it.
type Addon struct {
	Name string
	// New and Gone tell that only one of the two releases offers it.
	New, Gone bool
	// Versions are those that differ; of an addon that is new, or in a first release, all.
	Versions []Version
}

// Version is what came of one versioned thing of an addon; a side that does not have it is empty.
type Version struct {
	// Of says what: chart cert-manager, image quay.io/jetstack/cert-manager-controller.
	Of            string
	Before, After string
}

// Change is one change of main that the release brings.
type Change struct {
	Title string
	// Pull is the pull request on main, PickPull the one on the branch, both 0 when there is none.
	Pull, PickPull int
	// Source is the commit on main, Commit that on the branch.
	Source, Commit string
	// Addons are those it touches; none for a change of other files alone.
	Addons []string
	// AlsoIn are the first releases of other branches that have it.
	AlsoIn []release.Tag
}

// Own is a commit that only this branch has.
type Own struct{ Commit, Title, Author string }

// First tells that the branch had no release before.
func (n Notes) First() bool { return n.Previous.IsZero() }

// Title is what the release is called.
func (n Notes) Title() string { return n.Tag.String() }
