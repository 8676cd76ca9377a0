package git

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/util"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// openLocal opens a repository on disk: bare, with a work tree, or a linked work tree.
func openLocal(dir string) (*objects, rawRefs, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, rawRefs{}, &Error{Kind: ErrNotFound, Detail: "there is no such folder"}
	}
	repository, err := gogit.PlainOpenWithOptions(dir, &gogit.PlainOpenOptions{EnableDotGitCommonDir: true})
	switch {
	case errors.Is(err, gogit.ErrRepositoryNotExists):
		return nil, rawRefs{}, &Error{Kind: ErrNotFound, Detail: "there is no Git repository in this folder"}
	case err != nil:
		return nil, rawRefs{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	storage, ok := repository.Storer.(*filesystem.Storage)
	if !ok {
		return nil, rawRefs{}, fmt.Errorf("%w: storage of type %T", ErrCorrupt, repository.Storer)
	}
	o, err := newObjects(storage, true)
	if err != nil {
		return nil, rawRefs{}, errors.Join(err, storage.Close())
	}
	raw, err := localRefs(storage)
	if err == nil && len(raw.objects) == 0 && raw.detached.IsZero() {
		err = &Error{Kind: ErrEmpty}
	}
	if err != nil {
		return nil, rawRefs{}, errors.Join(err, storage.Close())
	}
	return o, raw, nil
}

// localRefs reads the refs of a repository that other programs use. The library's own listing fails as a whole for
// one broken ref, and for the lock of a git that was killed.
func localRefs(storage *filesystem.Storage) (rawRefs, error) {
	raw := rawRefs{objects: map[string]plumbing.Hash{}, broken: map[string]string{}}
	dir := storage.Filesystem()
	// Loose refs first: git pack-refs writes the packed ones before it removes the loose.
	for _, prefix := range []string{headsPrefix, tagsPrefix, originPrefix} {
		if err := looseRefs(dir, strings.TrimSuffix(prefix, "/"), &raw); err != nil {
			return rawRefs{}, fmt.Errorf("%w: read refs: %w", ErrCorrupt, err)
		}
	}
	packed, err := util.ReadFile(dir, "packed-refs")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return rawRefs{}, fmt.Errorf("%w: read refs: %w", ErrCorrupt, err)
	}
	for line := range strings.Lines(string(packed)) {
		hash, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok || !plumbing.IsHash(hash) || !wanted(ref) {
			continue // a comment, what an annotated tag peels to, or a ref of another kind
		}
		_, loose := raw.objects[ref]
		if _, broken := raw.broken[ref]; !loose && !broken {
			raw.objects[ref] = plumbing.NewHash(hash)
		}
	}
	if err := localHead(dir, &raw); err != nil {
		return rawRefs{}, fmt.Errorf("%w: read HEAD: %w", ErrCorrupt, err)
	}
	return raw, nil
}

// looseRefs reads the refs that have a file each.
func looseRefs(dir billy.Filesystem, folder string, raw *rawRefs) error {
	list, err := dir.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		ref := folder + "/" + e.Name()
		switch {
		case e.IsDir():
			if err := looseRefs(dir, ref, raw); err != nil {
				return err
			}
			continue
		case strings.HasSuffix(ref, ".lock"), ref == originPrefix+"HEAD":
			continue
		}
		content, err := util.ReadFile(dir, ref)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted or packed meanwhile
		}
		if text := strings.TrimSpace(string(content)); err == nil && plumbing.IsHash(text) {
			raw.objects[ref] = plumbing.NewHash(text)
		} else {
			raw.broken[ref] = "the file of this ref holds no hash"
		}
	}
	return nil
}

// localHead finds the default branch: what HEAD names, or for a HEAD at a mere commit the default branch of the remote.
func localHead(dir billy.Filesystem, raw *rawRefs) error {
	content, err := util.ReadFile(dir, "HEAD")
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(content))
	if target, symbolic := strings.CutPrefix(text, "ref: "); symbolic {
		raw.head = target
		return nil
	}
	if !plumbing.IsHash(text) {
		return errors.New("it names neither a branch nor a commit")
	}
	raw.detached = plumbing.NewHash(text)
	if content, err = util.ReadFile(dir, originPrefix+"HEAD"); err == nil {
		if name, ok := strings.CutPrefix(strings.TrimSpace(string(content)), "ref: "+originPrefix); ok {
			raw.head = headsPrefix + name
		}
	}
	return nil
}
