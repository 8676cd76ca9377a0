package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// Namespace is where Argo CD lives, and everything written for it.
const Namespace = "argocd"

// ArgoCDOptions say how Argo CD runs. The zero value is all of it, quick to react.
type ArgoCDOptions struct {
	// Resync is how often Argo CD looks at an Application that nothing changed; default 10 s.
	Resync time.Duration
	// ApplicationSetOnly leaves out everything but the ApplicationSet controller.
	ApplicationSetOnly bool
	// Settings are more keys for ConfigMap argocd-cm.
	Settings map[string]string
}

// ArgoCD is Argo CD's controllers, each to be stopped, killed, paused and started alone; nil where options left them out.
type ArgoCD struct {
	Redis, RepoServer, ApplicationController, ApplicationSetController *plane.Process

	dir   string
	tools Tools
	mgmt  *plane.ControlPlane
	ports struct{ redis, repo, repoMetrics, appMetrics, setProbe, setWebhook *plane.Port }
}

// StartArgoCD installs Argo CD's CRDs and settings into the management cluster and starts its controllers. Files go to dir.
func StartArgoCD(ctx context.Context, mgmt *plane.ControlPlane, tools Tools, o ArgoCDOptions, dir string) (*ArgoCD, error) {
	if o.Resync == 0 {
		o.Resync = 10 * time.Second
	}
	a := &ArgoCD{dir: dir, tools: tools, mgmt: mgmt}
	err := installArgoCD(ctx, mgmt, o)
	if err == nil {
		err = a.start(ctx, o)
	}
	if err != nil {
		a.Stop()
		return nil, fmt.Errorf("argo cd: %w", err)
	}
	return a, nil
}

