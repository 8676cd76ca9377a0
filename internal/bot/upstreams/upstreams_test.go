package upstreams

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// world answers for every source what it holds under its name, and writes down what it was asked.
type world struct {
	mu       sync.Mutex
	asked    []string
	versions map[string][]upstream.Version
	errs     map[string]error
	// under counts who is being asked, most is how many were at once; gate holds everybody until it is closed.
	under, most int
	gate        chan struct{}
}

func (w *world) answer(ctx context.Context, what string) ([]upstream.Version, error) {
	w.mu.Lock()
	w.asked = append(w.asked, what)
	w.under++
	w.most = max(w.most, w.under)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.under--
	}()
	if w.gate != nil {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.gate:
		}
	}
	return w.versions[what], w.errs[what]
}

func (w *world) one(ctx context.Context, what string) (upstream.Version, error) {
	found, err := w.answer(ctx, what)
	if len(found) == 0 {
		return upstream.Version{}, err
	}
	return found[0], err
}

func (w *world) Versions(ctx context.Context, repository, chart string) ([]upstream.Version, error) {
	return w.answer(ctx, "chart "+chart+" of "+repository)
}

func (w *world) Version(ctx context.Context, repository, chart, version string) (upstream.Version, error) {
	return w.one(ctx, "chart "+chart+" "+version+" of "+repository)
}

func (w *world) Tags(ctx context.Context, image string) ([]upstream.Version, error) {
	return w.answer(ctx, "image "+image)
}

func (w *world) Image(ctx context.Context, image, tag string) (upstream.Version, error) {
	return w.one(ctx, "image "+image+":"+tag)
}

func (w *world) Releases(ctx context.Context, repository string) ([]upstream.Version, error) {
	return w.answer(ctx, "releases of "+strings.ToLower(repository))
}

func (w *world) RemoteTags(ctx context.Context, url string) ([]upstream.Version, error) {
	return w.answer(ctx, "tags of "+url)
}

func (w *world) sources() *Sources { return &Sources{Charts: w, Releases: w, Tags: w} }

type moved struct{ to string }

func (m moved) Error() string  { return m.Remark() }
func (m moved) Remark() string { return "it has moved to " + m.to }

func named(names ...string) (all []upstream.Version) {
	for _, name := range names {
		all = append(all, upstream.Version{Name: name})
	}
	return all
}

