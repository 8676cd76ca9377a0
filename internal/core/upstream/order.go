package upstream

// Compare orders two versions as their publishers count, and tells whether they can be compared at all: semantic versions with or without a v or a
// prefix that both have (helm-chart-1.2.3), fewer or more numbers, builds (+1), dates. "latest" is comparable to nothing. Suffixes that are variants of an image (-alpine, -debian-12) are comparable
// only among themselves.
func Compare(a, b string) (order int, comparable bool) { panic("todo") }

// Size is how large a step is.
type Size string

// The sizes. Below 1.0.0 a step of the second number counts as minor.
const (
	Major Size = "major"
	Minor Size = "minor"
	Patch Size = "patch"
	// Digest is another content under the same name.
	Digest Size = "digest"
)

// Step is the size of the step from one version to a newer one; Major where that cannot be said.
func Step(from, to string) Size { panic("todo") }

// IsPreRelease tells of a version whose name says that it is not finished: alpha, beta, rc, dev, nightly and the like.
func IsPreRelease(version string) bool { panic("todo") }

// Core is the version as semantic versions' ranges can be asked about: prefix and variant put aside. Ok is false where there is none.
func Core(version string) (semver string, ok bool) { panic("todo") }
