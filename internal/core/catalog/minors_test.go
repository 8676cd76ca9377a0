package catalog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

func TestWithMinor(t *testing.T) {
	const around = "# ours\napiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\n%addons: [{name: a}]   # one\n"
	for name, tc := range map[string]struct{ in, want, fails string }{
		"in one line":             {in: "kubernetes: {minors: [\"1.31\", \"1.32\"]} # offered\n", want: "kubernetes: {minors: [\"1.31\", \"1.32\", \"1.33\"]} # offered\n"},
		"single quotes":           {in: "kubernetes:\n  minors: ['1.31','1.32' ]\n", want: "kubernetes:\n  minors: ['1.31','1.32', '1.33' ]\n"},
		"a list of lines":         {in: "kubernetes:\n  minors:\n  # old\n  - \"1.31\"\n  - \"1.32\" # newest\n\n", want: "kubernetes:\n  minors:\n  # old\n  - \"1.31\"\n  - \"1.32\" # newest\n  - \"1.33\"\n\n"},
		"lines of another system": {in: "kubernetes:\r\n  minors:\r\n    - '1.32'\r\n", want: "kubernetes:\r\n  minors:\r\n    - '1.32'\r\n    - '1.33'\r\n"},
		"over several lines":      {in: "kubernetes:\n  minors: [\n    \"1.31\",\n    \"1.32\",\n  ]\n", want: "kubernetes:\n  minors: [\n    \"1.31\",\n    \"1.32\", \"1.33\",\n  ]\n"},
		"there already":           {in: "kubernetes: {minors: [\"1.33\"]}\n", fails: "catalog.yaml offers 1.33 already"},
	} {
		t.Run(name, func(t *testing.T) {
			text := func(minors string) string { return strings.Replace(around, "%", minors, 1) }
			got, err := catalog.WithMinor(catalog.File, []byte(text(tc.in)), version.Minor{Major: 1, Minor: 33})
			if tc.fails != "" {
				if err == nil || err.Error() != tc.fails {
					t.Fatalf("the error is %v, want %s", err, tc.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(text(tc.want), string(got)); d != "" {
				t.Error(d)
			}
		})
	}
}
