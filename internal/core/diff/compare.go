package diff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// Compare compares two renders; both are sorted by ID.
func Compare(base, head []manifest.Object, o Options) Result {
	c := comparison{budget: pairBudget, renameLikeness: renameLikeness, schemas: schemasOf(o.CRDs), unstable: map[manifest.ID][]string{}}
	for _, u := range o.Unstable {
		c.unstable[u.Object] = append(c.unstable[u.Object], u.Path)
	}
	pairs := c.match(base, head)
	references := hashedNames(pairs)
	r := Result{Unstable: sortUnstable(o.Unstable)}
	for _, p := range pairs {
		if change, ok := c.change(p, references); ok {
			r.Changes = append(r.Changes, change)
		}
	}
	slices.SortStableFunc(r.Changes, func(a, b Change) int { return cmp.Or(a.Object.Compare(b.Object), cmp.Compare(a.Kind, b.Kind)) })
	r.Images = images(r.Changes, base, head)
	return r
}

// comparison is what the objects of one comparison share.
type comparison struct {
	budget         int
	renameLikeness float64
	schemas        map[manifest.ID]map[string]any
	unstable       map[manifest.ID][]string
}

// pair is an object on both sides, or on one.
type pair struct {
	before, after *manifest.Object
	// hashed is true for objects that are the same but for a hash of their content at the end of the name.
	hashed bool
}

// match finds for each object its counterpart.
func (c *comparison) match(base, head []manifest.Object) []pair {
	var pairs []pair
	var gone, came []*manifest.Object
	i, j := 0, 0
	for i < len(base) || j < len(head) {
		order := 0
		switch {
		case i == len(base):
			order = 1
		case j == len(head):
			order = -1
		default:
			order = base[i].Same().Compare(head[j].Same())
		}
		switch {
		case order < 0:
			gone, i = append(gone, &base[i]), i+1
		case order > 0:
			came, j = append(came, &head[j]), j+1
		default:
			pairs, i, j = append(pairs, pair{before: &base[i], after: &head[j]}), i+1, j+1
		}
	}
	return append(pairs, c.rename(gone, came)...)
}

// change is what happened to an object; false when nothing did.
func (c *comparison) change(p pair, references map[string]string) (Change, bool) {
	switch {
	case p.after == nil:
		return Change{Object: p.before.ID, Kind: Removed, Before: p.before}, !slices.Contains(c.unstable[p.before.ID], "")
	case p.before == nil:
		return Change{Object: p.after.ID, Kind: Added, After: p.after}, !slices.Contains(c.unstable[p.after.ID], "")
	}
	change := Change{Object: p.after.ID, Kind: Changed, Before: p.before, After: p.after}
	if p.before.ID != p.after.ID {
		change.From = &p.before.ID
	}
	if p.before.Same() != p.after.Same() {
		change.Kind = Renamed
	}
	n := newNoise(p.before, p.after, references)
	for _, f := range c.fields(p.before, p.after) {
		switch {
		case c.ignores(p.before.ID, f):
		case n.hides(f.Field):
			change.Hidden = append(change.Hidden, f.Field)
		default:
			change.Fields = append(change.Fields, f.Field)
		}
	}
	differs := len(change.Fields) > 0 || len(change.Hidden) > 0
	// A random name is no news.
	return change, differs || change.Kind == Renamed && !slices.Contains(c.unstable[p.before.ID], randomName)
}

// fields are all differences between two objects.
func (c *comparison) fields(before, after *manifest.Object) []found {
	if same(before.Content, after.Content) {
		return nil
	}
	schema := manifest.ID{Group: after.Group, Version: after.Version, Kind: after.Kind}
	w := walker{builtin: builtin(after.Group), budget: &c.budget}
	return w.object(before.Content, after.Content, c.schemas[schema])
}

// builtin reports whether a group is one of Kubernetes' own. Some projects of the community have groups under k8s.io, too: theirs have x-k8s.io
// or their own name in front, and their kinds come with CustomResourceDefinitions.
func builtin(group string) bool {
	if !strings.Contains(group, ".") {
		return true
	}
	return slices.Contains([]string{
		"admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io",
		"certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "flowcontrol.apiserver.k8s.io", "networking.k8s.io",
		"node.k8s.io", "rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io",
		"internal.apiserver.k8s.io",
	}, group)
}

// schemasOf are the schemas of custom resources by group, version and kind.
func schemasOf(crds []manifest.Object) map[manifest.ID]map[string]any {
	schemas := map[manifest.ID]map[string]any{}
	for _, crd := range crds {
		if crd.GroupKind() != "CustomResourceDefinition.apiextensions.k8s.io" {
			continue
		}
		group, kind := manifest.Text(crd.Content, "spec", "group"), manifest.Text(crd.Content, "spec", "names", "kind")
		for _, v := range manifest.List(crd.Content, "spec", "versions") {
			id := manifest.ID{Group: group, Version: manifest.Text(v, "name"), Kind: kind}
			schemas[id] = manifest.Map(v, "schema", "openAPIV3Schema")
		}
	}
	return schemas
}
