package upstream

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"pgregory.net/rapid"
)

// TestCompare orders versions as publishers write them: v1, builds and dates (o6) too.
func TestCompare(t *testing.T) {
	for name, tc := range map[string]struct {
		// ascending are versions of which each is newer than the one before; those in one string, divided by blanks, are equal.
		ascending []string
	}{
		"semantic versions":         {[]string{"0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-rc.1", "1.0.0 v1.0.0 1.0 v1 V1.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0"}},
		"rc10 comes after rc9":      {[]string{"v1.2.0-rc2", "v1.2.0-rc9", "v1.2.0-rc10", "v1.2.0"}},
		"pre-releases of Python":    {[]string{"1.2a1", "1.2b1", "1.2rc1", "1.2.0"}},
		"tags of charts":            {[]string{"helm-chart-1.2.3 helm-chart-v1.2.3", "helm-chart-1.3.0"}},
		"a number in the prefix":    {[]string{"k8s-sidecar-1.2.3", "k8s-sidecar-1.10.0"}},
		"tags of modules":           {[]string{"kustomize/v5.4.2", "kustomize/v5.10.0"}},
		"four numbers":              {[]string{"4.19.0.0 4.19", "4.19.0.1", "4.19.1"}},
		"builds":                    {[]string{"1.0.0", "1.0.0+1", "1.0.0+2", "1.0.0+10", "1.0.1"}},
		"builds of a distribution":  {[]string{"v1.31.2+k3s1", "v1.31.2+k3s2", "v1.31.10+k3s1"}},
		"made again":                {[]string{"v1.9.3-eksbuild.2", "v1.9.3-eksbuild.10", "v1.10.0-eksbuild.1"}},
		"made again, Bitnami":       {[]string{"1.2.3-debian-12-r5", "1.2.3-debian-12-r10", "1.2.4-debian-12-r0"}},
		"made again, without words": {[]string{"3.9-1", "3.9-2", "3.10-1"}},
		"Alpine":                    {[]string{"1.25.5-alpine", "1.26.0-alpine"}},
		"Alpine, not finished":      {[]string{"1.26.0-rc.1-alpine", "1.26.0-rc.2-alpine", "1.26.0-alpine"}},
		"dates":                     {[]string{"2024.05.01 20240501 2024-05-01", "2024.05.02", "2024.12.01", "20250101"}},
		"dates and times":           {[]string{"RELEASE.2024-05-01T01-02-03Z", "RELEASE.2024-05-01T01-02-04Z", "RELEASE.2024-06-01T00-00-00Z"}},
		"dates and commits":         {[]string{"v20240501-a1b2c3d", "v20240502-0000000"}},
		"nightly":                   {[]string{"nightly-20240501", "nightly-20240601"}},
	} {
		t.Run(name, func(t *testing.T) {
			for i, left := range tc.ascending {
				for j, right := range tc.ascending {
					for _, a := range strings.Fields(left) {
						for _, b := range strings.Fields(right) {
							if order, ok := Compare(a, b); order != cmp.Compare(i, j) || !ok {
								t.Errorf("Compare(%q, %q) = %d, %t, want %d", a, b, order, ok, cmp.Compare(i, j))
							}
						}
					}
				}
			}
		})
	}
}

// TestCompareCannot has pairs of which nobody can tell the newer: latest, and names of branches (o6).
func TestCompareCannot(t *testing.T) {
	for _, pair := range [][2]string{
		{"latest", "latest"},
		{"latest", "1.0.0"},
		{"", "1.0.0"},
		{"main", "1.0.0"},
		{"stable", "1.0.0"},
		{"1.0.0", "1.0.0-alpine"},                  // another content
		{"1.0.0-alpine", "1.0.0-bookworm"},         // and another
		{"1.0.0-debian-11-r1", "1.0.0-debian-12"},  // and another
		{"1.0.0", "1.0.0-1"},                       // newer for some, older for others
		{"chart-1.0.0", "1.0.0"},                   // a chart, and what is in it
		{"chart-1.0.0", "other-chart-1.0.0"},       // two charts
		{"1.0.0+abc1234", "1.0.0+def1234"},         // commits
		{"1.0.0", "1.0.0+abc1234"},                 // a commit
		{"20240501", "1.2.3"},                      // a date, and what is none
		{"2024.05.01", "5.0.0"},                    // the same
		{"123456", "123457"},                       // mostly the beginnings of commits
		{"20241399", "20241398"},                   // there is no such month
		{"a1b2c3d", "a1b2c3e"},                     // commits
		{"1.2.3-5-gabcdef0", "1.2.3"},              // five commits later
		{"1234567890123456789.1", "1.0.0"},         // more than 64 bits
		{strings.Repeat("1.", 200) + "1", "1.0.0"}, // too long
	} {
		for _, p := range [][2]string{pair, {pair[1], pair[0]}} {
			if order, ok := Compare(p[0], p[1]); order != 0 || ok {
				t.Errorf("Compare(%q, %q) = %d, %t, want that they cannot be compared", p[0], p[1], order, ok)
			}
		}
	}
}

