package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"helm.sh/helm/v3/pkg/releaseutil"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// reference decodes as Argo CD does: the YAML becomes JSON, which is read as YAML again.
func reference(text []byte) (any, error) {
	for range 2 {
		var err error
		if text, err = yaml.YAMLToJSON(text); err != nil {
			return nil, err
		}
	}
	var whole map[string]any
	err := utiljson.Unmarshal(slices.Concat([]byte(`{"whole":`), text, []byte("}")), &whole)
	return whole["whole"], err
}

// corpus is text of every kind: the addons of the catalog, and what the parity test renders.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	root := "../../../.."
	for _, pattern := range []string{"/addons/*/*.yaml", "/addons/*/crds/*.yaml", "/addons/*/templates/*.yaml", "/deploy/*/*.yaml"} {
		names, err := filepath.Glob(root + pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: nothing found, %v", pattern, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = data
		}
	}
	names, err := filepath.Glob(root + "/test/parity/testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			all[name+"/"+f.Name] = f.Data
		}
	}
	return all
}

func TestDecodeMakesWhatKubernetesLibrariesMake(t *testing.T) {
	for name, data := range corpus(t) {
		documents, _ := split(data)
		for _, d := range documents {
			want, wantErr := reference(d)
			got, err := decode(d)
			if wantErr != nil != (err != nil) {
				t.Errorf("%s: error %v; the libraries say %v\n%s", name, err, wantErr, d)
			}
			if diff := cmp.Diff(want, got); err == nil && wantErr == nil && diff != "" {
				t.Errorf("%s: -libraries +decode:\n%s", name, diff)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range corpus(f) {
		documents, _ := split(data)
		for _, d := range documents {
			f.Add(d)
		}
	}
	for _, s := range []string{
		"a: |\n  x\n\n   y\n\nb: c", "a: |-\n    x\n  y\n", "a:\n- b\n- c: d\n  e: f\n-\n  g: h", "a: b\n  c\n\n  d\ne: f", "a: 'x''y'", "a: \"x\" # y",
		"- a: b", "a:\n  - b\n - c", "a: b\n c: d", "a: -\nb: - c", "a:\n\n  b: 1\n  # c\n\nd: 2", "a: 1_000\nb: 0x1f\nc: 1e3\nd: 12:30:45\ne: 2001-01-01",
		"a: {}\n b: c", "a:\n- - b", "a:   b   \n---\nc: d", "a: b #c\nd: e#f", "\"a\": b\n'c': d", "a: true\nb: null\nc: ~", "a: x\n\tb: c", "a:\n  b\n  c",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := decode(text)
		want, wantErr := reference(text)
		if err != nil || wantErr != nil {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: -libraries +decode:\n%s", text, diff)
		}
	})
}

func FuzzSplitTemplate(f *testing.F) {
	for _, s := range []string{"", "a", "---\na\n---\nb", "a\n \n--- # x\nb\n---\n---\nc", "----\na", "a\r\n---\r\nb", "---   ---\nfoo", "a---\nb\n ---\nc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want []string
		manifests := releaseutil.SplitManifests(text)
		for i := range len(manifests) {
			want = append(want, manifests["manifest-"+strconv.Itoa(i)]+"\n")
		}
		if diff := cmp.Diff(want, splitTemplate(text)); diff != "" {
			t.Fatalf("%q: -Helm +we:\n%s", text, diff)
		}
	})
}
