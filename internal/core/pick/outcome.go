package pick

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
