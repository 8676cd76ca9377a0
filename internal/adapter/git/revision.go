package git

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// shortForm is a shortened hash. With less than seven characters it would soon name several commits.
var shortForm = regexp.MustCompile(`^[0-9a-f]{7,39}$`)

// Resolve gives the commit of a branch, a tag, a full ref name, a hash (seven characters or more) or HEAD. A name
// that could mean two commits is an error.
func (r *Repository) Resolve(ref string) (commit string, err error) {
	s, objects, err := r.current()
	if err != nil {
		return "", err
	}
	unknown := func(format string, args ...any) (string, error) {
		return "", &Error{Kind: ErrUnknownRevision, URL: r.name, Detail: fmt.Sprintf(format, args...)}
	}
	if plumbing.IsHash(ref) {
		h, err := objects.peel(plumbing.NewHash(ref))
		switch {
		case errors.Is(err, errMissing):
			return "", r.missing(plumbing.NewHash(ref), ref)
		case errors.Is(err, errNotCommit):
			return unknown("%q", ref)
		case err != nil:
			return "", r.fault(err)
		}
		return h.String(), nil
	}
	if ref == "HEAD" {
		if !s.raw.detached.IsZero() {
			return s.raw.detached.String(), nil
		}
		if c, ok := s.refs.Branches[s.refs.Head]; ok {
			return c, nil
		}
		return unknown("HEAD names the branch %q, which does not exist", s.refs.Head)
	}
	if name, full := strings.CutPrefix(ref, headsPrefix); full {
		if c, ok := s.refs.Branches[name]; ok {
			return c, nil
		}
		return unknown("%q", ref)
	}
	if name, full := strings.CutPrefix(ref, tagsPrefix); full {
		if c, ok := s.refs.Tags[name]; ok {
			return c, nil
		}
		return unknown("%q", ref)
	}
	branch, isBranch := s.refs.Branches[ref]
	tag, isTag := s.refs.Tags[ref]
	switch {
	case isBranch && isTag && branch != tag:
		return unknown("%q is a branch and a tag; say refs/heads/%s or refs/tags/%s", ref, ref, ref)
	case isTag:
		return tag, nil
	case isBranch:
		return branch, nil
	case shortForm.MatchString(ref):
		return r.resolveShort(ref, objects)
	}
	return unknown("%q", ref)
}

func (r *Repository) resolveShort(short string, objects *objects) (string, error) {
	prefix, err := hex.DecodeString(short[:len(short)/2*2])
	if err != nil {
		return "", &Error{Kind: ErrUnknownRevision, URL: r.name, Detail: fmt.Sprintf("%q", short)}
	}
	list, err := objects.withPrefix(prefix)
	if err != nil {
		return "", r.fault(fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	found := map[plumbing.Hash]bool{}
	for _, h := range list {
		if !strings.HasPrefix(h.String(), short) {
			continue
		}
		commit, err := objects.peel(h)
		if errors.Is(err, errNotCommit) {
			continue
		}
		if err != nil {
			return "", r.fault(err)
		}
		found[commit] = true
	}
	if len(found) > 1 {
		return "", &Error{Kind: ErrUnknownRevision, URL: r.name, Detail: fmt.Sprintf("%q is the beginning of %d commits; say more of it", short, len(found))}
	}
	for commit := range found {
		return commit.String(), nil
	}
	return "", &Error{Kind: ErrUnknownRevision, URL: r.name, Detail: fmt.Sprintf("%q", short)}
}
