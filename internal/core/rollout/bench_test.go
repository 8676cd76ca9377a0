package rollout_test

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// halfway is a fleet in the middle of a rollout: three groups, three minors, some clusters dead.
func halfway(tb testing.TB, clusters int) rollout.Input {
	tb.Helper()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	window, err := rollout.ParseWindow("0 10 * * *", "4h", "Europe/Berlin")
	if err != nil {
		tb.Fatal(err)
	}
	pace := rollout.Pace{MaxConcurrency: rollout.Limit{Value: 10, Percent: true}, MinSuccessTime: time.Hour, ProgressDeadline: 2 * time.Hour, MaxFailures: rollout.Limit{Value: 20, Percent: true}}
	in := rollout.Input{Now: now, Policy: rollout.Policy{Rest: rollout.Group{Name: "rest", Pace: pace}, Windows: []rollout.Window{window}}}
	for _, tier := range []string{"canary", "early", "most"} {
		in.Policy.Groups = append(in.Policy.Groups, rollout.Group{Name: tier, Selector: labels.SelectorFromSet(labels.Set{"tier": tier}), Pace: pace})
	}
	tag := func(m version.Minor, n int) release.Tag { return release.Tag{Minor: m, Distribution: "ake", N: n} }
	for minor := 31; minor <= 33; minor++ {
		for n := 1; n <= 40; n++ {
			in.Releases = append(in.Releases, rollout.Release{Tag: tag(version.Minor{Major: 1, Minor: minor}, n), Usable: true})
		}
	}
	for i := range clusters {
		m := version.Minor{Major: 1, Minor: 31 + i%3}
		c := rollout.Cluster{
			Name: fmt.Sprintf("cluster-%05d", i), Minor: m, At: tag(m, 39), Since: now.Add(-24 * time.Hour), Ready: true, ReadySince: now.Add(-23 * time.Hour),
			Labels: map[string]string{"tier": []string{"canary", "early", "most", "most", "most", "other"}[i%6], "region": "eu", "addons.kaas.dev/cert-manager": "enabled"},
		}
		switch {
		case i%6 < 2:
			c.At = tag(m, 40)
		case i%20 == 3:
			c.Ready, c.Unreachable = false, "connection refused"
		}
		in.Clusters = append(in.Clusters, c)
	}
	return in
}

func benchmarkDecide(b *testing.B, clusters int) {
	in := halfway(b, clusters)
	b.ReportAllocs()
	for b.Loop() {
		if out := rollout.Decide(in); len(out.Permits) != clusters {
			b.Fatalf("%d permits", len(out.Permits))
		}
	}
}

func BenchmarkDecide1000(b *testing.B)  { benchmarkDecide(b, 1000) }
func BenchmarkDecide10000(b *testing.B) { benchmarkDecide(b, 10000) }
