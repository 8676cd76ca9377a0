package git_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// served is a repository, its server, and the server's URL.
type served struct {
	*gitrepo.Fixture
	server *githttp.Server
	url    string
}

func serve(t *testing.T, o githttp.Options) served {
	t.Helper()
	r := gitrepo.New(t)
	s, err := githttp.Handler(r.Root(), o)
	if err != nil {
		t.Fatal(err)
	}
	url, _, err := s.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return served{r, s, url + "/config.git"}
}

func (s served) host() string { return strings.Split(s.url, "/")[2] }

func open(t *testing.T, o git.Options) *git.Repository {
	t.Helper()
	r, err := git.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func fetch(t *testing.T, r *git.Repository, wantChanged bool) {
	t.Helper()
	changed, err := r.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if changed != wantChanged {
		t.Errorf("Fetch changed = %v, want %v", changed, wantChanged)
	}
}

func refs(t *testing.T, r *git.Repository) git.Refs {
	t.Helper()
	got, err := r.Refs()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantRefs(t *testing.T, r *git.Repository, want git.Refs) {
	t.Helper()
	if want.Branches == nil {
		want.Branches = map[string]string{}
	}
	if want.Tags == nil {
		want.Tags = map[string]string{}
	}
	if got := refs(t, r); !reflect.DeepEqual(got, want) {
		t.Errorf("refs:\n%+v\nwant:\n%+v", got, want)
	}
}

func readFile(t *testing.T, r *git.Repository, commit, path string) string {
	t.Helper()
	tree, err := r.Tree(commit)
	if err != nil {
		t.Fatal(err)
	}
	content, err := fs.ReadFile(tree, path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// wantError checks kind and text: the text is what a person reads.
func wantError(t *testing.T, err, kind error, text string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v is not %q", err, kind)
	}
	if err == nil || err.Error() != text {
		t.Errorf("error:\n%v\nwant:\n%s", err, text)
	}
}

// A release manager's day, seen from the manager: every change of refs on the server, one after the other.
func TestFetchFollowsTheRemote(t *testing.T) {
	r := serve(t, githttp.Options{})
	first := r.Commit("main", map[string]string{"catalog.yaml": "1"}, "first")
	repo := open(t, git.Options{URL: r.url})
	if _, err := repo.Refs(); !errors.Is(err, git.ErrNotFetched) {
		t.Errorf("before the first fetch: %v", err)
	}

	fetch(t, repo, true)
	wantRefs(t, repo, git.Refs{Head: "main", Branches: map[string]string{"main": first}})
	requests := r.server.Requests()
	fetch(t, repo, false)
	if r.server.Requests() != requests+1 || r.server.Packs() != 1 {
		t.Errorf("a fetch without news made %d requests, and %d packs in all; want 1 and 1", r.server.Requests()-requests, r.server.Packs())
	}

	r.SetBranch("release-1.31", "main")
	second := r.Commit("release-1.31", map[string]string{"catalog.yaml": "2"}, "second")
	r.AnnotatedTag("v1.31-ake.1", first, "one")
	r.Tag("v1.31-ake.2", second)
	fetch(t, repo, true)
	wantRefs(t, repo, git.Refs{
		Head: "main", Branches: map[string]string{"main": first, "release-1.31": second},
		Tags: map[string]string{"v1.31-ake.1": first, "v1.31-ake.2": second},
	})
	if got := readFile(t, repo, second, "catalog.yaml"); got != "2" {
		t.Errorf("catalog at the second commit: %q", got)
	}

	// A tag that moves is seen to move, and the commit it named stays readable.
	third := r.Commit("release-1.31", map[string]string{"catalog.yaml": "3"}, "third")
	r.MoveTag("v1.31-ake.2", third)
	r.DeleteTag("v1.31-ake.1")
	fetch(t, repo, true)
	wantRefs(t, repo, git.Refs{
		Head: "main", Branches: map[string]string{"main": first, "release-1.31": third},
		Tags: map[string]string{"v1.31-ake.2": third},
	})

	// Forced back, a new history beside it, the default branch renamed.
	r.SetBranch("release-1.31", first)
	other := r.Commit("trunk", map[string]string{"catalog.yaml": "other"}, "unrelated")
	r.SetHead("trunk")
	r.DeleteBranch("main")
	fetch(t, repo, true)
	wantRefs(t, repo, git.Refs{
		Head: "trunk", Branches: map[string]string{"trunk": other, "release-1.31": first},
		Tags: map[string]string{"v1.31-ake.2": third},
	})
	if got := readFile(t, repo, second, "catalog.yaml"); got != "2" {
		t.Errorf("catalog at the commit that no ref has any more: %q", got)
	}
	for name, tc := range map[string]struct {
		branch, commit string
		want           bool
	}{
		"itself":              {first, first, true},
		"tag off its branch":  {first, third, false},
		"ancestor":            {third, first, true},
		"unrelated histories": {other, first, false},
	} {
		if got, err := repo.Contains(tc.branch, tc.commit); err != nil || got != tc.want {
			t.Errorf("%s: Contains = %v, %v, want %v", name, got, err, tc.want)
		}
	}
	fetch(t, repo, false)
}

// Each fault leaves the state that was there, says what happened, and is over when the server is well.
func TestFaultsLeaveTheOldState(t *testing.T) {
	// Enough that does not compress, so that a pack is longer than what the faults let through.
	blob := ""
	for i := range 2000 {
		blob += fmt.Sprintf("%x\n", i*7919*7919)
	}
	for name, tc := range map[string]struct {
		fault   githttp.Fault
		timeout time.Duration
		kind    error
		text    string
	}{
		"down": {
			fault: githttp.Down(), kind: git.ErrUnreachable,
			text: "cannot be reached: the server answers 503 Service Unavailable; check the address, the server and the network",
		},
		"500": {
			fault: githttp.Fault{Status: 500}, kind: git.ErrUnreachable,
			text: "cannot be reached: the server answers 500 Internal Server Error; check the address, the server and the network",
		},
		"limited": {
			fault: githttp.Fault{Status: http.StatusTooManyRequests}, kind: git.ErrUnreachable,
			text: "cannot be reached: the server answers 429 Too Many Requests; check the address, the server and the network",
		},
		"gone": {
			fault: githttp.Fault{Status: http.StatusNotFound}, kind: git.ErrNotFound,
			text: "not found: the server knows no such repository; check the URL, and that the credentials may read it",
		},
		"credentials revoked": {
			fault: githttp.Fault{Status: http.StatusUnauthorized}, kind: git.ErrAuth,
			text: "refuses the credentials: the server asks for authentication (401); check the repository's credentials and that they may read it",
		},
		"rights revoked": {
			fault: githttp.Fault{Status: http.StatusForbidden}, kind: git.ErrAuth,
			text: "refuses the credentials: the server forbids it (403); check the repository's credentials and that they may read it",
		},
		"pack refused": {
			fault: githttp.Fault{Status: 503, PackOnly: true}, kind: git.ErrUnreachable,
			text: "cannot be reached: the server answers 503 Service Unavailable; check the address, the server and the network",
		},
		"truncated pack": {
			fault: githttp.TruncatedPack(3000), kind: git.ErrCorrupt,
			text: "damaged or incomplete data: receive objects: unexpected EOF; if fetching again does not help, run git fsck in the repository",
		},
		"cut off listing": {
			fault: githttp.Fault{CutAfter: 60}, kind: git.ErrUnreachable,
			text: "cannot be reached: list refs: unexpected EOF; check the address, the server and the network",
		},
		"slow": {
			fault: githttp.Slow(time.Minute), timeout: 200 * time.Millisecond, kind: git.ErrUnreachable,
			text: "cannot be reached: no complete answer within 200ms; check the address, the server and the network",
		},
		"stalled in the pack": {
			fault: githttp.StalledPack(3000), timeout: 500 * time.Millisecond, kind: git.ErrUnreachable,
			text: "cannot be reached: no complete answer within 500ms; check the address, the server and the network",
		},
		"redirect to another host": {
			fault: githttp.Fault{Redirect: "http://example.invalid"}, kind: git.ErrRefused,
			text: "not allowed: a redirect from HOST to example.invalid; give the new address as the URL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, githttp.Options{})
			first := r.Commit("main", map[string]string{"catalog.yaml": "1"}, "first")
			dir := t.TempDir()
			// Opened anew for each part: only the faults get the short timeout, on a machine that may be busy.
			use := func(timeout time.Duration, do func(*git.Repository)) {
				repo, err := git.Open(t.Context(), git.Options{URL: r.url, Dir: dir, Timeout: timeout})
				if err != nil {
					t.Fatal(err)
				}
				do(repo)
				if err := repo.Close(); err != nil {
					t.Error(err)
				}
			}
			use(0, func(repo *git.Repository) { fetch(t, repo, true) })
			old := git.Refs{Head: "main", Branches: map[string]string{"main": first}}
			second := r.Commit("main", map[string]string{"catalog.yaml": "2", "blob": blob}, "second")

			r.server.SetFault(tc.fault)
			use(tc.timeout, func(repo *git.Repository) {
				for range 2 {
					changed, err := repo.Fetch(t.Context())
					if changed {
						t.Error("changed")
					}
					wantError(t, err, tc.kind, "git repository "+r.url+": "+strings.ReplaceAll(tc.text, "HOST", r.host()))
					wantRefs(t, repo, old)
					if got := readFile(t, repo, first, "catalog.yaml"); got != "1" {
						t.Errorf("catalog: %q", got)
					}
				}
			})
			r.server.SetFault(githttp.Fault{})
			use(0, func(repo *git.Repository) {
				fetch(t, repo, true)
				wantRefs(t, repo, git.Refs{Head: "main", Branches: map[string]string{"main": second}})
			})
			left, _ := filepath.Glob(filepath.Join(dir, "repository.git", "objects", "pack", "*"))
			if len(left) != 4 {
				t.Errorf("the mirror's packs: %v; want two packs and their indexes", left)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	repo := open(t, git.Options{URL: "http://user:s3cret@127.0.0.1:1/config.git"})
	_, err := repo.Fetch(t.Context())
	wantError(t, err, git.ErrUnreachable, "git repository http://127.0.0.1:1/config.git: cannot be reached: "+
		"dial tcp 127.0.0.1:1: connect: connection refused; check the address, the server and the network")
	reason, class := git.ReasonOf(err)
	if want := (fault.Reason{Code: "GitUnreachable", Message: err.Error()}); reason != want || class != fault.Retry {
		t.Errorf("ReasonOf = %+v, %s, want %+v, %s", reason, class, want, fault.Retry)
	}
}

func TestStoppedFetch(t *testing.T) {
	r := serve(t, githttp.Options{})
	r.Commit("main", nil, "first")
	r.server.SetFault(githttp.Slow(time.Minute))
	repo := open(t, git.Options{URL: r.url})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := repo.Fetch(ctx)
	wantError(t, err, context.Canceled, "git repository "+r.url+": cannot be reached: context canceled; check the address, the server and the network")
}

// After a restart, the state is there before the network is.
func TestMirrorSurvivesARestart(t *testing.T) {
	r := serve(t, githttp.Options{})
	first := r.Commit("main", map[string]string{"catalog.yaml": "1"}, "first")
	r.AnnotatedTag("v1.31-ake.1", "main", "one")
	o := git.Options{URL: r.url, Dir: t.TempDir()}
	repo, err := git.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, repo, true)
	if _, err := git.Open(t.Context(), o); !errors.Is(err, git.ErrDisk) || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("opened twice: %v", err)
	}
	if err := repo.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Refs(); !errors.Is(err, git.ErrNotFetched) {
		t.Errorf("after Close: %v", err)
	}

	r.server.SetFault(githttp.Down())
	again := open(t, o)
	wantRefs(t, again, git.Refs{Head: "main", Branches: map[string]string{"main": first}, Tags: map[string]string{"v1.31-ake.1": first}})
	r.server.SetFault(githttp.Fault{})
	fetch(t, again, false)
	if r.server.Packs() != 1 {
		t.Errorf("%d packs; the mirror was fetched again", r.server.Packs())
	}
}

// Whatever is broken in the mirror is noticed, and the next fetch makes it anew.
func TestDamagedMirrorIsFetchedAnew(t *testing.T) {
	pack := func(t *testing.T, dir, ext string) string {
		list, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*"+ext))
		if err != nil || len(list) != 1 {
			t.Fatalf("packs: %v, %v", list, err)
		}
		if err := os.Chmod(list[0], 0o600); err != nil {
			t.Fatal(err)
		}
		return list[0]
	}
	flip := func(t *testing.T, path string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 0xff
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(t *testing.T, dir string) error{
		"pack with a flipped bit":  func(t *testing.T, dir string) error { flip(t, pack(t, dir, ".pack")); return nil },
		"index with a flipped bit": func(t *testing.T, dir string) error { flip(t, pack(t, dir, ".idx")); return nil },
		"pack cut off":             func(t *testing.T, dir string) error { return os.Truncate(pack(t, dir, ".pack"), 20) },
		"pack gone":                func(t *testing.T, dir string) error { return os.Remove(pack(t, dir, ".pack")) },
		"index gone":               func(t *testing.T, dir string) error { return os.Remove(pack(t, dir, ".idx")) },
		"objects gone":             func(t *testing.T, dir string) error { return os.RemoveAll(filepath.Join(dir, "objects")) },
		"refs gone":                func(t *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "packed-refs")) },
		"refs cut off":             func(t *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, "packed-refs"), 45) },
		"refs cut at a line":       func(t *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, "packed-refs"), 0) },
		"HEAD gone":                func(t *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "HEAD")) },
		"refs changed": func(t *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "packed-refs"), []byte("# pack-refs with: sorted sum=ecf1d3d5d9d0 \n"+strings.Repeat("1", 40)+" refs/heads/main\n"), 0o600)
		},
		"mirror of another repository": func(t *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "addon-manager-source"), []byte("https://example.com/other.git\n"), 0o600)
		},
		"everything gone": func(t *testing.T, dir string) error { return os.RemoveAll(dir) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t, githttp.Options{})
			first := r.Commit("main", map[string]string{"catalog.yaml": strings.Repeat("a line\n", 100)}, "first")
			o := git.Options{URL: r.url, Dir: t.TempDir()}
			repo, err := git.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			fetch(t, repo, true)
			if err := repo.Close(); err != nil {
				t.Fatal(err)
			}
			if err := damage(t, filepath.Join(o.Dir, "repository.git")); err != nil {
				t.Fatal(err)
			}
			again := open(t, o)
			if got, err := again.Refs(); !errors.Is(err, git.ErrNotFetched) {
				t.Errorf("a damaged mirror shows %v, %v", got, err)
			}
			fetch(t, again, true)
			wantRefs(t, again, git.Refs{Head: "main", Branches: map[string]string{"main": first}})
			readFile(t, again, first, "catalog.yaml")
		})
	}
}

