package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// The codes of what Inspect and Validate find.
const (
	// AddonInvalid is a folder that Argo CD could not deliver.
	AddonInvalid fault.Code = "AddonInvalid"
	// RepositoryInvalid is something outside the addons' folders that stops Argo CD from rendering any of them.
	RepositoryInvalid fault.Code = "RepositoryInvalid"
	// RepositoryUnreadable is a failure to read, which says nothing about the content: try again.
	RepositoryUnreadable fault.Code = "RepositoryUnreadable"
)

// Inspect checks the folders that a decoded catalog names and fills in each addon's Source. The tree is the
// repository's root; it should implement fs.ReadLinkFS and must not follow symlinks. Submodules show as fs.ModeIrregular.
//
// The catalog returned is a copy. An addon whose folder has a problem may be left without Source.
func Inspect(c Catalog, tree fs.FS) (Catalog, []fault.Problem) {
	return inspect(c, tree, func(int, string) string { return File })
}

// inspect takes where a field of the i-th addon is written.
func inspect(c Catalog, tree fs.FS, where func(i int, field string) string) (Catalog, []fault.Problem) {
	found := scanLinks(tree)
	c.Addons = slices.Clone(c.Addons)
	for i := range c.Addons {
		f := folder{tree: tree, addon: c.Addons[i], where: func(field string) string { return where(i, field) }}
		c.Addons[i].Source = f.inspect()
		if len(found)+len(f.found) > MaxProblems {
			found = append(found, f.found...)[:MaxProblems]
			return c, append(found, fault.Problem{
				Code: RepositoryInvalid, Where: File,
				Message: fmt.Sprintf("more than %d problems, the rest is not looked for", MaxProblems),
			})
		}
		found = append(found, f.found...)
	}
	return c, found
}

// folder is the check of one addon's folder.
type folder struct {
	tree  fs.FS
	addon Addon
	where func(field string) string
	found []fault.Problem
}

// refuse reports a problem at a field of the catalog.
func (f *folder) refuse(field, format string, args ...any) {
	f.found = append(f.found, fault.Problem{Code: AddonInvalid, Where: f.where(field), Message: "addon " + f.addon.Name + ": " + fmt.Sprintf(format, args...)})
}

// refuseFile reports a problem inside a file of the folder.
func (f *folder) refuseFile(p place, file, format string, args ...any) {
	f.found = append(f.found, fault.Problem{Code: AddonInvalid, Where: p.in(file), Message: "addon " + f.addon.Name + ": " + fmt.Sprintf(format, args...)})
}

func (f *folder) unreadable(name string, err error) {
	f.found = append(f.found, fault.Problem{Code: RepositoryUnreadable, Where: name, Message: fmt.Sprintf("addon %s: cannot be read: %v", f.addon.Name, err)})
}

func (f *folder) inspect() SourceType {
	if !f.reachable() {
		return ""
	}
	entries, err := fs.ReadDir(f.tree, f.addon.Path)
	if err != nil {
		f.unreadable(f.addon.Path, err)
		return ""
	}
	files, ok := f.walk()
	if !ok {
		return ""
	}
	if len(files) == 0 {
		f.refuse("path", "the folder %s is empty: put its manifests there", f.addon.Path)
		return ""
	}
	source := Detect(entries)
	if source == Directory && len(f.addon.Parameters) > 0 {
		f.refuse("parameters", "plain YAML takes no parameters: make %s a kustomization or a Helm chart, or remove them", f.addon.Path)
	}
	switch source {
	case Kustomize:
		f.kustomization(entries)
	case Helm:
		f.chart()
	case Directory:
		f.manifests(files)
		return source
	}
	f.bombs(files, source)
	return source
}

// reachable reports whether the path is a folder of the repository itself.
func (f *folder) reachable() bool {
	elements := strings.Split(f.addon.Path, "/")
	for i := range elements {
		name := path.Join(elements[:i+1]...)
		info, err := fs.Lstat(f.tree, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.refuse("path", "the repository has no folder %s: add it or correct the path", f.addon.Path)
		case err != nil:
			f.unreadable(name, err)
		case info.Mode()&fs.ModeSymlink != 0:
			f.refuse("path", "%s is a symbolic link: name the folder itself", name)
		case info.Mode()&fs.ModeIrregular != 0:
			f.refuse("path", "%s is a submodule, which Git does not carry in this repository: copy the folder in", name)
		case !info.IsDir():
			f.refuse("path", "%s is a file: want a folder", name)
		default:
			continue
		}
		return false
	}
	return true
}

// file is one file below the addon's folder.
type file struct {
	name string
	// target is where the content lies: the name, or what a link leads to.
	target string
	size   int64
}

// walk lists the files of the folder in the order of their names.
func (f *folder) walk() (files []file, ok bool) {
	var bytes int64
	errStop := errors.New("stop")
	err := fs.WalkDir(f.tree, f.addon.Path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if len(name) > MaxPath {
			f.refuse("path", "the folder holds a path of %d bytes, at most %d are allowed", len(name), MaxPath)
			return errStop
		}
		next := file{name: name, target: name}
		switch {
		case entry.IsDir():
			return nil
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := resolveLink(f.tree, name)
			if err != nil {
				// scanLinks has refused a link that leaves the repository.
				if !errors.Is(err, errOutside) {
					f.refuseFile(place{}, name, "the symbolic link %v", err)
				}
				return nil
			}
			info, err := fs.Lstat(f.tree, target)
			if err != nil {
				return err
			}
			if info.IsDir() {
				return nil
			}
			next.target, next.size = target, info.Size()
		case entry.Type()&fs.ModeIrregular != 0:
			f.refuseFile(place{}, name, "is a submodule, which Git does not carry in this repository: copy the folder in")
			return nil
		case !entry.Type().IsRegular():
			f.refuseFile(place{}, name, "is neither a file nor a folder: remove it")
			return nil
		default:
			info, err := entry.Info()
			if err != nil {
				return err
			}
			next.size = info.Size()
		}
		files = append(files, next)
		bytes += next.size
		switch {
		case len(files) > MaxFolderFiles:
			f.refuse("path", "the folder %s has more than %d files, the most that is allowed: divide it", f.addon.Path, MaxFolderFiles)
			return errStop
		case bytes > MaxFolderBytes:
			f.refuse("path", "the files of %s have more than %d bytes together, the most that is allowed: divide it", f.addon.Path, MaxFolderBytes)
			return errStop
		}
		return nil
	})
	switch {
	case errors.Is(err, errStop):
		return nil, false
	case err != nil:
		f.unreadable(f.addon.Path, err)
		return nil, false
	}
	return files, true
}

var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// IsKustomization reports whether a file of this name makes its folder a kustomization.
func IsKustomization(name string) bool { return slices.Contains(kustomizationNames, name) }

// Detect says how Argo CD renders a folder with these entries. It does what Argo CD does: it looks at the names of the files directly in the folder, any name that ends in
// Chart.yaml makes it a chart, and of several the last in the order of names counts.
func Detect(entries []fs.DirEntry) SourceType {
	source := Directory
	for _, e := range slices.SortedFunc(slices.Values(entries), func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) }) {
		switch {
		case e.IsDir():
		case strings.HasSuffix(e.Name(), chartFile):
			source = Helm
		case slices.Contains(kustomizationNames, e.Name()):
			source = Kustomize
		}
	}
	return source
}
