package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	gh "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// ReleasesOptions say where to ask for releases of other people's repositories. The zero value asks github.com as nobody.
type ReleasesOptions struct {
	// APIURL, PlainHTTP, Dir, Transport, Now, Sleep and Log are as in Options.
	APIURL    string
	PlainHTTP bool
	Dir       string
	Transport http.RoundTripper                                `json:"-"`
	Now       func() time.Time                                 `json:"-"`
	Sleep     func(ctx context.Context, d time.Duration) error `json:"-"`
	Log       func(message string, pairs ...any)               `json:"-"`
	// Token may be empty; it needs no permission, and raises GitHub's limits. TokenName is where people set it, for messages.
	Token     string `json:"-"`
	TokenName string
	// MaxWait bounds how long to wait for a limit to pass; 0 means a minute.
	MaxWait time.Duration
}

// Releases asks for releases. It may be used from several goroutines.
type Releases struct {
	o     ReleasesOptions
	base  *url.URL
	stack *stack
	files *http.Client
	// patience is how long one file may take.
	patience time.Duration

	mu sync.Mutex
	// known is what was listed of each file, by its address.
	known map[string]listedFile
}

// listedFile is where the API has a file, and which other files its release has.
type listedFile struct {
	api    string
	beside []upstream.Asset
}

// NewReleases makes one. It does not use the network.
func NewReleases(o ReleasesOptions) (*Releases, error) {
	base, err := apiURL(o.APIURL, o.PlainHTTP)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("%s holds a space, a line break or another character that no token has", cmp.Or(o.TokenName, "the token for releases"))
	}
	o.MaxWait = cmp.Or(o.MaxWait, time.Minute)
	stack, err := newStack(Options{
		APIURL: o.APIURL, Token: o.Token, Dir: o.Dir, MaxWait: o.MaxWait, WritesPerMinute: 1, WritesPerHour: 1, Transport: o.Transport, Now: o.Now, Sleep: o.Sleep, Log: o.Log,
	}, base)
	if err != nil {
		return nil, err
	}
	r := &Releases{o: o, base: base, stack: stack, patience: filePatience, known: map[string]listedFile{}}
	r.files = r.fileClient()
	return r, nil
}

// Spent says how many requests were made to the API so far, and how many of them were answered with 304.
func (r *Releases) Spent() (asked, unchanged int) {
	return int(r.stack.spent.asked.Load()), int(r.stack.spent.unchanged.Load())
}

// maxReleases is how many pages of 100 are read of one repository: the newest.
const maxReleases = 5

// release is what GitHub says of one. The library's own type lacks the digest.
type release struct {
	Tag         string    `json:"tag_name"`
	Name        string    `json:"name"`
	Body        string    `json:"body"`
	URL         string    `json:"html_url"`
	Draft       bool      `json:"draft"`
	PreRelease  bool      `json:"prerelease"`
	PublishedAt time.Time `json:"published_at"`
	Assets      []struct {
		Name   string `json:"name"`
		URL    string `json:"browser_download_url"`
		API    string `json:"url"`
		Digest string `json:"digest"`
		Size   int64  `json:"size"`
	} `json:"assets"`
}

