package risk

import (
	"cmp"
	"maps"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

const definitions = "CustomResourceDefinition.apiextensions.k8s.io"

// crdVersion is one version of a CustomResourceDefinition, and where in the list it stands.
type crdVersion struct {
	content map[string]any
	at      int
}

func crdVersions(o *manifest.Object) map[string]crdVersion {
	all := map[string]crdVersion{}
	for i, v := range manifest.List(content(o), "spec", "versions") {
		if v, ok := v.(map[string]any); ok {
			all[manifest.Text(v, "name")] = crdVersion{v, i}
		}
	}
	return all
}

// definition flags what a changed CustomResourceDefinition does to the objects of its kind.
func (x *finder) definition(c diff.Change) {
	if c.Before == nil || c.After == nil || c.Object.GroupKind() != definitions || c.Before.Name != c.After.Name {
		return
	}
	kind := manifest.Text(c.After.Content, "spec", "names", "kind")
	before, after := crdVersions(c.Before), crdVersions(c.After)
	was, is := stored(before), stored(after)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		old, now := before[name], after[name]
		if old.content["served"] != true {
			continue
		}
		switch {
		case now.content == nil:
			x.flag(CRDVersionRemoved, c.Object, pointer("spec", "versions", old.at),
				"version %s of %s is gone: clients and manifests that use it fail, and the API server refuses the change while objects may be stored in it", name, kind)
			continue
		case now.content["served"] != true:
			x.flag(CRDVersionRemoved, c.Object, pointer("spec", "versions", now.at, "served"),
				"version %s of %s is not served any more: clients and manifests that use it fail", name, kind)
			continue
		}
		n := narrowing{found: map[fault.Code][]place{}}
		path := pointer("spec", "versions", now.at, "schema", "openAPIV3Schema")
		n.compare(manifest.Map(old.content, "schema", "openAPIV3Schema"), manifest.Map(now.content, "schema", "openAPIV3Schema"), path, "")
		for code, places := range n.found {
			slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.shown, b.shown), cmp.Compare(a.path, b.path)) })
			var shown []string
			for _, p := range places {
				shown = append(shown, p.shown)
			}
			switch code {
			case CRDFieldRequired:
				x.flag(code, c.Object, places[0].path, "%s %s requires more: objects that lack it are refused at their next update: %s", kind, name, list(shown))
			default:
				x.flag(code, c.Object, places[0].path, "%s %s allows less: objects that do not fit are refused at their next update, or lose the field: %s", kind, name, list(shown))
			}
		}
	}
	if was != "" && is != "" && was != is {
		x.flag(CRDStorageChanged, c.Object, pointer("spec", "versions", after[is].at, "storage"),
			"objects of %s are stored as %s instead of %s from their next write on: after that the old release no longer works with them, and %s must not go before all are migrated",
			kind, is, was, was)
	}
	from, to := conversion(c.Before), conversion(c.After)
	if from != to && len(before) > 1 {
		x.flag(CRDStorageChanged, c.Object, "/spec/conversion/strategy", "versions of %s are converted by %s instead of %s: fields that only some versions have may get lost", kind, to, from)
	}
}

func stored(versions map[string]crdVersion) string {
	for name, v := range versions {
		if v.content["storage"] == true {
			return name
		}
	}
	return ""
}

func conversion(o *manifest.Object) string {
	if s := manifest.Text(o.Content, "spec", "conversion", "strategy"); s != "" {
		return s
	}
	return "None"
}

// place is where a schema allows less, and what.
type place struct{ path, shown string }