// TestEachSourceIsAskedOnce: what is wrong with one is a sentence in its listing; the others have theirs.
func TestEachSourceIsAskedOnce(t *testing.T) {
	var (
		chart    = upstream.Source{Kind: upstream.Helm, Repository: "https://charts.example.com", Name: "one"}
		image    = upstream.Source{Kind: upstream.Image, Repository: "quay.io/a/b"}
		manifest = upstream.Source{Kind: upstream.GitHub, Repository: "acme/thing", Name: "install.yaml"}
		crds     = upstream.Source{Kind: upstream.GitHub, Repository: "Acme/thing", Name: "crds.yaml"}
		empty    = upstream.Source{Kind: upstream.GitHub, Repository: "acme/tags-only"}
		old      = upstream.Source{Kind: upstream.GitHub, Repository: "acme/old"}
		tags     = upstream.Source{Kind: upstream.Git, Repository: "https://git.example.com/x"}
		gone     = upstream.Source{Kind: upstream.Helm, Repository: "https://gone.example.com", Name: "two"}
		none     = upstream.Source{Kind: upstream.Git, Repository: "https://me:hunter2@git.example.com/none"}
		odd      = upstream.Source{Kind: "ftp", Repository: "x"}
	)
	w := &world{
		versions: map[string][]upstream.Version{
			"chart one of https://charts.example.com": named("1.0.0"), "image quay.io/a/b": named("v1", "latest"), "releases of acme/thing": named("v2"), "releases of acme/old": named("v3"),
			"tags of https://git.example.com/x": named("v4"),
		},
		errs: map[string]error{
			"chart two of https://gone.example.com": errors.New("GET https://user:hunter2@gone.example.com/index.yaml?sig=abc:\n\x1b[31m503 " + strings.Repeat("é", 400)),
			"releases of acme/old":                  fmt.Errorf("list: %w", moved{"acme/new"}),
		},
	}
	got, err := w.sources().List(t.Context(), []upstream.Source{chart, image, manifest, crds, empty, old, tags, gone, none, odd, chart, manifest})
	if err != nil {
		t.Fatal(err)
	}
	const start = `GET https://gone.example.com/index.yaml: \x1b[31m503 `
	want := map[upstream.Source]upstream.Listing{
		chart: {Versions: named("1.0.0")}, image: {Versions: named("v1", "latest")}, manifest: {Versions: named("v2")}, crds: {Versions: named("v2")},
		empty: {Problem: "acme/tags-only has no releases on GitHub: to follow its tags, name it as upstream.git"},
		old:   {Versions: named("v3"), Remark: "it has moved to acme/new"}, tags: {Versions: named("v4")},
		gone: {Problem: start + strings.Repeat("é", (400-len(start))/2) + "…"}, none: {Problem: "https://git.example.com/none has no tags"}, odd: {Problem: `sources of kind "ftp" are not asked here`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listings (-want +got):\n%s", diff)
	}
	if len(w.asked) != 8 {
		t.Errorf("asked %d times: %q", len(w.asked), w.asked)
	}
}

// TestOneRunAsksOnce: listing again, notes of the same repository and describing a release cost no further request; another run asks anew.
func TestOneRunAsksOnce(t *testing.T) {
	w := &world{versions: map[string][]upstream.Version{"releases of acme/thing": named("v1", "v2"), "image quay.io/a/b:v1": named("v1")}}
	s := w.sources()
	source := upstream.Source{Kind: upstream.GitHub, Repository: "acme/thing", Name: "install.yaml"}
	image := upstream.Source{Kind: upstream.Image, Repository: "quay.io/a/b"}
	for range 2 {
		if _, err := s.List(t.Context(), []upstream.Source{source}); err != nil {
			t.Error(err)
		}
		if h, err := s.History(t.Context(), "https://github.com/ACME/thing/tree/main/charts/thing"); err != nil || len(h) != 2 {
			t.Errorf("history %v, %v", h, err)
		}
		if v, err := s.Describe(t.Context(), source, "v2"); err != nil || v.Name != "v2" {
			t.Errorf("described %v, %v", v, err)
		}
		if v, err := s.Describe(t.Context(), image, "v1"); err != nil || v.Name != "v1" {
			t.Errorf("described %v, %v", v, err)
		}
	}
	if _, err := s.Describe(t.Context(), source, "v9"); err == nil || err.Error() != `acme/thing has no version "v9" any more` {
		t.Errorf("a version that was taken back: %v", err)
	}
	if got := strings.Join(w.asked, ", "); got != "releases of acme/thing, image quay.io/a/b:v1" {
		t.Errorf("asked %s", got)
	}
	if _, err := w.sources().List(t.Context(), []upstream.Source{source}); err != nil || len(w.asked) != 3 {
		t.Errorf("the next run: %v, asked %q", err, w.asked)
	}
}

// TestSeveralAtATime: as many as are allowed, and no more.
func TestSeveralAtATime(t *testing.T) {
	for parallel, want := range map[int]int{0: 8, 3: 3} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{gate: make(chan struct{})}
			var sources []upstream.Source
			for i := range 30 {
				sources = append(sources, upstream.Source{Kind: upstream.Git, Repository: fmt.Sprint("https://git.example.com/", i)})
			}
			s := w.sources()
			s.Parallel = parallel
			ended := make(chan error)
			go func() {
				_, err := s.List(t.Context(), sources)
				ended <- err
			}()
			synctest.Wait()
			close(w.gate)
			if err := <-ended; err != nil || w.most != want {
				t.Errorf("%d: %v; %d at a time", parallel, err, w.most)
			}
		})
	}
}

// TestGivingUp: a run that is stopped ends at once, and what it cut short is asked again by those who still want to know.
func TestGivingUp(t *testing.T) { synctest.Test(t, givingUp) }

func givingUp(t *testing.T) {
	w := &world{gate: make(chan struct{}), versions: map[string][]upstream.Version{"tags of x": named("v1")}}
	s := w.sources()
	source := upstream.Source{Kind: upstream.Git, Repository: "x"}
	ctx, stop := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() {
		_, err := s.List(ctx, []upstream.Source{source})
		first <- err
	}()
	synctest.Wait()
	go func() {
		v, err := s.Describe(t.Context(), source, "v1")
		if err == nil && v.Name != "v1" {
			err = fmt.Errorf("described %v", v)
		}
		second <- err
	}()
	synctest.Wait()
	stop()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the one that was stopped: %v", err)
	}
	close(w.gate)
	if err := <-second; err != nil {
		t.Errorf("the other: %v", err)
	}
}

