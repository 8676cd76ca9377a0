// Package render renders addons as Argo CD would. It reads sources from a tree of files, checks them, and has them rendered in processes
// of its own that may die: whatever a source does there becomes an error of that addon.
package render

import (
	"context"
	"io/fs"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// Source is everything that an addon's folder may make a render read, checked.
type Source struct {
	// Files are by slash-separated path from the repository's root.
	Files map[string][]byte
	// Charts are needed beside them, sorted.
	Charts []engine.Chart
	// Digest is over the files.
	Digest [32]byte
	// Capabilities is set when the result may depend on the Kubernetes version or the API versions.
	Capabilities bool
	// Unstable is set when two renders may differ: a template asks for the time or for something random.
	Unstable bool
	// CRDs is set when the result may hold CustomResourceDefinitions.
	CRDs bool
}

// Collect reads and checks the source of an addon. The tree is a whole repository, of which nothing else is read.
func Collect(tree fs.FS, addon catalog.Addon, o engine.Options) (Source, error) { panic("not yet") }

// Pool is a number of renderer processes.
type Pool struct{}

// Options say how much a render may take; zero is the default.
type Options struct{}

// New makes a Pool, which starts processes when they are needed.
func New(o Options) *Pool { panic("not yet") }

// Render renders a job in one of the pool's processes.
func (p *Pool) Render(ctx context.Context, job engine.Job) (engine.Output, error) { panic("not yet") }

// Close ends the processes.
func (p *Pool) Close() { panic("not yet") }

// Worker is the whole life of a renderer process; in any other process it returns at once. Programs that render call it first in main,
// and tests in TestMain.
func Worker() { panic("not yet") }
