package resolve_test

import (
	"fmt"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
)

// settled is a fleet on three minors with everything delivered: every fifth addon takes a parameter.
func settled(tb testing.TB, clusters, addons int) resolve.Input {
	tb.Helper()
	w := newWorld()
	var entries []string
	for i := range addons {
		entry := fmt.Sprintf(`name: addon-%03d, enabled: always, kubernetes: ">=1.29"`, i)
		if i%5 == 0 {
			entry += ", parameters: [{name: cluster, from: {field: name}}]"
		}
		entries = append(entries, entry)
	}
	c := catalogOf(entries...)
	for _, m := range minorPool {
		tag := release.Tag{Minor: m, Distribution: "ake", N: 1}
		w.set(resolve.SourceRelease{Release: release.Release{Tag: tag, Commit: commitOf(tag.String())}, Catalog: c})
	}
	var all []cluster.Secret
	for i := range clusters {
		s := secret(fmt.Sprintf("cluster-%05d", i))
		s.Annotations[cluster.VersionAnnotation] = "v" + minorPool[i%len(minorPool)].String() + ".4"
		s.Labels[catalog.LabelPrefix+"addon-001"] = "enabled"
		all = append(all, s)
	}
	w.secrets(all...)
	w.apply(resolve.Make(w.input()))
	if _, err := w.argo(); err != nil {
		tb.Fatal(err)
	}
	return w.input()
}

func benchmarkPlan(b *testing.B, clusters, addons int) {
	in := settled(b, clusters, addons)
	b.ReportAllocs()
	for b.Loop() {
		if plan := resolve.Make(in); len(plan.Pairs) != clusters*addons {
			b.Fatalf("%d pairs", len(plan.Pairs))
		}
	}
	b.ReportMetric(float64(clusters*addons), "pairs")
}

func BenchmarkPlan1000x40(b *testing.B)  { benchmarkPlan(b, 1000, 40) }
func BenchmarkPlan10000x50(b *testing.B) { benchmarkPlan(b, 10000, 50) }

// BenchmarkOneCluster is what a controller does when one Secret changes.
func BenchmarkOneCluster(b *testing.B) {
	in := settled(b, 1000, 40)
	s := resolve.Prepare(in.Source, resolve.Policy{}, resolve.NamesOf(in.Delivered))
	c := in.Clusters[500]
	b.ReportAllocs()
	for b.Loop() {
		if plan := s.Cluster(c, in.Delivered[c.Name], s.Stay(c, in.Delivered[c.Name]), in.Now); len(plan.Pairs) != 40 {
			b.Fatalf("%d pairs", len(plan.Pairs))
		}
	}
}