func TestAddressesOnGitHub(t *testing.T) {
	for address, want := range map[string]string{
		"https://github.com/cert-manager/cert-manager":                      "cert-manager/cert-manager",
		"https://github.com/prometheus-community/helm-charts/tree/main/x#y": "prometheus-community/helm-charts",
		"https://www.github.com/a/b.git":                                    "a/b",
		"git+https://github.com/a/b.git?ref=v1":                             "a/b",
		"http://github.com/a/b/blob/main/README.md":                         "a/b",
		"git@github.com:a/b.git":                                            "a/b",
		"github.com:a/b":                                                    "a/b",
		"ssh://git@github.com/a/b":                                          "a/b",
		"git://github.com/a/b.js":                                           "a/b.js",
		" github.com/a/b/ ":                                                 "a/b",
		"https://GitHub.com/A/B":                                            "A/B",
		"http://127.0.0.1:8080/acme/thing/releases/tag/v1":                  "acme/thing",
		"http://127.0.0.1:9090/acme/thing":                                  "",
		"https://github.com/a":                                              "",
		"https://github.com/":                                               "",
		"https://github.com/orgs/acme":                                      "",
		"https://github.com/sponsors/mona":                                  "",
		"https://github.com/a/..":                                           "",
		"https://github.com/a/b%2Fc%3F":                                     "a/b",
		"https://github.com/a/b%20c":                                        "",
		"https://github.com.evil.example/a/b":                               "",
		"https://example.com/github.com/a/b":                                "",
		"https://a.github.io/b":                                             "",
		"https://gitlab.com/a/b":                                            "",
		"":                                                                  "",
		"::":                                                                "",
		"https://github.com:444/a/b":                                        "",
		"https://user:token@github.com/a/b":                                 "a/b",
		"https://raw.githubusercontent.com/a/b/main/README.md":              "",
		"https://github.com/a/" + strings.Repeat("x", 101):                  "",
		"https://github.com/kubernetes/ingress-nginx/releases/download/v1/x.y": "kubernetes/ingress-nginx",
	} {
		s := &Sources{Web: "http://127.0.0.1:8080"}
		if got, ok := s.repository(address); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", address, got, ok, want)
		}
	}
}

// TestDescribing one version: a remark is no failure, and a failure is a sentence, each time with one request.
func TestDescribing(t *testing.T) {
	w := &world{
		versions: map[string][]upstream.Version{"chart one 1.0.0 of https://old.example.com": named("1.0.0")},
		errs: map[string]error{
			"chart one 1.0.0 of https://old.example.com": moved{"https://new.example.com"},
			"image quay.io/a/b:v1":                       errors.New("HEAD https://me:hunter2@quay.io/v2:\n404"),
		},
	}
	s := w.sources()
	for range 2 {
		v, err := s.Describe(t.Context(), upstream.Source{Kind: upstream.Helm, Repository: "https://old.example.com", Name: "one"}, "1.0.0")
		if err != nil || v.Name != "1.0.0" {
			t.Errorf("with a remark: %v, %v", v, err)
		}
		if _, err := s.Describe(t.Context(), upstream.Source{Kind: upstream.Image, Repository: "quay.io/a/b"}, "v1"); err == nil || err.Error() != "HEAD https://quay.io/v2: 404" {
			t.Errorf("a failure: %v", err)
		}
	}
	if _, err := s.Describe(t.Context(), upstream.Source{Kind: upstream.GitHub, Repository: "acme/none"}, "v1"); err == nil || err.Error() != "acme/none has no releases on GitHub: to follow its tags, name it as upstream.git" {
		t.Errorf("no releases: %v", err)
	}
	if len(w.asked) != 3 {
		t.Errorf("asked %q", w.asked)
	}
}

func TestNoHistory(t *testing.T) {
	w := &world{
		versions: map[string][]upstream.Version{"releases of acme/old": named("v1")},
		errs:     map[string]error{"releases of acme/none": errors.New("not found"), "releases of acme/old": moved{"acme/new"}},
	}
	if h, err := w.sources().History(t.Context(), "https://gitlab.com/a/b"); h != nil || err != nil || w.asked != nil {
		t.Errorf("another site: %v, %v; asked %v", h, err, w.asked)
	}
	if _, err := w.sources().History(t.Context(), "https://github.com/acme/none"); err == nil || err.Error() != "not found" {
		t.Errorf("no such repository: %v", err)
	}
	if h, err := w.sources().History(t.Context(), "https://github.com/acme/old"); err != nil || len(h) != 1 {
		t.Errorf("a repository that moved: %v, %v", h, err)
	}
	if h, err := (&Sources{}).History(t.Context(), "https://github.com/acme/old"); err != nil || h != nil {
		t.Errorf("nobody to ask: %v, %v", h, err)
	}
}
