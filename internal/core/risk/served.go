package risk

import (
	"fmt"

	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// api flags objects of API versions that the minor does not serve, or that end.
func (x *finder) api(c diff.Change) {
	if x.served == nil || c.After == nil {
		return
	}
	id := c.Object
	life, known := apis.LifeOf(id.Group, id.Version, id.Kind)
	use := ""
	if life.Replacement != "" {
		use = ": use " + life.Replacement
	}
	if !x.served.Serves(id.Group, id.Version, id.Kind) {
		_, kindServed := x.served.Namespaced(id.Group, id.Kind)
		switch {
		case known && !life.Removed.IsZero() && (x.facts.Minor.IsZero() || life.Removed.Compare(x.facts.Minor) <= 0):
			x.flag(APIRemoved, id, "/apiVersion", "%s is gone since Kubernetes %v, and the sync fails%s", api(id), life.Removed, use)
		case known && !life.Introduced.IsZero() && !x.facts.Minor.IsZero() && life.Introduced.Compare(x.facts.Minor) > 0:
			x.flag(APIRemoved, id, "/apiVersion", "%s comes with Kubernetes %v only, and the sync fails", api(id), life.Introduced)
		case known || kindServed:
			x.flag(APIRemoved, id, "/apiVersion", "%s is not served%s, and the sync fails%s", api(id), x.on(), use)
		default:
			x.flag(UnknownKind, id, "/kind", "%s is served neither%s nor by a CustomResourceDefinition of this release: the sync fails on a cluster that has it from nowhere else",
				api(id), x.on())
		}
		return
	}
	if !came(c) && (c.From == nil || c.From.Version == id.Version) {
		return
	}
	switch {
	case x.next != nil && !x.next.Serves(id.Group, id.Version, id.Kind):
		x.flag(APIDeprecated, id, "/apiVersion", "%s is not served by %s%s", api(id), x.after(), use)
	case known && !x.facts.Minor.IsZero() && !life.Deprecated.IsZero() && life.Deprecated.Compare(x.facts.Minor) <= 0:
		end := ""
		if !life.Removed.IsZero() {
			end = fmt.Sprintf(" and goes with %v", life.Removed)
		}
		x.flag(APIDeprecated, id, "/apiVersion", "%s is deprecated since Kubernetes %v%s%s", api(id), life.Deprecated, end, use)
	}
}

// after names the minor after this one.
func (x *finder) after() string {
	if x.facts.Minor.IsZero() {
		return "the next minor"
	}
	return "Kubernetes " + x.facts.Minor.Next().String()
}

func api(id manifest.ID) string { return id.APIVersion() + " " + id.Kind }

func (x *finder) on() string {
	if x.facts.Minor.IsZero() {
		return " by this minor"
	}
	return " by Kubernetes " + x.facts.Minor.String()
}

// maxImmutable bounds the flags of one object: the first says it all.
const maxImmutable = 10

// immutable flags fields that the API server refuses to change.
func (x *finder) immutable(c diff.Change) {
	if c.Kind != diff.Changed {
		return
	}
	n := 0
	for _, fields := range [][]diff.Field{c.Fields, c.Hidden} {
		for _, f := range fields {
			if !diff.Refused(c.Before, c.After, f) {
				continue
			}
			if n++; n <= maxImmutable {
				x.flag(ImmutableField, c.Object, f.Path, "%s of a %s cannot change, and the sync fails: it must be deleted and made anew", f.Shown, c.Object.Kind)
			}
		}
	}
	if n > maxImmutable {
		x.weigh(-1, ImmutableField, c.Object, "", "%d more fields cannot change either", n-maxImmutable)
	}
}
