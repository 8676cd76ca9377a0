// Package resolve decides, for every addon on every cluster, which release it should have and what is to be done about it.
//
// It is a pure function of releases, clusters, what is delivered and the time. The offline plan, the controller, status and
// explain all use it, so they agree. Its promise: absence never deletes. Whatever cannot be read, has vanished or is refused
// holds what is there, and says so; a pair leaves only because its addon was switched off, or because the release or the
// Kubernetes version that the cluster moved to does not offer it.
package resolve

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/rollout"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Action is what is to be done about a pair.
type Action string

// The actions.
const (
	// Install delivers what was not there.
	Install Action = "install"
	// Move changes the release, up or down; the Application stays the same object.
	Move Action = "move"
	// Keep changes no release; settings such as a new server address may still be written.
	Keep Action = "keep"
	// Hold keeps what is there against the wish.
	Hold Action = "hold"
	// Disable lets the grace period run before a removal.
	Disable Action = "disable"
	// Remove takes the Application and the addon's objects away.
	Remove Action = "remove"
	// Release takes the Application away and leaves the addon's objects on the cluster.
	Release Action = "release"
)

// Actions lists all of them, in the order in which people think of them.
var Actions = []Action{Install, Move, Keep, Hold, Disable, Remove, Release}

// Cluster is one cluster and the Kubernetes version found for it.
type Cluster struct {
	cluster.Facts
	// Detected is the version that was found where the Secret reports none; zero when it could not be.
	Detected version.Kubernetes
	// Undetected says why there is no version.
	Undetected string
	// Gone is set when Applications of the cluster exist and its Secret does not.
	Gone bool
	// Duplicate is set when another Secret claims the same name or server.
	Duplicate *fault.Reason
	// Orders are what people ask for this cluster alone.
	Orders Orders
	// Admitted is the release that the cluster was last let to, and when.
	Admitted Admitted
	// Succeeded is the release at which the cluster was once ready for long enough, as far as that is recorded.
	Succeeded string
	// Released are the addons whose objects were left on the cluster, as far as that is recorded.
	Released []Released
}

// Version is the version the cluster counts as having; zero when unknown.
func (c Cluster) Version() version.Kubernetes {
	if !c.ReportedVersion.Minor.IsZero() {
		return c.ReportedVersion
	}
	return c.Detected
}

// Delivered is what exists of one pair.
type Delivered struct {
	// Element is what the ApplicationSet lists, or where it lists nothing, what the Application says.
	Element
	// Listed is set when the ApplicationSet names the pair.
	Listed bool
	// Exists is set when the Application is there; Deleting when it is on its way out; Finalizer when deleting it prunes its objects.
	Exists, Deleting, Finalizer bool
	// Marked is set when the Application itself says that it is on its way out.
	Marked bool
	// Status is what Argo CD reports of the Application.
	Status Status
}

// Status is Argo CD's report on one Application.
type Status struct {
	// Release is the release the Application itself names: the one delivered.
	Release string
	// Sync and Health are Argo CD's words; Revision is the one they were found at.
	Sync, Health, Revision string
	// Message is Argo CD's error, if any.
	Message string
	// Reconciled is when Argo CD found it so, HealthSince since when the health is what it is; zero when it does not say.
	Reconciled, HealthSince time.Time
	// Operation is Argo CD's last sync.
	Operation Operation
}

// Operation is one sync by Argo CD.
type Operation struct {
	// Phase is Argo CD's word: Running, Terminating, Succeeded, Failed or Error; empty when there was none.
	Phase string
	// Revision is what was synced.
	Revision string
	// Finished is zero while it runs.
	Finished time.Time
}

// PairKey names a pair.
type PairKey struct{ Cluster, Addon string }

// Pair is the decision about one addon on one cluster.
type Pair struct {
	Cluster     string            `json:"cluster"`
	Addon       string            `json:"addon"`
	Minor       string            `json:"minor"`
	Placement   catalog.Placement `json:"placement"`
	Application string            `json:"application"`
	// Delivered is the release the Application names, "" when there is none.
	Delivered string `json:"delivered"`
	// Wanted is the release the pair should have, "" when it should have none or that is not known.
	Wanted string `json:"wanted"`
	// Revision is what the Application is told to have after this plan.
	Revision string         `json:"revision"`
	Action   Action         `json:"action"`
	Reasons  []fault.Reason `json:"reasons"`

	// Element is what the ApplicationSet should list; nil when the pair should not be listed. It is read-only: where nothing changes, it is
	// the one that was delivered.
	Element *Element `json:"-"`
	// Delete asks for the Application to be deleted, once the ApplicationSet lists it no more.
	Delete bool `json:"-"`
	// Orphan asks for any resources finalizer to come off first, so that the deletion prunes nothing.
	Orphan bool `json:"-"`
	// On is why the addon is switched on: SwitchedOn, EnabledByDefault or AlwaysOn; "" when it is not, or when that is not known.
	On fault.Code `json:"-"`
	// Status is Argo CD's report, carried along for people.
	Status Status `json:"-"`
	// PruneCRDs lets the addon's CustomResourceDefinitions go with it.
	PruneCRDs bool `json:"-"`
	// RemovalAt is when the grace of a pair that is being disabled ends; zero for every other.
	RemovalAt time.Time `json:"-"`

	// part is set for a pair that takes part in the release its cluster is admitted to, waits while a dependency keeps it from going there.
	part, waits bool
	// asks is set for one that would be installed if its cluster were let to the release.
	asks bool
}

