package resolve_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/budget"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// decider is what is tested: resolve.Make, or a faulty one that a test plants.
type decider func(resolve.Input) resolve.Plan

// world is all that lies around a decision: the config repository, the cluster Secrets, and what Argo CD's controllers make of the
// ApplicationSets. It holds values only, so that a copy is a snapshot.
type world struct {
	releases    []resolve.SourceRelease
	offered     []version.Minor
	unavailable *fault.Reason
	tags        bool
	clusters    []resolve.Cluster
	policy      resolve.Policy
	ledger      budget.Ledger
	now         time.Time
	// orders are what people ask for each cluster.
	orders map[string]resolve.Orders
	// admitted, succeeded and released are what is remembered of each cluster.
	admitted  map[string]resolve.Admitted
	succeeded map[string]string
	released  map[string][]resolve.Released
	// listed are the elements of each cluster's ApplicationSet.
	listed map[string][]resolve.Element
	apps   map[string]application
	// objects are the addons' own objects on the clusters, with the release they are of.
	objects map[resolve.PairKey]string
	// health is what Argo CD finds.
	health  script
	created int
	// patience is how many more writes a manager makes before it dies; below zero it lives.
	patience int
	// deletions are all that were begun.
	deletions []deletion
}

// deletion is one Application that a manager deleted.
type deletion struct {
	resolve.PairKey
	action resolve.Action
	at     time.Time
	// granted is set when the ledger had a grant then, approval the list that a person approved; decommissioned when its cluster was given up.
	granted, decommissioned bool
	approval                string
}

// application is one Application in Argo CD's namespace.
type application struct {
	resolve.Element
	cluster             string
	uid                 int
	finalizer, deleting bool
	// status is what Argo CD reported last, proved the last release at which the addon was healthy in truth.
	status resolve.Status
	proved string
}

func newWorld() *world {
	return &world{
		now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), patience: -1,
		orders: map[string]resolve.Orders{}, admitted: map[string]resolve.Admitted{}, succeeded: map[string]string{}, released: map[string][]resolve.Released{},
		listed: map[string][]resolve.Element{}, apps: map[string]application{}, objects: map[resolve.PairKey]string{},
	}
}

func (w *world) clone() *world {
	c := *w
	c.releases, c.clusters, c.offered = slices.Clone(w.releases), slices.Clone(w.clusters), slices.Clone(w.offered)
	c.orders, c.admitted, c.succeeded, c.released = maps.Clone(w.orders), maps.Clone(w.admitted), maps.Clone(w.succeeded), maps.Clone(w.released)
	c.listed, c.apps, c.objects = maps.Clone(w.listed), maps.Clone(w.apps), maps.Clone(w.objects)
	c.deletions = slices.Clone(w.deletions)
	return &c
}

// input is what a manager would gather from the world.
func (w *world) input() resolve.Input {
	in := resolve.Input{
		Source:    resolve.Source{Releases: w.releases, Offered: w.offered, Unavailable: w.unavailable, RevisionTag: w.tags},
		Policy:    w.policy,
		Clusters:  slices.Clone(w.clusters),
		Delivered: w.delivered(),
		Ledger:    w.ledger,
		Now:       w.now,
	}
	have := map[string]bool{}
	for _, c := range in.Clusters {
		have[c.Name] = true
	}
	known := map[string]bool{}
	for name := range w.listed {
		known[name] = w.orders[name].Decommission != nil
	}
	for name, delivered := range in.Delivered {
		known[name] = known[name] || len(delivered) > 0
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if known[name] && !have[name] {
			in.Clusters = append(in.Clusters, resolve.GoneCluster(name))
		}
	}
	for i := range in.Clusters {
		c := &in.Clusters[i]
		c.Orders, c.Admitted, c.Succeeded, c.Released = w.orders[c.Name], w.admitted[c.Name], w.succeeded[c.Name], w.released[c.Name]
	}
	return in
}

