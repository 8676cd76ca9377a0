package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
	"github.com/addon-manager/addon-manager/test/github"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// demo is one run.
type demo struct {
	dir          string
	manager, bot string // binaries of addon-manager and branch-bot; "" builds them
	fleet        []*member
	sandbox      *sandbox.Sandbox
	forge        *github.Server
	token        string // the bot's on the forge
	charts       *upstreams.Helm

	mu    sync.Mutex
	begin time.Time
}

func (d *demo) play(ctx context.Context, limit time.Duration) error {
	if _, err := sandbox.BuildTools(ctx, d.say); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %v (--timeout)", limit))
	defer cancel()
	if err := d.start(ctx); err != nil {
		return err
	}
	for i, s := range steps {
		d.say(fmt.Sprintf("%d/%d %s", i+1, len(steps), s.title))
		if err := s.do(ctx, d); err != nil {
			return fmt.Errorf("step %d, %s: %w\n%s", i+1, s.title, err, d.evidence())
		}
	}
	return nil
}

func (d *demo) start(ctx context.Context) error {
	root, err := plane.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	source, err := sandbox.ReferenceCatalog(root)
	if err != nil {
		return err
	}
	if source, err = d.followChart(source); err != nil {
		return err
	}
	workloads := make([]sandbox.Workload, len(d.fleet))
	minors := make([]string, len(d.fleet))
	for i, m := range d.fleet {
		workloads[i], minors[i] = m.Workload, m.Minor
	}
	d.sandbox, err = sandbox.Start(ctx, sandbox.Options{
		Dir: d.dir, ManagementNodes: 1, Workloads: workloads, Source: source, Minors: minors, Step: d.say,
	})
	if err != nil {
		return err
	}
	d.say("installing deploy/ and starting addon-manager, with the rights of its ServiceAccount")
	if d.bot == "" {
		var err error
		if d.bot, err = plane.Build(ctx, plane.Bot); err != nil {
			return err
		}
	}
	if err := d.sandbox.Provide("branch-bot", d.bot); err != nil {
		return err
	}
	if err := d.sandbox.StartManager(ctx, sandbox.ManagerOptions{Binary: d.manager, Spec: policy}); err != nil {
		return err
	}
	d.say("everything runs")
	return nil
}

// await waits until a cluster has exactly what it should, and says so.
func (d *demo) await(ctx context.Context, m *member) error {
	apps, err := d.sandbox.Await(ctx, m.wanted())
	if err != nil {
		return err
	}
	objects := 0
	for _, app := range apps {
		objects += len(app.Objects)
	}
	report, err := d.sandbox.Report(ctx, m.Name)
	if err != nil {
		return err
	}
	d.note("%s: Kubernetes %s, release %s, %s addons Synced and Healthy, %d objects there",
		m.Name, report.Status.KubernetesVersion, m.release, report.Status.Ready, objects)
	return nil
}

// awaitAll waits for several clusters at once.
func (d *demo) awaitAll(ctx context.Context, members ...*member) error {
	errs := make(chan error)
	for _, m := range members {
		go func() { errs <- d.await(ctx, m) }()
	}
	var failed error
	for range members {
		if err := <-errs; failed == nil {
			failed = err
		}
	}
	return failed
}

// show runs a command as a person would, and prints it with its output: from the line that begins with from, the whole of it with "".
func (d *demo) show(ctx context.Context, from, program string, args ...string) error {
	out, err := d.sandbox.Run(ctx, program, args...)
	if err != nil {
		return err
	}
	_, rest, found := strings.Cut("\n"+out, "\n"+from)
	if !found {
		return fmt.Errorf("%s %s: no line begins with %q in\n%s", program, strings.Join(args, " "), from, out)
	}
	var text strings.Builder
	for line := range strings.Lines(strings.TrimRight(from+rest, "\n")) {
		if line != "\n" {
			text.WriteString("\n             " + strings.TrimRight(line, "\n"))
		}
	}
	d.note("$ %s %s%s", program, strings.Join(args, " "), text.String())
	return nil
}

