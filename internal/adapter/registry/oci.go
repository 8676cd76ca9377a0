package registry

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// Media types of OCI manifests, and of charts in them.
const (
	typeManifest    = "application/vnd.oci.image.manifest.v1+json"
	typeIndex       = "application/vnd.oci.image.index.v1+json"
	typeDocker      = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList  = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeChartConfig = "application/vnd.cncf.helm.config.v1+json"
	typeChart       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	typeChartOld    = "application/tar+gzip"
)

// Manifests have some hundred bytes, and configurations some thousand.
const (
	maxManifest = 1 << 20
	maxConfig   = 4 << 20
)

// manifest is an OCI manifest, as far as we need it.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Manifests     []descriptor      `json:"manifests"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations"`
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	// Platform and Annotations are in lists of manifests.
	Platform    struct{ OS, Architecture string } `json:"platform"`
	Annotations map[string]string                 `json:"annotations"`
}

// images is one repository in an OCI registry.
type images struct {
	s   *session
	by  sender
	ref registry.Reference
	// at is the URL that manifests, blobs and tags are below.
	at *url.URL
}

// open begins to talk to a repository, which is named host/path.
func (c *Client) open(ctx context.Context, s *session, name string) (*images, error) {
	ref, err := registry.ParseReference(name)
	if err != nil || ref.Reference != "" {
		return nil, failf(ErrRefused, "the repository and name are no OCI reference such as oci://host/path/name")
	}
	cache := auth.NewCache()
	if s.host != "" {
		if host := (&url.URL{Host: ref.Host()}).Hostname(); loopback(host) && c.speaksPlainHTTP(ctx, s, ref.Host()) {
			s.scheme = "http"
		}
		s.host = address(&url.URL{Scheme: s.scheme, Host: ref.Host()})
		cache = c.tokens
	}
	by := &auth.Client{Client: s.http, Cache: cache, Credential: func(_ context.Context, host string) (auth.Credential, error) {
		if c.o.Credentials == nil || s.scheme != "https" || address(&url.URL{Scheme: "https", Host: host}) != s.host {
			return auth.EmptyCredential, nil
		}
		user, password := c.o.Credentials(ref.Registry) // Not host: docker.io is elsewhere than its name.
		return auth.Credential{Username: user, Password: password}, nil
	}}
	return &images{s: s, by: tokens{by}, ref: ref, at: &url.URL{Scheme: s.scheme, Host: ref.Host(), Path: "/v2/" + ref.Repository + "/"}}, nil
}

func (r *images) ask(ctx context.Context, q question) (answer, error) {
	return r.s.ask(auth.AppendRepositoryScope(ctx, r.ref, auth.ActionPull), r.by, q)
}

// tagged asks an OCI registry for the manifest of a chart's version, and how to download the archive.
func (c *Client) tagged(ctx context.Context, s *session, from *url.URL, key chart) (digest string, download func(context.Context) ([]byte, error), err error) {
	// Tags have no plus; Helm writes an underscore.
	return c.pull(ctx, s, strings.Trim(from.Host+from.Path, "/")+"/"+key.name, strings.ReplaceAll(key.version, "+", "_"))
}

// loopback reports whether a host is this machine itself. There, as for container engines, a registry may do without TLS.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// speaksPlainHTTP asks a registry once whether it does without TLS.
func (c *Client) speaksPlainHTTP(ctx context.Context, s *session, host string) bool {
	if plain, ok := c.plain.Load(host); ok {
		return plain.(bool)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/v2/", nil)
	if err != nil {
		return false
	}
	resp, err := s.http.Do(req)
	plain := errors.Is(err, http.ErrSchemeMismatch)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || plain {
		c.plain.Store(host, plain)
	}
	return plain
}

// elsewhere downloads what the index of a Helm repository names in an OCI registry.
func (c *Client) elsewhere(ctx context.Context, at *url.URL) ([]byte, error) {
	colon := strings.LastIndex(at.Path, ":")
	if at.User != nil || colon < 0 {
		return nil, failf(ErrInvalid, "the repository's index names a URL for it that cannot be read: vendor the chart")
	}
	s := c.session(at)
	defer s.close()
	s.host = "" // An index says where this is, not the source: it must not be inside our network.
	_, download, err := c.pull(ctx, s, at.Host+at.Path[:colon], at.Path[colon+1:])
	if err != nil {
		return nil, err
	}
	return download(ctx)
}

func (c *Client) pull(ctx context.Context, s *session, repository, tag string) (digest string, download func(context.Context) ([]byte, error), err error) {
	if _, err := registry.ParseReference(repository + ":" + tag); err != nil {
		return "", nil, failf(ErrRefused, "the repository, name and version are no OCI reference such as oci://host/path/name:1.2.3")
	}
	r, err := c.open(ctx, s, repository)
	if err != nil {
		return "", nil, err
	}
	a, err := r.ask(ctx, question{url: r.at.JoinPath("manifests", tag), what: "manifest", limit: maxManifest, header: http.Header{"Accept": {typeManifest, typeIndex, typeDockerList}}})
	if err != nil {
		return "", nil, err
	}
	raw := a.body
	if said := a.header.Get("Docker-Content-Digest"); said != "" && said != digestOf(raw) {
		return "", nil, failf(ErrDigest, "its manifest is %s, and the registry says %.80q: ask its owner, or vendor the chart", digestOf(raw), said)
	}
	layer, err := chartLayer(raw)
	if err != nil {
		return "", nil, err
	}
	if layer.Size > c.o.MaxArchive {
		return "", nil, failf(ErrTooLarge, "archive has %d bytes, at most %d are read", layer.Size, c.o.MaxArchive)
	}
	return layer.Digest, func(ctx context.Context) ([]byte, error) {
		a, err := r.ask(ctx, question{url: r.at.JoinPath("blobs", layer.Digest), what: "archive", limit: layer.Size, header: asIs})
		return a.body, err
	}, nil
}

// chartLayer is the archive that a manifest names.
func chartLayer(raw []byte) (descriptor, error) {
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return descriptor{}, failf(ErrInvalid, "its manifest does not decode: this is no OCI registry, or a broken one")
	}
	if m.MediaType == typeIndex || m.MediaType == typeDockerList || m.Manifests != nil {
		return descriptor{}, failf(ErrInvalid, "the tag is a list of manifests, one for each platform, and not a chart: check the repository and the name")
	}
	if m.Config.MediaType != typeChartConfig {
		return descriptor{}, failf(ErrInvalid, "the tag is no Helm chart but %.100q: check the repository and the name", m.Config.MediaType)
	}
	charts := slices.DeleteFunc(m.Layers, func(l descriptor) bool { return l.MediaType != typeChart && l.MediaType != typeChartOld })
	if len(charts) != 1 {
		return descriptor{}, failf(ErrInvalid, "its manifest names %d archives of a chart, and must name one", len(charts))
	}
	digest, err := parseDigest(charts[0].Digest)
	if err != nil {
		return descriptor{}, err
	}
	charts[0].Digest = digest
	return charts[0], nil
}

// tokens sends requests with a token where a registry asks for one, once.
type tokens struct{ *auth.Client }

func (t tokens) Do(req *http.Request) (*http.Response, error) {
	resp, err := t.Client.Do(req)
	if errors.Is(err, auth.ErrBasicCredentialNotFound) {
		return nil, failf(ErrAuth, "https://%s asks for a user and a password: give credentials for it", req.URL.Host)
	}
	return resp, err
}
