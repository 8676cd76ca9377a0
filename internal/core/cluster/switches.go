package cluster

import (
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// Switch is what the cluster's label says of an addon: exactly `enabled` or `disabled`, or nothing. Any other value, the empty one
// too, is Invalid and changes nothing.
func (f Facts) Switch(addon string) Switch {
	value, set := f.Labels[catalog.LabelPrefix+addon]
	switch {
	case !set:
		return Unset
	case value == string(Enabled):
		return Enabled
	case value == string(Disabled):
		return Disabled
	}
	return Invalid
}

// Switches reports the labels that switch nothing: of an addon that is not known, or with a value that means nothing; and addons that
// are not known in the annotation about those that leave. known
// are the addons of all releases; while it is empty, no catalog was read yet and no addon is called unknown.
func Switches(f Facts, known map[string]bool) (problems []fault.Problem) {
	var invalid, unknown []string
	for key := range f.Labels {
		addon, ours := strings.CutPrefix(key, catalog.LabelPrefix)
		switch {
		case !ours:
		case slices.Contains(catalog.Reserved, addon), len(known) > 0 && !known[addon]:
			unknown = append(unknown, key)
		case f.Switch(addon) == Invalid:
			invalid = append(invalid, key)
		}
	}
	list := switchProblems{where: "cluster " + plain(f.Name)}
	list.add(CodeInvalidSwitch, "label", invalid, func(key string) string {
		return "label " + plain(key) + " is " + quote(f.Labels[key]) + "; write \"enabled\" or \"disabled\"; until then the addon stays as it is"
	})
	list.add(CodeUnknownAddon, "label", unknown, func(key string) string {
		if slices.Contains(annotations, key) {
			return "label " + key + " has no meaning; write it as an annotation"
		}
		return "label " + plain(key) + " names no addon of any release; correct or remove it"
	})
	list.add(CodeUnknownAddon, "addon", f.unknownOnDisable(known), func(addon string) string {
		return "annotation " + OnDisableAnnotation + " names " + addon + ", which is no addon of any release; correct or remove it"
	})
	return list.problems
}

type switchProblems struct {
	where    string
	problems []fault.Problem
}

// add reports the first keys in order, and counts the rest.
func (l *switchProblems) add(code fault.Code, what string, keys []string, message func(key string) string) {
	slices.Sort(keys)
	for i, key := range keys {
		if i == maxListed {
			l.problems = append(l.problems, fault.Problem{Code: code, Where: l.where, Message: count(len(keys)-i, "more "+what) + " like this"})
			return
		}
		l.problems = append(l.problems, fault.Problem{Code: code, Where: l.where, Message: message(key)})
	}
}
