package source_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/source"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// files is a config repository that offers some addons; of is its distribution.
func files(of string, addons ...string) map[string]string {
	f := map[string]string{}
	text := "apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: " + of + "\nkubernetes: {minors: [\"1.31\", \"1.32\"]}\naddons:\n"
	for _, a := range addons {
		text += "- name: " + a + "\n"
		f["addons/"+a+"/x.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
	}
	f["catalog.yaml"] = text
	return f
}

// counted counts how often a tree is read.
type counted struct {
	*git.Repository
	trees int
}

func (c *counted) Tree(commit string) (fs.FS, error) {
	c.trees++
	return c.Repository.Tree(commit)
}

func open(t *testing.T, url string) *counted {
	t.Helper()
	repo, err := git.Open(t.Context(), git.Options{URL: url, AllowLocal: true, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.Close() })
	return &counted{Repository: repo}
}

func load(t *testing.T, l *source.Loader, repo *counted, o source.Options) resolve.Source {
	t.Helper()
	if _, err := repo.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := l.Load(t.Context(), repo, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// told is a source in short: the minors, each release with its addons or why it is refused, the problems.
func told(s resolve.Source) (lines []string) {
	offered := make([]string, 0, len(s.Offered))
	for _, m := range s.Offered {
		offered = append(offered, m.String())
	}
	lines = append(lines, "offered "+strings.Join(offered, " "))
	if s.Unavailable != nil {
		lines = append(lines, fmt.Sprintf("unavailable %s: %s", s.Unavailable.Code, s.Unavailable.Message))
	}
	for _, r := range s.Releases {
		line := r.Tag.String()
		switch {
		case r.Refused != nil:
			line += fmt.Sprintf(" refused %s: %s", r.Refused.Code, r.Refused.Message)
		case r.Catalog != nil:
			for _, a := range r.Catalog.Addons {
				line += " " + a.Name
			}
		default:
			line += " not read"
		}
		lines = append(lines, line)
	}
	for _, p := range s.Problems {
		lines = append(lines, fmt.Sprintf("%s %s: %s", p.Code, p.Where, p.Message))
	}
	return lines
}

// begin is a repository with a branch and a release for 1.31 and 1.32.
func begin(t *testing.T) *gitrepo.Fixture {
	r := gitrepo.New(t)
	r.Commit("main", files("ake", "a", "b"), "first")
	for _, minor := range []string{"1.31", "1.32"} {
		r.SetBranch("release-"+minor, "main")
		r.AnnotatedTag("v"+minor+"-ake.1", "release-"+minor, "first")
	}
	return r
}

// noNewRelease is what is told of a repository as begin makes it.
var noNewRelease = []string{"offered 1.31 1.32", "v1.31-ake.1 a b", "v1.32-ake.1 a b"}

func TestLoad(t *testing.T) {
	const bad = "catalog.yaml:7:3: addons[0]: \"colour\" is not a known field: known here: name, path, namespace, placement, enabled, kubernetes, dependsOn, onDisable, grace, pruneCRDs, parameters, argocd, upstream"
	broken := map[string]string{"catalog.yaml": files("ake", "a")["catalog.yaml"] + "  colour: red\n"}
	for name, tc := range map[string]struct {
		change func(r *gitrepo.Fixture)
		first  map[release.Tag]resolve.Seen
		want   []string
	}{
		"as it is": {change: func(*gitrepo.Fixture) {}, want: noNewRelease},
		"ten after nine, older ones not read": {
			change: func(r *gitrepo.Fixture) {
				r.Commit("release-1.31", files("ake", "a", "b", "c"), "second")
				r.Tag("v1.31-ake.9", "v1.31-ake.1")
				r.Tag("v1.31-ake.10", "release-1.31")
			},
			want: []string{"offered 1.31 1.32", "v1.31-ake.10 a b c", "v1.31-ake.9 a b", "v1.31-ake.1 not read", "v1.32-ake.1 a b"},
		},
		"tags of other shapes": {
			change: func(r *gitrepo.Fixture) {
				for _, tag := range []string{"v1.31-ake.04", "v1.31-ake.0", "v1.31-other.1", "v1.0.0", "latest", "release-1.31", "v1.31-ake.99999999999999999999"} {
					r.Tag(tag, "main")
				}
			},
			want: append(append([]string{}, noNewRelease...),
				`TagsIgnored tags: 7 tag(s) are no releases v<minor>-ake.<n> and are ignored: "latest", "release-1.31", "v1.0.0", "v1.31-ake.0", "v1.31-ake.04", …`),
		},
		"a tag off its branch": {
			change: func(r *gitrepo.Fixture) {
				r.Commit("main", files("ake", "a"), "second")
				r.Tag("v1.31-ake.2", "main")
				r.Tag("v1.40-ake.1", "main")
			},
			want: []string{
				"offered 1.31 1.32",
				"v1.31-ake.2 refused TagNotOnBranch: tag v1.31-ake.2 names commit MAIN, which is not on branch release-1.31; tag a commit of that branch",
				"v1.31-ake.1 a b", "v1.32-ake.1 a b",
				"v1.40-ake.1 refused TagNotOnBranch: tag v1.40-ake.1 names commit MAIN, which is not on branch release-1.40; tag a commit of that branch",
			},
		},
		"a tag that moved": {
			change: func(r *gitrepo.Fixture) {
				r.Commit("release-1.31", files("ake", "a"), "second")
				r.MoveTag("v1.31-ake.1", "release-1.31")
			},
			first: map[release.Tag]resolve.Seen{tag("v1.31-ake.1"): {Commit: strings.Repeat("a", 40)}},
			want: []string{
				"offered 1.31 1.32",
				"v1.31-ake.1 refused TagMoved: tag v1.31-ake.1 moved from aaaaaaaaaaaa to RELEASE131; releases never change: the commit first seen stays delivered. Move the tag back, or tag a new release",
				"v1.32-ake.1 a b", "NoReleaseYet catalog.yaml: kubernetes.minors offers 1.31, which has no usable release; tag one on branch release-1.31",
			},
		},
		"a tag that is gone": {
			change: func(r *gitrepo.Fixture) { r.DeleteTag("v1.31-ake.1") },
			first:  map[release.Tag]resolve.Seen{tag("v1.31-ake.1"): {Commit: strings.Repeat("a", 40)}},
			want: []string{
				"offered 1.31 1.32",
				"v1.31-ake.1 refused TagGone: tag v1.31-ake.1 is gone from the repository; what has it keeps commit aaaaaaaaaaaa. Push the tag again, or tag a new release",
				"v1.32-ake.1 a b", "NoReleaseYet catalog.yaml: kubernetes.minors offers 1.31, which has no usable release; tag one on branch release-1.31",
			},
		},
		"a catalog that does not decode": {
			change: func(r *gitrepo.Fixture) {
				r.Commit("release-1.31", broken, "second")
				r.Tag("v1.31-ake.2", "release-1.31")
			},
			want: []string{"offered 1.31 1.32", "v1.31-ake.2 refused CatalogInvalid: " + bad, "v1.31-ake.1 a b", "v1.32-ake.1 a b"},
		},
		"an addon without its folder, and more": {
			change: func(r *gitrepo.Fixture) {
				r.Apply("release-1.31", "second", gitrepo.Remove("addons/a/x.yaml"), gitrepo.Remove("addons/b/x.yaml"))
				r.Tag("v1.31-ake.2", "release-1.31")
			},
			want: []string{
				"offered 1.31 1.32", "v1.31-ake.2 refused CatalogInvalid: catalog.yaml:6:3: addon a: the repository has no folder addons/a: add it or correct the path (and 1 more)",
				"v1.31-ake.1 a b", "v1.32-ake.1 a b",
			},
		},
		"no catalog at all": {
			change: func(r *gitrepo.Fixture) {
				r.Apply("release-1.31", "second", gitrepo.Remove("catalog.yaml"))
				r.Tag("v1.31-ake.2", "release-1.31")
			},
			want: []string{"offered 1.31 1.32", "v1.31-ake.2 refused CatalogInvalid: catalog.yaml: the file does not exist at this commit", "v1.31-ake.1 a b", "v1.32-ake.1 a b"},
		},
		"a tag that names a file": {
			change: func(r *gitrepo.Fixture) { r.SetRef("refs/tags/v1.31-ake.2", "main:catalog.yaml") },
			want:   append(append([]string{}, noNewRelease...), "GitRefNotCommit refs/tags/v1.31-ake.2: it names a blob e2159e399bddde381efd503fa4a9df3d86a1e36c; it is ignored"),
		},
		"c40 o12 another distribution on a release": {
			change: func(r *gitrepo.Fixture) {
				r.Commit("release-1.31", files("other", "a", "b"), "second")
				r.Tag("v1.31-ake.2", "release-1.31")
			},
			want: []string{"offered 1.31 1.32", `v1.31-ake.2 refused CatalogInvalid: catalog.yaml: distribution: "other" does not match the tag's "ake"`, "v1.31-ake.1 a b", "v1.32-ake.1 a b"},
		},
		"c40 o12 another distribution on main": {
			change: func(r *gitrepo.Fixture) { r.Commit("main", files("new", "a", "b"), "second") },
			first:  map[release.Tag]resolve.Seen{tag("v1.31-ake.1"): {Commit: strings.Repeat("a", 40), Delivered: true}},
			want: []string{
				"offered 1.31 1.32",
				`v1.31-ake.1 refused OtherDistribution: tag v1.31-ake.1 counts no more: catalog.yaml on branch main names distribution "new"; what has it keeps commit aaaaaaaaaaaa until there is a release of that one`,
				`TagsIgnored tags: 2 tag(s) are no releases v<minor>-new.<n> and are ignored: "v1.31-ake.1", "v1.32-ake.1"`,
				"NoReleaseYet catalog.yaml: kubernetes.minors offers 1.31, which has no usable release; tag one on branch release-1.31",
				"NoReleaseYet catalog.yaml: kubernetes.minors offers 1.32, which has no usable release; tag one on branch release-1.32",
			},
		},
		"a broken catalog on main": {
			change: func(r *gitrepo.Fixture) { r.Commit("main", broken, "second") },
			want:   []string{"offered ", "v1.31-ake.1 a b", "v1.32-ake.1 a b", "CatalogInvalid main:" + bad},
		},
		"no default branch": {
			change: func(r *gitrepo.Fixture) { r.SetHead("nowhere") },
			want:   []string{"offered ", "v1.31-ake.1 a b", "v1.32-ake.1 a b", "CatalogInvalid nowhere:catalog.yaml: the repository has no default branch, so the minors offered are not known; releases are delivered all the same"},
		},
		"several distributions and nothing that chooses": {
			change: func(r *gitrepo.Fixture) {
				r.Tag("v1.31-other.1", "release-1.31")
				r.Apply("main", "second", gitrepo.Remove("catalog.yaml"))
			},
			want: []string{
				"offered ", "unavailable DistributionUnknown: tags of several distributions exist, and catalog.yaml on branch main, which would say which one counts, cannot be read",
				"CatalogInvalid main:catalog.yaml: the file does not exist at this commit",
			},
		},
		"several distributions, one of them known": {
			change: func(r *gitrepo.Fixture) {
				r.Tag("v1.31-other.1", "release-1.31")
				r.Apply("main", "second", gitrepo.Remove("catalog.yaml"))
			},
			first: map[release.Tag]resolve.Seen{tag("v1.32-ake.7"): {Commit: strings.Repeat("a", 40)}},
			want: []string{
				"offered ", "v1.31-ake.1 a b",
				"v1.32-ake.7 refused TagGone: tag v1.32-ake.7 is gone from the repository; what has it keeps commit aaaaaaaaaaaa. Push the tag again, or tag a new release",
				"v1.32-ake.1 a b", "CatalogInvalid main:catalog.yaml: the file does not exist at this commit",
				`TagsIgnored tags: 1 tag(s) are no releases v<minor>-ake.<n> and are ignored: "v1.31-other.1"`,
			},
		},
		"more bad releases than are tried": {
			change: func(r *gitrepo.Fixture) {
				for n := 2; n <= 13; n++ {
					r.Commit("release-1.31", map[string]string{"catalog.yaml": fmt.Sprintf("%d", n)}, "bad")
					r.Tag(fmt.Sprintf("v1.31-ake.%d", n), "release-1.31")
				}
			},
			want: func() []string {
				want := []string{"offered 1.31 1.32"}
				for n := 13; n > 3; n-- {
					want = append(want, fmt.Sprintf("v1.31-ake.%d refused CatalogInvalid: catalog.yaml:1:1: want a map, found %q", n, strconv.Itoa(n)))
				}
				return append(want, "v1.31-ake.3 not read", "v1.31-ake.2 not read", "v1.31-ake.1 not read", "v1.32-ake.1 a b",
					"NoReleaseYet catalog.yaml: kubernetes.minors offers 1.31, which has no usable release; tag one on branch release-1.31")
			}(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			tc.change(r)
			got := told(load(t, &source.Loader{}, open(t, r.Dir), source.Options{FirstSeen: tc.first}))
			names := strings.NewReplacer("MAIN", r.Resolve("main")[:12], "RELEASE131", r.Resolve("release-1.31")[:12])
			want := make([]string, len(tc.want))
			for i, line := range tc.want {
				want[i] = names.Replace(line)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("source (-want +got):\n%s", d)
			}
		})
	}
}

func tag(name string) release.Tag {
	parsed, err := release.ParseTag(name)
	if err != nil {
		panic(err)
	}
	return parsed
}

// TestLoadAgain reads each commit's catalog once, and forgets what nothing needs.
func TestLoadAgain(t *testing.T) {
	r := begin(t)
	repo := open(t, r.Dir)
	var l source.Loader
	load(t, &l, repo, source.Options{})
	// The same commit, once as main and once as a release.
	if repo.trees != 2 {
		t.Errorf("%d trees read at first, want 2", repo.trees)
	}
	load(t, &l, repo, source.Options{RevisionTag: true})
	if repo.trees != 2 {
		t.Errorf("%d trees read after a second load, want 2", repo.trees)
	}
	r.Commit("release-1.31", files("ake", "a"), "second")
	r.Tag("v1.31-ake.2", "release-1.31")
	s := load(t, &l, repo, source.Options{})
	if repo.trees != 3 {
		t.Errorf("%d trees read after a new release, want 3", repo.trees)
	}
	want := []string{"offered 1.31 1.32", "v1.31-ake.2 a", "v1.31-ake.1 a b", "v1.32-ake.1 a b"}
	if d := cmp.Diff(want, told(s)); d != "" {
		t.Errorf("source (-want +got):\n%s", d)
	}
}

// TestLoadOverHTTP reads the same from a server.
func TestLoadOverHTTP(t *testing.T) {
	r := begin(t)
	handler, err := githttp.Handler(r.Root(), githttp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	got := told(load(t, &source.Loader{}, open(t, server.URL+"/config.git"), source.Options{}))
	if d := cmp.Diff(noNewRelease, got); d != "" {
		t.Errorf("source (-want +got):\n%s", d)
	}
}

// TestLoadStops gives up with the context.
func TestLoadStops(t *testing.T) {
	r := begin(t)
	repo := open(t, r.Dir)
	load(t, &source.Loader{}, repo, source.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var l source.Loader
	if _, err := l.Load(ctx, repo, source.Options{}); err == nil {
		t.Error("no error")
	}
}
