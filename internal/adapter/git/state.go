package git

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// Codes of the problems in Refs.
const (
	CodeRefNotCommit fault.Code = "GitRefNotCommit"
	CodeRefBroken    fault.Code = "GitRefBroken"
	CodeRefName      fault.Code = "GitRefName"
)

const (
	headsPrefix  = "refs/heads/"
	tagsPrefix   = "refs/tags/"
	originPrefix = "refs/remotes/origin/"
)

// rawRefs are refs as a repository tells them: full names and the objects they name, tags not peeled.
type rawRefs struct {
	head string // full name of the default branch
	// detached is the commit HEAD names when it names no branch.
	detached plumbing.Hash
	objects  map[string]plumbing.Hash
	// bad lists names that are no ref names; they are reported and otherwise ignored.
	bad []string
	// broken lists refs on disk that cannot be read, and why.
	broken map[string]string
}

func (r rawRefs) equal(o rawRefs) bool {
	return r.head == o.head && r.detached == o.detached && maps.Equal(r.objects, o.objects) && slices.Equal(r.bad, o.bad) &&
		maps.Equal(r.broken, o.broken)
}

// sum is a checksum of the refs' names and hashes.
func (r rawRefs) sum() string {
	h := sha256.New()
	for _, ref := range slices.Sorted(maps.Keys(r.objects)) {
		_, _ = fmt.Fprintf(h, "%s %s\n", r.objects[ref], ref)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// state is one consistent view of a repository. It is not changed once made.
type state struct {
	raw  rawRefs
	refs Refs
	// peeled remembers what each object peels to, so that only new ones are read.
	peeled map[plumbing.Hash]peeled
}

type peeled struct {
	commit plumbing.Hash
	err    error
}

// newState peels every ref. old, which may be nil, saves reading again what it has read.
func newState(raw rawRefs, objects *objects, old *state) (*state, error) {
	s := &state{raw: raw, peeled: make(map[plumbing.Hash]peeled, len(raw.objects))}
	s.refs = Refs{Head: strings.TrimPrefix(raw.head, headsPrefix), Branches: map[string]string{}, Tags: map[string]string{}}
	problem := func(code fault.Code, ref, format string, args ...any) {
		s.refs.Problems = append(s.refs.Problems, fault.Problem{Code: code, Where: ref, Message: fmt.Sprintf(format, args...)})
	}
	for _, name := range raw.bad {
		problem(CodeRefName, fmt.Sprintf("%q", name), "this is no name that Git allows for a ref; it is ignored")
	}
	for ref, why := range raw.broken {
		problem(CodeRefBroken, ref, "%s; it is ignored", why)
	}
	for _, ref := range slices.Sorted(maps.Keys(raw.objects)) {
		h := raw.objects[ref]
		p, known := s.peeled[h]
		if !known && old != nil {
			p, known = old.peeled[h]
		}
		if !known || p.err != nil {
			p.commit, p.err = objects.peel(h)
			if p.err != nil && !errors.Is(p.err, errNotCommit) && !objects.local {
				return nil, fmt.Errorf("%s: %w", ref, p.err)
			}
		}
		s.peeled[h] = p
		switch {
		case errors.Is(p.err, errNotCommit):
			problem(CodeRefNotCommit, ref, "it names %s %s; it is ignored", strings.TrimPrefix(p.err.Error(), "not a commit: "), h)
		case p.err != nil:
			problem(CodeRefBroken, ref, "%v; it is ignored", p.err)
		case strings.HasPrefix(ref, tagsPrefix):
			s.refs.Tags[strings.TrimPrefix(ref, tagsPrefix)] = p.commit.String()
		case strings.HasPrefix(ref, headsPrefix):
			s.refs.Branches[strings.TrimPrefix(ref, headsPrefix)] = p.commit.String()
		case strings.HasPrefix(ref, originPrefix):
			// A clone that a person works in has most release branches only as the remote's; its own win.
			name := strings.TrimPrefix(ref, originPrefix)
			if _, own := raw.objects[headsPrefix+name]; !own {
				s.refs.Branches[name] = p.commit.String()
			}
		}
	}
	slices.SortFunc(s.refs.Problems, func(a, b fault.Problem) int { return strings.Compare(a.Where, b.Where) })
	return s, nil
}

func (r Refs) clone() Refs {
	r.Branches, r.Tags, r.Problems = maps.Clone(r.Branches), maps.Clone(r.Tags), slices.Clone(r.Problems)
	return r
}

// validRefName tells whether a name is one that Git allows for a branch or tag. Others cannot come from an honest
// server, and cannot be written to the mirror's list.
func validRefName(ref string) bool {
	if strings.ContainsFunc(ref, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) }) {
		return false
	}
	if strings.Contains(ref, "..") || strings.Contains(ref, "@{") || strings.HasSuffix(ref, ".") {
		return false
	}
	for part := range strings.SplitSeq(ref, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

func wanted(ref string) bool {
	return strings.HasPrefix(ref, headsPrefix) || strings.HasPrefix(ref, tagsPrefix) || strings.HasPrefix(ref, originPrefix)
}
