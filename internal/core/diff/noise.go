package diff

import (
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// noise knows which differences of an object say nothing about what runs: they are hidden by their path, and never where the API server would
// refuse them.
type noise struct {
	id manifest.ID
	// selected are the labels that the object's own selector asks for.
	selected []string
	// references are the names of generated objects, and their new ones.
	references map[string]string
}

// noisyLabels and noisyAnnotations are filled by packaging: versions of charts and tools, who applied the object, hashes of what is shown
// elsewhere.
var (
	noisyLabels      = []string{"helm.sh/chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "chart", "heritage"}
	noisyAnnotations = []string{
		"rollme", "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/installation-id", "controller-gen.kubebuilder.io/version",
	}
)

// templates are the places of metadata in objects: of the object itself and of what is made from it.
var templates = []string{"/metadata", "/spec/template/metadata", "/spec/jobTemplate/metadata", "/spec/jobTemplate/spec/template/metadata"}

func newNoise(before, after *manifest.Object, references map[string]string) noise {
	n := noise{id: after.ID, references: references}
	for _, o := range []*manifest.Object{before, after} {
		for label := range manifest.Map(o.Content, "spec", "selector", "matchLabels") {
			n.selected = append(n.selected, label)
		}
	}
	return n
}

// hides reports whether a difference is known noise.
func (n noise) hides(f Field) bool {
	if Immutable(n.id, f.Path) {
		return false
	}
	for _, t := range templates {
		rest, ok := strings.CutPrefix(f.Path, t+"/")
		if !ok {
			continue
		}
		list, key, ok := strings.Cut(rest, "/")
		key = manifest.UnescapePointer(key)
		switch {
		case !ok:
			return false
		case list == "labels":
			// A label of the pods that the selector asks for is no noise: without it, the object is refused.
			return slices.Contains(noisyLabels, key) && (t == "/metadata" || !slices.Contains(n.selected, key))
		case list == "annotations":
			return slices.Contains(noisyAnnotations, key) || strings.HasPrefix(key, "checksum/") || strings.HasPrefix(key, "meta.helm.sh/")
		}
		return false
	}
	return n.reference(f)
}

// reference reports whether a field only follows a generated object to its new name; that object's own change is shown.
func (n noise) reference(f Field) bool {
	before, _ := f.Before.(string)
	if after, ok := n.references[before]; !ok || f.After != after {
		return false
	}
	path := strings.Split(f.Path, "/")
	if len(path) < 2 {
		return false
	}
	switch path[len(path)-2] + "/" + path[len(path)-1] {
	case "configMap/name", "configMapRef/name", "configMapKeyRef/name", "secret/name", "secret/secretName", "secretRef/name", "secretKeyRef/name":
		return true
	}
	return false
}
