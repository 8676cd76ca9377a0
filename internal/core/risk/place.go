package risk

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// place flags new objects outside the addon's namespace, unless it brings the other along.
func (x *finder) place(c diff.Change) {
	home := x.facts.Addon.Namespace
	there := c.Object.Namespace
	if c.After == nil || !came(c) || home == "" || there == "" || there == home || c.From != nil && c.From.Namespace == there {
		return
	}
	if there == "kube-system" {
		x.weigh(1, ForeignNamespace, c.Object, "/metadata/namespace", "is new in kube-system, among what keeps the cluster running; the addon's namespace is %s", quote(home))
		return
	}
	if slices.ContainsFunc(x.changes, func(o diff.Change) bool {
		return o.After != nil && o.Object.GroupKind() == "Namespace" && o.Object.Name == there
	}) {
		return
	}
	x.flag(ForeignNamespace, c.Object, "/metadata/namespace", "is new in namespace %s; the addon's is %s", quote(there), quote(home))
}

// managed flags what Argo CD or addon-manager would act on.
func (x *finder) managed(c diff.Change) {
	if c.After == nil {
		return
	}
	id := c.Object
	workload := x.facts.Addon.Placement != catalog.Management
	switch {
	case came(c) && id.Group == "argoproj.io" && slices.Contains([]string{"Application", "ApplicationSet", "AppProject"}, id.Kind) && workload:
		x.weigh(1, ManagedObject, id, "", "is one of Argo CD's own: on a cluster that runs an Argo CD, it delivers whatever this says")
	case came(c) && id.Group == strings.TrimSuffix(catalog.LabelPrefix, "/"):
		x.weigh(1, ManagedObject, id, "", "is one of addon-manager's own: an addon must not direct what delivers it")
	}
	for _, where := range []string{"labels", "annotations"} {
		before, after := manifest.Map(content(c.Before), "metadata", where), manifest.Map(c.After.Content, "metadata", where)
		for _, k := range slices.Sorted(maps.Keys(after)) {
			if _, had := before[k]; had && before[k] == after[k] {
				continue
			}
			switch {
			case strings.HasPrefix(k, catalog.LabelPrefix):
				x.flag(ManagedObject, id, pointer("metadata", where, k), "has the key %s, by which addon-manager knows its own objects and switches: use another", quote(k))
			case k == "argocd.argoproj.io/secret-type":
				x.weigh(1, ManagedObject, id, pointer("metadata", where, k), "is for Argo CD a %s to use", quote(after[k]))
			}
		}
	}
	before := manifest.List(content(c.Before), "metadata", "finalizers")
	for i, f := range manifest.List(c.After.Content, "metadata", "finalizers") {
		if s, ok := f.(string); ok && strings.HasPrefix(s, catalog.LabelPrefix) && !slices.Contains(before, f) {
			x.flag(ManagedObject, id, pointer("metadata", "finalizers", i), "has the finalizer %s, which addon-manager removes only from its own: the object could not be deleted", quote(s))
		}
	}
}

// stateful kinds lose something when they are deleted and made anew, as hooks are.
var stateful = []string{
	"Namespace", "PersistentVolumeClaim", "PersistentVolume", "Service", "StatefulSet.apps", "Deployment.apps", "DaemonSet.apps", definitions,
}

const (
	argoHook       = "argocd.argoproj.io/hook"
	argoHookDelete = "argocd.argoproj.io/hook-delete-policy"
	helmHook       = "helm.sh/hook"
	helmHookDelete = "helm.sh/hook-delete-policy"
)

// hook flags annotations that make Argo CD delete objects, or run something while it deletes them.
func (x *finder) hook(c diff.Change) {
	if c.After == nil {
		return
	}
	after := manifest.Map(c.After.Content, "metadata", "annotations")
	before := manifest.Map(content(c.Before), "metadata", "annotations")
	for _, key := range []string{argoHook, helmHook} {
		for _, phase := range words(after[key]) {
			if slices.Contains(words(before[key]), phase) {
				continue
			}
			// What is to run before a deletion, Argo CD 2.14 never applies.
			if phase == "PostDelete" || phase == "post-delete" {
				x.flag(HookDeletes, c.Object, pointer("metadata", "annotations", key), "runs after the addon's objects are deleted (%s), and holds up the end of that while it fails", phase)
			}
		}
	}
	if c.After.Hook != "" && slices.Contains(stateful, c.Object.GroupKind()) && (c.Before == nil || c.Before.Hook == "" || !same(before[argoHookDelete], after[argoHookDelete]) ||
		!same(before[helmHookDelete], after[helmHookDelete])) {
		_, loss := lost(c.After)
		x.weigh(1, HookDeletes, c.Object, pointer("metadata", "annotations"), "is a %s hook: Argo CD deletes it%s, and makes it anew, with every sync", c.After.Hook, loss)
	}
	if option(c.After.Content, "Force=true") && !option(content(c.Before), "Force=true") {
		x.flag(HookDeletes, c.Object, pointer("metadata", "annotations", syncOptions), "has the sync option Force=true: Argo CD may delete it and make it anew to apply a change")
	}
}

func words(v any) []string {
	s, _ := v.(string)
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

const (
	// maxApplied is how large all annotations of an object may be: kubectl apply keeps the whole object in one.
	maxApplied = 262_144
	// maxStored is near what etcd takes, 1.5 MiB, of an object in the form that it is stored in.
	maxStored = 1 << 20
)

// size flags objects that are too large to be applied.
func (x *finder) size(c diff.Change) {
	if c.After == nil {
		return
	}
	n := length(c.After)
	server := slices.Contains(x.facts.Addon.ArgoCD.SyncOptions, "ServerSideApply=true") || slices.Contains(x.facts.Addon.ArgoCD.SyncOptions, "Replace=true") ||
		option(c.After.Content, "ServerSideApply=true") || option(c.After.Content, "Replace=true")
	switch {
	case n > maxStored && length(c.Before) <= maxStored:
		x.weigh(1, LargeObject, c.Object, "", "has %d bytes as JSON: etcd refuses objects above about 1.5 MiB", n)
	case !server && n > maxApplied && (c.Before == nil || length(c.Before) <= maxApplied):
		x.flag(LargeObject, c.Object, "", "has %d bytes as JSON, more than the %d of a last-applied annotation: the sync fails without syncOptions [ServerSideApply=true]", n, maxApplied)
	}
}

// length is how large an object is as JSON. It is only estimated, and by far too large, while it is far from any limit.
func length(o *manifest.Object) int {
	if o == nil {
		return 0
	}
	if n := estimate(o.Content); n < maxApplied {
		return n
	}
	text, err := json.Marshal(o.Content)
	if err != nil {
		return 0
	}
	return len(text)
}

// estimate is the most that a value can take as JSON: a byte of a text at most six, as \u0000.
func estimate(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			n += 6*len(k) + 6 + estimate(inner)
		}
	case []any:
		for _, inner := range v {
			n += 1 + estimate(inner)
		}
	case string:
		return 6*len(v) + 2
	}
	return n + 32
}
