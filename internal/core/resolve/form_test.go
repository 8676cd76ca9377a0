package resolve

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// TestForm fills gaps exactly as marshalling would, whatever the values are.
func TestForm(t *testing.T) {
	a := catalog.Addon{Name: "x", Parameters: []catalog.Parameter{{Name: "b.x"}, {Name: "a"}, {Name: "b.y~/"}}}
	rapid.Check(t, func(t *rapid.T) {
		a.Source = rapid.SampledFrom([]catalog.SourceType{catalog.Helm, catalog.Kustomize, catalog.Directory}).Draw(t, "source")
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9.:/-]{0,8}`), rapid.SampledFrom([]string{"<", "&", "\"", "\\", "\xff", gap + "0;", "\u2028"}))
		values := rapid.SliceOfN(value, 3, 3).Draw(t, "values")
		of := offered{Addon: &a, form: formOf(a)}
		if len(of.form.gaps) != 3 {
			t.Fatalf("form: %+v", of.form)
		}
		want, err := patchOf(a, values)
		if err != nil {
			t.Fatal(err)
		}
		for _, have := range []string{"", want, want + "x", strings.TrimSuffix(want, "}")} {
			if got := of.filled(values, have); got != want {
				t.Fatalf("filled: %s\nwant    %s", got, want)
			}
		}
	})
}

// TestFormOfGaps gives up where a catalog holds the mark of a gap itself.
func TestFormOfGaps(t *testing.T) {
	a := catalog.Addon{Name: "x", Parameters: []catalog.Parameter{{Name: "a"}}, ArgoCD: catalog.ArgoCD{SyncOptions: []string{gap + "0;"}}}
	if f := formOf(a); len(f.texts) > 0 {
		t.Errorf("form: %+v", f)
	}
	of := offered{Addon: &a}
	want, _ := patchOf(a, []string{"v"})
	if got := of.filled([]string{"v"}, ""); got != want {
		t.Errorf("filled: %s, want %s", got, want)
	}
}
