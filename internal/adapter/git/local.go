package git

import (
	"errors"
	"fmt"
	"os"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// openLocal opens a repository on disk: bare, with a work tree, or a linked work tree.
func openLocal(dir string) (*objects, rawRefs, error) {
	repository, err := gogit.PlainOpenWithOptions(dir, &gogit.PlainOpenOptions{EnableDotGitCommonDir: true})
	switch {
	case errors.Is(err, gogit.ErrRepositoryNotExists):
		detail := "there is no Git repository in this folder"
		if _, err := os.Stat(dir); err != nil {
			detail = "there is no such folder"
		}
		return nil, rawRefs{}, &Error{Kind: ErrNotFound, Detail: detail}
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

func localRefs(storage *filesystem.Storage) (rawRefs, error) {
	raw := rawRefs{objects: map[string]plumbing.Hash{}}
	iter, err := storage.IterReferences()
	if err != nil {
		return rawRefs{}, fmt.Errorf("%w: read refs: %w", ErrCorrupt, err)
	}
	var originHead string
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		name := ref.Name().String()
		switch {
		case ref.Name() == plumbing.HEAD && ref.Type() == plumbing.SymbolicReference:
			raw.head = ref.Target().String()
		case ref.Name() == plumbing.HEAD:
			raw.detached = ref.Hash()
		case name == originPrefix+"HEAD" && ref.Type() == plumbing.SymbolicReference:
			originHead = headsPrefix + trimOrigin(ref.Target().String())
		case ref.Type() == plumbing.HashReference && wanted(name):
			raw.objects[name] = ref.Hash()
		}
		return nil
	})
	if err != nil {
		return rawRefs{}, fmt.Errorf("%w: read refs: %w", ErrCorrupt, err)
	}
	if raw.head == "" {
		raw.head = originHead
	}
	return raw, nil
}
