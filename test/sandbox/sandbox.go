// Package sandbox puts a whole delivery chain on loopback: a management control plane, workload control planes on several
// Kubernetes minors, Argo CD, and a config repository served over Git. Everything is real except the nodes; everything is a
// child process, under one folder, on free ports, so several sandboxes can run at once. The demo and the end-to-end tests
// are its users.
//
// What is simulated shows in three places: no container runs, so nothing answers behind a Service (an APIService stays
// unavailable, a webhook cannot be called); pods are Running as soon as they are scheduled; volumes are never bound.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// Options say what a sandbox consists of.
type Options struct {
	// Dir is an existing folder for everything that is written.
	Dir string
	// ManagementNodes is how many nodes the management cluster has, for addons that are placed there; 0 is none, and then its
	// Deployments never become Available.
	ManagementNodes int
	// Workloads are the clusters that receive addons. They are started, and registered only when Register is called.
	Workloads []Workload
	// Source is the content of the config repository, Minors the release branches it begins with.
	Source fs.FS
	Minors []string
	// ArgoCD settings; its zero value is all of Argo CD.
	ArgoCD ArgoCDOptions
	// Step is told what begins; nil is silent. It is called from several goroutines.
	Step func(text string)
}

// Workload is one workload cluster to start.
type Workload struct {
	Name  string
	Minor string // such as "1.31"
	Nodes int    // 0 is etcd and apiserver only: quick, and enough for ConfigMaps and CRDs
}

// Sandbox is a running sandbox.
type Sandbox struct {
	Dir        string
	Management *plane.ControlPlane
	Workloads  map[string]*plane.ControlPlane
	ArgoCD     *ArgoCD
	Config     *ConfigRepository
	Manager    *Manager // nil until StartManager
	Tools      Tools
	Kubectl    string // a kubectl for people who have none
	// Environment is what programs that Run runs get besides.
	Environment []string

	clients map[string]client.Client // by cluster; "" is the management cluster
}

// Start builds what is missing and starts everything, as much as possible at once. When something fails, all of it is
// stopped again and the error has the last lines of the log that matters.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Step == nil {
		o.Step = func(string) {}
	}
	tools, err := BuildTools(ctx, o.Step)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{
		Dir: dir, Workloads: map[string]*plane.ControlPlane{}, Tools: tools, Kubectl: filepath.Join(dir, "bin", "kubectl"),
		clients: map[string]client.Client{},
	}
	if err := os.Mkdir(filepath.Dir(s.Kubectl), 0o700); err != nil {
		return nil, err
	}
	if err := os.Symlink(tools.Plane, s.Kubectl); err != nil {
		return nil, err
	}
	if err := s.start(ctx, o, tools); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Sandbox) start(ctx context.Context, o Options, tools Tools) error {
	var parts parallel
	parts.do(func() error {
		o.Step("starting the management cluster")
		cp, err := s.controlPlane(ctx, tools, Workload{Name: "management", Nodes: o.ManagementNodes})
		if err != nil {
			return err
		}
		s.Management = cp
		o.Step("starting Argo CD")
		s.ArgoCD, err = StartArgoCD(ctx, cp, tools, o.ArgoCD, filepath.Join(s.Dir, "argocd"))
		return err
	})
	parts.do(func() error {
		if o.Source == nil {
			return nil
		}
		o.Step("serving the config repository")
		var err error
		s.Config, err = ServeConfigRepository(filepath.Join(s.Dir, "git"), o.Source, o.Minors)
		return err
	})
	started := make([]*plane.ControlPlane, len(o.Workloads))
	for i, w := range o.Workloads {
		parts.do(func() error {
			o.Step(fmt.Sprintf("starting workload cluster %s, Kubernetes %s", w.Name, w.Minor))
			var err error
			started[i], err = s.controlPlane(ctx, tools, w)
			return err
		})
	}
	err := parts.wait()
	for i, cp := range started {
		if cp != nil {
			s.Workloads[o.Workloads[i].Name] = cp
		}
	}
	if err != nil {
		return err
	}
	return s.connect()
}

// connect makes the clients that the methods of Sandbox share.
func (s *Sandbox) connect() error {
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	all := map[string]*plane.ControlPlane{"": s.Management}
	maps.Copy(all, s.Workloads)
	for name, cp := range all {
		c, err := client.New(cp.Config, client.Options{Scheme: scheme})
		if err != nil {
			return err
		}
		s.clients[name] = c
	}
	return nil
}

// Client is a client with full rights of a workload cluster, or with "" of the management cluster.
func (s *Sandbox) Client(cluster string) client.Client { return s.clients[cluster] }

func (s *Sandbox) controlPlane(ctx context.Context, tools Tools, w Workload) (*plane.ControlPlane, error) {
	dir := filepath.Join(s.Dir, w.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return plane.StartControlPlane(ctx, plane.Options{
		Dir: dir, Name: w.Name, Binary: tools.Plane,
		Minor: w.Minor, Nodes: w.Nodes, ControllerManager: w.Nodes > 0, Scheduler: w.Nodes > 0,
	})
}

// Processes are all child processes.
func (s *Sandbox) Processes() []*plane.Process {
	all := append(s.Management.Processes(), s.ArgoCD.Processes()...)
	if s.Manager != nil {
		all = append(all, s.Manager.Process)
	}
	for _, cp := range s.Workloads {
		all = append(all, cp.Processes()...)
	}
	return all
}

// Stop ends every process. The folder stays.
func (s *Sandbox) Stop() {
	if s.Manager != nil {
		s.Manager.stop()
	}
	if s.ArgoCD != nil {
		s.ArgoCD.Stop()
	}
	if s.Config != nil {
		s.Config.Stop()
	}
	var parts parallel
	for _, cp := range s.Workloads {
		parts.do(func() error { cp.Stop(); return nil })
	}
	if s.Management != nil {
		s.Management.Stop()
	}
	_ = parts.wait() // none of them fails
}

// parallel runs functions at once and joins their errors.
type parallel struct {
	group sync.WaitGroup
	mu    sync.Mutex
	errs  []error
}

func (p *parallel) do(f func() error) {
	p.group.Go(func() {
		if err := f(); err != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.errs = append(p.errs, err)
		}
	})
}

func (p *parallel) wait() error {
	p.group.Wait()
	return errors.Join(p.errs...)
}
