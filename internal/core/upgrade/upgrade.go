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
	// Held are addons that have newer versions, and none that can be proposed; sorted like Upgrades.
	Held []Upgrade `json:"held"`
	// Proposals are the pull requests that the upgrades become, in the order in which they should be opened: security first, then smaller steps.
	Proposals []Proposal `json:"-"`
}

// Problem is why an addon's upgrades cannot be found.
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
	From string `json:"from"`
	To   string `json:"to"`
	// Refused are the newer versions that are not proposed, newest first.
	Refused []Refused `json:"refused"`
	// Changes are all that is proposed.
	Changes []Change `json:"changes"`
	// Comes are the release branches that get main's upgrade by a pick, once it is merged; Not are those that cannot run it.
	Comes []string `json:"comes,omitempty"`
	Not   []Not    `json:"not,omitempty"`
}

// Change is another version of one pin.
type Change struct {
	Addon string        `json:"addon"`
	Pin   upstream.Pin  `json:"pin"`
	From  string        `json:"from"`
	To    string        `json:"to"`
	Size  upstream.Size `json:"size"`
	// Digest is that of To, where the pin has one. Write is what the places get: To, or with Pin.App the application's version in To.
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
	Reason  string `json:"reason"`
	// Until is when a version that is too young will be old enough; zero for other reasons.
	Until time.Time `json:"-"`
}

// Not is a branch that cannot run what another is proposed.
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
	// Changes are sorted by addon; Refused are those of each addon.
	Changes []Change
	Refused map[string][]Refused
	// Comes and Not are for main: where picks will bring it, and where not.
	Comes []string
	Not   []Not
}

// Decide decides. It is total: what cannot be decided is a problem of its addon.
func Decide(r Request) Plan { panic("todo") }

// Wanted are the versions that must be described before Decide can choose among them: newest first, not more than it takes. It is asked again after they were, until there are none.
func Wanted(r Request) []Release { panic("todo") }

// Prefix starts the names of the branches of upgrades.
const Prefix = "upgrade/"

// ParseHead reads the name of a proposal's branch.
func ParseHead(head string) (branch, unit string, major, ok bool) { panic("todo") }

// Admission says of each proposal, by its head, why it is not opened yet; those that may be are not in it. Open are the heads of the upgrade pull requests that are open now: these are renewed whatever the caps say.
// Security is not held by the schedule.
func Admission(rules catalog.Upgrades, proposals []Proposal, open []string, now time.Time) map[string]string {
	panic("todo")
}
