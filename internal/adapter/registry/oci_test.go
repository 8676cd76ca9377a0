package registry

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	helm "helm.sh/helm/v3/pkg/registry"

	"github.com/addon-manager/addon-manager/internal/core/egress"
)

// ociRegistry is a registry with one chart, to be spoilt.
type ociRegistry struct {
	// path leads to manifests and blobs, tag is the one tag.
	path, tag string
	blobs     map[string]string
	manifest  string
	// said is the digest that comes with the manifest.
	said string
	// token is what requests must have, user and password what the token costs; realm is where it is given.
	token, user, password, realm string
	// basic asks for the password with every request.
	basic bool
	// elsewhere is where blobs are redirected to.
	elsewhere string
	// instead answers for the rest.
	instead http.HandlerFunc
}

// holding is a registry as it should be.
func holding(path, tag string, data []byte) *ociRegistry {
	o := &ociRegistry{path: path, tag: tag, blobs: map[string]string{digestOf([]byte("{}")): "{}", digestOf(data): string(data)}}
	o.describe(typeManifest, typeChartConfig, map[string]any{"mediaType": typeChart, "digest": digestOf(data), "size": len(data)})
	return o
}

func (o *ociRegistry) describe(mediaType, config string, layers ...map[string]any) {
	raw, _ := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": mediaType, "layers": layers,
		"config": map[string]any{"mediaType": config, "digest": digestOf([]byte("{}")), "size": 2},
	})
	o.manifest, o.said = string(raw), digestOf(raw)
}

func (o *ociRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, known := strings.CutPrefix(r.URL.Path, "/v2/"+o.path+"/")
	switch {
	case r.URL.Path == "/token":
		if user, password, _ := r.BasicAuth(); user != o.user || password != o.password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"token":"%s"}`, r.URL.Query().Get("scope"))
	case o.instead != nil:
		o.instead(w, r)
	case o.basic && r.Header.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(o.user+":"+o.password)):
		w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
		w.WriteHeader(http.StatusUnauthorized)
	case o.token != "" && r.Header.Get("Authorization") != "Bearer "+o.token:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s",service="charts"`, o.realm))
		w.WriteHeader(http.StatusUnauthorized)
	case known && rest == "manifests/"+o.tag:
		w.Header().Set("Content-Type", typeManifest)
		if o.said != "" {
			w.Header().Set("Docker-Content-Digest", o.said)
		}
		fmt.Fprint(w, o.manifest)
	case known && strings.HasPrefix(rest, "blobs/") && o.elsewhere != "":
		http.Redirect(w, r, o.elsewhere, http.StatusTemporaryRedirect)
	case known && o.blobs[strings.TrimPrefix(rest, "blobs/")] != "":
		fmt.Fprint(w, o.blobs[strings.TrimPrefix(rest, "blobs/")])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// TestOCI fetches from a registry, as Helm's own client does.
func TestOCI(t *testing.T) {
	data := pack(t, "web", "1.2.3+build.4")
	for name, tc := range map[string]struct {
		spoil func(o *ociRegistry, s *server)
		// credentials are given to the client.
		user string
	}{
		"open to all":          {func(*ociRegistry, *server) {}, ""},
		"without digest ahead": {func(o *ociRegistry, _ *server) { o.said = "" }, ""},
		"an old chart": {func(o *ociRegistry, _ *server) {
			o.describe("", typeChartConfig, map[string]any{"mediaType": typeChartOld, "digest": digestOf(data), "size": len(data)})
		}, ""},
		"with provenance": {func(o *ociRegistry, _ *server) {
			o.describe(typeManifest, typeChartConfig,
				map[string]any{"mediaType": "application/vnd.cncf.helm.chart.provenance.v1.prov", "digest": digestOf([]byte("p")), "size": 1},
				map[string]any{"mediaType": typeChart, "digest": digestOf(data), "size": len(data)})
		}, ""},
		"a token for everybody": {func(o *ociRegistry, s *server) { o.token, o.realm = "repository:team/web:pull", s.URL+"/token" }, ""},
		"a token for a password": {func(o *ociRegistry, s *server) {
			o.token, o.realm, o.user, o.password = "repository:team/web:pull", s.URL+"/token", "me", "hunter2"
		}, "me"},
		"a password": {func(o *ociRegistry, _ *server) { o.basic, o.user, o.password = true, "me", "hunter2" }, "me"},
	} {
		t.Run(name, func(t *testing.T) {
			o := holding("team/web", "1.2.3_build.4", data)
			s := serve(t, "127.0.0.1", true, o)
			tc.spoil(o, s)
			c := newClient(trusting(Options{Credentials: func(host string) (string, string) {
				if host == s.host() && tc.user != "" {
					return tc.user, "hunter2"
				}
				return "", ""
			}}, s))
			got, digest, err := c.Chart(t.Context(), "oci://"+s.host()+"/team", "web", "1.2.3+build.4")
			if err != nil || string(got) != string(data) || digest != digestOf(data) {
				t.Fatalf("got %d bytes, digest %s, error %v", len(got), digest, err)
			}
			if name != "open to all" {
				return
			}
			theirs, err := helm.NewClient(helm.ClientOptHTTPClient(s.Client()), helm.ClientOptWriter(io.Discard))
			if err != nil {
				t.Fatal(err)
			}
			pulled, err := theirs.Pull(s.host() + "/team/web:1.2.3+build.4")
			if err != nil || string(pulled.Chart.Data) != string(got) {
				t.Errorf("Helm pulls something else: %v", err)
			}
		})
	}
}

