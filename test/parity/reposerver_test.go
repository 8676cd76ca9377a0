//go:build linux

package parity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/reposerver/apiclient"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// server is a running repo-server that reads one repository.
type server struct {
	client   apiclient.RepoServerServiceClient
	url      string
	revision string
}

// serve starts Argo CD's repo-server, and a Git server with the files.
func serve(t *testing.T, files map[string][]byte) *server {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	repo, err := gitrepo.Create(filepath.Join(dir, "git", "config.git"))
	must(err)
	texts := make(map[string]string, len(files))
	for name, data := range files {
		texts[name] = string(data)
	}
	s := &server{}
	s.revision, err = repo.Commit(gitrepo.DefaultBranch, texts, "Have something to render")
	must(err)
	handler, err := githttp.Handler(filepath.Join(dir, "git"), githttp.Options{})
	must(err)
	ctx, stop := context.WithCancel(context.Background())
	url, done, err := handler.Serve(ctx, "127.0.0.1:0")
	must(err)
	t.Cleanup(func() { stop(); <-done })
	s.url = url + "/config.git"

	tools, err := sandbox.BuildTools(t.Context(), func(text string) { t.Log(text) })
	must(err)
	address, err := start(t, tools, dir)
	must(err)
	clients := apiclient.NewRepoServerClientset(address, 60, apiclient.TLSConfiguration{DisableTLS: true})
	closer, client, err := clients.NewRepoServerClient()
	must(err)
	t.Cleanup(func() { _ = closer.Close() }) // the process ends anyway
	s.client = client
	return s
}

// start starts redis and repo-server, as the sandbox does with the rest of Argo CD.
func start(t *testing.T, tools sandbox.Tools, dir string) (address string, err error) {
	for _, sub := range []string{"bin", "tmp", "ssh", "tls"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return "", err
		}
	}
	for name, path := range map[string]string{"helm": tools.Helm, "kustomize": tools.Kustomize} {
		if err := os.Symlink(path, filepath.Join(dir, "bin", name)); err != nil {
			return "", err
		}
	}
	var ports [3]*plane.Port
	for i := range ports {
		if ports[i], err = plane.HoldPort(); err != nil {
			return "", err
		}
	}
	redis, grpc, metrics := ports[0], ports[1], ports[2]
	for _, program := range []struct {
		args  []string
		ready func(context.Context) error
	}{
		{[]string{"redis", "--addr=" + redis.Addr()}, func(ctx context.Context) error {
			connection, err := new(net.Dialer).DialContext(ctx, "tcp", redis.Addr())
			if err == nil {
				err = connection.Close()
			}
			return err
		}},
		{[]string{
			"argocd-repo-server", "--address=127.0.0.1", "--port=" + grpc.String(), "--metrics-address=127.0.0.1",
			"--metrics-port=" + metrics.String(), "--redis=" + redis.Addr(), "--disable-tls",
		}, healthy("http://" + metrics.Addr() + "/healthz?full=true")},
	} {
		for _, port := range ports {
			port.Release()
		}
		process, err := plane.StartProcess(t.Context(), plane.Command{
			Name: program.args[0], Path: tools.Plane, Args: program.args, Dir: dir, Ready: program.ready, Env: []string{
				"HOME=" + dir,
				"TMPDIR=" + filepath.Join(dir, "tmp"),
				"PATH=" + filepath.Join(dir, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
				"ARGOCD_GPG_ENABLED=false",
				"ARGOCD_SSH_DATA_PATH=" + filepath.Join(dir, "ssh"),
				"ARGOCD_TLS_DATA_PATH=" + filepath.Join(dir, "tls"),
				"ARGOCD_PLUGINSOCKFILEPATH=" + filepath.Join(dir, "plugins"),
				"ARGOCD_ASK_PASS_SOCK=" + filepath.Join(dir, "askpass.sock"),
				"GIT_CONFIG_NOSYSTEM=1",
				"GIT_TERMINAL_PROMPT=0",
			},
		})
		if err != nil {
			return "", err
		}
		t.Cleanup(process.Kill)
	}
	return grpc.Addr(), nil
}

func healthy(url string) func(context.Context) error {
	return func(ctx context.Context) error {
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
			return errors.New(response.Status)
		}
		return nil
	}
}

// render asks the repo-server for what our engine would be asked. label is the key of the tracking label; empty for none.
func (s *server) render(ctx context.Context, job engine.Job, label string) ([]map[string]any, error) {
	source := &argo.ApplicationSource{RepoURL: s.url, Path: job.Path, TargetRevision: s.revision}
	if len(job.Values) > 0 {
		raw, err := json.Marshal(job.Values)
		if err != nil {
			return nil, err
		}
		source.Helm = &argo.ApplicationSourceHelm{ValuesObject: &runtime.RawExtension{Raw: raw}}
	}
	for _, p := range job.Patches {
		patch := argo.KustomizePatch{Patch: p.Patch}
		if len(p.Target) > 0 {
			patch.Target = &argo.KustomizeSelector{KustomizeResId: argo.KustomizeResId{
				KustomizeGvk: argo.KustomizeGvk{Group: p.Target["group"], Version: p.Target["version"], Kind: p.Target["kind"]},
				Name:         p.Target["name"], Namespace: p.Target["namespace"],
			}, LabelSelector: p.Target["labelSelector"], AnnotationSelector: p.Target["annotationSelector"]}
		}
		if source.Kustomize == nil {
			source.Kustomize = &argo.ApplicationSourceKustomize{}
		}
		source.Kustomize.Patches = append(source.Kustomize.Patches, patch)
	}
	var options string
	if job.Options.EnableHelm {
		options += " --enable-helm"
	}
	if job.Options.AnyFile {
		options += " --load-restrictor LoadRestrictionsNone"
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	response, err := s.client.GenerateManifest(ctx, &apiclient.ManifestRequest{
		Repo: &argo.Repository{Repo: s.url}, Revision: s.revision, NoCache: true, AppName: job.Release, AppLabelKey: label,
		Namespace: job.Namespace, ApplicationSource: source, KustomizeOptions: &argo.KustomizeOptions{BuildOptions: options},
		KubeVersion: job.KubeVersion, ApiVersions: job.APIVersions[len(engine.Assumed()):], ProjectName: "default",
	})
	if err != nil {
		return nil, err
	}
	if want := map[string]string{"helm": "Helm", "kustomize": "Kustomize", "directory": "Directory"}[string(job.Type)]; response.SourceType != want {
		return nil, fmt.Errorf("Argo CD took it for %s, not %s", response.SourceType, want)
	}
	objects := make([]map[string]any, len(response.Manifests))
	for i, text := range response.Manifests {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber() // compared as they are written
		if err := decoder.Decode(&objects[i]); err != nil {
			return nil, err
		}
	}
	return objects, nil
}
