// Package render renders addons as Argo CD would. It reads sources from a tree of files, checks them, and has them rendered in processes
// of its own that may die: whatever a source does there becomes an error of that addon.
//
// Collect is the gate: what it refuses never reaches a renderer. Pool renders in processes without rights, so that what the gate lets
// through does no harm either. Cache renders the same thing once.
package render

import (
	"runtime"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
)

// Source is everything that an addon's folder may make a render read, checked.
type Source struct {
	// Files are by slash-separated path from the repository's root.
	Files map[string][]byte
	// Charts are needed beside them, sorted. Add takes their archives.
	Charts []engine.Chart
	// Digest is over the files.
	Digest [32]byte
	// Capabilities is set when the result may depend on the Kubernetes version or the API versions.
	Capabilities bool
	// Unstable is set when two renders may differ: a template asks for the time or for something random.
	Unstable bool
	// CRDs is set when the result may hold CustomResourceDefinitions.
	CRDs bool

	found found
	// added are those of Charts that were seen.
	added map[engine.Chart]bool
}

// Options say what a render may take; zero is the default.
type Options struct {
	// Processes render at the same time: one for each processor.
	Processes int
	// Time is how long one render may take: 30 seconds. Waiting for a process does not count.
	Time time.Duration
	// Memory is what a process may allocate, in bytes: 1 GiB.
	Memory int64
	// Objects is the most memory, in bytes, that the objects of one render may take: 128 MiB.
	Objects int64
	// Jobs is after how many a process is replaced: 200.
	Jobs int
	// Idle is how long a process without work is kept: a minute.
	Idle time.Duration
	// Log is told, once, of a protection that this machine does not have. It may be nil.
	Log func(message string)
}

func (o Options) defaults() Options {
	set(&o.Processes, runtime.GOMAXPROCS(0))
	set(&o.Time, 30*time.Second)
	set(&o.Memory, 1<<30)
	set(&o.Objects, 128<<20)
	set(&o.Jobs, 200)
	set(&o.Idle, time.Minute)
	if o.Log == nil {
		o.Log = func(string) {}
	}
	return o
}

func set[T int | int64 | time.Duration](field *T, to T) {
	if *field <= 0 {
		*field = to
	}
}
