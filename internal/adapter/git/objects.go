package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// maxObject bounds commits, tags and trees: a tree of 200,000 files has about 8 MiB.
const maxObject = 64 << 20

// errMissing means that an object is not there.
var errMissing = errors.New("missing object")

// ErrTooLarge means that a file is larger than Options.MaxBlob.
var ErrTooLarge = errors.New("file too large")

// objects reads a repository's objects.
type objects struct {
	// mu is held during every use of storage, which is not made for several goroutines.
	mu      sync.Mutex
	storage *filesystem.Storage
	// shallow holds the commits whose parents were left out on purpose.
	shallow map[plumbing.Hash]bool
	// local is set for a repository that other programs may repack meanwhile.
	local   bool
	damaged bool
}

func newObjects(storage *filesystem.Storage, local bool) (*objects, error) {
	list, err := storage.Shallow()
	if err != nil {
		return nil, fmt.Errorf("%w: read the list of shallow commits: %w", ErrCorrupt, err)
	}
	o := &objects{storage: storage, local: local, shallow: map[plumbing.Hash]bool{}}
	for _, h := range list {
		o.shallow[h] = true
	}
	return o, nil
}

func (o *objects) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.storage.Close()
}

// replaced exchanges the whole repository in its folder while nobody reads. Readers go on with the same objects, found
// in other files.
func (o *objects) replaced(install func() error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := install()
	o.storage.Reindex()
	o.damaged = err != nil
	return err
}

// reindex makes new packs visible.
func (o *objects) reindex() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.storage.Reindex()
}

// markDamaged remembers that something is missing that must be there.
func (o *objects) markDamaged() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.damaged = true
}

// isDamaged tells whether a read met damage.
func (o *objects) isDamaged() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.damaged
}

func (o *objects) has(h plumbing.Hash) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.storage.HasEncodedObject(h) == nil {
		return true
	}
	if o.local {
		o.storage.Reindex()
	}
	return o.local && o.storage.HasEncodedObject(h) == nil
}

// read gives an object's type and content, checked against its hash. An object over limit is an error before it is
// loaded.
func (o *objects) read(h plumbing.Hash, limit int64) (plumbing.ObjectType, []byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	typ, content, err := o.get(h, limit)
	if err != nil && o.local && !errors.Is(err, ErrTooLarge) {
		// git gc may have moved it into another pack.
		o.storage.Reindex()
		typ, content, err = o.get(h, limit)
	}
	// An object that is not there may just be unknown: the caller knows.
	if errors.Is(err, ErrCorrupt) && !errors.Is(err, errMissing) {
		o.damaged = true
	}
	return typ, content, err
}

func (o *objects) get(h plumbing.Hash, limit int64) (typ plumbing.ObjectType, content []byte, err error) {
	defer func() {
		// A damaged index or pack can lead the library to places that are not there.
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: object %s: %v", ErrCorrupt, h, p)
		}
	}()
	size, err := o.storage.EncodedObjectSize(h)
	if err == nil && size > limit {
		return 0, nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrTooLarge, size, limit)
	}
	var encoded plumbing.EncodedObject
	if err == nil {
		encoded, err = o.storage.EncodedObject(plumbing.AnyObject, h)
	}
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return 0, nil, fmt.Errorf("%w: %w %s", ErrCorrupt, errMissing, h)
	}
	if err == nil {
		content, err = readAll(encoded, limit)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("%w: object %s: %w", ErrCorrupt, h, err)
	}
	typ = encoded.Type()
	if plumbing.ComputeHash(typ, content) != h {
		return 0, nil, fmt.Errorf("%w: object %s has other content than its hash says", ErrCorrupt, h)
	}
	return typ, content, nil
}

// size gives an object's size without loading it.
func (o *objects) size(h plumbing.Hash) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size, err := o.storage.EncodedObjectSize(h)
	if err != nil && o.local {
		o.storage.Reindex()
		size, err = o.storage.EncodedObjectSize(h)
	}
	if err != nil {
		o.damaged = true
		return 0, fmt.Errorf("%w: object %s: %w", ErrCorrupt, h, err)
	}
	return size, nil
}

func readAll(encoded plumbing.EncodedObject, limit int64) (content []byte, err error) {
	reader, err := encoded.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(reader, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("it is larger than it says")
	}
	return b.Bytes(), err
}

// withPrefix lists the objects whose hash begins with prefix.
func (o *objects) withPrefix(prefix []byte) ([]plumbing.Hash, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.storage.HashesWithPrefix(prefix)
}

// commit reads a commit.
func (o *objects) commit(h plumbing.Hash) (*object.Commit, error) {
	typ, content, err := o.read(h, maxObject)
	if err != nil {
		return nil, err
	}
	if typ != plumbing.CommitObject {
		return nil, fmt.Errorf("%w: %s is a %s, not a commit", ErrUnknownRevision, h, typ)
	}
	c := &object.Commit{}
	if err := c.Decode(memoryObject(typ, content)); err != nil {
		return nil, fmt.Errorf("%w: commit %s: %w", ErrCorrupt, h, err)
	}
	return c, nil
}

// maxPeel bounds tags of tags.
const maxPeel = 10

// errNotCommit means that a tag names something else than a commit.
var errNotCommit = errors.New("not a commit")

// peel follows annotated tags to the commit.
func (o *objects) peel(h plumbing.Hash) (plumbing.Hash, error) {
	for range maxPeel {
		typ, content, err := o.read(h, maxObject)
		switch {
		case errors.Is(err, ErrTooLarge):
			return plumbing.ZeroHash, fmt.Errorf("%w: a large object", errNotCommit)
		case err != nil:
			return plumbing.ZeroHash, err
		case typ == plumbing.CommitObject:
			return h, nil
		case typ != plumbing.TagObject:
			return plumbing.ZeroHash, fmt.Errorf("%w: a %s", errNotCommit, typ)
		}
		t := &object.Tag{}
		if err := t.Decode(memoryObject(typ, content)); err != nil {
			return plumbing.ZeroHash, fmt.Errorf("%w: tag %s: %w", ErrCorrupt, h, err)
		}
		h = t.Target
	}
	return plumbing.ZeroHash, fmt.Errorf("%w: a tag of a tag, more than %d deep", errNotCommit, maxPeel)
}

func memoryObject(typ plumbing.ObjectType, content []byte) *plumbing.MemoryObject {
	m := &plumbing.MemoryObject{}
	m.SetType(typ)
	_, _ = m.Write(content)
	return m
}
