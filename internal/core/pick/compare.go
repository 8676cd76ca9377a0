package pick

import (
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// plainVersion has at least one dot or is a small number: others may be commits, dates or names.
var plainVersion = regexp.MustCompile(`^v?(?:[0-9]{1,9}(?:\.[0-9]{1,9}){1,2}|[0-9]{1,4})(?:[-+][0-9A-Za-z.+_-]*)?$`)

// ordered are the suffixes whose order the semantic versions define as people mean it.
var ordered = regexp.MustCompile(`^(?:(?:alpha|beta|rc|pre|dev)(?:\.?[0-9]+)?|[0-9]+)(?:\.[0-9]+)*$`)

// compare orders two versions of the same thing, and tells whether it can: a suffix such as -alpine or -r10 has no order, and of two
// digests of the same version nobody knows which is right.
func compare(a, b scalar) (order int, ok bool) {
	if a.about != b.about || a.version == b.version || !plainVersion.MatchString(a.version) || !plainVersion.MatchString(b.version) {
		return 0, false
	}
	// Tags have underscores for the plus of semantic versions.
	va, err := semver.NewVersion(strings.ReplaceAll(a.version, "_", "-"))
	if err != nil {
		return 0, false
	}
	vb, err := semver.NewVersion(strings.ReplaceAll(b.version, "_", "-"))
	if err != nil {
		return 0, false
	}
	core := semver.New(va.Major(), va.Minor(), va.Patch(), "", "").Compare(semver.New(vb.Major(), vb.Minor(), vb.Patch(), "", ""))
	switch {
	case core != 0:
		return core, true
	case va.Prerelease() == vb.Prerelease():
		return 0, va.Metadata() == vb.Metadata()
	case (va.Prerelease() == "" || ordered.MatchString(va.Prerelease())) && (vb.Prerelease() == "" || ordered.MatchString(vb.Prerelease())):
		return va.Compare(vb), true
	}
	return 0, false
}
