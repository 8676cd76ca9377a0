package cluster

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// maxAddonName is how long the name of an addon may be.
const maxAddonName = 63

var addonName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// OnDisable is what the cluster says of an addon's objects when the addon leaves; not ok when it says nothing, and the catalog counts.
// While OnDisableInvalid is set it never says anything.
func (f Facts) OnDisable(addon string) (how catalog.OnDisable, ok bool) {
	text, set := f.Annotations[OnDisableAnnotation]
	if !set {
		return "", false
	}
	list, err := parseOnDisable(text)
	if err != nil {
		return "", false
	}
	if how, ok := list.addons[addon]; ok {
		return how, true
	}
	return list.rest, list.rest != ""
}

// onDisable is one annotation: what it says of some addons, and of the rest.
type onDisable struct {
	addons map[string]catalog.OnDisable
	rest   catalog.OnDisable
}

// parseOnDisable reads a word, or a comma-separated list such as `cert-manager=retain, prune`. One slip makes the whole of it void:
// what was meant to stay must not go because of it.
func parseOnDisable(text string) (onDisable, error) {
	list := onDisable{addons: map[string]catalog.OnDisable{}}
	if strings.TrimSpace(text) == "" {
		return onDisable{}, errors.New("is empty")
	}
	for entry := range strings.SplitSeq(text, ",") {
		addon, word, one := strings.Cut(entry, "=")
		if !one {
			addon, word = "", entry
		}
		addon, how := strings.TrimSpace(addon), catalog.OnDisable(strings.TrimSpace(word))
		switch {
		case strings.TrimSpace(entry) == "":
			return onDisable{}, errors.New("has an empty entry")
		case how != catalog.Prune && how != catalog.Retain:
			return onDisable{}, fmt.Errorf("says %s", quote(strings.TrimSpace(entry)))
		case !one && list.rest != "":
			return onDisable{}, fmt.Errorf("says %s and then %s of all addons", list.rest, how)
		case !one:
			list.rest = how
		case len(addon) > maxAddonName || !addonName.MatchString(addon):
			return onDisable{}, fmt.Errorf("names %s, which cannot be an addon", quote(addon))
		case list.addons[addon] != "":
			return onDisable{}, fmt.Errorf("names %s twice", addon)
		default:
			list.addons[addon] = how
		}
	}
	return list, nil
}

func (r *reader) onDisable() {
	text, set := r.secret.Annotations[OnDisableAnnotation]
	if !set {
		return
	}
	if _, err := parseOnDisable(text); err != nil {
		r.facts.OnDisableInvalid = true
		r.problem(CodeInvalidOnDisable, "annotation %s %v; write %s, %s, or a list such as \"cert-manager=%s, %s\"; until then nothing is removed from this cluster",
			OnDisableAnnotation, err, catalog.Prune, catalog.Retain, catalog.Retain, catalog.Prune)
	}
}

// unknownOnDisable are the addons that the annotation names and nobody knows, sorted.
func (f Facts) unknownOnDisable(known map[string]bool) (names []string) {
	list, err := parseOnDisable(f.Annotations[OnDisableAnnotation])
	if err != nil || len(known) == 0 {
		return nil
	}
	for _, addon := range slices.Sorted(maps.Keys(list.addons)) {
		if !known[addon] {
			names = append(names, addon)
		}
	}
	return names
}