// Releases are the newest of a repository, owner/name, with notes and files; drafts are left out. A repository that goes by another name now is
// listed all the same, together with a *Moved.
func (r *Releases) Releases(ctx context.Context, repository string) ([]upstream.Version, error) {
	owner, name, _ := strings.Cut(repository, "/")
	if !partOfName.MatchString(owner) || !partOfName.MatchString(name) {
		return nil, fmt.Errorf("repository %q: write it as owner/name, of letters, digits and .-_", markdown.Cut(repository, 200))
	}
	var versions []upstream.Version
	seen := map[string]bool{}
	now := ""
	read := 0
	err := pages(func(at gh.ListOptions) (*gh.Response, bool, error) {
		request, err := r.stack.client.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/releases?page=%d&per_page=%d", owner, name, at.Page, at.PerPage), nil)
		if err != nil {
			return nil, false, err
		}
		var page []release
		answer, err := r.stack.client.Do(ctx, request, &page)
		read++
		for _, one := range page {
			// One that is published meanwhile moves others to a page that is read later.
			if one.Draft || one.Tag == "" || seen[one.Tag] {
				continue
			}
			seen[one.Tag] = true
			now = cmp.Or(now, r.repositoryOf(one.URL))
			versions = append(versions, r.version(one))
		}
		return answer, read == maxReleases, err
	})
	if err != nil {
		return nil, r.explain(err, repository)
	}
	if now != "" && !strings.EqualFold(now, repository) {
		return versions, &Moved{From: repository, To: now}
	}
	return versions, nil
}

// Moved says that a repository has another name now.
type Moved struct{ From, To string }

func (m *Moved) Error() string { return m.Remark() }

// Remark is what its users should know.
func (m *Moved) Remark() string {
	return fmt.Sprintf("%s is called %s on GitHub now: use that name, the old one may become somebody else's", m.From, m.To)
}

// repositoryOf is the owner/name in the address of a release's page.
func (r *Releases) repositoryOf(page string) string {
	u, err := url.Parse(page)
	if err != nil {
		return ""
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 3 || parts[2] != "releases" || !partOfName.MatchString(parts[0]) || !partOfName.MatchString(parts[1]) {
		return ""
	}
	return parts[0] + "/" + parts[1]
}

var (
	advisory = regexp.MustCompile(`(?i)\bCVE-\d{4}-\d{4,}\b|\bGHSA(-[23456789cfghjmpqrvwx]{4}){3}\b`)
	sha256Of = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// version is a release as a version; what was listed of its files is remembered.
func (r *Releases) version(one release) upstream.Version {
	v := upstream.Version{
		Name: one.Tag, Created: one.PublishedAt.UTC(), PreRelease: one.PreRelease, Security: advisory.MatchString(one.Name) || advisory.MatchString(one.Body),
		Notes: one.Body, URL: one.URL, Described: true,
	}
	for _, a := range one.Assets {
		asset := upstream.Asset{Name: a.Name, URL: a.URL, Size: a.Size}
		if digest := strings.ToLower(a.Digest); sha256Of.MatchString(digest) {
			asset.Digest = digest
		}
		v.Assets = append(v.Assets, asset)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range one.Assets {
		r.known[a.URL] = listedFile{api: a.API, beside: slices.Clone(v.Assets)}
	}
	return v
}

// explain says what is wrong in one sentence.
func (r *Releases) explain(err error, repository string) error {
	err = failed(err, "list the releases of %s", repository)
	var f *failure
	switch {
	case !errors.As(err, &f):
		return err
	case errors.Is(err, ErrLimited) && !f.until.IsZero():
		said := fmt.Sprintf("GitHub asks to wait until %s before the releases of %s are listed", f.until.UTC().Format("2006-01-02 15:04 MST"), repository)
		if r.o.Token == "" && r.o.TokenName != "" {
			said += "; a token raises the limit: " + r.o.TokenName
		}
		return &failure{kind: ErrLimited, text: said, until: f.until, plain: true}
	case errors.Is(err, ErrNotFound):
		said := fmt.Sprintf("%s is not on GitHub: it was removed or renamed, or is private", repository)
		if r.o.Token == "" && r.o.TokenName != "" {
			said += ", which needs a token: " + r.o.TokenName
		}
		return &failure{kind: ErrNotFound, status: f.status, text: said, plain: true}
	case errors.Is(err, ErrAuth) && f.status == http.StatusUnauthorized && r.o.TokenName != "":
		return &failure{kind: ErrAuth, status: f.status, text: fmt.Sprintf("GitHub refuses the token in %s: renew it, or leave it out", r.o.TokenName), plain: true}
	}
	return err
}
