package plane

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/client-go/rest"
)

// Options say what a control plane consists of. The zero value is etcd and kube-apiserver.
type Options struct {
	// Dir is where data, certificates, logs and the kubeconfig go. It must exist.
	Dir string
	// Name is used in the kubeconfig and in errors; default "plane".
	Name string
	// Binary is the plane binary; default is to build it.
	Binary string
	// Minor is the Kubernetes minor to emulate, such as "1.31"; default is that of the built-in modules.
	Minor string
	// Version is the gitVersion that /version shows; default v<Minor>.0 with a Minor, else that of the built-in modules.
	Version string
	// ControllerManager and Scheduler run the real ones. With a controller manager, service accounts are admitted as on a real cluster.
	ControllerManager, Scheduler bool
	// Nodes is how many simulated nodes run what the scheduler gives them; 0 is none.
	Nodes int
	// APIServerArgs are more arguments for kube-apiserver.
	APIServerArgs []string
}

// ControlPlane is a running Kubernetes control plane.
type ControlPlane struct {
	Name       string
	Dir        string
	Kubeconfig string       // a file with full rights
	Config     *rest.Config // the same, for clients; without client-side rate limit
	Token      string       // of a member of system:masters
	CA         []byte       // PEM

	// The processes, to be stopped, killed and paused one by one; nil where Options left them out.
	Etcd, APIServer, ControllerManager, Scheduler, Kubelet *Process

	options   Options
	authority *authority
	ports     struct{ etcd, peer, apiserver *Port }
}

// StartControlPlane starts a control plane and waits until it is ready. What it has started is stopped when it fails.
func StartControlPlane(ctx context.Context, o Options) (*ControlPlane, error) {
	cp, err := prepare(ctx, o)
	if err == nil {
		err = cp.start(ctx)
	}
	if err != nil {
		if cp != nil {
			cp.Stop()
		}
		return nil, fmt.Errorf("control plane %q: %w", o.Name, err)
	}
	return cp, nil
}

