package registry

import (
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
