package diff

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// parse reads YAML documents as objects, sorted.
func parse(t testing.TB, text string) []manifest.Object {
	t.Helper()
	objects, err := decode(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return objects
}

func decode(text string) (objects []manifest.Object, _ error) {
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var doc any
		switch err := d.Decode(&doc); {
		case errors.Is(err, io.EOF):
			manifest.Sort(objects)
			return objects, nil
		case err != nil:
			return nil, err
		}
		if content, ok := widen(doc).(map[string]any); ok {
			objects = append(objects, object(content))
		}
	}
}

func object(content map[string]any) manifest.Object {
	group, version, ok := strings.Cut(manifest.Text(content, "apiVersion"), "/")
	if !ok {
		group, version = "", group
	}
	return manifest.Object{Content: content, ID: manifest.ID{
		Group: group, Version: version, Kind: manifest.Text(content, "kind"),
		Namespace: manifest.Text(content, "metadata", "namespace"), Name: manifest.Text(content, "metadata", "name"),
	}}
}

// widen makes the numbers of YAML those of objects.
func widen(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = widen(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = widen(inner)
		}
	case int:
		return int64(v)
	}
	return v
}

// shipped are the objects of all addons that are plain YAML, templates left out.
func shipped(t testing.TB) (objects []manifest.Object) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("../../../addons"), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".yaml") {
			return err
		}
		text, err := os.ReadFile("../../../addons/" + name)
		if err != nil {
			return err
		}
		found, err := decode(string(text))
		if err != nil {
			return nil //nolint:nilerr // A template of a chart is no YAML.
		}
		for _, o := range found {
			if o.Kind != "" && o.Name != "" && o.Group != "kustomize.config.k8s.io" {
				objects = append(objects, o)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) < 80 {
		t.Fatalf("only %d objects found in addons", len(objects))
	}
	return objects
}

// lines shows fields as tests expect them.
func lines(fields []Field) (lines []string) {
	for _, f := range fields {
		side := func(has bool, v any) string {
			if !has {
				return "none"
			}
			return fmt.Sprintf("%v", v)
		}
		lines = append(lines, fmt.Sprintf("%s | %s | %s -> %s", f.Path, f.Shown, side(f.HadBefore, f.Before), side(f.HasAfter, f.After)))
	}
	return lines
}
