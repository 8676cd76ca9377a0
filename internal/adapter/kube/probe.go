// Package kube reaches the clusters that Argo CD's cluster Secrets lead to: it asks for their Kubernetes version and those of their nodes,
// and removes the CustomResourceDefinitions that Argo CD leaves behind.
package kube

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

const (
	defaultConcurrency = 16
	defaultTimeout     = 5 * time.Second
	defaultTTL         = 2 * time.Minute
	defaultMaxBody     = 64 << 10
	// firstRetry and maxRetry bound the wait between tries of a cluster that does not answer; it doubles with each.
	firstRetry = 10 * time.Second
	maxRetry   = 5 * time.Minute
	// liveShare is the part of the timeout that a try in the live lane gets, so that many clusters which die at once hold up the others
	// for a short time only. Who needs longer gets the whole timeout in the failing lane.
	liveShare = 5
	// nodesShare is the part of the timeout that the nodes get, once the version is known.
	nodesShare = 2
	// nodesPause is how many tries leave the nodes out after they could not be read, so that clusters that do not tell them cost little.
	nodesPause = 4
)

// ProberOptions say how clusters are asked for their version.
type ProberOptions struct {
	// Fetch reads the data of a cluster's Secret just before it is asked, so that the prober keeps no credentials.
	Fetch func(ctx context.Context, name string) (map[string][]byte, error)
	// Known, when set, is asked before the cluster: another source may know its version. An error of it counts as one of the cluster.
	Known func(ctx context.Context, name string) (v version.Kubernetes, found bool, err error)
	// Changed is called, from several goroutines, each time the Result of a cluster has changed. It should return soon.
	Changed func(name string)
	// Observe is called after each try that counts, with its duration and error, for metrics; nil is fine.
	Observe func(name string, took time.Duration, err *ProbeError)
	// Concurrency is how many clusters are asked at once; 16 when zero. Those that fail share a quarter of it.
	Concurrency int
	// Timeout bounds one try; 5 s when zero. The first try after a good answer has a fifth of it; only when that is not enough, the whole.
	Timeout time.Duration
	// TTL is how long an answer is believed before the cluster is asked again; 2 min when zero.
	TTL time.Duration
	// MaxBody bounds an answer; 64 KiB when zero.
	MaxBody int64
	// AllowExec and InCluster are as in ConfigOptions.
	AllowExec bool
	InCluster *rest.Config
}

// Target is a cluster to be asked.
type Target struct {
	// Name is the cluster's identity.
	Name string
	// Server is its address. What another address answered is forgotten, since it is another cluster.
	Server string
	// Digest is of all that a try depends on. When it changes, the cluster is asked at once.
	Digest string
}

// Result is what is known of a cluster's version.
type Result struct {
	// Version is the last that the cluster told; zero when it never did.
	Version version.Kubernetes
	// At is when it told it.
	At time.Time
	// Stale is set when a later try failed: Version may be out of date, and Err says why.
	Stale bool
	// Err is why the last try failed; nil when it did not, and before the first has ended.
	Err *ProbeError
	// Nodes is what the nodes ran when the version was last told. One failure to read them changes nothing yet.
	Nodes Nodes
}

// Prober keeps the versions of many clusters up to date in the background. Callers only ever read what it has and never wait. Each
// cluster is asked by one try at a time. Clusters that fail are asked again after growing waits, and hold at most
// a quarter of the slots at any time, so they delay no cluster that answers.
type Prober struct {
	opts ProberOptions
	try  func(ctx context.Context, name string, q question) (reply, *ProbeError)
	ask  *asker
	wake chan struct{}

	mu      sync.Mutex
	entries map[string]*entry
	// live are the clusters that answered last time or were not asked yet, failing the others; each waits for its time.
	live, failing lane
	running, slow int
}

// entry is one cluster. It is in a lane, or running, never both.
type entry struct {
	target   Target
	result   Result
	failures int
	// demoted is set when the short try of the live lane was not enough.
	demoted bool
	// nodesMissed is set when the nodes could not be read last time, nodesPause is how many tries leave them out.
	nodesMissed bool
	nodesPause  int
	due         time.Time
	seq         uint64
	index       int
	running     bool
	// stop ends the running try; again makes its outcome void.
	stop    context.CancelFunc
	again   bool
	removed bool
}

