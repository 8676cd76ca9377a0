package engine

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// preparation goes through the kustomizations that a build will read. It refuses what would make kustomize fetch or execute something, and
// replaces charts by what they render to, because kustomize would execute helm.
type preparation struct {
	tree *tree
	job  Job
	seen map[string]bool
	// schema is set when one of them names a schema.
	schema bool
	// versions are what charts are told of the cluster.
	versions []string
}

// prepare prepares a folder and all that its kustomization names. What is wrong with a kustomization otherwise is kustomize's to say.
func (p *preparation) prepare(dir string) error {
	if p.seen[dir] {
		return nil
	}
	p.seen[dir] = true
	name, text := kustomizationOf(p.tree, dir)
	if name == "" {
		return nil
	}
	var k types.Kustomization
	if err := k.Unmarshal(text); err != nil {
		return fmt.Errorf("%s: %w", name[1:], err)
	}
	p.schema = p.schema || len(k.OpenAPI) > 0
	if len(k.HelmChartInflationGenerator) > 0 {
		return fmt.Errorf("%s: helmChartInflationGenerator is not supported: use helmCharts", name[1:])
	}
	k.FixKustomization()
	for _, entry := range paths(k) {
		if remote(entry) {
			return fmt.Errorf("%s: %q is not in this repository: commit what it holds, and name that", name[1:], entry)
		}
	}
	for _, entry := range slices.Concat(k.Generators, k.Transformers, k.Validators) {
		if err := p.plugin(name, dir, entry); err != nil {
			return err
		}
	}
	if err := p.folders(dir, k.Resources); err != nil {
		return err
	}
	if len(k.HelmCharts) > 0 && p.job.Options.EnableHelm {
		if err := p.inflate(name, text, dir, k); err != nil {
			return fmt.Errorf("%s: %w", name[1:], err)
		}
	}
	return p.folders(dir, k.Components)
}

func (p *preparation) folders(dir string, entries []string) error {
	for _, entry := range entries {
		if sub := absolute(dir + "/" + entry); p.tree.dirs[sub] {
			if err := p.prepare(sub); err != nil {
				return err
			}
		}
	}
	return nil
}

// paths are all files, folders and addresses that a kustomization names.
func paths(k types.Kustomization) []string {
	all := slices.Concat(k.Resources, k.Components, k.Crds, k.Configurations)
	//lint:ignore SA1019 people still write it, and kustomize still reads it
	for _, s := range k.PatchesStrategicMerge {
		if !strings.Contains(string(s), "\n") {
			all = append(all, string(s))
		}
	}
	//lint:ignore SA1019 people still write it, and kustomize still reads it
	for _, patch := range slices.Concat(k.Patches, k.PatchesJson6902) {
		all = append(all, patch.Path)
	}
	for _, r := range k.Replacements {
		all = append(all, r.Path)
	}
	all = append(all, k.OpenAPI["path"])
	sources := func(s types.KvPairSources) {
		all = append(all, s.EnvSources...)
		all = append(all, s.EnvSource)
		for _, file := range s.FileSources {
			_, after, found := strings.Cut(file, "=")
			if !found {
				after = file
			}
			all = append(all, file, after)
		}
	}
	for _, g := range k.ConfigMapGenerator {
		sources(g.KvPairSources)
	}
	for _, g := range k.SecretGenerator {
		sources(g.KvPairSources)
	}
	for _, c := range k.HelmCharts {
		all = append(all, c.ValuesFile)
		all = append(all, c.AdditionalValuesFiles...)
	}
	if k.HelmGlobals != nil {
		all = append(all, k.HelmGlobals.ChartHome)
	}
	return all
}

var user = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@`)

// remote reports whether kustomize may take an entry for an address. It is stricter than kustomize: no file of a repository needs such names.
func remote(entry string) bool {
	lower := strings.ToLower(entry)
	for _, prefix := range []string{"git::", "github.com/", "github.com:", "http:", "https:", "ssh:", "file:"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	return strings.Contains(entry, "://") || user.MatchString(entry)
}

// plugin looks at the configuration of a generator, transformer or validator: text in the kustomization, a file, or a kustomization.
func (p *preparation) plugin(kustomization, dir, entry string) error {
	name, text := kustomization[1:], []byte(entry)
	if !strings.Contains(entry, "\n") && !strings.Contains(entry, ": ") {
		if remote(entry) {
			return fmt.Errorf("%s: %q is not in this repository: commit what it holds, and name that", name, entry)
		}
		file := absolute(dir + "/" + entry)
		if p.tree.dirs[file] {
			return p.plugins(file)
		}
		name, text = file[1:], p.tree.files[file]
	}
	return harmless(name, text)
}

// plugins looks at a kustomization that makes configurations.
func (p *preparation) plugins(dir string) error {
	if p.seen[dir] {
		return nil
	}
	if err := p.prepare(dir); err != nil {
		return err
	}
	for name, text := range p.tree.files {
		if strings.HasPrefix(name, dir+"/") && slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)) {
			if err := harmless(name[1:], text); err != nil {
				return err
			}
		}
	}
	return nil
}

func harmless(name string, text []byte) error {
	texts, err := split(text)
	if err != nil {
		return nil // kustomize says it better
	}
	for _, text := range texts {
		var v any
		if yaml.Unmarshal(text, &v) != nil {
			continue
		}
		if m, ok := v.(map[string]any); ok && strings.HasPrefix(fmt.Sprint(m["kind"]), "HelmChartInflationGenerator") {
			return fmt.Errorf("%s: HelmChartInflationGenerator is not supported: use helmCharts of a kustomization", name)
		}
		if found := addressIn(v); found != "" {
			return fmt.Errorf("%s: %q is not in this repository: commit what it holds, and name that", name, found)
		}
	}
	return nil
}

// addressIn finds an address in a field from which builtin plugins load.
func addressIn(v any) string {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range []string{"path", "paths", "files", "env", "envs", "configurations", "resources", "valuesFile", "additionalValuesFiles"} {
			list, ok := v[key].([]any)
			if !ok {
				list = []any{v[key]}
			}
			for _, entry := range list {
				if s, ok := entry.(string); ok {
					_, after, _ := strings.Cut(s, "=")
					if remote(s) || remote(after) {
						return s
					}
				}
			}
		}
		for _, inner := range v {
			if found := addressIn(inner); found != "" {
				return found
			}
		}
	case []any:
		for _, inner := range v {
			if found := addressIn(inner); found != "" {
				return found
			}
		}
	}
	return ""
}
