package registry

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// asIs asks for an archive's own bytes: they are compressed already, and the digest is over them.
var asIs = http.Header{"Accept-Encoding": {"identity"}}

// offered asks the index of a Helm repository what a version is, and how to download it.
func (c *Client) offered(ctx context.Context, s *session, from *url.URL, key chart) (digest string, download func(context.Context) ([]byte, error), err error) {
	index, err := c.indexes.get(ctx, c, key.repository, func() (*index, error) {
		data, _, err := s.get(ctx, s.basic(), from.JoinPath("index.yaml"), "index.yaml", c.o.MaxIndex, nil)
		if err != nil {
			return nil, err
		}
		return scan(data)
	})
	if err != nil {
		return "", nil, err
	}
	one, err := index.find(key.name, key.version)
	if err != nil {
		return "", nil, err
	}
	at, err := resolve(from, one.URLs[0])
	if err != nil {
		return "", nil, err
	}
	return one.Digest, func(ctx context.Context) ([]byte, error) {
		if at.Scheme == "oci" {
			return c.elsewhere(ctx, at)
		}
		data, _, err := s.get(ctx, s.basic(), at, "archive", c.o.MaxArchive, asIs)
		return data, err
	}, nil
}

// resolve is where an archive is that an index names: relative to the repository, whose query it inherits, or anywhere.
func resolve(repository *url.URL, archive string) (*url.URL, error) {
	ref, err := url.Parse(archive)
	if err != nil {
		return nil, failf(ErrInvalid, "the repository's index names a URL for it that cannot be read: vendor the chart")
	}
	if ref.IsAbs() {
		return ref, nil
	}
	base := *repository
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	at := base.ResolveReference(ref)
	if at.RawQuery == "" && at.Host == base.Host {
		at.RawQuery = base.RawQuery
	}
	return at, nil
}

// basic sends the credentials of the repository to its own host, and to nobody else.
func (s *session) basic() sender { return basic{s} }

type basic struct{ *session }

func (b basic) Do(req *http.Request) (*http.Response, error) {
	if find := b.client.o.Credentials; find != nil && address(req.URL) == b.host && req.URL.Scheme == "https" {
		if user, password := find(req.URL.Host); user != "" || password != "" {
			req.SetBasicAuth(user, password)
		}
	}
	return b.http.Do(req)
}
