package risk_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/mask"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

func line(f risk.Flag) string {
	return fmt.Sprintf("%s: %s", strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Code, f.Object, f.Path)), f.Message)
}

// facts are those of an addon in namespace app; a story may say others.
func facts(t *testing.T, text string) (f risk.Facts) {
	t.Helper()
	var said struct {
		Minor, Namespace string
		Placement        catalog.Placement
		SyncOptions      []string
		CRDs             string
		Gone             bool
		OnDisable        catalog.OnDisable
	}
	if err := yaml.UnmarshalStrict([]byte(text), &said); err != nil {
		t.Fatal(err)
	}
	f.Addon = catalog.Addon{Name: "app", Namespace: cmp.Or(said.Namespace, "app"), Placement: cmp.Or(said.Placement, catalog.Workload)}
	f.Addon.ArgoCD.SyncOptions, f.Addon.OnDisable, f.Gone = said.SyncOptions, said.OnDisable, said.Gone
	if said.Minor == "" {
		return f
	}
	var err error
	if f.Minor, err = version.ParseMinor(said.Minor); err != nil {
		t.Fatal(err)
	}
	if f.Served, err = apis.Of(f.Minor); err != nil {
		t.Fatal(err)
	}
	if f.Next, err = apis.Of(f.Minor.Next()); err != nil {
		t.Fatal(err)
	}
	if said.CRDs != "" {
		f.Served, f.Next = f.Served.With(parse(t, said.CRDs)), f.Next.With(parse(t, said.CRDs))
	}
	return f
}

func compare(t *testing.T, base, head string) diff.Result {
	t.Helper()
	sets := mask.New([]byte("a salt for tests")).Sets(parse(t, base), parse(t, head))
	return diff.Compare(sets[0], sets[1], diff.Options{})
}

func parse(t *testing.T, text string) (objects []manifest.Object) {
	t.Helper()
	for doc := range strings.SplitSeq(text, "\n---") {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(doc), &content); err != nil {
			t.Fatalf("%v in:\n%s", err, doc)
		}
		if content == nil {
			continue
		}
		whole(content)
		group, version, ok := strings.Cut(manifest.Text(content, "apiVersion"), "/")
		if !ok {
			group, version = "", group
		}
		hook := manifest.Text(content, "metadata", "annotations", "argocd.argoproj.io/hook")
		objects = append(objects, manifest.Object{Content: content, Hook: hook, ID: manifest.ID{
			Group: group, Version: version, Kind: manifest.Text(content, "kind"),
			Namespace: manifest.Text(content, "metadata", "namespace"), Name: manifest.Text(content, "metadata", "name"),
		}})
	}
	manifest.Sort(objects)
	return objects
}

// whole makes numbers what renders make them.
func whole(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = whole(v[k])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return v
}
