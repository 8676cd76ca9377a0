package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

// files is a repository as a test writes it: text, bytes, or a link.
type files map[string]any

// link is the target of a symbolic link, submodule the content of another repository.
type (
	link      string
	submodule struct{}
)

func (f files) tree() fs.FS {
	t := fstest.MapFS{}
	for name, content := range f {
		switch content := content.(type) {
		case string:
			t[name] = &fstest.MapFile{Data: []byte(content)}
		case []byte:
			t[name] = &fstest.MapFile{Data: content}
		case link:
			t[name] = &fstest.MapFile{Data: []byte(content), Mode: fs.ModeSymlink | 0o777}
		case submodule:
			t[name] = &fstest.MapFile{Mode: fs.ModeIrregular}
		}
	}
	return t
}

// with are these files and those.
func (f files) with(more files) files {
	all := files{}
	for _, from := range []files{f, more} {
		for name, content := range from {
			all[name] = content
		}
	}
	return all
}

const chartYAML = "apiVersion: v2\nname: a\nversion: 1.0.0\n"

// helmChart is a chart in the folder a, with more files in it.
func helmChart(more files) files {
	all := files{"a/Chart.yaml": chartYAML}
	for name, content := range more {
		all["a/"+name] = content
	}
	return all
}

// template is a chart with one template.
func template(text string) files { return helmChart(files{"templates/t.yaml": text}) }

// kustomize is a kustomization in the folder a, with more files of the repository.
func kustomize(text string, more files) files {
	return files{"a/kustomization.yaml": text, "a/cm.yaml": configMap("cm")}.with(more)
}

func configMap(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n"
}

// entry is one of an archive's.
func entry(name, content string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content)), Linkname: content}
}

// tgz makes an archive. The content of a file stands where a link has its target.
func tgz(entries ...tar.Header) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	for _, e := range entries {
		content := ""
		if e.Typeflag == tar.TypeReg {
			content, e.Linkname = e.Linkname, ""
		}
		if err := t.WriteHeader(&e); err != nil {
			panic(err)
		}
		if _, err := t.Write([]byte(content)); err != nil {
			panic(err)
		}
	}
	t.Close()
	z.Close()
	return out.Bytes()
}

// vendored is a chart that has the archive of another.
func vendored(entries ...tar.Header) files {
	return helmChart(files{"templates/t.yaml": configMap("t"), "charts/dep-1.0.0.tgz": tgz(entries...)})
}

var depChart = entry("dep/Chart.yaml", "apiVersion: v2\nname: dep\nversion: 1.0.0\n")

func many(n int, make func(i int) tar.Header, first ...tar.Header) []tar.Header {
	for i := range n {
		first = append(first, make(i))
	}
	return first
}

// bomb has n levels of aliases, each nine times as much as the one before.
func bomb(n int) string {
	text := "l0: &l0 [x]\n"
	for i := 1; i <= n; i++ {
		text += fmt.Sprintf("l%d: &l%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d,", i-1), 9), ","))
	}
	return text
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

