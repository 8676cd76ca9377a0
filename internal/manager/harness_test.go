package manager_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/testkit/fakeargo"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	argo "github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

var shared plane.Shared

func TestMain(m *testing.M) {
	// The tests mostly wait, each in a namespace of its own; how many processors there are says nothing of how many can run at once.
	flag.Parse()
	_ = flag.Set("test.parallel", "8")
	logrus.SetLevel(logrus.ErrorLevel)
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.Level(level())))
	os.Exit(shared.Run(m))
}

// world is one namespace of the shared API server with a config repository and, once run is called, a manager.
type world struct {
	*testing.T
	ctx       context.Context
	plane     *plane.ControlPlane
	client    client.Client
	namespace string
	repo      *gitrepo.Fixture
	git       *githttp.Server
	url       string
	registry  *prometheus.Registry
	// config is what managers use: the API server's own, or a proxy's.
	config *rest.Config
	// argo does what Argo CD would: it makes Applications of ApplicationSets, syncs and deletes them.
	argo *fakeargo.Argo
}

// crds holds for each API server what installs the CustomResourceDefinitions there once.
var crds sync.Map

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, shared.Get(t))
}

func newWorldOn(t *testing.T, cp *plane.ControlPlane) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	scheme, err := manager.Scheme()
	w := &world{T: t, ctx: ctx, plane: cp, config: cp.Config}
	w.must(err)
	w.client, err = client.New(w.plane.Config, client.Options{Scheme: scheme})
	w.must(err)
	once, _ := crds.LoadOrStore(cp, new(sync.Once))
	once.(*sync.Once).Do(w.installCRDs)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "argocd-"}}
	w.must(w.client.Create(ctx, ns))
	w.namespace = ns.Name

	w.repo = gitrepo.New(t)
	w.git, err = githttp.Handler(w.repo.Root(), githttp.Options{})
	w.must(err)
	base, done, err := w.git.Serve(ctx, "127.0.0.1:0")
	w.must(err)
	t.Cleanup(func() { cancel(); <-done })
	w.url = base + "/" + filepath.Base(w.repo.Dir)
	w.argo = fakeargo.New(w.plane.Config, fakeargo.Options{Namespace: w.namespace, Fail: func(err error) { w.Error(err) }})
	w.must(w.argo.Start(ctx))
	t.Cleanup(w.argo.Stop)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) installCRDs() {
	dir, err := plane.ModuleDir(w.ctx, "github.com/argoproj/argo-cd/v2")
	w.must(err)
	for _, f := range []string{
		filepath.Join(dir, "manifests/crds/application-crd.yaml"), filepath.Join(dir, "manifests/crds/applicationset-crd.yaml"),
		"../../deploy/crds/addons.kaas.dev_catalogsources.yaml", "../../deploy/crds/addons.kaas.dev_clusteraddons.yaml",
	} {
		w.must(sandbox.ApplyFile(w.ctx, w.plane.Config, f))
	}
	w.eventually("the CRDs are served", func() error {
		return w.client.List(w.ctx, &v1alpha1.ClusterAddonsList{})
	})
	w.eventually("Argo CD's CRDs are served", func() error {
		return w.client.List(w.ctx, &argo.ApplicationSetList{})
	})
}

// run starts a manager and returns what stops it.
func (w *world) run() (stop func()) {
	w.Helper()
	return w.runWith(manager.Options{})
}

func (w *world) runWith(o manager.Options) (stop func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.ctx)
	w.registry = prometheus.NewRegistry()
	o.Namespace, o.Registry, o.MetricsAddress, o.ProbeAddress = w.namespace, w.registry, "0", "0"
	if o.CacheDir == "" {
		o.CacheDir = filepath.Join(w.TempDir(), "mirror")
	}
	done := make(chan error, 1)
	go func() { done <- manager.Run(ctx, w.config, o) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.Errorf("manager: %v", err)
			}
		})
	}
	w.Cleanup(stop)
	return stop
}

// source makes the CatalogSource. It is polled every second, and deletes at once, so that tests need not wait.
func (w *world) source() {
	w.Helper()
	all := intstr.FromString("100%")
	w.must(w.client.Create(w.ctx, &v1alpha1.CatalogSource{
		ObjectMeta: metav1.ObjectMeta{Name: "fleet", Namespace: w.namespace},
		Spec: v1alpha1.CatalogSourceSpec{
			URL: w.url, PollInterval: &metav1.Duration{Duration: time.Second},
			Deletion: v1alpha1.Deletion{Grace: &metav1.Duration{}, Budget: v1alpha1.DeletionBudget{PerAddon: &all, Fleet: &all}},
		},
	}))
}

