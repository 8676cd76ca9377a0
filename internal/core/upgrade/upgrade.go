// Package upgrade decides which newer versions are proposed: for main, and for each release branch the newest that its Kubernetes minor can run.
package upgrade

import (
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Branch is a branch as it is now.
type Branch struct {
	Name string
	// Minors are those that it is for: one for a release branch, all that are offered for main, in ascending order.
	Minors []version.Minor
	// Addons are those that its catalog offers for any of the minors, by name.
	Addons []Addon
}

// Addon is an addon on a branch.
type Addon struct {
	catalog.Addon
	Pins []upstream.Pin
	// Problems are sentences about what cannot be followed.
	Problems []string
}

// Request is what the decision is made of.
type Request struct {
	Main     Branch
	Branches []Branch
	// Rules are main's catalog's: how upgrades are made, groups, and what its addons' upstreams say. An addon that main does not offer goes by its branch's.
	Rules catalog.Upgrades
	// Listings are what the sources of all pins offer. A source that is missing was not asked.
	Listings map[upstream.Source]upstream.Listing
	// Seen is when a version was first seen, for those whose source does not say when they were published.
	Seen map[Release]time.Time
	// Ignored is what people do not want.
	Ignored []Ignored
	Now     time.Time
}

// Release is one version of one source.
type Release struct {
	Source  upstream.Source
	Version string
}

// Ignored is what a person does not want proposed on a branch.
type Ignored struct {
	Branch string
	Source upstream.Source
	// Version is the one that is not wanted; with Major, all of its major, and those after it until the next.
	Version string
	Major   bool
	// By is who said so, Pull where.
	By   string
	Pull int
}

// Plan is the decision.
type Plan struct {
	// Upgrades are sorted by addon, then branch: main first, release branches by minor.
	Upgrades []Upgrade `json:"upgrades"`
	// Problems are one for each addon and thing that is wrong, sorted.
	Problems []Problem `json:"problems"`
	// Remarks are what is not wrong, and should be known all the same: a repository that has moved. One for each addon and thing, sorted.
	Remarks []Problem `json:"remarks"`
	// Held are addons that have newer versions, and none that can be proposed; sorted like Upgrades. To is empty. Where a branch waits for a pick, it is not held.
	Held []Upgrade `json:"held"`
	// Proposals are the pull requests that the upgrades become, in the order in which they should be opened: security first, then smaller steps.
	Proposals []Proposal `json:"-"`
}

// Problem is why an addon's upgrades cannot be found, or something about its sources that a person should know.
type Problem struct {
	Addon string `json:"addon"`
	// Branch is empty when it concerns all.
	Branch  string `json:"branch,omitempty"`
	Message string `json:"message"`
}

// Upgrade is what is proposed for one addon on one branch.
type Upgrade struct {
	Addon  string `json:"addon"`
	Group  string `json:"group,omitempty"`
	Branch string `json:"branch"`
	// From and To are of the first change: what the catalog names as upstream, or what comes first in the files. To is the newest that the branch can run.
	// Where only the content under a tag is another, they are tag@digest.
	From string `json:"from"`
	To   string `json:"to"`
	// Refused are the newer versions that are not proposed, newest first.
	Refused []Refused `json:"refused"`
	// Changes are all that is proposed, in the order of the pins.
	Changes []Change `json:"changes"`
	// Remarks are sentences about its sources.
	Remarks []string `json:"remarks,omitempty"`
	// Comes are the release branches that get main's upgrade by a pick, once it is merged; Not are those that must not: they cannot run it, or something that
	// shares the pull request. They get an upgrade of their own, if there is one.
	Comes []string `json:"comes,omitempty"`
	Not   []Not    `json:"not,omitempty"`
}

// Change is another version of one pin. Where only the content under a tag is another, From and To are equal, and Digest is not Pin.Digest.
type Change struct {
	Addon string        `json:"addon"`
	Pin   upstream.Pin  `json:"pin"`
	From  string        `json:"from"`
	To    string        `json:"to"`
	Size  upstream.Size `json:"size"`
	// Digest is that of To, where the pin has one; of a file of a release it may be unknown until it is fetched. Write is what the places get: To, or with Pin.App the application's version in To.
	Digest   string `json:"digest,omitempty"`
	Write    string `json:"write"`
	Security bool   `json:"security,omitempty"`
	// Apart is set for the newest of the same major where To of another change of the same pin is of a newer major: each has its own pull request.
	Apart bool `json:"apart,omitempty"`
	// Version is what the source says of To, Was of From, as far as it still knows it.
	Version upstream.Version `json:"-"`
	Was     upstream.Version `json:"-"`
}

// Refused is a newer version that is not proposed.
type Refused struct {
	Version string `json:"version"`
	// Of names what it is a version of, where the addon has several sources.
	Of     string `json:"of,omitempty"`
	Reason string `json:"reason"`
	// Until is when a version that is too young will be old enough; zero for other reasons.
	Until time.Time `json:"-"`
	// Person tells that a person does not want it.
	Person bool `json:"-"`
}

// Not is a branch that main's upgrade must not be picked to.
type Not struct {
	Branch string `json:"branch"`
	Reason string `json:"reason"`
}

// Proposal is one pull request.
type Proposal struct {
	// Unit is the name of the addon or of the group. Branch is what it is for.
	Unit, Branch string
	// Head is the branch that it comes from: upgrade/<branch>/<unit>, with .major behind it for steps to a new major.
	Head            string
	Major, Security bool
	// Changes are sorted by addon; Refused are those of each addon that are newer than its changes.
	Changes []Change
	Refused map[string][]Refused
	// Comes and Not are for main: where picks will bring it, and where not.
	Comes []string
	Not   []Not
}
