package manager

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/prometheus/client_golang/prometheus"
)

// fleet remembers the last decision about each cluster, as far as metrics and totals need it.
type fleet struct {
	mu       sync.Mutex
	clusters map[string]summary
	// written is when a cluster's ApplicationSet was last written and Argo CD has not followed yet.
	written map[string]time.Time
	// reported is when a cluster's ClusterAddons was last written, failing since when nothing can be written about it.
	reported, failing map[string]time.Time
	// standings are where the clusters stand in the fleet's rollouts, the last answers of the conductor what is shown of them.
	standings   map[string]resolve.Standing
	rollouts    []rollout.Status
	quarantined int
}

// stand keeps where a cluster stands, and reports whether that is news.
func (f *fleet) stand(s resolve.Standing) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if was, known := f.standings[s.Name]; known && reflect.DeepEqual(was, s) {
		return false
	}
	if f.standings == nil {
		f.standings = map[string]resolve.Standing{}
	}
	f.standings[s.Name] = s
	return true
}

// standsFor reports whether it is known where each of these clusters stands.
func (f *fleet) standsFor(clusters []string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range clusters {
		if _, ok := f.standings[name]; !ok {
			return false
		}
	}
	return true
}

// unreadable keeps a cluster that cannot be read from holding up the fleet.
func (f *fleet) unreadable(name string, why error) bool {
	return f.pending(resolve.Standing{Cluster: rollout.Cluster{Name: name, Exempt: why.Error()}})
}

// pending keeps where a cluster stands that is not known better yet, and reports whether that is news.
func (f *fleet) pending(s resolve.Standing) bool {
	f.mu.Lock()
	_, known := f.standings[s.Name]
	f.mu.Unlock()
	return !known && f.stand(s)
}

// stands are where all clusters stand, by name.
func (f *fleet) stands() []resolve.Standing {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]resolve.Standing, 0, len(f.standings))
	for _, name := range slices.Sorted(maps.Keys(f.standings)) {
		all = append(all, f.standings[name])
	}
	return all
}

// conducted keeps what metrics show of the fleet as a whole.
func (f *fleet) conducted(c resolve.Conducted) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rollouts, f.quarantined = c.Rollouts, 0
	if c.Quarantine != nil {
		f.quarantined = len(c.Quarantine.Deletions)
	}
}

// mayReport answers how long a report about a cluster must wait, zero for not at all: Argo CD changes the Applications of a cluster one by
// one, and a report for each of them would be most of what the manager writes.
func (f *fleet) mayReport(cluster string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, known := f.reported[cluster]
	if !known {
		return 0
	}
	return max(0, reportEvery-now.Sub(last))
}

// reportEvery is how often one cluster's ClusterAddons is written at most.
const reportEvery = time.Second

// failsFor is how long writing about a cluster fails before that is told: most failures are over by then.
const failsFor = 5 * time.Second

// fails keeps whether writing about a cluster failed, and reports whether it has for long.
func (f *fleet) fails(cluster string, failed bool, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !failed {
		delete(f.failing, cluster)
		return false
	}
	if f.failing == nil {
		f.failing = map[string]time.Time{}
	}
	if _, known := f.failing[cluster]; !known {
		f.failing[cluster] = now
	}
	return now.Sub(f.failing[cluster]) >= failsFor
}

func (f *fleet) hasReported(cluster string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reported == nil {
		f.reported = map[string]time.Time{}
	}
	f.reported[cluster] = now
}

// wrote starts the clock on Argo CD; a later write before it has followed does not start it anew.
func (f *fleet) wrote(cluster string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.written == nil {
		f.written = map[string]time.Time{}
	}
	if _, running := f.written[cluster]; !running {
		f.written[cluster] = at
	}
}

// followed stops the clock; ok is false when none runs.
func (f *fleet) followed(cluster string) (since time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	since, ok = f.written[cluster]
	delete(f.written, cluster)
	return since, ok
}

// summary is one cluster's share of the totals.
type summary struct {
	actions map[resolve.Action]int
	holds   map[fault.Code]int
	pairs   int
	ready   int
	held    bool
	// blocking is set when Argo CD cannot read the cluster's Secret.
	blocking bool
	// gone is set when the cluster's Secret is not there and nobody gave the cluster up.
	gone bool
}

func summarize(plan resolve.ClusterPlan, c resolve.Cluster) summary {
	s := summary{gone: c.Gone && !plan.Decommissioned, actions: map[resolve.Action]int{}, holds: map[fault.Code]int{}, pairs: len(plan.Pairs), held: plan.Held, blocking: c.BlocksArgoCD}
	for i := range plan.Pairs {
		p := &plan.Pairs[i]
		s.actions[p.Action]++
		if p.Ready() {
			s.ready++
		}
		if p.Action != resolve.Hold {
			continue
		}
		for _, r := range p.Reasons {
			s.holds[r.Code]++
		}
	}
	return s
}

func (f *fleet) set(cluster string, s summary) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clusters == nil {
		f.clusters = map[string]summary{}
	}
	f.clusters[cluster] = s
}

// knows reports whether all of these clusters have been decided about since the start; totals before are of a part of the fleet.
func (f *fleet) knows(clusters []string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range clusters {
		if _, ok := f.clusters[name]; !ok {
			return false
		}
	}
	return true
}

func (f *fleet) forget(cluster string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.clusters, cluster)
	delete(f.written, cluster)
	delete(f.reported, cluster)
	delete(f.standings, cluster)
	delete(f.failing, cluster)
}

