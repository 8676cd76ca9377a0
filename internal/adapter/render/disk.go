package render

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
)

// suffix ends the names of results on disk; nothing else in the folder is touched.
const suffix = ".rendered"

// disk keeps results in a folder. Several processes may use the same: each result is written whole under its own name. A nil disk keeps nothing.
//
// A failure to keep a result costs time and nothing else, so it is not reported.
type disk struct {
	root  *os.Root
	bytes int64

	mu sync.Mutex
	// size is what the folder took when this process last looked, and what it has added.
	size int64
}

func openDisk(dir string, bytes int64) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the cache of rendered objects: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("open the cache of rendered objects: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && filepath.Separator == '/' {
		return nil, fmt.Errorf("open the cache of rendered objects: others may read %s, and rendered objects can hold secrets: chmod 700 it", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the cache of rendered objects: %w", err)
	}
	d := &disk{root: root, bytes: bytes}
	d.size = total(d.list())
	return d, nil
}

// read is a result that was kept. What is damaged was not kept.
func (d *disk) read(key Key) (out engine.Output, ok bool) {
	if d == nil {
		return out, false
	}
	name := key.String() + suffix
	data, err := d.root.ReadFile(name)
	if err != nil || len(data) < sha256.Size {
		return out, false
	}
	sum := sha256.Sum256(append(key[:], data[sha256.Size:]...))
	if !bytes.Equal(sum[:], data[:sha256.Size]) || decoding.Unmarshal(data[sha256.Size:], &out) != nil {
		_ = d.root.Remove(name)
		return engine.Output{}, false
	}
	// The time says what was used last.
	now := time.Now()
	_ = d.root.Chtimes(name, now, now)
	return out, true
}

// write keeps a result.
func (d *disk) write(key Key, out engine.Output) {
	if d == nil {
		return
	}
	data, err := encoding.Marshal(out)
	if err != nil || int64(len(data)) > d.bytes/2 {
		return
	}
	sum := sha256.Sum256(append(key[:], data...))
	name := key.String() + suffix
	temporary := fmt.Sprintf("%s.%d.tmp", key, os.Getpid())
	if err := d.root.WriteFile(temporary, append(sum[:], data...), 0o600); err != nil {
		_ = d.root.Remove(temporary)
		return
	}
	if err := d.root.Rename(temporary, name); err != nil {
		_ = d.root.Remove(temporary)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.size += int64(len(data)); d.size > d.bytes {
		d.shrink()
	}
}

// list are the results, the last used at the end.
func (d *disk) list() (files []fs.FileInfo) {
	entries, _ := fs.ReadDir(d.root.FS(), ".")
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && strings.HasSuffix(e.Name(), suffix) {
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	return files
}

func total(files []fs.FileInfo) (n int64) {
	for _, f := range files {
		n += f.Size()
	}
	return n
}

// shrink removes what was not used for longest, and a bit more than needed, so that the next results find room.
func (d *disk) shrink() {
	files := d.list()
	d.size = total(files)
	for _, f := range files {
		if d.size <= d.bytes/4*3 {
			return
		}
		if d.root.Remove(f.Name()) == nil {
			d.size -= f.Size()
		}
	}
}
