package registry

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// answers keeps what servers answered in a folder, to ask the next time only whether it changed, and what is named by its digest, which never does.
// What is read is checked. The folder is bounded: what was not used for longest goes first.
type answers struct {
	dir  string
	most int64

	mu sync.Mutex
	// written are the bytes since the folder was last swept, -1 before the first time.
	written int64
}

// maxAnswers is how many bytes the folder has at most, but for what is written between two sweeps.
const maxAnswers = 512 << 20

// kept stands before the body in a file, as one line of JSON.
type kept struct {
	// Sum is the digest of the body.
	Sum    string      `json:"sum"`
	URL    string      `json:"url,omitempty"`
	Header http.Header `json:"header,omitempty"`
}

// keptHeaders are those that are of use later.
var keptHeaders = []string{"Etag", "Last-Modified", "Content-Type", "Link", "Docker-Content-Digest"}

// load is what was answered before. Key is the URL with what else makes a difference, or a digest.
func (a *answers) load(key string) (answer, bool) {
	if a.dir == "" {
		return answer{}, false
	}
	file := a.file(key)
	data, err := os.ReadFile(file)
	if err != nil {
		return answer{}, false
	}
	line, body, ok := bytes.Cut(data, []byte("\n"))
	var head kept
	if !ok || json.Unmarshal(line, &head) != nil || digestOf(body) != head.Sum || strings.HasPrefix(key, "sha256:") && key != head.Sum {
		return answer{}, false
	}
	u, err := url.Parse(head.URL)
	if err != nil {
		return answer{}, false
	}
	now := time.Now()
	_ = os.Chtimes(file, now, now)
	return answer{body: body, header: head.Header, url: u}, true
}

func (a *answers) save(key string, one answer) {
	if a.dir == "" {
		return
	}
	head := kept{Sum: digestOf(one.body), Header: http.Header{}}
	if one.url != nil {
		at := *one.url
		at.User, at.RawQuery = nil, "" // They may be a key.
		head.URL = at.String()
	}
	for _, name := range keptHeaders {
		if values := one.header.Values(name); len(values) > 0 {
			head.Header[name] = values
		}
	}
	line, err := json.Marshal(head)
	if err != nil {
		return
	}
	write(a.file(key), line, []byte("\n"), one.body)
	a.mu.Lock()
	defer a.mu.Unlock()
	first := a.written < 0
	a.written += int64(len(line) + len(one.body))
	if first || a.written > a.most/8 {
		a.sweep()
		a.written = 0
	}
}

// file is named by a hash: an URL may be a key, and is no name of a file.
func (a *answers) file(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(a.dir, hex.EncodeToString(sum[:]))
}

// sweep removes what was not used for longest, until the rest is small enough.
func (a *answers) sweep() {
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		return
	}
	var files []os.FileInfo
	var total int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
			total += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	for _, f := range files {
		if total <= a.most {
			return
		}
		if os.Remove(filepath.Join(a.dir, f.Name())) == nil {
			total -= f.Size()
		}
	}
}
