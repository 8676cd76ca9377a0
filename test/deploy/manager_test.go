package deploy_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/testkit/fakeargo"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// log collects what the manager says.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestManagerWorksWithItsRights runs the manager as the ServiceAccount that deploy/ makes, through everything that it does to the
// API: an addon that comes, one that leaves and keeps its objects, a cluster that is given up and forgotten.
func TestManagerWorksWithItsRights(t *testing.T) {
	c := installed(t)
	source := configRepository(t)
	create(t, c, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "argocd-ssh-known-hosts-cm", Namespace: namespace}, Data: map[string]string{"ssh_known_hosts": ""},
	})
	create(t, c, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "addons-repository", Namespace: namespace}, Data: map[string][]byte{"url": []byte(source)},
	})
	create(t, c, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: "tokyo-1", Namespace: namespace,
			Labels:      map[string]string{"argocd.argoproj.io/secret-type": "cluster", "addons.kaas.dev/alpha": "enabled", "addons.kaas.dev/gamma": "enabled"},
			Annotations: map[string]string{"addons.kaas.dev/kubernetes-version": "v1.31.4"},
		},
		Data: map[string][]byte{"name": []byte("tokyo-1"), "server": []byte("https://tokyo-1.example.com:6443"), "config": []byte(`{}`)},
	})
	fleet := readFile(t, root+"/deploy/examples/overlay/catalogsource.yaml")
	fleet.Object["spec"] = object{
		"url": source, "secretRef": object{"name": "addons-repository"}, "pollInterval": "1s",
		"deletion": object{"grace": "0s", "budget": object{"fleet": "100%"}}, // Both addons go at once.
	}
	create(t, c, fleet)

	runArgoCD(t)
	said := runAsServiceAccount(t)
	wait := func(what string, done func() error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := plane.Until(ctx, func(context.Context) error { return done() }); err != nil {
			t.Fatalf("%s: %v; the manager said:\n%s", what, err, said)
		}
	}
	set := argo("ApplicationSet", "tokyo-1")
	report := ours("ClusterAddons", "tokyo-1")
	wait("the ApplicationSet lists both addons", func() error { return lists(t, c, set, "alpha", "gamma") })
	wait("both are ready", func() error { return field(t, c, report, "2/2", "status", "ready") })
	wait("the report is written", func() error { return field(t, c, report, "v1.31-ake.1", "status", "release") })
	wait("the source is ready", func() error { return ready(t, c, ours("CatalogSource", "addons")) })
	wait("an event tells of the installation", func() error { return event(t, c, "Installing") })
	lease := &coordinationv1.Lease{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "addon-manager.addons.kaas.dev"}, lease); err != nil {
		t.Error(err)
	}

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "tokyo-1", Namespace: namespace}}
	patch(t, c, secret, `{"metadata":{"labels":{"addons.kaas.dev/alpha":null,"addons.kaas.dev/gamma":null}}}`)
	wait("the ApplicationSet lists nothing", func() error { return lists(t, c, set) })
	for _, addon := range []string{"alpha", "gamma"} {
		wait("the Application of "+addon+" is gone", func() error { return gone(t, c, argo("Application", "tokyo-1-"+addon)) })
	}

	patch(t, c, report.DeepCopy(), `{"spec":{"decommission":{"mode":"prune","requested":"2026-11-21T22:00:00Z"}}}`)
	wait("the ApplicationSet is gone", func() error { return gone(t, c, set) })
	if err := c.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	wait("the cluster is forgotten", func() error { return gone(t, c, report) })
	for _, line := range strings.Split(said.String(), "\n") {
		if strings.Contains(line, "forbidden") {
			t.Errorf("the manager was refused something: %s", line)
		}
	}
}

// configRepository serves a repository with one release.
func configRepository(t *testing.T) (url string) {
	t.Helper()
	repo := gitrepo.New(t)
	files := map[string]string{
		"catalog.yaml": `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31"]}
addons:
- {name: alpha}
- {name: gamma, onDisable: retain}
`,
		"addons/alpha/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: alpha}\n",
		"addons/gamma/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gamma}\n",
	}
	repo.Commit("main", files, "offer alpha and gamma")
	repo.Tag("v1.31-ake.1", repo.Commit("release-1.31", files, "release them"))
	git, err := githttp.Handler(repo.Root(), githttp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	base, done, err := git.Serve(ctx, "127.0.0.1:0")
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); <-done })
	return base + "/" + filepath.Base(repo.Dir)
}