// TestOCIFaults are registries that are not as they should be, and what is said of them.
func TestOCIFaults(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	const zeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	layer := func(digest string, size int) map[string]any {
		return map[string]any{"mediaType": typeChart, "digest": digest, "size": size}
	}
	for name, tc := range map[string]struct {
		spoil func(o *ociRegistry, s *server)
		kind  error
		want  string
	}{
		"another layer (o4)": {
			func(o *ociRegistry, _ *server) { o.blobs[digestOf(data)] = "other" }, ErrDigest,
			"its archive is " + digestOf([]byte("other")) + ", and the repository says " + digestOf(data) + ": ask its owner, or vendor the chart",
		},
		"another manifest (fault 75)": {
			func(o *ociRegistry, _ *server) { o.said = zeros }, ErrDigest, "its manifest is MANIFEST, and the registry says \"" + zeros + "\": ask its owner, or vendor the chart",
		},
		"no layer of that digest": {
			func(o *ociRegistry, _ *server) {
				o.describe(typeManifest, typeChartConfig, layer(zeros, 5))
			}, ErrNotFound, "https://SERVER1 has no archive (404): check the repository, the name and the version",
		},
		"a digest that is none": {
			func(o *ociRegistry, _ *server) { o.describe(typeManifest, typeChartConfig, layer("../../x", 5)) }, ErrDigest,
			`its digest is "../../x", and not SHA-256 in 64 hexadecimal digits: vendor the chart`,
		},
		"a large layer": {
			func(o *ociRegistry, _ *server) {
				o.describe(typeManifest, typeChartConfig, layer(digestOf(data), 50_001))
			}, ErrTooLarge,
			"archive has 50001 bytes, at most 50000 are read",
		},
		"a layer larger than it says": {
			func(o *ociRegistry, _ *server) { o.blobs[digestOf(data)] = strings.Repeat("x", 60_000) }, ErrTooLarge,
			fmt.Sprintf("archive has more than %d bytes, which is what is read at most", len(data)),
		},
		"a list of platforms": {
			func(o *ociRegistry, _ *server) {
				o.manifest, o.said = `{"mediaType":"`+typeIndex+`","manifests":[{"digest":"x"}]}`, ""
			}, ErrInvalid,
			"the tag is a list of manifests, one for each platform, and not a chart: check the repository and the name",
		},
		"an image": {
			func(o *ociRegistry, _ *server) {
				o.describe(typeManifest, "application/vnd.oci.image.config.v1+json", layer(digestOf(data), len(data)))
			}, ErrInvalid,
			`the tag is no Helm chart but "application/vnd.oci.image.config.v1+json": check the repository and the name`,
		},
		"no layers":               {func(o *ociRegistry, _ *server) { o.describe(typeManifest, typeChartConfig) }, ErrInvalid, "its manifest names 0 archives of a chart, and must name one"},
		"no manifest":             {func(o *ociRegistry, _ *server) { o.manifest, o.said = "<html>", "" }, ErrInvalid, "its manifest does not decode: this is no OCI registry, or a broken one"},
		"no such tag":             {func(o *ociRegistry, _ *server) { o.tag = "1.2.4" }, ErrNotFound, "https://SERVER1 has no manifest (404): check the repository, the name and the version"},
		"a token loop (fault 73)": {func(o *ociRegistry, s *server) { o.token, o.realm = "never", s.URL+"/token" }, ErrAuth, "https://SERVER1 answers 401 for manifest: check the credentials for it, and that they may read it"},
		"a token denied":          {func(o *ociRegistry, s *server) { o.token, o.realm, o.user = "x", s.URL+"/token", "me" }, ErrAuth, "https://SERVER1 answers 401 for token: check the credentials for it, and that they may read it"},
		"a password":              {func(o *ociRegistry, _ *server) { o.basic, o.user = true, "me" }, ErrAuth, "https://SERVER1 asks for a user and a password: give credentials for it"},
		"a token from a metadata service": {
			func(o *ociRegistry, _ *server) { o.token, o.realm = "x", "https://169.254.169.254/token" }, ErrRefused,
			"169.254.169.254:443 is at the link-local address 169.254.169.254, where metadata services live",
		},
		"a token over plain HTTP": {
			func(o *ociRegistry, s *server) { o.token, o.realm = "x", "http://"+s.host()+"/token" }, ErrRefused,
			"the server leads to http://SERVER1: other hosts are only asked over https",
		},
		"a token from a file": {
			func(o *ociRegistry, _ *server) { o.token, o.realm = "x", "file:///etc/passwd" }, ErrRefused,
			"the server leads to file://: other hosts are only asked over https",
		},
		"layers in our network": {
			func(o *ociRegistry, _ *server) { o.elsewhere = "https://10.1.2.3/blob?signature=secret" }, ErrRefused,
			"the server leads to 10.1.2.3:443 at 10.1.2.3, an address inside our own network",
		},
		"never an answer": {
			func(o *ociRegistry, _ *server) {
				o.instead = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
			},
			ErrUnreachable, "it did not come within 500ms; check the server and the network",
		},
		"an endless manifest": {
			func(o *ociRegistry, _ *server) {
				o.instead = func(w http.ResponseWriter, _ *http.Request) {
					for {
						if _, err := fmt.Fprint(w, strings.Repeat("{", 4096)); err != nil {
							return
						}
					}
				}
			},
			ErrTooLarge, "manifest has more than 1048576 bytes, which is what is read at most",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := holding("team/web", "1.2.3", data)
			s := serve(t, "127.0.0.1", true, o)
			tc.spoil(o, s)
			c := newClient(trusting(Options{MaxArchive: 50_000, Timeout: 500 * time.Millisecond}, s))
			_, _, err := c.Chart(t.Context(), "oci://"+s.host()+"/team", "web", "1.2.3")
			want := `chart "web" "1.2.3" of oci://SERVER1/team: ` + strings.ReplaceAll(tc.want, "MANIFEST", digestOf([]byte(o.manifest)))
			if said(err, s) != want || !errors.Is(err, tc.kind) {
				t.Errorf("got  %s (%v)\nwant %s (%v)", said(err, s), errors.Unwrap(err), want, tc.kind)
			}
			if n := s.count("/v2/team/web/manifests/1.2.3"); n > 2 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// TestIndexNamesOCI is a Helm repository whose archives are in a registry, as Bitnami's are.
func TestIndexNamesOCI(t *testing.T) {
	data := pack(t, "web", "1.2.3")
	held := holding("team/web", "1.2.3", data)
	o := serve(t, "127.0.0.2", true, held)
	// It gives tokens to everybody, but not to those who come with the password of another.
	held.token, held.realm = "repository:team/web:pull", "https://example.com:"+port(o)+"/token"
	s := serve(t, "127.0.0.1", true, files(map[string]string{
		"/index.yaml": indexOf("web", version("1.2.3", digestOf(data), "oci://example.com:"+port(o)+"/team/web:1.2.3"), version("2.0.0", digestOf(data), "oci://localhost:"+port(o)+"/team/web:1.2.3")),
	}))
	var allowed []string
	c := newClient(trusting(Options{Allow: func(repository string) error { allowed = append(allowed, repository); return nil }, Credentials: func(string) (string, string) { return "me", "hunter2" }}, s, o))
	c.inside = func(addr netip.Addr) bool { return addr != outside && egress.Inside(addr) }
	c.resolver = names(t, func(name string) netip.Addr {
		if name == "example.com" {
			return outside
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	got, _, err := c.Chart(t.Context(), s.URL, "web", "1.2.3")
	if err != nil || string(got) != string(data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if want := fmt.Sprintf("[%s]", s.URL); fmt.Sprint(allowed) != want {
		t.Errorf("asked whether %v are allowed, want %s", allowed, want)
	}
	_, _, err = c.Chart(t.Context(), s.URL, "web", "2.0.0")
	if want := fmt.Sprintf(`chart "web" "2.0.0" of https://SERVER1: the server leads to localhost:%s at 127.0.0.1, an address inside our own network`, port(o)); said(err, s) != want {
		t.Errorf("got  %s\nwant %s", said(err, s), want)
	}
}

// TestPlainHTTPOnThisMachine pulls from a registry without TLS: on this machine it may, and nobody's password goes there.
func TestPlainHTTPOnThisMachine(t *testing.T) {
	data := pack(t, "app", "1.0.0")
	o := holding("charts/app", "1.0.0", data)
	o.user, o.password = "ada", "pa55word"
	s := httptest.NewServer(o)
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	options := Options{Credentials: func(string) (string, string) { return o.user, o.password }}
	for _, name := range []string{host, strings.Replace(host, "127.0.0.1", "localhost", 1)} {
		got, _, err := New(options).Chart(t.Context(), "oci://"+name+"/charts", "app", "1.0.0")
		if err != nil || string(got) != string(data) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	o.basic = true
	if _, _, err := New(options).Chart(t.Context(), "oci://"+host+"/charts", "app", "1.0.0"); err == nil {
		t.Error("a password went over plain http")
	}
}