func TestStep(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		want     Size
	}{
		{"1.2.3", "2.0.0", Major},
		{"v1.2.3", "1.3.0", Minor},
		{"1.2.3", "1.2.4", Patch},
		{"1.2", "1.2.4", Patch},
		{"0.3.0", "0.4.0", Minor},
		{"0.3.0", "1.0.0", Major},
		{"1.2.3-rc.1", "1.2.3", Patch},
		{"1.2.3+1", "1.2.3+2", Patch},
		{"1.2.3-r1", "1.2.3-r2", Patch},
		{"1.2.3", "1.2.3", Digest},
		{"latest", "latest", Digest},
		{"latest", "1.0.0", Major},
		{"1.2.3", "1.2.4-alpine", Major},
		{"2024.05.01", "2024.05.02", Patch},
		{"2024.05.01", "2024.06.01", Minor},
		{"2024.05.01", "2025.05.01", Major},
	} {
		if got := Step(tc.from, tc.to); got != tc.want {
			t.Errorf("Step(%q, %q) = %s, want %s", tc.from, tc.to, got, tc.want)
		}
	}
}

func TestIsPreRelease(t *testing.T) {
	for _, v := range []string{
		"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta2", "v1.0.0-rc.1", "1.0.0rc1", "1.2a3", "1.0.0-dev", "1.0.0-SNAPSHOT", "1.0.0-nightly.20240501", "nightly", "edge", "canary", "main",
		"nightly-20240501", "1.0.0-rc1-alpine", "1.0.0-alpine-rc1", "v1.2.3-5-gabcdef0", "v0.0.0-0.20240501120000-abcdef012345", "1.0.0-0.3", "1.0.0-preview_2", "1.0.0+nightly", "3.0.0-M2",
	} {
		if !IsPreRelease(v) {
			t.Errorf("%s is taken for finished", v)
		}
	}
	for _, v := range []string{
		"1.0.0", "v1", "1.0.0-alpine", "1.0.0-debian-12-r5", "1.0.0-1", "1.0.0+1", "v1.31.2+k3s1", "v1.9.3-eksbuild.2", "2024.05.01", "v20240501-a1b2c3d", "latest", "stable", "1.0.0-distroless",
		"edge-agent-1.0.0", "dev-tools-1.2.3", "1.1.1b", "1.0.0-java17",
	} {
		if IsPreRelease(v) {
			t.Errorf("%s is taken for a pre-release", v)
		}
	}
}

func TestCore(t *testing.T) {
	for v, want := range map[string]string{
		"1.2.3": "1.2.3", "v1.2": "1.2.0", "v1": "1.0.0", "1.2.3.4": "1.2.3", "helm-chart-1.2.3": "1.2.3", "1.2.3-alpine": "1.2.3", "1.2.3-rc1": "1.2.3-rc1", "1.2.3-rc.1-alpine": "1.2.3-rc.1",
		"1.2.3+5": "1.2.3", "1.2rc1": "1.2.0-rc1", "2024.05.01": "2024.5.1", "20240501": "2024.5.1", "1.2.3-debian-12-r5": "1.2.3", "1.2.3-beta_02": "1.2.3-beta-02",
		"latest": "", "": "", "main": "",
	} {
		got, ok := Core(v)
		if got != want || ok != (want != "") {
			t.Errorf("Core(%q) = %q, %t, want %q", v, got, ok, want)
		}
		if _, err := semver.StrictNewVersion(got); ok && err != nil {
			t.Errorf("Core(%q) = %q: %v", v, got, err)
		}
	}
}

