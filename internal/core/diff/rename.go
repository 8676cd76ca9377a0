package diff

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// hashSuffix is what kustomize appends to the names of ConfigMaps and Secrets it generates: ten characters of a hash, without those that
// could spell words.
var hashSuffix = regexp.MustCompile(`-[2456789bcdfghkmt]{10}$`)

// How much two objects of different names must have in common to be one that was renamed; less is enough where the name is random.
const (
	renameLikeness = 0.5
	randomLikeness = 0.3
)

// family are the objects of one group and kind that have no counterpart yet.
type family struct{ gone, came []*manifest.Object }

// rename finds among the objects that went and came those that only have another name, or another namespace. First those whose names
// differ in a hash alone, then those with random names, then the most alike.
func (c *comparison) rename(gone, came []*manifest.Object) (pairs []pair) {
	families := map[string]*family{}
	var order []string
	of := func(o *manifest.Object) *family {
		kind := o.GroupKind()
		if families[kind] == nil {
			families[kind] = &family{}
			order = append(order, kind)
		}
		return families[kind]
	}
	for _, o := range gone {
		f := of(o)
		f.gone = append(f.gone, o)
	}
	for _, o := range came {
		f := of(o)
		f.came = append(f.came, o)
	}
	for _, kind := range order {
		f := families[kind]
		pairs = append(pairs, f.hashed()...)
		random := func(o *manifest.Object) bool { return slices.Contains(c.unstable[o.ID], randomName) }
		pairs = append(pairs, f.alike(randomLikeness, &c.budget, random)...)
		pairs = append(pairs, f.alike(c.renameLikeness, &c.budget, func(*manifest.Object) bool { return true })...)
		for _, o := range f.gone {
			pairs = append(pairs, pair{before: o})
		}
		for _, o := range f.came {
			pairs = append(pairs, pair{after: o})
		}
	}
	return pairs
}

// hashed takes the pairs whose names differ only in the hash that kustomize puts there.
func (f *family) hashed() []pair {
	stem := func(o *manifest.Object) string {
		if o.Group != "" || o.Kind != "ConfigMap" && o.Kind != "Secret" || !hashSuffix.MatchString(o.Name) {
			return ""
		}
		return o.Namespace + "/" + hashSuffix.ReplaceAllString(o.Name, "")
	}
	where := map[string]int{}
	for i, o := range f.gone {
		where[stem(o)] = i
	}
	var taken [][2]int
	for j, o := range f.came {
		s := stem(o)
		if i, ok := where[s]; ok && s != "" {
			taken = append(taken, [2]int{i, j})
			delete(where, s)
		}
	}
	pairs := f.take(taken)
	for i := range pairs {
		pairs[i].hashed = true
	}
	return pairs
}

// alike takes the pairs that have much in common, of those that qualify.
func (f *family) alike(above float64, budget *int, qualifies func(*manifest.Object) bool) []pair {
	var gone, came []int
	for i, o := range f.gone {
		if qualifies(o) {
			gone = append(gone, i)
		}
	}
	for j := range f.came {
		came = append(came, j)
	}
	sign := func(objects []*manifest.Object) func(int) signature {
		return func(i int) signature { return signObject(objects[i]) }
	}
	var taken [][2]int
	pairAlike(gone, came, sign(f.gone), sign(f.came), above, budget, func(i, j int) { taken = append(taken, [2]int{i, j}) })
	return f.take(taken)
}

// take removes members and gives them as pairs.
func (f *family) take(taken [][2]int) (pairs []pair) {
	for _, t := range taken {
		pairs = append(pairs, pair{before: f.gone[t[0]], after: f.came[t[1]]})
		f.gone[t[0]], f.came[t[1]] = nil, nil
	}
	isNil := func(o *manifest.Object) bool { return o == nil }
	f.gone, f.came = slices.DeleteFunc(f.gone, isNil), slices.DeleteFunc(f.came, isNil)
	return pairs
}

// signObject is the signature of an object whatever it is called, also where it names itself: in labels, selectors and references.
func signObject(o *manifest.Object) signature {
	content := maps.Clone(o.Content)
	metadata := maps.Clone(manifest.Map(content, "metadata"))
	for _, k := range []string{"name", "namespace"} {
		delete(metadata, k)
	}
	for _, k := range []string{"apiVersion", "kind", "metadata"} {
		delete(content, k)
	}
	// An object with nothing but a name is like no other.
	if len(metadata) > 0 {
		content["metadata"] = metadata
	}
	if len(content) == 0 {
		return nil
	}
	return sign(content, func(s string) string {
		if len(o.Name) < 3 {
			return s
		}
		return strings.ReplaceAll(s, o.Name, "\x00")
	})
}

// hashedNames are the names of generated objects, and what they are called now.
func hashedNames(pairs []pair) map[string]string {
	names := map[string]string{}
	for _, p := range pairs {
		if p.hashed {
			names[p.before.Name] = p.after.Name
		}
	}
	return names
}
