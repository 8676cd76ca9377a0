package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// seen remembers which archive a version was when first seen, and keeps archives in a folder by their digest. What is read from the folder
// is checked; what cannot be written there is only not remembered.
type seen struct {
	dir string

	mu      sync.Mutex
	digests map[chart]string
}

// maxSeen bounds what is remembered in memory.
const maxSeen = 10_000

// digest is that of a version when first seen, empty when it never was.
func (s *seen) digest(key chart) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.digests[key]; ok || s.dir == "" {
		return d
	}
	raw, err := os.ReadFile(s.record(key))
	if err != nil {
		return ""
	}
	d, err := parseDigest(strings.TrimSpace(string(raw)))
	if err != nil {
		return ""
	}
	return d
}

// read is the archive with a digest.
func (s *seen) read(digest string) ([]byte, bool) {
	if s.dir == "" || digest == "" {
		return nil, false
	}
	data, err := os.ReadFile(s.file(digest))
	if err != nil || digestOf(data) != digest {
		return nil, false
	}
	return data, true
}

func (s *seen) keep(key chart, digest string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.digests) >= maxSeen {
		clear(s.digests)
	}
	s.digests[key] = digest
	if s.dir == "" {
		return
	}
	if _, ok := s.read(digest); !ok {
		write(s.file(digest), data)
	}
	write(s.record(key), []byte(digest+"\n"))
}

func (s *seen) file(digest string) string {
	return filepath.Join(s.dir, strings.TrimPrefix(digest, "sha256:")+".tgz")
}

func (s *seen) record(key chart) string {
	sum := sha256.Sum256([]byte(key.repository + "\n" + key.name + "\n" + key.version))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:])+".digest")
}

// write replaces a file as a whole, so that nobody reads half of it. A disk that is full costs a download next time, not this chart.
func write(file string, parts ...[]byte) {
	if os.MkdirAll(filepath.Dir(file), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(file), "new-*")
	if err != nil {
		return
	}
	for _, part := range parts {
		if err == nil {
			_, err = f.Write(part)
		}
	}
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), file) != nil {
		os.Remove(f.Name())
	}
}
