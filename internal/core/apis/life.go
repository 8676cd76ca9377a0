package apis

import "github.com/addon-manager/addon-manager/internal/core/version"

// Life is when an API version of a kind came and goes; a zero minor is unknown or not planned.
type Life struct {
	Introduced, Deprecated, Removed version.Minor
	// Replacement is the group/version that takes its place; empty when there is none.
	Replacement string
}

// LifeOf is the life of a built-in kind's API version; false when nothing is known of it. Kinds of old minors, long removed, are known too.
func LifeOf(group, version, kind string) (Life, bool) {
	l, ok := data().lives[key{group, version, kind}]
	return l, ok
}
