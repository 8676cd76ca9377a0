// Command addon-manager delivers the addons of a config repository to a fleet of clusters through Argo CD.
package main

import (
	"os"

	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
)

func main() {
	os.Exit(cli.Main(newRoot(), os.Args[1:]))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "addon-manager",
		Short: "Deliver addons to a fleet of Kubernetes clusters through Argo CD",
		Long: "addon-manager delivers, to each cluster, the addons that its labels enable, at the release for its Kubernetes minor.\n" +
			"Results go to standard output, everything else to standard error.\n" +
			"Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 the check found something.",
	}
	root.AddCommand(newRun(), cli.NewValidate(), newPlan(), newStatus(), newExplain())
	return root
}
