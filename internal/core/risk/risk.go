// Package risk finds in a comparison what can hurt a cluster, from the structure of the objects alone.
//
// It tells news: what changed or came. What was as bad before is not repeated, but for an API version that the minor does not serve, which
// keeps any change of the object from being delivered.
package risk

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/addon-manager/addon-manager/internal/core/apis"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// Flag is one risk.
type Flag struct {
	Code fault.Code
	// Object names the object as manifest.ID.String does, Path is a JSON pointer into it, empty for the whole object. Of an object that
	// changed it is the head's, and leads into the base where the value is gone.
	Object, Path string
	// Message is one sentence for the reviewer: what happened and what it means. It holds no secret.
	Message string
}

// Facts are what the risks of an addon depend on beside its objects.
type Facts struct {
	Addon catalog.Addon
	// Gone is set when the head does not offer the addon to clusters of the minor.
	Gone bool
	// Minor is the one that was rendered for. Zero leaves out what is deprecated, but for what Next does not serve.
	Minor version.Minor
	// Served is what the minor serves, with the CustomResourceDefinitions of the release; Next is the same for the minor after it, nil when
	// nothing is known of that.
	Served, Next *apis.Set
}

// Flags finds the risks of a comparison on one minor, ranked: the worst first, then by object and path.
func Flags(r diff.Result, f Facts) []Flag {
	x := finder{facts: f, changes: r.Changes}
	if f.Served != nil {
		x.served = f.Served
	}
	if f.Next != nil {
		x.next = f.Next
	}
	return x.find(r)
}

// kinds is what the rules ask an apis.Set.
type kinds interface {
	Serves(group, version, kind string) bool
	Namespaced(group, kind string) (namespaced, known bool)
}

// finder collects the risks of one comparison.
type finder struct {
	facts        Facts
	served, next kinds
	changes      []diff.Change
	found        []ranking
}

// ranking is a flag with its weight among those of its code: the higher, the worse.
type ranking struct {
	Flag
	weight int
}

func (x *finder) find(r diff.Result) []Flag {
	if x.facts.Gone {
		how := "with its objects"
		if x.facts.Addon.OnDisable == catalog.Retain {
			how = "and its objects stay"
		}
		x.found = append(x.found, ranking{Flag: Flag{Code: AddonRemoved, Message: sentence(fmt.Sprintf(
			"is not offered any more: it leaves the clusters that have it after its grace period, within the deletion budget, %s", how,
		))}})
	}
	for _, c := range r.Changes {
		x.removal(c)
		x.api(c)
		x.immutable(c)
		x.definition(c)
		x.rights(c)
		x.privileges(c)
		x.webhooks(c)
		x.scale(c)
		x.protection(c)
		x.secrets(c)
		x.place(c)
		x.managed(c)
		x.hook(c)
		x.size(c)
	}
	x.images(r.Images)
	slices.SortFunc(x.found, func(a, b ranking) int {
		return cmp.Or(
			cmp.Compare(Rank(a.Code), Rank(b.Code)), cmp.Compare(b.weight, a.weight),
			cmp.Compare(a.Object, b.Object), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message),
		)
	})
	var flags []Flag
	for _, f := range x.found {
		if len(flags) == 0 || flags[len(flags)-1] != f.Flag {
			flags = append(flags, f.Flag)
		}
	}
	return flags
}

// flag adds a risk of an object.
func (x *finder) flag(code fault.Code, id manifest.ID, path, format string, args ...any) {
	x.weigh(0, code, id, path, format, args...)
}

// weigh adds a risk with a weight among those of its code.
func (x *finder) weigh(weight int, code fault.Code, id manifest.ID, path, format string, args ...any) {
	x.found = append(x.found, ranking{Flag{code, id.String(), path, sentence(fmt.Sprintf(format, args...))}, weight})
}

// content is what is in an object, nil where there is none.
func content(o *manifest.Object) map[string]any {
	if o == nil {
		return nil
	}
	return o.Content
}

// came reports whether the cluster gets an object that it did not have under this name.
func came(c diff.Change) bool { return c.Kind == diff.Added || c.Kind == diff.Renamed }

// pointer makes a JSON pointer of keys and list positions.
func pointer(keys ...any) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteByte('/')
		switch k := k.(type) {
		case int:
			b.WriteString(strconv.Itoa(k))
		case string:
			b.WriteString(manifest.EscapePointer(k))
		}
	}
	return b.String()
}

const (
	// maxShown bounds how many of many a message lists, maxValue how much it shows of a value.
	maxShown = 20
	maxValue = 120
	// maxMessage bounds a message: names in manifests may have any length.
	maxMessage = 1500
)

// sentence makes one line of a message, and not too long a one, whatever the names in it are.
func sentence(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// list is an enumeration for a message: some, and how many more.
func list(items []string) string {
	if len(items) <= maxShown {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:maxShown], ", "), len(items)-maxShown)
}

// quote is a value for a message.
func quote(v any) string {
	s := fmt.Sprint(v)
	if len(s) > maxValue {
		s = strings.ToValidUTF8(s[:maxValue], "") + "…"
	}
	return strconv.Quote(s)
}

// texts are the strings of a list.
func texts(l []any) (all []string) {
	for _, v := range l {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// number is a whole number as manifests hold them.
func number(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), v == float64(int64(v))
	case int:
		return int64(v), true
	}
	return 0, false
}
