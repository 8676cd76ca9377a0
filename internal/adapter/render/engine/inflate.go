package engine

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
	"sigs.k8s.io/yaml"

	"helm.sh/helm/v3/pkg/chartutil"
)

// inflate replaces the charts of a kustomization by files with what they render to, so that all that the kustomization does applies to them.
func (p *preparation) inflate(name string, text []byte, dir string, k types.Kustomization) error {
	home := types.HelmDefaultHome
	if k.HelmGlobals != nil && k.HelmGlobals.ChartHome != "" {
		home = k.HelmGlobals.ChartHome
	}
	var fields map[string]any
	if err := yaml.Unmarshal(text, &fields); err != nil {
		return err
	}
	resources, _ := fields["resources"].([]any)
	if resources == nil {
		resources = []any{}
	}
	// kustomize reads the versions of an entry into the list that all entries share: what one names is overwritten for the others.
	for _, c := range k.HelmCharts {
		if len(c.ApiVersions) <= len(p.versions) {
			copy(p.versions, c.ApiVersions)
		}
	}
	for i, c := range k.HelmCharts {
		documents, err := p.chart(dir, home, c)
		if err != nil {
			return fmt.Errorf("helmCharts: %s: %w", c.Name, err)
		}
		if len(documents) == 0 {
			continue
		}
		var all bytes.Buffer
		for _, d := range documents {
			all.WriteString("---\n" + d.text + "\n")
		}
		file := fmt.Sprintf("helm-chart-%d-%s.yaml", i, path.Base(c.Name))
		p.tree.put(absolute(dir+"/"+file), all.Bytes())
		resources = append(resources, file)
	}
	fields["resources"] = resources
	delete(fields, "helmCharts")
	delete(fields, "helmGlobals")
	text, err := yaml.Marshal(fields)
	if err != nil {
		return err
	}
	p.tree.put(name, text)
	return nil
}

// chart renders one chart as kustomize's generator would with helm.
func (p *preparation) chart(dir, home string, c types.HelmChart) ([]rendered, error) {
	if c.Name == "" {
		return nil, errors.New("chart name cannot be empty")
	}
	at := home
	if !path.IsAbs(home) {
		at = dir + "/" + home
	}
	if c.Version != "" && c.Repo != "" {
		at += "/" + c.Name + "-" + c.Version
	}
	folder := absolute(at + "/" + c.Name)
	if !p.tree.dirs[folder] {
		if c.Repo == "" {
			return nil, fmt.Errorf("no repo specified for pull, no chart found at '%s'", folder[1:])
		}
		if err := p.pull(absolute(at), folder, c); err != nil {
			return nil, err
		}
	}
	values, err := p.values(dir, folder, c)
	if err != nil {
		return nil, err
	}
	name, err := releaseName(c)
	if err != nil {
		return nil, err
	}
	inside := map[string][]byte{}
	for file, data := range p.tree.files {
		if rel, ok := strings.CutPrefix(file, folder+"/"); ok {
			inside[rel] = data
		}
	}
	loaded, err := chartOf(inside)
	if err != nil {
		return nil, err
	}
	if err := installable(loaded); err != nil {
		return nil, err
	}
	if names := missing(loaded); len(names) > 0 {
		return nil, errMissing(names)
	}
	r := release{
		name: name, namespace: "default", values: values, crds: c.IncludeCRDs, hooks: !c.SkipHooks, tests: !c.SkipTests,
		kubeVersion: strings.ReplaceAll(p.job.KubeVersion, "+", ""), apiVersions: p.versions,
	}
	if c.Namespace != "" {
		r.namespace = c.Namespace
	}
	if c.KubeVersion != "" {
		r.kubeVersion = c.KubeVersion
	}
	if len(c.ApiVersions) > 0 {
		r.apiVersions = c.ApiVersions
	}
	return r.template(loaded)
}

