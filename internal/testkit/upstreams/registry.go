package upstreams

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Registry is an OCI registry.
type Registry struct {
	server
	content http.Handler
}

// NewRegistry serves a registry until the test ends.
func NewRegistry(t T, options ...Options) *Registry {
	t.Helper()
	r, err := StartRegistry(options...)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(r.Close)
	return r
}

// StartRegistry serves a registry until it is closed.
func StartRegistry(options ...Options) (*Registry, error) {
	r := &Registry{content: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	return r, r.start(first(options), r.guard(r.conditional(r.paged(r.content))))
}

// URL is that of the charts below a path, such as oci://127.0.0.1:5000/charts.
func (r *Registry) URL(path string) string { return "oci://" + r.Image(path) }

// Image is the name of an image, such as 127.0.0.1:5000/team/app.
func (r *Registry) Image(name string) string { return strings.TrimSuffix(r.Host()+"/"+name, "/") }

// token is what its tokens are.
const token = "let-me-in"

// guard asks for the user and password, or for a token that they buy.
func (r *Registry) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch o := r.options; {
		case o.Bearer && req.URL.Path == "/token":
			if o.User != "" && !o.knows(req) {
				http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 300})
		case o.Bearer && req.Header.Get("Authorization") != "Bearer "+token:
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="registry",scope="repository:%s:pull"`, r.http.URL, repositoryOf(req.URL.Path)))
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		case !o.Bearer && o.User != "" && !o.knows(req):
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, req)
		}
	})
}

func repositoryOf(path string) string {
	path = strings.TrimPrefix(path, "/v2/")
	for _, mark := range []string{"/manifests/", "/blobs/", "/tags/"} {
		if before, _, ok := strings.Cut(path, mark); ok {
			return before
		}
	}
	return path
}

// paged lists tags in pages with links to the next, which the library does not.
func (r *Registry) paged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.HasSuffix(req.URL.Path, "/tags/list") {
			next.ServeHTTP(w, req)
			return
		}
		page := r.options.Page
		if page == 0 {
			page = 100
		}
		query := req.URL.Query()
		if n, err := strconv.Atoi(query.Get("n")); err == nil && n > 0 && n < page {
			page = n
		}
		last := query.Get("last")
		req = req.Clone(req.Context())
		req.URL.RawQuery = ""
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, req)
		var list struct {
			Name string   `json:"name"`
			Tags []string `json:"tags"`
		}
		if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &list) != nil {
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		}
		for last != "" && len(list.Tags) > 0 && list.Tags[0] <= last {
			list.Tags = list.Tags[1:]
		}
		if len(list.Tags) > page {
			list.Tags = list.Tags[:page]
			values := url.Values{"n": {strconv.Itoa(page)}, "last": {list.Tags[page-1]}}
			w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, req.URL.Path, values.Encode()))
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(list)
	})
}

// put stores something past everything that guards and counts.
func (r *Registry) put(method, path, mediaType string, data []byte) error {
	req := httptest.NewRequest(method, path, bytes.NewReader(data))
	req.Header.Set("Content-Type", mediaType)
	answer := httptest.NewRecorder()
	r.content.ServeHTTP(answer, req)
	if answer.Code != http.StatusCreated && answer.Code != http.StatusAccepted {
		return fmt.Errorf("push %s: the registry answers %d: %s", path, answer.Code, answer.Body)
	}
	return nil
}
