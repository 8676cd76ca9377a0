package registry

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/egress"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

// TestImages describes tags of every kind of image: the digest to pin, and where its source code is.
func TestImages(t *testing.T) {
	const source = "https://github.com/team/app"
	labels := map[string]string{"org.opencontainers.image.source": source, "org.opencontainers.image.url": "https://app.example.com", "maintainer": "me"}
	found := []string{source, "https://app.example.com"}
	put := func(t *testing.T, r *upstreams.Registry, m upstreams.Manifest) string {
		t.Helper()
		d, err := r.PushManifest("team/app", "v1", m)
		if err != nil {
			t.Fatal(err)
		}
		return d.Digest
	}
	for name, tc := range map[string]struct {
		push  func(t *testing.T, r *upstreams.Registry) (digest string)
		links []string
	}{
		"one platform": {
			func(t *testing.T, r *upstreams.Registry) string {
				return push(t)(r.PushImage("team/app", "v1", labels))
			}, found,
		},
		"several platforms": {
			func(t *testing.T, r *upstreams.Registry) string {
				return push(t)(r.PushIndex("team/app", "v1", labels, "amd64", "arm64"))
			}, found,
		},
		"o3 a list of one platform": {
			func(t *testing.T, r *upstreams.Registry) string {
				return push(t)(r.PushIndex("team/app", "v1", labels, "arm64"))
			}, found,
		},
		"no labels": {
			func(t *testing.T, r *upstreams.Registry) string {
				return push(t)(r.PushImage("team/app", "v1", nil))
			}, nil,
		},
		"o2 an index with unknown media types": {
			func(t *testing.T, r *upstreams.Registry) string {
				return put(t, r, upstreams.Manifest{MediaType: "application/vnd.example.index.v9+json", Manifests: []upstreams.Descriptor{
					{MediaType: "application/vnd.example.thing.v1", Digest: digestOf(nil)},
				}})
			}, nil,
		},
		"an index that names its source": {
			func(t *testing.T, r *upstreams.Registry) string {
				return put(t, r, upstreams.Manifest{MediaType: typeIndex, Annotations: map[string]string{"org.opencontainers.image.source": source}})
			}, []string{source},
		},
		"a configuration that is gone": {
			func(t *testing.T, r *upstreams.Registry) string {
				return put(t, r, upstreams.Manifest{MediaType: typeManifest, Config: &upstreams.Descriptor{MediaType: "x", Digest: digestOf([]byte("gone"))}})
			}, nil,
		},
		"a configuration of another digest": {
			func(t *testing.T, r *upstreams.Registry) string {
				return put(t, r, upstreams.Manifest{MediaType: typeManifest, Config: &upstreams.Descriptor{MediaType: "x", Digest: "../../../x"}})
			}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := upstreams.NewRegistry(t)
			want := upstream.Version{Name: "v1", Digest: tc.push(t, r), Links: tc.links, Described: true}
			dir := t.TempDir()
			for _, o := range []Options{{}, {Dir: dir}, {Dir: dir}} {
				got, err := newClient(o).Image(t.Context(), r.Image("team/app"), "v1")
				if d := cmp.Diff(want, got); d != "" || err != nil {
					t.Errorf("%v\n%s", err, d)
				}
			}
		})
	}
}

