package version

import (
	"strings"
	"testing"
)

// FuzzParseMinor: a minor has exactly one way to be written.
func FuzzParseMinor(f *testing.F) {
	for _, s := range []string{"1.31", "1.9", "01.31", "1.", ".1", "1.31.4", "999.999", "0.1", "1.٣١", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMinor(s)
		if err != nil {
			if !m.IsZero() {
				t.Errorf("an error came with %v", m)
			}
			return
		}
		if m.String() != s || m.IsZero() {
			t.Errorf("ParseMinor(%q) is written %q", s, m)
		}
	})
}

// FuzzParseKubernetes: whatever reads as a version keeps its text and names one minor.
func FuzzParseKubernetes(f *testing.F) {
	for _, s := range []string{
		"v1.31.4", "1.31", "1.31+", "v1.31.4+k3s1", "v1.31.4-eks-99", "v1.31.4-gke.100", "v1.31.0-rc.1",
		"", "latest", "v1", "1.31.x", "v9999999999.1", "1.31.4; rm -rf", "999.999", "-1", "v1.31.4\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKubernetes(s)
		if err != nil {
			if (k != Kubernetes{}) {
				t.Errorf("an error came with %+v", k)
			}
			return
		}
		if k.String() != s || len(s) > maxLen || k.Patch < 0 {
			t.Errorf("ParseKubernetes(%q) is %+v", s, k)
		}
		if !strings.HasPrefix(strings.TrimPrefix(s, "v"), k.Minor.String()) {
			t.Errorf("ParseKubernetes(%q) is minor %s", s, k.Minor)
		}
		plain, err := ParseKubernetes(k.Semver().String())
		if err != nil || plain.Minor != k.Minor || plain.Patch != k.Patch {
			t.Errorf("ParseKubernetes(%q) is %s as semver, which reads as %+v, %v", s, k.Semver(), plain, err)
		}
	})
}

// FuzzParseRange: a range keeps its text, and holds some version of every minor of which it holds one.
func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"", ">=1.29", ">=1.29 <1.33", "1.31.x", "^1.30 || ~1.28", "!=1.31.2", ">=1.29 <", "1.30 - 1.32", "*", ">=1.31-0", "||", " "} {
		f.Add(s)
	}
	versions := []string{"v1.31.4", "1.31", "v1.31.4-eks-99", "v1.29.0", "v1.33.12+k3s1"}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRange(s)
		if err != nil {
			if len(err.Error()) > 500 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if r.String() != s {
			t.Errorf("ParseRange(%q) is written %q", s, r)
		}
		for _, v := range versions {
			k, err := ParseKubernetes(v)
			if err != nil {
				t.Fatal(err)
			}
			if r.Holds(k) && !r.HoldsSome(k.Minor) {
				t.Errorf("%q holds %s and nothing of %s", s, k, k.Minor)
			}
		}
	})
}
