package policy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// Change is what a change of objects does to what policies find. All of it is sorted.
type Change struct {
	// New is found in the head and was not in the base, Old in both, Fixed in the base alone.
	New, Old, Fixed []Finding
}

// Tell compares the findings of two sides. Renamed says how objects of the base are named in the head.
//
// A finding is old where the base has one of the same constraint about the same object with the same message, or with one that differs in versions,
// digests and numbers alone: an image that is not allowed stays not allowed with another tag. Of several like this, as many are old as there were.
func Tell(base, head []Finding, renamed map[manifest.ID]manifest.ID) Change {
	was := slices.Clone(base)
	for i, f := range was {
		if to, ok := renamed[f.Object]; ok {
			was[i].Message, was[i].Object = strings.ReplaceAll(f.Message, f.Object.Name, to.Name), to
		}
	}
	var c Change
	now := slices.Clone(head)
	slices.SortFunc(was, Finding.Compare)
	slices.SortFunc(now, Finding.Compare)
	for _, message := range []func(string) string{func(s string) string { return s }, stable} {
		var old []Finding
		was, now, old = pair(was, now, message)
		c.Old = append(c.Old, old...)
	}
	c.New, c.Fixed = now, was
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

// pair takes from both sides what is one finding, seen through a function of its message.
func pair(was, now []Finding, message func(string) string) (gone, came, stay []Finding) {
	of := func(f Finding) key {
		return key{f.Action, f.Constraint, f.Object.Same(), message(f.Message), f.OptedOut}
	}
	there := map[key]int{}
	for _, f := range was {
		there[of(f)]++
	}
	kept := map[key]int{}
	for _, f := range now {
		if k := of(f); there[k] > kept[k] {
			kept[k]++
			stay = append(stay, f)
			continue
		}
		came = append(came, f)
	}
	for _, f := range was {
		if k := of(f); kept[k] > 0 {
			kept[k]--
			continue
		}
		gone = append(gone, f)
	}
	return gone, came, stay
}

// changing is what differs in the messages about two versions of one thing.
var changing = regexp.MustCompile(`sha256:[0-9a-f]{64}|<secret:[0-9a-f]{8}>|v?[0-9]+(?:\.[0-9]+)*(?:[-+][0-9A-Za-z.]+)*`)

func stable(message string) string { return changing.ReplaceAllString(message, "#") }