func (w *world) delivered() map[string][]resolve.Delivered {
	found := map[string]map[string]resolve.Delivered{}
	at := func(cluster string) map[string]resolve.Delivered {
		if found[cluster] == nil {
			found[cluster] = map[string]resolve.Delivered{}
		}
		return found[cluster]
	}
	for cluster, elements := range w.listed {
		for _, e := range elements {
			at(cluster)[e.Application] = resolve.Delivered{Element: e, Listed: true}
		}
	}
	for name, app := range w.apps {
		d, listed := at(app.cluster)[name]
		if !listed {
			d.Element = app.Element
			d.Finalize, d.Moved = false, "" // An Application says the one by its finalizer, and nothing of the other.
		}
		d.Exists, d.Deleting, d.Finalizer, d.Marked = true, app.deleting, app.finalizer, app.Disabled != ""
		d.Status = app.status
		d.Status.Release = app.Release
		at(app.cluster)[name] = d
	}
	delivered := map[string][]resolve.Delivered{}
	for cluster, byName := range found {
		delivered[cluster] = slices.SortedFunc(maps.Values(byName), func(a, b resolve.Delivered) int { return cmp.Compare(a.Addon, b.Addon) })
	}
	return delivered
}

// apply does what a manager does about a plan, and counts its writes. It stops in the middle when the manager dies.
func (w *world) apply(plan resolve.Plan) (writes int) {
	write := func(do func()) bool {
		if w.patience == 0 {
			return false
		}
		w.patience--
		writes++
		do()
		return true
	}
	// What the fleet can bear is written down before anybody acts on it.
	if !reflect.DeepEqual(w.ledger, plan.Ledger) && !write(func() { w.ledger = plan.Ledger }) {
		return writes
	}
	for i := range plan.Clusters {
		c := &plan.Clusters[i]
		if !w.applyCluster(c, write) {
			return writes
		}
		// The report comes last.
		if reflect.DeepEqual(w.released[c.Name], c.Released) && w.succeeded[c.Name] == c.Succeeded {
			continue
		}
		if !write(func() { w.released[c.Name], w.succeeded[c.Name] = c.Released, c.Succeeded }) {
			return writes
		}
	}
	return writes
}

// applyCluster writes what a plan says of one cluster; it answers false when the manager died.
func (w *world) applyCluster(c *resolve.ClusterPlan, write func(func()) bool) bool {
	if c.Held {
		return true
	}
	if _, has := w.listed[c.Name]; c.DeleteSet {
		return !has || write(func() {
			delete(w.listed, c.Name)
			delete(w.admitted, c.Name)
		})
	}
	elements := []resolve.Element{}
	for _, p := range c.Pairs {
		if p.Element != nil {
			elements = append(elements, *p.Element)
		}
	}
	if _, has := w.listed[c.Name]; (has || len(elements) > 0) && (!slices.Equal(w.listed[c.Name], elements) || w.admitted[c.Name] != c.Admitted) {
		if !write(func() { w.listed[c.Name], w.admitted[c.Name] = elements, c.Admitted }) {
			return false
		}
	}
	for _, p := range c.Pairs {
		if p.Delete && !w.remove(p, c.Decommissioned, write) {
			return false
		}
	}
	return true
}

// remove deletes one Application.
func (w *world) remove(p resolve.Pair, decommissioned bool, write func(func()) bool) bool {
	app, exists := w.apps[p.Application]
	if !exists {
		return true
	}
	if p.Orphan && app.finalizer && !write(func() { app.finalizer = false; w.apps[p.Application] = app }) {
		return false
	}
	if app.deleting || app.finalizer != (p.Action == resolve.Remove) {
		return true // A manager refuses to delete what would not end as promised.
	}
	return write(func() {
		app.deleting = true
		w.apps[p.Application] = app
		d := deletion{PairKey: resolve.PairKey{Cluster: p.Cluster, Addon: p.Addon}, action: p.Action, at: w.now, decommissioned: decommissioned}
		for _, g := range w.ledger.Grants {
			if g.Cluster == p.Cluster && g.Addon == p.Addon && g.Action == string(p.Action) {
				d.granted, d.approval = true, g.Approval
			}
		}
		w.deletions = append(w.deletions, d)
	})
}

