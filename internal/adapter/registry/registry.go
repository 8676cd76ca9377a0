// Package registry fetches the charts that a source names and its repository does not hold, from Helm repositories over HTTP and from OCI
// registries. What it gives is what the repository's index or manifest says it is: a chart without a digest, or with another, is an error.
// It also lists and describes the versions of charts and images.
//
// Everything that a server can choose is bounded: sizes, time, the number of redirects, and where these lead.
package registry

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpproxy"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/addon-manager/addon-manager/internal/core/egress"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// Options are a Client's settings. The zero value is of use.
type Options struct {
	// Allow refuses repositories that must not be asked; nil allows all. It gets the repository's URL as the source names it, of an image
	// oci:// and its name. Where the repository keeps its archives is its own matter, within the bounds of this package.
	Allow func(repository string) error
	// Credentials are the user and password for a host, empty for none. They are only sent to the host of the repository, or to where that
	// sends for a token, and never without TLS.
	Credentials func(host string) (user, password string)
	// RootCAs are the certificates to trust; nil means the system's.
	RootCAs *x509.CertPool
	// Dir keeps archives between runs, and answers to ask only whether they changed; empty means that all is only kept in memory.
	Dir string
	// Fresh is how long an answer, good or bad, is given again without asking (default 10 minutes, 1 minute for a failure).
	Fresh time.Duration
	// Timeout bounds the fetching of one chart with all that belongs to it (default 2 minutes).
	Timeout time.Duration
	// MaxIndex and MaxArchive are bytes (default 64 MiB and 20 MiB).
	MaxIndex, MaxArchive int64
}

// Client fetches charts. It may be used by many at once.
type Client struct {
	o     Options
	proxy func(*url.URL) (*url.URL, error)
	// What tests replace: the clock, the pauses before another try, the resolver of names, and what counts as inside our own network.
	now      func() time.Time
	pauses   []time.Duration
	resolver *net.Resolver
	inside   func(netip.Addr) bool

	charts  memory[chart, archive]
	indexes memory[string, *index]
	seen    seen

	// lists are the versions of charts and images, details what single ones are.
	lists   memory[chart, []upstream.Version]
	details memory[chart, upstream.Version]
	answers answers
	limits  limits
	// moves are the repositories that moved for good, plain the registries on this machine without TLS.
	moves, plain sync.Map
	tokens       auth.Cache

	asked, unchanged atomic.Int64
}

// Spent is how many requests were sent so far, and how many of them only found that nothing changed.
func (c *Client) Spent() (asked, unchanged int) {
	return int(c.asked.Load()), int(c.unchanged.Load())
}

// chart names a chart as a source does, or without a repository an image.
type chart struct{ repository, name, version string }

// archive is a chart as it was fetched.
type archive struct {
	data []byte
	// digest is sha256:<hex> of data.
	digest string
}

// What is kept in memory at most, in bytes.
const (
	maxCharts  = 256 << 20
	maxIndexes = 128 << 20
	maxLists   = 64 << 20
	maxDetails = 16 << 20
)

// New makes a Client. It takes proxies from the environment.
func New(o Options) *Client {
	o.Fresh = cmp.Or(o.Fresh, 10*time.Minute)
	o.Timeout = cmp.Or(o.Timeout, 2*time.Minute)
	o.MaxIndex = cmp.Or(o.MaxIndex, 64<<20)
	o.MaxArchive = cmp.Or(o.MaxArchive, 20<<20)
	folder := ""
	if o.Dir != "" {
		folder = filepath.Join(o.Dir, "answers")
	}
	return &Client{
		o: o, proxy: httpproxy.FromEnvironment().ProxyFunc(), now: time.Now, inside: egress.Inside,
		pauses:  []time.Duration{500 * time.Millisecond, 2 * time.Second},
		charts:  newMemory[chart](maxCharts, func(a archive) int { return len(a.data) }),
		indexes: newMemory[string](maxIndexes, func(x *index) int { return x.size() }),
		seen:    seen{dir: o.Dir, digests: map[chart]string{}},
		lists:   newMemory[chart](maxLists, sizes),
		details: newMemory[chart](maxDetails, size),
		answers: answers{dir: folder, most: maxAnswers, written: -1},
		tokens:  auth.NewCache(),
	}
}

// chartNames are those that Helm accepts, and that no path is made of.
var chartNames = regexp.MustCompile(`^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,249}$`)