// totals are sums over the fleet.
type totals struct {
	clusters, held, gone, pairs, ready int
	actions                            map[resolve.Action]int
	holds                              map[fault.Code]int
	// blocking names the clusters whose Secret stops Argo CD, sorted.
	blocking []string
}

func (f *fleet) totals() totals {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := totals{clusters: len(f.clusters), actions: map[resolve.Action]int{}, holds: map[fault.Code]int{}}
	for _, name := range slices.Sorted(maps.Keys(f.clusters)) {
		s := f.clusters[name]
		t.pairs += s.pairs
		t.ready += s.ready
		if s.held {
			t.held++
		}
		if s.gone {
			t.gone++
		}
		if s.blocking {
			t.blocking = append(t.blocking, name)
		}
		for a, n := range s.actions {
			t.actions[a] += n
		}
		for c, n := range s.holds {
			t.holds[c] += n
		}
	}
	return t
}

var (
	descPairs      = prometheus.NewDesc("addon_manager_pairs", "Pairs of cluster and addon, by what is done about them.", []string{"action"}, nil)
	descReady      = prometheus.NewDesc("addon_manager_pairs_ready", "Pairs that are Synced and Healthy at the release they should have.", nil, nil)
	descHolds      = prometheus.NewDesc("addon_manager_holds", "Pairs that are kept as they are against the wish, by reason.", []string{"reason"}, nil)
	descClusters   = prometheus.NewDesc("addon_manager_clusters", "Clusters known, by whether anything may change on them.", []string{"held"}, nil)
	descGone       = prometheus.NewDesc("addon_manager_clusters_gone", "Clusters whose Secret vanished while something is delivered to them, and that nobody gave up.", nil, nil)
	descRollout    = prometheus.NewDesc("addon_manager_rollout_clusters", "Clusters by how far the newest release of their minor has come with them.", []string{"minor", "release", "group", "state"}, nil)
	descQuarantine = prometheus.NewDesc("addon_manager_deletions_quarantined", "Deletions beyond the budget that wait for a person's approval.", nil, nil)
	descBlocking   = prometheus.NewDesc("addon_manager_blocking_cluster_secrets", "Cluster Secrets that Argo CD cannot read; while there is one, Argo CD 2.14 reconciles no ApplicationSet.", nil, nil)
)

// Describe implements prometheus.Collector.
func (f *fleet) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descPairs, descReady, descHolds, descClusters, descBlocking, descGone, descRollout, descQuarantine} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (f *fleet) Collect(ch chan<- prometheus.Metric) {
	t := f.totals()
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	for _, a := range resolve.Actions {
		gauge(descPairs, t.actions[a], string(a))
	}
	gauge(descReady, t.ready)
	for code, n := range t.holds {
		gauge(descHolds, n, string(code))
	}
	gauge(descClusters, t.clusters-t.held, "false")
	gauge(descClusters, t.held, "true")
	gauge(descBlocking, len(t.blocking))
	gauge(descGone, t.gone)
	f.mu.Lock()
	rollouts, quarantined := f.rollouts, f.quarantined
	f.mu.Unlock()
	gauge(descQuarantine, quarantined)
	for _, r := range rollouts {
		for _, g := range r.Groups {
			for state, n := range map[rollout.State]int{
				rollout.ToApply: g.ToApply, rollout.Progressing: g.Progressing, rollout.Succeeded: g.Succeeded, rollout.Failed: g.Failed,
				rollout.TimeOut: g.TimeOut, rollout.Skip: g.Skip, rollout.Exempt: g.Exempt,
			} {
				gauge(descRollout, n, r.Minor, r.Release, g.Name, string(state))
			}
		}
	}
}

// counters are the manager's other metrics.
type counters struct {
	gitFailures     prometheus.Counter
	gitFetch        prometheus.Histogram
	argocdDelay     prometheus.Histogram
	probeFailures   prometheus.Counter
	writes          *prometheus.CounterVec
	deletions       *prometheus.CounterVec
	releasesRefused *prometheus.GaugeVec
}

func newCounters() *counters {
	return &counters{
		gitFailures:   prometheus.NewCounter(prometheus.CounterOpts{Name: "addon_manager_git_failures_total", Help: "Attempts to read the config repository that failed."}),
		gitFetch:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "addon_manager_git_fetch_seconds", Help: "Time to ask the config repository for changes.", Buckets: prometheus.ExponentialBuckets(0.01, 3, 10)}),
		probeFailures: prometheus.NewCounter(prometheus.CounterOpts{Name: "addon_manager_version_probe_failures_total", Help: "Attempts to ask a cluster for its version that failed."}),
		argocdDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "addon_manager_argocd_delay_seconds", Help: "Time from an ApplicationSet written until Argo CD has brought all of its Applications to it.",
			Buckets: prometheus.ExponentialBuckets(0.1, 2, 12),
		}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "addon_manager_writes_total", Help: "Objects written, by kind."},
			[]string{"kind"}),
		deletions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "addon_manager_applications_deleted_total", Help: "Applications deleted on purpose, by what becomes of their objects."},
			[]string{"action"}),
		releasesRefused: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "addon_manager_releases_refused", Help: "Releases that nothing moves to, by minor."}, []string{"minor"}),
	}
}

func (c *counters) collectors() []prometheus.Collector {
	return []prometheus.Collector{c.gitFailures, c.gitFetch, c.argocdDelay, c.probeFailures, c.writes, c.deletions, c.releasesRefused}
}
