package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"testing/fstest"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// clusters are the workload clusters of the demo: one for each minor.
var clusters = []sandbox.Workload{
	{Name: "tokyo-1", Minor: "1.31", Nodes: 2},
	{Name: "paris-1", Minor: "1.32", Nodes: 2},
	{Name: "lima-1", Minor: "1.33", Nodes: 2},
}

// demo is one run.
type demo struct {
	dir     string
	sandbox *sandbox.Sandbox

	mu    sync.Mutex
	begin time.Time
}

// step is one thing to show.
type step struct {
	title string
	do    func(context.Context, *demo) error
}

// steps are shown in this order once the sandbox runs. Each waits until what it did has taken effect.
var steps = []step{
	{"registering the clusters with Argo CD", register},
	{"delivering addons to every cluster", deliver},
	{"tagging a new release on 1.31 and moving to it", release},
}

func (d *demo) play(ctx context.Context, limit time.Duration) error {
	if _, err := sandbox.BuildTools(ctx, d.say); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %v (--timeout)", limit))
	defer cancel()
	source, err := catalog(ctx)
	if err != nil {
		return err
	}
	d.sandbox, err = sandbox.Start(ctx, sandbox.Options{
		Dir:             d.dir,
		ManagementNodes: 1,
		Workloads:       clusters,
		Source:          source,
		Minors:          []string{"1.31", "1.32", "1.33"},
		Step:            d.say,
	})
	if err != nil {
		return err
	}
	d.say("everything runs")
	for _, s := range steps {
		d.say(s.title)
		if err := s.do(ctx, d); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
	}
	return nil
}

func register(ctx context.Context, d *demo) error {
	for _, c := range clusters {
		if err := d.sandbox.Register(ctx, c.Name, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// say prints a line of progress with the seconds since the beginning.
func (d *demo) say(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Printf("%6.1fs  %s\n", time.Since(d.begin).Seconds(), text)
}

// invite prints what to try by hand.
func (d *demo) invite() {
	s := d.sandbox
	fmt.Printf("\nThe sandbox runs until Ctrl-C, in %s. To look around in another terminal:\n\n", s.Dir)
	fmt.Printf("  alias kubectl=%s\n", s.Kubectl)
	fmt.Printf("  export KUBECONFIG=%s    # the management cluster\n", s.Management.Kubeconfig)
	fmt.Printf("  kubectl -n argocd get applications\n\n")
	for _, name := range slices.Sorted(maps.Keys(s.Workloads)) {
		fmt.Printf("  kubectl --kubeconfig %s get nodes,pods -A\n", s.Workloads[name].Kubeconfig)
	}
	fmt.Printf("\n  git clone %s\n", s.Config.URL)
}

func (d *demo) stop() {
	if d.sandbox != nil {
		d.sandbox.Stop()
	}
}

// catalog is this repository's own catalog and addons: what a config repository holds.
func catalog(ctx context.Context) (fs.FS, error) {
	root, err := plane.ModuleRoot(ctx)
	if err != nil {
		return nil, err
	}
	all, tree := fstest.MapFS{}, os.DirFS(root)
	for _, name := range []string{"catalog.yaml", "addons"} {
		err := fs.WalkDir(tree, name, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(tree, path)
			all[path] = &fstest.MapFile{Data: content}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
