//go:build linux

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
)

// limit is for one test on a busy machine; the slowest needs a third of it.
const limit = 6 * time.Minute

// source is a catalog of the smallest addons there can be, one of each kind. The real ones are delivered in TestDemo.
var source = fstest.MapFS{
	"catalog.yaml": {Data: []byte(`
apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31", "1.32"]}
addons:
- {name: base, namespace: default, enabled: always}
- {name: kept, namespace: default, onDisable: retain}
- {name: pruned, namespace: default}
- {name: late, namespace: default}
- {name: kinds, namespace: default}
- {name: pruned-kinds, namespace: default, pruneCRDs: true}
- name: chart
  namespace: default
  parameters: [{name: cluster.name, from: {field: name}}]
- name: layered
  namespace: default
  parameters: [{name: cluster.name, from: {field: name}}]
- name: beside
  placement: management
  namespace: beside
  parameters: [{name: cluster.name, from: {field: name}}]
`)},
	"addons/base/base.yaml":             {Data: configMap("base", "release: one")},
	"addons/kept/kept.yaml":             {Data: configMap("kept", "release: one")},
	"addons/pruned/pruned.yaml":         {Data: configMap("pruned", "release: one")},
	"addons/late/late.yaml":             {Data: configMap("late", "release: one")},
	"addons/kinds/kinds.yaml":           {Data: append(configMap("kinds", "release: one"), kindOf("Widget")...)},
	"addons/pruned-kinds/kinds.yaml":    {Data: append(configMap("pruned-kinds", "release: one"), kindOf("Gadget")...)},
	"addons/chart/Chart.yaml":           {Data: []byte("{apiVersion: v2, name: chart, version: 1.0.0}")},
	"addons/chart/values.yaml":          {Data: []byte("cluster: {name: unnamed}")},
	"addons/chart/templates/chart.yaml": {Data: configMap("chart", "cluster: {{ .Values.cluster.name }}")},
	"addons/beside/Chart.yaml":          {Data: []byte("{apiVersion: v2, name: beside, version: 1.0.0}")},
	"addons/beside/values.yaml":         {Data: []byte("cluster: {name: unnamed}")},
	"addons/beside/templates/map.yaml":  {Data: configMap("beside", "cluster: {{ .Values.cluster.name }}")},
	"addons/layered/kustomization.yaml": {Data: []byte(kustomization)},
	"addons/layered/configmap.yaml":     {Data: []byte(parameters)},
	"addons/layered/layered.yaml":       {Data: configMap("layered", "cluster: unnamed")},
}

const kustomization = `
resources: [configmap.yaml, layered.yaml]
replacements:
- source: {kind: ConfigMap, name: addon-parameters, fieldPath: "data.[cluster.name]"}
  targets:
  - select: {kind: ConfigMap, name: layered}
    fieldPaths: [data.cluster]
`

const parameters = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: addon-parameters
  annotations: {config.kubernetes.io/local-config: "true"}
data: {cluster.name: unnamed}
`

func configMap(name, data string) []byte {
	return fmt.Appendf(nil, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata:\n  %s\n", name, data)
}

// kindOf is a CustomResourceDefinition.
func kindOf(kind string) []byte {
	name := strings.ToLower(kind)
	return fmt.Appendf(nil, `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]ss.e2e.example.com}
spec:
  group: e2e.example.com
  scope: Cluster
  names: {kind: %[2]s, plural: %[1]ss}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
