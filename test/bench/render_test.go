package bench

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// BenchmarkRender measures one render against the helm and kustomize programs of the same versions on the same files: "ours" has them in
// memory and no result, in a process that has rendered before. BENCH_CHARTS names folders of more charts, separated by commas.
func BenchmarkRender(b *testing.B) {
	tools, err := sandbox.BuildTools(b.Context(), func(text string) { b.Log(text) })
	if err != nil {
		b.Fatal(err)
	}
	sources := []source{
		{"chart of the catalog", catalog.Helm, folder(b, "../../addons/log-forwarder")},
		{"kustomization of the catalog", catalog.Kustomize, folder(b, "../../addons/cert-manager")},
		{"chart with 100 objects", catalog.Helm, chartOf(100, 0)},
		{"chart with 3 MB of definitions", catalog.Helm, chartOf(20, 30)},
		{"kustomization with 1 object", catalog.Kustomize, kustomizationOf(1)},
		{"kustomization with 100 objects", catalog.Kustomize, kustomizationOf(100)},
	}
	for _, dir := range strings.FieldsFunc(os.Getenv("BENCH_CHARTS"), func(r rune) bool { return r == ',' }) {
		sources = append(sources, source{filepath.Base(dir), catalog.Helm, folder(b, dir)})
	}
	for _, s := range sources {
		b.Run(s.name, func(b *testing.B) { s.measure(b, tools) })
	}
}

type source struct {
	name  string
	kind  catalog.SourceType
	files map[string][]byte
}

// rounds is odd, for the median.
const rounds = 9

func (s source) measure(b *testing.B, tools sandbox.Tools) {
	once(b)
	dir := b.TempDir()
	for name, data := range s.files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	command := []string{tools.Kustomize, "build", dir}
	if s.kind == catalog.Helm {
		command = []string{tools.Helm, "template", "r", dir, "--include-crds", "--kube-version", "1.31", "--namespace", "made"}
	}
	job := engine.Job{Files: s.files, Type: s.kind, Release: "r", Namespace: "made", KubeVersion: "1.31"}
	var ours, theirs []time.Duration
	for i := range rounds + 1 {
		theirTime := timed(b, func() error {
			cmd := exec.Command(command[0], command[1:]...)
			cmd.Env = []string{"HOME=" + dir, "PATH="}
			out, err := cmd.Output()
			if err == nil && len(out) == 0 {
				err = fmt.Errorf("nothing rendered")
			}
			return err
		})
		ourTime := timed(b, func() error {
			out, err := engine.Render(context.Background(), job)
			if err == nil && len(out.Objects) == 0 {
				err = fmt.Errorf("nothing rendered")
			}
			return err
		})
		if i > 0 { // the first of both reads what the others find read
			ours, theirs = append(ours, ourTime), append(theirs, theirTime)
		}
	}
	our, their := median(ours), median(theirs)
	b.ReportMetric(float64(our.Microseconds())/1000, "ours-ms")
	b.ReportMetric(float64(their.Microseconds())/1000, "program-ms")
	b.ReportMetric(float64(their)/float64(our), "times-faster")
}

func timed(b *testing.B, do func() error) time.Duration {
	b.Helper()
	started := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(started)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func folder(b *testing.B, dir string) map[string][]byte {
	b.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[name], err = os.ReadFile(filepath.Join(dir, name))
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return files
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web-%[1]d, labels: {app.kubernetes.io/name: web}}
spec:
  replicas: %[1]d
  selector: {matchLabels: {app: web-%[1]d}}
  template:
    metadata: {labels: {app: web-%[1]d}}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1.2.3
        ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090}]
        resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
        securityContext: {runAsNonRoot: true, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        env: [{name: NAME, value: "%[1]d"}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
`

// chartOf has templates of one object each, and files of about 100 KB with a CustomResourceDefinition each.
func chartOf(templates, definitions int) map[string][]byte {
	files := map[string][]byte{
		"Chart.yaml":             []byte("{apiVersion: v2, name: made, version: 1.0.0}"),
		"values.yaml":            []byte("replicas: 2\n"),
		"templates/_helpers.tpl": []byte(`{{ define "name" }}{{ .Release.Name | trunc 20 }}{{ end }}`),
	}
	for i := range templates {
		text := strings.Replace(fmt.Sprintf(deployment, i), "name: web-", `name: {{ include "name" . }}-`, 1)
		files[fmt.Sprintf("templates/web-%d.yaml", i)] = []byte(text)
	}
	for i := range definitions {
		var text strings.Builder
		fmt.Fprintf(&text, "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things-%d.example.com}\nspec:\n", i)
		text.WriteString("  group: example.com\n  scope: Cluster\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema:\n        properties:\n")
		for text.Len() < 100_000 {
			fmt.Fprintf(&text, "          field%d:\n            description: Text that says what this field does, and when it is of any use\n", text.Len())
			text.WriteString("            type: object\n            properties:\n              inner:\n                default: A\n                enum:\n                - A\n                - B\n                type: string\n")
		}
		files[fmt.Sprintf("crds/thing-%d.yaml", i)] = []byte(text.String())
	}
	return files
}

func kustomizationOf(objects int) map[string][]byte {
	var text strings.Builder
	for i := range objects {
		fmt.Fprintf(&text, "---\n"+deployment, i)
	}
	return map[string][]byte{
		"kustomization.yaml": []byte("namePrefix: p-\nnamespace: made\nresources: [web.yaml]\nlabels: [{pairs: {a: b}}]\n" +
			"patches: [{target: {kind: Deployment}, patch: '[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": false}]'}]\n"),
		"web.yaml": []byte(text.String()),
	}
}