// catalog has three addons that are plain YAML; more are appended as they are.
const catalogHead = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: ["1.31", "1.32"]}
addons:
`

func catalogOf(names ...string) map[string]string {
	files := map[string]string{}
	text := catalogHead
	for _, n := range names {
		name, more, _ := strings.Cut(n, " ")
		text += fmt.Sprintf("- {name: %s%s}\n", name, strings.TrimPrefix(", "+more, ", ,"))
		if more == "" {
			text = strings.Replace(text, name+", }", name+"}", 1)
		}
		files["addons/"+name+"/config.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
	}
	files["catalog.yaml"] = text
	return files
}

// release commits files to main and the release branch of a minor, and tags it.
func (w *world) release(minor, tag string, files map[string]string) (commit string) {
	w.Helper()
	w.repo.Commit("main", files, "change "+tag)
	commit = w.repo.Commit("release-"+minor, files, "release "+tag)
	w.repo.Tag(tag, commit)
	return commit
}

// cluster registers a cluster that reports its version.
func (w *world) cluster(name, version string, labels map[string]string) {
	w.Helper()
	s := w.secret(name, labels)
	if version != "" {
		s.Annotations = map[string]string{"addons.kaas.dev/kubernetes-version": version}
	}
	w.must(w.client.Create(w.ctx, s))
}

func (w *world) secret(name string, labels map[string]string) *corev1.Secret {
	all := map[string]string{"argocd.argoproj.io/secret-type": "cluster"}
	for k, v := range labels {
		all["addons.kaas.dev/"+k] = v
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace, Labels: all},
		Data:       map[string][]byte{"name": []byte(name), "server": []byte("https://" + name + ".example.com:6443"), "config": []byte(`{"bearerToken":"secret-token"}`)},
	}
}

// edit changes a cluster Secret.
func (w *world) edit(name string, change func(*corev1.Secret)) {
	w.Helper()
	w.eventually("edit Secret "+name, func() error {
		s := &corev1.Secret{}
		if err := w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, s); err != nil {
			return err
		}
		change(s)
		return w.client.Update(w.ctx, s)
	})
}

func (w *world) label(name, addon, value string) {
	w.Helper()
	w.edit(name, func(s *corev1.Secret) {
		if value == "" {
			delete(s.Labels, "addons.kaas.dev/"+addon)
		} else {
			s.Labels["addons.kaas.dev/"+addon] = value
		}
	})
}

// stopArgo scales both of Argo CD's controllers to nothing, and back.
func (w *world) stopArgo(off bool) {
	w.Helper()
	if off {
		w.argo.Stop()
		return
	}
	w.must(w.argo.Start(w.ctx))
}

// eventually waits for a condition; the time limit only says when to give up.
func (w *world) eventually(what string, condition func() error) {
	w.Helper()
	w.within(30*time.Second, what, condition)
}

// within is eventually, for what takes long.
func (w *world) within(limit time.Duration, what string, condition func() error) {
	w.Helper()
	var last error
	pause := 20 * time.Millisecond
	if limit > time.Minute {
		pause *= 10 // What takes so long keeps the API server busy enough.
	}
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(pause) {
		if last = condition(); last == nil {
			return
		}
	}
	w.Fatalf("%s: %v", what, last)
}

// tune changes what the CatalogSource says.
func (w *world) tune(change func(*v1alpha1.CatalogSourceSpec)) {
	w.Helper()
	w.eventually("edit the CatalogSource", func() error {
		cs := w.catalogSource()
		change(&cs.Spec)
		return w.client.Update(w.ctx, cs)
	})
}

func (w *world) catalogSource() *v1alpha1.CatalogSource {
	w.Helper()
	cs := &v1alpha1.CatalogSource{}
	w.must(w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: "fleet"}, cs))
	return cs
}

// order changes what people ask for a cluster beside its labels.
func (w *world) order(cluster string, change func(*v1alpha1.ClusterAddonsSpec)) {
	w.Helper()
	w.eventually("edit ClusterAddons "+cluster, func() error {
		ca, err := w.report(cluster)
		if err != nil {
			return err
		}
		change(&ca.Spec)
		return w.client.Update(w.ctx, ca)
	})
}

// report is the ClusterAddons of a cluster.
func (w *world) report(name string) (*v1alpha1.ClusterAddons, error) {
	ca := &v1alpha1.ClusterAddons{}
	return ca, w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, ca)
}

// expect waits until a cluster's addons are exactly these, each as `addon action delivered ready`.
func (w *world) expect(cluster string, want ...string) {
	w.Helper()
	w.eventually("cluster "+cluster, func() error {
		ca, err := w.report(cluster)
		if err != nil {
			return err
		}
		var got []string
		for _, a := range ca.Status.Addons {
			line := a.Name + " " + a.Action + " " + a.Delivered
			if a.Healthy {
				line += " ready"
			}
			got = append(got, line)
		}
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			return fmt.Errorf("got:\n%s\nwant:\n%s\nhold: %s", g, w, ca.Status.Hold)
		}
		return nil
	})
}

// application reads one Application.
func (w *world) application(name string) *argo.Application {
	w.Helper()
	app := &argo.Application{}
	w.must(w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, app))
	return app
}

// writes sums what the manager has written so far.
func (w *world) writes() (n float64) {
	w.Helper()
	families, err := w.registry.Gather()
	w.must(err)
	for _, f := range families {
		if f.GetName() == "addon_manager_writes_total" || f.GetName() == "addon_manager_applications_deleted_total" {
			for _, m := range f.GetMetric() {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// settled waits until the manager has written nothing for a while and returns the count.
func (w *world) settled() float64 {
	w.Helper()
	last, since := w.writes(), time.Now()
	for time.Since(since) < 1500*time.Millisecond {
		time.Sleep(50 * time.Millisecond)
		if n := w.writes(); n != last {
			last, since = n, time.Now()
		}
	}
	return last
}

// get reads an Application, nil when there is none.
func (w *world) get(name string) *argo.Application {
	w.Helper()
	app := &argo.Application{}
	err := w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, app)
	if apierrors.IsNotFound(err) {
		return nil
	}
	w.must(err)
	return app
}

func (w *world) set(name string) *argo.ApplicationSet {
	w.Helper()
	set := &argo.ApplicationSet{}
	w.must(w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, set))
	return set
}

// gauge sums a metric of the manager over the series that have the labels, given as name and value in turn.
func (w *world) gauge(name string, labels ...string) (sum float64) {
	w.Helper()
	families, err := w.registry.Gather()
	w.must(err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			has := map[string]string{}
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			matches := true
			for i := 0; i+1 < len(labels); i += 2 {
				matches = matches && has[labels[i]] == labels[i+1]
			}
			if matches {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
