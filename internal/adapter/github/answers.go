package github

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/gregjones/httpcache"
)

// maxAnswers bounds what is remembered. Answers are kept compressed, to about a twentieth, so that this is enough for 100,000 pull requests.
const maxAnswers = 256 << 20

// answers remember what GitHub said, so that it can be asked whether it is still so. To forget costs nothing but a longer answer.
type answers struct {
	dir  string
	most int

	mu     sync.Mutex
	size   int
	memory map[string][]byte
}

var _ httpcache.Cache = (*answers)(nil)

// newAnswers remembers so many bytes in a folder, or in memory when dir is empty.
func newAnswers(dir string, most int) (*answers, error) {
	a := &answers{dir: dir, most: most, memory: map[string][]byte{}}
	if dir == "" {
		return a, nil
	}
	// Only for this user: private repositories are in it.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("remember GitHub's answers: %w", err)
	}
	a.prune(most)
	return a, nil
}

// Get is an answer as it was; one that was damaged since is none.
func (a *answers) Get(key string) ([]byte, bool) {
	a.mu.Lock()
	kept := a.memory[key]
	a.mu.Unlock()
	if a.dir != "" {
		var err error
		if kept, err = os.ReadFile(a.file(key)); err != nil {
			return nil, false
		}
	}
	return unpack(key, kept)
}

// Set remembers an answer. What cannot be written is not remembered.
func (a *answers) Set(key string, answer []byte) {
	kept := pack(key, answer)
	if kept == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.size += len(kept); a.size > a.most {
		clear(a.memory)
		a.size = len(kept)
		if a.dir != "" {
			a.prune(a.most / 2)
		}
	}
	if a.dir == "" {
		a.memory[key] = kept
		return
	}
	file := a.file(key)
	// Another process may read or write the same one: whole files only.
	next, err := os.CreateTemp(a.dir, "next-*")
	if err != nil {
		return
	}
	_, err = next.Write(kept)
	if closed := next.Close(); err != nil || closed != nil || os.Rename(next.Name(), file) != nil {
		_ = os.Remove(next.Name())
	}
}

// Delete forgets an answer.
func (a *answers) Delete(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.memory, key)
	if a.dir != "" {
		_ = os.Remove(a.file(key))
	}
}

func (a *answers) file(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(a.dir, "answer-"+hex.EncodeToString(sum[:]))
}

// prune removes the oldest files until at most so many bytes are left.
func (a *answers) prune(most int) {
	found, _ := filepath.Glob(filepath.Join(a.dir, "answer-*"))
	unfinished, _ := filepath.Glob(filepath.Join(a.dir, "next-*"))
	var files []os.FileInfo
	total := 0
	for _, name := range append(found, unfinished...) {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
			total += int(info.Size())
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for len(files) > 0 && total > most {
		_ = os.Remove(filepath.Join(a.dir, files[0].Name()))
		total -= int(files[0].Size())
		files = files[1:]
	}
	a.size = total
}

// pack is the key and the answer, compressed, with the sum that gzip adds.
func pack(key string, answer []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, err := w.Write(append([]byte(key+"\n"), answer...))
	if err != nil || w.Close() != nil {
		return nil
	}
	return b.Bytes()
}

func unpack(key string, kept []byte) ([]byte, bool) {
	r, err := gzip.NewReader(bytes.NewReader(kept))
	if err != nil {
		return nil, false
	}
	// Whoever can write here could also write an answer without end.
	whole, err := io.ReadAll(io.LimitReader(r, maxAnswer+1<<20))
	if err != nil {
		return nil, false
	}
	return bytes.CutPrefix(whole, []byte(key+"\n"))
}
