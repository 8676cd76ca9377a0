package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// demo is one run.
type demo struct {
	dir     string
	manager string // binary of addon-manager; "" builds it
	fleet   []*member
	sandbox *sandbox.Sandbox

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
	if err := d.sandbox.StartManager(ctx, sandbox.ManagerOptions{Binary: d.manager}); err != nil {
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

// label switches an addon on a cluster with kubectl.
func (d *demo) label(ctx context.Context, m *member, addon, value string) error {
	command, err := d.sandbox.Label(ctx, m.Name, addon, value)
	if err == nil {
		d.note("$ %s", command)
	}
	return err
}

// say prints a line of progress with the seconds since the beginning.
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

  export PATH=%[1]s/bin:$PATH                   # kubectl and addon-manager
  export KUBECONFIG=%[2]s    # the management cluster

Look:
  kubectl -n argocd get ca                      # cluster, Kubernetes, release, what is ready, what holds it
  kubectl -n argocd get applications
  addon-manager status --cluster oslo-1
  addon-manager explain tokyo-1 cert-manager
  kubectl --kubeconfig %[3]s get pods -A        # in the cluster itself

Switch an addon on, and off again:
  kubectl -n argocd label secret paris-1 addons.kaas.dev/node-exporter=enabled
  kubectl -n argocd label secret paris-1 addons.kaas.dev/node-exporter-

Release a change to the clusters on 1.32:
  git clone -b release-1.32 %[4]s catalog && cd catalog
  # change something under addons/, then
  git commit -am "Change something" && git tag -a v1.32-ake.2 -m "Second release" && git push origin HEAD v1.32-ake.2

`, s.Dir, s.Management.Kubeconfig, s.Workloads["tokyo-1"].Kubeconfig, s.Config.Repo.Dir)
}

func (d *demo) stop() {
	if d.sandbox != nil {
		d.sandbox.Stop()
	}
}
