package pick

import (
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// Source is what one pull request picks: the changes of main that one pull request brought (several when it was merged by rebasing), or one
// commit that came without.
type Source struct {
	// Pull is nil when the change came without a pull request, or no forge was asked.
	Pull *forge.Pull
	// Changes are oldest first.
	Changes []ledger.Change
}

// Key names a source in branch names: pr-12, or c- and twelve digits of the commit.
func (s Source) Key() string { panic("todo") }

// Head is the branch from which a source is picked to a release branch, such as pick/release-1.31/pr-12. The same source has the same one.
func Head(branch string, s Source) string { panic("todo") }

// ParseHead reads a branch's name: ours, and those that people and other bots give to hand-made picks. pull is 0 or commit is empty when the name has
// only the other.
func ParseHead(name string) (branch string, pull int, commit string, ok bool) { panic("todo") }

// Sources are what a ledger says is still to be picked to a branch, oldest first: changes that are missing, waiting, open or draft there.
func Sources(f ledger.Facts, l ledger.Ledger, branch string) []Source { panic("todo") }

// Outcome is what came of picking a source onto a branch.
type Outcome struct {
	// Onto is the branch's commit; Tip the last of the new commits, equal to Onto when everything is on the branch already.
	Onto, Tip string
	// Picked are the changes that were applied, Empty those whose content the branch has.
	Picked, Empty []string
	// Conflicts are of the change Stopped; the Left ones after it were not tried. None means that everything applied.
	Conflicts []Conflict
	Stopped   string
	Left      []string
	// Resolved are conflicts that were decided without a person.
	Resolved []Resolution
	// Warnings are things a reviewer should know, such as an addon that could not be rendered before either.
	Warnings []string
	// Content is a digest of what would be merged, the same for the same change on whatever commit of the branch: a pull request that a person
	// closed is opened again only when it differs.
	Content string
}

// Clean tells whether a pull request of this may be merged as it is.
func (o Outcome) Clean() bool { return len(o.Conflicts) == 0 }

// Resolution is a version that both sides changed, and which of them was taken.
type Resolution struct {
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Addon string `json:"addon"`
	// Ours is the branch's value, Theirs the change's, Taken one of them.
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
	Taken  string `json:"taken"`
	Reason string `json:"reason"`
}

// Marker is what the bot hides in the text of its pull requests for itself.
type Marker struct {
	// Kind is pick.
	Kind string `json:"kind"`
	// Branch is the release branch, Source the hashes of the changes.
	Branch string   `json:"branch"`
	Source []string `json:"source"`
	// Content is Outcome.Content of what was pushed last, Head the commit that was pushed.
	Content string `json:"content"`
	Head    string `json:"head"`
	// Retired is why the bot closed it; empty while it did not.
	Retired string `json:"retired,omitempty"`
}

// Hide writes a marker at the end of a text, in place of one that is there. What else is in the text stays.
func Hide(body string, m Marker) string { panic("todo") }

// Find reads the marker. Whether it is to be believed depends on who wrote the text.
func Find(body string) (Marker, bool) { panic("todo") }

// Request is what a pull request is written from.
type Request struct {
	// Repository is owner/name, URL its page.
	Repository, URL string
	Branch          string
	Source          Source
	Outcome         Outcome
	// Earlier are changes of main that the branch does not have and that touch the conflicting paths, oldest first, each with where it is.
	Earlier []Earlier
	Marker  Marker
}

// Earlier is a change that a conflict may come from missing.
type Earlier struct {
	Commit, Title string
	Pull          int
	Entry         ledger.Entry
}

// Proposal is what a pull request says.
type Proposal struct {
	Title, Body string
	Draft       bool
	Labels      []string
	Assignees   []string
}

// Write writes it. Text from outside stays text: it mentions nobody, closes no issue, ends no block.
func Write(r Request) Proposal { panic("todo") }
