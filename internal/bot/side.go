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
	"github.com/addon-manager/addon-manager/internal/core/manifest"
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
	// crds are those CustomResourceDefinitions.
	crds map[version.Minor][]manifest.Object
}

// addon is an addon at one commit.
type addon struct {
	catalog.Addon
	source render.Source
	// err is why it cannot be rendered; elsewhere tells that the fault lies with a chart repository.
	err       error
	elsewhere bool
	// archives are the charts that it needs from elsewhere, once they are fetched.
	archives map[engine.Chart][]byte
}

func openSide(repo repository, name, ref string) (*side, error) {
	commit, err := repo.Resolve(ref)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	tree, err := repo.Tree(commit)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", name, err)
	}
	s := newSide(name, tree, catalog.Catalog{})
	s.ref, s.commit = ref, commit
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

// newSide is a side without any addon.
func newSide(name string, tree fs.FS, c catalog.Catalog) *side {
	return &side{
		name: name, tree: tree, catalog: c,
		addons: map[string]*addon{}, served: map[version.Minor]*apis.Set{}, crds: map[version.Minor][]manifest.Object{},
	}
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

// collect reads the sources of the addons that count.
func (s *side) collect(o engine.Options, counts func(catalog.Addon) bool) {
	var all sync.WaitGroup
	for _, entry := range s.catalog.Addons {
		if !counts(entry) {
			continue
		}
		a := &addon{Addon: entry}
		s.addons[entry.Name] = a
		all.Go(func() {
			if entries, err := fs.ReadDir(s.tree, a.Path); err == nil {
				a.Source = catalog.Detect(entries)
			}
			a.source, a.err = render.Collect(s.tree, a.Addon, o)
		})
	}
	all.Wait()
}

// links are what stops Argo CD from rendering anything of the commit: symbolic links that lead out of the repository.
func (s *side) links() (problems []fault.Problem) {
	_, problems = catalog.Inspect(catalog.Catalog{}, s.tree)
	return problems
}

// offers tells whether an addon is offered to clusters of a minor.
func (a *addon) offers(m version.Minor) bool {
	return a != nil && a.Kubernetes.HoldsSome(m)
}

// definitions are the CustomResourceDefinitions of two sides on a minor; those of the second count where both have one.
func definitions(a, b *side, m version.Minor) []manifest.Object {
	return slices.Concat(a.crds[m], b.crds[m])
}

// CatalogAt is the catalog of a ref, which a flag of this name asks for.
func CatalogAt(repo repository, name, ref string) (catalog.Catalog, error) {
	s, err := openSide(repo, name, ref)
	if err != nil {
		return catalog.Catalog{}, err
	}
	return s.catalog, nil
}
