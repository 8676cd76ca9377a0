package policy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// Change is what a change of objects does to what policies find.
type Change struct {
	// New is found in the head and was not in the base, Old in both. Both are sorted.
	New, Old []Finding
	// Fixed counts what was found in the base and is not in the head.
	Fixed int
}

// Tell compares the findings of two sides. Renamed says how objects of the base are named in the head.
//
// A finding is old where the base has one of the same constraint about the same object with the same message, or with one that differs in versions,
// digests and numbers alone: an image that is not allowed stays not allowed with another tag. Of several like this, as many are old as there were.
func Tell(base, head []Finding, renamed map[manifest.ID]manifest.ID) Change {
	exact, alike := map[key]int{}, map[key]int{}
	for _, f := range base {
		if to, ok := renamed[f.Object]; ok {
			f.Message = strings.ReplaceAll(f.Message, f.Object.Name, to.Name)
			f.Object = to
		}
		exact[keyOf(f, f.Message)]++
	}
	left := map[key]int{}
	var c Change
	var rest []Finding
	sorted := slices.Clone(head)
	slices.SortFunc(sorted, Finding.Compare)
	for _, f := range sorted {
		if k := keyOf(f, f.Message); exact[k] > 0 {
			exact[k]--
			c.Old = append(c.Old, f)
			continue
		}
		rest = append(rest, f)
	}
	for k, n := range exact {
		left[k] = n
		k.message = stable(k.message)
		alike[k] += n
	}
	for _, n := range left {
		c.Fixed += n
	}
	for _, f := range rest {
		if k := keyOf(f, stable(f.Message)); alike[k] > 0 {
			alike[k]--
			c.Fixed--
			c.Old = append(c.Old, f)
			continue
		}
		c.New = append(c.New, f)
	}
	slices.SortFunc(c.Old, Finding.Compare)
	return c
}

// key is what makes two findings one. A constraint that becomes stricter finds something new, and so does an object that does not opt out any more.
type key struct {
	action     Action
	constraint string
	object     manifest.ID
	message    string
	optedOut   bool
}

func keyOf(f Finding, message string) key {
	return key{f.Action, f.Constraint, f.Object.Same(), message, f.OptedOut}
}

// changing is what differs in the messages about two versions of one thing.
var changing = regexp.MustCompile(`sha256:[0-9a-f]{64}|<secret:[0-9a-f]{8}>|v?[0-9]+(?:\.[0-9]+)*(?:[-+][0-9A-Za-z.]+)*`)

func stable(message string) string { return changing.ReplaceAllString(message, "#") }
