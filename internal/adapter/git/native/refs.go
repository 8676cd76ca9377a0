package native

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

const (
	headsPrefix  = "refs/heads/"
	tagsPrefix   = "refs/tags/"
	originPrefix = "refs/remotes/origin/"
)

// state is what the refs are: raw as names and objects, and read.
type state struct {
	head string
	raw  map[string]string
	refs Refs
}

func (s *state) equal(head string, raw map[string]string) bool {
	return s != nil && s.head == head && maps.Equal(s.raw, raw)
}

// Refs are the mirror's.
func (m *Mirror) Refs(context.Context) (Refs, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.refs == nil {
		return Refs{}, &git.Error{Kind: git.ErrNotFetched, URL: m.where.name}
	}
	r := m.refs.refs
	return Refs{Head: r.Head, Branches: maps.Clone(r.Branches), Tags: maps.Clone(r.Tags), PullHeads: maps.Clone(r.PullHeads)}, nil
}

// pullOf is the number in refs/pull/12/head.
func pullOf(ref string) (int, bool) {
	rest, ok := strings.CutPrefix(ref, "refs/pull/")
	digits, head := strings.CutSuffix(rest, "/head")
	n, err := strconv.Atoi(digits)
	return n, ok && head && err == nil && n > 0 && strconv.Itoa(n) == digits
}

// wanted tells whether the mirror has a ref of the remote.
func (m *Mirror) wanted(ref string) bool {
	switch {
	case strings.HasPrefix(ref, headsPrefix), strings.HasPrefix(ref, tagsPrefix):
		return true
	case strings.HasPrefix(ref, originPrefix):
		// A clone that a person works in has most release branches only as the remote's.
		return m.where.folder && ref != originPrefix+"HEAD"
	}
	_, pull := pullOf(ref)
	return pull
}

// named sorts a ref into r.
func (r *Refs) named(ref, object, commit string, all map[string]string) {
	switch {
	case strings.HasPrefix(ref, headsPrefix):
		r.Branches[strings.TrimPrefix(ref, headsPrefix)] = commit
	case strings.HasPrefix(ref, tagsPrefix):
		r.Tags[strings.TrimPrefix(ref, tagsPrefix)] = Tag{Object: object, Commit: commit}
	case strings.HasPrefix(ref, originPrefix):
		name := strings.TrimPrefix(ref, originPrefix)
		if _, own := all[headsPrefix+name]; !own {
			r.Branches[name] = commit
		}
	default:
		if n, ok := pullOf(ref); ok {
			r.PullHeads[n] = commit
		}
	}
}

func newRefs() Refs {
	return Refs{Branches: map[string]string{}, Tags: map[string]Tag{}, PullHeads: map[int]string{}}
}

// readRefs reads the mirror's refs. It fails when an object that a ref names is not there.
func (m *Mirror) readRefs(ctx context.Context) (*state, error) {
	format := "%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)"
	var warned strings.Builder
	out, err := m.program.run(ctx, call{args: []string{"for-each-ref", "--format=" + format}, warnings: &warned})
	if err != nil {
		return nil, m.fault(err)
	}
	if warned.Len() > 0 {
		return nil, &git.Error{Kind: git.ErrCorrupt, URL: m.where.name, Detail: markdown.OneLine(warned.String())}
	}
	content, err := os.ReadFile(filepath.Join(m.program.repository, "HEAD"))
	if err != nil {
		return nil, err
	}
	s := &state{raw: map[string]string{}, refs: newRefs()}
	if target, ok := strings.CutPrefix(strings.TrimSpace(string(content)), "ref: "); ok && target != noHead {
		s.head = target
	}
	type read struct{ ref, object, commit string }
	var list []read
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) != 5 {
			return nil, fmt.Errorf("%w: git lists the ref %q", git.ErrCorrupt, line)
		}
		if !m.wanted(f[0]) {
			continue
		}
		s.raw[f[0]] = f[2]
		kind, commit := f[1], f[2]
		if kind == "tag" {
			kind, commit = f[3], f[4]
		}
		if kind == "tag" {
			if commit, err = m.peel(ctx, commit); err != nil {
				return nil, err
			}
			kind = "commit"
		}
		if kind == "commit" && commit != "" {
			list = append(list, read{f[0], f[2], commit})
		}
	}
	s.refs.Head = strings.TrimPrefix(s.head, headsPrefix)
	for _, r := range list {
		s.refs.named(r.ref, r.object, r.commit, s.raw)
	}
	return s, nil
}