// TestImageFaults are tags that cannot be pinned.
func TestImageFaults(t *testing.T) {
	r := upstreams.NewRegistry(t)
	if _, err := r.PushRaw("team/app", "old", "application/vnd.docker.distribution.manifest.v1+prettyjws", []byte(`{"schemaVersion":1,"name":"x"}`)); err != nil {
		t.Fatal(err)
	}
	push(t)(r.PushImage("team/app", "v1", nil))
	for _, tc := range []struct {
		image, tag string
		kind       error
		want       string
	}{
		{"team/app", "old", ErrInvalid, "the tag is in the registries' first format (schema 1), which cannot be pinned by digest: take another version"},
		{"team/app", "v2", ErrNotFound, "http://SERVER has no manifest (404): check the repository, the name and the version"},
		{"team/none", "v1", ErrNotFound, "http://SERVER has no manifest (404): check the repository, the name and the version"},
	} {
		for _, o := range []Options{{}, {Dir: t.TempDir()}} {
			_, err := newClient(o).Image(t.Context(), r.Image(tc.image), tc.tag)
			want := `image "SERVER/` + tc.image + `" "` + tc.tag + `": ` + tc.want
			if err == nil || strings.ReplaceAll(err.Error(), r.Host(), "SERVER") != want || !errors.Is(err, tc.kind) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		}
	}
	for image, want := range map[string]string{
		"team/app:v1":                       `image "team/app:v1": this is no image's name: name it such as registry.example.com/team/app, without tag and digest`,
		"team/app@" + digestOf(nil):         `image "team/app@` + digestOf(nil) + `": this is no image's name: name it such as registry.example.com/team/app, without tag and digest`,
		"../app":                            `image "../app": this is no image's name: name it such as registry.example.com/team/app, without tag and digest`,
		"":                                  `image "": this is no image's name: name it such as registry.example.com/team/app, without tag and digest`,
		"elsewhere.example.com/app":         `image "elsewhere.example.com/app": nobody allowed oci://elsewhere.example.com/app`,
		"nginx":                             `image "nginx": nobody allowed oci://docker.io/library/nginx`,
		"169.254.169.254:80/latest/secrets": `image "169.254.169.254:80/latest/secrets": nobody allowed oci://169.254.169.254:80/latest/secrets`,
	} {
		c := newClient(Options{Allow: func(repository string) error { return errors.New("nobody allowed " + repository) }})
		c.resolver = nobody(t)
		if _, err := c.Tags(t.Context(), image); said(err) != want || !errors.Is(err, ErrRefused) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	_, err := newClient(Options{}).Tags(t.Context(), "169.254.169.254/app")
	if want := `image "169.254.169.254/app": 169.254.169.254:443 is at the link-local address 169.254.169.254, where metadata services live`; said(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestImageDigest is a registry that says one digest and gives another manifest (fault 75): neither is pinned.
func TestImageDigest(t *testing.T) {
	const manifest = `{"schemaVersion":2,"mediaType":"` + typeManifest + `","annotations":{"org.opencontainers.image.source":"https://example.com"}}`
	lie := "sha256:" + strings.Repeat("0", 64)
	s := serve(t, "127.0.0.1", false, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Docker-Content-Digest", lie)
		_, _ = w.Write([]byte(manifest))
	}))
	for _, o := range []Options{{}, {Dir: t.TempDir()}} {
		_, err := newClient(o).Image(t.Context(), s.host()+"/app", "v1")
		want := `image "SERVER1/app" "v1": its manifest is ` + digestOf([]byte(manifest)) + `, and the registry says "` + lie + `": ask its owner`
		if said(err, s) != want || !errors.Is(err, ErrDigest) {
			t.Errorf("got  %s\nwant %s", said(err, s), want)
		}
	}
}

// TestDigestFromManifest: a registry need not name digests itself, nor answer HEAD.
func TestDigestFromManifest(t *testing.T) {
	const manifest = `{"schemaVersion":2,"annotations":{"org.opencontainers.image.source":"https://example.com"}}`
	s := serve(t, "127.0.0.1", false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		_, _ = w.Write([]byte(manifest))
	}))
	want := upstream.Version{Name: "v1", Digest: digestOf([]byte(manifest)), Links: []string{"https://example.com"}, Described: true}
	got, err := newClient(Options{Dir: t.TempDir()}).Image(t.Context(), s.host()+"/app", "v1")
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

