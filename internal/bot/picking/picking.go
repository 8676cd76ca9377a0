// Package picking applies changes of main to release branches, in the mirror: nothing that it does can be seen from outside.
package picking

import (
	"context"
	"io/fs"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Options say how.
type Options struct {
	Mirror *native.Mirror
	// Committer is who commits; the time is taken from what is picked, so that the same pick is the same commit.
	Committer change.Person
	// Renders tells what stops addons of a tree from rendering for a minor, by addon; nil leaves rendering out. It is asked for the tree before the pick too:
	// what failed before is no conflict. An error is a failure to ask, such as a registry that is down: a warning, and no conflict.
	Renders func(ctx context.Context, tree fs.FS, minor version.Minor, addons []string) (problems map[string]string, err error)
}

// Target is where to pick to.
type Target struct {
	Branch string
	Minor  version.Minor
	// Onto is the commit to pick onto: the branch's, or what was picked onto it before.
	Onto string
}

// Pick makes the commits of a source on a target. With a conflict the last of them holds what applied, with markers for Content conflicts, the branch's side
// for the rest, and names the paths in its message.
func Pick(ctx context.Context, o Options, t Target, s pick.Source) (pick.Outcome, error) { panic("todo") }
