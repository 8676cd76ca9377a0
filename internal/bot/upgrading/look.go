package upgrading

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Look finds newer versions. The mirror must have been fetched. An error means that nothing can be said at all: what is wrong with one addon, source or
// branch is a problem in the plan.
func Look(ctx context.Context, o Options, k Known) (Found, error) {
	refs, err := o.Mirror.Refs(ctx)
	if err != nil {
		return Found{}, err
	}
	l := looker{Options: o, refs: refs, pins: map[string]pinned{}}
	if l.Found.Main = cmp.Or(o.Main, refs.Head); l.Found.Main == "" {
		return Found{}, errors.New("the repository has no default branch: say with --main which branch changes come from")
	}
	l.Tips, l.asked = map[string]string{}, &asked{failed: map[upgrade.Release]bool{}}
	for _, step := range []func(context.Context) error{l.main, l.branches, l.ask} {
		if err := step(ctx); err != nil {
			return Found{}, err
		}
	}
	return l.Again(ctx, o, k)
}

// looker gathers what there is.
type looker struct {
	Options
	Found
	refs    native.Refs
	catalog catalog.Catalog
	// wanted are the addons that are looked at; nil for all.
	wanted map[string]bool
	pins   map[string]pinned
}

// main reads the branch that changes come from. Without it nobody knows which branches are alive, and what is wanted.
func (l *looker) main(ctx context.Context) (err error) {
	name := l.Found.Main
	tip, is := l.refs.Branches[name]
	if !is {
		return fmt.Errorf("there is no branch %q in the repository: say with --main which branch changes come from", name)
	}
	if l.catalog, err = l.catalogAt(tip); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no %s, which says where newer versions come from", name, catalog.File)
	}
	if err != nil {
		return fmt.Errorf("the catalog on %s cannot be read, so where newer versions come from is not known: %w", name, err)
	}
	if len(l.catalog.Minors) == 0 {
		return fmt.Errorf("%s on %s offers no Kubernetes minor in kubernetes.minors, so which versions it can run is not known", catalog.File, name)
	}
	if l.catalog.Upgrades != nil {
		l.Rules = *l.catalog.Upgrades
	}
	l.request.Rules = l.Rules
	l.wanted = l.withGroups()
	l.request.Main, err = l.branch(ctx, name, tip, l.catalog, l.catalog.Minors)
	return err
}

// branches reads the live release branches.
func (l *looker) branches(ctx context.Context) error {
	for _, name := range l.Branches {
		m, is := release.ParseBranch(name)
		if _, cut := l.refs.Branches[name]; name != l.Found.Main && !(is && cut && slices.Contains(l.catalog.Minors, m)) {
			return fmt.Errorf("--branch %q is neither %s nor a live release branch: there are %s", name, l.Found.Main, strings.Join(l.live(), ", "))
		}
	}
	for _, m := range l.catalog.Minors {
		name := release.Branch(m)
		tip, cut := l.refs.Branches[name]
		// What comes of main's upgrade concerns all branches.
		if !cut || len(l.Branches) > 0 && !slices.Contains(l.Branches, name) && !slices.Contains(l.Branches, l.Found.Main) {
			continue
		}
		offered, err := l.catalogAt(tip)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = errors.New("it has none")
			}
			l.problems = append(l.problems, upgrade.Problem{Branch: name, Message: "its " + catalog.File + " cannot be read: " + sentence(err)})
			continue
		}
		b, err := l.branch(ctx, name, tip, offered, []version.Minor{m})
		if err != nil {
			return err
		}
		l.request.Branches = append(l.request.Branches, b)
	}
	for _, name := range l.Addons {
		offers := func(b upgrade.Branch) bool {
			return slices.ContainsFunc(b.Addons, func(a upgrade.Addon) bool { return a.Name == name })
		}
		if !offers(l.request.Main) && !slices.ContainsFunc(l.request.Branches, offers) {
			return fmt.Errorf("--addon %q is in no catalog: %s offers %s", name, l.Found.Main, named(l.catalog.Addons))
		}
	}
	return nil
}

// live are the branches that there are.
func (l *looker) live() []string {
	names := []string{l.Found.Main}
	for _, m := range l.catalog.Minors {
		if _, cut := l.refs.Branches[release.Branch(m)]; cut {
			names = append(names, release.Branch(m))
		}
	}
	return names
}

// sentence makes one line of an error.
func sentence(err error) string {
	return markdown.Clip(strings.ReplaceAll(err.Error(), "\n", "; "), 500)
}

func named(addons []catalog.Addon) string {
	if len(addons) == 0 {
		return "none"
	}
	var names []string
	for _, a := range addons {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}

// withGroups are the addons that are asked for, with those that share their pull requests: half a group would be another pull request.
func (l *looker) withGroups() map[string]bool {
	if len(l.Addons) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	for _, name := range l.Addons {
		wanted[name] = true
		for _, g := range l.Rules.Groups {
			if slices.Contains(g.Addons, name) {
				for _, other := range g.Addons {
					wanted[other] = true
				}
			}
		}
	}
	return wanted
}

func (l *looker) catalogAt(tip string) (c catalog.Catalog, err error) {
	tree, err := l.Mirror.Repository().Tree(tip)
	if err != nil {
		return c, err
	}
	data, err := fs.ReadFile(tree, catalog.File)
	if err != nil {
		return c, err
	}
	return catalog.Decode(catalog.File, data)
}

// branch reads what a branch's addons pin.
func (l *looker) branch(ctx context.Context, name, tip string, offered catalog.Catalog, minors []version.Minor) (b upgrade.Branch, err error) {
	b = upgrade.Branch{Name: name, Minors: minors}
	l.Tips[name] = tip
	tree, err := l.Mirror.Repository().Tree(tip)
	if err != nil {
		return b, fmt.Errorf("branch %s: %w", name, err)
	}
	files, err := l.Mirror.Files(ctx, tip)
	if err != nil {
		return b, fmt.Errorf("branch %s: %w", name, err)
	}
	for _, a := range offered.Addons {
		runs := slices.ContainsFunc(minors, a.Kubernetes.HoldsSome)
		if !runs || l.wanted != nil && !l.wanted[a.Name] {
			continue
		}
		p := l.find(a, tree, files)
		b.Addons = append(b.Addons, upgrade.Addon{Addon: a, Pins: p.pins, Problems: p.problems})
	}
	return b, ctx.Err()
}

// ask asks every source once.
func (l *looker) ask(ctx context.Context) (err error) {
	distinct := map[upstream.Source]bool{}
	var sources []upstream.Source
	for _, b := range slices.Concat([]upgrade.Branch{l.request.Main}, l.request.Branches) {
		for _, a := range b.Addons {
			for _, p := range a.Pins {
				if !distinct[p.Source] {
					distinct[p.Source] = true
					sources = append(sources, p.Source)
				}
			}
		}
	}
	slices.SortFunc(sources, func(a, b upstream.Source) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Name, b.Name))
	})
	l.request.Listings = map[upstream.Source]upstream.Listing{}
	if len(sources) > 0 {
		l.request.Listings, err = l.Sources.List(ctx, sources)
	}
	return err
}
