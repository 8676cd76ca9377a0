package registry

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

// largeIndex is an index of so many bytes, with charts as the largest public repositories have: some hundred of them, a hundred versions each.
func largeIndex(size int) []byte {
	var b bytes.Buffer
	b.Grow(size + 1<<20)
	b.WriteString("apiVersion: v1\nentries:\n")
	for chart := 0; b.Len() < size; chart++ {
		fmt.Fprintf(&b, "  chart-%03d:\n", chart)
		for v := 99; v >= 0; v-- {
			fmt.Fprintf(&b, `  - annotations:
      artifacthub.io/images: |
        - name: app
          image: registry.example.com/team/app:2.%[1]d.0
        - name: exporter
          image: registry.example.com/team/exporter:1.%[1]d.0-debian-12-r3
      artifacthub.io/changes: |
        - kind: fixed
          description: Set the right port for release %[1]d
      category: Infrastructure
      licenses: Apache-2.0
    apiVersion: v2
    appVersion: 2.%[1]d.0
    created: "2026-01-02T03:04:%02[3]d.123456789Z"
    dependencies:
    - name: common
      repository: oci://registry.example.com/charts
      tags:
      - common
      version: 2.x.x
    description: Something that people run in clusters, described in a sentence of about the usual
      length that goes on in the next line.
    digest: %[4]s
    home: https://example.com
    icon: https://example.com/assets/chart-%03[2]d/icon.png
    keywords:
    - metrics
    - proxy
    - http
    kubeVersion: '>=1.%[5]d.0-0'
    maintainers:
    - name: Somebody
      url: https://github.com/example/charts
    name: chart-%03[2]d
    sources:
    - https://github.com/example/charts/tree/main/chart-%03[2]d
    urls:
    - https://charts.example.com/chart-%03[2]d-1.%[1]d.0.tgz
    version: 1.%[1]d.0
`, v, chart, v%60, someDigest[7:], 20+v/10)
		}
	}
	b.WriteString("generated: \"2026-01-02T03:04:05.123456789Z\"\n")
	return b.Bytes()
}

// peak is how many bytes the heap has at most while something is done, beyond what it had before.
func peak(do func()) uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	runtime.GC()
	metrics.Read(sample)
	before, most := sample[0].Value.Uint64(), uint64(0)
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	do()
	close(stop)
	watching.Wait()
	return most - min(before, most)
}

// TestLargeRepository asks one with an index of 40 MB for a chart, then for forty: it is fetched once, and takes little more memory than it has bytes. The
// next time only whether it changed is asked.
func TestLargeRepository(t *testing.T) {
	h := upstreams.NewHelm(t)
	h.SetIndex(largeIndex(40 << 20))
	dir := t.TempDir()
	for i, what := range []string{"fetched", "kept"} {
		c := newClient(Options{Dir: dir})
		ask := func(chart int) {
			list, err := c.Versions(t.Context(), h.URL(), fmt.Sprintf("chart-%03d", chart))
			if err != nil || len(list) != 100 {
				t.Fatalf("%d versions, %v", len(list), err)
			}
			if one := list[42]; one.Name != "1.57.0" || one.App != "2.57.0" || one.Kubernetes != ">=1.25.0-0" || one.Digest != someDigest || len(one.Links) != 2 || one.Created.IsZero() {
				t.Fatalf("got %+v", one)
			}
		}
		var first, forty time.Duration
		began := time.Now()
		most := peak(func() { ask(7); first = time.Since(began) })
		began = time.Now()
		for chart := range 40 {
			ask(chart)
		}
		forty = time.Since(began)
		t.Logf("%s: the first chart %s, forty more %s, %d MiB of memory", what, first.Round(time.Millisecond), forty.Round(time.Millisecond), most>>20)
		if asked, unchanged := c.Spent(); asked != 1 || unchanged != i {
			t.Errorf("%s: %d requests, %d for nothing new", what, asked, unchanged)
		}
		if most > 200<<20 {
			t.Errorf("%s: it took %d MiB of memory", what, most>>20)
		}
	}
}

// BenchmarkIndex reads one of 40 MB: first where the charts are, then one of them.
func BenchmarkIndex(b *testing.B) {
	text := largeIndex(40 << 20)
	b.Run("scan", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := scan(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	x, err := scan(text)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("one chart of 100 versions", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if list, err := read[metadata](x, "chart-007", ""); err != nil || len(list) != 100 {
				b.Fatal(len(list), err)
			}
		}
	})
	b.Run("one version", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := x.find("chart-007", "1.42.0"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
