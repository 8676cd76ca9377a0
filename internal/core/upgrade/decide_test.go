package upgrade

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// exporter is an addon at 4.1.0 everywhere, of which 5.0.0 needs Kubernetes 1.32.
var exporter = world{
	main:     "exporter helm:exporter 4.1.0",
	branches: map[string]string{"1.31": "exporter helm:exporter 4.1.0", "1.32": "exporter helm:exporter 4.1.0"},
	offers:   map[string]string{"helm:exporter": "4.1.0\n4.2.3\n5.0.0 kube=>=1.32.0-0"},
}

// TestExample is the example that the feature was asked for with, as JSON.
func TestExample(t *testing.T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(Decide(exporter.request(t))); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/example.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("got:\n%s\nwant:\n%s", &b, want)
	}
}

// TestNothing: a plan's lists are never null.
func TestNothing(t *testing.T) {
	data, err := json.Marshal(Decide(Request{}))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"upgrades":[],"problems":[],"remarks":[],"held":[]}`; string(data) != want {
		t.Errorf("got %s, want %s", data, want)
	}
}

func minor(s string) version.Minor {
	m, err := version.ParseMinor(s)
	if err != nil {
		panic(err)
	}
	return m
}

func days(n int) *time.Duration {
	d := time.Duration(n) * 24 * time.Hour
	return &d
}

// TestDecide tells stories of fleets.
func TestDecide(t *testing.T) {
	const chart, image = "helm:exporter", "image:quay.io/x/exporter"
	all := map[string]string{"1.31": "x helm:exporter 4.1.0", "1.32": "x helm:exporter 4.1.0", "1.33": "x helm:exporter 4.1.0"}
	for name, tc := range map[string]struct {
		world
		want, pulls string
	}{
		"the example": {exporter, `
			main exporter: 4.1.0 → 5.0.0
			  change exporter 4.1.0 → 5.0.0 major
			  change exporter 4.1.0 → 4.2.3 minor apart
			  comes to release-1.32
			  not to release-1.31: its chart is for Kubernetes >=1.32.0-0, and 1.31 is not
			release-1.31 exporter: 4.1.0 → 4.2.3
			  not 5.0.0: its chart is for Kubernetes >=1.32.0-0, and 1.31 is not
			`, `
			upgrade/main/exporter
			  exporter 4.1.0 → 4.2.3 minor
			  not exporter 5.0.0: it is a new major, which is proposed by itself
			  comes to release-1.32
			upgrade/release-1.31/exporter
			  exporter 4.1.0 → 4.2.3 minor
			  not exporter 5.0.0: its chart is for Kubernetes >=1.32.0-0, and 1.31 is not
			upgrade/main/exporter.major
			  exporter 4.1.0 → 5.0.0 major
			  comes to release-1.32
			  not to release-1.31: its chart is for Kubernetes >=1.32.0-0, and 1.31 is not
			`},
		"nothing newer": {world{main: "x helm:exporter 4.1.0", branches: all, offers: map[string]string{chart: "4.0.0\n4.1.0\n3.9.9"}}, ``, ``},
		"all branches can run it": {world{main: "x helm:exporter 4.1.0", branches: all, offers: map[string]string{chart: "4.1.0\n4.2.0 kube=>=1.29-0"}}, `
			main x: 4.1.0 → 4.2.0
			  comes to release-1.31, release-1.32, release-1.33
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.2.0 minor
			  comes to release-1.31, release-1.32, release-1.33
			`},
		"no branch can run it": {world{main: "x helm:exporter 4.1.0", branches: all, offers: map[string]string{chart: "4.1.0\n4.2.0 kube=>=1.34.0-0"}}, `
			held main x: 4.1.0
			  not 4.2.0: its chart is for Kubernetes >=1.34.0-0, and none of 1.31, 1.32, 1.33 is
			`, ``},
		"once main has the newer one, a branch that cannot run it still gets its own": {world{
			main: "x helm:exporter 5.0.0", branches: all, offers: map[string]string{chart: "4.1.0\n4.2.3\n5.0.0 kube=>=1.32.0-0"},
		}, `
			release-1.31 x: 4.1.0 → 4.2.3
			  not 5.0.0: its chart is for Kubernetes >=1.32.0-0, and 1.31 is not
			`, `
			upgrade/release-1.31/x
			  x 4.1.0 → 4.2.3 minor
			  not x 5.0.0: its chart is for Kubernetes >=1.32.0-0, and 1.31 is not
			`},
		"what main has comes by a pick, also when main goes on": {world{
			main: "x helm:exporter 4.2.3", branches: map[string]string{"1.31": "x helm:exporter 4.1.0"}, offers: map[string]string{chart: "4.1.0\n4.2.3\n5.0.0 kube=>=1.32.0-0"},
		}, `
			main x: 4.2.3 → 5.0.0
			  not to release-1.31: its chart is for Kubernetes >=1.32.0-0, and 1.31 is not
			`, `
			upgrade/main/x.major
			  x 4.2.3 → 5.0.0 major
			  not to release-1.31: its chart is for Kubernetes >=1.32.0-0, and 1.31 is not
			`},
		"a branch that is ahead of main is left alone, and not picked to": {world{
			main: "x helm:exporter 4.1.0", branches: map[string]string{"1.31": "x helm:exporter 4.3.0", "1.32": "x helm:exporter 4.2.0"}, offers: map[string]string{chart: "4.1.0\n4.2.0\n4.3.0 kube=<1.32\n5.0.0 kube=<1.31"},
		}, `
			main x: 4.1.0 → 4.3.0
			  not 5.0.0: its chart is for Kubernetes <1.31, and none of 1.31, 1.32, 1.33 is
			  not to release-1.32: its chart is for Kubernetes <1.32, and 1.32 is not
			held release-1.32 x: 4.2.0
			  not 5.0.0: its chart is for Kubernetes <1.31, and none of 1.31, 1.32, 1.33 is
			  not 4.3.0: its chart is for Kubernetes <1.32, and 1.32 is not
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.3.0 minor
			  not x 5.0.0: its chart is for Kubernetes <1.31, and none of 1.31, 1.32, 1.33 is
			  not to release-1.32: its chart is for Kubernetes <1.32, and 1.32 is not
			`},
		"a branch has an addon that main gave up": {world{
			main: "", branches: map[string]string{"1.31": "x helm:exporter 4.1.0"}, offers: map[string]string{chart: "4.1.0\n4.2.0\n5.0.0"},
			says: map[string]catalog.Upstream{"x": {Only: "<5"}},
		}, `
			release-1.31 x: 4.1.0 → 4.2.0
			  not 5.0.0: the catalog wants only <5
			`, `
			upgrade/release-1.31/x
			  x 4.1.0 → 4.2.0 minor
			  not x 5.0.0: the catalog wants only <5
			`},
		"main follows another source by now": {world{
			main: "x oci:exporter 5.0.0", branches: map[string]string{"1.31": "x helm:exporter 4.1.0"}, offers: map[string]string{chart: "4.1.0\n4.2.0", "oci:exporter": "5.0.0\n5.0.1"},
		}, `
			main x: 5.0.0 → 5.0.1
			release-1.31 x: 4.1.0 → 4.2.0
			`, `
			upgrade/main/x
			  x 5.0.0 → 5.0.1 patch
			upgrade/release-1.31/x
			  x 4.1.0 → 4.2.0 minor
			`},
		"the addon is not for 1.31": {world{
			main: "x helm:exporter 4.1.0", branches: all, offers: map[string]string{chart: "4.1.0\n4.2.0 kube=<1.32"}, kubernetes: map[string]string{"x": ">=1.32"},
		}, `
			held main x: 4.1.0
			  not 4.2.0: its chart is for Kubernetes <1.32, and none of 1.32, 1.33 is
			`, ``},
		"the catalog knows better than the chart what runs": {world{
			main: "x helm:exporter 4.1.0", branches: all, offers: map[string]string{chart: "4.1.0\n4.2.0\n4.3.0 kube=>=1.99\n5.0.0 kube=>=1.99"},
			says: map[string]catalog.Upstream{"x": {Support: map[version.Minor]string{minor("1.31"): "<=4.2", minor("1.32"): "<5"}}},
		}, `
			main x: 4.1.0 → 4.3.0
			  not 5.0.0: the catalog's support table has <=4.2 for 1.31; the catalog's support table has <5 for 1.32; its chart is for Kubernetes >=1.99, and 1.33 is not
			  comes to release-1.32
			  not to release-1.31: the catalog's support table has <=4.2 for 1.31
			  not to release-1.33: its chart is for Kubernetes >=1.99, and 1.33 is not
			release-1.31 x: 4.1.0 → 4.2.0
			  not 5.0.0: the catalog's support table has <=4.2 for 1.31; the catalog's support table has <5 for 1.32; its chart is for Kubernetes >=1.99, and 1.33 is not
			  not 4.3.0: the catalog's support table has <=4.2 for 1.31
			release-1.33 x: 4.1.0 → 4.2.0
			  not 5.0.0: the catalog's support table has <=4.2 for 1.31; the catalog's support table has <5 for 1.32; its chart is for Kubernetes >=1.99, and 1.33 is not
			  not 4.3.0: its chart is for Kubernetes >=1.99, and 1.33 is not
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.3.0 minor
			  not x 5.0.0: the catalog's support table has <=4.2 for 1.31; the catalog's support table has <5 for 1.32; its chart is for Kubernetes >=1.99, and 1.33 is not
			  comes to release-1.32
			  not to release-1.31: the catalog's support table has <=4.2 for 1.31
			  not to release-1.33: its chart is for Kubernetes >=1.99, and 1.33 is not
			upgrade/release-1.31/x
			  x 4.1.0 → 4.2.0 minor
			  not x 5.0.0: the catalog's support table has <=4.2 for 1.31; the catalog's support table has <5 for 1.32; its chart is for Kubernetes >=1.99, and 1.33 is not
			  not x 4.3.0: the catalog's support table has <=4.2 for 1.31
			upgrade/release-1.33/x
			  x 4.1.0 → 4.2.0 minor
			  not x 5.0.0: the catalog's support table has <=4.2 for 1.31; the catalog's support table has <5 for 1.32; its chart is for Kubernetes >=1.99, and 1.33 is not
			  not x 4.3.0: its chart is for Kubernetes >=1.99, and 1.33 is not
			`},
		"a chart that asks for nonsense": {world{main: "x helm:exporter 4.1.0", offers: map[string]string{chart: "4.1.0\n4.2.0 kube=any_you_like"}}, `
			held main x: 4.1.0
			  not 4.2.0: its chart is for Kubernetes "any you like", which is no range of versions
			`, ``},
		"pre-releases are not for those who have none": {world{main: "x helm:exporter 4.1.0", offers: map[string]string{chart: "4.1.0\n4.2.0-rc.1\n4.1.1 pre"}}, ``, ``},
		"pre-releases are for those who have one": {world{main: "x helm:exporter 4.2.0-rc.1", offers: map[string]string{chart: "4.2.0-rc.1\n4.2.0-rc.2\n4.1.9"}}, `
			main x: 4.2.0-rc.1 → 4.2.0-rc.2
			`, `
			upgrade/main/x
			  x 4.2.0-rc.1 → 4.2.0-rc.2 patch
			`},
		"ignored and only": {world{
			main: "x helm:exporter 4.1.0", offers: map[string]string{chart: "4.1.0\n4.2.0\n4.2.1\n4.3.0\n5.0.0\n5.1.0-rc.1"},
			says: map[string]catalog.Upstream{"x": {Ignore: "4.2.1 || 4.3.x", Only: "<5"}},
		}, `
			main x: 4.1.0 → 4.2.0
			  not 5.0.0: the catalog wants only <5
			  not 4.3.0: ignored by the catalog (4.2.1 || 4.3.x)
			  not 4.2.1: ignored by the catalog (4.2.1 || 4.3.x)
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.2.0 minor
			  not x 5.0.0: the catalog wants only <5
			  not x 4.3.0: ignored by the catalog (4.2.1 || 4.3.x)
			  not x 4.2.1: ignored by the catalog (4.2.1 || 4.3.x)
			`},
		"too young, by its source's word": {world{main: "x helm:exporter 4.1.0", offers: map[string]string{chart: "4.1.0\n4.1.1 age=72h\n4.1.2 age=71h\n4.1.3 age=30m\n4.1.4 age=-5h"}, rules: catalog.Upgrades{MinimumAge: 72 * time.Hour}}, `
			main x: 4.1.0 → 4.1.1
			  not 4.1.4: published just now, at least 3 days are asked for, until 2026-11-25 08:00:00
			  not 4.1.3: 30 minutes old, at least 3 days are asked for, until 2026-11-25 07:30:00
			  not 4.1.2: 2 days old, at least 3 days are asked for, until 2026-11-22 09:00:00
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.1.1 patch
			  not x 4.1.4: published just now, at least 3 days are asked for
			  not x 4.1.3: 30 minutes old, at least 3 days are asked for
			  not x 4.1.2: 2 days old, at least 3 days are asked for
			`},
		"too young, since it was first seen": {world{
			main: "x helm:exporter 4.1.0", offers: map[string]string{chart: "4.1.0\n4.1.1\n4.1.2\n4.1.3"}, rules: catalog.Upgrades{MinimumAge: 72 * time.Hour},
			says: map[string]catalog.Upstream{"x": {MinimumAge: days(1)}}, seen: map[Release]time.Time{{source(chart), "4.1.1"}: now.Add(-24 * time.Hour), {source(chart), "4.1.2"}: now.Add(-90 * time.Minute)},
		}, `
			main x: 4.1.0 → 4.1.1
			  not 4.1.3: seen for the first time now, at least 1 day is asked for, until 2026-11-23 08:00:00
			  not 4.1.2: first seen 90 minutes ago, at least 1 day is asked for, until 2026-11-23 06:30:00
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.1.1 patch
			  not x 4.1.3: seen for the first time now, at least 1 day is asked for
			  not x 4.1.2: first seen 90 minutes ago, at least 1 day is asked for
			`},
		"a security fix is old enough first, and goes first": {world{main: "a helm:exporter 4.1.0\nx helm:exporter 4.1.0\ny helm:exporter 4.1.2", offers: map[string]string{chart: "4.1.0\n4.1.1 security age=999h\n4.1.2 age=999h\n4.2.0 security age=1h"}, rules: catalog.Upgrades{MinimumAge: 72 * time.Hour, Groups: []catalog.UpgradeGroup{{Name: "g", Addons: []string{"a"}}}}}, `
			main a: 4.1.0 → 4.1.2 in group g
			  change exporter 4.1.0 → 4.1.2 patch security
			  not 4.2.0: 1 hour old, at least 3 days are asked for, until 2026-11-25 07:00:00
			main x: 4.1.0 → 4.1.2
			  change exporter 4.1.0 → 4.1.2 patch security
			  not 4.2.0: 1 hour old, at least 3 days are asked for, until 2026-11-25 07:00:00
			held main y: 4.1.2
			  not 4.2.0: 1 hour old, at least 3 days are asked for, until 2026-11-25 07:00:00
			`, `
			upgrade/main/g security
			  a 4.1.0 → 4.1.2 patch
			  not a 4.2.0: 1 hour old, at least 3 days are asked for
			upgrade/main/x security
			  x 4.1.0 → 4.1.2 patch
			  not x 4.2.0: 1 hour old, at least 3 days are asked for
			`},
		"people do not want it": {world{
			main: "x helm:exporter 4.1.0", branches: all, offers: map[string]string{chart: "4.1.0\n4.1.1\n4.2.0\n5.0.0\n5.1.0\n6.0.0"},
			ignored: []Ignored{
				{Branch: "main", Source: source(chart), Version: "5.0.0", Major: true, By: "alice", Pull: 12},
				{Branch: "main", Source: source(chart), Version: "6.0.0", By: "bob"},
				{Branch: "release-1.32", Source: source(chart), Version: "4.2.0", By: "carol", Pull: 14},
				{Branch: "release-1.31", Source: source("oci:exporter"), Version: "4.2.0", By: "dave", Pull: 15},
			},
		}, `
			main x: 4.1.0 → 4.2.0
			  not 6.0.0: bob does not want it
			  not 5.1.0: alice does not want this major version (#12)
			  not 5.0.0: alice does not want it (#12)
			  comes to release-1.31, release-1.33
			  not to release-1.32: carol does not want it (#14)
			release-1.32 x: 4.1.0 → 4.1.1
			  not 6.0.0: bob does not want it
			  not 5.1.0: alice does not want this major version (#12)
			  not 5.0.0: alice does not want it (#12)
			  not 4.2.0: carol does not want it (#14)
			`, `
			upgrade/release-1.32/x
			  x 4.1.0 → 4.1.1 patch
			  not x 6.0.0: bob does not want it
			  not x 5.1.0: alice does not want this major version (#12)
			  not x 5.0.0: alice does not want it (#12)
			  not x 4.2.0: carol does not want it (#14)
			upgrade/main/x
			  x 4.1.0 → 4.2.0 minor
			  not x 6.0.0: bob does not want it
			  not x 5.1.0: alice does not want this major version (#12)
			  not x 5.0.0: alice does not want it (#12)
			  comes to release-1.31, release-1.33
			  not to release-1.32: carol does not want it (#14)
			`},
		"deprecated (o7)": {world{main: "x helm:exporter 4.1.0\ny helm:old 1.0.0\nz helm:old 0.9.0", offers: map[string]string{chart: "4.1.0\n4.2.0 deprecated\n4.1.5", "helm:old": "1.0.0 deprecated\n0.9.0 deprecated"}}, `
			main x: 4.1.0 → 4.1.5
			  not 4.2.0: it is deprecated by its owner
			held main z: 0.9.0
			  not 1.0.0: it is deprecated by its owner
			problem x: chart exporter of https://charts.example.com is deprecated by its owner: look for its successor
			problem y: chart old of https://charts.example.com is deprecated by its owner: look for its successor
			problem z: chart old of https://charts.example.com is deprecated by its owner: look for its successor
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.1.5 patch
			  not x 4.2.0: it is deprecated by its owner
			`},
		"taken back by its publisher (o7)": {world{main: "x helm:exporter 4.1.0", branches: all, offers: map[string]string{chart: "4.0.9\n4.1.1"}}, `
			main x: 4.1.0 → 4.1.1
			  comes to release-1.31, release-1.32, release-1.33
			problem x: version 4.1.0 of chart exporter of https://charts.example.com is not there any more: its publisher took it back, so move to another
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.1.1 patch
			  comes to release-1.31, release-1.32, release-1.33
			`},
		"removed": {world{main: "x helm:exporter 4.1.0", branches: all, offers: map[string]string{chart: ""}}, `
			problem x: chart exporter of https://charts.example.com has no versions any more: look where its owner publishes them now
			`, ``},
		"a source that cannot be asked stops no other": {world{main: "x helm:exporter 4.1.0\ny helm:old 1.0.0", branches: all, offers: map[string]string{"helm:old": "1.0.0\n1.0.1"}, broken: map[string]string{chart: "https://charts.example.com: the certificate expired yesterday"}}, `
			main y: 1.0.0 → 1.0.1
			problem x: https://charts.example.com: the certificate expired yesterday
			`, `
			upgrade/main/y
			  y 1.0.0 → 1.0.1 patch
			`},
		"a source that was not asked": {world{main: "x helm:exporter 4.1.0", branches: all}, ``, ``},
		"moved": {world{main: "x helm:exporter 4.1.0\ny helm:exporter 4.2.0", branches: all, offers: map[string]string{chart: "4.1.0\n4.2.0"}, moved: map[string]string{chart: "https://charts.example.com has moved to https://new.example.com"}}, `
			main x: 4.1.0 → 4.2.0
			  comes to release-1.31, release-1.32, release-1.33
			  remark https://charts.example.com has moved to https://new.example.com
			remark x: https://charts.example.com has moved to https://new.example.com
			remark y: https://charts.example.com has moved to https://new.example.com
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.2.0 minor
			  comes to release-1.31, release-1.32, release-1.33
			`},
		"names that are none": {world{main: "x helm:exporter 4.1.0\ny git:https://example.com/r v1.0.0\nz git:https://example.com/r v1.0$", offers: map[string]string{chart: "4.1.0\n4.2.0\n../../4.3.0\n9.9.9$(id)", "git:https://example.com/r": "v1.0.0\nkustomize/v2.0.0\nv1.1.0"}}, `
			main x: 4.1.0 → 4.2.0
			main y: v1.0.0 → v1.1.0
			problem x: chart exporter of https://charts.example.com has 2 versions that are none, such as "../../4.3.0": they are left out
			problem z: https://example.com/r is pinned to "v1.0$", which is no version: write one that is
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.2.0 minor
			upgrade/main/y
			  y v1.0.0 → v1.1.0 minor
			`},
		"nothing to compare with (o6)": {world{main: "x image:quay.io/x/exporter latest\ny image:quay.io/x/exporter 20240501-abc", offers: map[string]string{image: "latest\n1.0.0\n1.1.0"}}, `
			problem x: none of the 3 versions of image quay.io/x/exporter can be compared with latest: pin one of them
			problem y: none of the 3 versions of image quay.io/x/exporter can be compared with 20240501-abc: pin one of them
			`, ``},
		"two contents under one name (fault 76)": {world{main: "x helm:exporter 4.1.0", offers: map[string]string{chart: "4.1.0\n4.2.0 digest=sha256:a\n4.1.9 digest=sha256:c\n4.2.0 digest=sha256:b\n4.1.9 digest=sha256:c"}}, `
			main x: 4.1.0 → 4.1.9
			  not 4.2.0: its source has it twice, with different contents
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.1.9 patch
			  not x 4.2.0: its source has it twice, with different contents
			`},
		"tags of an image, which stay without a digest (o1, o6)": {world{main: "x image:quay.io/x/exporter v1.2.3\ny image:quay.io/x/exporter v1.2\nz image:quay.io/x/exporter 1.2.3-alpine", offers: map[string]string{image: "v1\nv1.2\nv1.2.3\nv1.2.4\n1.2.4\nv1.3\nv2\nlatest\n1.2.3-alpine\n1.3.0-alpine\n1.3.0-debian"}}, `
			main x: v1.2.3 → v1.2.4
			main y: v1.2 → v1.3
			main z: 1.2.3-alpine → 1.3.0-alpine
			`, `
			upgrade/main/x
			  x v1.2.3 → v1.2.4 patch
			upgrade/main/y
			  y v1.2 → v1.3 minor
			upgrade/main/z
			  z 1.2.3-alpine → 1.3.0-alpine minor
			`},
		"digests are pinned along, and what has none is refused (o1)": {world{main: "x image:quay.io/x/exporter 1.2.3 digest=sha256:old\ny image:quay.io/x/exporter 1.2.4 digest=sha256:old", branches: map[string]string{
			"1.31": "x image:quay.io/x/exporter 1.2.3 digest=sha256:old\ny image:quay.io/x/exporter 1.2.4 digest=sha256:old",
			"1.32": "x image:quay.io/x/exporter 1.2.4 digest=sha256:old\ny image:quay.io/x/exporter 1.2.3 digest=sha256:old",
		}, offers: map[string]string{image: "1.2.3 digest=sha256:re\n1.2.4 digest=sha256:new\n1.2.5"}}, `
			main x: 1.2.3 → 1.2.4
			  change quay.io/x/exporter 1.2.3 → 1.2.4 patch digest sha256:new
			  not 1.2.5: its digest is not known
			  comes to release-1.31
			  not to release-1.32: it has a pull request of its own
			release-1.32 x: 1.2.4@sha256:old → 1.2.4@sha256:new
			  change quay.io/x/exporter 1.2.4 → 1.2.4 digest digest sha256:new
			  not 1.2.5: its digest is not known
			main y: 1.2.4@sha256:old → 1.2.4@sha256:new
			  change quay.io/x/exporter 1.2.4 → 1.2.4 digest digest sha256:new
			  not 1.2.5: its digest is not known
			  comes to release-1.31, release-1.32
			`, `
			upgrade/main/y
			  y 1.2.4 → 1.2.4 digest
			  not y 1.2.5: its digest is not known
			  comes to release-1.31, release-1.32
			upgrade/release-1.32/x
			  x 1.2.4 → 1.2.4 digest
			  not x 1.2.5: its digest is not known
			upgrade/main/x
			  x 1.2.3 → 1.2.4 patch
			  not x 1.2.5: its digest is not known
			  comes to release-1.31
			  not to release-1.32: it has a pull request of its own
			`},
		"main does not pin the digest that a branch pins": {world{main: "x image:quay.io/x/exporter 1.2.3", branches: map[string]string{"1.31": "x image:quay.io/x/exporter 1.2.3 digest=sha256:old"}, offers: map[string]string{image: "1.2.3 digest=sha256:new"}}, `
			release-1.31 x: 1.2.3@sha256:old → 1.2.3@sha256:new
			  change quay.io/x/exporter 1.2.3 → 1.2.3 digest digest sha256:new
			`, `
			upgrade/release-1.31/x
			  x 1.2.3 → 1.2.3 digest
			`},
		"a file of a release, and one that was replaced (fault 76)": {world{main: "x github:o/r:install.yaml v1.0.0 digest=sha256:a\ny github:o/r:install.yaml v1.1.0 digest=sha256:a", offers: map[string]string{"github:o/r:install.yaml": "v1.0.0 asset=install.yaml@sha256:a\nv1.1.0 asset=install.yaml@sha256:b\nv1.2.0 asset=other.yaml"}}, `
			main x: v1.0.0 → v1.1.0
			  change install.yaml v1.0.0 → v1.1.0 minor digest sha256:b
			  not v1.2.0: the release has no file install.yaml
			held main y: v1.1.0
			  not v1.2.0: the release has no file install.yaml
			problem y: version v1.1.0 of install.yaml of o/r on GitHub was replaced by another content under the same name, which is never taken: ask its publisher why
			`, `
			upgrade/main/x
			  x v1.0.0 → v1.1.0 minor
			  not x v1.2.0: the release has no file install.yaml
			`},
		"an old release that GitHub does not list": {world{main: "x github:o/r v0.1.0", offers: map[string]string{"github:o/r": "v1.0.0\nv1.0.1"}}, `
			main x: v0.1.0 → v1.0.1
			`, `
			upgrade/main/x.major
			  x v0.1.0 → v1.0.1 major
			`},
		"images follow the chart": {world{main: "x helm:exporter v1.4.0 app\ny helm:exporter 1.4 app\nz helm:exporter 1.5.0 app digest=sha256:a", offers: map[string]string{chart: "4.1.0 app=1.4.0\n4.1.1 app=v1.4.0\n4.2.0 app=1.5.0\n4.2.1 app=1.4.9\n4.2.2 app=\n4.2.3 app=1.5.0;id\n5.0.0-rc.1 app=1.4.0"}}, `
			main x: 4.1.1 → 4.2.1
			  change exporter 4.1.1 → 4.2.1 minor writes v1.4.9
			  not 4.2.3: it says that its application has version "v1.5.0;id", which is none
			  not 4.2.2: it does not say which version of the application it has
			problem y: nobody can tell which version of chart exporter of https://charts.example.com its images (tag 1.4) are
			problem z: its images have digests beside the tag 1.5.0, which chart exporter of https://charts.example.com knows nothing of: name the image as upstream, or remove the digests
			`, `
			upgrade/main/x
			  x 4.1.1 → 4.2.1 minor
			  not x 4.2.3: it says that its application has version "v1.5.0;id", which is none
			  not x 4.2.2: it does not say which version of the application it has
			`},
		"images follow releases": {world{main: "x github:o/r 1.4.0 app", branches: map[string]string{"1.31": "x github:o/r 1.3.0 app"}, offers: map[string]string{"github:o/r": "v1.3.0\nv1.4.0\nv1.5.0"}}, `
			main x: v1.4.0 → v1.5.0
			  change o/r v1.4.0 → v1.5.0 minor writes 1.5.0
			  comes to release-1.31
			`, `
			upgrade/main/x
			  x v1.4.0 → v1.5.0 minor
			  comes to release-1.31
			`},
		"groups": {world{main: "a helm:a 1.0.0\nb helm:b 1.0.0\nc helm:a 1.0.0", offers: map[string]string{"helm:a": "1.0.0\n1.0.1\n2.0.0", "helm:b": "1.0.0\n1.1.0"}, rules: catalog.Upgrades{Groups: []catalog.UpgradeGroup{{Name: "pair", Addons: []string{"a", "b"}}}}}, `
			main a: 1.0.0 → 2.0.0 in group pair
			  change a 1.0.0 → 2.0.0 major
			  change a 1.0.0 → 1.0.1 patch apart
			main b: 1.0.0 → 1.1.0 in group pair
			main c: 1.0.0 → 2.0.0
			  change a 1.0.0 → 2.0.0 major
			  change a 1.0.0 → 1.0.1 patch apart
			`, `
			upgrade/main/c
			  c 1.0.0 → 1.0.1 patch
			  not c 2.0.0: it is a new major, which is proposed by itself
			upgrade/main/pair
			  a 1.0.0 → 1.0.1 patch
			  b 1.0.0 → 1.1.0 minor
			  not a 2.0.0: it is a new major, which is proposed by itself
			upgrade/main/a.major
			  a 1.0.0 → 2.0.0 major
			upgrade/main/c.major
			  c 1.0.0 → 2.0.0 major
			`},
		"a branch that cannot take a whole group gets the rest by itself": {world{main: "a helm:a 1.0.0\nb helm:b 1.0.0", branches: map[string]string{"1.31": "a helm:a 1.0.0\nb helm:b 1.0.0", "1.32": "a helm:a 1.0.0\nb helm:b 1.0.0"}, offers: map[string]string{"helm:a": "1.0.0\n1.0.1", "helm:b": "1.0.0\n1.1.0 kube=>=1.32-0"}, rules: catalog.Upgrades{Groups: []catalog.UpgradeGroup{{Name: "pair", Addons: []string{"a", "b"}}}}}, `
			main a: 1.0.0 → 1.0.1 in group pair
			  comes to release-1.32
			  not to release-1.31: b: its chart is for Kubernetes >=1.32-0, and 1.31 is not
			release-1.31 a: 1.0.0 → 1.0.1 in group pair
			main b: 1.0.0 → 1.1.0 in group pair
			  comes to release-1.32
			  not to release-1.31: b: its chart is for Kubernetes >=1.32-0, and 1.31 is not
			held release-1.31 b: 1.0.0 in group pair
			  not 1.1.0: its chart is for Kubernetes >=1.32-0, and 1.31 is not
			`, `
			upgrade/release-1.31/pair
			  a 1.0.0 → 1.0.1 patch
			upgrade/main/pair
			  a 1.0.0 → 1.0.1 patch
			  b 1.0.0 → 1.1.0 minor
			  comes to release-1.32
			  not to release-1.31: b: its chart is for Kubernetes >=1.32-0, and 1.31 is not
			`},
		"several sources": {world{main: "x helm:a 1.0.0\nx image:quay.io/x/exporter 1.0.0", branches: map[string]string{"1.31": "x helm:a 1.0.0\nx image:quay.io/x/exporter 1.0.0"}, offers: map[string]string{"helm:a": "1.0.0\n1.1.0 kube=>=1.32-0\n2.0.0 kube=>=1.34-0", image: "1.0.0\n1.0.1"}}, `
			main x: 1.0.0 → 1.1.0
			  change a 1.0.0 → 1.1.0 minor
			  change quay.io/x/exporter 1.0.0 → 1.0.1 patch
			  not 2.0.0 of a: its chart is for Kubernetes >=1.34-0, and none of 1.31, 1.32, 1.33 is
			  not to release-1.31: a: its chart is for Kubernetes >=1.32-0, and 1.31 is not
			release-1.31 x: 1.0.0 → 1.0.1
			  not 2.0.0 of a: its chart is for Kubernetes >=1.34-0, and none of 1.31, 1.32, 1.33 is
			  not 1.1.0 of a: its chart is for Kubernetes >=1.32-0, and 1.31 is not
			`, `
			upgrade/release-1.31/x
			  x 1.0.0 → 1.0.1 patch
			  not x 2.0.0: its chart is for Kubernetes >=1.34-0, and none of 1.31, 1.32, 1.33 is
			  not x 1.1.0: its chart is for Kubernetes >=1.32-0, and 1.31 is not
			upgrade/main/x
			  x 1.0.0 → 1.1.0 minor
			  x 1.0.0 → 1.0.1 patch
			  not x 2.0.0: its chart is for Kubernetes >=1.34-0, and none of 1.31, 1.32, 1.33 is
			  not to release-1.31: a: its chart is for Kubernetes >=1.32-0, and 1.31 is not
			`},
		"two steps apart": {world{main: "x helm:exporter 4.1.0", branches: all, offers: map[string]string{chart: "4.1.0\n4.2.0\n4.3.0 kube=>=1.32-0\n4.4.0 deprecated\n5.0.0 kube=<1.31\n5.1.0\n6.0.0 kube=>=1.34-0"}}, `
			main x: 4.1.0 → 5.1.0
			  change exporter 4.1.0 → 5.1.0 major
			  change exporter 4.1.0 → 4.3.0 minor apart
			  not 6.0.0: its chart is for Kubernetes >=1.34-0, and none of 1.31, 1.32, 1.33 is
			  comes to release-1.31, release-1.32, release-1.33
			`, `
			upgrade/main/x
			  x 4.1.0 → 4.3.0 minor
			  not x 6.0.0: its chart is for Kubernetes >=1.34-0, and none of 1.31, 1.32, 1.33 is
			  not x 5.1.0: it is a new major, which is proposed by itself
			  not x 4.4.0: it is deprecated by its owner
			  comes to release-1.32, release-1.33
			  not to release-1.31: its chart is for Kubernetes >=1.32-0, and 1.31 is not
			upgrade/main/x.major
			  x 4.1.0 → 5.1.0 major
			  not x 6.0.0: its chart is for Kubernetes >=1.34-0, and none of 1.31, 1.32, 1.33 is
			  comes to release-1.31, release-1.32, release-1.33
			`},
		"main says nothing that can be followed": {world{
			main:     "x problem the catalog names another chart\ny problem names no version\ny helm:exporter 4.1.0",
			branches: map[string]string{"1.31": "x helm:exporter 4.1.0\ny helm:exporter 4.1.0", "1.32": "x helm:exporter 4.1.0"}, offers: map[string]string{chart: "4.1.0\n4.2.0"},
		}, `
			main y: 4.1.0 → 4.2.0
			  comes to release-1.31
			problem x: nothing is proposed for it before main is right: there nothing of it can be followed
			problem x: the catalog names another chart
			problem y: names no version
			`, `
			upgrade/main/y
			  y 4.1.0 → 4.2.0 minor
			  comes to release-1.31
			`},
		"problems of files": {world{main: "x problem :latest names no version\ny problem only main", branches: map[string]string{"1.31": "x problem :latest names no version\nx problem only here", "1.32": "x problem here and there", "1.33": "x problem here and there"}}, `
			problem x: :latest names no version
			problem x: here and there
			problem x on release-1.31: only here
			problem y: only main
			`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			plan := Decide(tc.request(t))
			if got, want := told(plan), unindent(tc.want); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if got, want := toldPulls(plan), unindent(tc.pulls); got != want {
				t.Errorf("pull requests:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
