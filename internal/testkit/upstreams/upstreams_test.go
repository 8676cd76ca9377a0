package upstreams

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/repo"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

var web = Chart{Name: "web", Version: "1.2.3+b", AppVersion: "v9", KubeVersion: ">=1.30.0-0", Sources: []string{"https://example.com/web"}}

func get(t *testing.T, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(header) > 0 {
		req.Header.Set(header[0], header[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return resp, data
}

// TestHelm reads a repository as Helm does.
func TestHelm(t *testing.T) {
	h := NewHelm(t)
	if err := h.Add(Chart{Name: "web", Version: "1.0.0"}, web); err != nil {
		t.Fatal(err)
	}
	resp, index := get(t, h.URL()+"/index.yaml")
	path := filepath.Join(t.TempDir(), "index.yaml")
	if err := os.WriteFile(path, index, 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := repo.LoadIndexFile(path)
	if err != nil {
		t.Fatal(err)
	}
	one, err := read.Get("web", "1.2.3+b")
	if err != nil {
		t.Fatal(err)
	}
	_, archive := get(t, h.URL()+"/"+one.URLs[0])
	if "sha256:"+one.Digest != digestOf(archive) {
		t.Errorf("the index says %s, the archive is %s", one.Digest, digestOf(archive))
	}
	c, err := loader.LoadArchive(bytes.NewReader(archive))
	if err != nil || c.Metadata.KubeVersion != ">=1.30.0-0" || len(c.Templates) != 1 {
		t.Errorf("the archive holds %+v, %v", c, err)
	}
	if again, _ := get(t, h.URL()+"/index.yaml", "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("asked whether it changed, it answers %d", again.StatusCode)
	}
	if asked, unchanged := h.Count("/index.yaml"); asked != 2 || unchanged != 1 {
		t.Errorf("counted %d requests and %d unchanged", asked, unchanged)
	}
	h.Remove("web", "1.2.3+b")
	if _, index := get(t, h.URL()+"/index.yaml"); bytes.Contains(index, []byte("1.2.3+b")) || !bytes.Contains(index, []byte("1.0.0")) {
		t.Errorf("after it was removed:\n%s", index)
	}
	h.Fail("index.yaml", Limited("30"))
	if resp, _ := get(t, h.URL()+"/index.yaml"); resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "30" {
		t.Errorf("limited, it answers %d", resp.StatusCode)
	}
}

// TestRegistry reads a registry with the library that everybody uses.
func TestRegistry(t *testing.T) {
	for name, o := range map[string]Options{
		"open": {Page: 2}, "with a password": {Page: 2, User: "me", Password: "secret"}, "with tokens": {Page: 2, User: "me", Password: "secret", Bearer: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry(t, o)
			for _, version := range []string{"1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0+b"} {
				if _, err := r.PushChart("charts", Chart{Name: "web", Version: version}); err != nil {
					t.Fatal(err)
				}
			}
			from, err := remote.NewRepository(r.Image("charts/web"))
			if err != nil {
				t.Fatal(err)
			}
			from.PlainHTTP = true
			from.Client = &auth.Client{Credential: auth.StaticCredential(r.Host(), auth.Credential{Username: "me", Password: "secret"})}
			var tags []string
			if err := from.Tags(t.Context(), "", func(page []string) error { tags = append(tags, page...); return nil }); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(tags, " "); got != "1.0.0 1.1.0 1.2.0 1.3.0 1.4.0_b" {
				t.Errorf("tags are %s", got)
			}
			if asked, _ := r.Count("/tags/list"); asked < 3 {
				t.Errorf("%d pages were asked for, want 3", asked)
			}
			index, err := r.PushIndex("charts/web", "latest", map[string]string{"a": "b"}, "amd64", "arm64")
			if err != nil {
				t.Fatal(err)
			}
			if d, err := from.Resolve(t.Context(), "latest"); err != nil || d.Digest.String() != index || d.MediaType != typeIndex {
				t.Errorf("the index is %v, %v", d, err)
			}
		})
	}
}

// TestBundle unpacks policies as gator does.
func TestBundle(t *testing.T) {
	r := NewRegistry(t)
	if _, err := r.PushBundle("policies", "v1", map[string]string{"a/template.yaml": "kind: A\n", "b.yaml": "kind: B\n"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.PushFiles("policies", "v2", map[string]string{"c.yaml": "kind: C\n"}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	to, err := file.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	from, err := remote.NewRepository(r.Image("policies"))
	if err != nil {
		t.Fatal(err)
	}
	from.PlainHTTP = true
	for _, tag := range []string{"v1", "v2"} {
		if _, err := oras.Copy(t.Context(), from, tag, to, "", oras.DefaultCopyOptions); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"policies/a/template.yaml": "kind: A\n", "policies/b.yaml": "kind: B\n", "c.yaml": "kind: C\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
}
