package git_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// history makes a repository with so many commits on main and a tag on each of the last ones.
func history(tb testing.TB, commits, tags int) *gitrepo.Fixture {
	tb.Helper()
	r := gitrepo.New(tb)
	var in strings.Builder
	for i := range commits {
		date := 1735689600 + i
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter T <t@example.com> %d +0000\ndata 1\nx\n", date)
		fmt.Fprintf(&in, "M 100644 inline addons/a%d/values.yaml\ndata 10\n%010d\n", i%40, i)
		if i >= commits-tags {
			fmt.Fprintf(&in, "reset refs/tags/v1.31-ake.%d\nfrom refs/heads/main\n\n", i)
		}
	}
	in.WriteString("done\n")
	runIn(tb, r.Dir, in.String(), "fast-import", "--quiet", "--done")
	return r
}

// The state of a large repository: 10,000 commits, 5,000 tags.
func BenchmarkLargeRepository(b *testing.B) {
	r := history(b, 10_000, 5_000)
	s, err := githttp.Handler(r.Root(), githttp.Options{})
	if err != nil {
		b.Fatal(err)
	}
	url, _, err := s.Serve(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	o := git.Options{URL: url + "/config.git", Dir: b.TempDir()}
	first, err := git.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := first.Fetch(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := first.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run("clone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			repo, err := git.Open(b.Context(), git.Options{URL: url + "/config.git"})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := repo.Fetch(b.Context()); err != nil {
				b.Fatal(err)
			}
			if err := repo.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			repo, err := git.Open(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			if err := repo.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	repo, err := git.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = repo.Close() }()
	refs, err := repo.Refs()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("fetch without news", func(b *testing.B) {
		for b.Loop() {
			if _, err := repo.Fetch(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("contains 5000 tags", func(b *testing.B) {
		for b.Loop() {
			for _, commit := range refs.Tags {
				if ok, err := repo.Contains(refs.Branches["main"], commit); err != nil || !ok {
					b.Fatal(ok, err)
				}
			}
		}
	})
	b.Run("read every file", func(b *testing.B) {
		for b.Loop() {
			tree, err := repo.Tree(refs.Branches["main"])
			if err != nil {
				b.Fatal(err)
			}
			if err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					_, err = fs.ReadFile(tree, path)
				}
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
