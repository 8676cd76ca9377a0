// Package proposal writes what the pull requests of upgrades say, the dashboard of all of them, and reads what people answer.
package proposal

import (
	"time"

	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// The labels of upgrade pull requests.
const (
	Label         = "upgrade"
	LabelMajor    = "major"
	LabelSecurity = "security"
)

// Request is what a pull request is written from.
type Request struct {
	// Repository is owner/name, URL its page.
	Repository, URL string
	Proposal        upgrade.Proposal
	// Notes are the release notes of each change, in the order of Proposal.Changes; a change may have none.
	Notes [][]Note
	// Report is what rendering says; nil when that failed, and Unrendered says why.
	Report     *report.Report
	Unrendered string
	// Remarks are sentences about single changes that a reviewer must know: a source that moved, a chart whose files are kept by hand.
	Remarks []string
	Marker  Marker
}

// Note is what a publisher wrote of one version.
type Note struct {
	// Of is what the version is of: chart, or application.
	Of, Version, URL string
	// Text is Markdown from outside.
	Text string
}

// Text is what a pull request says.
type Text struct {
	Title, Body string
	Labels      []string
}

// Write writes it, at most report.Limit bytes: release notes are cut first, then the report, never risks, commands and marker.
func Write(r Request) Text { panic("todo") }

// Between are the release notes for exactly the versions after from up to to, newest first, out of all releases of a repository. Chart is the name of
// the chart where tags may carry it (chart-1.2.3, helm-chart-1.2.3), empty for the application's own.
func Between(releases []upstream.Version, of, chart, from, to string) []Note { panic("todo") }

// Marker is what the bot hides in the text of its upgrade pull requests for itself.
type Marker struct {
	// Kind is upgrade.
	Kind string `json:"kind"`
	// Branch and Unit are the proposal's.
	Branch string `json:"branch"`
	Unit   string `json:"unit"`
	// Versions are what it proposes, by source: what an ignore command is about.
	Versions []Proposed `json:"versions"`
	// Content is a digest of the versions and of what they render to: a pull request that a person closed is opened again when it would differ.
	Content string `json:"content"`
	// Told is a digest of what else its text is made of, so that the text is written again when that is different. Labels are those that the bot gave it.
	Told   string   `json:"told,omitempty"`
	Labels []string `json:"labels,omitempty"`
	// Head is the commit that was pushed, Base the one that it was made from.
	Head string `json:"head"`
	Base string `json:"base"`
	// Retired is why the bot closed it; empty while it did not.
	Retired string `json:"retired,omitempty"`
	// Ignored is version or major once a person said so, By who.
	Ignored string `json:"ignored,omitempty"`
	By      string `json:"by,omitempty"`
}

// Proposed is one version in a Marker.
type Proposed struct {
	Source upstream.Source `json:"source"`
	From   string          `json:"from"`
	To     string          `json:"to"`
}

// Hide writes a marker at the end of a text, in place of one that is there.
func Hide(body string, m Marker) string { panic("todo") }

// Find reads the marker. Whether it is to be believed depends on who wrote the text.
func Find(body string) (Marker, bool) { panic("todo") }

// Command is what a person asks for in a comment.
type Command string

// The commands, each alone on a line.
const (
	Rebase        Command = "/rebase"
	IgnoreVersion Command = "/ignore this version"
	IgnoreMajor   Command = "/ignore this major"
)

// ParseCommand reads the first command of a comment. Unknown tells of a line that looks like a command and is none; it is empty otherwise. Quoted lines and code are no commands.
func ParseCommand(comment string) (c Command, unknown string) { panic("todo") }

// Answer is the comment that answers a command: each gets one, which names the comment it answers so that it is found again.
func Answer(comment int64, by, said string) string { panic("todo") }

// Answered are the comments that a comment of the bot's answers; 0 for none.
func Answered(body string) (comment int64) { panic("todo") }

// Board is what the dashboard lists.
type Board struct {
	Repository, URL string
	// Open are the pull requests, Waiting those that are held back and why, by head. Refused, Ignored and Problems as decided.
	Open     []Listed
	Waiting  []Listed
	Plan     upgrade.Plan
	Ignored  []upgrade.Ignored
	Declined []Listed
	// Seen is remembered here, for versions whose source does not say when they were published.
	Seen map[upgrade.Release]time.Time
}

// Listed is one line of the dashboard.
type Listed struct {
	Proposal upgrade.Proposal
	// Pull is 0 while there is none.
	Pull int
	// Why says what is waited for.
	Why string
}

// BoardTitle is the title of the dashboard's issue.
const BoardTitle = "Upgrades of addons"

// Dashboard writes the text, at most report.Limit bytes.
func Dashboard(b Board) string { panic("todo") }

// Remembered reads what a dashboard's text remembers; nothing when it is none.
func Remembered(body string) (seen map[upgrade.Release]time.Time, is bool) { panic("todo") }
