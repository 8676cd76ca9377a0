package gather_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/gather"
	"github.com/addon-manager/addon-manager/internal/manager/gather/delivered"
)

func secret(name, more string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", labels: {argocd.argoproj.io/secret-type: cluster}}\n" + more + "\n"
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestClusters reads Secrets in every form in which kubectl and people write them.
func TestClusters(t *testing.T) {
	const item = `{metadata: {name: %s, labels: {argocd.argoproj.io/secret-type: cluster}}, data: {server: aHR0cHM6Ly9h, name: YQ==}}`
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"nothing":           {"", nil},
		"only comments":     {"# none yet\n---\n---\n# still none\n", nil},
		"stringData":        {secret("a", "stringData: {server: https://a, name: nn}"), []string{"a https://a nn"}},
		"data":              {secret("a", "data: {server: aHR0cHM6Ly9h, name: bg==}"), []string{"a https://a n"}},
		"stringData wins":   {secret("a", "data: {server: aHR0cHM6Ly9h}\nstringData: {server: https://b}"), []string{"a https://b "}},
		"several documents": {secret("a", "") + "---\n" + secret("b", "") + "---\n", []string{"a  ", "b  "}},
		"as kubectl prints": {"apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(secret("a", "")), "\n", "\n  ") + "\n", []string{"a  "}},
		"a typed list":      {"apiVersion: v1\nkind: SecretList\nitems:\n- " + fmt.Sprintf(item, "a") + "\n- " + fmt.Sprintf(item, "b") + "\n", []string{"a https://a a", "b https://a a"}},
		"JSON":              {`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}]}`, []string{"a  "}},
		"a list in a list":  {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Secret, metadata: {name: a}}]}\n", []string{"a  "}},
		"an empty list":     {"apiVersion: v1\nkind: List\nitems: []\n", nil},
		"s18 a token in a note": {
			secret("a", "stringData: {server: https://a}") + "---\n" + strings.Replace(secret("b", ""), "name: b,", `name: b, annotations: {kubectl.kubernetes.io/last-applied-configuration: "hunter2"},`, 1),
			[]string{"a https://a ", "b  "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for from, read := range map[string]func() (gather.Fleet, error){
				"file":  func() (gather.Fleet, error) { return delivered.Files(write(t, tc.text), "", nil) },
				"stdin": func() (gather.Fleet, error) { return delivered.Files("-", "", strings.NewReader(tc.text)) },
			} {
				f, err := read()
				if err != nil {
					t.Fatalf("%s: %v", from, err)
				}
				var got []string
				for _, c := range f.Clusters {
					got = append(got, c.Name+" "+c.Server+" "+c.DisplayName)
				}
				if d := cmp.Diff(tc.want, got); d != "" {
					t.Errorf("%s (-want +got):\n%s", from, d)
				}
			}
		})
	}
}

// TestClustersRefused names the document that is wrong, and quotes nothing that may be a credential.
func TestClustersRefused(t *testing.T) {
	good := secret("a", "") + "---\n"
	for name, tc := range map[string]struct{ text, want string }{
		"another kind":     {good + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n", `document 2 (ConfigMap "x"): is a v1 "ConfigMap"; only cluster Secrets (apiVersion v1, kind Secret) belong into this file`},
		"another version":  {"apiVersion: v2\nkind: Secret\nmetadata: {name: x}\n", `document 1 (Secret "x"): is a v2 "Secret"; only cluster Secrets (apiVersion v1, kind Secret) belong into this file`},
		"no kind":          {"a: b\n", `document 1: is a document without kind; only cluster Secrets (apiVersion v1, kind Secret) belong into this file`},
		"no name":          {"apiVersion: v1\nkind: Secret\nmetadata: {}\n", `document 1: metadata.name is missing; it is the cluster's identity`},
		"bad base64":       {secret("a", "data: {config: hunter2!}"), `document 1 (Secret "a"): a value under data is not base64; put plain text under stringData`},
		"a wrong type":     {secret("a", "data: [hunter2]"), "document 1 (Secret \"a\"): the Secret does not decode; compare it with `kubectl get secret -o yaml`"},
		"wrong labels":     {strings.Replace(secret("a", ""), "{argocd.argoproj.io/secret-type: cluster}", "hunter2", 1), "document 1 (Secret \"a\"): the Secret does not decode; compare it with `kubectl get secret -o yaml`"},
		"a sentence":       {"hunter2\n", `document 1: is not a Kubernetes object; want a map with apiVersion, kind and metadata`},
		"a list of them":   {"- hunter2\n", `document 1: is not a Kubernetes object; want a map with apiVersion, kind and metadata`},
		"a bad item":       {"apiVersion: v1\nkind: List\nitems: [hunter2]\n", `document 1, items[0]: is not a Kubernetes object; want a map with apiVersion, kind and metadata`},
		"items no list":    {"apiVersion: v1\nkind: List\nitems: hunter2\n", `document 1: items is not a list`},
		"an item's kind":   {"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: p}}]\n", `document 1, items[0] (Pod "p"): is a v1 "Pod"; only cluster Secrets (apiVersion v1, kind Secret) belong into this file`},
		"an unclosed text": {"a: \"hunter2\n", `document 1: is not YAML`},
		"an alias bomb":    {bomb(), `document 1: is not YAML`},
		"one huge object":  {secret("a", "stringData: {x: "+strings.Repeat("h", 9<<20)+"}"), `document 1 (Secret "a"): the object has 9437319 bytes, at most 8388608 are read`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := delivered.Files("-", "", strings.NewReader(tc.text))
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.TrimPrefix(err.Error(), "standard input: ")
			if got != tc.want && !(strings.HasSuffix(tc.want, "is not YAML") && strings.HasPrefix(got, tc.want)) {
				t.Errorf("error %s\nwant  %s", got, tc.want)
			}
			if strings.Contains(got, "hunter2") || len(got) > 300 {
				t.Errorf("the error tells too much: %.400s", got)
			}
		})
	}
	if _, err := delivered.Files("-", "-", strings.NewReader("")); err == nil {
		t.Error("standard input twice: no error")
	}
	if _, err := delivered.Files(filepath.Join(t.TempDir(), "none.yaml"), "", nil); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	return b.String()
}

