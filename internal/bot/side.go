package bot

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/addon-manager/addon-manager/internal/adapter/render"
	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// side is one of the two commits that are compared.
type side struct {
	// name is base or head, ref how it was asked for, commit what that is.
	name, ref, commit string
	tree              fs.FS
	catalog           catalog.Catalog
	addons            map[string]*addon
	// served is what each minor serves with the CustomResourceDefinitions of this commit.
	served map[version.Minor]*apis.Set
}

// addon is an addon at one commit.
type addon struct {
	catalog.Addon
	source render.Source
	// err is why it cannot be rendered.
	err error
	// archives are the charts that it needs from elsewhere, once they are fetched.
	archives map[engine.Chart][]byte
}

func openSide(repo repository, name, ref string) (*side, error) {
	commit, err := repo.Resolve(ref)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	s := &side{name: name, ref: ref, commit: commit, addons: map[string]*addon{}, served: map[version.Minor]*apis.Set{}}
	if s.tree, err = repo.Tree(commit); err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	data, err := fs.ReadFile(s.tree, catalog.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--%s: there is no %s at the root of %s (%.12s)", name, catalog.File, ref, commit)
	}
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	s.catalog, err = catalog.Decode(catalog.File, data)
	if err != nil {
		return nil, fmt.Errorf("--%s: the catalog of %s (%.12s) is not valid: %w", name, ref, commit, err)
	}
	return s, nil
}

// minor is the one whose releases a ref is about; zero for a ref that is about all of them, such as main.
func minorOf(ref string) version.Minor {
	name := ref
	for _, prefix := range []string{"refs/heads/", "refs/tags/", "refs/remotes/"} {
		name = strings.TrimPrefix(name, prefix)
	}
	for _, name := range []string{name, name[strings.IndexByte(name, '/')+1:]} { // origin/release-1.31
		if m, is := release.ParseBranch(name); is {
			return m
		}
		if t, err := release.ParseTag(name); err == nil {
			return t.Minor
		}
	}
	return version.Minor{}
}

// inspect finds out what kind of source the addons that count are, and what is wrong with them.
func (s *side) inspect(counts func(name string) bool) {
	part := s.catalog
	part.Addons = nil
	for _, a := range s.catalog.Addons {
		if counts(a.Name) {
			part.Addons = append(part.Addons, a)
		}
	}
	inspected, problems := catalog.Inspect(part, s.tree)
	for _, a := range inspected.Addons {
		s.addons[a.Name] = &addon{Addon: a, err: problemOf(a, problems)}
	}
}

// problemOf is what stops an addon, nil when nothing does.
func problemOf(a catalog.Addon, problems []fault.Problem) error {
	for _, p := range problems {
		text, own := strings.CutPrefix(p.Message, "addon "+a.Name+": ")
		if own || p.Code == catalog.RepositoryInvalid {
			p.Message = text
			return p
		}
	}
	if a.Source == "" {
		return fmt.Errorf("%s cannot be read as an addon: run `branch-bot validate`", a.Path)
	}
	return nil
}

// collect reads the sources of the addons that were inspected.
func (s *side) collect(o engine.Options) {
	var all sync.WaitGroup
	for _, a := range s.addons {
		if a.err != nil || a.source.Files != nil {
			continue
		}
		all.Go(func() { a.source, a.err = render.Collect(s.tree, a.Addon, o) })
	}
	all.Wait()
}

// offers tells whether an addon is offered to clusters of a minor.
func (a *addon) offers(m version.Minor) bool {
	return a != nil && a.Kubernetes.HoldsSome(m)
}

// entry is what the catalog says of an addon, nil when it does not have it.
func (s *side) entry(name string) *catalog.Addon {
	i := slices.IndexFunc(s.catalog.Addons, func(a catalog.Addon) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &s.catalog.Addons[i]
}

// CatalogAt is the catalog of a ref.
func CatalogAt(repo repository, ref string) (catalog.Catalog, error) {
	s, err := openSide(repo, "head", ref)
	if err != nil {
		return catalog.Catalog{}, err
	}
	return s.catalog, nil
}
