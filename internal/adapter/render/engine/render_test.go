package engine

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// job is one for a folder "addon" of text in the form of a txtar archive; its type follows from its files.
func job(text string) Job {
	j := Job{
		Files: map[string][]byte{}, Path: "addon", Type: catalog.Directory, Release: "tokyo-1-addon", Namespace: "ns",
		KubeVersion: "1.31", APIVersions: []string{"v1", "apps/v1"},
	}
	for _, f := range txtar.Parse([]byte(text)).Files {
		j.Files[f.Name] = f.Data
		switch f.Name {
		case "addon/Chart.yaml":
			j.Type = catalog.Helm
		case "addon/kustomization.yaml":
			j.Type = catalog.Kustomize
		}
	}
	return j
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"

func TestObjectsAreSortedAndSayWhatTheyAre(t *testing.T) {
	out, err := Render(t.Context(), job(`
-- addon/all.yaml --
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: other}
---
apiVersion: batch/v1
kind: Job
metadata: {generateName: migrate-, annotations: {argocd.argoproj.io/hook: "PostSync, PreSync"}}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {again: "yes"}}
---
apiVersion: v1
kind: Pod
metadata: {name: test, annotations: {helm.sh/hook: test}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range out.Objects {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s", o.ID, o.Hook)))
	}
	want := []string{
		"v1/ConfigMap/a", "v1/ConfigMap/a", "v1/ConfigMap/b", "v1/Pod/test Skip", "v1/Secret/other/s", "batch/v1/Job/migrate- PostSync,PreSync",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := manifest.Text(out.Objects[1].Content, "data", "again"); got != "yes" {
		t.Errorf("of two with one identity, the later comes first: %v", out.Objects)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for name, tc := range map[string]struct{ files, want string }{
		"text in a list": {
			"-- addon/a.yaml --\napiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}, text]\n",
			"addon/a.yaml, document 1: item 2 of the list is not an object",
		},
		"no such folder": {"-- addons/a.yaml --\n", "addon: app path does not exist"},
		"no apiVersion": {
			"-- addon/a.yaml --\nkind: ConfigMap\nmetadata: {name: a}\n",
			"addon/a.yaml, document 1: ConfigMap a has no apiVersion",
		},
		"apiVersion with too much": {
			"-- addon/a.yaml --\napiVersion: a/b/c\nkind: ConfigMap\nmetadata: {name: a}\n",
			`addon/a.yaml, document 1: ConfigMap a: apiVersion "a/b/c" is not group/version`,
		},
		"name of a number": {
			"-- addon/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: 1}\n",
			"addon/a.yaml, document 1: metadata.name: 1 is not text: quote it",
		},
		"labels of another kind": {
			"-- addon/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: text}\n",
			"addon/a.yaml, document 1: ConfigMap a: metadata.labels is text, not an object",
		},
		"dependency outside": {
			"-- addon/Chart.yaml --\napiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: x, version: 1.0.0, repository: 'file://../../x'}]\n",
			"dependency x: file://../../x is outside the repository",
		},
		"dependency that is absolute": {
			"-- addon/Chart.yaml --\napiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: x, version: 1.0.0, repository: 'file:///etc'}]\n",
			"dependency x: file:///etc is outside the repository",
		},
		"dependency that was not fetched": {
			"-- addon/Chart.yaml --\napiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: x, version: 1.0.0, repository: 'https://x.example.com'}]\n",
			"dependency x 1.0.0 of https://x.example.com is not in charts/, and was not fetched",
		},
		"dependency by a name of its repository": {
			"-- addon/Chart.yaml --\napiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{name: x, version: 1.0.0, repository: '@stable'}]\n",
			`dependency x: repository "@stable" is a name that only a machine's settings know: write its address`,
		},
		"old inflation": {
			"-- addon/kustomization.yaml --\nhelmChartInflationGenerator: [{chartName: x}]\n",
			"addon/kustomization.yaml: helmChartInflationGenerator is not supported: use helmCharts",
		},
		"inflation as a plugin": {
			"-- addon/kustomization.yaml --\ngenerators: [g.yaml]\n-- addon/g.yaml --\napiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: x\n",
			"addon/g.yaml: HelmChartInflationGenerator is not supported: use helmCharts of a kustomization",
		},
		"endless template": {
			"-- addon/Chart.yaml --\n{apiVersion: v2, name: a, version: 1.0.0}\n-- addon/templates/a.yaml --\n{{ range until 20000 }}\n---\n" +
				strings.Replace(configMap, "%s", "x{{ . }}", 1) + "{{ end }}\n",
			"more than 10000 objects",
		},
		"endless list": {
			"-- addon/Chart.yaml --\n{apiVersion: v2, name: a, version: 1.0.0}\n-- addon/templates/a.yaml --\napiVersion: v1\nkind: List\nitems:\n{{ range until 20000 }}" +
				"- {apiVersion: v1, kind: ConfigMap, metadata: {name: x{{ . }}}}\n{{ end }}\n",
			"more than 10000 objects",
		},
		"endless text": {
			"-- addon/Chart.yaml --\n{apiVersion: v2, name: a, version: 1.0.0}\n-- addon/templates/a.yaml --\n# {{ repeat 70000000 \"x\" }}\n",
			"more than 64 MiB of output",
		},
		"aliases that grow": {
			"-- addon/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\na: &a [x,x,x,x,x,x,x,x,x,x]\n" + grow(9),
			"addon/a.yaml, document 1: document contains excessive aliasing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := Render(t.Context(), job(tc.files))
			if err == nil || err.Error() != tc.want {
				t.Errorf("error %v\nwant  %s", err, tc.want)
			}
			if len(out.Objects) > 0 {
				t.Errorf("%d objects with an error", len(out.Objects))
			}
		})
	}
}

