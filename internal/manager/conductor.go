package manager

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/addon-manager/addon-manager/internal/api/v1alpha1"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/settings"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// conductor decides what no cluster can for itself: which clusters a release reaches next, and which deletions the fleet can bear. It is one
// loop, so that there is one order of decisions; what it grants is written into the CatalogSource before anybody acts on it, with the
// version that was read, so that of two managers only one can.
type conductor struct {
	client client.Client
	// live reads past the cache: what was granted must not be read stale.
	live      client.Reader
	published *atomic.Pointer[published]
	fleet     *fleet
	counters  *counters
	// clusters lists the names of all that must have been looked at before anything is decided.
	clusters func(context.Context) []string
	again    chan<- event.GenericEvent
	// clock is the time that decisions are made by, now measures intervals.
	clock, now func() time.Time
	// poke asks for another pass.
	poke chan struct{}

	mu      sync.Mutex
	permits map[string]resolve.Permit

	// The rest is used by the loop alone.
	ready bool
	// assumed are clusters that were let to a release, until they are seen there.
	assumed map[string]assumption
	written remembered
	last    time.Time
}

// assumption is a permit that was given and is not yet seen in the cluster's ApplicationSet.
type assumption struct {
	from, release release.Tag
	since         time.Time
}

// remembered is what the CatalogSource says of the fleet, as last read or written.
type remembered struct {
	key     client.ObjectKey
	version string
	content conducted
}

// conducted is the conductor's part of a CatalogSource's status.
type conducted struct {
	Rollouts  []v1alpha1.RolloutStatus `json:"rollouts,omitempty"`
	Deletions *v1alpha1.DeletionStatus `json:"deletions,omitempty"`
}

const (
	// conductEvery bounds how often the fleet is decided about; what changes in between is decided together.
	conductEvery = 50 * time.Millisecond
	// rolloutsEvery is how often progress alone is written.
	rolloutsEvery = time.Second
	// conductorOwner is the field manager of the conductor's part of the status.
	conductorOwner = "addon-manager-conductor"
)

func newConductor(c client.Client, live client.Reader, view *atomic.Pointer[published], all *fleet, count *counters, again chan<- event.GenericEvent, clock func() time.Time) *conductor {
	return &conductor{
		client: c, live: live, published: view, fleet: all, counters: count, again: again, clock: clock, now: time.Now,
		poke: make(chan struct{}, 1), permits: map[string]resolve.Permit{}, assumed: map[string]assumption{},
	}
}

