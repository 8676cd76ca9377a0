// Package release knows the names of release branches and release tags.
//
// A tag such as `v1.31-ake.4` is no strict semver (golang.org/x/mod/semver refuses it), so this one parser
// decides everywhere what a release is and which of two is newer. Numbers compare as numbers: ake.10 is newer
// than ake.9.
package release

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/version"
)

// branchPrefix starts the name of every release branch.
const branchPrefix = "release-"

// Branch is the name of the release branch of a minor.
func Branch(m version.Minor) string { return branchPrefix + m.String() }

// ParseBranch reads the minor from a release branch's name; ok is false for any other branch.
func ParseBranch(name string) (m version.Minor, ok bool) {
	rest, found := strings.CutPrefix(name, branchPrefix)
	if !found {
		return version.Minor{}, false
	}
	m, err := version.ParseMinor(rest)
	return m, err == nil
}

// Tag is the name of a release: the N-th of a distribution on the branch of a minor.
type Tag struct {
	Minor        version.Minor
	Distribution string
	// N counts from 1.
	N int
}

// maxN keeps a number within what every platform's int and every label value holds.
const maxN = 1_000_000_000

// distribution is a DNS-1123 label without a dash at either end.
var distribution = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// MaxDistribution is the longest distribution name: a tag must fit a label value of 63 bytes.
const MaxDistribution = 32

// CheckDistribution tells what is wrong with the name of a distribution, or nil.
func CheckDistribution(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("the distribution is empty; want a short name such as ake")
	case len(s) > MaxDistribution:
		return fmt.Errorf("the distribution has %d bytes, at most %d allowed", len(s), MaxDistribution)
	case !distribution.MatchString(s):
		return fmt.Errorf("%q is not a distribution: want lower-case letters, digits and inner dashes, such as ake", s)
	}
	return nil
}

// ParseTag reads `v<minor>-<distribution>.<n>`. It refuses leading zeros and a number of 0, so that every
// release has exactly one name.
func ParseTag(s string) (Tag, error) {
	refuse := func(why string) (Tag, error) {
		shown := s
		if len(shown) > 64 {
			shown = shown[:64] + "…"
		}
		return Tag{}, fmt.Errorf("%q is not a release tag: %s; want v<minor>-<distribution>.<n>, such as v1.31-ake.4", shown, why)
	}
	rest, ok := strings.CutPrefix(s, "v")
	if !ok {
		return refuse("it does not start with v")
	}
	minor, rest, ok := strings.Cut(rest, "-")
	if !ok {
		return refuse("it names no distribution")
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 {
		return refuse("it has no number")
	}
	m, err := version.ParseMinor(minor)
	if err != nil {
		return refuse("its minor is malformed")
	}
	if err := CheckDistribution(rest[:dot]); err != nil {
		return refuse("its distribution is malformed")
	}
	digits := rest[dot+1:]
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > maxN || strconv.Itoa(n) != digits {
		return refuse(fmt.Sprintf("its number is not one from 1 to %d without leading zeros", maxN))
	}
	return Tag{Minor: m, Distribution: rest[:dot], N: n}, nil
}

// String is the tag's name; "" for the zero value.
func (t Tag) String() string {
	if t.IsZero() {
		return ""
	}
	return "v" + t.Minor.String() + "-" + t.Distribution + "." + strconv.Itoa(t.N)
}

// IsZero reports whether t names no release.
func (t Tag) IsZero() bool { return t == Tag{} }

// Compare orders releases by minor, distribution, number.
func (t Tag) Compare(o Tag) int {
	return cmp.Or(t.Minor.Compare(o.Minor), cmp.Compare(t.Distribution, o.Distribution), cmp.Compare(t.N, o.N))
}

// MarshalText writes String.
func (t Tag) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what ParseTag reads, and the empty string as the zero value.
func (t *Tag) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*t = Tag{}
		return nil
	}
	*t, err = ParseTag(string(b))
	return err
}

// Release is a tag and the commit it named when it was first seen. A tag that moves later changes nothing here.
type Release struct {
	Tag Tag
	// Commit is 40 lower-case hexadecimal digits.
	Commit string
}

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// IsCommit reports whether s is a full commit id, the only revision that is delivered without asking Git.
func IsCommit(s string) bool { return commit.MatchString(s) }
