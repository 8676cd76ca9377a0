package registry

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// sizes and size are about how many bytes versions have in memory.
func sizes(versions []upstream.Version) (total int) {
	for _, v := range versions {
		total += size(v)
	}
	return total
}

func size(v upstream.Version) int {
	total := 200 + len(v.Name) + len(v.App) + len(v.Kubernetes) + len(v.Notes)
	for _, link := range v.Links {
		total += len(link)
	}
	return total
}

// Versions are all of a chart's. What an index says of them is known with it; those of an OCI registry are names only. Versions that were taken
// back, or whose range of Kubernetes versions cannot be read, are left out. With an error that is Moved, they are all there.
func (c *Client) Versions(ctx context.Context, repository, name string) ([]upstream.Version, error) {
	key := chart{strings.TrimSuffix(repository, "/"), name, ""}
	from, err := c.admit(key)
	if err != nil {
		return nil, key.wrap(err)
	}
	list, err := c.lists.get(ctx, c, key, func() ([]upstream.Version, error) {
		ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
		defer cancel()
		s := c.session(from)
		defer s.close()
		if from.Scheme == "oci" {
			list, err := c.chartTags(ctx, s, from, name)
			return list, timedOut(ctx, c.o.Timeout, err)
		}
		list, err := c.indexed(ctx, s, from, key)
		return list, timedOut(ctx, c.o.Timeout, err)
	})
	if err != nil {
		return nil, key.wrap(err)
	}
	return slices.Clone(list), c.moved(key.repository)
}

// Version describes one version of a chart: for an OCI registry without its archive.
func (c *Client) Version(ctx context.Context, repository, name, version string) (upstream.Version, error) {
	key := chart{strings.TrimSuffix(repository, "/"), name, version}
	from, err := c.admit(key)
	if err != nil {
		return upstream.Version{}, key.wrap(err)
	}
	if from.Scheme != "oci" {
		list, err := c.Versions(ctx, repository, name)
		var moved *Moved
		if err != nil && !errors.As(err, &moved) {
			return upstream.Version{}, err
		}
		one, err := pick(list, version)
		return one, key.wrap(err)
	}
	one, err := c.details.get(ctx, c, key, func() (upstream.Version, error) {
		ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
		defer cancel()
		s := c.session(from)
		defer s.close()
		one, err := c.describe(ctx, s, from, key)
		return one, timedOut(ctx, c.o.Timeout, err)
	})
	return one, key.wrap(err)
}

// pick takes the version that is meant, as choose does.
func pick(list []upstream.Version, version string) (upstream.Version, error) {
	for _, same := range []func(string) bool{
		func(v string) bool { return v == version },
		func(v string) bool { return strings.TrimPrefix(v, "v") == strings.TrimPrefix(version, "v") },
	} {
		if i := slices.IndexFunc(list, func(v upstream.Version) bool { return same(v.Name) }); i >= 0 {
			return list[i], nil
		}
	}
	return upstream.Version{}, noVersion()
}

// indexed are the versions that an index has of a chart.
func (c *Client) indexed(ctx context.Context, s *session, from *url.URL, key chart) ([]upstream.Version, error) {
	index, err := c.index(ctx, s, from, key.repository)
	if err != nil {
		return nil, err
	}
	described, err := read[metadata](index, key.name, "")
	if err != nil {
		return nil, err
	}
	list := make([]upstream.Version, 0, len(described))
	for _, m := range described {
		if v, ok := m.version(); ok && !m.Removed.value {
			list = append(list, v)
		}
	}
	if len(list) == 0 {
		return nil, failf(ErrNotFound, "the repository has no version of it that can be read: check the repository's URL")
	}
	return list, nil
}

// chartTags are those tags of a chart in a registry that are versions.
func (c *Client) chartTags(ctx context.Context, s *session, from *url.URL, name string) ([]upstream.Version, error) {
	images, err := c.open(ctx, s, strings.Trim(from.Host+from.Path, "/")+"/"+name)
	if err != nil {
		return nil, err
	}
	tags, err := images.tags(ctx)
	if err != nil {
		return nil, err
	}
	var list []upstream.Version
	for _, tag := range tags {
		// Tags have no plus; Helm writes an underscore.
		version := strings.ReplaceAll(tag, "_", "+")
		if _, err := semver.NewVersion(version); err == nil {
			list = append(list, upstream.Version{Name: version})
		}
	}
	if len(list) == 0 {
		return nil, failf(ErrNotFound, "none of its tags in the registry is a version: check the repository and the name")
	}
	return list, nil
}