// ClusterPlan is the decision about one cluster.
type ClusterPlan struct {
	Name              string         `json:"name"`
	KubernetesVersion string         `json:"kubernetesVersion"`
	Minor             string         `json:"minor"`
	Release           string         `json:"release"`
	Reasons           []fault.Reason `json:"reasons"`

	// Held is set when nothing at all may be written about the cluster. A cluster that is held for its Reasons, and whose Applications name
	// a tag that moved, is not Held until they name the commit.
	Held     bool            `json:"-"`
	Pairs    []Pair          `json:"-"`
	Problems []fault.Problem `json:"-"`

	// Admitted is the release that the cluster is let to, to be remembered with its ApplicationSet; its release is empty when there is nothing
	// to remember.
	Admitted Admitted `json:"-"`
	// Succeeded is the release at which the cluster was ready for long enough, to be recorded.
	Succeeded string `json:"-"`
	// Released are the addons whose objects stay on the cluster without an Application. It has to be recorded before one is deleted.
	Released []Released `json:"-"`
	// Decommissioned is set while the cluster is given up by order; DeleteSet asks for its ApplicationSet to be deleted, now that nothing is left.
	Decommissioned, DeleteSet bool `json:"-"`
	// Standing is what the fleet as a whole has to know of the cluster.
	Standing Standing `json:"-"`
	// Next is when time alone changes the decision; zero when it does not.
	Next time.Time `json:"-"`

	// due are the deletions whose grace is over, coming those whose grace ends within the hour.
	due, coming []budget.Deletion
}

// Plan is the decision about the fleet.
type Plan struct {
	Pairs    []Pair         `json:"pairs"`
	Clusters []ClusterPlan  `json:"clusters"`
	Releases []ReleaseState `json:"releases"`
	// Rollouts are how far the newest release of each minor has come.
	Rollouts []rollout.Status `json:"rollouts"`
	// Quarantine is what would be deleted beyond the budget; nil when nothing would.
	Quarantine *budget.Quarantine `json:"quarantine"`
	Problems   []fault.Problem    `json:"problems"`

	// Ledger is what has to be remembered of deletions, before any is carried out.
	Ledger budget.Ledger `json:"-"`
}

// Input is everything a plan depends on.
type Input struct {
	Source Source
	Policy Policy
	// Clusters with a Secret, and those without one that something is known of beside what is delivered.
	Clusters []Cluster
	// Delivered is what exists, by cluster name.
	Delivered map[string][]Delivered
	// Ledger is what was decided about deletions before.
	Ledger budget.Ledger
	// Now is when the plan is made.
	Now time.Time
}

// Make plans the whole fleet: every pair, sorted by cluster and addon.
func Make(in Input) Plan {
	s := Prepare(in.Source, in.Policy, NamesOf(in.Delivered))
	clusters := withGone(in.Clusters, in.Delivered)
	facts := make([]cluster.Facts, len(clusters))
	for i, c := range clusters {
		facts[i] = c.Facts
	}
	duplicates := cluster.Duplicates(facts)

	plan := Plan{Clusters: make([]ClusterPlan, 0, len(clusters)), Releases: s.states, Problems: slices.Clone(in.Source.Problems)}
	for i := range clusters {
		c := &clusters[i]
		if i > 0 && c.Name == clusters[i-1].Name {
			plan.Problems = append(plan.Problems, c.Problems...)
			continue // Two Secrets of one name are one cluster, which is held.
		}
		if d, ok := duplicates[c.Name]; ok {
			c.Duplicate = &d
		}
		plan.Clusters = append(plan.Clusters, ClusterPlan{})
	}
	clusters = slices.CompactFunc(clusters, func(a, b Cluster) bool { return a.Name == b.Name })
	// In a fleet at rest every cluster has as many pairs as before: then they lie side by side from the start, and nothing is copied.
	starts := make([]int, len(clusters)+1)
	for i := range clusters {
		starts[i+1] = starts[i] + len(in.Delivered[clusters[i].Name])
	}
	all := make([]Pair, starts[len(clusters)])
	decide := func(i int, permit Permit) {
		plan.Clusters[i] = s.cluster(clusters[i], in.Delivered[clusters[i].Name], permit, in.Now, all[starts[i]:starts[i]:starts[i+1]])
	}
	// What every cluster does with what it is let to already says where the fleet stands, and that says what each is let to now.
	standings, given := make([]Standing, len(clusters)), make([]Permit, len(clusters))
	inParallel(len(clusters), func(i int) {
		given[i] = s.Stay(clusters[i], in.Delivered[clusters[i].Name])
		decide(i, given[i])
		standings[i] = plan.Clusters[i].Standing
	})
	// What is let to move may turn out to have something to delete, which the fleet has to bear in turn.
	var permits map[string]Permit
	for range asked {
		now := s.Conduct(standings, in.Ledger, in.Now)
		permits = now.Permits
		plan.Rollouts, plan.Quarantine, plan.Ledger = now.Rollouts, now.Quarantine, now.Ledger
		again := s.follow(clusters, now.Permits, given, func(i int, permit Permit) bool {
			decide(i, permit)
			was, is := &standings[i], &plan.Clusters[i].Standing
			asks := !slices.Equal(was.Due, is.Due) || !slices.Equal(was.Coming, is.Coming)
			standings[i] = plan.Clusters[i].Standing
			return asks
		})
		if !again {
			break
		}
	}
	plan.Pairs = all
	for i := range plan.Clusters {
		// That alone decides nothing else about the cluster.
		if c := &plan.Clusters[i]; permits[c.Name].State == rollout.Succeeded && !c.Held {
			c.Succeeded = c.Standing.At.String()
		}
		plan.Problems = append(plan.Problems, plan.Clusters[i].Problems...)
		if len(plan.Clusters[i].Pairs) != starts[i+1]-starts[i] {
			plan.Pairs = nil
		}
	}
	if plan.Pairs == nil {
		plan.Pairs = joined(plan.Clusters)
	}
	plan.Problems = append(plan.Problems, s.minorProblems(plan.Clusters)...)
	if plan.Problems == nil {
		plan.Problems = []fault.Problem{}
	}
	return plan
}

