// Package upgrading finds newer versions of what a config repository's branches pin, and makes the commits that take them. Nothing that it does can be
// seen from outside.
package upgrading

import (
	"context"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// Sources are asked for versions.
type Sources interface {
	List(ctx context.Context, sources []upstream.Source) (map[upstream.Source]upstream.Listing, error)
	Describe(ctx context.Context, source upstream.Source, version string) (upstream.Version, error)
	History(ctx context.Context, address string) ([]upstream.Version, error)
}

// Files are fetched to renew what is vendored.
type Files interface {
	// Chart is one version of a chart, as an archive.
	Chart(ctx context.Context, repository, name, version string) (data []byte, digest string, err error)
	// Asset is a file of a GitHub release, checked against its digest where that is known.
	Asset(ctx context.Context, a upstream.Asset) (data []byte, digest string, err error)
}

// Options say where, and as whom.
type Options struct {
	Mirror *native.Mirror
	// Main is the branch that changes come from; empty for the repository's default branch.
	Main    string
	Sources Sources
	Files   Files
	// Committer is who commits upgrades.
	Committer change.Person
	// Addons and Branches limit what is looked at; none named means all. One that does not exist is an error.
	Addons, Branches []string
	Now              time.Time
}

// Known is what is known from elsewhere than Git and the sources.
type Known struct {
	Seen    map[upgrade.Release]time.Time
	Ignored []upgrade.Ignored
}

// Found is what was found.
type Found struct {
	Plan  upgrade.Plan
	Rules catalog.Upgrades
	// Main is main's name; Tips are the branches' commits, by branch.
	Main string
	Tips map[string]string
	// Seen are the versions without a time of their own, with that of when they were first seen.
	Seen map[upgrade.Release]time.Time

	// request is what the plan was decided from, problems those of whole branches.
	request  upgrade.Request
	problems []upgrade.Problem
	asked    *asked
}

// Built is a proposal as a commit.
type Built struct {
	// Tip is the commit, Base its parent. The same proposal on the same base is the same commit.
	Tip, Base string
	// Files are the paths that it changes.
	Files []string
	// Remarks are sentences that a reviewer must know.
	Remarks []string
}
