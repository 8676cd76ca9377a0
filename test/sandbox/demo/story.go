package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/addon-manager/addon-manager/test/sandbox"
)

// step is one thing to show.
type step struct {
	title string
	do    func(context.Context, *demo) error
}

// steps are shown in this order once the sandbox runs. Each waits until what it did has taken effect.
var steps = []step{
	{"registering three clusters with Argo CD, with labels that switch addons on; tokyo-1 is the canary", register},
	{"switching an addon on", switchOn},
	{"switching two addons off: after a countdown one takes its objects along (prune), the other leaves them (retain)", switchOff},
	{"upgrading a cluster from Kubernetes 1.31 to 1.32, once it is known what that does", upgrade},
	{"releasing a change: it goes to the canary, and after a soak to the rest", releaseInWaves},
	{"releasing a mistake: it fails on the canary, and halts there", releaseMistake},
	{"taking the mistake back", rollBack},
	{"losing a label on every cluster: more would go than the budget allows, so nothing goes", loseLabels},
	{"upgrading an addon to a version that its publisher has just released: pull requests, picks, tags, rollout", upgradeAddon},
	{"looking at the result", look},
}

func register(ctx context.Context, d *demo) error {
	for _, m := range d.fleet {
		labels := sandbox.Switches(m.labels...)
		if m == d.fleet[0] {
			labels[canary] = "canary"
		}
		if err := d.sandbox.Register(ctx, m.Name, labels, nil); err != nil {
			return err
		}
		d.note("%s on Kubernetes %s, switched on: %s", m.Name, m.Minor, strings.Join(m.labels, " "))
	}
	return d.awaitAll(ctx, d.fleet...)
}

func switchOn(ctx context.Context, d *demo) error {
	tokyo := d.fleet[0]
	if err := d.label(ctx, tokyo, "cert-manager", "enabled"); err != nil {
		return err
	}
	tokyo.addons = append(tokyo.addons, "cert-manager")
	return d.await(ctx, tokyo)
}

func switchOff(ctx context.Context, d *demo) error {
	tokyo, paris := d.fleet[0], d.fleet[1]
	pruned, err := d.switchOff(ctx, tokyo, "kube-state-metrics")
	if err != nil {
		return err
	}
	retained, err := d.switchOff(ctx, paris, "policy-engine")
	if err != nil {
		return err
	}
	if err := d.show(ctx, "", "kubectl", "-n", sandbox.Namespace, "get", "ca"); err != nil {
		return err
	}
	if err := d.sandbox.AwaitGone(ctx, pruned, false); err != nil {
		return err
	}
	d.note("Application %s is gone, and its %d objects with it", pruned.Name, len(pruned.Objects))
	if err := d.sandbox.AwaitGone(ctx, retained, true); err != nil {
		return err
	}
	d.note("Application %s is gone; its %d objects are still in the cluster, and listed as released", retained.Name, len(retained.Objects))
	return d.awaitAll(ctx, tokyo, paris)
}

// switchOff waits until an addon is seen to leave.
func (d *demo) switchOff(ctx context.Context, m *member, addon string) (sandbox.Application, error) {
	app, err := d.sandbox.Application(ctx, m.Name+"-"+addon)
	if err == nil {
		err = d.label(ctx, m, addon, "")
	}
	if err == nil {
		err = d.until(ctx, func() error {
			report, err := d.sandbox.Report(ctx, m.Name)
			if err == nil && report.Status.Leaving == "" {
				err = fmt.Errorf("%s has nothing that leaves, want %s", m.Name, addon)
			}
			return err
		})
	}
	m.without(addon)
	return app, err
}

func upgrade(ctx context.Context, d *demo) error {
	tokyo := d.fleet[0]
	before, err := d.sandbox.Applications(ctx, tokyo.Name)
	if err != nil {
		return err
	}
	if err := d.show(ctx, "", "addon-manager", "can-upgrade", tokyo.Name, "--to", "1.32"); err != nil {
		return err
	}
	if err := d.sandbox.Workloads[tokyo.Name].Upgrade(ctx, "1.32"); err != nil {
		return err
	}
	d.note("tokyo-1 answers as v1.32.0; nobody told addon-manager")
	tokyo.release = nth("1.32", "1")
	if err := d.await(ctx, tokyo); err != nil {
		return err
	}
	after, err := d.sandbox.Applications(ctx, tokyo.Name)
	if err != nil {
		return err
	}
	if err := sameApplications(before, after); err != nil {
		return err
	}
	d.note("they are the same %d Applications, with the same UIDs", len(after))
	return nil
}

// sameApplications is an error when one of them is gone, or is another one now.
func sameApplications(before, after map[string]sandbox.Application) error {
	for name, app := range before {
		if after[name].UID != app.UID {
			return fmt.Errorf("the Application %s has UID %q now, want %s as before", name, after[name].UID, app.UID)
		}
	}
	return nil
}

func look(ctx context.Context, d *demo) error {
	for _, command := range [][]string{
		{"addon-manager", "status"},
		{"kubectl", "-n", sandbox.Namespace, "get", "ca"},
		{"addon-manager", "explain", "tokyo-1", "cert-manager"},
	} {
		out, err := d.sandbox.Run(ctx, command[0], command[1:]...)
		if err != nil {
			return err
		}
		fmt.Printf("\n$ %s\n%s", strings.Join(command, " "), out)
	}
	fmt.Println()
	return d.nothingToDo(ctx)
}

// nothingToDo is an error when the plan for the fleet as it is would change anything.
func (d *demo) nothingToDo(ctx context.Context) error {
	out, err := d.sandbox.Run(ctx, "addon-manager", "plan", "-o", "json")
	if err != nil {
		return err
	}
	var plan struct {
		Pairs []struct{ Cluster, Addon, Action string }
	}
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	want := 0
	for _, m := range d.fleet {
		want += len(m.addons)
	}
	if len(plan.Pairs) != want {
		return fmt.Errorf("the plan has %d pairs, want %d", len(plan.Pairs), want)
	}
	for _, p := range plan.Pairs {
		if p.Action != "keep" {
			return fmt.Errorf("the plan wants to %s %s on %s; everything was delivered, so want keep", p.Action, p.Addon, p.Cluster)
		}
	}
	d.note("the plan has nothing to do: %d pairs, all kept", want)
	return nil
}
