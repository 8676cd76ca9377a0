// Package risk finds in a comparison what can hurt a cluster, from the structure of the objects alone.
package risk

import (
	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// Flag is one risk.
type Flag struct {
	Code fault.Code
	// Object names the object as manifest.ID.String does, Path is a JSON pointer into it, empty for the whole object.
	Object, Path string
	// Message is one sentence for the reviewer: what happened and what it means. It holds no secret.
	Message string
}

// Facts are what the risks of an addon depend on beside its objects.
type Facts struct {
	Addon catalog.Addon
	// Served is what the minor serves, with the CustomResourceDefinitions of the release; Next is the same for the minor after it, nil when
	// nothing is known of that.
	Served, Next *apis.Set
}

// Flags finds the risks of a comparison on one minor, ranked: the worst first, then by object and path.
func Flags(r diff.Result, f Facts) []Flag { panic("not yet") }

// Rank orders codes: the lower, the worse. An unknown code comes last.
func Rank(c fault.Code) int { panic("not yet") }
