package catalog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// request is what Argo CD would be asked for one addon of one cluster.
type request struct {
	source     catalog.SourceType
	minor      version.Minor
	namespace  string
	release    string
	parameters map[string]string
}

// render builds a folder as what it was found to be.
func render(dir string, req request) ([]object, error) {
	switch req.source {
	case catalog.Helm:
		return renderHelm(dir, req)
	case catalog.Kustomize:
		return renderKustomize(dir, req)
	case catalog.Directory:
		return renderDirectory(dir, req)
	default:
		return nil, fmt.Errorf("source type %q is none of those that Argo CD renders", req.source)
	}
}

func renderHelm(dir string, req request) ([]object, error) {
	c, err := loader.LoadDir(dir)
	if err != nil {
		return nil, err
	}
	if err := vendored(c); err != nil {
		return nil, err
	}
	kube := "v" + req.minor.String() + ".0"
	if want := c.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, kube) {
		return nil, fmt.Errorf("the chart's kubeVersion %q refuses %s, which the addon's range holds", want, kube)
	}
	parsed, err := chartutil.ParseKubeVersion(kube)
	if err != nil {
		return nil, err
	}
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = *parsed

	values := map[string]any{}
	for name, v := range req.parameters {
		if err := set(values, strings.Split(name, "."), v); err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, values); err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: req.release, Namespace: req.namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, values, release, caps)
	if err != nil {
		return nil, err
	}
	// Strict: a value that is misspelled in a template is an error, not an empty string.
	files, err := engine.Engine{Strict: true}.Render(c, all)
	if err != nil {
		return nil, err
	}
	var objects []object
	for _, crd := range c.CRDObjects() {
		more, err := decode(crd.Filename, crd.File.Data)
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if filepath.Base(name) == "NOTES.txt" || strings.HasPrefix(filepath.Base(name), "_") {
			continue
		}
		more, err := decode(name, []byte(files[name]))
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

// vendored refuses a chart whose dependencies would have to be downloaded.
func vendored(c *chart.Chart) error {
	have := map[string]string{}
	for _, d := range c.Dependencies() {
		have[d.Name()] = d.Metadata.Version
	}
	for _, d := range c.Metadata.Dependencies {
		if have[d.Name] != d.Version {
			return fmt.Errorf("Chart.yaml wants %s %s, charts/ has %q: vendor it", d.Name, d.Version, have[d.Name])
		}
	}
	return nil
}

// set puts a value where its dotted name says, as Argo CD gets it in valuesObject.
func set(values map[string]any, path []string, v string) error {
	if len(path) == 1 {
		values[path[0]] = v
		return nil
	}
	next, ok := values[path[0]].(map[string]any)
	if !ok {
		if _, taken := values[path[0]]; taken {
			return fmt.Errorf("%q is a value already", path[0])
		}
		next = map[string]any{}
		values[path[0]] = next
	}
	return set(next, path[1:], v)
}

// patch is one entry of a kustomization's patches.
type patch struct {
	Target map[string]string `json:"target"`
	Patch  string            `json:"patch"`
}

// operation is one step of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value string `json:"value"`
}

// renderKustomize does what Argo CD does with inline patches: it appends them to the kustomization.yaml of a copy.
func renderKustomize(dir string, req request) ([]object, error) {
	fsys := filesys.MakeFsInMemory()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return fsys.WriteFile("/addon/"+filepath.ToSlash(rel), data)
	})
	if err != nil {
		return nil, err
	}
	if len(req.parameters) > 0 {
		if err := appendPatch(fsys, req.parameters); err != nil {
			return nil, err
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fsys, "/addon")
	if err != nil {
		return nil, err
	}
	out, err := built.AsYaml()
	if err != nil {
		return nil, err
	}
	return decode("kustomize", out)
}

func appendPatch(fsys filesys.FileSystem, parameters map[string]string) error {
	if err := sameParameters(fsys, parameters); err != nil {
		return err
	}
	var steps []operation
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		pointer := strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		steps = append(steps, operation{Op: "replace", Path: "/data/" + pointer, Value: parameters[name]})
	}
	text, err := json.Marshal(steps)
	if err != nil {
		return err
	}
	const file = "/addon/kustomization.yaml"
	data, err := fsys.ReadFile(file)
	if err != nil {
		return err
	}
	kustomization := map[string]any{}
	if err := yaml.Unmarshal(data, &kustomization); err != nil {
		return err
	}
	patches, _ := kustomization["patches"].([]any)
	kustomization["patches"] = append(patches, patch{
		Target: map[string]string{"kind": "ConfigMap", "name": "addon-parameters"}, Patch: string(text),
	})
	data, err = yaml.Marshal(kustomization)
	if err != nil {
		return err
	}
	return fsys.WriteFile(file, data)
}

// sameParameters compares the ConfigMap's keys with the catalog's: kustomize says nothing about a patch without a
// target, and a key that no parameter sets would keep its placeholder on every cluster.
func sameParameters(fsys filesys.FileSystem, parameters map[string]string) error {
	data, err := fsys.ReadFile("/addon/configmap.yaml")
	if err != nil {
		return fmt.Errorf("an addon with parameters needs a ConfigMap addon-parameters in configmap.yaml: %w", err)
	}
	var cm struct {
		Metadata struct{ Name string }
		Data     map[string]string
	}
	if err := yaml.Unmarshal(data, &cm); err != nil {
		return err
	}
	have, want := slices.Sorted(maps.Keys(cm.Data)), slices.Sorted(maps.Keys(parameters))
	if cm.Metadata.Name != "addon-parameters" || !slices.Equal(have, want) {
		return fmt.Errorf("configmap.yaml holds %s with keys %q, the catalog has parameters %q", cm.Metadata.Name, have, want)
	}
	return nil
}

// renderDirectory reads the folder's own YAML and JSON files, not those of folders in it, as Argo CD does.
func renderDirectory(dir string, req request) ([]object, error) {
	if len(req.parameters) > 0 {
		return nil, errors.New("plain YAML takes no parameters: make it a kustomization or a chart")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var objects []object
	for _, e := range entries {
		if e.IsDir() {
			return nil, fmt.Errorf("%s: Argo CD does not read folders of a plain YAML addon", e.Name())
		}
		switch filepath.Ext(e.Name()) {
		case ".yaml", ".yml", ".json":
		default:
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		more, err := decode(e.Name(), data)
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

// decode reads the documents of one file; a repeated key is an error.
func decode(file string, data []byte) ([]object, error) {
	var objects []object
	for docs := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		text, err := yaml.YAMLToJSONStrict(doc)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if string(text) == "null" {
			continue
		}
		o := object{}
		if err := o.UnmarshalJSON(text); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, o)
	}
}
