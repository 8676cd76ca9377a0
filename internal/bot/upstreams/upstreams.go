// Package upstreams asks the sources of versions: each once in a run, several at a time. What is wrong with one is said in a sentence, and stops no other.
package upstreams

import (
	"context"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// Charts are Helm repositories and OCI registries.
type Charts interface {
	// Versions are all of a chart's; those of an OCI registry are names only.
	Versions(ctx context.Context, repository, chart string) ([]upstream.Version, error)
	// Version describes one of them.
	Version(ctx context.Context, repository, chart, version string) (upstream.Version, error)
	// Tags are the names of an image's versions, Image describes one: its digest and links.
	Tags(ctx context.Context, image string) ([]upstream.Version, error)
	Image(ctx context.Context, image, tag string) (upstream.Version, error)
}

// Releases are those of repositories on GitHub, with notes and assets, drafts left out.
type Releases interface {
	Releases(ctx context.Context, repository string) ([]upstream.Version, error)
}

// Tags are those of Git repositories.
type Tags interface {
	RemoteTags(ctx context.Context, url string) ([]upstream.Version, error)
}

// Sources asks them.
type Sources struct {
	Charts   Charts
	Releases Releases
	Tags     Tags
	// Parallel is how many are asked at a time (default 8).
	Parallel int
}

// List asks each source once. Every source gets a listing, which may be a problem. The error is ctx's.
func (s *Sources) List(ctx context.Context, sources []upstream.Source) (map[upstream.Source]upstream.Listing, error) {
	panic("todo")
}

// Describe asks what a source says of one version.
func (s *Sources) Describe(ctx context.Context, source upstream.Source, version string) (upstream.Version, error) {
	panic("todo")
}

// History are the releases of a repository on GitHub that an address belongs to, for their notes; none where it is no such address.
func (s *Sources) History(ctx context.Context, address string) ([]upstream.Version, error) {
	panic("todo")
}
