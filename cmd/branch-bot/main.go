// Command branch-bot looks after the branches of a config repository.
package main

import (
	"os"
	"runtime/debug"
	// Schedules name time zones, and small images have none of their own.
	_ "time/tzdata"

	"github.com/addon-manager/addon-manager/internal/adapter/policy"
	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
)

func main() {
	render.Worker()
	policy.Worker()
	if os.Getenv("GOGC") == "" {
		// Commands are short, and would spend a third of their time on freeing memory that nobody needs.
		debug.SetGCPercent(1600)
		debug.SetMemoryLimit(1 << 30)
	}
	os.Exit(cli.Main(newRoot(), os.Args[1:]))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "branch-bot",
		Short: "Look after the branches of a config repository",
		Long: "branch-bot looks after the branches of a config repository: it cuts a release branch for each Kubernetes minor, picks changes of main to the\n" +
			"branches by pull requests, tells where each change is, and releases. It proposes newer versions of addons, shows what a change does to the\n" +
			"rendered manifests, and checks these against policies.\n\n" +
			"Whatever changes the repository or GitHub is a plan, which is printed; --apply carries it out. Merging and tagging stay people's decisions.\n" +
			"Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 the check found something.",
	}
	root.AddCommand(cli.NewValidate(), newDiff(), newLedger(), newPick(), newCut(), newTag(), newUpgrade(), newPolicy(), newReconcile(), newServe())
	return root
}