// grow makes each level ten times as large as the one before.
func grow(levels int) string {
	var b strings.Builder
	for i := range levels {
		from, to := 'a'+i, 'b'+i
		fmt.Fprintf(&b, "%c: &%c [%s]\n", to, to, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", from), 10), ","))
	}
	return b.String()
}

// TestNothingIsFetched has every place from which kustomize or Helm would fetch name a server that counts.
func TestNothingIsFetched(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte(fmt.Sprintf(configMap, "fetched"))) // nobody should read it
	}))
	defer server.Close()
	url := server.URL + "/x.yaml"
	k := func(field string) string {
		return "-- addon/kustomization.yaml --\nresources: [a.yaml]\n" + field + "\n-- addon/a.yaml --\n" + fmt.Sprintf(configMap, "a")
	}
	for name, files := range map[string]string{
		"resources":             "-- addon/kustomization.yaml --\nresources: [URL]\n",
		"a base's resources":    "-- addon/kustomization.yaml --\nresources: [base]\n-- addon/base/kustomization.yaml --\nresources: [URL]\n",
		"components":            k("components: [URL]"),
		"a component":           k("components: [c]\n-- addon/c/kustomization.yaml --\nkind: Component\nresources: [URL]"),
		"bases":                 k("bases: [URL]"),
		"crds":                  k("crds: [URL]"),
		"configurations":        k("configurations: [URL]"),
		"patches":               k("patches: [{path: URL}]"),
		"patchesStrategicMerge": k("patchesStrategicMerge: [URL]"),
		"patchesJson6902":       k("patchesJson6902: [{path: URL, target: {version: v1, kind: ConfigMap, name: a}}]"),
		"replacements":          k("replacements: [{path: URL}]"),
		"openapi":               k("openapi: {path: URL}"),
		"generator files":       k("configMapGenerator: [{name: g, files: [x=URL]}]"),
		"generator env":         k("configMapGenerator: [{name: g, env: URL}]"),
		"generator envs":        k("secretGenerator: [{name: g, envs: [URL]}]"),
		"generators":            k("generators: [URL]"),
		"transformers":          k("transformers: [URL]"),
		"validators":            k("validators: [URL]"),
		"a plugin in a file":    k("generators: [g.yaml]\n-- addon/g.yaml --\napiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: g}\nfiles: [x=URL]"),
		"a plugin in a folder":  k("transformers: [t]\n-- addon/t/kustomization.yaml --\nresources: [t.yaml]\n-- addon/t/t.yaml --\napiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: g}\npath: URL"),
		"a plugin in place":     k("transformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: g}\n  path: URL"),
		"a plugin in braces":    k("transformers: ['{apiVersion: builtin, kind: PatchTransformer, metadata: {name: g}, path: \"URL\"}']"),
		"schema":                "-- addon/Chart.yaml --\n{apiVersion: v2, name: a, version: 1.0.0}\n-- addon/values.schema.json --\n{\"$ref\": \"URL\"}\n",
		"a subchart's schema":   "-- addon/Chart.yaml --\n{apiVersion: v2, name: a, version: 1.0.0}\n-- addon/charts/b/Chart.yaml --\n{apiVersion: v2, name: b, version: 1.0.0}\n-- addon/charts/b/values.schema.json --\n{\"$ref\": \"URL\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Render(t.Context(), job(strings.ReplaceAll(files, "URL", url)))
			if err == nil || !strings.Contains(err.Error(), url) || !strings.Contains(err.Error(), "not in this repository") && !strings.Contains(err.Error(), "itself only") {
				t.Errorf("error %v; want one that names %s and says that it is not in the repository", err, url)
			}
		})
	}
	if asked > 0 {
		t.Errorf("%d requests were made", asked)
	}
}

