package risk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/mask"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// story is one change of an addon and what it must say: "Code object path: message" for each flag of the codes that the story is about.
type story struct {
	base, head string
	facts      func(*risk.Facts)
	want       []string
}

// tell runs stories; only flags of the codes count.
func tell(t *testing.T, stories map[string]story, codes ...fault.Code) {
	t.Helper()
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			facts := facts()
			if s.facts != nil {
				s.facts(&facts)
			}
			var got []string
			for _, f := range risk.Flags(compare(t, s.base, s.head), facts) {
				if slices.Contains(codes, f.Code) {
					got = append(got, line(f))
				}
			}
			if !slices.Equal(got, s.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(s.want, "\n\t"))
			}
		})
	}
}

func line(f risk.Flag) string {
	return fmt.Sprintf("%s: %s", strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Code, f.Object, f.Path)), f.Message)
}

// facts are those of an addon in namespace app that only its base knows.
func facts() risk.Facts {
	return risk.Facts{Addon: catalog.Addon{Name: "app", Namespace: "app", Placement: catalog.Workload}}
}

// on makes the facts those of a minor.
func on(minor string) func(*risk.Facts) {
	return func(f *risk.Facts) {
		m, err := version.ParseMinor(minor)
		if err != nil {
			panic(err)
		}
		f.Minor = m
		if f.Served, err = apis.Of(m); err != nil {
			panic(err)
		}
		if f.Next, err = apis.Of(m.Next()); err != nil {
			panic(err)
		}
	}
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
