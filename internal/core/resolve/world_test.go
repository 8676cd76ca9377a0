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
	created int
}

// application is one Application in Argo CD's namespace.
type application struct {
	resolve.Element
	cluster             string
	uid                 int
	finalizer, deleting bool
}

func newWorld() *world {
	return &world{
		now:    time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		orders: map[string]resolve.Orders{}, admitted: map[string]resolve.Admitted{}, succeeded: map[string]string{}, released: map[string][]resolve.Released{},
		listed: map[string][]resolve.Element{}, apps: map[string]application{}, objects: map[resolve.PairKey]string{},
	}
}

func (w *world) clone() *world {
	c := *w
	c.releases, c.clusters, c.offered = slices.Clone(w.releases), slices.Clone(w.clusters), slices.Clone(w.offered)
	c.orders, c.admitted, c.succeeded, c.released = maps.Clone(w.orders), maps.Clone(w.admitted), maps.Clone(w.succeeded), maps.Clone(w.released)
	c.listed, c.apps, c.objects = maps.Clone(w.listed), maps.Clone(w.apps), maps.Clone(w.objects)
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
	for name, at := range w.admitted {
		if !have[name] && (at.Release != "" || w.orders[name].Decommission != nil) && len(in.Delivered[name]) > 0 {
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
			d.Finalize = false // An Application says it by its finalizer.
		}
		d.Exists, d.Deleting, d.Finalizer, d.Marked = true, app.deleting, app.finalizer, app.Disabled != ""
		d.Status = resolve.Status{Release: app.Release, Sync: "Synced", Health: "Healthy", Revision: app.Commit}
		at(app.cluster)[name] = d
	}
	delivered := map[string][]resolve.Delivered{}
	for cluster, byName := range found {
		delivered[cluster] = slices.SortedFunc(maps.Values(byName), func(a, b resolve.Delivered) int { return cmp.Compare(a.Addon, b.Addon) })
	}
	return delivered
}

// apply does what a manager does about a plan, and counts its writes.
func (w *world) apply(plan resolve.Plan) (writes int) {
	w.ledger = plan.Ledger
	for _, c := range plan.Clusters {
		if !reflect.DeepEqual(w.released[c.Name], c.Released) {
			w.released[c.Name] = c.Released
			writes++
		}
		if w.succeeded[c.Name] != c.Succeeded {
			w.succeeded[c.Name] = c.Succeeded
			writes++
		}
		if c.Held {
			continue
		}
		if c.DeleteSet {
			if _, has := w.listed[c.Name]; has {
				delete(w.listed, c.Name)
				delete(w.admitted, c.Name)
				writes++
			}
			continue
		}
		elements := []resolve.Element{}
		for _, p := range c.Pairs {
			if p.Element != nil {
				elements = append(elements, *p.Element)
			}
		}
		if _, has := w.listed[c.Name]; (has || len(elements) > 0) && (!slices.Equal(w.listed[c.Name], elements) || w.admitted[c.Name] != c.Admitted) {
			w.listed[c.Name], w.admitted[c.Name] = elements, c.Admitted
			writes++
		}
		for _, p := range c.Pairs {
			app, exists := w.apps[p.Application]
			if !p.Delete || !exists {
				continue
			}
			if p.Orphan && app.finalizer {
				app.finalizer = false
				w.apps[p.Application] = app
				writes++
			}
			if app.deleting {
				continue
			}
			if app.finalizer != (p.Action == resolve.Remove) {
				continue // A manager refuses to delete what would not end as promised.
			}
			app.deleting = true
			w.apps[p.Application] = app
			writes++
		}
	}
	return writes
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
			app.Element, app.cluster, app.finalizer = e, cluster, e.Finalize
			w.apps[e.Application] = app
			changes++
		}
	}
	for name, app := range w.apps {
		key := resolve.PairKey{Cluster: app.cluster, Addon: app.Addon}
		switch {
		case !app.deleting:
			w.objects[key] = app.Release
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
