package upstreams

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"
)

// Chart is one version of a chart, with what real ones say of themselves.
type Chart struct {
	Name, Version, AppVersion, KubeVersion string
	Description, Home, Icon                string
	Sources, Keywords                      []string
	Annotations                            map[string]string
	Deprecated                             bool
	Dependencies                           []*chart.Dependency
	// Created is when an index says that it was published (default 2026-01-01).
	Created time.Time
	// Files are the others in the archive, such as templates/deployment.yaml and values.yaml. Without any there is a template of a ConfigMap.
	Files map[string]string
}

// then is when everything was made, so that the same chart is the same archive everywhere.
var then = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (c Chart) metadata() *chart.Metadata {
	m := &chart.Metadata{
		APIVersion: chart.APIVersionV2, Type: "application", Name: c.Name, Version: c.Version, AppVersion: c.AppVersion, KubeVersion: c.KubeVersion,
		Description: c.Description, Home: c.Home, Icon: c.Icon, Sources: c.Sources, Keywords: c.Keywords, Annotations: c.Annotations,
		Deprecated: c.Deprecated, Dependencies: c.Dependencies,
	}
	if m.Description == "" {
		m.Description = "A Helm chart for " + c.Name
	}
	return m
}

// Pack makes the chart's archive, the same bytes each time.
func (c Chart) Pack() ([]byte, error) {
	head, err := yaml.Marshal(c.metadata())
	if err != nil {
		return nil, fmt.Errorf("pack chart %s: %w", c.Name, err)
	}
	files := map[string]string{c.Name + "/Chart.yaml": string(head)}
	for name, text := range c.Files {
		files[c.Name+"/"+name] = text
	}
	if len(c.Files) == 0 {
		files[c.Name+"/values.yaml"] = "replicas: 1\n"
		files[c.Name+"/templates/configmap.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n" +
			"data:\n  app: {{ .Chart.AppVersion | quote }}\n  chart: {{ .Chart.Version | quote }}\n"
	}
	return tarball(files)
}

// tarball packs files, sorted, after the folders that they are in, with a fixed time.
func tarball(files map[string]string) ([]byte, error) {
	folders := map[string]bool{}
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		if err := w.WriteHeader(&tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: then, Format: tar.FormatPAX}); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), ModTime: then, Format: tar.FormatPAX}); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return b.Bytes(), nil
}