// NewProber makes a Prober, which does nothing until Start.
func NewProber(opts ProberOptions) *Prober {
	opts.Concurrency = cmp.Or(max(opts.Concurrency, 0), defaultConcurrency)
	opts.Timeout = cmp.Or(max(opts.Timeout, 0), defaultTimeout)
	opts.TTL = cmp.Or(max(opts.TTL, 0), defaultTTL)
	opts.MaxBody = cmp.Or(max(opts.MaxBody, 0), defaultMaxBody)
	p := &Prober{
		opts: opts, wake: make(chan struct{}, 1), entries: map[string]*entry{},
		ask: &asker{config: ConfigOptions{AllowExec: opts.AllowExec, InCluster: opts.InCluster}, maxBody: opts.MaxBody},
	}
	p.try = p.fetchAndAsk
	return p
}

// Watch has a cluster asked from now on and answers what is known of it. Calling it again with an equal target only reads.
func (p *Prober) Watch(t Target) Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries[t.Name]
	switch {
	case e == nil:
		e = &entry{target: t, index: -1}
		p.entries[t.Name] = e
		p.queue(e, 0)
	case e.target != t:
		if e.target.Server != t.Server {
			e.result = Result{}
		}
		e.target, e.failures, e.demoted, e.nodesPause = t, 0, false, 0
		if e.running {
			e.again = true
			e.stop()
			break
		}
		p.queue(e, 0)
	}
	return e.result
}

// Cached is what is known of a cluster, and whether it is watched at all.
func (p *Prober) Cached(name string) (Result, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[name]; e != nil {
		return e.result, true
	}
	return Result{}, false
}

// Forget has a cluster asked no more.
func (p *Prober) Forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries[name]
	if e == nil {
		return
	}
	delete(p.entries, name)
	e.removed = true
	if e.running {
		e.stop()
		return
	}
	p.unqueue(e)
}

// Ask asks once and waits for the answer; it neither reads nor fills what Watch answers. For commands that end. Its errors are of type
// *ProbeError.
func (p *Prober) Ask(ctx context.Context, data map[string][]byte) (version.Kubernetes, error) {
	r, err := p.ask.ask(ctx, data, question{version: p.opts.Timeout})
	return r.version, err
}

// NeedLeaderElection has a controller-runtime manager start the prober on the leader only.
func (p *Prober) NeedLeaderElection() bool { return true }

// Start asks until ctx ends, and returns when the last try has.
func (p *Prober) Start(ctx context.Context) error {
	var tries sync.WaitGroup
	defer tries.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(p.startDue(ctx, &tries))
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// idle is how long to sleep when only a wake can bring work.
const idle = time.Hour

// startDue starts what is due as far as there are slots, and answers when to look again.
func (p *Prober) startDue(ctx context.Context, tries *sync.WaitGroup) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	next := now.Add(idle)
	for _, l := range []struct {
		*lane
		slow bool
	}{{&p.live, false}, {&p.failing, true}} {
		for len(l.entries) > 0 && p.running < p.opts.Concurrency && (!l.slow || p.slow < p.slowSlots()) {
			e := l.entries[0]
			if e.due.After(now) {
				if e.due.Before(next) {
					next = e.due
				}
				break
			}
			heap.Pop(l.lane)
			p.start(ctx, e, l.slow, tries)
		}
	}
	return next.Sub(now)
}

func (p *Prober) slowSlots() int { return max(1, p.opts.Concurrency/4) }

func (p *Prober) start(ctx context.Context, e *entry, slow bool, tries *sync.WaitGroup) {
	ctx, e.stop = context.WithCancel(ctx)
	e.running = true
	p.running++
	q := question{version: p.opts.Timeout / liveShare}
	if slow {
		p.slow++
		q.version = p.opts.Timeout
	}
	if e.nodesPause == 0 {
		q.nodes = p.opts.Timeout / nodesShare
	}
	name, began := e.target.Name, time.Now()
	tries.Go(func() {
		r, err := p.try(ctx, name, q)
		stopped := ctx.Err() != nil
		filed, changed := p.finish(e, outcome{reply: r, err: err, slow: slow, stopped: stopped})
		if filed && p.opts.Observe != nil {
			p.opts.Observe(name, time.Since(began), err)
		}
		if changed && p.opts.Changed != nil {
			p.opts.Changed(name)
		}
	})
}

type outcome struct {
	reply
	err *ProbeError
	// slow tries had a slot for failing clusters and the whole timeout.
	slow bool
	// stopped tries were cut off by us and say nothing of the cluster.
	stopped bool
}

// finish gives the slot back and reports whether the outcome says something of the cluster, and whether that has changed the result.
func (p *Prober) finish(e *entry, o outcome) (filed, changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.stop()
	e.running = false
	p.running--
	if o.slow {
		p.slow--
	}
	again := e.again
	e.again = false
	switch {
	case e.removed:
		p.wakeUp()
	case again, o.stopped:
		p.queue(e, 0)
	case !o.slow && o.err != nil && o.err.Code == CodeTimeout:
		e.demoted = true
		p.queue(e, 0)
	default:
		filed, changed = true, e.file(o)
		p.queue(e, p.wait(e))
	}
	return filed, changed
}