// argo is one pass of Argo CD's controllers: Applications are created and updated, never deleted, from what is listed; those being
// deleted go, and take their objects along if they have the finalizer. It counts changes.
func (w *world) argo() (changes int, err error) {
	for _, cluster := range slices.Sorted(maps.Keys(w.listed)) {
		for _, e := range w.listed[cluster] {
			app, exists := w.apps[e.Application]
			if exists && app.cluster != cluster {
				return changes, fmt.Errorf("Application %s is listed by %s and %s", e.Application, app.cluster, cluster)
			}
			if exists && (app.deleting || app.Element == e && app.finalizer == e.Finalize) {
				continue
			}
			if !exists {
				w.created++
				app.uid = w.created
			}
			if app.Release != e.Release {
				app.proved = ""
			}
			app.Element, app.cluster, app.finalizer = e, cluster, e.Finalize
			w.apps[e.Application] = app
			changes++
		}
	}
	for name, app := range w.apps {
		key := resolve.PairKey{Cluster: app.cluster, Addon: app.Addon}
		switch {
		case !app.deleting:
			if w.look(&app) {
				changes++
			}
			w.apps[name] = app
		case app.finalizer && w.health.mode(key, app.Release) == unreachable:
		case app.finalizer:
			delete(w.objects, key)
			delete(w.apps, name)
			changes++
		default:
			delete(w.apps, name)
			changes++
		}
	}
	return changes, nil
}

// rounds is more than any sequence of steps takes: finalizer, unlist and delete, gone, again for what depended on it.
const rounds = 30

// settle plans and applies until nothing changes, and returns the last plan.
func (w *world) settle(decide decider) (resolve.Plan, error) {
	for range rounds {
		plan := decide(w.input())
		writes := w.apply(plan)
		changes, err := w.argo()
		if err != nil {
			return plan, err
		}
		if writes+changes == 0 {
			return plan, nil
		}
	}
	return resolve.Plan{}, fmt.Errorf("it does not come to rest in %d rounds", rounds)
}

// String shows what runs, one line each: the Application's name, the number of its birth, and what is left without one.
func (w *world) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w.apps)) {
		app := w.apps[name]
		fmt.Fprintf(&b, "%s #%d %s %.12s %s", name, app.uid, app.Release, app.Revision, app.Server)
		if app.finalizer {
			b.WriteString(" finalizer")
		}
		b.WriteByte('\n')
	}
	var left []string
	owned := map[resolve.PairKey]bool{}
	for _, app := range w.apps {
		owned[resolve.PairKey{Cluster: app.cluster, Addon: app.Addon}] = true
	}
	for key, release := range w.objects {
		if !owned[key] {
			left = append(left, fmt.Sprintf("left on %s: objects of %s %s\n", key.Cluster, key.Addon, release))
		}
	}
	slices.Sort(left)
	return b.String() + strings.Join(left, "")
}

// commitOf makes the commit that a tag of these tests names.
func commitOf(tag string) string {
	sum := sha256.Sum256([]byte(tag))
	return hex.EncodeToString(sum[:])[:40]
}

func mustTag(name string) release.Tag {
	tag, err := release.ParseTag(name)
	if err != nil {
		panic(err)
	}
	return tag
}

// set adds a release or takes the place of the one with the same tag.
func (w *world) set(r resolve.SourceRelease) {
	w.forget(r.Tag)
	w.releases = append(w.releases, r)
}

func (w *world) forget(tag release.Tag) {
	w.releases = slices.DeleteFunc(slices.Clone(w.releases), func(r resolve.SourceRelease) bool { return r.Tag == tag })
}
