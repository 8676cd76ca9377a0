package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// Source is the name of the CatalogSource that StartManager makes.
const Source = "addons"

// account is the ServiceAccount that deploy/ gives its rights to.
const account = "addon-manager"

// ManagerOptions say how addon-manager runs. The zero value is as deploy/ runs it, only quicker to look around.
type ManagerOptions struct {
	// Binary is the program; default is to build it.
	Binary string
	// Poll is how often it looks at the config repository, Probe how often at a cluster's Kubernetes version; default 2 s each.
	Poll, Probe time.Duration
	// Args are more arguments for `addon-manager run`.
	Args []string
	// Spec changes the CatalogSource before it is created; nil leaves it as it is: no groups, a grace of a second, and a budget that is no limit.
	Spec func(*v1alpha1.CatalogSourceSpec)
}

// Manager is a running addon-manager.
type Manager struct {
	*plane.Process
	// Binary is the program, for its other commands; Kubeconfig what it runs with, CacheDir where it keeps its mirror.
	Binary, Kubeconfig, CacheDir string
	// Config is what Kubeconfig holds: the way to the management cluster, with the rights of the ServiceAccount.
	Config *rest.Config

	metrics, probes *plane.Port
	args, env       []string
}

// StartManager installs what deploy/ ships, allows it this sandbox's config repository, and starts addon-manager beside it, with
// the rights of its ServiceAccount and no others. Only the Deployment is left out: the process stands for its Pod.
func (s *Sandbox) StartManager(ctx context.Context, o ManagerOptions) error {
	if o.Binary == "" {
		path, err := plane.Build(ctx, plane.Manager)
		if err != nil {
			return err
		}
		o.Binary = path
	}
	if err := s.installManager(ctx, o); err != nil {
		return fmt.Errorf("install addon-manager: %w", err)
	}
	if err := s.awaitPolicy(ctx); err != nil {
		return fmt.Errorf("install addon-manager: %w", err)
	}
	m, err := s.prepareManager(o, "addon-manager")
	if err != nil {
		return fmt.Errorf("start addon-manager: %w", err)
	}
	if err := s.Provide("addon-manager", m.Binary); err != nil {
		return err
	}
	s.Manager = m
	return m.Start(ctx)
}

// installManager applies deploy/ and a CatalogSource.
func (s *Sandbox) installManager(ctx context.Context, o ManagerOptions) error {
	root, err := plane.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "deploy"))
	if err != nil {
		return err
	}
	manifests, err := fit(objects, s.Config.URL)
	if err != nil {
		return err
	}
	source := &v1alpha1.CatalogSource{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "CatalogSource"},
		ObjectMeta: metav1.ObjectMeta{Name: Source, Namespace: Namespace},
		Spec: v1alpha1.CatalogSourceSpec{
			URL: s.Config.URL, PollInterval: &metav1.Duration{Duration: orSeconds(o.Poll)}, Project: "addons",
			Deletion: v1alpha1.Deletion{
				Grace:  &metav1.Duration{Duration: time.Second},
				Budget: v1alpha1.DeletionBudget{PerAddon: ptr.To(intstr.FromString("100%")), Fleet: ptr.To(intstr.FromString("100%"))},
			},
		},
	}
	if o.Spec != nil {
		o.Spec(&source.Spec)
	}
	return plane.Until(ctx, func(ctx context.Context) error { // the CRDs take a moment
		if err := Apply(ctx, s.Management.Config, bytes.NewReader(manifests)); err != nil {
			return err
		}
		return client.IgnoreAlreadyExists(s.Client("").Create(ctx, source.DeepCopy()))
	})
}

// fit is what deploy/ ships without its Pods, for a config repository at url.
func fit(objects resmap.ResMap, url string) ([]byte, error) {
	for _, o := range objects.Resources() {
		switch o.GetKind() {
		case "Deployment", "PodDisruptionBudget":
			if err := objects.Remove(o.CurId()); err != nil {
				return nil, err
			}
		case "AppProject":
			content, err := o.Map()
			if err != nil {
				return nil, err
			}
			content["spec"].(map[string]any)["sourceRepos"] = []any{url}
			text, err := json.Marshal(content)
			if err != nil {
				return nil, err
			}
			if err := o.UnmarshalJSON(text); err != nil {
				return nil, err
			}
		}
	}
	return objects.AsYaml()
}

// AnotherManager starts a second addon-manager beside the first, with the same rights and a mirror of its own. Whoever asks for it ends it.
func (s *Sandbox) AnotherManager(ctx context.Context, o ManagerOptions) (*Manager, error) {
	o.Binary = s.Manager.Binary
	m, err := s.prepareManager(o, "another-manager")
	if err == nil {
		err = m.Start(ctx)
	}
	return m, err
}

func (s *Sandbox) prepareManager(o ManagerOptions, name string) (*Manager, error) {
	dir := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o700); err != nil {
		return nil, err
	}
	m := &Manager{Binary: o.Binary, Kubeconfig: filepath.Join(dir, "kubeconfig"), CacheDir: filepath.Join(dir, "mirror")}
	user, err := s.Management.User("system:serviceaccount:"+Namespace+":"+account,
		"system:serviceaccounts", "system:serviceaccounts:"+Namespace, "system:authenticated")
	if err != nil {
		return nil, err
	}
	if err := m.Through(user); err != nil {
		return nil, err
	}
	m.Config = user
	for _, port := range []**plane.Port{&m.metrics, &m.probes} {
		if *port, err = plane.HoldPort(); err != nil {
			return nil, err
		}
	}
	m.args = append([]string{
		"run",
		"--kubeconfig=" + m.Kubeconfig,
		"--cache-dir=" + m.CacheDir,
		"--metrics-address=" + m.metrics.Addr(),
		"--probe-address=" + m.probes.Addr(),
		"--probe-interval=" + orSeconds(o.Probe).String(),
	}, o.Args...)
	m.env = []string{"HOME=" + dir, "TMPDIR=" + filepath.Join(dir, "tmp"), "PATH=" + os.Getenv("PATH")}
	m.Process = plane.NewProcess(plane.Command{
		Name: "addon-manager", Path: o.Binary, Dir: dir, Args: m.args, Env: m.env,
		Ready: func(ctx context.Context) error { return answers(ctx, "http://"+m.probes.Addr()+"/readyz") },
	})
	return m, nil
}

// Start starts addon-manager, again after a Stop or Kill, and waits until it is ready.
func (m *Manager) Start(ctx context.Context) error {
	m.metrics.Release() // it cannot share ports
	m.probes.Release()
	return m.Process.Start(ctx)
}

// Through lets it reach the management cluster in another way, such as a proxy, from its next Start on.
func (m *Manager) Through(config *rest.Config) error {
	return plane.WriteKubeconfig(m.Kubeconfig, account, config)
}

// With gives it these arguments besides its own, from its next Start on.
func (m *Manager) With(args ...string) { m.SetArgs(slices.Concat(m.args, args), m.env) }

// MetricsURL is where it serves its metrics.
func (m *Manager) MetricsURL() string { return "http://" + m.metrics.Addr() + "/metrics" }

func (m *Manager) stop() {
	m.Process.Kill()
	m.metrics.Release()
	m.probes.Release()
}

func orSeconds(d time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return 2 * time.Second
}
