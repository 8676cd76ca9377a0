package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func object(kind, namespace, name string) Object {
	meta := map[string]any{"name": name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return Object{ID: ID{Version: "v1", Kind: kind, Namespace: namespace, Name: name}, Content: map[string]any{"kind": kind, "metadata": meta}}
}

func TestPlace(t *testing.T) {
	before := []Object{object("ConfigMap", "", "a"), object("ConfigMap", "other", "b"), object("Namespace", "x", "c"), object("Namespace", "", "d"), object("Odd", "", "e")}
	kinds := map[string]bool{"ConfigMap": true, "Namespace": false}
	got := Place(before, "here", func(_, kind string) (bool, bool) { is, known := kinds[kind]; return is, known })
	want := []Object{object("ConfigMap", "here", "a"), object("ConfigMap", "other", "b"), object("Namespace", "", "c"), object("Namespace", "", "d"), object("Odd", "here", "e")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if before[0].Namespace != "" || Text(before[0].Content, "metadata", "namespace") != "" {
		t.Error("the objects given were changed")
	}
}

func TestNames(t *testing.T) {
	for want, id := range map[string]ID{
		"apps/v1/Deployment/shop/web": {"apps", "v1", "Deployment", "shop", "web"},
		"v1/Namespace/shop":           {"", "v1", "Namespace", "", "shop"},
	} {
		if got := id.String(); got != want {
			t.Errorf("%+v is %q, want %q", id, got, want)
		}
	}
}

func TestDuplicates(t *testing.T) {
	twice := object("ConfigMap", "x", "a")
	newer := twice
	newer.Version = "v2"
	got := Duplicates([]Object{twice, object("ConfigMap", "y", "a"), newer, twice})
	if diff := cmp.Diff([]ID{newer.ID}, got); diff != "" {
		t.Error(diff)
	}
}
