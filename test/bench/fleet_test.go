// Package bench measures the controller and its way of using Argo CD on real control planes. Run it with `make bench`; sizes are set by
// BENCH_CLUSTERS and BENCH_ADDONS. Every number that compares is a ratio of two things measured in the same run.
package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/manager"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
	"github.com/addon-manager/addon-manager/test/sandbox"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr), zap.Level(zapLevel())))
	os.Exit(m.Run())
}

// size reads a size from the environment.
func size(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%q is no number from 1", name, text)
	}
	return n
}

// once ends the framework's own timing before anything is measured: a scenario of minutes runs one time, and its metrics are the result.
func once(b *testing.B) {
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
}

// fleet is a management cluster full of cluster Secrets.
type fleet struct {
	*testing.B
	ctx      context.Context
	plane    *plane.ControlPlane
	config   *rest.Config
	client   client.WithWatch
	url      string
	clusters int
	addons   int
	registry *prometheus.Registry
	argocd   *sandbox.ArgoCD
}

func newFleet(b *testing.B, clusters, addons int) *fleet {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	f := &fleet{B: b, ctx: ctx, plane: plane.Start(b), clusters: clusters, addons: addons}
	f.config = rest.CopyConfig(f.plane.Config)
	f.config.QPS, f.config.Burst = 2000, 4000
	scheme, err := manager.Scheme()
	f.must(err)
	f.client, err = client.NewWithWatch(f.config, client.Options{Scheme: scheme})
	f.must(err)
	f.serve()
	return f
}

func (f *fleet) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// note prints a line with the time since the start, as building up a fleet takes minutes.
func (f *fleet) note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// install applies our CRDs; Argo CD's come with Argo CD.
func (f *fleet) install(argo bool) {
	f.Helper()
	files := []string{"../../deploy/crds/addons.kaas.dev_catalogsources.yaml", "../../deploy/crds/addons.kaas.dev_clusteraddons.yaml"}
	if argo {
		dir, err := plane.ModuleDir(f.ctx, "github.com/argoproj/argo-cd/v2")
		f.must(err)
		files = append(files, filepath.Join(dir, "manifests/crds/application-crd.yaml"), filepath.Join(dir, "manifests/crds/applicationset-crd.yaml"))
		f.must(client.IgnoreAlreadyExists(f.client.Create(f.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: sandbox.Namespace}})))
	}
	for _, file := range files {
		f.must(sandbox.ApplyFile(f.ctx, f.config, file))
	}
	f.until("the CRDs are served", func() bool {
		return f.client.List(f.ctx, &v1alpha1.CatalogSourceList{}) == nil && f.client.List(f.ctx, &argocd.ApplicationSetList{}, client.Limit(1)) == nil
	})
}

func (f *fleet) until(what string, done func() bool) {
	f.Helper()
	for deadline := time.Now().Add(40 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatalf("gave up waiting: %s", what)
		}
	}
}

// addon is the name of the i-th addon.
func addon(i int) string { return fmt.Sprintf("addon-%02d", i) }

// cluster is the name of the i-th cluster.
func cluster(i int) string { return fmt.Sprintf("cluster-%05d", i) }

// serve makes the config repository: plain YAML addons, one release.
func (f *fleet) serve() {
	f.Helper()
	repo, err := gitrepo.Create(filepath.Join(f.TempDir(), "config.git"))
	f.must(err)
	files := map[string]string{}
	var text strings.Builder
	text.WriteString("apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [\"1.31\"]}\naddons:\n")
	for i := range f.addons {
		fmt.Fprintf(&text, "- {name: %s}\n", addon(i))
		files["addons/"+addon(i)+"/config.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + addon(i) + "}\n"
	}
	files["catalog.yaml"] = text.String()
	for _, branch := range []string{"main", "release-1.31"} {
		_, err = repo.Commit(branch, files, "one")
		f.must(err)
	}
	f.must(repo.Tag("v1.31-ake.1", "release-1.31"))
	server, err := githttp.Handler(filepath.Dir(repo.Dir), githttp.Options{})
	f.must(err)
	base, _, err := server.Serve(f.ctx, "127.0.0.1:0")
	f.must(err)
	f.url = base + "/" + filepath.Base(repo.Dir)
}

// parallel runs n jobs and ends the benchmark at an error.
func (f *fleet) parallel(n int, job func(i int) error) {
	f.Helper()
	f.must(each(n, job))
}

