package proposing

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
)

// situation gathers what decides about a proposal.
func (w *world) situation(ctx context.Context, p upgrade.Proposal) (*situation, error) {
	s := &situation{
		proposal: p, tip: w.found.Tips[p.Branch], ref: w.refs.Branches[p.Head], unknown: w.unknown[p.Head],
		draft: proposal.Write(proposal.Request{Repository: w.Repository, URL: w.URL, Proposal: p}),
	}
	if w.closing[p.Head] == nil {
		s.mine = w.mine(p.Head, p.Branch)
	}
	for i, o := range w.pulls {
		switch {
		case !o.Open || o.Head != p.Head || !strings.EqualFold(o.HeadRepository, w.Repository):
		case w.own(o) && o.Base != p.Branch:
			s.elsewhere = &w.pulls[i]
		case !w.own(o) && o.Base == p.Branch:
			s.theirs = &w.pulls[i]
		}
	}
	if s.mine != nil {
		s.marker, s.known = proposal.Find(s.mine.Body)
		s.asked = w.asked(s.mine.Number)
		// What a problem hides is not gone.
		if shrinks(s.marker.Versions, versions(p)) {
			if problem := w.problem(w.addons(p.Unit), p.Branch); problem != "" {
				s.failing = problem
			}
		}
	}
	var err error
	if s.stranger, err = w.stranger(ctx, s); err != nil {
		return nil, err
	}
	switch {
	case s.mine == nil:
		return s, w.former(ctx, s)
	case s.stranger != "" || s.ref != s.mine.HeadCommit:
		return s, nil
	}
	return s, w.moved(ctx, s)
}

// shrinks tells that a source is no longer among those of which something is proposed.
func shrinks(before, now []proposal.Proposed) bool {
	return slices.ContainsFunc(before, func(b proposal.Proposed) bool {
		return !slices.ContainsFunc(now, func(n proposal.Proposed) bool { return n.Source == b.Source })
	})
}

// stranger is who besides the bot committed to the branch of a proposal.
func (w *world) stranger(ctx context.Context, s *situation) (string, error) {
	if s.ref == "" || s.known && s.marker.Head == s.ref {
		return "", nil
	}
	if slices.ContainsFunc(w.past[s.proposal.Head], func(p forge.Pull) bool { return p.Merged && p.HeadCommit == s.ref }) {
		return "", nil // What people committed to it is merged.
	}
	request := native.LogRequest{Of: []string{s.ref}}
	for _, branch := range slices.Sorted(maps.Keys(w.refs.Branches)) {
		if _, is := release.ParseBranch(branch); is || branch == w.found.Main {
			request.Not = append(request.Not, w.refs.Branches[branch])
		}
	}
	commits, err := w.Mirror.Log(ctx, request)
	if err != nil {
		return "", err
	}
	for _, c := range commits {
		if c.Committer.Email != w.Committer.Email {
			name := cmp.Or(c.Committer.Name, c.Committer.Email, "somebody without a name")
			if strings.EqualFold(name, "GitHub") {
				name = cmp.Or(c.Author.Name, name)
			}
			return name, nil
		}
	}
	return "", nil
}

// recent is how long after a merge the branch may not show it yet. Later it is not there because somebody took it back.
const recent = time.Hour

// former looks at earlier pull requests of a proposal that is not open.
func (w *world) former(ctx context.Context, s *situation) error {
	for i, p := range w.past[s.proposal.Head] {
		if p.Base != s.proposal.Branch {
			continue
		}
		m, known := proposal.Find(p.Body)
		if p.Merged {
			there, err := w.landed(ctx, s.tip, p)
			if err != nil {
				return err
			}
			if known && same(m.Versions, versions(s.proposal)) && !there && w.Now.Sub(p.Updated) < recent {
				s.merged = &w.past[s.proposal.Head][i]
			}
			continue
		}
		if s.declined != nil || known && m.Retired != "" {
			continue
		}
		again, err := w.again(ctx, s, p, m, known)
		if err != nil {
			return err
		}
		if again {
			s.declined = &w.past[s.proposal.Head][i]
		}
	}
	return nil
}

