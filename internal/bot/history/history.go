// Package history gathers from Git and the forge what the ledger is made of.
package history

import (
	"context"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Options say what to read.
type Options struct {
	Mirror *native.Mirror
	// Main is the branch that changes come from; empty for the repository's default branch.
	Main string
	// Pulls are pull requests, of any state; none when no forge was asked. Me is the bot's login there, Repository owner/name.
	Pulls          []forge.Pull
	Me, Repository string
	// Email is the bot's as a committer.
	Email string
	// Trial merges changes that are missing on trial, to find those whose content is there already. It may be expensive in a repository that
	// never had picks.
	Trial bool
	// Only limits the live branches to these minors; empty for all.
	Only []version.Minor
}

// History is what was found.
type History struct {
	Facts ledger.Facts
	// Ledger is ledger.Build of Facts.
	Ledger ledger.Ledger
	// Retired are release branches whose minor main's catalog does not offer (any more); Uncut are minors that it offers without a branch.
	Retired []string
	Uncut   []version.Minor
	// Distribution is that of main's catalog.
	Distribution string
	// MainTip is main's commit.
	MainTip string
}

// Read gathers. A branch that cannot be read is an error: what is not known must not look missing.
func Read(ctx context.Context, o Options) (History, error) { panic("todo") }
