package engine

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	helmengine "helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// helm renders a chart as Argo CD runs `helm template`.
func helm(job Job) ([]document, error) {
	c, err := chartAt(job.Files, job.Path)
	if err != nil {
		return nil, err
	}
	if err := installable(c); err != nil {
		return nil, err
	}
	if c, err = withDependencies(job, c); err != nil {
		return nil, err
	}
	values, err := throughYAML(job.Values)
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	r := release{
		name: job.Release, namespace: job.Namespace, values: values, crds: true, hooks: true, tests: true,
		kubeVersion: strings.ReplaceAll(job.KubeVersion, "+", ""), apiVersions: job.APIVersions,
	}
	texts, err := r.template(c)
	if err != nil {
		return nil, err
	}
	documents := make([]document, 0, len(texts))
	for _, t := range texts {
		documents = append(documents, t.document)
	}
	return documents, nil
}

// throughYAML is what becomes of values on their way to Helm: Argo CD writes them to a file.
func throughYAML(values map[string]any) (map[string]any, error) {
	if len(values) == 0 {
		return map[string]any{}, nil
	}
	text, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	return readValues(text)
}

// readValues reads a file of values as Helm does: every number becomes a float.
func readValues(text []byte) (map[string]any, error) {
	values := map[string]any{}
	err := yaml.Unmarshal(text, &values)
	return values, err
}

func installable(c *chart.Chart) error {
	switch c.Metadata.Type {
	case "", "application":
		return nil
	}
	return fmt.Errorf("%s charts are not installable", c.Metadata.Type)
}

// release is what `helm template` is told.
type release struct {
	name, namespace    string
	values             map[string]any
	kubeVersion        string
	apiVersions        []string
	crds, hooks, tests bool
}

// rendered is a document with the text it was read from.
type rendered struct {
	document
	text string
}

// template makes the documents of a chart. The chart is changed on the way: it must not be used again.
func (r release) template(c *chart.Chart) ([]rendered, error) {
	if err := chartutil.ValidateReleaseName(r.name); err != nil {
		return nil, fmt.Errorf("release name %q: %w", r.name, err)
	}
	kube := &chartutil.DefaultCapabilities.KubeVersion
	if r.kubeVersion != "" {
		var err error
		if kube, err = chartutil.ParseKubeVersion(r.kubeVersion); err != nil {
			return nil, fmt.Errorf("invalid kube version '%s': %w", r.kubeVersion, err)
		}
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, r.values); err != nil {
		return nil, err
	}
	capabilities := &chartutil.Capabilities{
		KubeVersion: *kube,
		APIVersions: r.apiVersions,
		HelmVersion: chartutil.DefaultCapabilities.HelmVersion,
	}
	options := chartutil.ReleaseOptions{Name: r.name, Namespace: r.namespace, Revision: 1, IsInstall: true}
	top, err := chartutil.ToRenderValuesWithSchemaValidation(c, r.values, options, capabilities, true)
	if err != nil {
		return nil, err
	}
	if values, ok := top["Values"].(chartutil.Values); ok {
		if err := validate(c, values); err != nil {
			return nil, err
		}
	}
	if want := c.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, kube.String()) {
		return nil, fmt.Errorf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s", want, kube)
	}
	files, err := helmengine.Engine{}.Render(c, top)
	if err != nil {
		return nil, err
	}
	return r.collect(c, files)
}

