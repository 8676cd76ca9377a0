package upstream

import (
	"os"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// TestReference takes each version that the addons of this repository pin to another one.
func TestReference(t *testing.T) {
	tree := os.DirFS("../../..")
	data, err := os.ReadFile("../../../" + catalog.File)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Decode(catalog.File, data)
	if err != nil {
		t.Fatal(err)
	}
	declared, all := 0, 0
	for _, a := range c.Addons {
		pins, problems := Find(a, tree)
		edits(t, a, pins, tree)
		t.Logf("%s\n%s", a.Name, shown(pins, problems))
		declared += len(pins)
		a.Upstream = catalog.Upstream{}
		pins, problems = Find(a, tree)
		edits(t, a, pins, tree)
		if len(problems) > 0 {
			t.Errorf("%s: %q", a.Name, problems)
		}
		all += len(pins)
	}
	if declared < 10 || all < 20 {
		t.Errorf("%d and %d versions were found", declared, all)
	}
}

func BenchmarkFind(b *testing.B) {
	tree := os.DirFS("../../..")
	data, err := os.ReadFile("../../../" + catalog.File)
	if err != nil {
		b.Fatal(err)
	}
	c, err := catalog.Decode(catalog.File, data)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, a := range c.Addons {
			Find(a, tree)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	for b.Loop() {
		Compare("v1.2.3-rc.1", "1.2.3-debian-12-r5")
	}
}
