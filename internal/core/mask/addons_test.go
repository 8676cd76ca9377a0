package mask_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/mask"
)

// TestAddonsAreUnharmed masks what this repository ships, read as plain YAML: it holds no secret, so nothing may change.
func TestAddonsAreUnharmed(t *testing.T) {
	m := mask.New([]byte("a salt for tests"))
	objects, texts := 0, 0
	root := filepath.Join("..", "..", "..", "addons")
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) == ".md" {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if ext := filepath.Ext(name); ext == ".yaml" && !strings.Contains(string(text), "{{") {
			for doc := range strings.SplitSeq(string(text), "\n---") {
				var content map[string]any
				if yaml.Unmarshal([]byte(doc), &content) != nil || content == nil {
					continue
				}
				o := object(content)
				objects++
				got := m.Objects([]manifest.Object{o})[0]
				if !reflect.DeepEqual(got.Content, o.Content) {
					t.Errorf("%s: %s was masked: %s", name, o.ID, difference(o.Content, got.Content))
				}
			}
		}
		if strings.Contains(string(text), "kind: CustomResourceDefinition") {
			return nil
		}
		texts++
		if got := m.Text(string(text)); got != string(text) {
			t.Errorf("%s: the text was masked:\n%s", name, difference(string(text), got))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if objects < 100 || texts < 50 {
		t.Errorf("only %d objects and %d texts were looked at", objects, texts)
	}
}