func nested(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// hostile are bad inputs, by the number that the project's list of them has. Those about catalogs, registries and Git are tested where
// these are read.
type bad struct {
	name  string
	files files
	// The gate refuses it, or the render fails, or makes objects.
	refused, fails string
	makes          string
	options        engine.Options
	kube           string
	// slow is what would go on for too long to wait for.
	slow bool
}

// hostile is a function, so that renderer processes do not make it all at their start.
func hostile() []bad {
	return []bad{
		{name: "h1 archive bomb within limits", files: vendored(many(9, func(i int) tar.Header {
			return entry(fmt.Sprintf("dep/f%d", i), strings.Repeat("\x00", 5<<20-1))
		}, depChart)...), makes: "v1/ConfigMap/t"},
		{name: "h2 archive bomb over limits", files: vendored(many(11, func(i int) tar.Header {
			return entry(fmt.Sprintf("dep/f%d", i), strings.Repeat("\x00", 5<<20-1))
		}, depChart)...), refused: "a/charts/dep-1.0.0.tgz: unpacks to more than 50 MiB"},
		{name: "h2 one entry over limits", files: vendored(depChart, entry("dep/f", strings.Repeat("\x00", 6<<20))), refused: "a/charts/dep-1.0.0.tgz: holds the entry \"dep/f\": it has 6291456 bytes, at most 5 MiB are read"},
		{name: "h3 300,000 files", files: vendored(many(300_000, func(i int) tar.Header { return entry(fmt.Sprintf("dep/f%d", i), "") }, depChart)...), refused: "a/charts/dep-1.0.0.tgz: holds more than 10000 files"},
		{name: "h4 entry ../x", files: vendored(depChart, entry("dep/../../x", "")), refused: "a/charts/dep-1.0.0.tgz: holds the entry \"dep/../../x\": its name leads out of the archive"},
		{name: "h4 absolute entry", files: vendored(depChart, entry("/etc/x", "")), refused: "a/charts/dep-1.0.0.tgz: holds the entry \"/etc/x\": its name is absolute"},
		{name: "h4 entry of Windows", files: vendored(depChart, entry(`C:\x`, "")), refused: "a/charts/dep-1.0.0.tgz: holds the entry \"C:\\\\x\": its name is one of Windows: make the archive again with `helm package`"},
		{name: "h4 entry of Windows inside", files: vendored(depChart, entry("dep/C:/x", "")), refused: "a/charts/dep-1.0.0.tgz: holds the entry \"dep/C:/x\": its name is one of Windows: make the archive again with `helm package`"},
		{name: "h5 symlink entry", files: vendored(depChart, tar.Header{Name: "dep/x", Typeflag: tar.TypeSymlink, Linkname: "/etc/hostname"}), refused: "a/charts/dep-1.0.0.tgz: holds the entry \"dep/x\": it is a link, and none is followed"},
		{name: "h5 hard link entry", files: vendored(depChart, tar.Header{Name: "dep/x", Typeflag: tar.TypeLink, Linkname: "dep/Chart.yaml"}), refused: "a/charts/dep-1.0.0.tgz: holds the entry \"dep/x\": it is a link, and none is followed"},
		{name: "h5 device entry", files: vendored(depChart, tar.Header{Name: "dep/x", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5}), refused: "a/charts/dep-1.0.0.tgz: holds the entry \"dep/x\": it is neither a file nor a folder"},
		{name: "h5 FIFO entry", files: vendored(depChart, tar.Header{Name: "dep/x", Typeflag: tar.TypeFifo}), refused: "a/charts/dep-1.0.0.tgz: holds the entry \"dep/x\": it is neither a file nor a folder"},
		{name: "h5 symlink in the folder", files: helmChart(files{"templates/t.yaml": "x: {{ .Files.Get \"leak\" }}", "leak": link("/etc/hostname")}), refused: "a/leak: is a symbolic link, and none is followed here: put the content in its place"},
		{name: "h5 submodule in the folder", files: helmChart(files{"charts/dep": submodule{}}), refused: "a/charts/dep: is a submodule, which Git does not carry in this repository: copy the folder in"},
		{name: "h6 name .", files: files{"a/Chart.yaml": "apiVersion: v2\nname: .\nversion: 1.0.0\n"}, refused: "a/Chart.yaml: name: \".\" is not a chart's name: want letters, digits, dots, dashes and underscores"},
		{name: "h6 name .. in an archive", files: vendored(entry("dep/Chart.yaml", "apiVersion: v2\nname: ..\nversion: 1.0.0\n")), refused: "a/charts/dep-1.0.0.tgz: Chart.yaml: name: \"..\" is not a chart's name: want letters, digits, dots, dashes and underscores"},
		{name: "h7 name differs from folder", files: files{"a/Chart.yaml": "apiVersion: v2\nname: b\nversion: 1.0.0\n", "a/templates/t.yaml": configMap("{{ .Chart.Name }}")}, makes: "v1/ConfigMap/b"},
		{name: "h8 no Chart.yaml", files: files{"a/MyChart.yaml": chartYAML}, refused: "a: has no Chart.yaml: a chart needs one"},
		{name: "h8 no Chart.yaml in an archive", files: vendored(entry("dep/values.yaml", "")), refused: "a/charts/dep-1.0.0.tgz: has no Chart.yaml: a chart needs one"},
		{name: "h8 two Chart.yaml", files: vendored(depChart, entry("other/Chart.yaml", chartYAML)), refused: "a/charts/dep-1.0.0.tgz: holds \"Chart.yaml\" twice: make the archive again with `helm package`"},
		{name: "h9 apiVersion v3", files: files{"a/Chart.yaml": "apiVersion: v3\nname: a\nversion: 1.0.0\n"}, refused: "a/Chart.yaml: apiVersion: want v2, found \"v3\""},
		{name: "h10 kubeVersion excludes", files: files{"a/Chart.yaml": chartYAML + "kubeVersion: <1.20\n", "a/templates/t.yaml": configMap("t")}, fails: "chart requires kubeVersion: <1.20 which is incompatible with Kubernetes v1.31.0"},
		{name: "h11 kubeVersion and a vendor's suffix", files: files{"a/Chart.yaml": chartYAML + "kubeVersion: \">=1.29\"\n", "a/templates/t.yaml": configMap("t")}, kube: "v1.31.4-eks-99", fails: "chart requires kubeVersion: >=1.29 which is incompatible with Kubernetes v1.31.4-eks-99"},
		{name: "h11 kubeVersion allows suffixes", files: files{"a/Chart.yaml": chartYAML + "kubeVersion: \">=1.29-0\"\n", "a/templates/t.yaml": configMap("t")}, kube: "v1.31.4-eks-99", makes: "v1/ConfigMap/t"},
		{name: "h12 schema refers to http", files: helmChart(files{"values.schema.json": "{\n  \"$ref\": \"http://127.0.0.1:1/x\"}"}), refused: "a/values.schema.json:2: $ref: \"http://127.0.0.1:1/x\" is outside this file, and nothing is fetched: copy it into $defs and refer to #/$defs/…"},
		{name: "h12 schema refers to file", files: helmChart(files{"values.schema.json": `{"properties": {"$ref": {"type": "string"}, "x": {"$ref": "file:///etc/passwd"}}}`}), refused: "a/values.schema.json:1: $ref: \"file:///etc/passwd\" is outside this file, and nothing is fetched: copy it into $defs and refer to #/$defs/…"},
		{name: "h12 schema in an archive refers to /dev/zero", files: vendored(depChart, entry("dep/values.schema.json", `{"$ref": "/dev/zero"}`)), refused: "a/charts/dep-1.0.0.tgz: values.schema.json:1: $ref: \"/dev/zero\" is outside this file, and nothing is fetched: copy it into $defs and refer to #/$defs/…"},
		{name: "h12 schema of a schema", files: helmChart(files{"values.schema.json": `{"$schema": "http://127.0.0.1:1/x"}`}), refused: "a/values.schema.json:1: $schema: \"http://127.0.0.1:1/x\" is no published draft: name one, such as http://json-schema.org/draft-07/schema#"},
		{name: "h12 circular schema", files: helmChart(files{"values.schema.json": `{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}`, "templates/t.yaml": configMap("t")}), fails: "values don't meet the specifications of the schema(s) in the following chart(s):\na:\n- at '': both /$ref/$ref and /$ref resolve to \"file:///values.schema.json#/$defs/a\" causing reference cycle\n"},
		{name: "h12 schema that contains itself", files: helmChart(files{"values.schema.json": `{"additionalProperties": {"$ref": "#"}}`, "values.yaml": "a: {b: {}}", "templates/t.yaml": configMap("t")}), makes: "v1/ConfigMap/t"},
		{name: "h13 schema of 10 MB", files: helmChart(files{"values.schema.json": `{"description": "` + strings.Repeat("x", 10<<20) + `"}`}), refused: "a/values.schema.json: has 10485779 bytes, at most 5 MiB are read: divide it"},
		{name: "h13 schema of 3 MB", files: helmChart(files{"values.schema.json": `{"description": "` + strings.Repeat("x", 3<<20) + `"}`}), refused: "a/values.schema.json: has 3145747 bytes, at most 2 MiB are read: shorten it"},
		{name: "h14 values bomb", files: helmChart(files{"values.yaml": bomb(7)}), refused: "a/values.yaml:6:34: aliases add more than 100000 values: write them out"},
		{name: "h14 values in a circle", files: helmChart(files{"values.yaml": "x: &a [*a]"}), refused: "a/values.yaml:1:8: the alias *a is inside the value it stands for: remove it"},
		{name: "h15 dependency neither vendored nor locked", files: files{"a/Chart.yaml": chartYAML + "dependencies:\n- name: dep\n  version: ^1.0.0\n  repository: https://example.com\n"}, refused: "a/Chart.yaml: dependency dep: no Chart.lock says which version of \"^1.0.0\" to fetch: run `helm dependency update` and commit Chart.lock"},
		{name: "h16 dependency outside the repository", files: files{"a/Chart.yaml": chartYAML + "dependencies:\n- name: dep\n  version: 1.0.0\n  repository: file://../..\n"}, refused: "a/Chart.yaml: dependency dep: file://../.. leads out of the repository"},
		{name: "h16 dependency by absolute path", files: files{"a/Chart.yaml": chartYAML + "dependencies:\n- name: dep\n  version: 1.0.0\n  repository: file:///etc\n"}, refused: "a/Chart.yaml: dependency dep: file:///etc is an absolute path: write it relative to the chart, as file://../name"},
		{name: "h17 Chart.lock of other dependencies", files: files{
			"a/Chart.yaml": chartYAML + "dependencies:\n- name: dep\n  version: 1.0.0\n  repository: https://example.com\n",
			"a/Chart.lock": "dependencies:\n- name: dep\n  version: 1.0.0\n  repository: https://example.com\ndigest: sha256:00\ngenerated: \"2024-01-01T00:00:00Z\"\n",
		}, refused: "a/Chart.lock: was made for other dependencies than those in Chart.yaml: run `helm dependency update` and commit both"},
		{name: "h18 conditions on each other", files: files{
			"a/Chart.yaml":          chartYAML + "dependencies:\n- {name: b, version: 1.0.0, condition: c.enabled}\n- {name: c, version: 1.0.0, condition: b.enabled}\n",
			"a/values.yaml":         "b: {enabled: true}\nc: {enabled: false}\n",
			"a/charts/b/Chart.yaml": "apiVersion: v2\nname: b\nversion: 1.0.0\n", "a/charts/b/templates/t.yaml": configMap("b"),
			"a/charts/c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "a/charts/c/templates/t.yaml": configMap("c"),
		}, makes: "v1/ConfigMap/c"},
		{name: "h19 tpl calls itself", files: helmChart(files{"values.yaml": "x: '{{ tpl .Values.x . }}'", "templates/t.yaml": "{{ tpl .Values.x . }}"}), slow: true, fails: "rendering took more than 2s and was stopped | template: a/templates/t.yaml:1:3: … rendering template has a nested reference name: a/templates/t.yaml: unable to execute template"},
		{name: "h19 include calls itself", files: template(`{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`), fails: "template: a/templates/t.yaml:1:47: executing \"a/templates/t.yaml\" at <include \"x\" .>: error calling include: … error calling include: rendering template has a nested reference name: x: unable to execute template"},
		{name: "h19 template calls itself", files: template(`{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}`), fails: "template: a/templates/t.yaml:1:28: executing \"x\" at <{{template \"x\" .}}>: exceeded maximum template depth (100000)"},
		{name: "h20 endless range", files: template("{{ range until 2000000000 }}x{{ end }}"), fails: "rendering needed more than 512 MiB of memory and was stopped"},
		{name: "h20 long range", files: template("{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"), slow: true, fails: "rendering took more than 2s and was stopped"},
		{name: "h21 long text", files: template("{{ repeat 1000000000 \"x\" }}"), fails: "rendering needed more than 512 MiB of memory and was stopped"},
		{name: "h22 keys in a loop", files: template("{{ range until 1000 }}{{ genPrivateKey \"rsa\" }}{{ end }}"), slow: true, fails: "rendering took more than 2s and was stopped"},
		{name: "h23 lookup", files: template(configMap("t") + `data: {x: "{{ lookup "v1" "Secret" "kube-system" "" | len }}"}`), makes: "v1/ConfigMap/t"},
		{name: "h24 getHostByName", files: template(configMap("t") + `data: {x: "<{{ getHostByName "example.com" }}>"}`), makes: "v1/ConfigMap/t"},
		{name: "h25 fail with a secret", files: template(`{{ fail "password=hunter2" }}`), fails: "execution error at (a/templates/t.yaml:1:3): password=hunter2"},
		{name: "h26 output that is no YAML", files: template("a: b: c"), fails: "a/templates/t.yaml, document 1: mapping values are not allowed in this context"},
		{name: "h27 output with an alias bomb", files: template(configMap("t") + "data:\n" + indent(bomb(7))), fails: "a/templates/t.yaml, document 1: document contains excessive aliasing"},
		{name: "h27 output with a circle", files: template(configMap("t") + "data: &a [*a]"), fails: "a/templates/t.yaml, document 1: anchor 'a' value contains itself"},
		{name: "h28 two objects of one identity", files: template(configMap("t") + "---\n" + configMap("t")), makes: "v1/ConfigMap/t v1/ConfigMap/t"},
		{name: "h29 object without kind", files: template("apiVersion: v1\nmetadata: {name: x}"), fails: "a/templates/t.yaml, document 1: object of v1 has no kind"},
		{name: "h29 object without name", files: template("apiVersion: v1\nkind: ConfigMap"), fails: "a/templates/t.yaml, document 1: ConfigMap has no metadata.name"},
		{name: "h29 list kind", files: template("apiVersion: v1\nkind: ConfigMapList\nitems:\n- " + strings.TrimSpace(strings.ReplaceAll(configMap("x"), "\n", "\n  "))), makes: "v1/ConfigMap/x"},
		// What the reports flag, the renderer makes as it is.
		{name: "h30 object in kube-system", files: template(configMap("t") + "  namespace: kube-system\n"), makes: "v1/ConfigMap/kube-system/t"},
		{name: "h31 rights for everyone", files: template("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: all}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: User, name: \"system:anonymous\"}]"), makes: "rbac.authorization.k8s.io/v1/ClusterRoleBinding/all"},
		{name: "h32 hook that deletes", files: template("apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {helm.sh/hook: pre-delete}}"), makes: "batch/v1/Job/j as Skip"},
		{name: "h33 large CustomResourceDefinition", files: helmChart(files{"crds/x.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x.example.com}\nspec:\n  description: " + strings.Repeat("x", 2<<20)}), makes: "apiextensions.k8s.io/v1/CustomResourceDefinition/x.example.com"},
		{name: "h34 an Application", files: template("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}"), makes: "argoproj.io/v1alpha1/Application/x"},
		{name: "h35 labels of our own", files: template(configMap("t") + "  labels: {addons.kaas.dev/addon: x}\n  finalizers: [addons.kaas.dev/x]\n"), makes: "v1/ConfigMap/t"},
		{name: "h36 random and time", files: template(configMap("t") + "data: {a: '{{ now }}', b: '{{ randAlphaNum 5 }}', c: '{{ (genCA \"x\" 1).Cert | b64enc }}'}"), makes: "v1/ConfigMap/t"},
		{name: "h37 byte-order mark in a template", files: template("\ufeff" + configMap("t")), makes: "v1/ConfigMap/t"},
		{name: "h38 Files.Glob over many files", files: helmChart(files{"templates/t.yaml": configMap("t") + `data: {x: "{{ range $k, $v := .Files.Glob "**" }}{{ $k }}{{ end }}"}`}).with(crowd(9_000)), makes: "v1/ConfigMap/t"},
		{name: "h38 too many files", files: helmChart(nil).with(crowd(10_001)), refused: "a: this addon reads more than 10000 files, the most that is allowed: divide it"},
		{name: "h39 Windows line ends", files: template(strings.ReplaceAll(configMap("t"), "\n", "\r\n")), makes: "v1/ConfigMap/t"},

		{name: "k1 remote resource", files: kustomize("resources:\n- http://127.0.0.1:1/x.yaml\n", nil), refused: "a/kustomization.yaml:2: resources: \"http://127.0.0.1:1/x.yaml\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k1 in another case", files: kustomize("RESOURCES:\n- HTTP://127.0.0.1:1/x.yaml\n", nil), refused: "a/kustomization.yaml:2: resources: \"HTTP://127.0.0.1:1/x.yaml\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k1 by a merge key", files: kustomize("metadata: {annotations: &a {resources: ['http://127.0.0.1:1/x.yaml']}}\n<<: *a\n", nil), refused: "a/kustomization.yaml:1: resources: \"http://127.0.0.1:1/x.yaml\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k1 remote patch", files: kustomize("resources: [cm.yaml]\npatches:\n- path: https://127.0.0.1:1/x.yaml\n", nil), refused: "a/kustomization.yaml:3: patches: \"https://127.0.0.1:1/x.yaml\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k1 remote file of a built-in plugin", files: kustomize("transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  path: http://127.0.0.1:1/x\n", nil), refused: "a/kustomization.yaml:4: PatchTransformer: \"http://127.0.0.1:1/x\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k1 remote in a base", files: kustomize("resources: [../b]\n", files{"b/kustomization.yaml": "resources:\n- https://127.0.0.1:1/x"}), refused: "b/kustomization.yaml:2: resources: \"https://127.0.0.1:1/x\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k2 git", files: kustomize("resources:\n- git::https://example.com/x\n", nil), refused: "a/kustomization.yaml:2: resources: \"git::https://example.com/x\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k2 GitHub", files: kustomize("resources:\n- github.com/example/x?ref=main\n", nil), refused: "a/kustomization.yaml:2: resources: \"github.com/example/x?ref=main\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k2 ssh", files: kustomize("resources:\n- git@example.com:x/y\n", nil), refused: "a/kustomization.yaml:2: resources: \"git@example.com:x/y\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k2 component", files: kustomize("components:\n- ssh://git@example.com/x/y\n", nil), refused: "a/kustomization.yaml:2: components: \"ssh://git@example.com/x/y\" is outside this repository, and nothing is fetched: copy it in"},
		{name: "k4 base outside the repository", files: kustomize("resources:\n- ../../b\n", nil), refused: "a/kustomization.yaml:2: resources: \"../../b\" leads out of the repository"},
		{name: "k4 absolute base", files: kustomize("resources:\n- /etc\n", nil), refused: "a/kustomization.yaml:2: resources: \"/etc\" is an absolute path: write it relative to a"},
		{name: "k4 file of another folder", files: kustomize("resources:\n- ../b/x.yaml\n", files{"b/x.yaml": configMap("x")}), refused: "a/kustomization.yaml:2: resources: \"../b/x.yaml\" lies outside a: Argo CD refuses that unless its kustomize.buildOptions say --load-restrictor LoadRestrictionsNone"},
		{name: "k4 file of another folder, allowed", files: kustomize("resources:\n- ../b/x.yaml\n", files{"b/x.yaml": configMap("x")}), options: engine.Options{AnyFile: true}, makes: "v1/ConfigMap/x"},
		{name: "k4 base that is not there", files: kustomize("resources:\n- ../b\n", nil), refused: "a/kustomization.yaml:2: b is not in the repository: add it or correct the path"},
		{name: "k5 symlinked base", files: kustomize("resources:\n- ../b\n", files{"b": link("/etc")}), refused: "b: is a symbolic link, and none is followed here: put the content in its place"},
		{name: "k5 symlinked folder above a base", files: kustomize("resources:\n- ../b/c\n", files{"b": link("a")}), refused: "b: is a symbolic link, and none is followed here: put the content in its place"},
		{name: "k6 circular bases", files: kustomize("resources:\n- ../b\n", files{"b/kustomization.yaml": "resources: [../a]"}), refused: "b/kustomization.yaml:1: a leads back to itself: a, b, a"},
		{name: "k7 openapi.path without the built-in kinds", files: kustomize("resources: [cm.yaml]\nopenapi: {path: s.json}\n", files{"a/s.json": `{"definitions": {}}`}), makes: "v1/ConfigMap/cm"},
		{name: "k8 openapi.version", files: kustomize("resources: [cm.yaml]\nopenapi:\n  version: v1.99.0\n", nil), refused: "a/kustomization.yaml:3: openapi: version \"v1.99.0\" is not known: want v1.21.2, or remove it"},
		{name: "k9 helmCharts", files: kustomize("helmCharts:\n- name: x\n", nil), refused: "a/kustomization.yaml:2: helmCharts: Argo CD inflates charts only when its kustomize.buildOptions say --enable-helm"},
		{name: "k9 helmCharts without a version", files: kustomize("helmCharts:\n- name: x\n  repo: https://example.com\n", nil), options: engine.Options{EnableHelm: true}, refused: "a/kustomization.yaml:2: helmCharts: x: version: \"\" is no exact version: write one, such as 1.2.3"},
		{name: "k9 helmCharts of ssh", files: kustomize("helmCharts:\n- name: x\n  repo: ssh://user:secret@example.com/x\n  version: 1.0.0\n", nil), options: engine.Options{EnableHelm: true}, refused: "a/kustomization.yaml:2: helmCharts: x: the repository \"ssh://example.com/x\" is none that charts are fetched from: want https://, http:// or oci://"},
		{name: "k9 helmCharts above the repository", files: kustomize("helmGlobals: {chartHome: ../..}\nhelmCharts:\n- name: x\n", nil), options: engine.Options{EnableHelm: true}, refused: "a/kustomization.yaml:3: helmGlobals: \"../..\" leads out of the repository"},
		{name: "k9 helmCharts with a hostile chart", files: kustomize("helmCharts:\n- name: x\n", files{"a/charts/x/Chart.yaml": "apiVersion: v2\nname: x\nversion: 1.0.0\n", "a/charts/x/values.schema.json": `{"$ref": "http://127.0.0.1:1"}`}), options: engine.Options{EnableHelm: true}, refused: "a/charts/x/values.schema.json:1: $ref: \"http://127.0.0.1:1\" is outside this file, and nothing is fetched: copy it into $defs and refer to #/$defs/…"},
		{name: "k9 legacy field", files: kustomize("helmChartInflationGenerator:\n- chartName: x\n", nil), refused: "a/kustomization.yaml:2: helmChartInflationGenerator is not supported: write helmCharts instead"},
		{name: "k10 exec generator", files: kustomize("generators: [g.yaml]\n", files{"a/g.yaml": "apiVersion: v1\nkind: Gen\nmetadata:\n  name: g\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: /bin/true}\n"}), refused: "a/g.yaml:1: \"Gen\" is no plugin of kustomize itself, and programs are not run here: use a built-in one, with apiVersion: builtin"},
		{name: "k10 container transformer", files: kustomize("resources: [cm.yaml]\ntransformers:\n- |-\n  apiVersion: builtin\n  kind: LabelTransformer\n  metadata:\n    name: g\n    annotations:\n      config.kubernetes.io/function: |\n        container: {image: x}\n", nil), refused: "a/kustomization.yaml:3: the annotation config.kubernetes.io/function asks for a program, and none is run here: remove it"},
		{name: "k10 plugin in a folder", files: kustomize("validators: [../v]\n", files{"v/kustomization.yaml": "resources: [v.yaml]", "v/v.yaml": "apiVersion: example.com/v1\nkind: V\nmetadata: {name: v}\n"}), refused: "v/v.yaml:1: \"V\" is no plugin of kustomize itself, and programs are not run here: use a built-in one, with apiVersion: builtin"},
		{name: "k11 secretGenerator from the disk", files: kustomize("secretGenerator:\n- name: s\n  files: [token=/var/run/secrets/token]\n", nil), refused: "a/kustomization.yaml:3: secretGenerator: \"/var/run/secrets/token\" is an absolute path: write it relative to a"},
		{name: "k11 secretGenerator from above", files: kustomize("secretGenerator:\n- name: s\n  envs: [../../.env]\n", nil), refused: "a/kustomization.yaml:3: secretGenerator: \"../../.env\" leads out of the repository"},
		{name: "k12 large configMapGenerator", files: kustomize("configMapGenerator:\n- name: c\n  files: [big]\n  options: {disableNameSuffixHash: true}\n", files{"a/big": strings.Repeat("0123456789", 1<<19-1)}), makes: "v1/ConfigMap/c"},
		{name: "k12 too large configMapGenerator", files: kustomize("configMapGenerator:\n- name: c\n  files: [big]\n", files{"a/big": strings.Repeat("x", 5<<20+1)}), refused: "a/big: has 5242881 bytes, at most 5 MiB are read: divide it"},
		{name: "k13 patch that matches nothing", files: kustomize("resources: [cm.yaml]\npatches:\n- patch: |\n"+indent(indent(configMap("other"))), nil), fails: "no resource matches strategic merge patch \"ConfigMap.v1.[noGrp]/other.[noNs]\": no matches for Id ConfigMap.v1.[noGrp]/other.[noNs]; failed to find unique target for patch ConfigMap.v1.[noGrp]/other.[noNs]"},
		{name: "k14 two kustomizations", files: kustomize("resources: [cm.yaml]\n", files{"a/kustomization.yml": "{}"}), refused: "a: has kustomization.yaml and kustomization.yml, and kustomize reads exactly one: remove the others"},
		{name: "k15 unknown field", files: kustomize("resources: [cm.yaml]\nresourses: [x.yaml]\n", nil), fails: "a/kustomization.yaml: invalid Kustomization: json: unknown field \"resourses\""},
		{name: "k16 alias bomb in a resource", files: kustomize("resources: [x.yaml]\n", files{"a/x.yaml": configMap("x") + "data:\n" + indent(bomb(7))}), refused: "a/x.yaml:11:36: aliases add more than 100000 values: write them out"},
		{name: "k17 circular alias", files: kustomize("resources: [x.yaml]\n", files{"a/x.yaml": configMap("x") + "data: &a [*a]\n"}), refused: "a/x.yaml:5:11: the alias *a is inside the value it stands for: remove it"},
		{name: "k17 circular alias in a patch", files: kustomize("resources: [cm.yaml]\npatches:\n- patch: |-\n    x: &a [*a]\n", nil), refused: "a/kustomization.yaml:3: patches: the alias *a is inside the value it stands for: remove it"},
		{name: "k18 map nested 3,000 deep", files: kustomize("resources: [x.yaml]\n", files{"a/x.yaml": configMap("x") + nested(2800)}), refused: "a/x.yaml:260:256: nests deeper than 256 levels"},
		{name: "k18 plain YAML nested 300 deep", files: files{"a/x.yaml": configMap("x") + nested(300)}, refused: "a/x.yaml:260:256: nests deeper than 256 levels"},
		{name: "k19 replacement copies a Secret", files: kustomize("resources: [cm.yaml, s.yaml]\nreplacements:\n- source: {kind: Secret, fieldPath: data.x}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.x], options: {create: true}}]\n", files{"a/s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {x: aHVudGVyMg==}\n"}), makes: "v1/ConfigMap/cm v1/Secret/s"},
		{name: "k20 vars that need each other", files: kustomize("resources: [cm.yaml]\nvars:\n- {name: A, objref: {apiVersion: v1, kind: ConfigMap, name: cm}, fieldref: {fieldpath: data.a}}\n- {name: B, objref: {apiVersion: v1, kind: ConfigMap, name: cm}, fieldref: {fieldpath: data.b}}\n", files{"a/cm.yaml": configMap("cm") + "data: {a: $(B), b: $(A)}\n"}), makes: "v1/ConfigMap/cm"},
		{name: "k21 name of 260 characters", files: kustomize("resources: [cm.yaml]\nnameSuffix: -"+strings.Repeat("x", 257)+"\n", nil), makes: "v1/ConfigMap/cm-" + strings.Repeat("x", 257)},
	}
}

func crowd(n int) files {
	all := files{}
	for i := range n {
		all[fmt.Sprintf("a/files/%03d/%d", i/100, i)] = ""
	}
	return all
}

// TestHostile gives the renderer everything bad on the list. Each ends in the error that says so, or renders as what it is.
func TestHostile(t *testing.T) {
	rows := hostile()
	forgetPeak()
	before := peakOf(t)
	p := newPool(t, Options{Processes: 1, Memory: 512 << 20})
	impatient := newPool(t, Options{Processes: 1, Memory: 512 << 20, Time: 2 * time.Second})
	for _, tc := range rows {
		t.Run(tc.name, func(t *testing.T) {
			begun := time.Now()
			s, err := Collect(tc.files.tree(), catalog.Addon{Name: "a", Path: "a"}, tc.options)
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("the gate took %v", took)
			}
			if err != nil || tc.refused != "" {
				if fmt.Sprint(err) != tc.refused {
					t.Errorf("refused:\ngot  %v\nwant %s", err, tc.refused)
				}
				return
			}
			entries, _ := fs.ReadDir(tc.files.tree(), "a")
			job := engine.Job{Files: s.Files, Path: "a", Type: catalog.Detect(entries), Release: "a", Namespace: "ns", KubeVersion: "1.31", Options: tc.options}
			if tc.kube != "" {
				job.KubeVersion = tc.kube
			}
			pool := p
			if tc.slow {
				pool = impatient
			}
			out, err := pool.Render(t.Context(), job)
			if err != nil || tc.fails != "" {
				if !says(err, tc.fails) {
					t.Errorf("fails:\ngot  %v\nwant %s", err, tc.fails)
				}
				return
			}
			var ids []string
			for _, o := range out.Objects {
				id := o.ID.String()
				if o.Hook != "" {
					id += " as " + o.Hook
				}
				ids = append(ids, id)
			}
			if got := strings.Join(ids, " "); got != tc.makes {
				t.Errorf("makes:\ngot  %s\nwant %s", got, tc.makes)
			}
		})
	}
	if got, err := act(t, p, "echo"); got != "hello" || err != nil {
		t.Errorf("the job after all: %v, %v", got, err)
	}
	if grown := peakOf(t) - before; grown > 256<<20 {
		t.Errorf("this process grew by %d MiB", grown>>20)
	} else {
		t.Logf("this process grew by %d MiB", grown>>20)
	}
}

