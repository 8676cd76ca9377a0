package upgrade

import (
	"fmt"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// TestWanted: each description costs a request, so only those are asked for that are needed, some at a time.
func TestWanted(t *testing.T) {
	const image = "image:quay.io/x/exporter"
	many := func(n int, more string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "1.%d.0 %s\n", i, more)
		}
		return b.String()
	}
	pins := func(pin string) world {
		return world{main: "x " + pin, branches: map[string]string{"1.31": "x " + pin, "1.32": "x " + pin}}
	}
	with := func(w world, source, offers string) world {
		w.offers = map[string]string{source: offers}
		return w
	}
	for name, tc := range map[string]struct {
		world
		// want is what is asked for, round by round.
		want []string
	}{
		"all is told":                        {with(pins("helm:x 1.0.0"), "helm:x", many(50, "")), nil},
		"the newest does":                    {with(pins("oci:x 1.0.0"), "oci:x", many(500, "untold")), []string{"1.499.0"}},
		"the newest is not for all":          {with(pins("oci:x 1.0.0"), "oci:x", many(500, "kube=>=1.32-0 untold")), []string{"1.499.0", "1.498.0 1.497.0", "1.496.0 1.495.0 1.494.0 1.493.0"}},
		"nothing newer":                      {with(pins("oci:x 1.499.0"), "oci:x", many(500, "untold")), []string{"1.499.0"}},
		"what nobody wants is not asked":     {world{main: "x oci:x 1.0.0", offers: map[string]string{"oci:x": many(9, "untold") + "2.0.0-rc.1 untold\n2.0.0 untold"}, says: map[string]catalog.Upstream{"x": {Only: "<1.8"}}}, []string{"2.0.0 1.7.0"}},
		"a step to a major version":          {with(pins("oci:x 1.0.0"), "oci:x", many(9, "untold")+"2.0.0 untold\n2.1.0 untold"), []string{"2.1.0", "1.8.0"}},
		"an image, for its notes":            {with(pins(image+" 1.0.0"), image, many(500, "untold")), []string{"1.499.0"}},
		"an image, for its digest":           {with(pins(image+" 1.0.0 digest=sha256:a"), image, many(500, "digest=sha256:b untold")), []string{"1.499.0"}},
		"an image, whether it is another":    {with(pins(image+" 1.499.0 digest=sha256:a"), image, many(500, "digest=sha256:b untold")), []string{"1.499.0"}},
		"the chart that images are of":       {with(pins("oci:x 1.3 app"), "oci:x", "1.0.0 app=1.3 untold\n1.1.0 app=1.4 untold\n1.2.0 app=1.4 untold"), []string{"1.2.0 1.1.0 1.0.0"}},
		"a source that is asked for nothing": {world{main: "x oci:x 1.0.0", broken: map[string]string{"oci:x": "no"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			lazy := tc.request(t)
			for _, want := range append(tc.want, "") {
				got := ""
				for _, w := range Wanted(lazy) {
					got += " " + w.Version
					all := lazy.Listings[w.Source].Versions
					for i := range all {
						if all[i].Name == w.Version {
							all[i].Described = true
							// Nothing is told before it is asked about; versions before 1.494 run everywhere.
							if all[i].Kubernetes != "" && newer("1.494.0", w.Version) {
								all[i].Kubernetes = ""
							}
						}
					}
				}
				if got = strings.TrimSpace(got); got != want {
					t.Errorf("wanted %q, want %q", got, want)
				}
			}
		})
	}
}

// TestWantedBounds: of a source with thousands of versions, none of which will do, some are looked at, and that is said.
func TestWantedBounds(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "1.%d.0 app=none kube=>=1.99 untold\n", i)
	}
	for pin, want := range map[string]string{
		"oci:x 1.0.0":   "only the newest 40 versions of chart x of oci://registry.example.com/charts were looked at, and not all that are newer than 1.0.0 are among them: name those wanted in upstream.only",
		"oci:x 1.3 app": "nobody can tell which version of chart x of oci://registry.example.com/charts its images (tag 1.3) are: only the newest 40 were looked at",
	} {
		t.Run(pin, func(t *testing.T) {
			r := world{main: "x " + pin, offers: map[string]string{"oci:x": b.String()}}.request(t)
			asked := 0
			for wanted := Wanted(r); len(wanted) > 0; wanted = Wanted(r) {
				asked += len(wanted)
				all := r.Listings[source("oci:x")].Versions
				for _, w := range wanted {
					for i := range all {
						all[i].Described = all[i].Described || all[i].Name == w.Version
					}
				}
			}
			if asked != maxDescribed {
				t.Errorf("%d versions were asked about, want %d", asked, maxDescribed)
			}
			if got := Decide(r).Problems; len(got) != 1 || got[0].Message != want {
				t.Errorf("problems %+v, want %s", got, want)
			}
		})
	}
}

// TestRunsAsRendered: what a chart is said to run on is what it renders for.
func TestRunsAsRendered(t *testing.T) {
	d := newDecider(Request{})
	for _, kube := range []string{
		">=1.31", ">=1.31-0", ">=1.31.0-0", ">1.31", ">1.31.0-0", "<1.32", "<1.32-0", "<=1.31", "1.31", "=1.31.0", "1.31.x", "~1.31", "^1.31", ">=1.29 <1.33", ">=1.29,<1.33", ">= 1.29.0 < 1.32.0 || 1.33.x",
		"1.29 - 1.32", "*", "!=1.31.0", ">=v1.31", "nonsense", ">=", "1", "<2", ">=1.31.5", "0", " >=1.31 ", "", ">=1.31.0 <1.31.1",
	} {
		for _, m := range []version.Minor{{Major: 1, Minor: 29}, {Major: 1, Minor: 30}, {Major: 1, Minor: 31}, {Major: 1, Minor: 32}, {Major: 1, Minor: 33}, {Major: 2}} {
			given, err := chartutil.ParseKubeVersion(m.String())
			if err != nil {
				t.Fatal(err)
			}
			if got, want := d.runs(kube, m), chartutil.IsCompatibleRange(kube, given.String()); got != want {
				t.Errorf("a chart for %q runs on %s: %v, and it renders: %v", kube, m, got, want)
			}
		}
	}
}

// BenchmarkDecide decides of 40 addons on main and four release branches, of 200 versions each.
func BenchmarkDecide(b *testing.B) {
	w := world{minors: "1.30 1.31 1.32 1.33", branches: map[string]string{}, offers: map[string]string{}}
	for i := range 40 {
		var versions strings.Builder
		for v := range 200 {
			fmt.Fprintf(&versions, "%d.%d.0 kube=>=1.%d-0\n", 1+v/100, v%100, 29+v/60)
		}
		w.offers[fmt.Sprintf("helm:c%02d", i)] = versions.String()
		line := fmt.Sprintf("a%02d helm:c%02d 1.%d.0\n", i, i, i)
		w.main += line
		for _, m := range []string{"1.30", "1.31", "1.32", "1.33"} {
			w.branches[m] += line
		}
	}
	r := w.request(b)
	if n := len(Decide(r).Upgrades); n < 100 {
		b.Fatalf("only %d upgrades", n)
	}
	for b.Loop() {
		Decide(r)
	}
}
