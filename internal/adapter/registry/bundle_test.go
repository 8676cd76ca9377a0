package registry

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/policy"
	"github.com/addon-manager/addon-manager/internal/testkit/upstreams"
)

// TestBundle fetches images with policies as people push them.
func TestBundle(t *testing.T) {
	r := upstreams.NewRegistry(t)
	folder := push(t)(r.PushBundle("team/policies", "v1", map[string]string{"a.yaml": "a: 1\n"}))
	files := push(t)(r.PushFiles("team/files", "v1", map[string]string{"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"}))
	list := push(t)(r.PushIndex("team/app", "v1", nil, "amd64", "arm64"))
	c := New(Options{})
	layers, err := c.Bundle(t.Context(), r.Image("team/policies")+"@"+folder)
	if err != nil || len(layers) != 1 || layers[0].Name != "policies" || !strings.HasPrefix(string(layers[0].Data), "\x1f\x8b") {
		t.Errorf("a folder: %v %v", layers, err)
	}
	layers, err = c.Bundle(t.Context(), r.Image("team/files")+"@"+files)
	want := []policy.File{{Name: "a.yaml", Data: []byte("a: 1\n")}, {Name: "b.yaml", Data: []byte("b: 1\n")}}
	if err != nil || !slices.EqualFunc(layers, want, func(a, b policy.File) bool { return a.Name == b.Name && string(a.Data) == string(b.Data) }) {
		t.Errorf("files: %q %v", layers, err)
	}
	nothing := "sha256:" + strings.Repeat("0", 64)
	for image, message := range map[string]string{
		r.Image("team/policies") + ":v1":          "this is no image pinned by digest: name it such as registry.example.com/policies@sha256:<64 hexadecimal digits>",
		r.Image("team/policies") + "@sha256:1234": "this is no image pinned by digest",
		r.Image("team/policies") + "@" + nothing:  "404",
		r.Image("team/app") + "@" + list:          "it is a list of manifests, one for each platform, and not files: name the digest of one",
	} {
		if _, err := c.Bundle(t.Context(), image); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v\nwant … %s", image, err, message)
		}
	}
	// A tag beside the digest is for people.
	if _, err := c.Bundle(t.Context(), r.Image("team/policies")+":v1@"+folder); err != nil {
		t.Error(err)
	}
	refuse := New(Options{Allow: func(repository string) error { return failf(ErrRefused, "nobody allows %s", repository) }})
	if _, err := refuse.Bundle(t.Context(), r.Image("team/policies")+"@"+folder); err == nil || !strings.Contains(err.Error(), "nobody allows oci://"+r.Image("team/policies")) {
		t.Errorf("what is not allowed: %v", err)
	}
}

// TestBundleOfSomethingElse is an image whose registry gives other files, or another manifest, than the digest is of (o4, fault 75): no policy is made of it.
func TestBundleOfSomethingElse(t *testing.T) {
	r := upstreams.NewRegistry(t)
	digest := push(t)(r.PushBundle("team/policies", "v1", map[string]string{"a.yaml": "a: 1\n"}))
	image, layer := r.Image("team/policies")+"@"+digest, ""
	if _, err := New(Options{}).Bundle(t.Context(), image); err != nil {
		t.Fatal(err)
	}
	for _, request := range r.Requests() {
		if _, blob, ok := strings.Cut(request.Path, "/blobs/"); ok {
			layer = blob
		}
	}
	for path, want := range map[string]string{
		"/blobs/" + layer:      "layer 1 is " + digestOf([]byte("other")) + " and must be " + layer + ": ask the registry's owner",
		"/manifests/" + digest: "its manifest is " + digestOf([]byte("other")) + ": ask the registry's owner",
	} {
		r.Fail(path, upstreams.Fault{Body: "other"})
		layers, err := New(Options{}).Bundle(t.Context(), image)
		r.Fail(path, upstreams.Healthy)
		if want = `image "` + r.Image("team/policies") + `" "` + digest + `": ` + want; err == nil || err.Error() != want || !errors.Is(err, ErrDigest) || layers != nil {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
