package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"
)

const lenient = true

// chartFile is what makes a folder a Helm chart.
const chartFile = "Chart.yaml"

// read parses one YAML file of the folder; ok is false when there is nothing to look at, which was reported. A lenient read
// keeps silent about a file that is no YAML.
func (f *folder) read(from file, lenient bool) (docs []*yaml.Node, ok bool) {
	if from.size > MaxFile {
		f.refuseFile(place{}, from.name, "has %d bytes, at most %d are read: divide it", from.size, MaxFile)
		return nil, false
	}
	data, err := fs.ReadFile(f.tree, from.target)
	if err != nil {
		f.unreadable(from.name, err)
		return nil, false
	}
	docs, err = documents(data, MaxDocuments, MaxFileMarks)
	if err != nil && lenient {
		return nil, false
	}
	if err == nil {
		err = safe(docs)
	}
	if syntax := (*syntaxError)(nil); errors.As(err, &syntax) {
		f.refuseFile(syntax.place, from.name, "%s", syntax.text)
		return nil, false
	}
	return docs, true
}

// safe refuses documents that would cost a reader far more than they seem to.
func safe(docs []*yaml.Node) error {
	c := cost{maxDepth: MaxFileDepth, maxAliased: MaxAliased}
	for _, doc := range docs {
		if err := c.check(doc); err != nil {
			return err
		}
	}
	return nil
}

// one finds a file of the folder by its name and parses it as one map.
func (f *folder) one(name string) (string, map[string]*yaml.Node) {
	full := path.Join(f.addon.Path, name)
	from := file{name: full, target: full}
	if target, err := resolveLink(f.tree, full); err == nil {
		from.target = target
	}
	info, err := fs.Lstat(f.tree, from.target)
	if err != nil {
		f.unreadable(full, err)
		return full, nil
	}
	from.size = info.Size()
	docs, ok := f.read(from, !lenient)
	if !ok {
		return full, nil
	}
	if len(docs) != 1 || docs[0].Content[0].Kind != yaml.MappingNode {
		f.refuseFile(place{1, 1}, full, "want one YAML document that is a map")
		return full, nil
	}
	root := docs[0].Content[0]
	fields := map[string]*yaml.Node{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		if fields[key.Value] != nil {
			f.refuseFile(at(key), full, "%s is given twice: remove one", quote(key.Value))
		}
		fields[key.Value] = root.Content[i+1]
	}
	return full, fields
}