// label switches an addon on a cluster with kubectl.
func (d *demo) label(ctx context.Context, m *member, addon, value string) error {
	command, err := d.sandbox.Label(ctx, m.Name, addon, value)
	if err == nil {
		d.note("$ %s", command)
	}
	return err
}

// say prints a line of progress with the seconds since the beginning.
// glance is how often the demo looks whether what it waits for is there.
const glance = 200 * time.Millisecond

func (d *demo) say(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Printf("%6.1fs  %s\n", time.Since(d.begin).Seconds(), text)
}

// note prints a detail of a step.
func (d *demo) note(format string, args ...any) { d.say("    " + fmt.Sprintf(format, args...)) }

// evidence is what the programs that matter said last: whoever reads the failure should not have to look for it.
func (d *demo) evidence() string {
	var text strings.Builder
	s := d.sandbox
	for _, p := range []*plane.Process{s.Manager.Process, s.ArgoCD.ApplicationSetController, s.ArgoCD.ApplicationController} {
		fmt.Fprintf(&text, "\nlast lines of %s:\n", p.Log())
		for line := range strings.Lines(p.Tail(5) + "\n") {
			fmt.Fprintf(&text, "  %.200s\n", strings.TrimRight(line, "\n"))
		}
	}
	return text.String()
}

// invite prints what to try by hand.
func (d *demo) invite() {
	s := d.sandbox
	fmt.Printf(`
The sandbox runs until Ctrl-C, in %[1]s. In another terminal:

  export PATH=%[1]s/bin:$PATH                   # kubectl, addon-manager and branch-bot
  export KUBECONFIG=%[2]s    # the management cluster

Look:
  kubectl -n argocd get ca                      # cluster, Kubernetes, release, what is ready, what leaves, what holds it
  kubectl -n argocd get applications
  addon-manager status --cluster oslo-1
  addon-manager explain tokyo-1 cert-manager
  addon-manager rollout status                  # how far the release of each minor has come, group by group
  kubectl --kubeconfig %[3]s get pods -A        # in the cluster itself

Switch an addon on, and off again; it leaves %[5]v later, unless it is switched on before:
  kubectl -n argocd label secret paris-1 addons.kaas.dev/kube-state-metrics=enabled
  kubectl -n argocd label secret paris-1 addons.kaas.dev/kube-state-metrics-

Lose the labels again, and this time mean it:
  kubectl -n argocd label secrets --all addons.kaas.dev/node-exporter-
  addon-manager plan                            # the list and its hash
  addon-manager approve HASH

Have back what was left on paris-1:
  addon-manager adopt paris-1 policy-engine

Release a change to the clusters on 1.32, tokyo-1 first:
  git clone -b release-1.32 %[4]s catalog && cd catalog
  # change something under addons/, then
  git commit -am "Change something" && branch-bot diff --repository . --base v1.32-ake.4 --head HEAD
  git tag -a v1.32-ake.5 -m "Fifth release" && git push origin HEAD v1.32-ake.5
  addon-manager rollout halt v1.32-ake.5        # or: resume, rollback, emergency

Read the pull requests, merge, and let branch-bot go on:
  %[6]s/pulls
  export BRANCH_BOT_TOKEN=%[7]s
  branch-bot reconcile --repository %[6]s.git --apply

Keep a cluster as it is, ask whether it could be upgraded, and give it up:
  addon-manager pin paris-1 --to v1.32-ake.2 --reason "trade fair" --owner me@example.com --for 1h
  addon-manager can-upgrade paris-1 --to 1.33
  addon-manager decommission oslo-1 --mode=prune

`, s.Dir, s.Management.Kubeconfig, s.Workloads["tokyo-1"].Kubeconfig, s.Config.Repo.Dir, grace, d.page(), d.token)
}

func (d *demo) stop() {
	if d.forge != nil {
		d.forge.Close()
	}
	if d.sandbox != nil {
		d.sandbox.Stop()
	}
	if d.charts != nil {
		d.charts.Close()
	}
}
