package upstreams

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// History are the releases of a repository on GitHub that an address belongs to, for their notes; none where it is no such address.
func (s *Sources) History(ctx context.Context, address string) ([]upstream.Version, error) {
	repository, ok := s.repository(address)
	if !ok || s.Releases == nil {
		return nil, nil
	}
	versions, err := s.versions(ctx, upstream.Source{Kind: upstream.GitHub, Repository: repository})
	var remark Remark
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && !errors.As(err, &remark):
		return nil, errors.New(sentence(err.Error()))
	}
	return versions, nil
}

var (
	scp  = regexp.MustCompile(`^(?:[\w.-]+@)?([\w.-]+):([^/].*)$`)
	part = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
)

// reserved are first parts of paths on GitHub that are nobody's repositories.
var reserved = map[string]bool{"orgs": true, "apps": true, "sponsors": true, "marketplace": true, "features": true, "topics": true, "users": true, "settings": true}

// repository is the owner/name that an address on GitHub's pages is about, whatever is below it: people name files and folders as a project's home.
func (s *Sources) repository(address string) (string, bool) {
	address = strings.TrimPrefix(strings.TrimSpace(address), "git+")
	if !strings.Contains(address, "://") {
		if m := scp.FindStringSubmatch(address); m != nil {
			address = "ssh://" + m[1] + "/" + m[2]
		} else {
			address = "https://" + address
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	host, known := strings.TrimPrefix(strings.ToLower(u.Host), "www."), []string{"github.com"}
	if web, err := url.Parse(s.Web); err == nil && web.Host != "" {
		known = append(known, strings.ToLower(web.Host))
	}
	if host != known[0] && host != known[len(known)-1] {
		return "", false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 2 || reserved[strings.ToLower(parts[0])] {
		return "", false
	}
	name := strings.TrimSuffix(parts[1], ".git")
	if !part.MatchString(parts[0]) || !part.MatchString(name) || strings.Trim(name, ".") == "" || strings.Trim(parts[0], ".") == "" {
		return "", false
	}
	return parts[0] + "/" + name, true
}
