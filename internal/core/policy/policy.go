// Package policy is what Gatekeeper's policies say of objects: which objects a constraint is about, what it found, and which of that is new with a
// change. The rules themselves are evaluated elsewhere.
package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// Action is what a constraint does about a violation.
type Action string

// The actions, the most severe first.
const (
	Deny Action = "deny"
	Warn Action = "warn"
	// DryRun is told by Gatekeeper's audit alone.
	DryRun Action = "dryrun"
)

// Actions are all actions, the most severe first.
func Actions() []Action { return []Action{Deny, Warn, DryRun} }

// File is a file with policies, or a layer of an image with them.
type File struct {
	Name string
	Data []byte
}

// Finding is one violation.
type Finding struct {
	Action Action
	// Constraint is its kind and name: K8sRequiredLabels/owner.
	Constraint string
	Object     manifest.ID
	// Message is the policy's own. It comes from outside, and may quote the object.
	Message string
	// OptedOut is set where the object's annotation asks to leave the constraint out.
	OptedOut bool
}

// Compare orders findings: the most severe first, then by constraint, object and message.
func (f Finding) Compare(o Finding) int {
	all := Actions()
	return cmp.Or(
		cmp.Compare(slices.Index(all, f.Action), slices.Index(all, o.Action)), cmp.Compare(f.Constraint, o.Constraint),
		f.Object.Compare(o.Object), cmp.Compare(f.Message, o.Message),
	)
}

// Annotation on an object names the constraints that are not to be asked about it, separated by commas: the name, the kind, or the kind/name of each.
// A * is for all of them.
const Annotation = "addons.kaas.dev/skip-policies"

// Skips reports whether an object asks to leave a constraint out.
func Skips(o manifest.Object, constraint string) bool {
	kind, name, _ := strings.Cut(constraint, "/")
	for part := range strings.SplitSeq(manifest.Text(o.Content, "metadata", "annotations", Annotation), ",") {
		switch strings.TrimSpace(part) {
		case "*", constraint, kind, name:
			return true
		}
	}
	return false
}

// Selected reports whether an object is checked where only some namespaces are: by its own, a Namespace by its name, and what has none by that of its
// addon. No globs select all.
func Selected(globs []string, id manifest.ID, addonNamespace string) bool {
	namespace := cmp.Or(id.Namespace, addonNamespace)
	if id.GroupKind() == "Namespace" {
		namespace = id.Name
	}
	return len(globs) == 0 || slices.ContainsFunc(globs, func(g string) bool { return glob(g, namespace) })
}

// glob matches a text with a pattern in which * stands for any characters.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}