// file takes an outcome into the result. At alone is no change: nobody decides by it.
func (e *entry) file(o outcome) (changed bool) {
	before := e.result
	e.demoted = false
	if o.err != nil {
		e.failures++
		e.result.Err = o.err
		e.result.Stale = !e.result.Version.Minor.IsZero()
		return before.Err == nil || before.Err.Reason != o.err.Reason
	}
	e.failures = 0
	e.result = Result{Version: o.version, At: time.Now(), Nodes: e.fileNodes(o.nodes)}
	return before.Err != nil || before.Version != o.version || e.result.Nodes.tells(before.Nodes)
}

// fileNodes is what is known of the nodes after a try, which may have left them out.
func (e *entry) fileNodes(n *Nodes) Nodes {
	before := e.result.Nodes
	switch {
	case n == nil:
		e.nodesPause = max(0, e.nodesPause-1)
		return before
	case n.Known:
		e.nodesMissed = false
		return *n
	}
	again := e.nodesMissed
	e.nodesMissed, e.nodesPause = true, nodesPause
	if before.Known && !again {
		return before
	}
	return *n
}

// wait is the time to the next try. It differs from cluster to cluster by up to a fifth, so that those that failed together, or were
// first seen together, do not stay together.
func (p *Prober) wait(e *entry) time.Duration {
	d := p.opts.TTL
	if e.failures > 0 {
		d = min(firstRetry<<min(e.failures-1, 10), maxRetry)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(e.target.Name))
	_, _ = h.Write([]byte{byte(e.failures)})
	return d - d/5*time.Duration(h.Sum32()%1000)/1000
}

// queue puts an entry into its lane, where it may be already.
func (p *Prober) queue(e *entry, after time.Duration) {
	p.unqueue(e)
	e.due = time.Now().Add(after)
	l := &p.live
	if e.failures > 0 || e.demoted {
		l = &p.failing
	}
	heap.Push(l, e)
	p.wakeUp()
}

func (p *Prober) unqueue(e *entry) {
	for _, l := range []*lane{&p.live, &p.failing} {
		if e.index >= 0 && e.index < len(l.entries) && l.entries[e.index] == e {
			heap.Remove(l, e.index)
		}
	}
}

func (p *Prober) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default: // A wake is already on its way.
	}
}

func (p *Prober) fetchAndAsk(ctx context.Context, name string, q question) (reply, *ProbeError) {
	known, found, err := p.known(ctx, name, q.version)
	if err != nil {
		return reply{}, probeErrorf(CodeClusterAPIUnreadable, "Cluster API does not tell the version: %v", err)
	}
	if found && q.nodes == 0 {
		return reply{version: known}, nil
	}
	data, err := p.opts.Fetch(ctx, name)
	unreadable := probeErrorf(CodeSecretUnreadable, "the cluster Secret cannot be read")
	switch {
	case found && err != nil:
		return reply{version: known, nodes: &Nodes{Why: unreadable.Message}}, nil
	case found:
		return reply{version: known, nodes: p.ask.onlyNodes(ctx, data, q.nodes)}, nil
	case err != nil:
		return reply{}, unreadable
	}
	r, err := p.ask.ask(ctx, data, q)
	var probe *ProbeError
	if err != nil && !errors.As(err, &probe) {
		probe = probeErrorf(CodeUnreachable, "the cluster cannot be asked")
	}
	return r, probe
}

func (p *Prober) known(ctx context.Context, name string, timeout time.Duration) (version.Kubernetes, bool, error) {
	if p.opts.Known == nil {
		return version.Kubernetes{}, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return p.opts.Known(ctx, name)
}

// lane is a heap of entries by due time; those of one time keep their order.
type lane struct {
	entries []*entry
	seq     uint64
}

func (l *lane) Len() int { return len(l.entries) }

func (l *lane) Less(i, j int) bool {
	a, b := l.entries[i], l.entries[j]
	if c := a.due.Compare(b.due); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}

func (l *lane) Swap(i, j int) {
	l.entries[i], l.entries[j] = l.entries[j], l.entries[i]
	l.entries[i].index, l.entries[j].index = i, j
}

// Push is for container/heap.
func (l *lane) Push(x any) {
	e := x.(*entry)
	l.seq++
	e.seq, e.index = l.seq, len(l.entries)
	l.entries = append(l.entries, e)
}

// Pop is for container/heap.
func (l *lane) Pop() any {
	e := l.entries[len(l.entries)-1]
	l.entries[len(l.entries)-1] = nil
	l.entries, e.index = l.entries[:len(l.entries)-1], -1
	return e
}