// asked is how often the fleet is asked for one plan at most. What is let to move asks for deletions, what is granted may let others ask; more
// than that a later pass decides.
const asked = 8

// follow decides again about the clusters whose permit changed, and reports whether any asks for more than before.
func (s *Snapshot) follow(clusters []Cluster, permits map[string]Permit, given []Permit, decide func(i int, permit Permit) bool) bool {
	var asks atomic.Bool
	inParallel(len(clusters), func(i int) {
		permit := permits[clusters[i].Name]
		if permit.decides(given[i]) {
			return
		}
		given[i] = permit
		if decide(i, permit) {
			asks.Store(true)
		}
	})
	return asks.Load()
}

// joined lays the pairs of all clusters side by side.
func joined(clusters []ClusterPlan) []Pair {
	total := 0
	for i := range clusters {
		total += len(clusters[i].Pairs)
	}
	pairs := make([]Pair, 0, total)
	for i := range clusters {
		c, from := &clusters[i], len(pairs)
		pairs = append(pairs, c.Pairs...)
		c.Pairs = pairs[from:len(pairs):len(pairs)] // One copy of a large fleet is enough.
	}
	return pairs
}

// workers share the clusters of a large fleet; deciding about one depends on no other.
const workers = 8

// inParallel calls do for each number below n, in stretches, so that no two workers write side by side.
func inParallel(n int, do func(i int)) {
	stretch := (n + workers - 1) / workers
	var all sync.WaitGroup
	for from := 0; from < n; from += stretch {
		all.Go(func() {
			for i := from; i < min(from+stretch, n); i++ {
				do(i)
			}
		})
	}
	all.Wait()
}

// withGone adds a cluster for everything that is delivered where no Secret is, and sorts by name.
func withGone(clusters []Cluster, delivered map[string][]Delivered) []Cluster {
	all := slices.Clone(clusters)
	have := make(map[string]bool, len(all))
	for _, c := range all {
		have[c.Name] = true
	}
	for name, pairs := range delivered {
		if !have[name] && len(pairs) > 0 {
			all = append(all, GoneCluster(name))
		}
	}
	slices.SortFunc(all, func(a, b Cluster) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Server, b.Server), cmp.Compare(a.DisplayName, b.DisplayName))
	})
	return all
}

// GoneCluster stands for a cluster whose Secret is not there.
func GoneCluster(name string) Cluster {
	return Cluster{Facts: cluster.Facts{Name: name}, Gone: true}
}

// Names tells which pair has an Application name.
type Names interface {
	Owner(application string) (PairKey, bool)
	// Addons are the names of all addons delivered anywhere.
	Addons() []string
}

type names struct {
	delivered map[string][]Delivered
	addons    []string
	// index is made when a first name is asked for: in a fleet at rest nobody asks.
	index  sync.Once
	owners map[string]PairKey
}

// NamesOf tells the names of what is delivered.
func NamesOf(delivered map[string][]Delivered) Names {
	n := &names{delivered: delivered}
	seen := map[string]bool{}
	for _, pairs := range delivered {
		for i := range pairs {
			if a := pairs[i].Addon; !seen[a] {
				seen[a] = true
				n.addons = append(n.addons, a)
			}
		}
	}
	slices.Sort(n.addons)
	return n
}

// Owner implements Names.
func (n *names) Owner(application string) (PairKey, bool) {
	n.index.Do(func() {
		n.owners = map[string]PairKey{}
		for name, pairs := range n.delivered {
			for i := range pairs {
				n.owners[pairs[i].Application] = PairKey{name, pairs[i].Addon}
			}
		}
	})
	key, ok := n.owners[application]
	return key, ok
}

// Addons implements Names.
func (n *names) Addons() []string { return n.addons }
