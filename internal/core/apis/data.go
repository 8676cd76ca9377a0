package apis

import (
	"embed"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"strings"
	"sync"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

//go:embed data/*.txt
var files embed.FS

const lifecycle = "lifecycle.txt"

// tables are the embedded data. A minor's set is made when it is first asked for.
type tables struct {
	minors map[version.Minor]func() (*Set, error)
	lives  map[key]Life
}

// data panics where a file is broken: the files are part of the program, and its tests read all of them.
var data = sync.OnceValue(func() tables {
	t, err := read(files)
	if err != nil {
		panic(err)
	}
	return t
})

func read(files fs.FS) (tables, error) {
	t := tables{minors: map[version.Minor]func() (*Set, error){}}
	names, err := fs.Glob(files, "data/*.txt")
	if err != nil {
		return t, err
	}
	for _, name := range names {
		if path.Base(name) == lifecycle {
			if t.lives, err = readLives(files, name); err != nil {
				return t, err
			}
			continue
		}
		minor, err := version.ParseMinor(strings.TrimSuffix(path.Base(name), ".txt"))
		if err != nil {
			return t, fmt.Errorf("%s: %w", name, err)
		}
		t.minors[minor] = sync.OnceValues(func() (*Set, error) { return readSet(files, name) })
	}
	return t, nil
}

// readSet reads lines such as "apps/v1 Deployment namespaced" and "v1 Binding namespaced unlisted".
func readSet(files fs.FS, name string) (*Set, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	kinds := map[key]served{}
	for line, words := range lines(text) {
		unlisted := len(words) == 4 && words[3] == "unlisted"
		if len(words) != 3 && !unlisted || words[2] != "namespaced" && words[2] != "cluster" {
			return nil, fmt.Errorf("%s:%d: %q is not group/version, kind, scope", name, line, strings.Join(words, " "))
		}
		kinds[keyOf(words)] = served{namespaced: words[2] == "namespaced", listed: !unlisted}
	}
	return newSet(kinds), nil
}

// readLives reads lines such as "batch/v1beta1 CronJob 1.8 1.21 1.25 batch/v1"; - is nothing.
func readLives(files fs.FS, name string) (map[key]Life, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	lives := map[key]Life{}
	for line, words := range lines(text) {
		if len(words) != 6 {
			return nil, fmt.Errorf("%s:%d: %d words, want 6", name, line, len(words))
		}
		var l Life
		for i, minor := range []*version.Minor{&l.Introduced, &l.Deprecated, &l.Removed} {
			if words[2+i] == "-" {
				continue
			}
			if *minor, err = version.ParseMinor(words[2+i]); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, line, err)
			}
		}
		if words[5] != "-" {
			l.Replacement = words[5]
		}
		lives[keyOf(words)] = l
	}
	return lives, nil
}

// lines are the words of each line that is no comment, with its number.
func lines(text []byte) iter.Seq2[int, []string] {
	return func(yield func(int, []string) bool) {
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			if words := strings.Fields(line); len(words) > 0 && words[0][0] != '#' && !yield(number, words) {
				return
			}
		}
	}
}

func keyOf(words []string) key {
	group, version, ok := strings.Cut(words[0], "/")
	if !ok {
		group, version = "", words[0]
	}
	return key{group, version, words[1]}
}
