//go:build linux

package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

var source = fstest.MapFS{
	"addons/plain/deployment.yaml": {Data: []byte(deployment)},
	"addons/kustomized/kustomization.yaml": {Data: []byte(`
namePrefix: kustomized-
resources: [configmap.yaml]
`)},
	"addons/kustomized/configmap.yaml": {Data: []byte(`
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
`)},
	"addons/chart/Chart.yaml": {Data: []byte(`{apiVersion: v2, name: chart, version: 1.0.0}`)},
	"addons/chart/templates/configmap.yaml": {Data: []byte(`
apiVersion: v1
kind: ConfigMap
metadata: {name: chart-{{ .Release.Name }}}
data: {kubernetes: {{ .Capabilities.KubeVersion.Version }}}
`)},
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain}
spec:
  replicas: 2
  selector: {matchLabels: {app: plain}}
  template:
    metadata: {labels: {app: plain}}
    spec: {containers: [{name: app, image: "example.com/app:1"}]}
`

// applicationSet is the kind of set that the manager writes: a list, literal values.
func applicationSet(url, revision string) string {
	return fmt.Sprintf(`
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: tokyo-1, namespace: argocd}
spec:
  goTemplate: true
  generators: [{list: {elements: [{addon: plain}, {addon: kustomized}, {addon: chart}]}}]
  syncPolicy: {applicationsSync: create-update}
  template:
    metadata: {name: "tokyo-1-{{.addon}}"}
    spec:
      project: default
      destination: {name: tokyo-1, namespace: "{{.addon}}"}
      source: {repoURL: %q, targetRevision: %q, path: "addons/{{.addon}}"}
      syncPolicy:
        automated: {prune: true, selfHeal: true}
        syncOptions: [CreateNamespace=true]
`, url, revision)
}

func TestFromApplicationSetToAvailableDeployment(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the sandbox; run without -short")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	begin := time.Now()
	step := func(text string) { t.Logf("%6.1fs %s", time.Since(begin).Seconds(), text) }
	s, err := sandbox.Start(ctx, sandbox.Options{
		Dir:       t.TempDir(),
		Workloads: []sandbox.Workload{{Name: "tokyo-1", Minor: "1.31", Nodes: 1}},
		Source:    source,
		Minors:    []string{"1.31"},
		Step:      step,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	step("started")
	var pids []int
	for _, process := range s.Processes() {
		pids = append(pids, process.Pid())
	}
	assertLoopbackOnly(t, pids...)
	if err := s.Register(ctx, "tokyo-1", nil, nil); err != nil {
		t.Fatal(err)
	}
	set := applicationSet(s.Config.URL, "v1.31-ake.1")
	if err := sandbox.Apply(ctx, s.Management.Config, strings.NewReader(set)); err != nil {
		t.Fatal(err)
	}
	if err := s.AwaitHealthy(ctx, "", "tokyo-1-plain", "tokyo-1-kustomized", "tokyo-1-chart"); err != nil {
		t.Fatal(err)
	}
	step("synced and healthy")

	workload := kubernetes.NewForConfigOrDie(s.Workloads["tokyo-1"].Config)
	d, err1 := workload.AppsV1().Deployments("plain").Get(ctx, "plain", metav1.GetOptions{})
	k, err2 := workload.CoreV1().ConfigMaps("kustomized").Get(ctx, "kustomized-c", metav1.GetOptions{})
	h, err3 := workload.CoreV1().ConfigMaps("chart").Get(ctx, "chart-tokyo-1-chart", metav1.GetOptions{})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(d.Status.AvailableReplicas, " ", k.Name, " ", h.Data["kubernetes"])
	if want := "2 kustomized-c v1.31.0"; got != want {
		t.Errorf("available replicas, kustomize's name, helm's Kubernetes: %s, want %s", got, want)
	}

	before, err := s.Application(ctx, "tokyo-1-plain")
	if err != nil {
		t.Fatal(err)
	}
	restartAll(ctx, t, s)
	step("restarted")
	changed := strings.Replace(deployment, "replicas: 2", "replicas: 3", 1)
	if _, err := s.Config.Commit("1.31", "Run three", gitrepo.File("addons/plain/deployment.yaml", changed)); err != nil {
		t.Fatal(err)
	}
	tag, err := s.Config.Tag("1.31")
	if err != nil {
		t.Fatal(err)
	}
	set = applicationSet(s.Config.URL, tag)
	if err := sandbox.Apply(ctx, s.Management.Config, strings.NewReader(set)); err != nil {
		t.Fatal(err)
	}
	err = plane.Until(ctx, func(ctx context.Context) error {
		d, err := workload.AppsV1().Deployments("plain").Get(ctx, "plain", metav1.GetOptions{})
		if err == nil && d.Status.AvailableReplicas != 3 {
			err = fmt.Errorf("%d replicas available, want 3", d.Status.AvailableReplicas)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.Application(ctx, "tokyo-1-plain")
	if err != nil {
		t.Fatal(err)
	}
	if after.UID != before.UID || after.Wanted != tag {
		t.Errorf("UID %s at %s, want the same Application (%s) at %s", after.UID, after.Wanted, before.UID, tag)
	}
	step("moved to " + tag)
}

// restartAll crashes and starts again what the delivery depends on; addresses and data must be the same afterwards.
func restartAll(ctx context.Context, t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	s.Config.Stop()
	if err := s.Config.Start(); err != nil {
		t.Fatal(err)
	}
	processes := append(s.ArgoCD.Processes(), s.Management.APIServer)
	for _, process := range processes {
		process.Kill()
	}
	slices.Reverse(processes)
	for _, process := range processes {
		if err := process.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Workloads["tokyo-1"].Upgrade(ctx, "1.32"); err != nil {
		t.Fatal(err)
	}
}
