// Package apis knows what each Kubernetes minor serves, and when its API versions end.
package apis

import (
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Set is what a cluster serves. It is read-only.
type Set struct{}

// Of is what a cluster of a minor serves with Kubernetes' default settings, and nothing installed. A minor without data is an error that
// names those that have some.
func Of(minor version.Minor) (*Set, error) { panic("not yet") }

// With is the set plus the kinds of CustomResourceDefinitions; other objects are ignored.
func (s *Set) With(crds []manifest.Object) *Set { panic("not yet") }

// Versions are what Argo CD tells a renderer, sorted: each group/version, and each group/version/Kind.
func (s *Set) Versions() []string { panic("not yet") }

// Serves reports whether a kind is served in a version. GroupServed tells a kind that is unknown from one of a group that nobody serves.
func (s *Set) Serves(group, version, kind string) bool { panic("not yet") }

// GroupServed reports whether any version of a group is served.
func (s *Set) GroupServed(group string) bool { panic("not yet") }

// Namespaced reports whether objects of a kind live in namespaces; known is false where the set does not have the kind.
func (s *Set) Namespaced(group, kind string) (namespaced, known bool) { panic("not yet") }

// Life is when an API version of a kind came and goes; a zero minor is unknown or not planned.
type Life struct {
	Introduced, Deprecated, Removed version.Minor
	// Replacement is the group/version that takes its place; empty when there is none.
	Replacement string
}

// LifeOf is the life of a built-in kind's API version; false when nothing is known of it.
func LifeOf(group, version, kind string) (Life, bool) { panic("not yet") }

// Minors are those with data, in ascending order.
func Minors() []version.Minor { panic("not yet") }