`, name, kind)
}

// usual is what both clusters have when a test begins; late and the two with kinds are for tests to switch on.
var usual = []string{"base", "beside", "chart", "kept", "layered", "pruned"}

// world is a running sandbox with two clusters, tokyo-1 and paris-1, that the tests of this package share, one after the other.
type world struct {
	*sandbox.Sandbox
	*testing.T
	ctx context.Context
}

var shared struct {
	once    sync.Once
	dir     string
	sandbox *sandbox.Sandbox
	spec    v1alpha1.CatalogSourceSpec
	err     error
}

// release is the release that clusters of a minor should have now.
var release = map[string]string{"1.31": "v1.31-ake.1", "1.32": "v1.32-ake.1"}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.sandbox != nil {
		shared.sandbox.Stop()
	}
	if code == 0 && shared.dir != "" {
		_ = os.RemoveAll(shared.dir) // what stays is in the system's folder for temporary files
	}
	os.Exit(code)
}

// begin gives a test the world as it should be when it begins.
func begin(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the sandbox; run without -short")
	}
	shared.once.Do(start)
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("not done after %v", limit))
	t.Cleanup(cancel)
	w := &world{Sandbox: shared.sandbox, T: t, ctx: ctx}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the logs are kept in %s; addon-manager says\n%s", shared.dir, w.Manager.Tail(10))
		}
	})
	w.settle()
	return w
}

func start() {
	if shared.dir, shared.err = os.MkdirTemp("", "addon-e2e-"); shared.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	shared.sandbox, shared.err = sandbox.Start(ctx, sandbox.Options{
		Dir: shared.dir,
		// Nodes bring a controller manager: without its garbage collector nothing would be deleted that has owners.
		ManagementNodes: 1,
		Workloads:       []sandbox.Workload{{Name: "tokyo-1", Minor: "1.31", Nodes: 1}, {Name: "paris-1", Minor: "1.32", Nodes: 1}},
		Source:          source,
		Minors:          []string{"1.31", "1.32"},
	})
	if shared.err == nil {
		// The garbage collector looks for new kinds every 30 s, and at its start: only one that knows Applications could delete them.
		shared.sandbox.Management.ControllerManager.Stop()
		shared.err = shared.sandbox.Management.ControllerManager.Start(ctx)
	}
	if shared.err == nil {
		// Whoever is killed keeps its successor waiting for that long.
		shared.err = shared.sandbox.StartManager(ctx, sandbox.ManagerOptions{Args: []string{"--lease-duration=8s"}})
	}
	if shared.err == nil {
		var source v1alpha1.CatalogSource
		source, shared.err = shared.sandbox.Catalog(ctx)
		shared.spec = source.Spec
	}
}

// settle registers both clusters as every test expects them, takes back what people ordered, and waits until they have what they should.
func (w *world) settle() {
	w.Helper()
	w.must(w.Change(w.ctx, func(spec *v1alpha1.CatalogSourceSpec) { *spec = *shared.spec.DeepCopy() }))
	for _, cluster := range []string{"tokyo-1", "paris-1"} {
		for _, addon := range []string{"late", "base", "kinds", "pruned-kinds"} {
			w.label(cluster, addon, "")
		}
		w.must(w.Register(w.ctx, cluster, sandbox.Switches(usual[1:]...), nil))
		w.order(cluster, func(spec *v1alpha1.ClusterAddonsSpec) { *spec = v1alpha1.ClusterAddonsSpec{} })
	}
	w.await("tokyo-1", release["1.31"], usual...)
	w.await("paris-1", release["1.32"], usual...)
}

// order changes what people ordered for a cluster, as far as it is known.
func (w *world) order(cluster string, change func(*v1alpha1.ClusterAddonsSpec)) {
	w.Helper()
	w.must(client.IgnoreNotFound(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		ca, err := w.Report(w.ctx, cluster)
		if err != nil {
			return err
		}
		change(&ca.Spec)
		return w.Client("").Update(w.ctx, &ca)
	})))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) await(cluster, release string, addons ...string) map[string]sandbox.Application {
	w.Helper()
	apps, err := w.Await(w.ctx, sandbox.Delivery{Cluster: cluster, Release: release, Addons: append([]string{}, addons...)})
	w.must(err)
	return apps
}

// label does nothing for a cluster that is still to be registered.
func (w *world) label(cluster, addon, value string) {
	w.Helper()
	if _, err := w.Label(w.ctx, cluster, addon, value); err != nil && !strings.Contains(err.Error(), "NotFound") {
		w.Fatal(err)
	}
}

// publish commits a change to the branch of a minor and tags it.
func (w *world) publish(minor string, changes ...gitrepo.Change) (tag string) {
	w.Helper()
	_, err := w.Config.Commit(minor, "Change "+minor, changes...)
	w.must(err)
	tag, err = w.Config.Tag(minor)
	w.must(err)
	return tag
}

// soon is for what needs nothing but that somebody looks: many times what it takes.
const soon = time.Minute

// eventually waits until check is content.
func (w *world) eventually(check func() error) {
	w.Helper()
	ctx, cancel := context.WithTimeoutCause(w.ctx, soon, fmt.Errorf("not within %v", soon))
	defer cancel()
	w.must(plane.Every(ctx, 200*time.Millisecond, func(context.Context) error { return check() }))
}

// identities are the UIDs of a cluster's Applications and of everything they deliver: who is the same afterwards was never deleted.
func (w *world) identities(cluster string) map[string]string {
	w.Helper()
	apps, err := w.Applications(w.ctx, cluster)
	w.must(err)
	all := map[string]string{}
	for _, app := range apps {
		all[app.Addon] = app.UID
		maps.Copy(all, w.objects(app))
	}
	return all
}

// objects are the UIDs of what an Application delivers.
func (w *world) objects(app sandbox.Application) map[string]string {
	w.Helper()
	c := w.Client(app.Cluster)
	if app.Placement == "management" {
		c = w.Client("")
	}
	all := map[string]string{}
	for _, o := range app.Objects {
		live := &metav1.PartialObjectMetadata{}
		live.SetGroupVersionKind(schema.GroupVersionKind{Group: o.Group, Version: o.Version, Kind: o.Kind})
		err := c.Get(w.ctx, client.ObjectKey{Namespace: o.Namespace, Name: o.Name}, live)
		if err != nil && !apierrors.IsNotFound(err) {
			w.Fatal(err)
		}
		all[app.Addon+": "+o.String()] = string(live.UID) // "" for what is gone
	}
	return all
}

// unchanged fails when anything of before is gone or another object now. More may be there.
func (w *world) unchanged(cluster string, before map[string]string) {
	w.Helper()
	after := w.identities(cluster)
	maps.DeleteFunc(after, func(name, _ string) bool { _, known := before[name]; return !known })
	if diff := cmp.Diff(before, after); diff != "" {
		w.Errorf("%s: UIDs of what should have stayed (-before +after):\n%s", cluster, diff)
	}
}

// run is what a command prints.
func (w *world) run(program string, args ...string) string {
	w.Helper()
	out, err := w.Sandbox.Run(w.ctx, program, args...)
	w.must(err)
	return out
}

// differs is nil when an object is there and is another than before.
func differs(what, was, now string) error {
	if now == "" || now == was {
		return fmt.Errorf("%s: UID %q, was %q; want another", what, now, was)
	}
	return nil
}
