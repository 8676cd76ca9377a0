package pick

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

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

// Digest is Outcome.Content. It is about what main did, and whether a person is needed: what else is on the branch, and how its conflicts look, does
// not open again what a person closed.
func Digest(s Source, o Outcome) string {
	h := sha256.New()
	for _, c := range s.Changes {
		fmt.Fprintf(h, "change %d\n", len(c.Files))
		for _, f := range c.Files {
			fmt.Fprintf(h, "%q %s %s %s %s\n", f.Path, f.Old.Mode, f.Old.Blob, f.New.Mode, f.New.Blob)
		}
	}
	fmt.Fprintf(h, "clean %v\n", o.Clean())
	for _, r := range o.Resolved {
		fmt.Fprintf(h, "%q %q %q\n", r.Path, r.Theirs, r.Taken)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

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