// Chart fetches one version of a chart: the archive, and its digest as sha256:<hex>. The repository is an http, https or oci URL, the
// version an exact one. The archive is shared and must not be changed.
func (c *Client) Chart(ctx context.Context, repository, name, version string) (data []byte, digest string, err error) {
	key := chart{strings.TrimSuffix(repository, "/"), name, version}
	from, err := c.admit(key)
	switch {
	case err != nil:
	case version == "":
		err = failf(ErrRefused, "no version is named: name an exact one, so that every render takes the same")
	case !exact(version):
		err = failf(ErrRefused, "this is no exact version: name one such as 1.2.3, or let helm dependency update write a Chart.lock")
	}
	if err != nil {
		return nil, "", key.wrap(err)
	}
	a, err := c.charts.get(ctx, c, key, func() (archive, error) {
		ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
		defer cancel()
		a, err := c.fetch(ctx, from, key)
		return a, timedOut(ctx, c.o.Timeout, err)
	})
	return a.data, a.digest, key.wrap(err)
}

// admit checks what is asked for before anybody is asked.
func (c *Client) admit(key chart) (*url.URL, error) {
	from, err := url.Parse(key.repository)
	switch {
	case err != nil || from.Host == "" || from.Opaque != "":
		return nil, failf(ErrRefused, "the repository is not an http, https or oci URL")
	case from.Scheme != "http" && from.Scheme != "https" && from.Scheme != "oci":
		return nil, failf(ErrRefused, "scheme %q is not allowed: name an http, https or oci URL", from.Scheme)
	case from.User != nil:
		return nil, failf(ErrRefused, "credentials do not belong into the URL of a repository: take them out")
	case from.Fragment != "" || from.Scheme == "oci" && from.RawQuery != "":
		return nil, failf(ErrRefused, "a query or fragment does not belong into the URL of a repository: take it out")
	case !chartNames.MatchString(key.name):
		return nil, failf(ErrRefused, "this is no chart's name: use letters, digits, dots, dashes and underscores")
	}
	if c.o.Allow != nil {
		if err := c.o.Allow(key.repository); err != nil {
			return nil, failf(ErrRefused, "%v", err)
		}
	}
	return from, nil
}

// fetch asks the repository, or answers from the folder what was seen before.
func (c *Client) fetch(ctx context.Context, from *url.URL, key chart) (archive, error) {
	s := c.session(from)
	defer s.close()
	offer := c.offered
	if from.Scheme == "oci" {
		offer = c.tagged
	}
	want, download, err := offer(ctx, s, from, key)
	before := c.seen.digest(key)
	if err != nil {
		// A chart that was seen is the same for ever: what is in the folder is as good as what the repository would give.
		if data, ok := c.seen.read(before); ok && (errors.Is(err, ErrUnreachable) || errors.Is(err, ErrLimited)) {
			return archive{data, before}, nil
		}
		return archive{}, err
	}
	if before != "" && before != want {
		return archive{}, failf(ErrDigest, "the version was replaced: its archive was %s when first seen, and is %s now; take another version, or vendor the chart", before, want)
	}
	data, ok := c.seen.read(want)
	if !ok {
		if data, err = download(ctx); err != nil {
			return archive{}, err
		}
		if got := digestOf(data); got != want {
			return archive{}, failf(ErrDigest, "its archive is %s, and the repository says %s: ask its owner, or vendor the chart", got, want)
		}
	}
	c.seen.keep(key, want, data)
	return archive{data, want}, nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// parseDigest reads a digest as indexes write it, with or without the algorithm before it.
func parseDigest(s string) (string, error) {
	digits := strings.ToLower(strings.TrimPrefix(s, "sha256:"))
	if raw, err := hex.DecodeString(digits); err != nil || len(raw) != sha256.Size {
		return "", failf(ErrDigest, "its digest is %.80q, and not SHA-256 in 64 hexadecimal digits: vendor the chart", s)
	}
	return "sha256:" + digits, nil
}

// String names a chart, or an image, without what may be a key in its repository's URL.
func (k chart) String() string {
	switch from := shown(k.repository); {
	case k.repository == "" && k.version == "":
		return fmt.Sprintf("image %.200q", k.name)
	case k.repository == "":
		return fmt.Sprintf("image %.200q %.100q", k.name, k.version)
	case k.version == "":
		return fmt.Sprintf("chart %.100q of %.200s", k.name, from)
	default:
		return fmt.Sprintf("chart %.100q %.100q of %.200s", k.name, k.version, from)
	}
}

// shown is a repository's URL without what may be a key: the password and the query.
func shown(repository string) string {
	u, err := url.Parse(repository)
	if err != nil {
		return "a URL that cannot be read"
	}
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.Redacted()
}