// peel follows tags of tags to the commit; empty means that they name something else.
func (m *Mirror) peel(ctx context.Context, object string) (string, error) {
	out, err := m.program.run(ctx, call{args: []string{"cat-file", "--batch-check=%(objectname)"}, stdin: strings.NewReader(object + "^{commit}\n")})
	if err != nil {
		return "", m.fault(err)
	}
	if line := firstLine(string(out)); hashForm.MatchString(line) {
		return line, nil
	}
	return "", nil
}

// listing is what a remote has.
type listing struct {
	// head is the full name of the default branch.
	head string
	// raw are the refs we want, peeled the commits of those that are annotated tags.
	raw, peeled map[string]string
}

// list asks the remote for its refs.
func (m *Mirror) list(ctx context.Context, a access) (listing, error) {
	out, err := m.program.run(ctx, a.call("ls-remote", "--symref", "--", m.where.address))
	if err != nil {
		return listing{}, err
	}
	l := listing{raw: map[string]string{}, peeled: map[string]string{}}
	symbolic := map[string]string{}
	for line := range strings.Lines(string(out)) {
		object, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if target, is := strings.CutPrefix(object, "ref: "); is {
			symbolic[ref] = target
			continue
		}
		if !ok || !hashForm.MatchString(object) {
			if len(object) == 64 {
				return listing{}, &git.Error{Kind: git.ErrRefused, URL: m.where.name, Detail: "the repository uses SHA-256, and only SHA-1 is supported"}
			}
			continue
		}
		if tag, is := strings.CutSuffix(ref, "^{}"); is {
			l.peeled[tag] = object
		} else if m.wanted(ref) && validRef(ref) {
			l.raw[ref] = object
		}
	}
	l.head = symbolic["HEAD"]
	if origin := symbolic[originPrefix+"HEAD"]; l.head == "" && m.where.folder {
		// A clone at a mere commit, as build systems make it.
		l.head = headsPrefix + strings.TrimPrefix(origin, originPrefix)
	}
	if !strings.HasPrefix(l.head, headsPrefix) || !validRef(l.head) {
		l.head = ""
	}
	if len(l.raw) == 0 {
		return listing{}, &git.Error{Kind: git.ErrEmpty, URL: m.where.name}
	}
	return l, nil
}

// Remote asks the remote for its branches and tags, now. PullHeads are left out.
func (m *Mirror) Remote(ctx context.Context) (Refs, error) {
	ctx, cancel := m.limited(ctx)
	defer cancel()
	a, err := m.access(ctx)
	if err != nil {
		return Refs{}, m.fault(err)
	}
	l, err := m.list(ctx, a)
	if err != nil {
		return Refs{}, m.fault(err)
	}
	r := newRefs()
	r.Head = strings.TrimPrefix(l.head, headsPrefix)
	for ref, object := range l.raw {
		commit, annotated := l.peeled[ref]
		if !annotated {
			commit = object
		}
		r.named(ref, object, commit, l.raw)
	}
	clear(r.PullHeads)
	return r, nil
}

// validRef tells whether Git allows a full name for a ref.
func validRef(ref string) bool {
	if !strings.HasPrefix(ref, "refs/") || strings.Contains(ref, "..") || strings.Contains(ref, "@{") || strings.HasSuffix(ref, ".") ||
		strings.ContainsFunc(ref, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) }) {
		return false
	}
	for part := range strings.SplitSeq(ref, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}