// runAsServiceAccount runs the manager with the rights that deploy/ gives it until the test ends.
func runAsServiceAccount(t *testing.T) *log {
	t.Helper()
	said := &log{}
	ctrl.SetLogger(zap.New(zap.WriteTo(said)))
	config := rest.CopyConfig(cluster.Get(t).Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":addon-manager",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- manager.Run(ctx, config, manager.Options{
			Namespace: namespace, MetricsAddress: "0", ProbeAddress: "0", LeaderElection: true, CacheDir: t.TempDir(), Registry: prometheus.NewRegistry(),
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("manager: %v", err)
		}
	})
	return said
}

// runArgoCD plays Argo CD until the test ends, as a user that the policy refuses what it refuses everybody.
func runArgoCD(t *testing.T) {
	t.Helper()
	config := rest.CopyConfig(cluster.Get(t).Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":argocd-applicationset-controller", Groups: []string{"system:masters", "system:authenticated"},
	}
	argoCD := fakeargo.New(config, fakeargo.Options{Namespace: namespace, Fail: func(err error) { t.Error(err) }})
	if err := argoCD.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(argoCD.Stop)
}

func argo(kind, name string) *unstructured.Unstructured {
	return named("argoproj.io/v1alpha1", kind, name)
}

func ours(kind, name string) *unstructured.Unstructured {
	return named("addons.kaas.dev/v1alpha1", kind, name)
}

func named(apiVersion, kind, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{"apiVersion": apiVersion, "kind": kind, "metadata": object{"name": name, "namespace": namespace}}}
}

// create makes an object that is gone after the test.
func create(t *testing.T, c client.Client, o client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Delete(context.Background(), o); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	})
}

func patch(t *testing.T, c client.Client, o client.Object, merge string) {
	t.Helper()
	if err := c.Patch(t.Context(), o, client.RawPatch("application/merge-patch+json", []byte(merge))); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c client.Client, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	t.Helper()
	live := o.DeepCopy()
	return live, c.Get(t.Context(), client.ObjectKeyFromObject(o), live)
}

// lists checks which addons an ApplicationSet lists.
func lists(t *testing.T, c client.Client, set *unstructured.Unstructured, want ...string) error {
	live, err := get(t, c, set)
	if err != nil {
		return err
	}
	var got []string
	generators, _, _ := unstructured.NestedSlice(live.Object, "spec", "generators")
	for _, g := range generators {
		elements, _, _ := unstructured.NestedSlice(g.(object), "list", "elements")
		for _, e := range elements {
			got = append(got, e.(object)["addon"].(string))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("it lists %v, want %v", got, want)
	}
	return nil
}

func field(t *testing.T, c client.Client, o *unstructured.Unstructured, want string, path ...string) error {
	live, err := get(t, c, o)
	if err != nil {
		return err
	}
	if got, _, _ := unstructured.NestedString(live.Object, path...); got != want {
		return fmt.Errorf("%s is %q, want %q", strings.Join(path, "."), got, want)
	}
	return nil
}

func ready(t *testing.T, c client.Client, o *unstructured.Unstructured) error {
	live, err := get(t, c, o)
	if err != nil {
		return err
	}
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, one := range conditions {
		if c := one.(object); c["type"] == "Ready" && c["status"] == "True" {
			return nil
		}
	}
	return fmt.Errorf("conditions %v", conditions)
}

func gone(t *testing.T, c client.Client, o *unstructured.Unstructured) error {
	switch _, err := get(t, c, o); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s %q is still there", o.GetKind(), o.GetName())
}

func event(t *testing.T, c client.Client, reason string) error {
	var events corev1.EventList
	if err := c.List(t.Context(), &events, client.InNamespace(namespace)); err != nil {
		return err
	}
	for _, e := range events.Items {
		if e.Reason == reason && e.InvolvedObject.Name == "tokyo-1" {
			return nil
		}
	}
	return fmt.Errorf("%d events, none of them %s", len(events.Items), reason)
}
