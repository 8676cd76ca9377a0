package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// member is one workload cluster of the demo and what it should have. Steps change it as the story goes on.
type member struct {
	sandbox.Workload
	release string
	labels  []string // switched on when it is registered
	addons  []string // what it has then; those that every cluster has come on top
}

// everywhere is what the catalog gives every cluster: enabled always, or by default.
var everywhere = []string{"coredns-autoscaler", "gateway-api-crds", "network-policies", "priority-classes", "prometheus-operator-crds"}

// fleet is one cluster for each minor. Left out of the demo is metrics-server only: no container runs, so no API answers behind it.
func fleet() []*member {
	with := func(name, minor string, addons ...string) *member {
		return &member{
			Workload: sandbox.Workload{Name: name, Minor: minor, Nodes: 2}, release: first(minor),
			labels: addons, addons: append(slices.Clone(everywhere), addons...),
		}
	}
	return []*member{
		with("tokyo-1", "1.31", "csi-cinder-legacy", "external-dns", "kube-state-metrics", "node-exporter"),
		with("paris-1", "1.32", "control-plane-alerts", "log-forwarder", "policy-engine"),
		with("oslo-1", "1.33", "baseline-policies", "cluster-autoscaler", "csi-cinder", "node-auto-repair", "policy-engine"),
	}
}

func first(minor string) string { return "v" + minor + "-" + sandbox.Distribution + ".1" }

func (m *member) wanted() sandbox.Delivery {
	return sandbox.Delivery{Cluster: m.Name, Release: m.release, Addons: slices.Clone(m.addons)}
}

func (m *member) without(addon string) {
	m.addons = slices.DeleteFunc(m.addons, func(a string) bool { return a == addon })
}

// step is one thing to show.
type step struct {
	title string
	do    func(context.Context, *demo) error
}

// steps are shown in this order once the sandbox runs. Each waits until what it did has taken effect.
var steps = []step{
	{"registering three clusters with Argo CD, with labels that switch addons on", register},
	{"switching an addon on", switchOn},
	{"switching an addon off that takes its objects along (onDisable: prune)", switchOffPrune},
	{"switching an addon off whose objects stay (onDisable: retain)", switchOffRetain},
	{"releasing a change on release-1.31", release},
	{"upgrading a cluster from Kubernetes 1.31 to 1.32", upgrade},
	{"looking at the result", look},
}

func register(ctx context.Context, d *demo) error {
	for _, m := range d.fleet {
		if err := d.sandbox.Register(ctx, m.Name, sandbox.Switches(m.labels...), nil); err != nil {
			return err
		}
		d.note("%s on Kubernetes %s, switched on: %s", m.Name, m.Minor, strings.Join(m.labels, " "))
	}
	errs := make(chan error)
	for _, m := range d.fleet {
		go func() { errs <- d.await(ctx, m) }()
	}
	var failed error
	for range d.fleet {
		if err := <-errs; failed == nil {
			failed = err
		}
	}
	return failed
}

func switchOn(ctx context.Context, d *demo) error {
	tokyo := d.fleet[0]
	if err := d.label(ctx, tokyo, "cert-manager", "enabled"); err != nil {
		return err
	}
	tokyo.addons = append(tokyo.addons, "cert-manager")
	return d.await(ctx, tokyo)
}

func switchOffPrune(ctx context.Context, d *demo) error {
	return d.switchOff(ctx, d.fleet[0], "kube-state-metrics", false)
}

func switchOffRetain(ctx context.Context, d *demo) error {
	return d.switchOff(ctx, d.fleet[1], "policy-engine", true)
}

func (d *demo) switchOff(ctx context.Context, m *member, addon string, objectsStay bool) error {
	app, err := d.sandbox.Application(ctx, m.Name+"-"+addon)
	if err != nil {
		return err
	}
	if err := d.label(ctx, m, addon, ""); err != nil {
		return err
	}
	if err := d.sandbox.AwaitGone(ctx, app, objectsStay); err != nil {
		return err
	}
	fate := "gone with it"
	if objectsStay {
		fate = "still in the cluster"
	}
	d.note("Application %s is gone; its %d objects are %s", app.Name, len(app.Objects), fate)
	m.without(addon)
	return d.await(ctx, m)
}

const news = `apiVersion: v1
kind: ConfigMap
metadata:
  name: platform-news
data:
  text: Pods in this namespace are closed to the outside unless a NetworkPolicy opens them.
`

func release(ctx context.Context, d *demo) error {
	tokyo := d.fleet[0]
	if _, err := d.sandbox.Config.Commit("1.31", "Tell people why", gitrepo.File("addons/network-policies/news.yaml", news)); err != nil {
		return err
	}
	tag, err := d.sandbox.Config.Tag("1.31")
	if err != nil {
		return err
	}
	d.note("committed a ConfigMap to addons/network-policies and tagged %s", tag)
	tokyo.release = tag
	if err := d.await(ctx, tokyo); err != nil {
		return err
	}
	app, err := d.sandbox.Application(ctx, "tokyo-1-network-policies")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(app.Objects, func(o sandbox.Object) bool { return o.Name == "platform-news" }) {
		return fmt.Errorf("tokyo-1 has no ConfigMap platform-news after the move to %s", tag)
	}
	d.note("ConfigMap default/platform-news is in tokyo-1")
	return nil
}

func upgrade(ctx context.Context, d *demo) error {
	tokyo := d.fleet[0]
	before, err := d.sandbox.Applications(ctx, tokyo.Name)
	if err != nil {
		return err
	}
	if err := d.sandbox.Workloads[tokyo.Name].Upgrade(ctx, "1.32"); err != nil {
		return err
	}
	d.note("tokyo-1 answers as v1.32.0; nobody told addon-manager")
	tokyo.release = first("1.32")
	if err := d.await(ctx, tokyo); err != nil {
		return err
	}
	after, err := d.sandbox.Applications(ctx, tokyo.Name)
	if err != nil {
		return err
	}
	for name, app := range before {
		if after[name].UID != app.UID {
			return fmt.Errorf("the Application %s has UID %s after the upgrade, want %s as before", name, after[name].UID, app.UID)
		}
	}
	d.note("they are the same %d Applications, with the same UIDs", len(after))
	return nil
}

func look(ctx context.Context, d *demo) error {
	for _, command := range [][]string{
		{"addon-manager", "status"},
		{"kubectl", "-n", sandbox.Namespace, "get", "ca"},
		{"addon-manager", "explain", "tokyo-1", "cert-manager"},
		{"addon-manager", "plan", "--repository", d.sandbox.Config.URL},
	} {
		out, err := d.sandbox.Run(ctx, command[0], command[1:]...)
		if err != nil {
			return err
		}
		if command[1] == "plan" { // the same list as status once more; its sum is enough
			out = "…\n" + out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]
		}
		fmt.Printf("\n$ %s\n%s", strings.Join(command, " "), out)
	}
	fmt.Println()
	return d.nothingToDo(ctx)
}

// nothingToDo is an error when the plan for the fleet as it is would change anything.
func (d *demo) nothingToDo(ctx context.Context) error {
	out, err := d.sandbox.Run(ctx, "addon-manager", "plan", "--repository", d.sandbox.Config.URL, "-o", "json")
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