// value is the text of a field, "" when it is absent or no text.
func value(fields map[string]*yaml.Node, name string) string {
	n := fields[name]
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

func (f *folder) kustomization(entries []fs.DirEntry) {
	var names []string
	for _, e := range entries {
		if slices.Contains(kustomizationNames, e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	if len(names) > 1 {
		f.refuse("path", "%s has %s, and kustomize reads exactly one: remove the others", f.addon.Path, strings.Join(names, " and "))
		return
	}
	name, fields := f.one(names[0])
	if fields == nil {
		return
	}
	if kind := value(fields, "kind"); kind != "" && kind != "Kustomization" {
		f.refuseFile(at(fields["kind"]), name, "kind: want Kustomization, found %s", quote(kind))
	}
}

func (f *folder) chart() {
	if _, err := fs.Lstat(f.tree, path.Join(f.addon.Path, chartFile)); errors.Is(err, fs.ErrNotExist) {
		f.refuse("path", "Argo CD takes %s for a Helm chart, because a file's name ends in %s, and then finds no %s: rename that file", f.addon.Path, chartFile, chartFile)
		return
	}
	name, fields := f.one(chartFile)
	if fields == nil {
		return
	}
	missing := func(field string) {
		f.refuseFile(place{1, 1}, name, "%s is missing: add it", field)
	}
	switch v := value(fields, "apiVersion"); v {
	case "v1", "v2":
	case "":
		missing("apiVersion")
	default:
		f.refuseFile(at(fields["apiVersion"]), name, "apiVersion: want v2, found %s", quote(v))
	}
	switch v := value(fields, "name"); {
	case v == "":
		missing("name")
	case !chart.MatchString(v) || strings.Contains(v, "/"):
		f.refuseFile(at(fields["name"]), name, "name: %s is not a chart's name: want letters, digits, dots, dashes and underscores", quote(v))
	}
	switch v := value(fields, "version"); {
	case v == "":
		missing("version")
	default:
		if _, err := semver.NewVersion(v); err != nil || len(v) > MaxText {
			f.refuseFile(at(fields["version"]), name, "version: %s is not a semantic version: want a form like 1.2.3", quote(v))
		}
	}
}

// bombs looks for YAML that would take the reader of a kustomization or chart down. Whether the rest of a file is right is theirs to say:
// templates and text for ConfigMaps look like YAML and need not be any.
func (f *folder) bombs(files []file, source SourceType) {
	for _, from := range files {
		inside := strings.TrimPrefix(from.name, f.addon.Path+"/")
		switch ext := path.Ext(from.name); {
		case ext != ".yaml" && ext != ".yml":
			continue
		case source == Helm && (strings.HasPrefix(inside, "templates/") || strings.Contains(inside, "/templates/") || inside == chartFile):
			continue
		case source == Kustomize && slices.Contains(kustomizationNames, inside):
			continue
		}
		f.read(from, lenient)
	}
}

// manifests checks plain YAML: Argo CD reads the files directly in the folder and applies every object.
func (f *folder) manifests(files []file) {
	objects := 0
	var bytes int64
	for _, from := range files {
		inside := strings.TrimPrefix(from.name, f.addon.Path+"/")
		nested := strings.Contains(inside, "/")
		switch path.Ext(from.name) {
		case ".yaml", ".yml", ".json":
		case ".jsonnet":
			if !nested {
				f.refuseFile(place{}, from.name, "Jsonnet is a program, and none is run here: write its result as YAML")
			}
			continue
		default:
			continue
		}
		docs, ok := f.read(from, nested)
		if !ok {
			continue
		}
		n := f.objects(from.name, docs, nested)
		if nested && n > 0 {
			f.refuseFile(place{}, from.name, "Argo CD reads plain YAML only directly in %s: move the file there, or list it in a kustomization.yaml", f.addon.Path)
			continue
		}
		if !nested {
			objects += n
			bytes += from.size
		}
	}
	if len(f.found) > 0 {
		return
	}
	if objects == 0 {
		f.refuse("path", "%s has no manifest that Argo CD would read: add a .yaml file, a kustomization.yaml or a Chart.yaml", f.addon.Path)
	}
	if bytes > MaxManifests {
		f.refuse("path", "the manifests of %s have %d bytes together, and Argo CD reads at most %d of plain YAML", f.addon.Path, bytes, MaxManifests)
	}
}

// objects counts the Kubernetes objects of a file; in a quiet one, what is no object is left alone.
func (f *folder) objects(name string, docs []*yaml.Node, quiet bool) (n int) {
	for i, doc := range docs {
		root := doc.Content[0]
		if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
			continue
		}
		fields := map[string]*yaml.Node{}
		if root.Kind == yaml.MappingNode {
			for j := 0; j+1 < len(root.Content); j += 2 {
				if key := root.Content[j]; fields[key.Value] == nil {
					fields[key.Value] = root.Content[j+1]
				} else if !quiet {
					f.refuseFile(at(key), name, "%s is given twice: remove one", quote(key.Value))
				}
			}
		}
		if value(fields, "apiVersion") != "" && value(fields, "kind") != "" {
			n++
			continue
		}
		if !quiet {
			f.refuseFile(at(root), name, "%s is no Kubernetes object: want a map with apiVersion and kind", document(i))
		}
	}
	return n
}

func document(i int) string { return fmt.Sprintf("document %d", i+1) }