func prepare(ctx context.Context, o Options) (*ControlPlane, error) {
	if o.Name == "" {
		o.Name = "plane"
	}
	if o.Binary == "" {
		path, err := Build(ctx, Plane)
		if err != nil {
			return nil, err
		}
		o.Binary = path
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	cp := &ControlPlane{Name: o.Name, Dir: dir, Kubeconfig: filepath.Join(dir, "kubeconfig"), options: o}
	for _, port := range []**Port{&cp.ports.etcd, &cp.ports.peer, &cp.ports.apiserver} {
		if *port, err = HoldPort(); err != nil {
			return cp, err
		}
	}
	return cp, cp.credentials()
}

func (cp *ControlPlane) credentials() error {
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	cp.Token = hex.EncodeToString(secret)
	ca, err := newAuthority(cp.Name)
	if err != nil {
		return err
	}
	cp.authority, cp.CA = ca, ca.pem
	serving, err := ca.serving("kube-apiserver")
	if err != nil {
		return err
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	signerPEM, err := encodeKey(signer)
	if err != nil {
		return err
	}
	cp.Config = &rest.Config{
		Host:            "https://" + cp.ports.apiserver.Addr(),
		BearerToken:     cp.Token,
		TLSClientConfig: rest.TLSClientConfig{CAData: ca.pem},
		QPS:             -1, // the server's own limits are the ones to meet
	}
	if err := WriteKubeconfig(cp.Kubeconfig, cp.Name, cp.Config); err != nil {
		return err
	}
	return writeFiles(cp.Dir, map[string][]byte{
		"ca.crt":              ca.pem,
		"apiserver.crt":       serving.cert,
		"apiserver.key":       serving.key,
		"service-account.key": signerPEM,
		"tokens.csv":          []byte(cp.Token + `,admin,admin,"system:masters"` + "\n"),
	})
}

func (cp *ControlPlane) start(ctx context.Context) error {
	var err error
	if cp.Etcd, err = StartProcess(ctx, cp.command("etcd", cp.etcdArgs(), cp.etcdReady)); err != nil {
		return err
	}
	if cp.APIServer, err = StartProcess(ctx, cp.command("kube-apiserver", cp.apiServerArgs(), cp.ready)); err != nil {
		return err
	}
	type part struct {
		wanted  bool
		process **Process
		command Command
	}
	return together([]part{
		{cp.options.ControllerManager, &cp.ControllerManager, cp.command("kube-controller-manager", cp.controllerManagerArgs(), cp.controllerManagerReady)},
		{cp.options.Scheduler, &cp.Scheduler, cp.command("kube-scheduler", cp.schedulerArgs(), nil)},
		{cp.options.Nodes > 0, &cp.Kubelet, cp.command("kubelet", cp.kubeletArgs(), cp.kubeletReady)},
	}, func(p part) error {
		if !p.wanted {
			return nil
		}
		var err error
		*p.process, err = StartProcess(ctx, p.command)
		return err
	})
}

// User returns a client configuration for another user, proven by a client certificate. It has the rights that RBAC gives it.
func (cp *ControlPlane) User(name string, groups ...string) (*rest.Config, error) {
	pair, err := cp.authority.client(name, groups...)
	if err != nil {
		return nil, fmt.Errorf("certificate for user %q: %w", name, err)
	}
	config := rest.CopyConfig(cp.Config)
	config.BearerToken = ""
	config.CertData, config.KeyData = pair.cert, pair.key
	return config, nil
}

// Restart ends the API server and starts it again: same address, same data.
func (cp *ControlPlane) Restart(ctx context.Context) error {
	cp.APIServer.Stop()
	return cp.APIServer.Start(ctx)
}

// Upgrade restarts the control plane as another minor, such as "1.32"; up or down. The data stays.
func (cp *ControlPlane) Upgrade(ctx context.Context, minor string) error {
	cp.options.Minor, cp.options.Version = minor, ""
	for _, c := range []struct {
		process *Process
		args    func() []string
	}{
		{cp.APIServer, cp.apiServerArgs},
		{cp.ControllerManager, cp.controllerManagerArgs},
		{cp.Scheduler, cp.schedulerArgs},
	} {
		if c.process == nil {
			continue
		}
		c.process.Stop()
		c.process.SetArgs(append([]string{c.process.Name()}, c.args()...), cp.env())
		if err := c.process.Start(ctx); err != nil {
			return fmt.Errorf("upgrade %s to %s: %w", cp.Name, minor, err)
		}
	}
	return nil
}

// Processes are those that Options asked for.
func (cp *ControlPlane) Processes() []*Process {
	var all []*Process
	for _, p := range []*Process{cp.Etcd, cp.APIServer, cp.ControllerManager, cp.Scheduler, cp.Kubelet} {
		if p != nil {
			all = append(all, p)
		}
	}
	return all
}

// Stop ends everything. What it wrote stays in Dir.
func (cp *ControlPlane) Stop() {
	_ = together([]*Process{cp.Kubelet, cp.Scheduler, cp.ControllerManager}, end)
	_ = end(cp.APIServer) // before etcd, or it would wait for it
	_ = end(cp.Etcd)
	for _, port := range []*Port{cp.ports.etcd, cp.ports.peer, cp.ports.apiserver} {
		if port != nil {
			port.Release()
		}
	}
}

// end stops a process of a control plane for good; nothing it could still save is wanted.
func end(p *Process) error {
	if p != nil {
		p.Kill()
	}
	return nil
}

func (cp *ControlPlane) command(program string, args []string, ready func(context.Context) error) Command {
	return Command{
		Name:  program,
		Path:  cp.options.Binary,
		Args:  append([]string{program}, args...),
		Env:   cp.env(),
		Dir:   cp.Dir,
		Ready: ready,
	}
}

// env keeps everything from the user's own files: HOME is ours.
func (cp *ControlPlane) env() []string {
	env := []string{"HOME=" + cp.Dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + cp.Dir}
	if v := cp.gitVersion(); v != "" {
		env = append(env, "PLANE_KUBERNETES_VERSION="+v)
	}
	return env
}

func (cp *ControlPlane) gitVersion() string {
	switch {
	case cp.options.Version != "":
		return cp.options.Version
	case cp.options.Minor != "":
		return "v" + cp.options.Minor + ".0"
	}
	return ""
}

func (cp *ControlPlane) etcdReady(ctx context.Context) error {
	return get(ctx, http.DefaultClient, "http://"+cp.ports.etcd.Addr()+"/health")
}

// ready wants more than /readyz: the namespaces every cluster has appear a moment later.
func (cp *ControlPlane) ready(ctx context.Context) error {
	return errors.Join(cp.Get(ctx, "/readyz"), cp.Get(ctx, "/api/v1/namespaces/default"), cp.Get(ctx, "/api/v1/namespaces/kube-system"))
}

// controllerManagerReady takes the first thing it makes for evidence.
func (cp *ControlPlane) controllerManagerReady(ctx context.Context) error {
	return cp.Get(ctx, "/api/v1/namespaces/default/serviceaccounts/default")
}

func (cp *ControlPlane) kubeletReady(ctx context.Context) error {
	return cp.Get(ctx, fmt.Sprintf("/api/v1/nodes/%s-%d", cp.Name, cp.options.Nodes))
}

// Get asks the API server for a path and wants a 200.
func (cp *ControlPlane) Get(ctx context.Context, path string) error {
	client, err := rest.HTTPClientFor(cp.Config)
	if err != nil {
		return err
	}
	return get(ctx, client, cp.Config.Host+path)
}

func get(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 512))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %.200q", url, response.Status, body)
	}
	return nil
}

// together does the same to all at once, and waits for all.
func together[T any](all []T, do func(T) error) error {
	errs := make([]error, len(all))
	var group sync.WaitGroup
	for i, one := range all {
		group.Go(func() { errs[i] = do(one) })
	}
	group.Wait()
	return errors.Join(errs...)
}
