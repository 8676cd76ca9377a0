package bench

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/argocd"
	"github.com/addon-manager/addon-manager/test/sandbox"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func zapLevel() zapcore.Level {
	if os.Getenv("BENCH_LOG") != "" {
		return zapcore.InfoLevel
	}
	return zapcore.PanicLevel
}

// BenchmarkController measures one manager over a whole fleet on a real API server, without Argo CD: from one label to the ApplicationSet,
// a start with nothing to do, events that decide nothing, and a storm of labels beside which a bystander must not starve.
func BenchmarkController(b *testing.B) {
	once(b)
	f := newFleet(b, size(b, "BENCH_CLUSTERS", 1000), size(b, "BENCH_ADDONS", 40))
	f.install(true)
	f.populate()
	f.source()
	f.note("first pass over the fleet")
	stop, first := f.run()
	f.settle()
	b.ReportMetric(first.Seconds(), "first-pass-s")
	b.ReportMetric(heap(), "heap-MiB")

	f.note("one label at a time")
	const changes = 200
	before := f.writes()
	latency := f.labelToSet(changes)
	f.settle()
	f.report("label-to-set", latency)
	b.ReportMetric((f.writes()-before)/changes, "writes/label")

	f.note("events that decide nothing")
	before = f.writes()
	f.parallel(min(f.clusters, 1000), func(i int) error {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: cluster(i), Namespace: sandbox.Namespace}}
		return f.client.Patch(f.ctx, s, client.RawPatch("application/merge-patch+json", []byte(`{"stringData":{"config":"{\"bearerToken\":\"rotated\"}"}}`)))
	})
	f.settle()
	b.ReportMetric(f.writes()-before, "writes-for-1000-rotations")

	f.note("a storm: a fifth of the fleet relabelled at once")
	f.storm()

	f.note("a start with nothing to do")
	f.settle()
	stop()
	stop, start := f.run()
	defer stop()
	f.settle()
	b.ReportMetric(start.Seconds(), "cold-start-s")
	b.ReportMetric(f.writes(), "cold-start-writes")
}

// watchSets tells the time at which each cluster's ApplicationSet was seen to change.
func (f *fleet) watchSets(ctx context.Context) <-chan string {
	f.Helper()
	w, err := f.client.Watch(ctx, &argocd.ApplicationSetList{}, client.InNamespace(sandbox.Namespace))
	f.must(err)
	seen := make(chan string, 2*f.clusters)
	go func() {
		defer close(seen)
		for e := range w.ResultChan() {
			if set, ok := e.Object.(*argocd.ApplicationSet); ok && e.Type == watch.Modified {
				seen <- set.Name
			}
		}
	}()
	f.Cleanup(w.Stop)
	// A watch without a version first tells what exists as added.
	return seen
}

func (f *fleet) labelToSet(changes int) (latency []time.Duration) {
	f.Helper()
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	seen := f.watchSets(ctx)
	for n := range changes {
		i := n / 2 * 7919 % f.clusters // On, and off again.
		started := time.Now()
		f.label(i, n%2 == 0)
		for name := range seen {
			if name == cluster(i) {
				break
			}
		}
		latency = append(latency, time.Since(started))
	}
	return latency
}

func (f *fleet) storm() {
	f.Helper()
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	seen := f.watchSets(ctx)
	hit := f.clusters / 5
	bystander := f.clusters - 1
	f.label(bystander, false)
	f.settle()
	for len(seen) > 0 {
		<-seen
	}
	started := time.Now()
	at := make(map[string]time.Time, hit)
	patched := make(chan error, 1)
	go func() {
		patched <- each(hit, func(i int) error {
			s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: cluster(i), Namespace: sandbox.Namespace}}
			return f.client.Patch(f.ctx, s, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"addons.kaas.dev/`+addon(0)+`":"disabled"}}}`)))
		})
	}()
	time.Sleep(300 * time.Millisecond)
	asked := time.Now()
	f.label(bystander, true)
	for len(at) < hit+1 {
		name := <-seen
		if _, known := at[name]; !known {
			at[name] = time.Now()
		}
	}
	f.must(<-patched)
	f.ReportMetric(time.Since(started).Seconds(), "storm-s")
	f.ReportMetric(float64(at[cluster(bystander)].Sub(asked).Milliseconds()), "bystander-ms")
}