// landed tells whether a branch has what was merged.
func (w *world) landed(ctx context.Context, tip string, p forge.Pull) (bool, error) {
	if p.MergeCommit == "" {
		return false, nil
	}
	there, err := w.Mirror.Contains(ctx, tip, p.MergeCommit)
	if err != nil && ctx.Err() == nil {
		return false, nil // The mirror does not have the commit, so no branch of it does.
	}
	return there, err
}

// again tells whether what a person closed would be the same again. In doubt it would: a person said no.
func (w *world) again(ctx context.Context, s *situation, p forge.Pull, m proposal.Marker, known bool) (bool, error) {
	if !known {
		return w.saysSame(ctx, s.proposal, p)
	}
	if !same(m.Versions, versions(s.proposal)) {
		return false, nil
	}
	if concerns, err := w.concerns(ctx, m.Base, s.tip, s.proposal); err != nil || !concerns {
		return true, err
	}
	if err := w.build(ctx, s); err != nil || s.failing != "" {
		return true, err
	}
	now, err := w.content(ctx, s)
	return now == "" || now == m.Content, err
}

// saysSame compares versions where a person took the marker away: the commit names them.
func (w *world) saysSame(ctx context.Context, p upgrade.Proposal, closed forge.Pull) (bool, error) {
	commits, err := w.Mirror.Log(ctx, native.LogRequest{Of: []string{closed.HeadCommit}, Not: []string{w.found.Tips[p.Branch]}})
	if err != nil {
		return true, ctx.Err() // The mirror does not have it any more.
	}
	said := map[string]bool{}
	for _, c := range commits {
		for line := range strings.Lines(c.Message) {
			if rest, is := strings.CutPrefix(strings.TrimSpace(line), "Upgrade-Of: "); is {
				words := strings.Fields(rest)
				said[words[0]+" "+words[len(words)-1]] = true
			}
		}
	}
	for _, c := range p.Changes {
		if len(said) > 0 && !said[c.Addon+" "+c.To] {
			return false, nil
		}
	}
	return true, nil
}

// moved finds out what the branch has changed since an open pull request was made, as far as it matters: a file that both change, or what comes of it. All
// else is left to the merge, so that one merge does not make all other pull requests anew.
func (w *world) moved(ctx context.Context, s *situation) error {
	if !s.known || s.marker.Retired != "" || !same(s.marker.Versions, versions(s.proposal)) || s.marker.Head != s.ref {
		return nil // It is made anew in any case, or not at all.
	}
	concerns, err := w.concerns(ctx, s.marker.Base, s.tip, s.proposal)
	if err != nil || !concerns {
		return err
	}
	if err := w.build(ctx, s); err != nil || s.failing != "" {
		return err
	}
	before, err := w.listing(ctx, s.marker.Base)
	if err != nil {
		return err
	}
	after, err := w.listing(ctx, s.tip)
	if err != nil {
		return err
	}
	for _, path := range s.built.Files {
		if before[path] != after[path] {
			s.moved = fmt.Sprintf("%s has changed %s", s.proposal.Branch, path)
			return nil
		}
	}
	now, err := w.content(ctx, s)
	if now != "" && now != s.marker.Content {
		s.moved = s.proposal.Branch + " has changed what comes of it"
	}
	return err
}

