package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	yamlout "sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

var (
	shared  plane.Shared
	install sync.Once
	update  = flag.Bool("update", false, "rewrite the transcripts in testdata/orders/*.txtar and docs/commands.md")
)

// place is one namespace of the shared API server, which says "argocd" wherever people see its name.
type place struct {
	*testing.T
	plane     *plane.ControlPlane
	client    client.WithWatch
	namespace string
	// kubeconfig is of whoever runs the program, now when that is.
	kubeconfig string
	now        func() time.Time
}

func newPlace(t *testing.T) *place {
	t.Helper()
	cp := shared.Get(t)
	p := &place{T: t, plane: cp, kubeconfig: cp.Kubeconfig, now: func() time.Time { return noon }}
	scheme, err := manager.Scheme()
	p.must(err)
	p.client, err = client.NewWithWatch(p.plane.Config, client.Options{Scheme: scheme})
	p.must(err)
	install.Do(p.installCRDs)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "orders-"}}
	p.must(p.client.Create(t.Context(), ns))
	p.namespace = ns.Name
	return p
}

func (p *place) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *place) installCRDs() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := plane.ModuleDir(ctx, "github.com/argoproj/argo-cd/v2")
	p.must(err)
	for _, f := range []string{
		filepath.Join(dir, "manifests/crds/application-crd.yaml"), filepath.Join(dir, "manifests/crds/applicationset-crd.yaml"),
		"../../deploy/crds/addons.kaas.dev_catalogsources.yaml", "../../deploy/crds/addons.kaas.dev_clusteraddons.yaml",
	} {
		p.must(sandbox.ApplyFile(ctx, p.plane.Config, f))
	}
	p.must(plane.Until(ctx, func(ctx context.Context) error {
		return errors.Join(p.client.List(ctx, &v1alpha1.CatalogSourceList{}), p.client.List(ctx, &v1alpha1.ClusterAddonsList{}),
			p.client.List(ctx, &argocd.ApplicationList{}), p.client.List(ctx, &argocd.ApplicationSetList{}))
	}))
}

// apply creates the objects of a YAML stream, or updates those that are there; the status is written too, as the manager would.
func (p *place) apply(text []byte) {
	p.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		u := &unstructured.Unstructured{}
		err := decoder.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return
		}
		p.must(err)
		u.SetNamespace(p.namespace)
		status := u.Object["status"]
		have := &unstructured.Unstructured{}
		have.SetGroupVersionKind(u.GroupVersionKind())
		err = p.client.Get(p.Context(), client.ObjectKeyFromObject(u), have)
		if apierrors.IsNotFound(err) {
			p.must(p.client.Create(p.Context(), u))
			have = u
		} else {
			p.must(err)
		}
		if status != nil && u.GroupVersionKind().Group == v1alpha1.GroupVersion.Group {
			have.Object["status"] = status
			p.must(p.client.Status().Update(p.Context(), have))
		}
	}
}

// addonManager runs the program within this process and answers what a terminal would show.
func (p *place) addonManager(args ...string) string {
	var out bytes.Buffer
	root := newRoot(p.now)
	root.SetOut(&out)
	root.SetErr(&out)
	code := cli.Execute(p.Context(), root, append(args, "--kubeconfig", p.kubeconfig, "-n", p.namespace))
	if code != 0 {
		fmt.Fprintf(&out, "exit status %d\n", code)
	}
	return strings.ReplaceAll(out.String(), p.namespace, "argocd")
}

// spec prints what an object says is to be.
func (p *place) spec(kind, name string) string {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(v1alpha1.GroupVersion.String())
	u.SetKind(kind)
	if err := p.client.Get(p.Context(), client.ObjectKey{Namespace: p.namespace, Name: name}, u); err != nil {
		return strings.ReplaceAll(err.Error(), p.namespace, "argocd") + "\n"
	}
	raw, err := yamlout.Marshal(u.Object["spec"])
	p.must(err)
	return string(raw)
}

