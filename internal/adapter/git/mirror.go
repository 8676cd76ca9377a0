package git

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Names inside a mirror's folder.
const (
	repositoryName = "repository.git"
	buildingPrefix = "building-"
	damagedPrefix  = "damaged-"
	lockName       = "lock"
	// sourceName holds the URL, so that a folder is not used for another repository.
	sourceName = "addon-manager-source"
)

const cacheSize = 32 << 20

// mirror is the folder that holds the copy of a remote repository. The copy is a bare repository that any Git program
// can read. All its refs are in the packed-refs file, which is replaced whole: so a set of refs is never seen in part, and
// ref names never become file names.
type mirror struct {
	dir       string
	temporary bool
	lock      *os.File
	source    string
	// maxPacks is how many transfers may pile up before the mirror is built anew as one.
	maxPacks int
}

// defaultMaxPacks keeps the time to open a mirror and to find an object in it small.
const defaultMaxPacks = 200

// openMirror takes the folder into use. An operating system lock keeps other processes out; it ends with the process,
// so none is ever left behind.
func openMirror(dir, source string, log func(string, ...any)) (*mirror, error) {
	m := &mirror{dir: dir, source: source, maxPacks: defaultMaxPacks}
	var err error
	if dir == "" {
		m.temporary = true
		if m.dir, err = os.MkdirTemp("", "addon-manager-git-"); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDisk, err)
		}
	} else if err = os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	if m.lock, err = os.OpenFile(filepath.Join(m.dir, lockName), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	if err := syscall.Flock(int(m.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = m.lock.Close()
		return nil, fmt.Errorf("%w: %s is in use by another process", ErrDisk, m.dir)
	}
	// What a killed process left half done.
	leftovers, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrDisk, err), m.close())
	}
	for _, e := range leftovers {
		if strings.HasPrefix(e.Name(), buildingPrefix) || strings.HasPrefix(e.Name(), damagedPrefix) {
			log("removing a leftover", "path", filepath.Join(m.dir, e.Name()))
			_ = os.RemoveAll(filepath.Join(m.dir, e.Name()))
		}
	}
	return m, nil
}

func (m *mirror) close() error {
	// A child process that is being started holds a copy of the file for a moment, so closing alone would not do.
	err := errors.Join(syscall.Flock(int(m.lock.Fd()), syscall.LOCK_UN), m.lock.Close())
	if m.temporary {
		err = errors.Join(err, os.RemoveAll(m.dir))
	}
	return err
}

func (m *mirror) repository() string { return filepath.Join(m.dir, repositoryName) }

// load reads the repository, after checking that it is whole. Without one the error is os.ErrNotExist.
func (m *mirror) load(ctx context.Context) (*objects, rawRefs, error) {
	dir := m.repository()
	if _, err := os.Stat(dir); err != nil {
		return nil, rawRefs{}, err
	}
	source, err := os.ReadFile(filepath.Join(dir, sourceName))
	if err != nil {
		return nil, rawRefs{}, damage(err)
	}
	if string(source) != m.source+"\n" {
		return nil, rawRefs{}, fmt.Errorf("%w: it is a mirror of another repository", ErrCorrupt)
	}
	packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*"))
	if err != nil {
		return nil, rawRefs{}, damage(err)
	}
	for _, pack := range packs {
		switch {
		case ctx.Err() != nil:
			return nil, rawRefs{}, ctx.Err()
		case strings.HasSuffix(pack, ".pack"):
			if err := checkPack(pack); err != nil {
				return nil, rawRefs{}, fmt.Errorf("%s: %w", filepath.Base(pack), err)
			}
		case !strings.HasSuffix(pack, ".idx"):
			_ = os.Remove(pack) // a transfer that a killed process left
		}
	}
	raw, err := readRefs(dir)
	if err != nil {
		return nil, rawRefs{}, err
	}
	o, err := openObjects(dir)
	return o, raw, err
}

// damage makes an error of a file that should be there and whole.
func damage(err error) error {
	// A missing part is damage, not a missing mirror.
	return fmt.Errorf("%w: %v", ErrCorrupt, err) //nolint:errorlint // os.ErrNotExist must not shine through
}

