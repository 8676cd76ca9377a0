package picking

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// check finds what Git does not see: a merge without conflicts whose result does not work, though the branch did before.
func (p *picker) check(ctx context.Context) ([]pick.Conflict, error) {
	repo := p.Mirror.Repository()
	changed, err := repo.Changed(p.out.Onto, p.out.Tip)
	if errors.Is(err, git.ErrBadName) {
		p.warn("nothing was checked beside the merge: %v", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	before, err := repo.Tree(p.out.Onto)
	if err != nil {
		return nil, err
	}
	after, err := repo.Tree(p.out.Tip)
	if err != nil {
		return nil, err
	}
	conflicts, err := p.files(before, after, changed)
	if err != nil {
		return nil, err
	}
	more, err := p.catalogs(before, after, changed)
	if err != nil {
		return nil, err
	}
	if conflicts = append(conflicts, more...); len(conflicts) == 0 && p.Renders != nil {
		if conflicts, err = p.render(ctx, before, after, changed); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(conflicts, func(a, b pick.Conflict) int { return strings.Compare(a.Path, b.Path) })
	return conflicts, nil
}

func (p *picker) warn(format string, args ...any) {
	p.out.Warnings = append(p.out.Warnings, markdown.OneLine(fmt.Sprintf(format, args...)))
}

// files reads each YAML file that changed. A file that neither the branch's readers nor main's could read before, such as a chart's template, may stay so.
func (p *picker) files(before, after fs.FS, changed []string) (conflicts []pick.Conflict, err error) {
	var theirs fs.FS
	for _, file := range changed {
		if !pick.IsYAML(file) || file == catalog.File {
			continue
		}
		broken, there, err := unreadable(after, file)
		if err != nil || broken == nil || !there {
			if err != nil {
				return nil, err
			}
			continue
		}
		was, there, err := unreadable(before, file)
		if err != nil {
			return nil, err
		}
		if !there || was != nil {
			if theirs == nil {
				if theirs, err = p.Mirror.Repository().Tree(p.lastOf.Hash); err != nil {
					return nil, err
				}
			}
			if was, there, err = unreadable(theirs, file); err != nil {
				return nil, err
			}
		}
		if there && was == nil {
			conflicts = append(conflicts, pick.Conflict{Path: file, Kind: pick.YAML, Message: markdown.OneLine(broken.Error())})
		}
	}
	return conflicts, nil
}

// unreadable says why a file is no YAML, and whether there is such a file. The last error is a failure to look.
func unreadable(tree fs.FS, file string) (why error, there bool, err error) {
	data, there, err := read(tree, file)
	if err != nil || !there {
		return nil, false, err
	}
	return NoYAML(file, data), true, nil
}

// NoYAML says why a text is no YAML; nil when it is.
func NoYAML(file string, data []byte) error {
	docs, err := catalog.Documents(file, data)
	for _, doc := range docs {
		if err == nil {
			// Two keys of one name, which a merge makes easily, come out only here.
			var content any
			err = doc.Decode(&content)
		}
	}
	return err
}

// catalogs checks catalog.yaml when it changed: what was right before must be right after.
func (p *picker) catalogs(before, after fs.FS, changed []string) ([]pick.Conflict, error) {
	if !slices.Contains(changed, catalog.File) {
		return nil, nil
	}
	was, err := problems(before)
	if err != nil {
		return nil, err
	}
	is, err := problems(after)
	if err != nil || len(is) == 0 {
		return nil, err
	}
	known := map[string]bool{}
	for _, problem := range was {
		known[problem.Message] = true // Lines may have moved.
	}
	fresh := slices.DeleteFunc(is, func(problem fault.Problem) bool { return known[problem.Message] })
	if len(fresh) == 0 {
		p.warn("%s is not right, and was not before: %v", catalog.File, was[0])
		return nil, nil
	}
	message := fresh[0].Error()
	if len(fresh) > 1 {
		message += fmt.Sprintf(" (and %s more)", markdown.Count(len(fresh)-1, "problem"))
	}
	return []pick.Conflict{{Path: catalog.File, Kind: pick.YAML, Message: markdown.OneLine(message)}}, nil
}

// problems are those of a tree's catalog. A branch without one has none.
func problems(tree fs.FS) ([]fault.Problem, error) {
	data, there, err := read(tree, catalog.File)
	if err != nil || !there {
		return nil, err
	}
	_, found := catalog.Validate(catalog.File, data, tree, catalog.Options{})
	for _, problem := range found {
		if problem.Code == catalog.RepositoryUnreadable {
			return nil, problem
		}
	}
	return found, nil
}

// render renders the addons that the pick touches, and those that fail also as they were before.
func (p *picker) render(ctx context.Context, before, after fs.FS, changed []string) ([]pick.Conflict, error) {
	offered, err := p.offered(p.out.Tip)
	if err != nil {
		return nil, err
	}
	touched := touches(offered, changed)
	if touched != nil && len(touched) == 0 || len(offered.Addons) == 0 {
		return nil, nil
	}
	broken, err := p.Renders(ctx, after, p.target.Minor, touched)
	if err != nil {
		return nil, p.unasked(ctx, err)
	}
	if len(broken) == 0 {
		return nil, nil
	}
	names := slices.Sorted(maps.Keys(broken))
	was, err := p.Renders(ctx, before, p.target.Minor, names)
	if err != nil {
		return nil, p.unasked(ctx, err)
	}
	var conflicts []pick.Conflict
	for _, name := range names {
		if was[name] != "" {
			p.warn("%s does not render, and did not before: %s", name, broken[name])
			continue
		}
		folder := name
		for _, a := range offered.Addons {
			if a.Name == name {
				folder = a.Path
			}
		}
		conflicts = append(conflicts, pick.Conflict{Path: folder, Kind: pick.Render, Message: markdown.OneLine(broken[name])})
	}
	return conflicts, nil
}

// unasked makes a warning of a failure to render that is nobody's fault here.
func (p *picker) unasked(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.warn("whether the addons render is not known: %v", err)
	return nil
}

// touches are the addons that a change of these paths may affect; nil means all of them. What lies outside of all folders may be a base of any.
func touches(c catalog.Catalog, changed []string) []string {
	names := map[string]bool{}
	for _, file := range changed {
		a, belongs := addonOf(c, file)
		switch {
		case belongs:
			names[a.Name] = true
		case strings.HasPrefix(file, ".") || path.Ext(file) == ".md":
		default:
			return nil
		}
	}
	return append([]string{}, slices.Sorted(maps.Keys(names))...)
}