// TestSchemaIsReadFromTheChartOnly has a schema name a file that is there on every machine.
func TestSchemaIsReadFromTheChartOnly(t *testing.T) {
	for _, ref := range []string{"file:///etc/passwd", "/etc/passwd", "other.json"} {
		_, err := Render(t.Context(), job("-- addon/Chart.yaml --\n{apiVersion: v2, name: a, version: 1.0.0}\n-- addon/values.schema.json --\n{\"$ref\": \""+ref+"\"}\n"))
		if err == nil || !strings.Contains(err.Error(), "it may refer to itself only") {
			t.Errorf("%s: error %v", ref, err)
		}
	}
}

func TestAJobIsNotChangedAndRendersTheSameAgain(t *testing.T) {
	for name, j := range map[string]Job{
		"chart": {
			Type: catalog.Helm, Values: map[string]any{"a": map[string]any{"b": "c"}},
			Files: map[string][]byte{
				"addon/Chart.yaml":                []byte("{apiVersion: v2, name: a, version: 1.0.0, dependencies: [{name: s, version: 1.x, alias: t, condition: t.on}]}"),
				"addon/values.yaml":               []byte("a: {d: e}\nt: {on: true}\n"),
				"addon/templates/a.yaml":          []byte("# {{ set .Values.a \"x\" \"y\" }}\n" + fmt.Sprintf(configMap, "{{ .Values.a.b }}")),
				"addon/charts/s/Chart.yaml":       []byte("{apiVersion: v2, name: s, version: 1.0.0}"),
				"addon/charts/s/templates/s.yaml": []byte(fmt.Sprintf(configMap, "s")),
			},
		},
		"kustomization": {
			Type: catalog.Kustomize, Options: Options{EnableHelm: true}, APIVersions: []string{"v1", "apps/v1"},
			Patches: []Patch{{Target: map[string]string{"kind": "ConfigMap"}, Patch: `[{"op": "add", "path": "/data", "value": {"a": "b"}}]`}},
			Files: map[string][]byte{
				"addon/kustomization.yaml":        []byte("namePrefix: p-\nresources: [a.yaml]\nhelmCharts: [{name: c, releaseName: r, apiVersions: [x/v1]}]\n"),
				"addon/a.yaml":                    []byte(fmt.Sprintf(configMap, "a")),
				"addon/charts/c/Chart.yaml":       []byte("{apiVersion: v2, name: c, version: 1.0.0}"),
				"addon/charts/c/values.yaml":      []byte("{}"),
				"addon/charts/c/templates/c.yaml": []byte(fmt.Sprintf(configMap, "c")),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			j.Path, j.Release, j.Namespace, j.KubeVersion = "addon", "r", "ns", "1.31"
			files, versions := maps.Clone(j.Files), slices.Clone(j.APIVersions)
			for name, data := range files {
				files[name] = slices.Clone(data)
			}
			first, err := Render(t.Context(), j)
			if err != nil {
				t.Fatal(err)
			}
			second, err := Render(t.Context(), j)
			if err != nil {
				t.Fatal(err)
			}
			if len(first.Objects) != 2 {
				t.Errorf("%d objects; want 2", len(first.Objects))
			}
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("-first +second:\n%s", diff)
			}
			if diff := cmp.Diff(files, j.Files); diff != "" {
				t.Errorf("files changed:\n%s", diff)
			}
			if diff := cmp.Diff(versions, j.APIVersions); diff != "" {
				t.Errorf("versions changed:\n%s", diff)
			}
			if name == "chart" {
				if diff := cmp.Diff(map[string]any{"a": map[string]any{"b": "c"}}, j.Values); diff != "" {
					t.Errorf("values changed:\n%s", diff)
				}
			}
		})
	}
}

func TestASchemaOfAKustomizationTaintsTheProcess(t *testing.T) {
	for name, tc := range map[string]struct {
		files   string
		tainted bool
	}{
		"none":            {"-- addon/kustomization.yaml --\nconfigMapGenerator: [{name: a, literals: [a=b]}]\n", false},
		"its own version": {"-- addon/kustomization.yaml --\nconfigMapGenerator: [{name: a, literals: [a=b]}]\nopenapi: {version: v1.21.2}\n", true},
		"a base's, and an error": {
			"-- addon/kustomization.yaml --\nresources: [base, gone.yaml]\n-- addon/base/kustomization.yaml --\nopenapi: {version: v1.21.2}\n" +
				"configMapGenerator: [{name: a, literals: [a=b]}]\n", true,
		},
	} {
		out, err := Render(t.Context(), job(tc.files))
		if out.Tainted != tc.tainted {
			t.Errorf("%s: tainted %v; want %v (error %v)", name, out.Tainted, tc.tainted, err)
		}
	}
}

func TestAnEndedContextRendersNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Render(ctx, job("-- addon/a.yaml --\n"+fmt.Sprintf(configMap, "a"))); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}
