package impact_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/impact"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestWithNew adds what comes by itself, to those who have it not yet.
func TestWithNew(t *testing.T) {
	of := func(m version.Minor, addons string) impact.CatalogOf {
		c, err := catalog.Decode("catalog.yaml", []byte("apiVersion: addons.kaas.dev/v1alpha1\nkind: Catalog\ndistribution: ake\nkubernetes: {minors: [\"1.31\"]}\naddons:\n"+addons))
		if err != nil {
			t.Fatal(err)
		}
		return func(asked version.Minor) (catalog.Catalog, bool) { return c, asked == m }
	}
	nothing := func(version.Minor) (catalog.Catalog, bool) { return catalog.Catalog{}, false }
	for name, tc := range map[string]struct {
		base, head impact.CatalogOf
		// want are the addons of tokyo-1, which has certs.
		want []string
	}{
		"a new one for all":               {of(m31, "- {name: certs}\n"), of(m31, "- {name: certs}\n- {name: audit, enabled: always}\n"), []string{"audit", "certs"}},
		"a new one for most":              {of(m31, "- {name: certs}\n"), of(m31, "- {name: audit, enabled: default}\n"), []string{"audit", "certs"}},
		"a new one for who wants it":      {of(m31, "- {name: certs}\n"), of(m31, "- {name: audit}\n"), []string{"certs"}},
		"one that is for all from now":    {of(m31, "- {name: audit, enabled: default}\n"), of(m31, "- {name: audit, enabled: always}\n"), []string{"audit", "certs"}},
		"one that some have switched off": {of(m31, "- {name: audit, enabled: default}\n"), of(m31, "- {name: audit, enabled: default}\n"), []string{"certs"}},
		"one that was for all":            {of(m31, "- {name: audit, enabled: always}\n"), of(m31, "- {name: audit, enabled: default}\n"), []string{"certs"}},
		"one that it has already":         {of(m31, "- {name: certs}\n"), of(m31, "- {name: certs, enabled: always}\n"), []string{"certs"}},
		"one for other minors":            {nothing, of(m32, "- {name: audit, enabled: always}\n"), []string{"certs"}},
		"one that is out of range":        {nothing, of(m31, "- {name: audit, enabled: always, kubernetes: \">=1.32\"}\n"), []string{"certs"}},
		"one that comes into range":       {of(m31, "- {name: audit, enabled: always, kubernetes: \">=1.32\"}\n"), of(m31, "- {name: audit, enabled: always}\n"), []string{"audit", "certs"}},
		"a head without catalog":          {of(m31, "- {name: certs}\n"), nothing, []string{"certs"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := impact.WithNew(fleet, tc.base, tc.head)
			for i, c := range got.Clusters {
				want := fleet.Clusters[i]
				switch c.Name {
				case "tokyo-1":
					want.Addons = tc.want
				case "berlin-1", "lost-1": // Another minor, and none.
				default:
					continue
				}
				if name == "one for other minors" && c.Name == "berlin-1" {
					want.Addons = []string{"audit", "certs", "net"}
				}
				if d := cmp.Diff(want, c); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			}
			if fleet.Clusters[3].Addons[0] != "certs" || len(fleet.Clusters[3].Addons) != 1 {
				t.Error("the fleet itself was changed")
			}
		})
	}
}