func TestAlike(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"1.27", "1.28"}: true, {"1.27", "1.28.0"}: false, {"v1", "v2"}: true, {"1.27-alpine", "1.28.0-alpine"}: false, {"1.2.3", "v1.3.0"}: true, {"latest", "1.0"}: false,
	} {
		if got := Alike(pair[0], pair[1]); got != want {
			t.Errorf("Alike(%q, %q) = %t", pair[0], pair[1], got)
		}
	}
}

// drawn is a version as publishers write them, or something like one.
func drawn() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
		small := func(what string) string { return fmt.Sprint(rapid.IntRange(0, 3).Draw(t, what)) }
		s := pick("prefix", "", "", "", "v", "chart-", "chart-v", "RELEASE.") + pick("first", "0", "1", "1", "2", "2024", "20240501")
		for range rapid.IntRange(0, 3).Draw(t, "numbers") {
			s += "." + small("number")
		}
		s += pick("pre", "", "", "-alpha", "-rc", "rc1", "-rc.2", "-rc10", "-beta_2", "-0.1", "-rc.1-2", "-rc.1.x")
		s += pick("variant", "", "", "-alpine", "-debian-12-r1", "-debian-12-r2", "-1", "-2", "-k3s1", "-ls1", "-5-gabcdef0", "-a1b2c3d", "-x_1")
		return s + pick("build", "", "", "+1", "+2", "+1.2", "+k3s1", "+k3s2", "+abc", "+1.a", "+01")
	})
}

func TestCompareIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawn().Draw(t, "a"), drawn().Draw(t, "b"), drawn().Draw(t, "c")
		ab, known := Compare(a, b)
		if ba, also := Compare(b, a); ba != -ab || known != also {
			t.Fatalf("Compare(%q, %q) = %d, %t, and the other way round %d, %t", a, b, ab, known, ba, also)
		}
		if order, ok := Compare(a, a); order != 0 || !ok {
			t.Fatalf("Compare(%q, %q) = %d, %t", a, a, order, ok)
		}
		bc, first := Compare(b, c)
		ac, second := Compare(a, c)
		if known && first && second && ab <= 0 && bc <= 0 && (ac > 0 || ac == 0 && ab+bc < 0) {
			t.Fatalf("%q, %q and %q are in no order: %d, %d, %d", a, b, c, ab, bc, ac)
		}
	})
}

func TestCompareAgreesWithSemanticVersions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) string {
			n := rapid.IntRange(0, 12)
			return fmt.Sprintf("%d.%d.%d%s", n.Draw(t, what), n.Draw(t, what), n.Draw(t, what), rapid.SampledFrom([]string{"", "", "-alpha", "-alpha.1", "-beta", "-beta.2", "-beta.11", "-rc.1"}).Draw(t, what))
		}
		a, b := draw("a"), draw("b")
		if got, ok := Compare(a, b); !ok || got != semver.MustParse(a).Compare(semver.MustParse(b)) {
			t.Fatalf("Compare(%q, %q) = %d, %t", a, b, got, ok)
		}
		for _, v := range []string{a, b} {
			if got, ok := Core(v); !ok || got != v {
				t.Fatalf("Core(%q) = %q, %t", v, got, ok)
			}
		}
	})
}

// FuzzCompare compares anything: it never panics, and any versions can be sorted among which each can be compared with each.
func FuzzCompare(f *testing.F) {
	f.Add("1.2.3", "v1.2.4-rc1", "1.2")
	f.Add("RELEASE.2024-05-01T01-02-03Z", "v20240501-a1b2c3d", "2024-05-01")
	f.Add("1.0.0+k3s1", "1.0.0-debian-12-r1", "chart-1.0.0_1")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		all := []string{a, b, c}
		for _, x := range all {
			if core, ok := Core(x); ok {
				if _, err := semver.StrictNewVersion(core); err != nil {
					t.Fatalf("Core(%q) = %q: %v", x, core, err)
				}
			}
			IsPreRelease(x)
			for _, y := range all {
				xy, ok := Compare(x, y)
				if yx, also := Compare(y, x); yx != -xy || ok != also {
					t.Fatalf("Compare(%q, %q) = %d, %t, and the other way round %d, %t", x, y, xy, ok, yx, also)
				}
				Step(x, y)
			}
		}
		for _, x := range all {
			for _, y := range all {
				if _, ok := Compare(x, y); !ok {
					return
				}
			}
		}
		slices.SortFunc(all, func(x, y string) int { order, _ := Compare(x, y); return order })
		if order, _ := Compare(all[0], all[2]); order > 0 {
			t.Fatalf("%q are in no order", all)
		}
	})
}
