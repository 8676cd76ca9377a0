package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// kustomizeVersion is the version of the kustomize program that has the library's version.
const (
	kustomizeVersion = "v5.7.1"
	managedBy        = "app.kubernetes.io/managed-by"
)

// kustomize builds a kustomization as Argo CD runs `kustomize build`. Tainted is for a kustomization that brings a schema of its own:
// kustomize has one for the whole process.
func kustomize(job Job) (documents []document, tainted bool, err error) {
	t := newTree(job.Files)
	root := absolute(job.Path)
	if err := patch(t, root, job.Patches); err != nil {
		return nil, false, err
	}
	p := preparation{tree: t, job: job, seen: map[string]bool{}, versions: slices.Clone(job.APIVersions)}
	if err := p.prepare(root); err != nil {
		return nil, false, err
	}
	options := krusty.MakeDefaultOptions() // no plugins, nothing executed, files only from below a kustomization
	options.Reorder = krusty.ReorderOptionUnspecified
	if job.Options.AnyFile {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	built, err := krusty.MakeKustomizer(options).Run(t, root)
	if err != nil {
		return nil, p.schema, errors.New(strings.ReplaceAll(err.Error(), "'/", "'"))
	}
	documents, err = resources(built)
	return documents, p.schema, err
}

func resources(built resmap.ResMap) ([]document, error) {
	if built.Size() > maxObjects {
		return nil, errTooManyObjects
	}
	documents := make([]document, 0, built.Size())
	for _, r := range built.Resources() {
		content, err := r.Map()
		var v any
		if err == nil {
			err = textKeys(content)
		}
		if err == nil {
			v, err = plain(content)
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.GetKind(), r.GetName(), err)
		}
		labels := manifest.Map(v, "metadata", "labels")
		if labels[managedBy] == "kustomize-(devel)" { // it cannot know what it is within another program
			labels[managedBy] = "kustomize-" + kustomizeVersion
		}
		documents = append(documents, document{content: v.(map[string]any)})
	}
	return documents, nil
}

// textKeys refuses keys that are not text, which kustomize cannot write as JSON.
func textKeys(v any) error {
	switch v := v.(type) {
	case map[any]any:
		for k := range v {
			if _, ok := k.(string); !ok {
				return fmt.Errorf("key %v is of type %T, not text: quote it", k, k)
			}
		}
	case map[string]any:
		for _, inner := range v {
			if err := textKeys(inner); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range v {
			if err := textKeys(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// patch adds the Application's patches, the way Argo CD rewrites the file.
func patch(t *tree, root string, patches []Patch) error {
	if len(patches) == 0 {
		return nil
	}
	name, text := kustomizationOf(t, root)
	if name == "" {
		return errors.New("kustomization file not found in the path")
	}
	var content any
	if err := yaml.Unmarshal(text, &content); err != nil {
		return fmt.Errorf("%s: %w", name[1:], err)
	}
	fields, ok := content.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %s, not an object", name[1:], typeOf(content))
	}
	var list []any
	if has(fields, "patches") {
		if list, ok = fields["patches"].([]any); !ok {
			return fmt.Errorf("%s: patches is %s, not a list", name[1:], typeOf(fields["patches"]))
		}
	}
	for _, p := range patches {
		list = append(list, p)
	}
	fields["patches"] = list
	text, err := yaml.Marshal(fields)
	if err != nil {
		return fmt.Errorf("%s: %w", name[1:], err)
	}
	t.put(name, text)
	return nil
}

// kustomizationOf is the file that makes a folder a kustomization.
func kustomizationOf(t *tree, dir string) (name string, text []byte) {
	for _, file := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		name := absolute(dir + "/" + file)
		if text, ok := t.files[name]; ok {
			return name, text
		}
	}
	return "", nil
}
