// Package forge is what a Git forge such as GitHub says of a repository: pull requests, comments, checks, releases. All text in it comes from
// outside.
package forge

import "time"

// Repository is what the forge says of the repository itself.
type Repository struct {
	// Owner and Name are as the forge spells them now, which may differ from what was asked for after a rename.
	Owner, Name   string
	DefaultBranch string
	Private       bool
	Archived      bool
	// CloneURL is the address for git, without credentials.
	CloneURL string
}

// Pull is a pull request.
type Pull struct {
	Number      int
	Title, Body string
	Author      string
	// Open is neither closed nor merged.
	Open, Merged, Draft bool
	// Base and Head are branches, HeadCommit what the head named when this was read. HeadRepository is owner/name, empty when it was deleted.
	Base, Head, HeadCommit, HeadRepository string
	// BaseCommit is what the base named then.
	BaseCommit string
	// MergeCommit is the commit on the base that brought the pull request: the merge, the squash, or the last of a rebase. It may be empty
	// for a moment after the merge.
	MergeCommit string
	Labels      []string
	Assignees   []string
	Created     time.Time
	Updated     time.Time
	URL         string
}

// NewPull is a pull request to open.
type NewPull struct {
	Title, Body, Base, Head string
	Draft                   bool
}

// PullEdit says what to change of a pull request; nil leaves a field alone.
type PullEdit struct {
	Title, Body *string
	// Closed closes it.
	Closed bool
}

// Comment is a comment on a pull request's conversation.
type Comment struct {
	ID     int64
	Author string
	Body   string
}

// Conclusion is how a check ended; empty while it has not.
type Conclusion string

// Conclusions that count as green are Success, Neutral and Skipped; every other one does not, also those that are not known yet.
const (
	Success Conclusion = "success"
	Failure Conclusion = "failure"
	Neutral Conclusion = "neutral"
	Skipped Conclusion = "skipped"
)

// Green tells whether a branch protection rule would be content with the conclusion.
func (c Conclusion) Green() bool { return c == Success || c == Neutral || c == Skipped }

// Check is a check run or a commit status.
type Check struct {
	// Name is what branch protection rules name.
	Name       string
	Commit     string
	Conclusion Conclusion
	// Title and Summary are shown to people; the summary is Markdown.
	Title, Summary string
}

// Release is a release of the forge: a tag with notes.
type Release struct {
	ID              int64
	Tag             string
	Name, Body, URL string
	Draft           bool
}

// Issue is an issue, no pull request.
type Issue struct {
	Number      int
	Title, Body string
	Author      string
	Open        bool
	Labels      []string
	URL         string
}

// NewIssue is an issue to open.
type NewIssue struct {
	Title, Body string
	Labels      []string
}
