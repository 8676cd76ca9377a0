package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// maxHops bounds the links followed for one name, as Linux does.
const maxHops = 40

var (
	errOutside = errors.New("leaves the repository")
	errHops    = fmt.Errorf("passes through more than %d links: remove the circle", maxHops)
)

// scanLinks finds the symbolic links of the whole repository that Argo CD refuses. One such link stops the rendering of every
// addon of the release, wherever it lies.
func scanLinks(tree fs.FS) (found []fault.Problem) {
	entries := 0
	report := func(code fault.Code, where, format string, args ...any) {
		found = append(found, fault.Problem{Code: code, Where: where, Message: fmt.Sprintf(format, args...)})
	}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if name == ".git" {
			return skip(entry)
		}
		entries++
		switch {
		case entries > MaxEntries:
			report(RepositoryInvalid, File, "the repository has more than %d files and folders, the most that is looked at: divide it", MaxEntries)
			return fs.SkipAll
		case len(name) > MaxPath:
			report(RepositoryInvalid, File, "the repository holds a path of %d bytes, at most %d are allowed: %s", len(name), MaxPath, quote(name))
			return fs.SkipAll
		case len(found) >= MaxProblems:
			return fs.SkipAll
		case entry.Type()&fs.ModeSymlink == 0:
			return nil
		}
		target, err := fs.ReadLink(tree, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		_, resolved := resolveLink(tree, name)
		if path.IsAbs(target) || leaves(name, target) || errors.Is(resolved, errOutside) {
			report(RepositoryInvalid, name, "the symbolic link to %s leaves the repository, and Argo CD then renders nothing of it: remove the link", quote(target))
		}
		return nil
	})
	if err != nil {
		report(RepositoryUnreadable, File, "the repository cannot be read: %v", err)
	}
	return found
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// leaves reports whether following target word by word from the link's folder passes above the root at any step. This is
// the rule of Argo CD, which does not follow other links on the way.
func leaves(link, target string) bool {
	depth := strings.Count(link, "/")
	for element := range strings.SplitSeq(target, "/") {
		switch element {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return true
		}
	}
	return false
}

// resolveLink follows links on every element of name, as the operating system would, and returns the name of what is there.
func resolveLink(tree fs.FS, name string) (string, error) {
	done, rest := ".", name
	for hops := 0; rest != ""; {
		var element string
		element, rest, _ = strings.Cut(rest, "/")
		switch element {
		case "", ".":
			continue
		case "..":
			if done == "." {
				return "", errOutside
			}
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, element)
		if len(next) > MaxPath {
			return "", fmt.Errorf("leads to a path of %d bytes, at most %d are allowed", len(next), MaxPath)
		}
		info, err := fs.Lstat(tree, next)
		if err != nil {
			return "", fmt.Errorf("leads to %s, which is not there", quote(next))
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if hops++; hops > maxHops {
			return "", errHops
		}
		target, err := fs.ReadLink(tree, next)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			return "", errOutside
		}
		rest = target + "/" + rest
	}
	return done, nil
}
