// Package history gathers from Git and the forge what the ledger is made of.
package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Options say what to read.
type Options struct {
	Mirror *native.Mirror
	// Main is the branch that changes come from; empty for the repository's default branch.
	Main string
	// Pulls are pull requests, of any state; none when no forge was asked. They must be read after the mirror was fetched. Me is the bot's login
	// there, Repository owner/name.
	Pulls          []forge.Pull
	Me, Repository string
	// Email is the bot's as a committer.
	Email string
	// Trial merges changes that are missing on trial, to find those whose content is there already. It may be expensive in a repository that
	// never had picks.
	Trial bool
	// Only limits the live branches to these minors; empty for all.
	Only []version.Minor
}

// History is what was found.
type History struct {
	Facts ledger.Facts
	// Ledger is ledger.Build of Facts.
	Ledger ledger.Ledger
	// Retired are release branches whose minor main's catalog does not offer (any more); Uncut are minors that it offers without a branch.
	Retired []string
	Uncut   []version.Minor
	// Distribution is that of main's catalog.
	Distribution string
	// MainTip is main's commit.
	MainTip string
}

// reader reads one history.
type reader struct {
	Options
	History
	refs    native.Refs
	catalog catalog.Catalog
	// index finds changes by commit, oldest first from 0.
	index map[string]int
	// contained remembers how many changes commits contain that are neither on main's first-parent chain nor on a branch.
	contained map[string]int
	// decoded are catalogs by blob; nil for what cannot be read.
	decoded map[string]*catalog.Catalog
	// proposed are the commits that pull requests would bring, by hash.
	proposed map[string]*change.Commit
}

// Read gathers. A branch that cannot be read is an error: what is not known must not look missing.
func Read(ctx context.Context, o Options) (History, error) {
	r := &reader{Options: o, index: map[string]int{}, contained: map[string]int{}, decoded: map[string]*catalog.Catalog{}, proposed: map[string]*change.Commit{}}
	for _, step := range []func(context.Context) error{r.main, r.branches, r.readPulls, r.prove} {
		if err := step(ctx); err != nil {
			return History{}, err
		}
	}
	r.propose()
	r.Ledger = ledger.Build(r.Facts)
	if err := errors.Join(r.reach(ctx), r.try(ctx)); err != nil {
		return History{}, err
	}
	r.Ledger = ledger.Build(r.Facts)
	return r.History, nil
}

// main reads the branch that changes come from, and its catalog.
func (r *reader) main(ctx context.Context) (err error) {
	if r.refs, err = r.Mirror.Refs(ctx); err != nil {
		return err
	}
	r.Facts.Main = cmp.Or(r.Options.Main, r.refs.Head)
	if r.Facts.Main == "" {
		return errors.New("the repository has no default branch: say with --main which branch changes come from")
	}
	var is bool
	if r.MainTip, is = r.refs.Branches[r.Facts.Main]; !is {
		return fmt.Errorf("there is no branch %q in the repository: say with --main which branch changes come from", r.Facts.Main)
	}
	tree, err := r.Mirror.Repository().Tree(r.MainTip)
	if err != nil {
		return err
	}
	data, err := fs.ReadFile(tree, catalog.File)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no %s, which says which release branches are alive", r.Facts.Main, catalog.File)
	}
	if err != nil {
		return fmt.Errorf("%s on %s: %w", catalog.File, r.Facts.Main, err)
	}
	if r.catalog, err = catalog.Decode(catalog.File, data); err != nil {
		return fmt.Errorf("the catalog on %s cannot be read, so which release branches are alive is not known: %w", r.Facts.Main, err)
	}
	if len(r.catalog.Minors) == 0 {
		return fmt.Errorf("%s on %s offers no Kubernetes minor in kubernetes.minors, so which release branches are alive is not known", catalog.File, r.Facts.Main)
	}
	r.Distribution = r.catalog.Distribution
	r.Facts.Folders = map[string]string{}
	for _, a := range r.catalog.Addons {
		r.Facts.Folders[a.Name] = a.Path
	}
	commits, err := r.Mirror.Log(ctx, native.LogRequest{Of: []string{r.MainTip}, FirstParent: true, Files: true})
	if err != nil {
		return fmt.Errorf("branch %s: %w", r.Facts.Main, err)
	}
	for i, c := range commits {
		r.index[c.Hash] = i
		r.Facts.Changes = append(r.Facts.Changes, ledger.Change{Commit: c})
	}
	return nil
}

