// Package upstreams asks the sources of versions: each once in a run, several at a time. What is wrong with one is said in a sentence, and stops no other.
package upstreams

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

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

// Remark is an error that comes along with an answer: it is what users of the source should know, and no failure.
type Remark interface {
	error
	Remark() string
}

// Sources asks them. It remembers what it heard: make one for each run.
type Sources struct {
	Charts   Charts
	Releases Releases
	Tags     Tags
	// Parallel is how many are asked at a time (default 8).
	Parallel int
	// Web is the address of the pages of the GitHub that Releases asks, for one that is not github.com, such as https://github.example.com.
	Web string

	mu       sync.Mutex
	listed   map[upstream.Source]*question
	describe map[release]*question
}

type release struct {
	source  upstream.Source
	version string
}

// question is asked by the first who wants to know; the others wait for the answer.
type question struct {
	done     chan struct{}
	versions []upstream.Version
	err      error
}

// List asks each source once. Every source gets a listing, which may be a problem. The error is ctx's.
func (s *Sources) List(ctx context.Context, sources []upstream.Source) (map[upstream.Source]upstream.Listing, error) {
	var mu sync.Mutex
	listings := map[upstream.Source]upstream.Listing{}
	var group errgroup.Group
	group.SetLimit(s.parallel())
	started := map[upstream.Source]bool{}
	for _, source := range sources {
		if started[source] {
			continue
		}
		started[source] = true
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			versions, err := s.versions(ctx, source)
			listing := listingOf(source, versions, err)
			mu.Lock()
			defer mu.Unlock()
			listings[source] = listing
			return nil
		})
	}
	_ = group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return listings, nil
}

func (s *Sources) parallel() int {
	if s.Parallel <= 0 {
		return 8
	}
	return s.Parallel
}

func listingOf(source upstream.Source, versions []upstream.Version, err error) upstream.Listing {
	var remark Remark
	switch {
	case errors.As(err, &remark):
		return upstream.Listing{Versions: versions, Remark: sentence(remark.Remark())}
	case err != nil:
		return upstream.Listing{Problem: sentence(err.Error())}
	case len(versions) == 0 && source.Kind == upstream.GitHub:
		return upstream.Listing{Problem: sentence(source.Repository + " has no releases on GitHub: to follow its tags, name it as upstream.git")}
	case len(versions) == 0 && source.Kind == upstream.Git:
		return upstream.Listing{Problem: sentence(source.Repository + " has no tags")}
	}
	return upstream.Listing{Versions: versions}
}

// versions are all that a source offers. Assets of the same repository on GitHub are of the same releases.
func (s *Sources) versions(ctx context.Context, source upstream.Source) ([]upstream.Version, error) {
	key := source
	if key.Kind == upstream.GitHub {
		key.Name, key.Repository = "", strings.ToLower(key.Repository)
	}
	return ask(ctx, &s.mu, &s.listed, key, func() ([]upstream.Version, error) {
		switch {
		case key.Kind == upstream.Helm && s.Charts != nil:
			return s.Charts.Versions(ctx, key.Repository, key.Name)
		case key.Kind == upstream.Image && s.Charts != nil:
			return s.Charts.Tags(ctx, key.Repository)
		case key.Kind == upstream.GitHub && s.Releases != nil:
			return s.Releases.Releases(ctx, source.Repository)
		case key.Kind == upstream.Git && s.Tags != nil:
			return s.Tags.RemoteTags(ctx, key.Repository)
		}
		return nil, fmt.Errorf("sources of kind %q are not asked here", key.Kind)
	})
}

// Describe asks what a source says of one version.
func (s *Sources) Describe(ctx context.Context, source upstream.Source, version string) (upstream.Version, error) {
	if s.Charts == nil || source.Kind != upstream.Helm && source.Kind != upstream.Image {
		return s.listedVersion(ctx, source, version)
	}
	found, err := ask(ctx, &s.mu, &s.describe, release{source, version}, func() ([]upstream.Version, error) {
		if source.Kind == upstream.Helm {
			one, err := s.Charts.Version(ctx, source.Repository, source.Name, version)
			return []upstream.Version{one}, err
		}
		one, err := s.Charts.Image(ctx, source.Repository, version)
		return []upstream.Version{one}, err
	})
	var remark Remark
	switch {
	case ctx.Err() != nil:
		return upstream.Version{}, ctx.Err()
	case err != nil && !errors.As(err, &remark):
		return upstream.Version{}, errors.New(sentence(err.Error()))
	}
	return found[0], nil
}

func (s *Sources) listedVersion(ctx context.Context, source upstream.Source, version string) (upstream.Version, error) {
	all, err := s.versions(ctx, source)
	if ctx.Err() != nil {
		return upstream.Version{}, ctx.Err()
	}
	if problem := listingOf(source, all, err).Problem; problem != "" {
		return upstream.Version{}, errors.New(problem)
	}
	for _, one := range all {
		if one.Name == version {
			return one, nil
		}
	}
	return upstream.Version{}, errors.New(sentence(fmt.Sprintf("%s has no version %q any more", source.Repository, version)))
}

// ask asks a question once, whoever wants to know. An answer that somebody's cancelled context cut short is none for others.
func ask[K comparable](ctx context.Context, mu *sync.Mutex, known *map[K]*question, key K, do func() ([]upstream.Version, error)) ([]upstream.Version, error) {
	for {
		mu.Lock()
		if *known == nil {
			*known = map[K]*question{}
		}
		q, asked := (*known)[key]
		if !asked {
			q = &question{done: make(chan struct{})}
			(*known)[key] = q
		}
		mu.Unlock()
		if !asked {
			q.versions, q.err = do()
			if ctx.Err() != nil {
				mu.Lock()
				delete(*known, key)
				mu.Unlock()
				q.err = errCut
			}
			close(q.done)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-q.done:
		}
		if !errors.Is(q.err, errCut) {
			return q.versions, q.err
		}
	}
}

var errCut = errors.New("whoever asked has gone")