// TestTags are all of an image's (o6), in however many pages, but for those that signatures are kept under (o5).
func TestTags(t *testing.T) {
	r := upstreams.NewRegistry(t, upstreams.Options{Page: 2})
	for _, tag := range []string{"1", "1.2", "1.2.3", "latest", "v1.0.0-alpine", "sha256-" + strings.Repeat("a", 64) + ".sig"} {
		push(t)(r.PushImage("app", tag, nil))
	}
	got, err := newClient(Options{}).Tags(t.Context(), r.Image("app"))
	want := []upstream.Version{{Name: "1"}, {Name: "1.2"}, {Name: "1.2.3"}, {Name: "latest"}, {Name: "v1.0.0-alpine"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	if asked, _ := r.Count("/tags/list"); asked != 3 {
		t.Errorf("%d pages were asked for, want 3", asked)
	}
}

// TestTagPages are lists of tags whose next page is not where it should be.
func TestTagPages(t *testing.T) {
	for name, tc := range map[string]struct {
		link, want string
	}{
		"on another server":  {`<https://elsewhere.example.com/v2/app/tags/list?last=x>; rel="next"`, `its list of tags goes on at https://elsewhere.example.com, another server, which is not followed`},
		"in a cloud":         {`<http://169.254.169.254/latest>; rel=next`, `its list of tags goes on at http://169.254.169.254, another server, which is not followed`},
		"nowhere":            {`<http://[>; rel="next"`, `its list of tags goes on at a URL that cannot be read: the registry is broken`},
		"in a circle":        {`</v2/app/tags/list>; rel="next"`, `its list of tags goes in a circle: the registry is broken, name versions by hand`},
		"without end":        {`</v2/app/tags/list?more>; rel="next"`, `it has more than 200 pages of tags, which is what is read at most`},
		"something else":     {`</x>; rel="prev"`, ""},
		"no address at all":  {`nonsense`, ""},
		"written by a human": {`  </v2/app/tags/list?end> ;rel = "next"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			count := 0
			s := serve(t, "127.0.0.1", false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				count++
				if r.URL.RawQuery != "end" {
					w.Header().Set("Link", tc.link)
				}
				tag := "same"
				if r.URL.RawQuery == "more" || r.URL.RawQuery == "end" {
					tag = strings.Repeat("x", count)
				}
				_, _ = w.Write([]byte(`{"tags":["` + tag + `"]}`))
			}))
			_, err := newClient(Options{}).Tags(t.Context(), s.host()+"/app")
			want := tc.want
			if want != "" {
				want = `image "SERVER1/app": ` + want
			}
			if said(err, s) != want {
				t.Errorf("got  %s\nwant %s", said(err, s), want)
			}
		})
	}
}

// TestSentElsewhere is a registry that sends all to another one, as registry.k8s.io does: also the pages of tags go on there, and the password stays behind.
func TestSentElsewhere(t *testing.T) {
	r := upstreams.NewRegistry(t, upstreams.Options{Page: 2})
	for _, tag := range []string{"v1", "v2", "v3"} {
		push(t)(r.PushImage("k8s/app", tag, map[string]string{"org.opencontainers.image.source": "https://example.com/" + tag}))
	}
	content := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "" {
			t.Error("the password went along")
		}
		r.Answer(w, req)
	})
	other := serve(t, "127.0.0.2", true, content)
	first := serve(t, "127.0.0.1", true, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		to := "https://example.com:" + port(other) + strings.Replace(req.URL.RequestURI(), "/v2/", "/v2/k8s/", 1)
		http.Redirect(w, req, to, http.StatusTemporaryRedirect)
	}))
	c := newClient(trusting(Options{Dir: t.TempDir(), Credentials: func(string) (string, string) { return "me", "hunter2" }}, first, other))
	c.inside = func(addr netip.Addr) bool { return addr != outside && egress.Inside(addr) }
	c.resolver = names(t, func(string) netip.Addr { return outside })
	tags, err := c.Tags(t.Context(), first.host()+"/app")
	if err != nil || len(tags) != 3 {
		t.Errorf("tags %v, %v", tags, err)
	}
	one, err := c.Image(t.Context(), first.host()+"/app", "v2")
	if err != nil || !slices.Equal(one.Links, []string{"https://example.com/v2"}) {
		t.Errorf("%+v, %v", one, err)
	}
}

// TestChartSaysSomethingElse is a registry that gives another description of a chart than the manifest names (fault 75): neither counts.
func TestChartSaysSomethingElse(t *testing.T) {
	r := upstreams.NewRegistry(t)
	web := upstreams.Chart{Name: "web", Version: "1.0.0", KubeVersion: ">=1.30.0-0"}
	push(t)(r.PushChart("charts", web))
	const other = `{"version":"1.0.0"}`
	config := ""
	if _, err := newClient(Options{}).Version(t.Context(), r.URL("charts"), "web", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	for _, request := range r.Requests() {
		if _, digest, ok := strings.Cut(request.Path, "/blobs/"); ok {
			config = digest
		}
	}
	r.Fail("/blobs/"+config, upstreams.Fault{Body: other})
	_, err := newClient(Options{}).Version(t.Context(), r.URL("charts"), "web", "1.0.0")
	want := `chart "web" "1.0.0" of oci://SERVER/charts: its configuration is ` + digestOf([]byte(other)) + ", and the registry says " + config + ": ask its owner"
	if err == nil || strings.ReplaceAll(err.Error(), r.Host(), "SERVER") != want || !errors.Is(err, ErrDigest) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
