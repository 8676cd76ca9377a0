package render

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/kyaml/openapi/kubernetesapi"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// kustomization reads the kustomization of a folder and all that it names. by is the place that names the folder; in plugins, the objects
// are the settings of generators, transformers and validators.
func (c *collector) kustomization(dir, by string, plugins bool) error {
	if slices.Contains(c.walking, dir) {
		return refuse(by, "%s leads back to itself: %s", dir, strings.Join(append(c.walking, dir), ", "))
	}
	mark := dir + ":" + strconv.FormatBool(plugins)
	if c.walked[mark] {
		return nil
	}
	if c.walked == nil {
		c.walked = map[string]bool{}
	}
	c.walked[mark] = true
	c.walking = append(c.walking, dir)
	defer func() { c.walking = c.walking[:len(c.walking)-1] }()

	entries, err := fs.ReadDir(c.tree, dir)
	if err != nil {
		return c.unreadable(dir, err)
	}
	var names []string
	for _, e := range entries {
		if catalog.IsKustomization(e.Name()) {
			names = append(names, e.Name())
		}
	}
	switch {
	case len(names) == 0:
		return refuse(by, "the folder %s has no kustomization.yaml: add one or name its files", dir)
	case len(names) > 1:
		return refuse(dir, "has %s, and kustomize reads exactly one: remove the others", strings.Join(names, " and "))
	}
	name := path.Join(dir, names[0])
	docs, err := c.yaml(name, by)
	if err != nil {
		return err
	}
	if len(docs) != 1 || docs[0].Content[0].Kind != yaml.MappingNode {
		return refuse(at(name, 1), "want one YAML document that is a map")
	}
	k := &kustomization{collector: c, dir: dir, file: name, plugins: plugins}
	return k.fields(docs[0].Content[0])
}

// kustomization is one that is being read.
type kustomization struct {
	*collector
	dir, file string
	plugins   bool
	// chartHome is where helmCharts are looked for.
	chartHome string
}

func (k *kustomization) at(n *yaml.Node) string { return at(k.file, n.Line) }

func at(file string, line int) string { return file + ":" + strconv.Itoa(line) }

// fields looks at each field that can name something outside the file. kustomize takes field names in any case.
func (k *kustomization) fields(root *yaml.Node) error {
	k.chartHome = "charts"
	each(root, func(key string, value *yaml.Node) {
		if strings.EqualFold(key, "helmGlobals") {
			k.chartHome = text(value, "chartHome", k.chartHome)
		}
	})
	var errs []error
	each(root, func(key string, value *yaml.Node) {
		if len(errs) == 0 {
			if err := k.field(strings.ToLower(fold(key)), value); err != nil {
				errs = append(errs, err)
			}
		}
	})
	return errors.Join(errs...)
}

// fold spells the letters that Go's JSON reader takes for k and s in the usual way.
func fold(key string) string {
	return strings.NewReplacer("\u212a", "k", "\u017f", "s").Replace(key)
}

func (k *kustomization) field(key string, value *yaml.Node) error {
	switch key {
	case "resources", "bases":
		return k.all(key, value, func(n *yaml.Node) error { return k.entry(key, n, k.plugins) })
	case "components":
		return k.all(key, value, func(n *yaml.Node) error { return k.entry(key, n, false) })
	case "generators", "transformers", "validators":
		return k.all(key, value, func(n *yaml.Node) error {
			if doc := inline(n.Value); doc != nil {
				return k.plugin(k.at(n), doc)
			}
			return k.entry(key, n, true)
		})
	case "crds", "configurations":
		return k.all(key, value, func(n *yaml.Node) error { return k.yamlFile(key, n) })
	case "patchesstrategicmerge":
		return k.all("patchesStrategicMerge", value, func(n *yaml.Node) error {
			if inline(n.Value) != nil && !k.exists(path.Join(k.dir, n.Value)) {
				return k.harmless("patchesStrategicMerge", n)
			}
			return k.yamlFile("patchesStrategicMerge", n)
		})
	case "patches", "replacements":
		return k.inEach(key, value, k.patch)
	case "patchesjson6902":
		return k.inEach("patchesJson6902", value, k.patch)
	case "configmapgenerator":
		return k.inEach("configMapGenerator", value, k.data)
	case "secretgenerator":
		return k.inEach("secretGenerator", value, k.data)
	case "openapi":
		return k.openAPI(value)
	case "helmcharts":
		return k.helmCharts(value)
	case "helmchartinflationgenerator":
		return refuse(k.at(value), "helmChartInflationGenerator is not supported: write helmCharts instead")
	}
	return nil
}

// all calls do for each text of a list.
func (k *kustomization) all(field string, list *yaml.Node, do func(*yaml.Node) error) error {
	for _, n := range items(list) {
		if n.Kind != yaml.ScalarNode || n.Value == "" {
			continue
		}
		if err := do(n); err != nil {
			return err
		}
	}
	return nil
}

// inEach calls do for each field of each map of a list.
func (k *kustomization) inEach(field string, list *yaml.Node, do func(field, key string, value *yaml.Node) error) (err error) {
	for _, n := range items(list) {
		each(n, func(key string, value *yaml.Node) {
			if err == nil {
				err = do(field, strings.ToLower(fold(key)), value)
			}
		})
	}
	return err
}

func (k *kustomization) patch(field, key string, value *yaml.Node) error {
	switch key {
	case "path":
		return k.yamlFile(field, value)
	case "patch":
		return k.harmless(field, value)
	}
	return nil
}

