package render

import (
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// gate checks charts, with everything in them.
type gate struct {
	found *found
	// bytes and entries were unpacked so far.
	bytes   int64
	entries int
	// self is the chart that was checked, inside are those directly in it.
	self   *chart.Metadata
	inside []*chart.Metadata
}

// The files of a chart that Helm gives a meaning.
const (
	chartFile        = "Chart.yaml"
	lockFile         = "Chart.lock"
	requirementsFile = "requirements.yaml"
	oldLockFile      = "requirements.lock"
	valuesFile       = "values.yaml"
	schemaFile       = "values.schema.json"
)

// chart checks the files of one chart, which are named relative to its folder; prefix is what a report puts before such a name.
func (g *gate) chart(prefix string, files map[string][]byte, depth int) error {
	if depth > maxCharts {
		return refuse(strings.TrimRight(prefix, ":/ "), "charts contain each other more than %d deep", maxCharts)
	}
	if files[chartFile] == nil {
		return refuse(strings.TrimRight(prefix, ":/ "), "has no %s: a chart needs one", chartFile)
	}
	subcharts := map[string]map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data, where := files[name], prefix+name
		g.found.look(name, data)
		var err error
		folder, rest, isSub := strings.Cut(strings.TrimPrefix(name, "charts/"), "/")
		switch {
		case strings.HasPrefix(name, "charts/"):
			switch {
			// Helm passes over those.
			case folder == "" || strings.ContainsAny(folder[:1], "_."):
			case isSub:
				if subcharts[folder] == nil {
					subcharts[folder] = map[string][]byte{}
				}
				subcharts[folder][rest] = data
			case path.Ext(name) == ".tgz":
				err = g.sub(func(inner *gate) error { return inner.archive(where, data, depth+1) })
			}
		case name == schemaFile:
			err = checkSchema(where, data)
		case name == chartFile:
			err = g.metadata(where, data)
		case name == valuesFile, name == lockFile, name == requirementsFile, name == oldLockFile:
			_, err = catalog.Documents(where, data)
		case strings.HasPrefix(name, "templates/"):
		case path.Ext(name) == ".yaml", path.Ext(name) == ".yml":
			err = catalog.Harmless(where, data)
		}
		if err != nil {
			return err
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(subcharts)) {
		err := g.sub(func(inner *gate) error { return inner.chart(prefix+"charts/"+folder+"/", subcharts[folder], depth+1) })
		if err != nil {
			return err
		}
	}
	return nil
}

// sub checks a chart inside this one, and takes note of its name.
func (g *gate) sub(check func(*gate) error) error {
	inner := gate{found: g.found, bytes: g.bytes, entries: g.entries}
	err := check(&inner)
	g.bytes, g.entries = inner.bytes, inner.entries
	g.inside = append(g.inside, inner.self)
	return err
}

// metadata checks a Chart.yaml.
func (g *gate) metadata(where string, data []byte) error {
	m, err := decode[chart.Metadata](where, data)
	if err != nil {
		return err
	}
	switch {
	case m.APIVersion != "" && m.APIVersion != chart.APIVersionV1 && m.APIVersion != chart.APIVersionV2:
		return refuse(where, "apiVersion: want v2, found %.100q", m.APIVersion)
	case m.Name == "":
		return refuse(where, "name is missing: add it")
	case m.Name == "." || m.Name == ".." || strings.ContainsAny(m.Name, `/\`):
		return refuse(where, "name: %.100q is not a chart's name: want letters, digits, dots, dashes and underscores", m.Name)
	}
	g.self = m
	g.found.capabilities = g.found.capabilities || m.KubeVersion != ""
	return nil
}

// decode reads a file as Helm does, once it is known to be harmless.
func decode[T any](where string, data []byte) (*T, error) {
	docs, err := catalog.Documents(where, data)
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 {
		return nil, refuse(where, "want one YAML document, found %d", len(docs))
	}
	v := new(T)
	if err := yaml.Unmarshal(data, v); err != nil {
		return nil, refuse(where, "%s", firstLine(strings.TrimPrefix(err.Error(), "error unmarshaling JSON: while decoding JSON: ")))
	}
	return v, nil
}
