// Package ledger decides where each change of main is: on every release branch landed, on its way, skipped or missing. It is computed anew each
// time from Git and the pull requests; there is no state that could be lost.
package ledger

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// State is where a change is on a branch.
type State string

// The states.
const (
	// Landed is on the branch.
	Landed State = "landed"
	// Open has a pull request.
	Open State = "open"
	// Draft has a pull request that a person must finish.
	Draft State = "draft"
	// Skipped is not meant for the branch; the reason says why.
	Skipped State = "skipped"
	// Waiting comes after an earlier change of the same files whose pull request is not merged yet.
	Waiting State = "waiting"
	// Missing is none of these: the next reconcile picks it.
	Missing State = "missing"
)

// Facts are what the ledger is made of.
type Facts struct {
	// Main is the name of the branch that changes come from.
	Main string
	// Changes are the first-parent commits of main, oldest first.
	Changes []Change
	// Branches are the live release branches, by minor.
	Branches []Branch
	// Folders are the folders of the addons of main's catalog, by addon.
	Folders map[string]string
	// Others are commits of release branches that are not live: picks may name them.
	Others []change.Commit
	// Former maps commits that main had before its history was rewritten to those of Changes that do the same.
	Former map[string]string
}

// Change is one first-parent commit of main.
type Change struct {
	change.Commit
	// Pull is the pull request that brought it, nil when there was none or no forge was asked.
	Pull *forge.Pull
	// Number is that of Pull, or without one the number that the message names where nothing contradicts it: enough to show, not to act upon.
	Number int
	// Addons are the addons whose folders or catalog entries it touches, Elsewhere whether it touches anything else.
	Addons    []string
	Elsewhere bool
	// Outside says for branches that it is not meant for why: every addon that it touches leaves out the branch's minor. Keys are branches.
	Outside map[string]string
	// RevertsProven are the earlier commits of main that it undoes exactly, by content or patch-id.
	RevertsProven []string
}

// Branch is a release branch.
type Branch struct {
	Name  string
	Minor version.Minor
	Tip   string
	// Fork is the merge base with main.
	Fork string
	// Contains is how many of Facts.Changes, from the oldest on, are ancestors of Tip.
	Contains int
	// Commits are those of the branch that main does not have, oldest first, with Files, and with PatchID where a change might have the same.
	Commits []change.Commit
	// RevertsProven says of each of Commits which other commits, of the branch or of main, it undoes exactly, by content or patch-id.
	RevertsProven map[string][]string
	// TagOf says for each commit, of Commits or of Changes, which release first had it. Commits that no release has are not in it.
	TagOf map[string]release.Tag
	// Files are the paths of Tip, for all paths that Changes or Commits touch. Those that are not in it are not on the branch.
	Files map[string]change.Entry
	// Applied are changes that were merged on trial and changed nothing: their content is there already.
	Applied map[string]bool
	// Keeps are changes of which nothing would be left, as the branch keeps its own versions, each with a sentence about that.
	Keeps map[string]string
	// Pulls are the pull requests with this base, open or closed.
	Pulls []Pull
}

// Pull is a pull request that may bring changes to a branch.
type Pull struct {
	forge.Pull
	// Ours tells that the bot opened it: by author, and from this repository.
	Ours bool
	// Brings are the changes of main that it would bring: by its commits' trailers or patch-ids, or by the name of its branch.
	Brings []string
	// Human says who committed to it besides the bot; empty for nobody.
	Human string
	// Retired tells that the bot closed it itself, for a reason that may pass.
	Retired bool
	// Unseen tells that it was merged after Git was read: the branch may have it already.
	Unseen bool
}

// Entry is where one change is on one branch.
type Entry struct {
	State State `json:"state"`
	// Commit is the commit of the branch that has the change, for Landed.
	Commit string `json:"commit"`
	// Tag is the first release that has it.
	Tag string `json:"tag"`
	// Reason is one sentence for people; it may be empty for Landed and Missing.
	Reason string `json:"reason"`
	// Pull is the pull request on the branch, when there is one.
	Pull int `json:"pull,omitempty"`
	// After are earlier changes of the same files that come first, for Waiting and Missing.
	After []string `json:"after,omitempty"`
}

// Row is one change of main.
type Row struct {
	Commit   string           `json:"commit"`
	Title    string           `json:"title"`
	Pull     int              `json:"pull"`
	Branches map[string]Entry `json:"branches"`
}

// Ledger is the whole of it.
type Ledger struct {
	// Changes are newest first.
	Changes []Row `json:"changes"`
	// Differences says for each branch in what it differs from main, and why.
	Differences map[string][]Difference `json:"differences"`
}

// Difference is an addon, or a path outside of them, that is not the same on a branch as on main.
type Difference struct {
	Addon string   `json:"addon,omitempty"`
	Paths []string `json:"paths"`
	// Missing are the changes of main that the branch does not have, Own the branch's commits that are no pick of anything.
	Missing []string `json:"missing,omitempty"`
	Own     []string `json:"own,omitempty"`
	Reason  string   `json:"reason"`
}

// Live tells which of some names is no live release branch, nil when all are.
func (l Ledger) Live(names ...string) error {
	live := l.Branches()
	for _, name := range names {
		switch {
		case slices.Contains(live, name):
		case len(live) == 0:
			return fmt.Errorf("%q: there are no live release branches", name)
		default:
			return fmt.Errorf("%q is no live release branch: there are %s", name, strings.Join(live, ", "))
		}
	}
	return nil
}

// Only is the ledger of some branches.
func (l Ledger) Only(branches ...string) Ledger {
	some := Ledger{Changes: make([]Row, 0, len(l.Changes)), Differences: map[string][]Difference{}}
	for _, branch := range branches {
		if d, is := l.Differences[branch]; is {
			some.Differences[branch] = d
		}
	}
	for _, r := range l.Changes {
		all := r.Branches
		r.Branches = map[string]Entry{}
		for branch := range some.Differences {
			r.Branches[branch] = all[branch]
		}
		some.Changes = append(some.Changes, r)
	}
	return some
}
