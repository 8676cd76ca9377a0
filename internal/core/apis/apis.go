// Package apis knows what each Kubernetes minor serves, and when its API versions come and go. The data is made from Kubernetes' own
// sources by test/apis/generate, which also says how to add a minor. A cluster is taken to have default settings: what its owner switches
// on or off by flags is not in it.
package apis

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Set is what a cluster serves. It is read-only.
type Set struct {
	kinds map[key]served
	// groups has the scope of each group/kind, whatever the version.
	groups map[string]map[string]bool

	versions    func() []string
	fingerprint func() string
}

// key names a kind in a version of a group.
type key struct{ group, version, kind string }

func (k key) groupVersion() string {
	if k.group == "" {
		return k.version
	}
	return k.group + "/" + k.version
}

type served struct {
	namespaced bool
	// listed kinds can be listed and watched. Argo CD tells renderers only of those.
	listed bool
}

// Of is what a cluster of a minor serves with Kubernetes' default settings, and nothing installed. A minor without data is an error that
// names those that have some.
func Of(minor version.Minor) (*Set, error) {
	all := data()
	if s, ok := all.minors[minor]; ok {
		return s()
	}
	known := Minors()
	return nil, fmt.Errorf("it is not known what Kubernetes %v serves, only of %v to %v: update branch-bot, or offer a minor that it knows",
		minor, known[0], known[len(known)-1])
}

// Minors are those with data, in ascending order.
func Minors() []version.Minor {
	return slices.SortedFunc(maps.Keys(data().minors), version.Minor.Compare)
}

// With is the set plus the kinds of CustomResourceDefinitions; other objects are ignored. A definition that the cluster would refuse, with
// no group, kind or version, adds nothing.
func (s *Set) With(crds []manifest.Object) *Set {
	kinds := maps.Clone(s.kinds)
	for _, crd := range crds {
		if crd.Group != "apiextensions.k8s.io" || crd.Version != "v1" || crd.Kind != "CustomResourceDefinition" {
			continue
		}
		group, kind := manifest.Text(crd.Content, "spec", "group"), manifest.Text(crd.Content, "spec", "names", "kind")
		namespaced := manifest.Text(crd.Content, "spec", "scope") == "Namespaced"
		for _, v := range manifest.List(crd.Content, "spec", "versions") {
			k := key{group, manifest.Text(v, "name"), kind}
			if manifest.At(v, "served") != true || k.group == "" || k.version == "" || k.kind == "" {
				continue
			}
			// What is built in stays as it is: a definition cannot take its place.
			if _, ok := s.kinds[k]; !ok {
				kinds[k] = served{namespaced: namespaced, listed: true}
			}
		}
	}
	if len(kinds) == len(s.kinds) {
		return s
	}
	return newSet(kinds)
}

// Versions are what Argo CD tells a renderer, sorted: each group/version, and each group/version/Kind. They belong to the set: do not change
// them.
func (s *Set) Versions() []string { return s.versions() }

// Fingerprint is the same for sets that serve the same, and differs for others. It does not change from run to run.
func (s *Set) Fingerprint() string { return s.fingerprint() }

// Serves reports whether a kind is served in a version. GroupServed tells a kind that is unknown from one of a group that nobody serves.
func (s *Set) Serves(group, version, kind string) bool {
	_, ok := s.kinds[key{group, version, kind}]
	return ok
}

// GroupServed reports whether any version of a group is served.
func (s *Set) GroupServed(group string) bool {
	_, ok := s.groups[group]
	return ok
}

// Namespaced reports whether objects of a kind live in namespaces; known is false where the set does not have the kind.
func (s *Set) Namespaced(group, kind string) (namespaced, known bool) {
	namespaced, known = s.groups[group][kind]
	return namespaced, known
}

func newSet(kinds map[key]served) *Set {
	s := &Set{kinds: kinds, groups: map[string]map[string]bool{}}
	for k, served := range kinds {
		if s.groups[k.group] == nil {
			s.groups[k.group] = map[string]bool{}
		}
		// Two definitions that contradict each other must not be told apart by the order of a map.
		s.groups[k.group][k.kind] = s.groups[k.group][k.kind] || served.namespaced
	}
	s.versions = sync.OnceValue(s.listVersions)
	s.fingerprint = sync.OnceValue(s.digest)
	return s
}

func (s *Set) listVersions() []string {
	names := map[string]bool{}
	for k, served := range s.kinds {
		if served.listed {
			names[k.groupVersion()] = true
			names[k.groupVersion()+"/"+k.kind] = true
		}
	}
	return slices.Clip(slices.Sorted(maps.Keys(names))) // whoever appends gets a copy
}

func (s *Set) digest() string {
	var lines []string
	for k, served := range s.kinds {
		lines = append(lines, fmt.Sprintf("%q %v\n", []string{k.group, k.version, k.kind}, served))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:16])
}
