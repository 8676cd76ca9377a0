package render

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// shipped are the addons that this repository ships.
func shipped(t testing.TB) []catalog.Addon {
	t.Helper()
	data, err := os.ReadFile("../../../catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Decode(catalog.File, data)
	if err != nil {
		t.Fatal(err)
	}
	return c.Addons
}

// TestReferenceCatalog collects and renders every addon that this repository ships.
func TestReferenceCatalog(t *testing.T) {
	tree := os.DirFS("../../..")
	p := newPool(t, Options{})
	for _, a := range shipped(t) {
		s, err := Collect(tree, a, engine.Options{})
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
			continue
		}
		inspected, problems := catalog.Inspect(catalog.Catalog{Addons: []catalog.Addon{a}}, tree)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		job := engine.Job{Files: s.Files, Path: a.Path, Type: inspected.Addons[0].Source, Release: a.Name, Namespace: a.Namespace, KubeVersion: "1.31"}
		out, err := p.Render(t.Context(), job)
		if err != nil || len(out.Objects) == 0 {
			t.Errorf("%s: %d objects, %v", a.Name, len(out.Objects), err)
		}
		t.Logf("%s: %s, %d files, %d objects, capabilities %t, unstable %t, CRDs %t, charts %v", a.Name, job.Type, len(s.Files), len(out.Objects), s.Capabilities, s.Unstable, s.CRDs, s.Charts)
	}
}

