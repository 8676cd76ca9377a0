// Package version reads Kubernetes versions in every shape that clusters report them.
//
// The minor decides which release branch a cluster is served from, so a string that does not
// clearly name one is an error here, never a guess: callers hold what the cluster has.
package version

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// maxLen bounds what is looked at: the longest version a distribution is known to report has 40 bytes.
const maxLen = 128

// maxNumber bounds each number of a version. Kubernetes counts minors one by one; a four-digit
// number is a slip or an attack, and refusing it keeps `999.999` from ever naming a branch.
const maxNumber = 999

// Minor is a Kubernetes minor such as 1.31. The zero value names none.
type Minor struct{ Major, Minor int }

// ParseMinor reads the form that catalogs and branch names use: exactly `<major>.<minor>`,
// without a leading v, a patch or leading zeros.
func ParseMinor(s string) (Minor, error) {
	major, minor, ok := strings.Cut(s, ".")
	if !ok {
		return Minor{}, fmt.Errorf("%s is not a Kubernetes minor: want <major>.<minor>, such as 1.31", quote(s))
	}
	m := Minor{}
	for _, part := range []struct {
		text string
		into *int
	}{{major, &m.Major}, {minor, &m.Minor}} {
		n, err := number(part.text)
		if err != nil {
			return Minor{}, fmt.Errorf("%s is not a Kubernetes minor: %w; want <major>.<minor>, such as 1.31", quote(s), err)
		}
		*part.into = n
	}
	if m.Major == 0 {
		return Minor{}, fmt.Errorf("%s is not a Kubernetes minor: the major version is 0; want <major>.<minor>, such as 1.31", quote(s))
	}
	return m, nil
}

func number(s string) (int, error) {
	if s == "" {
		return 0, fmt.Errorf("a number is missing")
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0, fmt.Errorf("%s is not a number", quote(s))
		}
	}
	if len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("%s has a leading zero", quote(s))
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > maxNumber {
		return 0, fmt.Errorf("%s is larger than %d", quote(s), maxNumber)
	}
	return n, nil
}

// String writes the form that ParseMinor reads, and "" for the zero value.
func (m Minor) String() string {
	if m.IsZero() {
		return ""
	}
	return strconv.Itoa(m.Major) + "." + strconv.Itoa(m.Minor)
}

// IsZero reports whether m names no minor.
func (m Minor) IsZero() bool { return m == Minor{} }

// Compare orders minors by major, then minor, as numbers.
func (m Minor) Compare(o Minor) int {
	return cmp.Or(cmp.Compare(m.Major, o.Major), cmp.Compare(m.Minor, o.Minor))
}

// Next is the minor that Kubernetes publishes after m.
func (m Minor) Next() Minor { return Minor{m.Major, m.Minor + 1} }

// MarshalText writes String.
func (m Minor) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMinor reads, and the empty string as the zero value.
func (m *Minor) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*m = Minor{}
		return nil
	}
	*m, err = ParseMinor(string(b))
	return err
}

// Kubernetes is the version of one API server.
type Kubernetes struct {
	// Minor decides which release branch serves the cluster.
	Minor Minor
	// Patch is 0 when the version names only a minor.
	Patch int
	// Raw is what was read, for people.
	Raw string
}

// shape accepts what API servers and cloud providers report: an optional v, major.minor, an optional patch,
// then either the bare `+` that EKS and GKE put behind the minor, or a pre-release and build part.
var shape = regexp.MustCompile(`^v?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(\+|(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$`)

// ParseKubernetes reads every form in which a cluster's version is known to be reported: `v1.31.4`, `1.31`,
// `1.31+`, `v1.31.4+k3s1`, `v1.31.4-eks-99`, `v1.31.4-gke.100`, `v1.31.0-rc.1`.
func ParseKubernetes(s string) (Kubernetes, error) {
	refuse := func(why string) (Kubernetes, error) {
		return Kubernetes{}, fmt.Errorf("%s is not a Kubernetes version: %s; want a form like v1.31.4", quote(s), why)
	}
	if s == "" {
		return refuse("it is empty")
	}
	if len(s) > maxLen {
		return refuse(fmt.Sprintf("it has %d bytes, at most %d are read", len(s), maxLen))
	}
	m := shape.FindStringSubmatch(s)
	if m == nil {
		return refuse("it has another form")
	}
	minor, err := ParseMinor(m[1] + "." + m[2])
	if err != nil {
		return refuse("its major or minor version is no number up to " + strconv.Itoa(maxNumber))
	}
	v := Kubernetes{Minor: minor, Raw: s}
	if m[3] != "" {
		if v.Patch, err = number(m[3]); err != nil {
			return refuse("its patch version: " + err.Error())
		}
	}
	return v, nil
}

// String is the version as it was read.
func (k Kubernetes) String() string { return k.Raw }

// Semver is the plain `major.minor.patch` of k. Vendor suffixes are dropped on purpose: semver calls
// `-eks-99` a pre-release, and a range such as `>=1.29` would then refuse every EKS cluster.
func (k Kubernetes) Semver() *semver.Version {
	return semver.New(uint64(k.Minor.Major), uint64(k.Minor.Minor), uint64(k.Patch), "", "")
}

// Range is a set of Kubernetes versions, such as `>=1.29 <1.33`, in the syntax of Masterminds/semver.
// The zero value holds every version.
type Range struct {
	text        string
	constraints *semver.Constraints
}

// maxRange bounds a range: the parser behind it is a regular expression.
const maxRange = 256

// ParseRange reads a range; the empty string holds every version.
func ParseRange(s string) (Range, error) {
	if s == "" {
		return Range{}, nil
	}
	if len(s) > maxRange {
		return Range{}, fmt.Errorf("the range has %d bytes, at most %d are read", len(s), maxRange)
	}
	c, err := semver.NewConstraint(s)
	if err != nil {
		return Range{}, fmt.Errorf("%s is not a version range; want a form like \">=1.29 <1.33\"", quote(s))
	}
	return Range{text: s, constraints: c}, nil
}

// String is the range as it was written.
func (r Range) String() string { return r.text }

// Holds reports whether the range holds exactly this version, its vendor suffix put aside.
func (r Range) Holds(k Kubernetes) bool {
	return r.constraints == nil || r.constraints.Check(k.Semver())
}

// patches are the patch versions tried by HoldsSome. A minor has seen 20 patches so far.
const patches = 64

// HoldsSome reports whether the range holds any version of the minor.
func (r Range) HoldsSome(m Minor) bool {
	if r.constraints == nil {
		return true
	}
	for p := range patches {
		if r.Holds(Kubernetes{Minor: m, Patch: p}) {
			return true
		}
	}
	return false
}

// quote cuts what comes from outside before it lands in a message.
func quote(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%.40q… (%d bytes)", s, len(s))
	}
	return strconv.Quote(s)
}