// concerns tells whether what happened between two commits of a branch may matter to a proposal: something in the folders of its addons, in what the catalog says
// of them, or outside of all addons, where they may have bases.
func (w *world) concerns(ctx context.Context, from, to string, p upgrade.Proposal) (bool, error) {
	if from == to {
		return false, nil
	}
	before, err := w.listing(ctx, from)
	if err != nil {
		return true, ctx.Err() // The mirror does not have it any more: a person may have written the marker.
	}
	after, err := w.listing(ctx, to)
	if err != nil {
		return false, err
	}
	now, err := w.offered(ctx, to)
	if err != nil {
		return true, ctx.Err()
	}
	inside := func(path string, a catalog.Addon) bool {
		return strings.HasPrefix(path, strings.TrimSuffix(a.Path, "/")+"/")
	}
	is := func(name string) bool {
		return slices.ContainsFunc(p.Changes, func(c upgrade.Change) bool { return c.Addon == name })
	}
	matters := func(path string) bool {
		other := false
		for _, a := range now.Addons {
			if inside(path, a) {
				if is(a.Name) {
					return true
				}
				other = true
			}
		}
		return !other
	}
	paths := differing(before, after)
	for path := range paths {
		if path != catalog.File && matters(path) {
			return true, nil
		}
	}
	if !paths[catalog.File] {
		return false, nil
	}
	was, err := w.offered(ctx, from)
	if err != nil {
		return true, ctx.Err()
	}
	entries := func(c catalog.Catalog) (all []catalog.Addon) {
		return slices.DeleteFunc(slices.Clone(c.Addons), func(a catalog.Addon) bool { return !is(a.Name) })
	}
	return !slices.Equal(was.Minors, now.Minors) || !reflect.DeepEqual(entries(was), entries(now)), nil
}

func differing[K comparable, V comparable](a, b map[K]V) map[K]bool {
	paths := map[K]bool{}
	for path, entry := range a {
		if b[path] != entry {
			paths[path] = true
		}
	}
	for path := range b {
		if _, both := a[path]; !both {
			paths[path] = true
		}
	}
	return paths
}

// build makes the commit on top of the branch as it is now.
func (w *world) build(ctx context.Context, s *situation) error {
	if s.built != nil || s.failing != "" {
		return nil
	}
	if err := w.buildOn(ctx, s, s.tip); err != nil || s.built == nil || s.mine != nil {
		return err
	}
	return w.bringing(ctx, s)
}

// bringing finds out whether another open pull request makes the branch the same in what the proposal changes.
func (w *world) bringing(ctx context.Context, s *situation) error {
	for i, p := range w.pulls {
		if !p.Open || p.Base != s.proposal.Branch || p.Head == s.proposal.Head || p.HeadCommit == "" {
			continue
		}
		there, err := w.has(ctx, p.HeadCommit, proposal.Marker{Base: s.built.Base, Head: s.built.Tip})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// A head that cannot be read brings nothing that is known.
		if err == nil && there {
			s.brought = &w.pulls[i]
			return nil
		}
	}
	return nil
}

func (w *world) buildOn(ctx context.Context, s *situation, base string) error {
	built, err := w.do.build(ctx, w.Options.Options, base, s.proposal)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		s.failing = "its commit cannot be made: " + err.Error()
	default:
		s.built = &built
	}
	return nil
}

// rendered is what a commit does to the manifests.
func (w *world) rendered(ctx context.Context, b upgrading.Built, branch string) rendered {
	key := b.Base + " " + b.Tip
	r, known := w.reports[key]
	if !known {
		if r.report, r.err = w.Diff(ctx, b.Base, b.Tip, branch); ctx.Err() == nil {
			w.reports[key] = r
		}
	}
	return r
}

// content is empty when it cannot be told.
func (w *world) content(ctx context.Context, s *situation) (string, error) {
	r := w.rendered(ctx, *s.built, s.proposal.Branch)
	if r.err != nil {
		return "", ctx.Err()
	}
	return content(s.proposal, r.report), nil
}

// missing are the wanted names that are not among those there.
func missing(wanted, there []string) (names []string) {
	for _, name := range wanted {
		if !slices.ContainsFunc(there, func(o string) bool { return strings.EqualFold(o, name) }) {
			names = append(names, name)
		}
	}
	return names
}