// pull unpacks an archive where `helm pull --untar` would.
func (p *preparation) pull(at, folder string, c types.HelmChart) error {
	archive, ok := p.job.Charts[Chart{Repository: c.Repo, Name: c.Name, Version: c.Version}]
	if !ok {
		return fmt.Errorf("version %q of %s is not in '%s', and was not fetched", c.Version, c.Repo, strings.TrimPrefix(at, "/"))
	}
	files, err := chartIn(archive)
	if err != nil {
		return err
	}
	for _, rel := range slices.Sorted(maps.Keys(files)) {
		name := absolute(folder + "/" + rel)
		if !strings.HasPrefix(name, folder+"/") {
			return fmt.Errorf("file %q of the archive is outside the chart", rel)
		}
		p.tree.put(name, files[rel])
	}
	return nil
}

// load reads a file as a kustomization in dir may.
func (p *preparation) load(dir, file string) ([]byte, error) {
	name := file
	if !path.IsAbs(file) {
		name = dir + "/" + file
	}
	name = absolute(name)
	if !p.job.Options.AnyFile && !strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/") {
		return nil, fmt.Errorf("security; file '%s' is not in or below '%s'", name[1:], dir[1:])
	}
	return p.tree.ReadFile(name)
}

// values are those of the valuesFile or the chart, merged with those inline as the chart's entry says, and those of more files on top.
func (p *preparation) values(dir, folder string, c types.HelmChart) (map[string]any, error) {
	merge := c.ValuesMerge
	if merge == "" {
		merge = "override"
	}
	if !slices.Contains([]string{"merge", "override", "replace"}, merge) {
		return nil, errors.New("valuesMerge must be one of [merge override replace]")
	}
	file := c.ValuesFile
	if file == "" {
		file = folder + "/values.yaml"
	}
	var text []byte
	var err error
	if len(c.ValuesInline) == 0 || merge != "replace" {
		if text, err = p.load(dir, file); err != nil {
			return nil, err
		}
	}
	if len(c.ValuesInline) > 0 {
		if text, err = mergeValues(text, c.ValuesInline, merge); err != nil {
			return nil, fmt.Errorf("valuesInline: %w", err)
		}
	}
	values, err := readValues(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, more := range c.AdditionalValuesFiles {
		text, err := p.load(dir, more)
		if err != nil {
			return nil, err
		}
		top, err := readValues(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", more, err)
		}
		values = overlay(values, top)
	}
	return values, nil
}

// overlay lays one file's values over another's, as Helm does for several -f.
func overlay(below, top map[string]any) map[string]any {
	merged := maps.Clone(below)
	for k, v := range top {
		inner, ok := v.(map[string]any)
		if old, both := merged[k].(map[string]any); ok && both {
			merged[k] = overlay(old, inner)
			continue
		}
		merged[k] = v
	}
	return merged
}

func mergeValues(text []byte, inline map[string]any, merge string) ([]byte, error) {
	if merge == "replace" {
		return yaml.Marshal(inline)
	}
	file, err := kyaml.Parse(string(text))
	if err != nil {
		return nil, err
	}
	own, err := kyaml.FromMap(inline)
	if err != nil {
		return nil, err
	}
	src, dst := own, file
	if merge == "merge" {
		src, dst = file, own
	}
	merged, err := merge2.Merge(src, dst, kyaml.MergeOptions{})
	if err != nil {
		return nil, err
	}
	values, err := merged.Map()
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(values)
}

// releaseName is the name that the helm program would take.
func releaseName(c types.HelmChart) (string, error) {
	switch {
	case c.ReleaseName != "" && c.NameTemplate != "":
		return "", errors.New("cannot set --name-template and also specify a name")
	case c.ReleaseName != "":
		return c.ReleaseName, nil
	case c.NameTemplate == "":
		return "release-name", nil // the program's own default, whatever --generate-name says
	}
	functions := sprig.TxtFuncMap()
	for _, outside := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, outside)
	}
	t, err := template.New("name-template").Funcs(functions).Parse(c.NameTemplate)
	if err != nil {
		return "", err
	}
	var name strings.Builder
	if err := t.Execute(&name, nil); err != nil {
		return "", err
	}
	return name.String(), chartutil.ValidateReleaseName(name.String())
}
