package git

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// Remotes asks repositories that are not mirrored. The zero value asks as nobody.
type Remotes struct {
	// Auth are the credentials for a host, which has its port where the address has one; nil means none. Those in an address win.
	Auth func(host string) Auth
	// Timeout bounds one answer; 0 means a minute.
	Timeout time.Duration
}

// maxTags bounds the tags of one repository.
const maxTags = 50_000

// RemoteTags are the tags of a repository with the commits that they name, as the server lists them; nothing is transferred. Addresses are as in
// Options.URL, on other machines only.
func (r Remotes) RemoteTags(ctx context.Context, url string) ([]upstream.Version, error) {
	loc, err := parseLocation(url)
	if err != nil {
		return nil, err
	}
	if loc.scheme == schemeLocal {
		return nil, &Error{Kind: ErrRefused, URL: loc.name, Detail: "a folder on disk is not asked for versions; give an https:// or ssh:// URL"}
	}
	var auth Auth
	if r.Auth != nil {
		auth = r.Auth(loc.host)
	}
	if loc.scheme != "ssh" && (loc.user != "" || loc.password != "") {
		// Those in the address are for one repository, those of the host for all of it.
		auth.Username, auth.Password, auth.BearerToken = loc.user, loc.password, ""
	}
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = time.Minute
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, timeoutError(timeout))
	defer cancel()
	versions, err := remoteTags(ctx, loc, auth)
	switch {
	case err == nil:
		return versions, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	return nil, classify(loc.name, err, auth.secrets())
}

func remoteTags(ctx context.Context, loc location, auth Auth) ([]upstream.Version, error) {
	remote, err := newRemote(loc, auth)
	if err != nil {
		return nil, err
	}
	s, err := remote.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	listed, err := s.AdvertisedReferencesContext(ctx)
	switch {
	case err != nil && kindOf(err) == ErrEmpty:
		return nil, nil
	case err != nil && kindOf(err) == ErrCorrupt:
		return nil, fmt.Errorf("%w: list refs: %w", ErrNotGit, err)
	case err != nil:
		return nil, fmt.Errorf("list refs: %w", err)
	}
	return tagsOf(listed)
}

// tagsOf are the tags in a listing: of one that is an object of its own, the server lists the commit beside it.
func tagsOf(listed *packp.AdvRefs) ([]upstream.Version, error) {
	var versions []upstream.Version
	for ref, hash := range listed.References {
		name, isTag := strings.CutPrefix(ref, tagsPrefix)
		if !isTag || !validRefName(ref) {
			continue
		}
		if peeled, annotated := listed.Peeled[ref]; annotated {
			hash = peeled
		}
		if versions = append(versions, upstream.Version{Name: name, Digest: hash.String(), Described: true}); len(versions) > maxTags {
			return nil, &Error{Kind: ErrRefused, Detail: fmt.Sprintf("it has more than %d tags", maxTags)}
		}
	}
	return versions, nil
}