// checkPack compares a pack with the checksum at its end, and with its name.
func checkPack(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return damage(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || info.Size() < sha1.Size {
		return fmt.Errorf("%w: the pack is too short", ErrCorrupt)
	}
	sum, trailer := sha1.New(), make([]byte, sha1.Size)
	if _, err := io.CopyN(sum, f, info.Size()-sha1.Size); err != nil {
		return damage(err)
	}
	if _, err := io.ReadFull(f, trailer); err != nil {
		return damage(err)
	}
	if !bytes.Equal(sum.Sum(nil), trailer) || filepath.Base(path) != "pack-"+hex.EncodeToString(trailer)+".pack" {
		return fmt.Errorf("%w: the pack's checksum is wrong", ErrCorrupt)
	}
	return nil
}

func openObjects(dir string) (*objects, error) {
	storage := filesystem.NewStorageWithOptions(osfs.New(dir, osfs.WithBoundOS()), cache.NewObjectLRU(cacheSize), filesystem.Options{})
	o, err := newObjects(storage, false)
	if err == nil && len(o.shallow) > 0 {
		err = fmt.Errorf("%w: the mirror is shallow", ErrCorrupt)
	}
	return o, err
}

// readRefs reads HEAD and packed-refs.
func readRefs(dir string) (rawRefs, error) {
	raw := rawRefs{objects: map[string]plumbing.Hash{}}
	head, err := os.ReadFile(filepath.Join(dir, "HEAD"))
	if err != nil {
		return rawRefs{}, damage(err)
	}
	if target, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: "); ok && target != noHead {
		raw.head = target
	}
	f, err := os.Open(filepath.Join(dir, "packed-refs"))
	if err != nil {
		return rawRefs{}, damage(err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	if !lines.Scan() {
		return rawRefs{}, fmt.Errorf("%w: packed-refs is empty", ErrCorrupt)
	}
	header := lines.Text()
	for lines.Scan() {
		hash, ref, ok := strings.Cut(lines.Text(), " ")
		if !ok || !plumbing.IsHash(hash) || !wanted(ref) || !validRefName(ref) {
			return rawRefs{}, fmt.Errorf("%w: packed-refs has the line %q", ErrCorrupt, lines.Text())
		}
		raw.objects[ref] = plumbing.NewHash(hash)
	}
	if err := lines.Err(); err != nil {
		return rawRefs{}, damage(err)
	}
	if header != refsHeader(raw) {
		return rawRefs{}, fmt.Errorf("%w: packed-refs has %d refs and begins with %q", ErrCorrupt, len(raw.objects), header)
	}
	return raw, nil
}

// noHead is what HEAD names when the remote has no default branch: Git wants it to name something.
const noHead = "refs/heads/.none"

// refsHeader is the first line of packed-refs. Git skips what it does not know there, and by the sum we see
// that the file is whole.
func refsHeader(raw rawRefs) string {
	return fmt.Sprintf("# pack-refs with: sorted sum=%s ", raw.sum())
}

// writeRefs replaces the refs. A crash on the way leaves the old ones.
func writeRefs(dir string, raw rawRefs) error {
	var b bytes.Buffer
	b.WriteString(refsHeader(raw) + "\n")
	for _, ref := range slices.Sorted(maps.Keys(raw.objects)) {
		fmt.Fprintf(&b, "%s %s\n", raw.objects[ref], ref)
	}
	head := raw.head
	if head == "" {
		head = noHead
	}
	// HEAD first: it may name a branch that is not there yet, and one crash later the next fetch sees the difference.
	if err := writeFile(filepath.Join(dir, "HEAD"), []byte("ref: "+head+"\n")); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "packed-refs"), b.Bytes())
}

// writeFile replaces a file so that it is whole whenever it is read, also after a crash.
func writeFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(content); err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return finish(f, path)
}

// finish brings a temporary file to the disk and gives it its name.
func finish(f *os.File, path string) error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return nil
}

