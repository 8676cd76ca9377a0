package native

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/change"
)

const cacheSize = 32 << 20

// objects reads and writes single objects in the mirror. A process of git would take longer than the reading.
type objects struct {
	// mu is held during every use of storage, which is not made for several goroutines.
	mu      sync.Mutex
	storage *filesystem.Storage
	dir     string
}

func openObjects(dir string) (*objects, error) {
	if _, err := os.Stat(filepath.Join(dir, "objects")); err != nil {
		return nil, err
	}
	storage := filesystem.NewStorageWithOptions(osfs.New(dir, osfs.WithBoundOS()), cache.NewObjectLRU(cacheSize), filesystem.Options{})
	return &objects{storage: storage, dir: dir}, nil
}

func (o *objects) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.storage.Close()
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

// hashes refuses what is no hash: such text would be an option or a name to git.
func hashes(list ...string) error {
	for _, h := range list {
		if !hashForm.MatchString(h) {
			return fmt.Errorf("%q is no hash of 40 hexadecimal digits", h)
		}
	}
	return nil
}

var errMissing = errors.New("is not in the mirror")

// read gives an object, checked against its hash, of at most limit bytes.
func (o *objects) read(hash string, want plumbing.ObjectType, limit int64) ([]byte, error) {
	if err := hashes(hash); err != nil {
		return nil, err
	}
	h := plumbing.NewHash(hash)
	o.mu.Lock()
	defer o.mu.Unlock()
	size, err := o.storage.EncodedObjectSize(h)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		// Git may have brought or repacked it meanwhile.
		o.storage.Reindex()
		size, err = o.storage.EncodedObjectSize(h)
	}
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound):
		return nil, fmt.Errorf("%s %s %w", want, hash, errMissing)
	case err != nil:
		return nil, fmt.Errorf("%w: %s %s: %w", git.ErrCorrupt, want, hash, err)
	case size > limit:
		return nil, fmt.Errorf("%w: %s %s has %d bytes, at most %d are read", git.ErrTooLarge, want, hash, size, limit)
	}
	encoded, err := o.storage.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return nil, fmt.Errorf("%w: %s %s: %w", git.ErrCorrupt, want, hash, err)
	}
	if encoded.Type() != want {
		return nil, fmt.Errorf("%s is a %s, not a %s", hash, encoded.Type(), want)
	}
	reader, err := encoded.Reader()
	if err != nil {
		return nil, fmt.Errorf("%w: %s %s: %w", git.ErrCorrupt, want, hash, err)
	}
	content, err := io.ReadAll(io.LimitReader(reader, limit+1))
	if err = errors.Join(err, reader.Close()); err == nil && plumbing.ComputeHash(want, content) != h {
		err = errors.New("its content is not what its hash says")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s %s: %w", git.ErrCorrupt, want, hash, err)
	}
	return content, nil
}

// write stores an object and gives its hash.
func (o *objects) write(kind plumbing.ObjectType, content []byte) (string, error) {
	object := &plumbing.MemoryObject{}
	object.SetType(kind)
	if _, err := object.Write(content); err != nil {
		return "", err
	}
	hash := object.Hash().String()
	if _, err := os.Stat(filepath.Join(o.dir, "objects", hash[:2], hash[2:])); err == nil {
		return hash, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.storage.SetEncodedObject(object); err != nil {
		return "", err
	}
	return hash, nil
}

// checkPack compares a pack with the checksum at its end.
func checkPack(path string) error {
	if _, err := os.Stat(strings.TrimSuffix(path, ".pack") + ".idx"); err != nil {
		return fmt.Errorf("%s has no index", filepath.Base(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum, trailer := sha1.New(), make([]byte, sha1.Size)
	_, err = io.CopyN(sum, f, max(0, info.Size()-sha1.Size))
	if err == nil {
		_, err = io.ReadFull(f, trailer)
	}
	if err != nil || !bytes.Equal(sum.Sum(nil), trailer) {
		return fmt.Errorf("the checksum of %s is wrong", filepath.Base(path))
	}
	return nil
}

// store is where objects are, once something was fetched.
func (m *Mirror) store() (*objects, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.objects == nil || m.refs == nil {
		return nil, &git.Error{Kind: git.ErrNotFetched, URL: m.where.name}
	}
	return m.objects, nil
}

func (m *Mirror) read(hash string, kind plumbing.ObjectType, limit int64) ([]byte, error) {
	o, err := m.store()
	if err != nil {
		return nil, err
	}
	content, err := o.read(hash, kind, limit)
	switch {
	case errors.Is(err, errMissing) && kind == plumbing.CommitObject:
		// Anybody may name a commit that is nowhere.
		return nil, &git.Error{Kind: git.ErrUnknownRevision, URL: m.where.name, Detail: err.Error()}
	case errors.Is(err, git.ErrCorrupt), errors.Is(err, errMissing):
		m.damaged.Store(true)
		return nil, &git.Error{Kind: git.ErrCorrupt, URL: m.where.name, Detail: strings.TrimPrefix(err.Error(), git.ErrCorrupt.Error()+": ")}
	}
	return content, err
}

func (m *Mirror) write(kind plumbing.ObjectType, content []byte) (string, error) {
	o, err := m.store()
	if err != nil {
		return "", err
	}
	hash, err := o.write(kind, content)
	if err != nil {
		return "", m.onDisk(fmt.Errorf("write a %s: %w", kind, err))
	}
	return hash, nil
}

// Blob is a file's content, at most git.DefaultMaxBlob bytes.
func (m *Mirror) Blob(_ context.Context, hash string) ([]byte, error) {
	return m.read(hash, plumbing.BlobObject, git.DefaultMaxBlob)
}

// WriteBlob writes a file's content.
func (m *Mirror) WriteBlob(_ context.Context, content []byte) (hash string, err error) {
	return m.write(plumbing.BlobObject, content)
}

// Files are all paths of a commit or tree.
func (m *Mirror) Files(ctx context.Context, commit string) (map[string]change.Entry, error) {
	if err := hashes(commit); err != nil {
		return nil, err
	}
	out, err := m.program.run(ctx, call{args: []string{"ls-tree", "-r", "-z", "--full-tree", commit}})
	if err != nil {
		return nil, m.broken(ctx, fmt.Errorf("list the files of %s: %w", commit, err))
	}
	files := map[string]change.Entry{}
	for record := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if record == "" {
			continue
		}
		meta, path, ok := strings.Cut(record, "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 {
			return nil, fmt.Errorf("list the files of %s: git says %q", commit, record)
		}
		files[path] = change.Entry{Mode: fields[0], Blob: fields[2]}
	}
	return files, nil
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