// Damage that comes while the process runs shows when something is read.
func TestDamageWhileRunning(t *testing.T) {
	r := serve(t, githttp.Options{})
	first := r.Commit("main", map[string]string{"catalog.yaml": "1"}, "first")
	o := git.Options{URL: r.url, Dir: t.TempDir()}
	repo := open(t, o)
	fetch(t, repo, true)
	packs := filepath.Join(o.Dir, "repository.git", "objects", "pack")
	if err := os.RemoveAll(packs); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Tree(first); !errors.Is(err, git.ErrCorrupt) {
		t.Errorf("error %v is not %q", err, git.ErrCorrupt)
	}
	fetch(t, repo, false)
	if got := readFile(t, repo, first, "catalog.yaml"); got != "1" {
		t.Errorf("catalog: %q", got)
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"building-1", "damaged-repository.git", "kept"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "objects"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	open(t, git.Options{URL: "https://example.com/config.git", Dir: dir})
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := []string{"kept", "lock"}; !reflect.DeepEqual(got, want) {
		t.Errorf("folder holds %v, want %v", got, want)
	}
}

func TestEmptyRepositoryIsAnError(t *testing.T) {
	r := serve(t, githttp.Options{})
	repo := open(t, git.Options{URL: r.url})
	text := "git repository " + r.url + ": has no branches; push at least one branch; the state known before is kept"
	_, err := repo.Fetch(t.Context())
	wantError(t, err, git.ErrEmpty, text)

	first := r.Commit("main", nil, "first")
	fetch(t, repo, true)
	r.DeleteBranch("main")
	_, err = repo.Fetch(t.Context())
	wantError(t, err, git.ErrEmpty, text)
	wantRefs(t, repo, git.Refs{Head: "main", Branches: map[string]string{"main": first}})
}

// Names are data, however odd they are.
func TestOddRefs(t *testing.T) {
	r := serve(t, githttp.Options{})
	first := r.Commit("main", map[string]string{"f": "1"}, "first")
	names := []string{"-x", "HEAD", "refs/heads/x", "release-1.31/a", "ünï", `qu"ote'`, "$(id)", "v1.31-ake.04", "v1.31-ake.99999999999999999999"}
	want := git.Refs{Head: "main", Branches: map[string]string{"main": first}, Tags: map[string]string{}}
	for _, name := range names {
		r.SetRef("refs/heads/"+name, "main")
		r.SetRef("refs/tags/"+name, "main")
		want.Branches[name], want.Tags[name] = first, first
	}
	r.SetRef("refs/tags/a-tree", "main^{tree}")
	r.SetRef("refs/tags/a-blob", "main:f")
	r.SetRef("refs/pull/1/head", "main")
	r.AnnotatedTag("inner", "main", "one")
	r.AnnotatedTag("outer", "inner", "two")
	r.AnnotatedTag("outer-tree", "a-tree", "three")
	want.Tags["inner"], want.Tags["outer"] = first, first
	tree, blob := r.Git("rev-parse", "main^{tree}"), r.Git("rev-parse", "main:f")
	want.Problems = []fault.Problem{
		{Code: git.CodeRefNotCommit, Where: "refs/tags/a-blob", Message: "it names a blob " + blob + "; it is ignored"},
		{Code: git.CodeRefNotCommit, Where: "refs/tags/a-tree", Message: "it names a tree " + tree + "; it is ignored"},
		{Code: git.CodeRefNotCommit, Where: "refs/tags/outer-tree", Message: "it names a tree " + r.Git("rev-parse", "outer-tree") + "; it is ignored"},
	}

	t.Run("remote", func(t *testing.T) {
		o := git.Options{URL: r.url, Dir: t.TempDir()}
		repo, err := git.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		fetch(t, repo, true)
		wantRefs(t, repo, want)
		if err := repo.Close(); err != nil {
			t.Fatal(err)
		}
		wantRefs(t, open(t, o), want)
	})
	t.Run("on disk", func(t *testing.T) {
		wantRefs(t, open(t, git.Options{URL: r.Dir, AllowLocal: true}), want)
	})
}

func TestResolve(t *testing.T) {
	r := gitrepo.New(t)
	first := r.Commit("main", nil, "first")
	second := r.Commit("main", nil, "second")
	r.SetBranch("old", first)
	r.AnnotatedTag("v1", first, "one")
	r.Tag("both", first)
	r.SetBranch("both", second)
	r.SetBranch("deadbee", first)
	r.SetRef("refs/tags/a-blob", "main^{tree}")
	repo := open(t, git.Options{URL: r.Dir, AllowLocal: true})
	no := func(detail string) string {
		return "git repository " + r.Dir + ": no such branch, tag or commit: " + detail
	}
	for ref, want := range map[string]struct{ commit, text string }{
		"HEAD":                        {commit: second},
		"main":                        {commit: second},
		"refs/heads/main":             {commit: second},
		"v1":                          {commit: first},
		"refs/tags/v1":                {commit: first},
		first:                         {commit: first},
		first[:7]:                     {commit: first},
		first[:12]:                    {commit: first},
		first[:39]:                    {commit: first},
		"deadbee":                     {commit: first},
		r.Git("rev-parse", "v1"):      {commit: first},
		r.Git("rev-parse", "v1")[:10]: {commit: first},
		"both":                        {text: no(`"both" is a branch and a tag; say refs/heads/both or refs/tags/both`)},
		"refs/tags/both":              {commit: first},
		"":                            {text: no(`""`)},
		"nowhere":                     {text: no(`"nowhere"`)},
		"refs/heads/v1":               {text: no(`"refs/heads/v1"`)},
		"refs/tags/main":              {text: no(`"refs/tags/main"`)},
		"1234567":                     {text: no(`"1234567"`)},
		first[:6]:                     {text: no(`"` + first[:6] + `"`)},
		strings.Repeat("1", 40):       {text: no(`"` + strings.Repeat("1", 40) + `"`)},
		r.Git("rev-parse", "a-blob"):  {text: no(`"` + r.Git("rev-parse", "a-blob") + `"`)},
		"main~1":                      {text: no(`"main~1"`)},
		"../main":                     {text: no(`"../main"`)},
	} {
		got, err := repo.Resolve(ref)
		if want.text != "" {
			wantError(t, err, git.ErrUnknownRevision, want.text)
		} else if err != nil || got != want.commit {
			t.Errorf("Resolve(%q) = %q, %v, want %q", ref, got, err, want.commit)
		}
	}
	r.SetHead("nowhere")
	fetch(t, repo, true)
	_, err := repo.Resolve("HEAD")
	wantError(t, err, git.ErrUnknownRevision, no(`HEAD names the branch "nowhere", which does not exist`))
}

// What is too large is refused before it fills the memory, and the state before stays.
func TestTooLarge(t *testing.T) {
	for name, tc := range map[string]struct {
		options git.Options
		text    string
	}{
		"transfer": {git.Options{MaxPack: 1000}, "the server sends more than 1000 bytes at once"},
		// It compresses well: what arrives is small.
		"object": {git.Options{MaxObject: 5_000_000}, "it holds a file or another object of 5000001 bytes, at most 5000000"},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, githttp.Options{})
			first := r.Commit("main", map[string]string{"catalog.yaml": "1"}, "first")
			tc.options.URL = r.url
			repo := open(t, tc.options)
			fetch(t, repo, true)
			r.Commit("main", map[string]string{"large": strings.Repeat("x", 5_000_001)}, "second")
			_, err := repo.Fetch(t.Context())
			wantError(t, err, git.ErrRefused, "git repository "+r.url+": not allowed: "+tc.text)
			wantRefs(t, repo, git.Refs{Head: "main", Branches: map[string]string{"main": first}})
		})
	}
}
