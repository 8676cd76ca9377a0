// Package diff compares what two versions of an addon render to, object by object and field by field. The objects it is given are masked
// already: what is in them may be shown.
package diff

import (
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// Kind says what happened to an object.
type Kind string

// The kinds of change.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	Changed Kind = "changed"
	// Renamed is an object that went while a similar one of its kind came under another name or namespace.
	Renamed Kind = "renamed"
)

// Change is what happened to one object.
type Change struct {
	// Object is the one of the head, or of the base when it was removed.
	Object manifest.ID
	// From is the object of the base where its ID was another: renamed, or of another API version. Nil otherwise.
	From *manifest.ID
	Kind Kind
	// Fields are those that differ and are not hidden, sorted by path; empty for what was added or removed.
	Fields []Field
	// Hidden are those that differ and are known noise, sorted by path.
	Hidden []Field
	// Before and After are the whole objects, nil where there is none.
	Before, After *manifest.Object
}

// Field is one value that differs.
type Field struct {
	// Path is a JSON pointer (RFC 6901) into the object of the head, or of the base where the value is gone. The path of a whole list,
	// with the names of its items as values, says that only their order changed, where order matters.
	Path string
	// Shown is the path for people, with list items named by what identifies them: spec.containers[name=app].image.
	Shown string
	// Before and After are the values, nil and false where there is none.
	Before, After       any
	HadBefore, HasAfter bool
}

// Image is a container image that came, went or was replaced: an empty side is none.
type Image struct {
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Result is what happened to the objects of one addon for one Kubernetes minor.
type Result struct {
	// Changes are sorted by object.
	Changes []Change
	// Images are sorted by their names.
	Images []Image
	// Unstable are the paths that two renders of the same base filled differently; they are compared with nothing. Sorted.
	Unstable []Unstable
}

// Unstable is a field that every render fills anew, with a random value or the time.
type Unstable struct {
	Object manifest.ID
	// Path is the one for people, as in Field.Shown, because it finds list items wherever they are. The path metadata.name is that of
	// an object with a random name, the empty path that of an object which only some renders have.
	Path string
}

// Options are what a comparison knows beside the objects.
type Options struct {
	// Unstable are fields of the base that are compared with nothing: those which UnstableIn found in two renders of it.
	Unstable []Unstable
	// CRDs are the CustomResourceDefinitions of both sides, in any order, the head's last: their schemas say which lists have keys. Other
	// objects are ignored.
	CRDs []manifest.Object
}

// Hidden counts the differences that are known noise.
func (r Result) Hidden() (n int) {
	for i := range r.Changes {
		n += len(r.Changes[i].Hidden)
	}
	return n
}