func BenchmarkCollect(b *testing.B) {
	tree := os.DirFS("../../..")
	addons := shipped(b)
	for b.Loop() {
		for _, a := range addons {
			if _, err := Collect(tree, a, engine.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func collect(t *testing.T, f files, o engine.Options) (Source, error) {
	t.Helper()
	return Collect(f.tree(), catalog.Addon{Name: "a", Path: "a"}, o)
}

// TestWhatIsRead lists the files that a source takes along: what its folder names elsewhere, and nothing else of the repository.
func TestWhatIsRead(t *testing.T) {
	everything := files{"b/kustomization.yaml": "resources: [in.yaml]\n", "b/in.yaml": configMap("in"), "b/other.yaml": configMap("other"), "secret": "x", "catalog.yaml": "x"}
	for name, tc := range map[string]struct {
		files   files
		options engine.Options
		want    string
	}{
		"a chart": {helmChart(files{"templates/t.yaml": "x"}).with(everything), engine.Options{}, "a/Chart.yaml a/templates/t.yaml"},
		"a chart with one beside it": {files{
			"a/Chart.yaml":     chartYAML + "dependencies: [{name: b, version: 1.0.0, repository: file://../lib/b}]\n",
			"lib/b/Chart.yaml": "apiVersion: v2\nname: b\nversion: 1.0.0\n", "lib/b/values.yaml": "{}", "lib/c/Chart.yaml": "x",
		}, engine.Options{}, "a/Chart.yaml lib/b/Chart.yaml lib/b/values.yaml"},
		"plain YAML":       {files{"a/x.yaml": configMap("x"), "a/README.md": "x", "a/sub/y.yaml": configMap("y"), "a/z.json": "{}"}.with(everything), engine.Options{}, "a/x.yaml a/z.json"},
		"a base":           {kustomize("resources: [../b]\n", everything), engine.Options{}, "a/cm.yaml a/kustomization.yaml b/in.yaml b/kustomization.yaml"},
		"a base, in a map": {kustomize("x: &r {resources: [../b]}\n<<: [*r]\n", everything), engine.Options{}, "a/cm.yaml a/kustomization.yaml b/in.yaml b/kustomization.yaml"},
		"every field": {kustomize(`
Resources: [cm.yaml]
bases: [../b]
components: [../c]
crds: [../f/crd.json]
configurations: [../f/conf.yaml]
patchesStrategicMerge:
- ../f/sm.yaml
- "{apiVersion: v1, kind: ConfigMap, metadata: {name: cm}}"
patchesJson6902: [{path: ../f/json.yaml}]
patches: [{path: ../f/p.yaml}, {patch: "[]"}]
replacements: [{path: ../f/r.yaml}]
configMapGenerator: [{files: [../f/one, key=../f/two], envs: [../f/three], env: ../f/four}]
secretGenerator: [{files: [../f/five]}]
generators: [../f/gen.yaml]
transformers: [../t]
validators: ["{apiVersion: builtin, kind: PatchTransformer, metadata: {name: v}, path: ../f/v.yaml}"]
openapi: {path: ../f/schema.json}
`, everything).with(files{
			"c/kustomization.yaml": "kind: Component\nresources: [c.yaml]\n", "c/c.yaml": configMap("c"),
			"f/crd.json": "{}", "f/conf.yaml": "{}", "f/sm.yaml": "{}", "f/json.yaml": "[]", "f/p.yaml": "{}", "f/r.yaml": "{}", "f/one": "\x00", "f/two": "{", "f/three": "", "f/four": "", "f/five": "",
			"f/gen.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: g}\nfiles: [../f/gen]\n", "f/gen": "", "f/v.yaml": "{}", "f/schema.json": "{}", "f/not": "",
			"t/kustomization.yaml": "resources: [t.yaml]\n", "t/t.yaml": "apiVersion: builtin\nkind: ReplacementTransformer\nmetadata: {name: g}\nreplacements: [{path: ../f/rt.yaml}]\n", "f/rt.yaml": "{}",
		}), engine.Options{AnyFile: true}, "a/cm.yaml a/kustomization.yaml b/in.yaml b/kustomization.yaml c/c.yaml c/kustomization.yaml f/conf.yaml f/crd.json f/five f/four f/gen f/gen.yaml f/json.yaml f/one f/p.yaml " +
			"f/r.yaml f/rt.yaml f/schema.json f/sm.yaml f/three f/two f/v.yaml t/kustomization.yaml t/t.yaml"},
		"a chart in a kustomization": {kustomize("helmGlobals: {chartHome: ../charts}\nhelmCharts: [{name: x, valuesFile: v.yaml, additionalValuesFiles: [w.yaml]}]\n", files{
			"a/v.yaml": "{}", "a/w.yaml": "{}", "charts/x/Chart.yaml": "apiVersion: v2\nname: x\nversion: 1.0.0\n", "charts/x/templates/t.yaml": "x", "charts/y/Chart.yaml": "x",
		}), engine.Options{EnableHelm: true}, "a/cm.yaml a/kustomization.yaml a/v.yaml a/w.yaml charts/x/Chart.yaml charts/x/templates/t.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := collect(t, tc.files, tc.options)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(slices.Sorted(maps.Keys(s.Files)), " "); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// locked is a chart whose lock is what Helm would write.
func locked(dependencies ...*chart.Dependency) files {
	lock := chart.Lock{Dependencies: dependencies, Digest: hash([2][]*chart.Dependency{dependencies, dependencies})}
	wanted, err := yaml.Marshal(map[string]any{"dependencies": dependencies})
	if err != nil {
		panic(err)
	}
	written, err := yaml.Marshal(lock)
	if err != nil {
		panic(err)
	}
	return helmChart(files{"Chart.yaml": chartYAML + string(wanted), "Chart.lock": string(written)})
}

// TestChartsToFetch follows what a source says of charts that the repository does not have.
func TestChartsToFetch(t *testing.T) {
	dep := &chart.Dependency{Name: "dep", Version: "1.0.0", Repository: "https://example.com/charts"}
	want := engine.Chart{Repository: "https://example.com/charts", Name: "dep", Version: "1.0.0"}
	f := locked(dep)
	s, err := collect(t, f, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Charts, []engine.Chart{want}) {
		t.Fatalf("got %v, want %v", s.Charts, want)
	}
	// Nobody knows yet what it holds.
	if !s.Capabilities || !s.Unstable || !s.CRDs {
		t.Errorf("got %t, %t, %t before the chart is there", s.Capabilities, s.Unstable, s.CRDs)
	}
	if err := s.Add(want, tgz(depChart, entry("dep/values.schema.json", `{"$ref": "http://x"}`))); err == nil || err.Error() != `dep 1.0.0 of https://example.com/charts: values.schema.json:1: $ref: "http://x" is outside this file, and nothing is fetched: copy it into $defs and refer to #/$defs/…` {
		t.Errorf("a hostile archive: %v", err)
	}
	if err := s.Add(engine.Chart{Name: "other"}, tgz(depChart)); err == nil {
		t.Error("a chart that nobody asked for was taken")
	}
	archive := tgz(depChart, entry("dep/templates/t.yaml", configMap("v{{ .Capabilities.KubeVersion.Minor }}")))
	if err := s.Add(want, archive); err != nil {
		t.Fatal(err)
	}
	if !s.Capabilities || s.Unstable || s.CRDs {
		t.Errorf("got %t, %t, %t, want only the capabilities", s.Capabilities, s.Unstable, s.CRDs)
	}
	out, err := newPool(t, Options{Processes: 1}).Render(t.Context(), engine.Job{
		Files: s.Files, Path: "a", Type: catalog.Helm, Release: "a", Namespace: "ns", KubeVersion: "1.31", Charts: map[engine.Chart][]byte{want: archive},
	})
	if err != nil || len(out.Objects) != 1 || out.Objects[0].ID.String() != "v1/ConfigMap/v31" {
		t.Errorf("got %v, %v", out.Objects, err)
	}

	f["a/charts/dep-1.0.0.tgz"] = archive
	if s, err := collect(t, f, engine.Options{}); err != nil || len(s.Charts) > 0 || !s.Capabilities || s.Unstable {
		t.Errorf("vendored: %v, %t, %t, %v", s.Charts, s.Capabilities, s.Unstable, err)
	}
	dep.Version = "2.0.0"
	f = locked(dep)
	f["a/charts/dep-1.0.0.tgz"] = archive
	if _, err := collect(t, f, engine.Options{}); fmt.Sprint(err) != "a/Chart.yaml: dependency dep: charts/ has no version of it that fits \"2.0.0\": run `helm dependency update`" {
		t.Errorf("vendored in another version: %v", err)
	}
	s, err = collect(t, kustomize("helmCharts: [{name: x, repo: oci://example.com/x, version: v1.2.3}]\n", nil), engine.Options{EnableHelm: true})
	if err != nil || !slices.Equal(s.Charts, []engine.Chart{{Repository: "oci://example.com/x", Name: "x", Version: "v1.2.3"}}) {
		t.Errorf("helmCharts: %v, %v", s.Charts, err)
	}
}

// TestDependenciesRefused is what a chart may not ask for.
func TestDependenciesRefused(t *testing.T) {
	for repository, want := range map[string]string{
		"@stable":                 `a/Chart.yaml: dependency dep: the repository "@stable" is a name that only its author's machine knows: write its address`,
		"ssh://me:pw@example.com": `a/Chart.yaml: dependency dep: the repository "ssh://example.com" is none that charts are fetched from: want https://, http:// or oci://`,
		"https://me:pw@x.com":     "a/Chart.yaml: dependency dep: the repository's address holds a user's name: remove it",
		"file://../b":             "a/Chart.yaml: dependency dep: b is not in the repository: add it or correct the path",
		"file://.":                "a/Chart.yaml: dependency dep: file://. contains the chart itself",
		"":                        "a/Chart.yaml: dependency dep: it has no repository and is not in charts/: put it there",
	} {
		if _, err := collect(t, locked(&chart.Dependency{Name: "dep", Version: "1.0.0", Repository: repository}), engine.Options{}); fmt.Sprint(err) != want {
			t.Errorf("%q:\ngot  %v\nwant %s", repository, err, want)
		}
	}
	f := locked(&chart.Dependency{Name: "dep", Version: "^1.0.0", Repository: "https://example.com"})
	if _, err := collect(t, f, engine.Options{}); err == nil {
		t.Error("a range in Chart.lock was taken")
	}
}

// TestHelmsOwnLock takes a lock that Helm 3.18 has written.
func TestHelmsOwnLock(t *testing.T) {
	f := helmChart(files{
		"Chart.yaml": chartYAML + "dependencies:\n- name: dep\n  version: 1.0.0\n  repository: file://../dep\n",
		"Chart.lock": "dependencies:\n- name: dep\n  repository: file://../dep\n  version: 1.0.0\ndigest: sha256:988aada36839938cd2b18804f5b95d2a2b45494cf00048a6940f20a2c0f0b9ca\ngenerated: \"2024-05-01T00:00:00Z\"\n",
	}).with(files{"dep/Chart.yaml": "apiVersion: v2\nname: dep\nversion: 1.0.0\n"})
	if _, err := collect(t, f, engine.Options{}); err != nil {
		t.Error(err)
	}
}

// TestFlags reads templates for what their results depend on.
func TestFlags(t *testing.T) {
	for text, want := range map[string]string{
		"a: b":                                     "",
		"a: {{ .Values.now }}":                     "",
		"a: now keys {{ .Values.x }} randInt":      "",
		"a: {{/* now */}}":                         "",
		"a: {{ $now }}":                            "",
		`a: {{ "now" }}`:                           "",
		`a: {{ "}}" | print now }}`:                "unstable",
		"a: {{ now }}":                             "unstable",
		"a: {{- now | date \"2006\" -}}":           "unstable",
		"a: {{ (genCA \"x\" 1).Cert }}":            "unstable",
		"a: {{/* x */}}{{ uuidv4 }}":               "unstable",
		"a: {{ range $k := keys .Values }}{{end}}": "unstable",
		"a: {{ tpl \"{{ randAlpha 5 }}\" . }}":     "unstable",
		"a: {{ if .Capabilities.APIVersions.Has \"x\" }}{{ end }}": "capabilities",
		"kind: CustomResourceDefinition":                           "CRDs",
	} {
		s, err := collect(t, template(text), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for name, set := range map[string]bool{"unstable": s.Unstable, "capabilities": s.Capabilities, "CRDs": s.CRDs} {
			if set {
				got += name
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	for name, f := range map[string]files{
		"values":      helmChart(files{"values.yaml": "x: '{{ .Capabilities }}'"}),
		"kubeVersion": helmChart(files{"Chart.yaml": chartYAML + "KubeVersion: '>=1.20'\n"}),
		"an archive":  vendored(depChart, entry("dep/templates/_helpers.tpl", "{{ $.Capabilities }}")),
	} {
		if s, err := collect(t, f, engine.Options{}); err != nil || !s.Capabilities {
			t.Errorf("capabilities in %s: %t, %v", name, s.Capabilities, err)
		}
	}
}

// TestDigest is the same for the same files, and another for any other.
func TestDigest(t *testing.T) {
	digests := map[[32]byte]string{}
	for name, f := range map[string]files{
		"one":           template("a"),
		"other content": template("b"),
		"other name":    helmChart(files{"templates/t.yam": "la"}),
		"one more":      template("a").with(files{"a/x": ""}),
	} {
		s, err := collect(t, f, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := collect(t, f.with(files{"elsewhere": name}), engine.Options{}); again.Digest != s.Digest {
			t.Errorf("%s: two digests", name)
		}
		if other := digests[s.Digest]; other != "" {
			t.Errorf("%s and %s have the same digest", name, other)
		}
		digests[s.Digest] = name
	}
}
