// Package proposal writes what the pull requests of upgrades say, the dashboard of all of them, and reads what people answer.
package proposal

import (
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
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