// says compares an error with a text that may leave out the middle, or with either of two.
func says(err error, want string) bool {
	got := fmt.Sprint(err)
	if one, other, either := strings.Cut(want, " | "); either {
		return says(err, one) || says(err, other)
	}
	if begin, end, cut := strings.Cut(want, " … "); cut {
		return strings.HasPrefix(got, begin) && strings.HasSuffix(got, end) && len(got) <= maxErrorText+len(" … ")
	}
	return got == want
}

// peakOf is the most memory that this process had since forgetPeak, 0 where it is not known.
func peakOf(t *testing.T) (n int64) {
	t.Helper()
	status, _ := os.ReadFile("/proc/self/status")
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		if _, err := fmt.Sscanf(rest, "%d kB", &n); err != nil {
			t.Fatal(err)
		}
	}
	return n << 10
}

func forgetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// TestPastTheGate gives renderer processes what the gate refuses: they are the second wall.
func TestPastTheGate(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	reached := make(chan struct{}, 100)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.Close()
			reached <- struct{}{}
		}
	}()
	address := "http://" + listener.Addr().String()
	p := newPool(t, Options{Processes: 1, Memory: 512 << 20})
	for name, tc := range map[string]struct {
		files files
		want  string
	}{
		"a circular alias of 75 bytes": {kustomize("resources: [x.yaml]\n", files{"a/x.yaml": configMap("x") + "data: &a [*a]\n"}), "the renderer process died: stack overflow"},
		"k1 remote resource":           {kustomize("resources:\n- "+address+"/x.yaml\n", nil), `a/kustomization.yaml: "ADDRESS/x.yaml" is not in this repository: commit what it holds, and name that`},
		"k2 git":                       {kustomize("resources:\n- git::"+address+"/x/y\n", nil), `a/kustomization.yaml: "git::ADDRESS/x/y" is not in this repository: commit what it holds, and name that`},
		"h12 schema":                   {helmChart(files{"values.schema.json": `{"$ref": "` + address + `/x"}`, "templates/t.yaml": configMap("t")}), "values don't meet the specifications of the schema(s) in the following chart(s):\na:\nfailing loading \"ADDRESS/x\": values.schema.json refers to ADDRESS/x: it may refer to itself only\n"},
	} {
		t.Run(name, func(t *testing.T) {
			job := engine.Job{Files: map[string][]byte{}, Path: "a", Type: catalog.Kustomize, Release: "a", Namespace: "ns", KubeVersion: "1.31"}
			for name, content := range tc.files {
				job.Files[name] = []byte(content.(string))
			}
			if job.Files["a/Chart.yaml"] != nil {
				job.Type = catalog.Helm
			}
			_, err := p.Render(context.Background(), job)
			if got := strings.ReplaceAll(fmt.Sprint(err), address, "ADDRESS"); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			select {
			case <-reached:
				t.Error("the listener was reached")
			default:
			}
			if got, err := act(t, p, "echo"); got != "hello" || err != nil {
				t.Errorf("the next job: %v, %v", got, err)
			}
		})
	}
}
