// Package picking applies changes of main to release branches, in the mirror: nothing that it does can be seen from outside.
package picking

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Options say how.
type Options struct {
	Mirror *native.Mirror
	// Committer is who commits; the time is taken from what is picked, so that the same pick is the same commit.
	Committer change.Person
	// Renders tells what stops addons of a tree from rendering for a minor, by addon; no addons means all. Nil leaves rendering out. It is asked for the
	// tree before the pick too: what failed before is no conflict. An error is a failure to ask, such as a registry that is down: a warning, and no
	// conflict.
	Renders func(ctx context.Context, tree fs.FS, minor version.Minor, addons []string) (problems map[string]string, err error)
}

// Target is where to pick to.
type Target struct {
	Branch string
	Minor  version.Minor
	// Onto is the commit to pick onto: the branch's, or what was picked onto it before.
	Onto string
}

// Pick makes the commits of a source on a target. With a conflict the last of them holds what applied, with markers for Content conflicts, the branch's side
// for the rest, and names the paths in its message.
func Pick(ctx context.Context, o Options, t Target, s pick.Source) (pick.Outcome, error) {
	out, err := pickAll(ctx, o, t, s, nil)
	if err != nil {
		return pick.Outcome{}, fmt.Errorf("pick %s to %s: %w", s.Key(), t.Branch, err)
	}
	return out, nil
}

// pickAll is Pick. First is what came of applying the first change, when that is known.
func pickAll(ctx context.Context, o Options, t Target, s pick.Source, first *native.Picked) (pick.Outcome, error) {
	if len(s.Changes) == 0 {
		return pick.Outcome{}, errors.New("there is no change to pick")
	}
	p := &picker{Options: o, target: t, source: s, out: pick.Outcome{Onto: t.Onto, Tip: t.Onto}}
	if err := p.all(ctx, first); err != nil {
		return pick.Outcome{}, err
	}
	p.out.Content = pick.Digest(s, p.out)
	return p.out, nil
}

// picker picks one source.
type picker struct {
	Options
	target Target
	source pick.Source
	out    pick.Outcome
	// last is the last commit that was made, of the change lastOf.
	last   change.Commit
	lastOf ledger.Change
}

func (p *picker) all(ctx context.Context, first *native.Picked) error {
	for i, c := range p.source.Changes {
		merged, err := p.merge(ctx, c, first)
		if err != nil {
			return fmt.Errorf("%.12s: %w", c.Hash, err)
		}
		first = nil
		if merged.Empty {
			p.out.Empty = append(p.out.Empty, c.Hash)
			continue
		}
		if err := p.commit(ctx, c, merged); err != nil {
			return fmt.Errorf("%.12s: %w", c.Hash, err)
		}
		if len(p.out.Resolved) > 0 && len(merged.Conflicts) == 0 {
			// Where the branch keeps its versions nothing may be left of the change.
			onto := p.last.Parents[0]
			if changed, err := p.Mirror.Repository().Changed(onto, p.out.Tip); err != nil || len(changed) == 0 {
				p.out.Empty, p.out.Tip = append(p.out.Empty, c.Hash), onto
				if err != nil {
					return err
				}
				continue
			}
		}
		if len(merged.Conflicts) > 0 {
			p.out.Conflicts, p.out.Stopped = merged.Conflicts, c.Hash
			for _, left := range p.source.Changes[i+1:] {
				p.out.Left = append(p.out.Left, left.Hash)
			}
			return nil
		}
		p.out.Picked = append(p.out.Picked, c.Hash)
	}
	if len(p.out.Picked) == 0 {
		return nil
	}
	conflicts, err := p.check(ctx)
	if err != nil || len(conflicts) == 0 {
		return err
	}
	// The commits applied, and do not work: the last of them says so.
	n := len(p.out.Picked) - 1
	p.out.Conflicts, p.out.Stopped, p.out.Picked = conflicts, p.out.Picked[n], p.out.Picked[:n]
	p.out.Tip = p.last.Parents[0]
	return p.commit(ctx, p.lastOf, native.Picked{Tree: p.last.Tree, Conflicts: conflicts})
}

// merge applies one change to the tip, and decides what needs no person. Conflicts that are left are sorted.
func (p *picker) merge(ctx context.Context, c ledger.Change, known *native.Picked) (native.Picked, error) {
	if known == nil {
		merged, err := p.Mirror.Pick(ctx, p.out.Tip, p.target.Branch, c.Hash)
		if err != nil {
			return merged, err
		}
		known = &merged
	}
	merged, resolved, err := p.resolve(ctx, c, *known)
	p.out.Resolved = append(p.out.Resolved, resolved...)
	return merged, err
}

// commit puts a tree on the tip.
func (p *picker) commit(ctx context.Context, c ledger.Change, merged native.Picked) error {
	author, others, err := p.authors(ctx, c)
	if err != nil {
		return err
	}
	before, err := p.made(p.out.Tip)
	if err != nil {
		return err
	}
	m := change.Pick{Message: pick.Message(c), Commit: c.Hash, CoAuthors: others}
	if c.Pull != nil {
		m.Pull = c.Pull.Number
	}
	for _, conflict := range merged.Conflicts {
		m.Unresolved = append(m.Unresolved, change.Unresolved{Kind: string(conflict.Kind), Path: conflict.Path})
	}
	committer := p.Committer
	// No clock: the same pick is the same commit. A commit is not older than its parent.
	committer.When = c.Committer.When.UTC()
	if before.After(committer.When) {
		committer.When = before
	}
	p.last = change.Commit{Tree: merged.Tree, Parents: []string{p.out.Tip}, Message: change.Picked(m), Author: author, Committer: committer}
	p.lastOf = c
	p.out.Tip, err = p.Mirror.Commit(ctx, p.last)
	return err
}

// made is when a commit was made.
func (p *picker) made(commit string) (time.Time, error) {
	tree, err := p.Mirror.Repository().Tree(commit)
	if err != nil {
		return time.Time{}, err
	}
	// The files of a commit are as old as it is.
	root, err := fs.Stat(tree, ".")
	if err != nil {
		return time.Time{}, err
	}
	return root.ModTime().UTC(), nil
}

// maxCoAuthors bounds the authors that a merge commit may bring.
const maxCoAuthors = 20

// authors are who wrote a change: of a merge not who pressed the button, but who wrote what was merged.
func (p *picker) authors(ctx context.Context, c ledger.Change) (author change.Person, others []change.Person, err error) {
	if len(c.Parents) < 2 {
		return c.Author, nil, nil
	}
	inner, err := p.Mirror.Log(ctx, native.LogRequest{Of: c.Parents[1:], Not: c.Parents[:1]})
	if err != nil {
		return author, nil, err
	}
	for _, i := range inner {
		if len(i.Parents) > 1 {
			continue // Merging main into a branch is no authorship.
		}
		if n := slices.IndexFunc(others, func(o change.Person) bool { return same(o, i.Author) }); n >= 0 {
			others[n] = i.Author
		} else {
			others = append(others, i.Author)
		}
	}
	if len(others) == 1 {
		return others[0], nil, nil
	}
	others = slices.DeleteFunc(others, func(o change.Person) bool { return same(o, c.Author) })
	return c.Author, others[:min(len(others), maxCoAuthors)], nil
}

func same(a, b change.Person) bool { return a.Email == b.Email && (a.Email != "" || a.Name == b.Name) }