// play carries out the lines of a transcript that start with a dollar sign, and answers the transcript as it should be:
//
//	$ addon-manager ARGS…      what it prints, and how it ends
//	$ spec KIND NAME           the spec of an object of ours
//	$ apply FILE               the objects of a file of the story, with their status
//	$ delete NAME              an Application, which stays until its finalizers are gone
func (p *place) play(transcript string, files map[string][]byte) string {
	p.Helper()
	var got strings.Builder
	lines := slices.Collect(strings.Lines(transcript))
	for i, line := range lines {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			// What is printed never ends with an empty line: one before a command or a comment is the story's own.
			if strings.HasPrefix(line, "# ") || line == "\n" && i+1 < len(lines) && strings.ContainsAny(lines[i+1][:1], "$#") {
				got.WriteString(line)
			}
			continue
		}
		got.WriteString(line)
		switch args := words(command); args[0] {
		case "addon-manager":
			got.WriteString(p.addonManager(args[1:]...))
		case "spec":
			got.WriteString(p.spec(args[1], args[2]))
		case "apply":
			p.apply(files[args[1]])
		case "delete":
			app := &unstructured.Unstructured{}
			app.SetAPIVersion("argoproj.io/v1alpha1")
			app.SetKind("Application")
			app.SetNamespace(p.namespace)
			app.SetName(args[1])
			p.must(p.client.Delete(p.Context(), app))
		default:
			p.Fatalf("no such command: %s", command)
		}
	}
	return got.String()
}

// words splits a line at its blanks; quotes keep them.
func words(line string) (all []string) {
	quoted := false
	for i, part := range strings.Split(strings.TrimSpace(line), `"`) {
		switch quoted = i%2 == 1; {
		case quoted && len(all) > 0:
			all = append(all, part)
		default:
			all = append(all, strings.Fields(part)...)
		}
	}
	return all
}

// TestOrders plays stories on a real API server. Each is a transcript of what people type and see; the other files are applied before it,
// in order, unless their names start with "later".
func TestOrders(t *testing.T) {
	stories, err := filepath.Glob("testdata/orders/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, name := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			story, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p := newPlace(t)
			files := map[string][]byte{}
			for _, f := range story.Files {
				if files[f.Name] = f.Data; f.Name != "transcript" && !strings.HasPrefix(f.Name, "later") {
					p.apply(f.Data)
				}
			}
			got := p.play(string(files["transcript"]), files)
			if *update {
				for i := range story.Files {
					if story.Files[i].Name == "transcript" {
						story.Files[i].Data = []byte(got)
					}
				}
				p.must(os.WriteFile(name, txtar.Format(story), 0o644))
				return
			}
			if d := cmp.Diff(string(files["transcript"]), got); d != "" {
				t.Errorf("transcript (-want +got):\n%s", d)
			}
		})
	}
}

// TestDocumentedCommands carries out the examples of docs/commands.md, one after the other.
func TestDocumentedCommands(t *testing.T) {
	const file = "../../docs/commands.md"
	fleet, err := os.ReadFile("testdata/commands.yaml")
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	p.apply(fleet)
	const begin, end = "```console\n", "```\n"
	parts := strings.Split(string(document), begin)
	for i, part := range parts[1:] {
		example, rest, ok := strings.Cut(part, end)
		if !ok {
			t.Fatalf("example %d has no end", i+1)
		}
		parts[i+1] = p.play(example, nil) + end + rest
	}
	got := strings.Join(parts, begin)
	if *update {
		p.must(os.WriteFile(file, []byte(got), 0o644))
		return
	}
	if d := cmp.Diff(string(document), got); d != "" {
		t.Errorf("docs/commands.md (-want +got):\n%s", d)
	}
	for _, c := range commands(newRoot(time.Now)) {
		if !strings.Contains(string(document), "$ "+c) && !strings.Contains(string(document), "`"+c+"`") {
			t.Errorf("docs/commands.md does not tell of %s", c)
		}
	}
}

// commands are all commands that do something.
func commands(c *cobra.Command) (paths []string) {
	for _, sub := range c.Commands() {
		if sub.HasSubCommands() {
			paths = append(paths, commands(sub)...)
		} else if sub.Name() != "help" && sub.Name() != "completion" {
			paths = append(paths, sub.CommandPath())
		}
	}
	return paths
}
