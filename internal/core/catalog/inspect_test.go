package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestInspect checks the folder addons/a and the rest of the repository. Each row names the files beside catalog.yaml.
func TestInspect(t *testing.T) {
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	object := text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
	parameters := []Parameter{{Name: "x", From: Source{Field: "name"}}}
	many := fstest.MapFS{"addons/a/kustomization.yaml": text("resources: []\n")}
	for i := range MaxFolderFiles {
		many[fmt.Sprintf("addons/a/f%05d", i)] = &fstest.MapFile{}
	}
	crowd := fstest.MapFS{"addons/a/x.yaml": object}
	for i := range MaxEntries {
		crowd[fmt.Sprintf("other/f%06d", i)] = &fstest.MapFile{}
	}
	deep := strings.Repeat("a: {", 300) + strings.Repeat("}", 300) + "\n"
	for name, tc := range map[string]struct {
		tree       fs.FS
		parameters []Parameter
		source     SourceType
		want       []string
	}{
		"plain YAML":              {tree: fstest.MapFS{"addons/a/x.yaml": object, "addons/a/y.yml": object, "addons/a/README.md": text("hello")}, source: Directory},
		"kustomization":           {tree: fstest.MapFS{"addons/a/kustomization.yaml": text("resources: [x.yaml]\n"), "addons/a/x.yaml": object}, parameters: parameters, source: Kustomize},
		"kustomization.yml":       {tree: fstest.MapFS{"addons/a/kustomization.yml": text("kind: Kustomization\n")}, source: Kustomize},
		"Kustomization":           {tree: fstest.MapFS{"addons/a/Kustomization": text("resources: []\n")}, source: Kustomize},
		"kustomization below":     {tree: fstest.MapFS{"addons/a/x.yaml": object, "addons/a/base/kustomization.yaml": text("resources: []\n")}, source: Directory},
		"chart":                   {tree: fstest.MapFS{"addons/a/Chart.yaml": text("apiVersion: v2\nname: x\nversion: 1.2.3\n"), "addons/a/templates/x.yaml": text("{{ fail }}: [")}, parameters: parameters, source: Helm},
		"chart and kustomization": {tree: fstest.MapFS{"addons/a/Chart.yaml": text("apiVersion: v2\n"), "addons/a/kustomization.yaml": text("resources: []\n")}, source: Kustomize},
		"name ending in Chart.yaml": {tree: fstest.MapFS{"addons/a/MyChart.yaml": object}, source: Helm, want: []string{
			"catalog.yaml: addon a: Argo CD takes addons/a for a Helm chart, because a file's name ends in Chart.yaml, and then finds no Chart.yaml: rename that file",
		}},
		"such a name after the kustomization": {tree: fstest.MapFS{"addons/a/kustomization.yaml": text("resources: []\n"), "addons/a/zChart.yaml": object}, source: Helm, want: []string{
			"catalog.yaml: addon a: Argo CD takes addons/a for a Helm chart, because a file's name ends in Chart.yaml, and then finds no Chart.yaml: rename that file",
		}},
		"empty folder": {tree: fstest.MapFS{"addons/a": {Mode: fs.ModeDir}}, want: []string{
			"catalog.yaml: addon a: the folder addons/a is empty: put its manifests there",
		}},
		"no manifest": {tree: fstest.MapFS{"addons/a/README.md": text("hello")}, source: Directory, want: []string{
			"catalog.yaml: addon a: addons/a has no manifest that Argo CD would read: add a .yaml file, a kustomization.yaml or a Chart.yaml",
		}},
		"empty documents": {tree: fstest.MapFS{"addons/a/x.yaml": text("---\n# one\n---\napiVersion: v1\nkind: List\n---\n")}, source: Directory},
		"only empty documents": {tree: fstest.MapFS{"addons/a/x.yaml": text("---\n# one\n---\n")}, source: Directory, want: []string{
			"catalog.yaml: addon a: addons/a has no manifest that Argo CD would read: add a .yaml file, a kustomization.yaml or a Chart.yaml",
		}},
		"no object": {tree: fstest.MapFS{"addons/a/x.yaml": text("apiVersion: v1\nkind: List\n---\nreplicas: 3\n---\n- a\n---\nkind: Pod\napiVersion:\n")}, source: Directory, want: []string{
			"addons/a/x.yaml:4:1: addon a: document 2 is no Kubernetes object: want a map with apiVersion and kind",
			"addons/a/x.yaml:6:1: addon a: document 3 is no Kubernetes object: want a map with apiVersion and kind",
			"addons/a/x.yaml:8:1: addon a: document 4 is no Kubernetes object: want a map with apiVersion and kind",
		}},
		"key twice": {tree: fstest.MapFS{"addons/a/x.yaml": text("apiVersion: v1\nkind: List\nkind: Pod\n")}, source: Directory, want: []string{
			`addons/a/x.yaml:3:1: addon a: "kind" is given twice: remove one`,
		}},
		"JSON": {tree: fstest.MapFS{"addons/a/x.json": text(`{"apiVersion": "v1", "kind": "List"}`)}, source: Directory},
		"Jsonnet": {tree: fstest.MapFS{"addons/a/x.jsonnet": text("{}"), "addons/a/x.yaml": object}, source: Directory, want: []string{
			"addons/a/x.jsonnet: addon a: Jsonnet is a program, and none is run here: write its result as YAML",
		}},
		"manifest in a subfolder": {tree: fstest.MapFS{"addons/a/x.yaml": object, "addons/a/docs/values.yaml": text("a: b\n"), "addons/a/sub/y.yaml": object}, source: Directory, want: []string{
			"addons/a/sub/y.yaml: addon a: Argo CD reads plain YAML only directly in addons/a: move the file there, or list it in a kustomization.yaml",
		}},
		"not YAML": {tree: fstest.MapFS{"addons/a/x.yaml": text("a: [\n"), "addons/a/y.yaml": text("a:\n\t- b\n")}, source: Directory, want: []string{
			"addons/a/x.yaml:1: addon a: is not YAML: did not find expected node content",
			"addons/a/y.yaml:2:1: addon a: is not YAML: this line is indented with a tab: use spaces",
		}},
		"kustomization not YAML": {tree: fstest.MapFS{"addons/a/kustomization.yaml": text("{{ .Values }}\n---\n")}, source: Kustomize, want: []string{
			"addons/a/kustomization.yaml:1:1: addon a: want one YAML document that is a map",
		}},
		"kustomization a list": {tree: fstest.MapFS{"addons/a/kustomization.yaml": text("- x.yaml\n")}, source: Kustomize, want: []string{
			"addons/a/kustomization.yaml:1:1: addon a: want one YAML document that is a map",
		}},
		"kustomization empty": {tree: fstest.MapFS{"addons/a/kustomization.yaml": {}}, source: Kustomize, want: []string{
			"addons/a/kustomization.yaml:1:1: addon a: want one YAML document that is a map",
		}},
		"kustomization of a kind": {tree: fstest.MapFS{"addons/a/kustomization.yaml": text("kind: Component\nkind: Component\n")}, source: Kustomize, want: []string{
			`addons/a/kustomization.yaml:2:1: addon a: "kind" is given twice: remove one`,
			`addons/a/kustomization.yaml:2:7: addon a: kind: want Kustomization, found "Component"`,
		}},
		"two kustomizations": {tree: fstest.MapFS{"addons/a/kustomization.yaml": text("a: b\n"), "addons/a/Kustomization": text("a: b\n")}, source: Kustomize, want: []string{
			"catalog.yaml: addon a: addons/a has Kustomization and kustomization.yaml, and kustomize reads exactly one: remove the others",
		}},
		"chart without anything": {tree: fstest.MapFS{"addons/a/Chart.yaml": text("description: x\n")}, source: Helm, want: []string{
			"addons/a/Chart.yaml:1:1: addon a: apiVersion is missing: add it",
			"addons/a/Chart.yaml:1:1: addon a: name is missing: add it",
			"addons/a/Chart.yaml:1:1: addon a: version is missing: add it",
		}},
		"chart of wrong values": {tree: fstest.MapFS{"addons/a/Chart.yaml": text("apiVersion: v3\nname: ../x\nversion: latest\n")}, source: Helm, want: []string{
			`addons/a/Chart.yaml:1:13: addon a: apiVersion: want v2, found "v3"`,
			`addons/a/Chart.yaml:2:7: addon a: name: "../x" is not a chart's name: want letters, digits, dots, dashes and underscores`,
			`addons/a/Chart.yaml:3:10: addon a: version: "latest" is not a semantic version: want a form like 1.2.3`,
		}},
		"parameters of plain YAML": {tree: fstest.MapFS{"addons/a/x.yaml": object}, parameters: parameters, source: Directory, want: []string{
			"catalog.yaml: addon a: plain YAML takes no parameters: make addons/a a kustomization or a Helm chart, or remove them",
		}},
		"alias bomb": {tree: fstest.MapFS{"addons/a/x.yaml": text("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n")}, source: Directory, want: []string{
			"addons/a/x.yaml:5:26: addon a: aliases add more than 100000 values: write them out",
		}},
		"alias bomb for kustomize": {tree: fstest.MapFS{"addons/a/kustomization.yaml": text("resources: [x.yaml]\n"), "addons/a/x.yaml": text("a: &a [x, *a]\n"), "addons/a/y.yaml": text("{{ no YAML }}: [\n")}, source: Kustomize, want: []string{
			"addons/a/x.yaml:1:11: addon a: the alias *a is inside the value it stands for: remove it",
		}},
		"alias bomb for Helm": {tree: fstest.MapFS{"addons/a/Chart.yaml": text("apiVersion: v2\nname: x\nversion: 1.2.3\n"), "addons/a/values.yaml": text("a: &a {b: *a}\n")}, source: Helm, want: []string{
			"addons/a/values.yaml:1:11: addon a: the alias *a is inside the value it stands for: remove it",
		}},
		"alias bomb in the kustomization": {tree: fstest.MapFS{"addons/a/kustomization.yaml": text("resources: &a [*a]\n")}, source: Kustomize, want: []string{
			"addons/a/kustomization.yaml:1:16: addon a: the alias *a is inside the value it stands for: remove it",
		}},
		"honest aliases": {tree: fstest.MapFS{"addons/a/x.yaml": text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: &l {a: b}, annotations: *l}\n")}, source: Directory},
		"alias of another document": {tree: fstest.MapFS{"addons/a/x.yaml": text("apiVersion: &v v1\nkind: List\n---\napiVersion: *v\nkind: List\n")}, source: Directory, want: []string{
			"addons/a/x.yaml:4:13: addon a: the alias *v names no anchor above it",
		}},
		"deep": {tree: fstest.MapFS{"addons/a/x.yaml": text(deep)}, source: Directory, want: []string{
			"addons/a/x.yaml:1:1021: addon a: nests deeper than 256 levels",
		}},
		"large file": {tree: fstest.MapFS{"addons/a/x.yaml": text(strings.Repeat("#", MaxFile+1))}, source: Directory, want: []string{
			"addons/a/x.yaml: addon a: has 4194305 bytes, at most 4194304 are read: divide it",
		}},
		"more than Argo CD reads": {tree: fstest.MapFS{"addons/a/x.yaml": object, "addons/a/1.yaml": text("# " + strings.Repeat("x", MaxFile-10) + "\n"), "addons/a/2.yaml": text("# " + strings.Repeat("x", MaxFile-10) + "\n"), "addons/a/3.yaml": text("# " + strings.Repeat("x", MaxFile-10) + "\n")}, source: Directory, want: []string{
			"catalog.yaml: addon a: the manifests of addons/a have 12582942 bytes together, and Argo CD reads at most 10000000 of plain YAML",
		}},
		"large folder": {tree: fstest.MapFS{"addons/a/x.yaml": object, "addons/a/x.bin": text(strings.Repeat("x", MaxFolderBytes))}, want: []string{
			"catalog.yaml: addon a: the files of addons/a have more than 52428800 bytes together, the most that is allowed: divide it",
		}},
		"many files": {tree: many, want: []string{
			"catalog.yaml: addon a: the folder addons/a has more than 10000 files, the most that is allowed: divide it",
		}},
		"large repository": {tree: crowd, source: Directory, want: []string{
			"catalog.yaml: the repository has more than 100000 files and folders, the most that is looked at: divide it",
		}},
		"long path": {tree: fstest.MapFS{"addons/a/x.yaml": object, "b/" + strings.Repeat("x/", MaxPath/2): {Mode: fs.ModeDir}}, source: Directory, want: []string{
			`catalog.yaml: the repository holds a path of 4097 bytes, at most 4096 are allowed: "b/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/x/"… (4097 bytes)`,
		}},
		"link in the folder": {tree: fstest.MapFS{"shared/x.yaml": object, "addons/a/x.yaml": link("../../shared/x.yaml")}, source: Directory},
		"link to a folder":   {tree: fstest.MapFS{"shared/x.yaml": object, "addons/a/x.yaml": object, "addons/a/sub": link("../../shared")}, source: Directory},
		"link to nothing": {tree: fstest.MapFS{"addons/a/x.yaml": object, "addons/a/y.yaml": link("z.yaml")}, source: Directory, want: []string{
			`addons/a/y.yaml: addon a: the symbolic link leads to "addons/a/z.yaml", which is not there`,
		}},
		"circle of links": {tree: fstest.MapFS{"addons/a/x.yaml": object, "addons/a/y.yaml": link("z.yaml"), "addons/a/z.yaml": link("y.yaml")}, source: Directory, want: []string{
			"addons/a/y.yaml: addon a: the symbolic link passes through more than 40 links: remove the circle",
			"addons/a/z.yaml: addon a: the symbolic link passes through more than 40 links: remove the circle",
		}},
		"kustomization is a link": {tree: fstest.MapFS{"shared/k.yaml": text("kind: Component\n"), "addons/a/kustomization.yaml": link("../../shared/k.yaml")}, source: Kustomize, want: []string{
			`addons/a/kustomization.yaml:1:7: addon a: kind: want Kustomization, found "Component"`,
		}},
		"absolute link elsewhere": {tree: fstest.MapFS{"addons/a/x.yaml": object, "docs/l": link("/etc/passwd")}, source: Directory, want: []string{
			`docs/l: the symbolic link to "/etc/passwd" leaves the repository, and Argo CD then renders nothing of it: remove the link`,
		}},
		"link out and back in": {tree: fstest.MapFS{"addons/a/x.yaml": object, "docs/l": link("../../repository/docs")}, source: Directory, want: []string{
			`docs/l: the symbolic link to "../../repository/docs" leaves the repository, and Argo CD then renders nothing of it: remove the link`,
		}},
		"link out by a name that is not there": {tree: fstest.MapFS{"addons/a/x.yaml": object, "docs/l": link("x/../../../etc")}, source: Directory, want: []string{
			`docs/l: the symbolic link to "x/../../../etc" leaves the repository, and Argo CD then renders nothing of it: remove the link`,
		}},
		"link out through links": {tree: fstest.MapFS{"addons/a/x.yaml": object, "d/e/s": link("../.."), "d/e/l": link("s/../../etc")}, source: Directory, want: []string{
			`d/e/l: the symbolic link to "s/../../etc" leaves the repository, and Argo CD then renders nothing of it: remove the link`,
		}},
		"links in .git": {tree: fstest.MapFS{"addons/a/x.yaml": object, ".git/l": link("/etc")}, source: Directory},
		"submodule in the folder": {tree: fstest.MapFS{"addons/a/x.yaml": object, "addons/a/m": {Mode: fs.ModeIrregular}}, source: Directory, want: []string{
			"addons/a/m: addon a: is a submodule, which Git does not carry in this repository: copy the folder in",
		}},
		"device": {tree: fstest.MapFS{"addons/a/x.yaml": object, "addons/a/d": {Mode: fs.ModeDevice}}, source: Directory, want: []string{
			"addons/a/d: addon a: is neither a file nor a folder: remove it",
		}},
		"unreadable": {tree: failing{fstest.MapFS{"addons/a/x.yaml": object}, "addons/a/x.yaml"}, source: Directory, want: []string{
			"addons/a/x.yaml: addon a: cannot be read: read addons/a/x.yaml: input/output error",
		}},
		"unreadable folder": {tree: failing{fstest.MapFS{"addons/a/x.yaml": object}, "addons"}, source: Directory, want: []string{
			"catalog.yaml: the repository cannot be read: addons: readdir addons: input/output error",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in := Catalog{Addons: []Addon{{Name: "a", Path: "addons/a", Parameters: tc.parameters}}}
			got, problems := Inspect(in, tc.tree)
			if s := got.Addons[0].Source; s != tc.source {
				t.Errorf("source %q, want %q", s, tc.source)
			}
			if got, want := show(problems), strings.Join(append(slices.Clone(tc.want), ""), "\n"); got != want {
				t.Errorf("problems:\n%swant:\n%s", got, want)
			}
			if in.Addons[0].Source != "" {
				t.Error("Inspect changed its argument")
			}
		})
	}
}

// failing is a tree that cannot read one name.
type failing struct {
	fstest.MapFS
	name string
}

var errDisk = errors.New("input/output error")

func (f failing) Open(name string) (fs.File, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errDisk}
	}
	return f.MapFS.Open(name)
}

func (f failing) ReadFile(name string) ([]byte, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errDisk}
	}
	return f.MapFS.ReadFile(name)
}

func (f failing) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errDisk}
	}
	return f.MapFS.ReadDir(name)
}

func (f failing) Lstat(name string) (fs.FileInfo, error) { return f.MapFS.Lstat(name) }
