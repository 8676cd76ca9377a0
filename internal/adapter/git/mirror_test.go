package git

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// A mirror does not grow without end, and loses nothing that was ever seen when it is built anew.
func TestManyTransfers(t *testing.T) {
	r := gitrepo.New(t)
	handler, err := githttp.Handler(r.Root(), githttp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	url, _, err := handler.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{URL: url + "/config.git", Dir: t.TempDir()}
	repo, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	repo.mirror.maxPacks = 3
	var seen []string
	// Whoever reads meanwhile does not notice.
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() { close(stop); <-stopped }()
	read := func(repo *Repository, commit string) (string, error) {
		tree, err := repo.Tree(commit)
		if err != nil {
			return "", err
		}
		content, err := fs.ReadFile(tree, "f")
		return string(content), err
	}
	oldest := r.Commit("main", map[string]string{"f": "oldest"}, "first")
	if _, err := repo.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func(repo *Repository) {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				if got, err := read(repo, oldest); !errors.Is(err, ErrNotFetched) && (err != nil || got != "oldest") {
					t.Errorf("while it was built anew: %q, %v", got, err)
				}
			}
		}
	}(repo)
	for i := range 8 {
		commit := r.Commit("main", map[string]string{"f": strconv.Itoa(i)}, "next")
		r.SetBranch("gone", commit)
		seen = append(seen, r.Commit("gone", map[string]string{"f": "gone " + strconv.Itoa(i)}, "not for long"))
		if changed, err := repo.Fetch(t.Context()); err != nil || !changed {
			t.Fatal(changed, err)
		}
		packs, err := filepath.Glob(filepath.Join(o.Dir, repositoryName, "objects", "pack", "*.pack"))
		if err != nil || len(packs) > 3 {
			t.Errorf("after %d transfers there are %d packs, %v", i+1, len(packs), err)
		}
	}
	if err := repo.Close(); err != nil {
		t.Fatal(err)
	}
	if repo, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = repo.Close() }()
	for i, commit := range seen {
		if got, err := read(repo, commit); err != nil || got != "gone "+strconv.Itoa(i) {
			t.Errorf("commit %d: %q, %v", i, got, err)
		}
	}
	if out, err := exec.Command("git", "-C", repo.mirror.repository(), "fsck", "--full").CombinedOutput(); err != nil {
		t.Errorf("git fsck: %v: %s", err, out)
	}
}

// A few bytes of delta can make a file of any size.
func TestDeltaBomb(t *testing.T) {
	var pack bytes.Buffer
	pack.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x02")
	object := func(kind byte, content []byte, base ...byte) {
		pack.WriteByte(kind<<4 | byte(len(content)))
		pack.Write(base)
		z := zlib.NewWriter(&pack)
		_, _ = z.Write(content)
		_ = z.Close()
	}
	start := pack.Len()
	object(3, []byte("base"))
	delta := binary.AppendUvarint(binary.AppendUvarint(nil, 4), 1<<40)
	object(6, append(delta, 0x90, 4), byte(pack.Len()-start))
	sum := sha1.Sum(pack.Bytes())
	pack.Write(sum[:])

	err := checkSizes(bytes.NewReader(pack.Bytes()), 1000)
	if want := "not allowed: it holds a file or another object of 1099511627776 bytes, at most 1000"; !errors.Is(err, ErrRefused) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
