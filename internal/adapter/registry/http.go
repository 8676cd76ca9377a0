package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// asIs asks for an archive's own bytes: they are compressed already, and the digest is over them.
var asIs = http.Header{"Accept-Encoding": {"identity"}}

// offered asks the index of a Helm repository what a version is, and how to download it.
func (c *Client) offered(ctx context.Context, s *session, from *url.URL, key chart) (digest string, download func(context.Context) ([]byte, error), err error) {
	index, err := c.index(ctx, s, from, key.repository)
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

// index is what a Helm repository offers, asked for once in a while.
func (c *Client) index(ctx context.Context, s *session, from *url.URL, repository string) (*index, error) {
	return c.indexes.get(ctx, c, repository, func() (*index, error) {
		a, err := s.ask(ctx, s.basic(), question{url: from.JoinPath("index.yaml"), what: "index.yaml", limit: c.o.MaxIndex, keep: true})
		if err != nil {
			return nil, err
		}
		c.moves.Delete(repository)
		if a.moved != nil && strings.HasSuffix(a.moved.Path, "/index.yaml") {
			to := url.URL{Scheme: a.moved.Scheme, Host: a.moved.Host, Path: strings.TrimSuffix(a.moved.Path, "/index.yaml")}
			c.moves.Store(repository, to.String())
		}
		return scan(a.body)
	})
}

// Moved is a Helm repository that answers, but says that it moved for good. It comes along with what it answers.
type Moved struct {
	// From and To are URLs without what may be a key.
	From, To string
}

func (m *Moved) Error() string { return m.Remark() }

// Remark tells people of it.
func (m *Moved) Remark() string {
	return fmt.Sprintf("%s has moved to %s: use that, the old address may be given up", m.From, m.To)
}

// moved tells whether a repository that answered did it from elsewhere.
func (c *Client) moved(repository string) error {
	to, ok := c.moves.Load(repository)
	if !ok {
		return nil
	}
	return &Moved{From: shown(repository), To: to.(string)}
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
