// Command branch-bot looks after the branches of a config repository.
package main

import (
	"os"
	"runtime/debug"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
)

func main() {
	render.Worker()
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
		Long: "branch-bot looks after the branches of a config repository. So far it checks what would be released, and shows what a change does.\n" +
			"Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 the check found something.",
	}
	root.AddCommand(cli.NewValidate(), newDiff(), newLedger(), newPick(), newCut(), newTag(), newReconcile(), newServe())
	return root
}
