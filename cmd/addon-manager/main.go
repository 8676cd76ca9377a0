// Command addon-manager delivers the addons of a config repository to a fleet of clusters through Argo CD.
package main

import (
	"os"
	"time"
	// Schedules name time zones, and small images have none of their own.
	_ "time/tzdata"

	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/spf13/cobra"
)

func main() {
	os.Exit(cli.Main(newRoot(time.Now), os.Args[1:]))
}

// newRoot makes the whole command line; now is asked when an order begins or ends.
func newRoot(now func() time.Time) *cobra.Command {
	root := &cobra.Command{
		Use:   "addon-manager",
		Short: "Deliver addons to a fleet of Kubernetes clusters through Argo CD",
		Long: "addon-manager delivers, to each cluster, the addons that its labels enable, at the release for its Kubernetes minor.\n" +
			"Results go to standard output, everything else to standard error.\n" +
			"Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 the check found something.",
	}
	root.AddCommand(newRun(), cli.NewValidate(), newPlan(), newCanUpgrade(), newStatus(now), newExplain(now))
	root.AddCommand(
		newApprove(now), newRollout(now), newPause(now), newUnpause(now), newPin(now), newUnpin(now), newFreeze(now), newUnfreeze(now),
		newDecommission(now), newAdopt(now), newForget(now),
	)
	return root
}