// each runs n jobs on a few goroutines and answers one of their errors.
func each(n int, job func(i int) error) error {
	jobs := make(chan int)
	errs := make(chan error, 1)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := range jobs {
				if err := job(i); err != nil {
					select {
					case errs <- err:
					default:
					}
				}
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// populate makes the cluster Secrets. Every addon is on everywhere, but the last, which is for the measurements.
func (f *fleet) populate() {
	f.Helper()
	f.note("making %d cluster Secrets with %d addons", f.clusters, f.addons)
	f.parallel(f.clusters, func(i int) error {
		labels := map[string]string{"argocd.argoproj.io/secret-type": "cluster"}
		for a := range f.addons - 1 {
			labels["addons.kaas.dev/"+addon(a)] = "enabled"
		}
		return f.client.Create(f.ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: cluster(i), Namespace: sandbox.Namespace, Labels: labels, Annotations: map[string]string{"addons.kaas.dev/kubernetes-version": "v1.31.4"}},
			Data: map[string][]byte{
				"name": []byte(cluster(i)), "server": []byte("https://" + cluster(i) + ".example.com"),
				"config": fmt.Appendf(nil, `{"bearerToken":%q}`, strings.Repeat("t", 900)),
			},
		})
	})
}

// run starts a manager in this process and waits until it has decided about every cluster. The time it took is returned.
func (f *fleet) run() (stop func(), ready time.Duration) {
	f.Helper()
	ctx, cancel := context.WithCancel(f.ctx)
	f.registry = prometheus.NewRegistry()
	done := make(chan error, 1)
	started := time.Now()
	go func() {
		done <- manager.Run(ctx, f.config, manager.Options{
			Namespace: sandbox.Namespace, MetricsAddress: "0", ProbeAddress: "0", Registry: f.registry, CacheDir: filepath.Join(f.TempDir(), "mirror"),
		})
	}()
	stop = func() { cancel(); <-done }
	f.until("the manager has decided about every cluster", func() bool {
		select {
		case err := <-done:
			f.Fatalf("manager: %v", err)
		default:
		}
		return int(f.metric("addon_manager_clusters")) == f.clusters
	})
	return stop, time.Since(started)
}

func (f *fleet) source() {
	f.Helper()
	f.must(f.client.Create(f.ctx, &v1alpha1.CatalogSource{ObjectMeta: metav1.ObjectMeta{Name: "fleet", Namespace: sandbox.Namespace}, Spec: v1alpha1.CatalogSourceSpec{URL: f.url}}))
}

func (f *fleet) metric(name string) (sum float64) {
	f.Helper()
	families, err := f.registry.Gather()
	f.must(err)
	for _, family := range families {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func (f *fleet) writes() float64 { return f.metric("addon_manager_writes_total") }

// settle waits until nothing is written any more.
func (f *fleet) settle() {
	f.Helper()
	last, since := f.writes(), time.Now()
	f.until("the manager is still", func() bool {
		if n := f.writes(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 2*time.Second
	})
}

// label sets or removes the label of the addon that measurements use.
func (f *fleet) label(i int, on bool) {
	f.Helper()
	value := "null"
	if on {
		value = `"enabled"`
	}
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{"addons.kaas.dev/%s":%s}}}`, addon(f.addons-1), value)
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: cluster(i), Namespace: sandbox.Namespace}}
	f.must(f.client.Patch(f.ctx, s, client.RawPatch("application/merge-patch+json", patch)))
}

// exists waits for an Application and answers how long that took.
func (f *fleet) exists(name string, since time.Time) time.Duration {
	f.Helper()
	f.until("Application "+name, func() bool {
		err := f.client.Get(f.ctx, client.ObjectKey{Namespace: sandbox.Namespace, Name: name}, &argocd.Application{})
		if err != nil && !apierrors.IsNotFound(err) {
			f.Fatal(err)
		}
		return err == nil
	})
	return time.Since(since)
}

// quantile is a sorted sample's value below which a share of it lies.
func quantile(sample []time.Duration, q float64) time.Duration {
	slices.Sort(sample)
	return sample[min(len(sample)-1, int(float64(len(sample))*q))]
}

// report adds a distribution to the benchmark's line, in milliseconds.
func (f *fleet) report(name string, sample []time.Duration) {
	f.ReportMetric(float64(quantile(sample, 0.5))/1e6, name+"-p50-ms")
	f.ReportMetric(float64(quantile(sample, 0.99))/1e6, name+"-p99-ms")
}

// heap is the live heap in MiB.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