// Poke asks for a decision about the fleet; one that waits is enough.
func (c *conductor) Poke() {
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

// permit is what a cluster is let to do; ok is false while that is not decided.
func (c *conductor) permit(cluster string) (p resolve.Permit, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok = c.permits[cluster]
	return p, ok
}

// Start implements manager.Runnable; the leader runs it.
func (c *conductor) Start(ctx context.Context) error {
	log := logf.FromContext(ctx).WithName("conductor")
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.poke:
		case <-timer.C:
		}
		if !sleep(ctx, conductEvery) {
			return nil
		}
		next, err := c.pass(ctx)
		if err != nil && ctx.Err() == nil {
			log.Error(err, "decide about the fleet")
			next = time.Second
		}
		timer.Reset(next)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// idle is how long nothing happens when nobody asks: time alone changes little.
const idle = time.Minute

// pass decides once, and answers when time alone asks for the next.
func (c *conductor) pass(ctx context.Context) (time.Duration, error) {
	view := c.published.Load()
	if view == nil {
		return idle, nil
	}
	if !c.ready {
		if !c.fleet.standsFor(c.clusters(ctx)) {
			return idle, nil // Each cluster that is looked at asks again.
		}
		c.ready = true
	}
	if err := c.read(ctx, view.source); apierrors.IsNotFound(err) {
		return idle, nil // A source that vanishes is no reason to change anything.
	} else if err != nil {
		return 0, err
	}
	now := c.clock()
	standings := c.stand()
	result := view.snapshot.Conduct(standings, settings.Ledger(c.written.content.Deletions), now)
	wait, err := c.write(ctx, result)
	if apierrors.IsConflict(err) {
		c.written = remembered{} // Somebody wrote in between: read it, and decide again.
		c.Poke()
		return idle, nil
	}
	if err != nil {
		return 0, err
	}
	c.publish(ctx, result, standings, now)
	if !result.Next.IsZero() {
		wait = min(wait, max(result.Next.Sub(now), conductEvery))
	}
	return wait, nil
}

// read makes sure that what the CatalogSource remembers is known.
func (c *conductor) read(ctx context.Context, key client.ObjectKey) error {
	if c.written.key == key && c.written.version != "" {
		return nil
	}
	cs := &v1alpha1.CatalogSource{}
	if err := c.live.Get(ctx, key, cs); err != nil {
		return fmt.Errorf("read what is remembered of deletions: %w", err)
	}
	c.written = remembered{key: key, version: cs.ResourceVersion, content: conducted{Rollouts: cs.Status.Rollouts, Deletions: cs.Status.Deletions}}
	return nil
}

// stand is where every cluster stands, and where those were let to that are on their way.
func (c *conductor) stand() []resolve.Standing {
	standings := c.fleet.stands()
	for i := range standings {
		s := &standings[i]
		a, ok := c.assumed[s.Name]
		if !ok {
			continue
		}
		// Where it stands has changed since, or it takes no part any more: then what it says itself counts.
		if s.At != a.from || s.Minor != a.release.Minor || s.Exempt != "" || s.Excluded {
			delete(c.assumed, s.Name)
			continue
		}
		s.At, s.Since, s.Ready, s.Failed, s.Proven = a.release, a.since, false, "", false
	}
	return standings
}

// write records what was decided, before anybody acts on it. Progress alone is not written at every turn; wait is when it is due.
func (c *conductor) write(ctx context.Context, result resolve.Conducted) (wait time.Duration, err error) {
	content := conducted{Rollouts: settings.RolloutStatus(result.Rollouts), Deletions: settings.DeletionStatus(result.Ledger, result.Quarantine)}
	deletions := !equality.Semantic.DeepEqual(content.Deletions, c.written.content.Deletions)
	if !deletions && equality.Semantic.DeepEqual(content.Rollouts, c.written.content.Rollouts) {
		return idle, nil
	}
	if since := c.now().Sub(c.last); !deletions && since >= 0 && since < rolloutsEvery {
		return rolloutsEvery - since, nil
	}
	out := &v1alpha1.CatalogSource{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "CatalogSource"},
		// Progress is written together with the ledger: without the version, another manager's grants would be overwritten by what is known here.
		ObjectMeta: metav1.ObjectMeta{Name: c.written.key.Name, Namespace: c.written.key.Namespace, ResourceVersion: c.written.version},
	}
	version, err := applyStatusAs(ctx, c.client, out, &content, conductorOwner)
	if err != nil {
		return 0, fmt.Errorf("write how far the fleet is: %w", err)
	}
	c.counters.writes.WithLabelValues("CatalogSource").Inc()
	c.written.version, c.written.content, c.last = version, content, c.now()
	return idle, nil
}

// publish makes permits current, and wakes the clusters that may do something else now.
func (c *conductor) publish(ctx context.Context, result resolve.Conducted, standings []resolve.Standing, now time.Time) {
	at := make(map[string]release.Tag, len(standings))
	for i := range standings {
		at[standings[i].Name] = standings[i].At
	}
	c.mu.Lock()
	old := c.permits
	c.permits = result.Permits
	c.mu.Unlock()
	c.fleet.conducted(result)
	for name, permit := range result.Permits {
		if permit.Release != at[name] && !permit.Release.IsZero() && !permit.Ahead() {
			c.assumed[name] = assumption{at[name], permit.Release, now.UTC().Truncate(time.Second)}
		}
		if was, known := old[name]; known && was.Same(permit) {
			continue
		}
		select {
		case c.again <- event.GenericEvent{Object: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}}}:
		case <-ctx.Done():
			return
		}
	}
	for name := range c.assumed {
		if _, known := result.Permits[name]; !known {
			delete(c.assumed, name)
		}
	}
}