func (a *ArgoCD) start(ctx context.Context, o ArgoCDOptions) error {
	for _, sub := range []string{"bin", "tmp", "ssh", "tls"} {
		if err := os.MkdirAll(filepath.Join(a.dir, sub), 0o700); err != nil {
			return err
		}
	}
	// repo-server finds its programs by name on PATH.
	for name, path := range map[string]string{"helm": a.tools.Helm, "kustomize": a.tools.Kustomize} {
		if err := os.Symlink(path, filepath.Join(a.dir, "bin", name)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	p := &a.ports
	for _, port := range []**plane.Port{&p.redis, &p.repo, &p.repoMetrics, &p.appMetrics, &p.setProbe, &p.setWebhook} {
		var err error
		if *port, err = plane.HoldPort(); err != nil {
			return err
		}
	}
	var parts parallel
	if !o.ApplicationSetOnly {
		parts.do(func() (err error) {
			a.Redis, err = a.run(ctx, "redis", a.redisReady, a.redisArgs(), p.redis)
			return err
		})
		parts.do(func() (err error) {
			a.RepoServer, err = a.run(ctx, "argocd-repo-server", a.repoServerReady, a.repoServerArgs(), p.repo, p.repoMetrics)
			return err
		})
		parts.do(func() (err error) {
			a.ApplicationController, err = a.run(ctx, "argocd-application-controller", a.applicationControllerReady,
				a.applicationControllerArgs(o.Resync), p.appMetrics)
			return err
		})
	}
	parts.do(func() (err error) {
		a.ApplicationSetController, err = a.run(ctx, "argocd-applicationset-controller", a.applicationSetControllerReady,
			a.applicationSetControllerArgs(), p.setProbe, p.setWebhook)
		return err
	})
	return parts.wait()
}

// attempts is for a port that somebody takes in the moment between its release and the program's listening: Argo CD's
// programs cannot share ports.
const attempts = 3

func (a *ArgoCD) run(
	ctx context.Context, program string, ready func(context.Context) error, args []string, ports ...*plane.Port,
) (*plane.Process, error) {
	command := plane.Command{
		Name: program, Path: a.tools.Plane, Args: append([]string{program}, args...), Env: a.env(), Dir: a.dir, Ready: ready,
	}
	for attempt := 1; ; attempt++ {
		for _, port := range ports {
			port.Release()
		}
		process, err := plane.StartProcess(ctx, command)
		if err == nil || attempt == attempts || !strings.Contains(err.Error(), "address already in use") {
			return process, err
		}
	}
}

// Processes are those that options asked for.
func (a *ArgoCD) Processes() []*plane.Process {
	var all []*plane.Process
	for _, p := range []*plane.Process{a.ApplicationSetController, a.ApplicationController, a.RepoServer, a.Redis} {
		if p != nil {
			all = append(all, p)
		}
	}
	return all
}

// Stop ends all of Argo CD. What it delivered stays.
func (a *ArgoCD) Stop() {
	var parts parallel
	for _, process := range a.Processes() {
		parts.do(func() error { process.Kill(); return nil })
	}
	_ = parts.wait() // none of them fails
	p := a.ports
	for _, port := range []*plane.Port{p.redis, p.repo, p.repoMetrics, p.appMetrics, p.setProbe, p.setWebhook} {
		if port != nil {
			port.Release()
		}
	}
}

// WebhookURL is where the ApplicationSet controller takes webhooks from Git servers.
func (a *ArgoCD) WebhookURL() string { return "http://" + a.ports.setWebhook.Addr() + "/api/webhook" }

func (a *ArgoCD) env() []string {
	return []string{
		"HOME=" + a.dir,
		"KUBECONFIG=" + a.mgmt.Kubeconfig, // the ApplicationSet controller reads its flag only half
		"TMPDIR=" + filepath.Join(a.dir, "tmp"),
		"PATH=" + filepath.Join(a.dir, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
		"ARGOCD_FAKE_IN_CLUSTER=true", // in-cluster is what KUBECONFIG says: there is no Pod here
		"ARGOCD_GPG_ENABLED=false",
		"ARGOCD_SSH_DATA_PATH=" + filepath.Join(a.dir, "ssh"),
		"ARGOCD_TLS_DATA_PATH=" + filepath.Join(a.dir, "tls"),
		"ARGOCD_PLUGINSOCKFILEPATH=" + filepath.Join(a.dir, "plugins"),
		"ARGOCD_ASK_PASS_SOCK=" + filepath.Join(a.dir, "askpass.sock"),
		"ARGOCD_K8S_CLIENT_QPS=1000",
		"ARGOCD_K8S_CLIENT_BURST=2000",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
	}
}

func (a *ArgoCD) redisArgs() []string { return []string{"--addr=" + a.ports.redis.Addr()} }

func (a *ArgoCD) repoServerArgs() []string {
	return []string{
		"--address=127.0.0.1",
		"--port=" + a.ports.repo.String(),
		"--metrics-address=127.0.0.1",
		"--metrics-port=" + a.ports.repoMetrics.String(),
		"--redis=" + a.ports.redis.Addr(),
		"--disable-tls",
		"--revision-cache-expiration=5s", // a moved tag or branch is seen soon
	}
}

func (a *ArgoCD) applicationControllerArgs(resync time.Duration) []string {
	return []string{
		"--kubeconfig=" + a.mgmt.Kubeconfig,
		"--namespace=" + Namespace,
		"--metrics-addr=" + a.ports.appMetrics.Addr(),
		"--redis=" + a.ports.redis.Addr(),
		"--repo-server=" + a.ports.repo.Addr(),
		"--app-resync=" + resync.String(),
		"--self-heal-timeout=2s",
	}
}

func (a *ArgoCD) applicationSetControllerArgs() []string {
	return []string{
		"--kubeconfig=" + a.mgmt.Kubeconfig,
		"--namespace=" + Namespace,
		"--metrics-addr=0",
		"--probe-addr=" + a.ports.setProbe.Addr(),
		"--webhook-addr=" + a.ports.setWebhook.Addr(),
		"--argocd-repo-server=" + a.ports.repo.Addr(),
		"--repo-server-plaintext",
	}
}

func (a *ArgoCD) redisReady(ctx context.Context) error { return listens(ctx, a.ports.redis) }

func (a *ArgoCD) repoServerReady(ctx context.Context) error {
	return answers(ctx, "http://"+a.ports.repoMetrics.Addr()+"/healthz?full=true")
}

func (a *ArgoCD) applicationControllerReady(ctx context.Context) error {
	return answers(ctx, "http://"+a.ports.appMetrics.Addr()+"/healthz")
}

// applicationSetControllerReady is content with a listener: the program has no checks behind it, and opens it last.
func (a *ArgoCD) applicationSetControllerReady(ctx context.Context) error {
	return listens(ctx, a.ports.setProbe)
}

func listens(ctx context.Context, port *plane.Port) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", port.Addr())
	if err != nil {
		return err
	}
	return connection.Close()
}

func answers(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return nil
}