// collect reads the files that templates made, in Helm's order as far as it can matter: for objects that are there twice.
func (r release) collect(c *chart.Chart, files map[string]string) ([]rendered, error) {
	names := make([]string, 0, len(files))
	size := 0
	for name, text := range files {
		if !strings.HasSuffix(name, "NOTES.txt") {
			names = append(names, name)
			size += len(text)
		}
	}
	if size > maxBytes {
		return nil, errTooManyBytes
	}
	slices.Sort(names)
	var all, hooks []rendered
	if r.crds {
		for _, crd := range c.CRDObjects() {
			texts, err := split(append(slices.Clip(crd.File.Data), '\n'))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", crd.Filename, err)
			}
			for i, text := range texts {
				d := document{from: crd.Filename, number: i + 1}
				ok, err := d.read(text)
				if err != nil {
					return nil, d.wrap(err)
				}
				if ok {
					all = append(all, rendered{d, string(text)})
				}
			}
		}
	}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		for i, text := range splitTemplate(files[name]) {
			if len(all)+len(hooks) >= maxObjects {
				return nil, errTooManyObjects
			}
			d := document{from: name, number: i + 1}
			ok, err := d.read([]byte(text))
			if err == nil && ok {
				err = headOf(d.content)
			}
			if err != nil {
				return nil, d.wrap(err)
			}
			if !ok {
				continue
			}
			switch event := hookOf(d.content); {
			case !event.is:
				all = append(all, rendered{d, text})
			case !event.known, !r.hooks, event.test && !r.tests:
			default:
				hooks = append(hooks, rendered{d, text})
			}
		}
	}
	return append(all, hooks...), nil
}

// read decodes text into the document; false means that there is nothing in it.
func (d *document) read(text []byte) (bool, error) {
	v, err := decode(text)
	if err != nil || v == nil {
		return false, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return false, fmt.Errorf("it is %s, not a Kubernetes object", typeOf(v))
	}
	d.content = m
	return true, nil
}

// headOf refuses what Helm cannot read of an object, which it reads loosely: a number is as good as text.
func headOf(content map[string]any) error {
	metadata := content["metadata"]
	if metadata != nil && manifest.Map(content, "metadata") == nil {
		return fmt.Errorf("metadata is %s, not an object", typeOf(metadata))
	}
	annotations := manifest.At(metadata, "annotations")
	if annotations != nil && manifest.Map(metadata, "annotations") == nil {
		return fmt.Errorf("metadata.annotations is %s, not an object", typeOf(annotations))
	}
	for key, v := range manifest.Map(metadata, "annotations") {
		switch v.(type) {
		case []any, map[string]any:
			return fmt.Errorf("annotation %s is %s, not text", key, typeOf(v))
		}
	}
	return nil
}

// event is what the annotation of a hook says.
type event struct{ is, known, test bool }

var helmEvents = []string{
	"pre-install", "post-install", "pre-delete", "post-delete", "pre-upgrade", "post-upgrade", "pre-rollback", "post-rollback",
	"test", "test-success",
}

func hookOf(content map[string]any) event {
	v, ok := manifest.Map(content, "metadata", "annotations")["helm.sh/hook"]
	if !ok {
		return event{}
	}
	e := event{is: true, known: true}
	for name := range strings.SplitSeq(fmt.Sprint(v), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		e.known = e.known && slices.Contains(helmEvents, name)
		e.test = e.test || name == "test" || name == "test-success"
	}
	return e
}

const spaces = "\t\n\f\r "

// splitTemplate separates the documents that a template made, as Helm does: at every line that begins with ---, whatever follows there. It
// trims them, and ends them as it prints them.
func splitTemplate(text string) []string {
	text = strings.TrimSpace(text)
	var documents []string
	add := func(d string) {
		if d != "" {
			documents = append(documents, strings.TrimSpace(d)+"\n")
		}
	}
	if rest, ok := strings.CutPrefix(text, "---"); ok {
		text = strings.TrimLeft(rest, spaces)
	}
	for {
		before, after, found := strings.Cut(text, "\n---")
		add(strings.TrimRight(before, spaces))
		if !found {
			return documents
		}
		text = strings.TrimLeft(after, spaces)
	}
}

// Assumed are the API versions that the helm program adds to those it is told, whatever the cluster serves: all that it was built with, old and
// alpha ones among them. Under Argo CD, charts see them too.
func Assumed() []string { return slices.Clone(chartutil.DefaultVersionSet) }