// harmless checks YAML that stands in the kustomization itself.
func (k *kustomization) harmless(field string, n *yaml.Node) error {
	err := catalog.Harmless("", []byte(n.Value))
	if problem := (fault.Problem{}); errors.As(err, &problem) {
		return refuse(k.at(n), "%s: %s", field, problem.Message)
	}
	return err
}

// data are the files of a generator, each a name or key=name.
func (k *kustomization) data(field, key string, value *yaml.Node) error {
	switch key {
	case "env":
		_, err := k.named(field, value, value.Value)
		return err
	case "files", "envs":
		return k.all(field, value, func(n *yaml.Node) error {
			name := n.Value
			if _, after, ok := strings.Cut(name, "="); ok && key == "files" {
				name = after
			}
			_, err := k.named(field, n, name)
			return err
		})
	}
	return nil
}

func (k *kustomization) openAPI(value *yaml.Node) (err error) {
	each(value, func(key string, value *yaml.Node) {
		switch {
		case err != nil:
		case strings.EqualFold(key, "path"):
			err = k.yamlFile("openapi", value)
		case strings.EqualFold(key, "version") && kubernetesapi.OpenAPIMustAsset[value.Value] == nil:
			err = refuse(k.at(value), "openapi: version %.100q is not known: want %s, or remove it", value.Value, kubernetesapi.DefaultOpenAPI)
		}
	})
	return err
}

// entry follows one name of a file or of a folder with a kustomization.
func (k *kustomization) entry(field string, n *yaml.Node, plugins bool) error {
	target, err := k.target(field, n, n.Value)
	if err != nil {
		return err
	}
	mode, err := k.stat(target, k.at(n))
	if err != nil {
		return err
	}
	if mode.IsDir() {
		return k.collector.kustomization(target, k.at(n), plugins)
	}
	if err := k.yamlFile(field, n); err != nil || !plugins {
		return err
	}
	docs, err := k.yaml(target, k.at(n))
	if err != nil {
		return err
	}
	for _, doc := range docs {
		if err := k.plugin(at(target, doc.Line), doc.Content[0]); err != nil {
			return err
		}
	}
	return nil
}

// plugin checks the settings of a generator, transformer or validator: those built in are not programs.
func (k *kustomization) plugin(where string, doc *yaml.Node) error {
	kind := text(doc, "kind", "")
	switch {
	case text(doc, "apiVersion", "") != "builtin":
		return refuse(where, "%.100q is no plugin of kustomize itself, and programs are not run here: use a built-in one, with apiVersion: builtin", kind)
	case kind == "HelmChartInflationGenerator":
		return refuse(where, "HelmChartInflationGenerator is not supported here: write helmCharts in the kustomization instead")
	}
	// A plugin's settings are those of the kustomization's field of the same purpose. Names in them are relative to the kustomization.
	var err error
	each(doc, func(key string, value *yaml.Node) {
		if err != nil {
			return
		}
		switch key = strings.ToLower(fold(key)); key {
		case "metadata":
			each(value, func(key string, value *yaml.Node) {
				if strings.EqualFold(key, "annotations") && err == nil {
					err = k.annotations(where, value)
				}
			})
		case "path", "patch":
			err = k.patch(kind, key, value)
		case "paths":
			err = k.field("patchesstrategicmerge", value)
		case "env", "envs", "files":
			err = k.data(kind, key, value)
		case "replacements":
			err = k.field("replacements", value)
		}
	})
	return err
}

func (k *kustomization) annotations(where string, value *yaml.Node) (err error) {
	each(value, func(key string, _ *yaml.Node) {
		if key == "config.kubernetes.io/function" || key == "config.k8s.io/function" {
			err = refuse(where, "the annotation %s asks for a program, and none is run here: remove it", key)
		}
	})
	return err
}

// yamlFile reads a file of YAML.
func (k *kustomization) yamlFile(field string, n *yaml.Node) error {
	target, err := k.named(field, n, n.Value)
	if err != nil {
		return err
	}
	return k.collector.harmless(target, k.at(n))
}

// named reads any file that the kustomization names.
func (k *kustomization) named(field string, n *yaml.Node, name string) (target string, err error) {
	if target, err = k.target(field, n, name); err != nil {
		return "", err
	}
	if _, err := k.collector.file(target, k.at(n)); err != nil {
		return "", err
	}
	if !k.options.AnyFile && !strings.HasPrefix(target, k.dir+"/") && k.dir != "." {
		return "", refuse(k.at(n), "%s: %.200q lies outside %s: Argo CD refuses that unless its kustomize.buildOptions say --load-restrictor LoadRestrictionsNone", field, name, k.dir)
	}
	return target, nil
}

var (
	address1 = regexp.MustCompile(`(?i)^git::|://|^git@`)
	address2 = regexp.MustCompile(`(?i)^([a-z0-9._-]+@|(www\.)?github\.com[/:])`)
)

// target is the path that a name of the kustomization means.
func (k *kustomization) target(field string, n *yaml.Node, name string) (string, error) {
	target := path.Join(k.dir, name)
	switch {
	case address1.MatchString(name), address2.MatchString(name) && !k.exists(target):
		return "", refuse(k.at(n), "%s: %.200q is outside this repository, and nothing is fetched: copy it in", field, name)
	case path.IsAbs(name):
		return "", refuse(k.at(n), "%s: %.200q is an absolute path: write it relative to %s", field, name, k.dir)
	case target == ".." || strings.HasPrefix(target, "../"):
		return "", refuse(k.at(n), "%s: %.200q leads out of the repository", field, name)
	}
	return target, nil
}
