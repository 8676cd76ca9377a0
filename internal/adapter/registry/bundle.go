package registry

import (
	"context"

	"github.com/distribution/reference"

	"github.com/addon-manager/addon-manager/internal/core/policy"
)

// Bounds of an image with policies.
const (
	maxLayers = 100
	maxLayer  = 16 << 20
)

// Bundle fetches the layers of an image that holds files, such as policies, and not a file system. The image is named by digest, host/path@sha256:…, and
// each layer is what the manifest says it is. A layer is named by its title, if it has one.
func (c *Client) Bundle(ctx context.Context, image string) ([]policy.File, error) {
	named, err := reference.ParseNormalizedNamed(image)
	pinned, ok := named.(reference.Digested)
	if err != nil || !ok {
		return nil, imageKey(image, "").wrap(failf(ErrRefused, "this is no image pinned by digest: name it such as registry.example.com/policies@sha256:<64 hexadecimal digits>"))
	}
	key := imageKey(reference.TrimNamed(named).Name(), pinned.Digest().String())
	name, from, err := c.admitImage(key.name)
	if err != nil {
		return nil, key.wrap(err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	s := c.session(from)
	defer s.close()
	layers, err := c.layers(ctx, s, name, key.version)
	return layers, key.wrap(timedOut(ctx, c.o.Timeout, err))
}

func (c *Client) layers(ctx context.Context, s *session, name, digest string) (layers []policy.File, err error) {
	images, err := c.open(ctx, s, name)
	if err != nil {
		return nil, err
	}
	raw, _, err := images.manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	if got := digestOf(raw); got != digest {
		return nil, failf(ErrDigest, "its manifest is %s: ask the registry's owner", got)
	}
	m, err := decode(raw)
	switch {
	case err != nil:
		return nil, err
	case len(m.Manifests) > 0 || m.MediaType == typeIndex || m.MediaType == typeDockerList:
		return nil, failf(ErrInvalid, "it is a list of manifests, one for each platform, and not files: name the digest of one")
	case len(m.Layers) == 0 || len(m.Layers) > maxLayers:
		return nil, failf(ErrInvalid, "it has %d layers, and must have 1 to %d", len(m.Layers), maxLayers)
	}
	var sum int64
	for _, l := range m.Layers {
		if sum += l.Size; l.Size < 0 || sum > maxLayer {
			return nil, failf(ErrTooLarge, "its layers have more than %d bytes, which is what is read at most", maxLayer)
		}
	}
	for i, l := range m.Layers {
		want, err := parseDigest(l.Digest)
		if err != nil {
			return nil, err
		}
		a, err := images.ask(ctx, question{url: images.at.JoinPath("blobs", want), what: "layer", limit: l.Size, header: asIs})
		if err != nil {
			return nil, err
		}
		if got := digestOf(a.body); got != want {
			return nil, failf(ErrDigest, "layer %d is %s and must be %s: ask the registry's owner", i+1, got, want)
		}
		layers = append(layers, policy.File{Name: l.Annotations["org.opencontainers.image.title"], Data: a.body})
	}
	return layers, nil
}