// build makes an empty repository beside the one in use.
func (m *mirror) build() (dir string, err error) {
	if dir, err = os.MkdirTemp(m.dir, buildingPrefix); err != nil {
		return "", fmt.Errorf("%w: %w", ErrDisk, err)
	}
	for _, sub := range []string{"objects/pack", "objects/info", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return "", fmt.Errorf("%w: %w", ErrDisk, err)
		}
	}
	for name, content := range map[string]string{
		"config":   "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
		sourceName: m.source + "\n",
	} {
		if err := writeFile(filepath.Join(dir, name), []byte(content)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// install puts a built repository in the place of the one in use.
func (m *mirror) install(dir string) error {
	if err := m.discard(); err != nil {
		return err
	}
	if err := os.Rename(dir, m.repository()); err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return nil
}

// discard removes the repository in use, if there is one.
func (m *mirror) discard() error {
	old := filepath.Join(m.dir, damagedPrefix+repositoryName)
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	if err := os.Rename(m.repository(), old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	_ = os.RemoveAll(old)
	return nil
}

// crowded tells whether too many packs have piled up.
func (m *mirror) crowded() bool {
	packs, _ := filepath.Glob(filepath.Join(m.repository(), "objects", "pack", "*.pack"))
	return len(packs) >= m.maxPacks
}

// carryOver copies into dir what only the old mirror has: commits that no ref names any more, but that may still be
// delivered somewhere.
func carryOver(ctx context.Context, from, to *objects, dir string, limits limits) error {
	all, err := from.withPrefix(nil)
	if err != nil {
		return fmt.Errorf("%w: list objects: %w", ErrCorrupt, err)
	}
	var missing []plumbing.Hash
	for _, h := range all {
		if !to.has(h) {
			missing = append(missing, h)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	r, w := io.Pipe()
	defer func() { _ = r.Close() }()
	go func() {
		from.mu.Lock()
		defer from.mu.Unlock()
		_, err := packfile.NewEncoder(w, from.storage, false).Encode(missing, 0)
		_ = w.CloseWithError(err)
	}()
	return storePack(ctx, dir, r, limits)
}

// limits bound the bytes of a pack, and of one object in it.
type limits struct{ pack, object int64 }

// storePack writes a pack and its index into a repository. Only a pack that is whole gets its name.
func storePack(ctx context.Context, dir string, r io.Reader, limits limits) (err error) {
	folder := filepath.Join(dir, "objects", "pack")
	f, err := os.CreateTemp(folder, "tmp_pack_")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	n, err := io.Copy(diskWriter{f}, io.LimitReader(r, limits.pack+1))
	switch {
	case err != nil:
		return fmt.Errorf("receive objects: %w", err)
	case n > limits.pack:
		return fmt.Errorf("%w: the server sends more than %d bytes at once", ErrRefused, limits.pack)
	case n == 0:
		return fmt.Errorf("%w: the server sent no objects", ErrCorrupt)
	}
	name, index, err := indexPack(f, limits.object)
	if errors.Is(err, ErrRefused) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: receive objects: no whole pack: %w", ErrCorrupt, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	path := filepath.Join(folder, "pack-"+name)
	// The index last: a pack without one is not looked into.
	if err := finish(f, path+".pack"); err != nil {
		return err
	}
	return writeFile(path+".idx", index)
}

// diskWriter marks errors of our own disk, to tell them from those of the network.
type diskWriter struct{ w io.Writer }

func (d diskWriter) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return n, err
}

func indexPack(f *os.File, maxObject int64) (name string, index []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	if err := checkSizes(f, maxObject); err != nil {
		return "", nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", nil, err
	}
	writer := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(f), writer)
	if err != nil {
		return "", nil, err
	}
	sum, err := parser.Parse()
	if err != nil {
		return "", nil, err
	}
	idx, err := writer.Index()
	if err != nil {
		return "", nil, err
	}
	var b bytes.Buffer
	if _, err := idxfile.NewEncoder(&b).Encode(idx); err != nil {
		return "", nil, err
	}
	return sum.String(), b.Bytes(), nil
}

// checkSizes refuses a pack with an object larger than limit. The library has each one in memory for a moment while it makes
// the index. A delta says the size of what it makes at its beginning.
func checkSizes(f io.ReadSeeker, limit int64) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	s := packfile.NewScanner(f)
	_, count, err := s.Header()
	if err != nil {
		return err
	}
	for range count {
		h, err := s.NextObjectHeader()
		if err != nil {
			return err
		}
		if h.Length > limit {
			return tooLargeObject(uint64(h.Length), limit)
		}
		var start prefix
		if _, _, err := s.NextObject(&start); err != nil {
			return err
		}
		if h.Type.IsDelta() {
			_, n := binary.Uvarint(start.b)
			size, m := binary.Uvarint(start.b[max(n, 0):])
			if n <= 0 || m <= 0 {
				return errors.New("a delta without size")
			}
			if size > uint64(limit) {
				return tooLargeObject(size, limit)
			}
		}
	}
	return nil
}

func tooLargeObject(size uint64, limit int64) error {
	return fmt.Errorf("%w: it holds a file or another object of %d bytes, at most %d", ErrRefused, size, limit)
}

// prefix keeps the first bytes that are written.
type prefix struct{ b []byte }

func (p *prefix) Write(b []byte) (int, error) {
	if room := 2*binary.MaxVarintLen64 - len(p.b); room > 0 {
		p.b = append(p.b, b[:min(room, len(b))]...)
	}
	return len(b), nil
}