const commit = "0123456789abcdef0123456789abcdef01234567"

const current = `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: tokyo-1
  labels: {app.kubernetes.io/managed-by: addon-manager, addons.kaas.dev/cluster: tokyo-1}
  annotations: {addons.kaas.dev/cluster-name: tokyo-1}
spec:
  generators:
  - list:
      elements:
      - {application: tokyo-1-a, addon: a, placement: workload, onDisable: prune, minor: "1.31", release: v1.31-ake.2, commit: ` + commit + `,
        revision: ` + commit + `, path: addons/a, namespace: a, server: "https://t", patch: {spec: {syncPolicy: {syncOptions: [CreateNamespace=true]}}}}
---
apiVersion: v1
kind: List
items:
- apiVersion: argoproj.io/v1alpha1
  kind: Application
  metadata:
    name: tokyo-1-b
    labels: {app.kubernetes.io/managed-by: addon-manager, addons.kaas.dev/cluster: tokyo-1, addons.kaas.dev/addon: b, addons.kaas.dev/release: v1.31-ake.1, addons.kaas.dev/placement: workload}
    annotations: {addons.kaas.dev/cluster-name: tokyo-1, addons.kaas.dev/commit: ` + commit + `, addons.kaas.dev/on-disable: retain}
  spec:
    destination: {server: "https://t", namespace: b}
    source: {targetRevision: ` + commit + `, path: addons/b}
- apiVersion: argoproj.io/v1alpha1
  kind: Application
  metadata: {name: foreign, labels: {addons.kaas.dev/addon: a}}
---
apiVersion: addons.kaas.dev/v1alpha1
kind: CatalogSource
metadata: {name: default}
status:
  minors:
  - minor: "1.31"
    releases:
    - {tag: v1.31-ake.2, commit: ffffffffffffffffffffffffffffffffffffffff}
    - {tag: v1.31-ake.3, commit: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee}
    - {tag: latest, commit: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee}
    - {tag: v1.31-ake.4, commit: main}
`

func TestCurrent(t *testing.T) {
	f, err := delivered.Files("-", write(t, current), strings.NewReader(secret("tokyo-1", "")))
	if err != nil {
		t.Fatal(err)
	}
	element := resolve.Element{
		Application: "tokyo-1-a", Addon: "a", Placement: "workload", OnDisable: "prune", Release: "v1.31-ake.2", Commit: commit, Revision: commit,
		Path: "addons/a", Namespace: "a", Server: "https://t", Patch: `{"spec":{"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`,
	}
	alone := element
	alone.Application, alone.Addon, alone.OnDisable, alone.Release, alone.Path, alone.Namespace, alone.Patch = "tokyo-1-b", "b", "retain", "v1.31-ake.1", "addons/b", "b", `{"spec":{}}`
	want := map[string][]resolve.Delivered{"tokyo-1": {
		{Element: element, Listed: true},
		{Element: alone, Exists: true, Status: resolve.Status{Release: "v1.31-ake.1"}},
	}}
	if d := cmp.Diff(want, f.Delivered); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
	seen := map[string]resolve.Seen{}
	for tag, s := range f.FirstSeen {
		seen[tag.String()] = s
	}
	wantSeen := map[string]resolve.Seen{
		"v1.31-ake.1": {Commit: commit, Delivered: true},
		// What was recorded when the tag was first seen wins over what is delivered.
		"v1.31-ake.2": {Commit: strings.Repeat("f", 40), Delivered: true},
		"v1.31-ake.3": {Commit: strings.Repeat("e", 40)},
	}
	if d := cmp.Diff(wantSeen, seen); d != "" {
		t.Errorf("first seen (-want +got):\n%s", d)
	}
}

func TestCurrentRefused(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"another kind": {secret("a", ""), `document 1 (Secret "a"): is a "Secret"; only ApplicationSets, Applications, ClusterAddons and CatalogSources belong into this file`},
		"an element that cannot be read": {
			strings.Replace(current, "addon: a,", "addon: 1,", 1),
			`ApplicationSet "tokyo-1", spec.generators[0].list.elements[0]: json: cannot unmarshal number into Go struct field element.addon of type string`,
		},
		"a bad source": {
			"apiVersion: addons.kaas.dev/v1alpha1\nkind: CatalogSource\nmetadata: {name: x}\nstatus: {minors: 7}\n",
			`document 1 (CatalogSource "x"): error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go struct field CatalogSourceStatus.status.minors of type []v1alpha1.MinorStatus`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, tc.text)
			_, err := delivered.Files("-", file, strings.NewReader(""))
			if err == nil || err.Error() != file+": "+tc.want {
				t.Errorf("error %v\nwant  %s: %s", err, file, tc.want)
			}
		})
	}
}
