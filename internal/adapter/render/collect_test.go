package render

import (
	"os"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// shipped are the addons that this repository ships.
func shipped(t testing.TB) []catalog.Addon {
	t.Helper()
	data, err := os.ReadFile("../../../catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Decode(catalog.File, data)
	if err != nil {
		t.Fatal(err)
	}
	return c.Addons
}

// TestReferenceCatalog collects and renders every addon that this repository ships.
func TestReferenceCatalog(t *testing.T) {
	tree := os.DirFS("../../..")
	p := newPool(t, Options{})
	for _, a := range shipped(t) {
		s, err := Collect(tree, a, engine.Options{})
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
			continue
		}
		inspected, problems := catalog.Inspect(catalog.Catalog{Addons: []catalog.Addon{a}}, tree)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		job := engine.Job{Files: s.Files, Path: a.Path, Type: inspected.Addons[0].Source, Release: a.Name, Namespace: a.Namespace, KubeVersion: "1.31"}
		out, err := p.Render(t.Context(), job)
		if err != nil || len(out.Objects) == 0 {
			t.Errorf("%s: %d objects, %v", a.Name, len(out.Objects), err)
		}
		t.Logf("%s: %s, %d files, %d objects, capabilities %t, unstable %t, CRDs %t, charts %v", a.Name, job.Type, len(s.Files), len(out.Objects), s.Capabilities, s.Unstable, s.CRDs, s.Charts)
	}
}

func BenchmarkCollect(b *testing.B) {
	tree := os.DirFS("../../..")
	addons := shipped(b)
	for b.Loop() {
		for _, a := range addons {
			if _, err := Collect(tree, a, engine.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
