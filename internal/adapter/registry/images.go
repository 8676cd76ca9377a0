package registry

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// imageKey names an image in the memory and in errors.
func imageKey(image, tag string) chart { return chart{name: image, version: tag} }

// admitImage checks an image's name before anybody is asked, and gives its full one: nginx is docker.io/library/nginx.
func (c *Client) admitImage(image string) (name string, from *url.URL, err error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil || !reference.IsNameOnly(named) {
		return "", nil, failf(ErrRefused, "this is no image's name: name it such as registry.example.com/team/app, without tag and digest")
	}
	if c.o.Allow != nil {
		if err := c.o.Allow("oci://" + named.Name()); err != nil {
			return "", nil, failf(ErrRefused, "%v", err)
		}
	}
	return named.Name(), &url.URL{Scheme: "oci", Host: reference.Domain(named)}, nil
}

// Tags are the names of an image's versions, without those that registries keep signatures under.
func (c *Client) Tags(ctx context.Context, image string) ([]upstream.Version, error) {
	key := imageKey(image, "")
	name, from, err := c.admitImage(image)
	if err != nil {
		return nil, key.wrap(err)
	}
	list, err := c.lists.get(ctx, c, imageKey(name, ""), func() ([]upstream.Version, error) {
		ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
		defer cancel()
		s := c.session(from)
		defer s.close()
		images, err := c.open(ctx, s, name)
		if err != nil {
			return nil, timedOut(ctx, c.o.Timeout, err)
		}
		tags, err := images.tags(ctx)
		if err != nil {
			return nil, timedOut(ctx, c.o.Timeout, err)
		}
		list := make([]upstream.Version, 0, len(tags))
		for _, tag := range tags {
			if !strings.HasPrefix(tag, "sha256-") {
				list = append(list, upstream.Version{Name: tag})
			}
		}
		return list, nil
	})
	return slices.Clone(list), key.wrap(err)
}

// Image describes one version of an image: the digest of its manifest, or of the list of manifests for several platforms, and the addresses that it names.
func (c *Client) Image(ctx context.Context, image, tag string) (upstream.Version, error) {
	key := imageKey(image, tag)
	name, from, err := c.admitImage(image)
	if err != nil {
		return upstream.Version{}, key.wrap(err)
	}
	one, err := c.details.get(ctx, c, imageKey(name, tag), func() (upstream.Version, error) {
		ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
		defer cancel()
		s := c.session(from)
		defer s.close()
		one, err := c.image(ctx, s, name, tag)
		return one, timedOut(ctx, c.o.Timeout, err)
	})
	return one, key.wrap(err)
}

func (c *Client) image(ctx context.Context, s *session, name, tag string) (upstream.Version, error) {
	images, err := c.open(ctx, s, name)
	if err != nil {
		return upstream.Version{}, err
	}
	raw, digest, err := images.manifest(ctx, tag)
	if err != nil {
		return upstream.Version{}, err
	}
	m, err := decode(raw)
	if err != nil {
		return upstream.Version{}, err
	}
	v := upstream.Version{Name: tag, Digest: digest, Links: named(m.Annotations), Described: true}
	if len(v.Links) == 0 {
		// They are worth two requests, but nothing that may fail the image.
		v.Links = images.labels(ctx, m)
	}
	return v, nil
}

// decode reads a manifest or a list of them, whatever they are of.
func decode(raw []byte) (manifest, error) {
	var m manifest
	switch err := json.Unmarshal(raw, &m); {
	case err != nil:
		return manifest{}, failf(ErrInvalid, "its manifest does not decode: this is no OCI registry, or a broken one")
	case m.SchemaVersion == 1:
		return manifest{}, failf(ErrInvalid, "the tag is in the registries' first format (schema 1), which cannot be pinned by digest: take another version")
	}
	return m, nil
}

// labels are the addresses that an image names in its configuration; of several platforms those of the first that people know.
func (r *images) labels(ctx context.Context, m manifest) []string {
	if m.Config.Digest == "" {
		i := slices.IndexFunc(m.Manifests, func(d descriptor) bool {
			return (d.MediaType == typeManifest || d.MediaType == typeDocker) && d.Platform.OS != "unknown"
		})
		if i < 0 {
			return nil
		}
		if found := named(m.Manifests[i].Annotations); len(found) > 0 {
			return found
		}
		raw, err := r.blob(ctx, "manifests", m.Manifests[i].Digest, "manifest", maxManifest)
		if err != nil || json.Unmarshal(raw, &m) != nil {
			return nil
		}
	}
	raw, err := r.blob(ctx, "blobs", m.Config.Digest, "configuration", maxConfig)
	var config struct {
		Config struct{ Labels map[string]string } `json:"config"`
	}
	if err != nil || json.Unmarshal(raw, &config) != nil {
		return nil
	}
	return named(config.Config.Labels)
}

// named are the addresses in labels or annotations: first of the source code.
func named(labels map[string]string) []string {
	var found []string
	for _, key := range []string{
		"org.opencontainers.image.source", "org.opencontainers.image.url", "org.opencontainers.image.documentation", "org.label-schema.vcs-url", "org.label-schema.url",
	} {
		found = append(found, labels[key])
	}
	return links(found)
}

// accepted are the kinds of manifests that an image may be.
var accepted = http.Header{"Accept": {strings.Join([]string{typeIndex, typeManifest, typeDockerList, typeDocker, "*/*;q=0.1"}, ", ")}}

// describe asks what a chart in a registry says of itself.
func (c *Client) describe(ctx context.Context, s *session, from *url.URL, key chart) (upstream.Version, error) {
	images, err := c.open(ctx, s, strings.Trim(from.Host+from.Path, "/")+"/"+key.name)
	if err != nil {
		return upstream.Version{}, err
	}
	raw, _, err := images.manifest(ctx, strings.ReplaceAll(key.version, "+", "_"))
	if err != nil {
		return upstream.Version{}, err
	}
	layer, err := chartLayer(raw)
	if err != nil {
		return upstream.Version{}, err
	}
	m, err := decode(raw)
	if err != nil {
		return upstream.Version{}, err
	}
	config, err := images.blob(ctx, "blobs", m.Config.Digest, "configuration", maxConfig)
	if err != nil {
		return upstream.Version{}, err
	}
	var said metadata
	if err := json.Unmarshal(config, &said); err != nil {
		return upstream.Version{}, failf(ErrInvalid, "what the chart says of itself does not decode: ask its owner, or vendor the chart")
	}
	said.Version = soft[string]{value: key.version}
	v, ok := said.version()
	if !ok {
		return upstream.Version{}, failf(ErrInvalid, "the Kubernetes versions that the chart is for cannot be read: ask its owner, or vendor the chart")
	}
	// Registries have no times of their own, only what publishers write.
	v.Created, v.Digest = time.Time{}, layer.Digest
	if len(v.Links) == 0 {
		v.Links = named(m.Annotations)
	}
	return v, nil
}
