package release

import (
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// FuzzParseTag: a release has exactly one name, which fits a label value.
func FuzzParseTag(f *testing.F) {
	for _, s := range []string{
		"v1.31-ake.4", "v1.31-a-b.10", "v1.31-ake.04", "v1.31-ake.0", "v1.31-ake.99999999999999999999", "v1.31.0-rc.1",
		"1.31-ake.4", "v1.31-.4", "v1.31-ake.", "v1.31-ake.+4", "v01.31-ake.4", "v999.999-abcdefghijklmnopqrstuvwxyz012345.1000000000", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tag, err := ParseTag(s)
		if err != nil {
			if !tag.IsZero() {
				t.Errorf("an error came with %v", tag)
			}
			return
		}
		if tag.String() != s || tag.IsZero() || tag.N < 1 || len(s) > 63 {
			t.Errorf("ParseTag(%q) is %+v, written %q", s, tag, tag)
		}
		next := tag
		next.N++
		if tag.Compare(next) >= 0 || next.Compare(tag) <= 0 || tag.Compare(tag) != 0 {
			t.Errorf("%s and %s are in the wrong order", tag, next)
		}
	})
}

// FuzzParseBranch: a release branch has exactly one name.
func FuzzParseBranch(f *testing.F) {
	for _, s := range []string{"release-1.31", "release-1.31/../main", "release-01.31", "release-", "main", "-x", "refs/heads/release-1.31"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, ok := ParseBranch(s)
		if ok && Branch(m) != s {
			t.Errorf("ParseBranch(%q) is the branch %q", s, Branch(m))
		}
		if !ok && m != (version.Minor{}) {
			t.Errorf("ParseBranch(%q) refuses and names %s", s, m)
		}
	})
}
