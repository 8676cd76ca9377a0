package resolve

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// Element is one Application as it should be, in literal values only: nothing in it is a template, so nothing a cluster
// or a catalog says can change another pair's identity or revision. Two equal elements make the same Application.
type Element struct {
	Application string
	Addon       string
	Placement   catalog.Placement
	// OnDisable is kept with what was delivered, so that an addon which a later catalog no longer knows still leaves as promised.
	OnDisable catalog.OnDisable
	// Release is the tag's name, Commit what it named when first seen, Revision what Argo CD is told: one of the two.
	Release, Commit, Revision string
	Path, Namespace, Server   string
	// Patch is the rest of the Application, as canonical JSON merged over the common template.
	Patch string
	// Finalize puts Argo CD's resources finalizer on the Application. It is set only on the way out, and by way of the ApplicationSet:
	// once the finalizer is seen on the Application, no reconcile of an older ApplicationSet can take it off again before the deletion.
	Finalize bool
	// Moved is when the revision was written, in RFC 3339; what Argo CD found earlier is no evidence for it. It is empty for what an
	// earlier version wrote.
	Moved string
	// Disabled is when the addon was found switched off, in RFC 3339; empty while it is on.
	Disabled string
	// Grace is how long it stays then, as the catalog says; empty for the source's default.
	Grace string
	// PruneCRDs lets the addon's CustomResourceDefinitions go with it.
	PruneCRDs bool
}

// parametersConfigMap is the ConfigMap of a kustomize addon that receives the cluster's parameters, by inline patch.
const parametersConfigMap = "addon-parameters"

// object is a JSON object; encoding/json sorts its keys, which makes the text canonical.
type object map[string]any

// patchOf compiles what an addon asks of its Application. values are the parameters, in the order of the addon's.
func patchOf(a catalog.Addon, values []string) (string, error) {
	spec := object{"syncPolicy": object{"syncOptions": syncOptions(a.ArgoCD.SyncOptions)}}
	if len(a.ArgoCD.IgnoreDifferences) > 0 {
		// Decoded, because a raw message would keep the order its keys were written in.
		differences := make([]any, len(a.ArgoCD.IgnoreDifferences))
		for i, raw := range a.ArgoCD.IgnoreDifferences {
			if err := json.Unmarshal(raw, &differences[i]); err != nil {
				return "", err
			}
		}
		spec["ignoreDifferences"] = differences
	}
	if len(a.Parameters) > 0 {
		if a.Source == catalog.Helm {
			spec["source"] = object{"helm": object{"valuesObject": nest(a.Parameters, values)}}
		} else {
			patch, err := configMapPatch(a.Parameters, values)
			if err != nil {
				return "", err
			}
			spec["source"] = object{"kustomize": object{"patches": []object{patch}}}
		}
	}
	text, err := json.Marshal(object{"spec": spec})
	return string(text), err
}

// named gives the Helm release a name of its own: that of the Application, which it has otherwise, would be too long.
func named(patch, release string) string {
	var p object
	if err := json.Unmarshal([]byte(patch), &p); err != nil {
		return patch // It is our own.
	}
	at := map[string]any(p)
	for _, key := range []string{"spec", "source", "helm"} {
		next, ok := at[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[key] = next
		}
		at = next
	}
	at["releaseName"] = release
	text, err := json.Marshal(p)
	if err != nil {
		return patch
	}
	return string(text)
}

// createNamespace goes first, so that an addon can say otherwise.
const createNamespace = "CreateNamespace"

func syncOptions(own []string) []string {
	if slices.ContainsFunc(own, func(o string) bool { return strings.HasPrefix(o, createNamespace+"=") }) {
		return own
	}
	return append([]string{createNamespace + "=true"}, own...)
}

// nest turns dotted names into nested Helm values. The catalog guarantees that no name is a prefix of another.
func nest(parameters []catalog.Parameter, values []string) object {
	root := object{}
	for i, p := range parameters {
		at, steps := root, strings.Split(p.Name, ".")
		for _, step := range steps[:len(steps)-1] {
			next, ok := at[step].(object)
			if !ok {
				next = object{}
				at[step] = next
			}
			at = next
		}
		at[steps[len(steps)-1]] = values[i]
	}
	return root
}

func configMapPatch(parameters []catalog.Parameter, values []string) (object, error) {
	operations := make([]object, len(parameters))
	for i, p := range parameters {
		operations[i] = object{"op": "add", "path": "/data/" + manifest.EscapePointer(p.Name), "value": values[i]}
	}
	text, err := json.Marshal(operations)
	return object{"target": object{"kind": "ConfigMap", "name": parametersConfigMap}, "patch": string(text)}, err
}