// branches reads the live release branches, and what others may be the source of picks.
func (r *reader) branches(ctx context.Context) error {
	live := map[version.Minor]bool{}
	for _, m := range r.catalog.Minors {
		if _, cut := r.refs.Branches[release.Branch(m)]; cut {
			live[m] = len(r.Only) == 0 || slices.Contains(r.Only, m)
		} else {
			r.Uncut = append(r.Uncut, m)
		}
	}
	var others, minors []version.Minor
	for name := range r.refs.Branches {
		m, is := release.ParseBranch(name)
		switch wanted, offered := live[m]; {
		case !is || name == r.Facts.Main:
		case wanted:
			minors = append(minors, m)
		default:
			others = append(others, m)
			if !offered {
				r.Retired = append(r.Retired, name)
			}
		}
	}
	slices.SortFunc(minors, version.Minor.Compare)
	slices.SortFunc(others, version.Minor.Compare)
	slices.SortFunc(r.Retired, func(a, b string) int {
		x, _ := release.ParseBranch(a)
		y, _ := release.ParseBranch(b)
		return x.Compare(y)
	})
	for _, m := range minors {
		b, err := r.branch(ctx, m)
		if err != nil {
			return fmt.Errorf("branch %s: %w", release.Branch(m), err)
		}
		r.Facts.Branches = append(r.Facts.Branches, b)
	}
	request := native.LogRequest{Not: []string{r.MainTip}, Files: true}
	for _, m := range others {
		request.Of = append(request.Of, r.refs.Branches[release.Branch(m)])
	}
	for _, b := range r.Facts.Branches {
		request.Not = append(request.Not, b.Tip)
	}
	var err error
	r.Facts.Others, err = r.Mirror.Log(ctx, request)
	return err
}

func (r *reader) branch(ctx context.Context, m version.Minor) (b ledger.Branch, err error) {
	b.Name, b.Minor = release.Branch(m), m
	b.Tip = r.refs.Branches[b.Name]
	if b.Fork, err = r.Mirror.MergeBase(ctx, r.MainTip, b.Tip); err != nil {
		return b, err
	}
	if b.Fork == "" {
		return b, fmt.Errorf("it has no commit in common with %s: cut it from there, or take %s out of the catalog's kubernetes.minors", r.Facts.Main, m)
	}
	if b.Commits, err = r.Mirror.Log(ctx, native.LogRequest{Of: []string{b.Tip}, Not: []string{r.MainTip}, Files: true}); err != nil {
		return b, err
	}
	if b.Contains, err = r.contains(ctx, b.Tip); err != nil {
		return b, err
	}
	files, err := r.Mirror.Files(ctx, b.Tip)
	if err != nil {
		return b, err
	}
	b.Files = map[string]change.Entry{}
	touched := func(c change.Commit) {
		for _, f := range c.Files {
			if e, is := files[f.Path]; is {
				b.Files[f.Path] = e
			}
		}
	}
	for _, c := range r.Facts.Changes {
		touched(c.Commit)
	}
	for _, c := range b.Commits {
		touched(c)
	}
	b.TagOf, err = r.tags(ctx, b)
	return b, err
}

// contains is how many changes, from the oldest on, a commit has among its ancestors.
func (r *reader) contains(ctx context.Context, commit string) (int, error) {
	if i, is := r.index[commit]; is {
		return i + 1, nil
	}
	if n, known := r.contained[commit]; known {
		return n, nil
	}
	rest, err := r.Mirror.Log(ctx, native.LogRequest{Of: []string{r.MainTip}, Not: []string{commit}, FirstParent: true})
	if err != nil {
		return 0, err
	}
	r.contained[commit] = len(r.Facts.Changes) - len(rest)
	return r.contained[commit], nil
}

// tags says which release of a branch had each commit first. Tags that are not on the branch release nothing of it.
func (r *reader) tags(ctx context.Context, b ledger.Branch) (map[string]release.Tag, error) {
	commits := map[release.Tag]string{}
	for name, t := range r.refs.Tags {
		if tag, err := release.ParseTag(name); err == nil && tag.Minor == b.Minor && tag.Distribution == r.Distribution && t.Commit != "" {
			commits[tag] = t.Commit
		}
	}
	parents := map[string][]string{}
	for _, c := range b.Commits {
		parents[c.Hash] = c.Parents
	}
	first := map[string]release.Tag{}
	done := 0
	for _, tag := range slices.SortedFunc(maps.Keys(commits), release.Tag.Compare) {
		commit := commits[tag]
		if _, is := parents[commit]; !is {
			on, err := r.Mirror.Contains(ctx, b.Tip, commit)
			if err != nil {
				return nil, fmt.Errorf("tag %s: %w", tag, err)
			}
			if !on {
				continue
			}
		}
		for todo := []string{commit}; len(todo) > 0; {
			c := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if above, is := parents[c]; is {
				if _, seen := first[c]; !seen {
					first[c] = tag
					todo = append(todo, above...)
				}
				continue
			}
			n, err := r.contains(ctx, c)
			if err != nil {
				return nil, fmt.Errorf("tag %s: %w", tag, err)
			}
			for ; done < n; done++ {
				first[r.Facts.Changes[done].Hash] = tag
			}
		}
	}
	return first, nil
}
