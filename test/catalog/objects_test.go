package catalog

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
)

var update = flag.Bool("update", false, "write the lists of objects to testdata instead of comparing them")

type object = unstructured.Unstructured

// text is everything a build renders, as it would be applied.
func (b build) text(t *testing.T) string {
	t.Helper()
	var s strings.Builder
	for _, o := range b.objects {
		// Not MarshalJSON: it escapes <, > and &, and values would not be found.
		e := json.NewEncoder(&s)
		e.SetEscapeHTML(false)
		if err := e.Encode(o.Object); err != nil {
			t.Fatal(err)
		}
	}
	return s.String()
}

// identity is what makes two objects the same to a cluster; the version is not part of it.
type identity struct {
	schema.GroupKind
	namespace, name string
}

func (i identity) String() string {
	return fmt.Sprintf("%s %s", i.GroupKind, strings.TrimPrefix(i.namespace+"/"+i.name, "/"))
}

// identify tells an object apart, putting it into the addon's namespace where it names none itself.
func (b build) identify(o object) identity {
	id := identity{o.GroupVersionKind().GroupKind(), o.GetNamespace(), o.GetName()}
	if id.namespace == "" && b.namespaced(o) {
		id.namespace = namespaceOf(b.addon, tokyo)
	}
	return id
}

func TestObjectsAreWhole(t *testing.T) {
	for _, b := range builds(t, load(t), tokyo) {
		if len(b.objects) == 0 {
			t.Errorf("%s renders nothing", b)
		}
		seen := map[identity]bool{}
		for _, o := range b.objects {
			id := b.identify(o)
			if o.GetAPIVersion() == "" || o.GetKind() == "" || o.GetName() == "" {
				t.Errorf("%s: %s has apiVersion %q: all three of apiVersion, kind and name are needed", b, id, o.GetAPIVersion())
			}
			if seen[id] {
				t.Errorf("%s: %s is rendered twice", b, id)
			}
			seen[id] = true
			if ns := o.GetNamespace(); ns != "" && ns != namespaceOf(b.addon, tokyo) {
				t.Errorf("%s: %s is outside the addon's namespace %q", b, id, namespaceOf(b.addon, tokyo))
			}
			if !b.namespaced(o) && o.GetNamespace() != "" {
				t.Errorf("%s: %s is of the whole cluster and names a namespace", b, id)
			}
			if b.addon.Placement == catalog.Management && !b.namespaced(o) {
				t.Errorf("%s: %s is of the whole management cluster, where every workload cluster would own it", b, id)
			}
			if _, ok := o.GetLabels()["app.kubernetes.io/instance"]; ok {
				t.Errorf("%s: %s sets the label app.kubernetes.io/instance, which Argo CD overwrites", b, id)
			}
		}
	}
}

// TestOneOwnerEach holds that two addons that can be on one cluster never render the same object: their Applications
// would take it from each other forever, and removing one would take it from both.
func TestOneOwnerEach(t *testing.T) {
	owners := map[string]string{}
	for _, b := range builds(t, load(t), tokyo) {
		for _, o := range b.objects {
			key := fmt.Sprintf("%s in the %s cluster of Kubernetes %s", b.identify(o), b.addon.Placement, b.minor)
			if other, taken := owners[key]; taken && other != b.addon.Name {
				t.Errorf("%s belongs to both %s and %s", key, other, b.addon.Name)
			}
			owners[key] = b.addon.Name
		}
	}
}

// TestListOfObjects keeps what each addon renders for each minor where a reviewer sees it change.
func TestListOfObjects(t *testing.T) {
	const file = "testdata/objects.txtar"
	got := &txtar.Archive{Comment: []byte("What each addon renders for each minor. Written by: go test ./test/catalog -update\n\n")}
	all := builds(t, load(t), tokyo)
	slices.SortFunc(all, func(a, b build) int {
		return cmp.Or(cmp.Compare(a.addon.Name, b.addon.Name), a.minor.Compare(b.minor))
	})
	for _, b := range all {
		var lines []string
		for _, o := range b.objects {
			id := b.identify(o)
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", o.GetAPIVersion(), o.GetKind(), id.name, id.namespace)))
		}
		slices.Sort(lines)
		got.Files = append(got.Files, txtar.File{Name: b.String(), Data: []byte(strings.Join(lines, "\n") + "\n\n")})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lists := map[string]string{}
	for _, f := range want.Files {
		lists[f.Name] = string(f.Data)
	}
	for _, f := range got.Files {
		if lists[f.Name] != string(f.Data) {
			t.Errorf("%s renders other objects than %s says; have\n%s\nwant\n%s", f.Name, file, f.Data, lists[f.Name])
		}
		delete(lists, f.Name)
	}
	for name := range lists {
		t.Errorf("%s is in %s and no longer offered", name, file)
	}
	if t.Failed() {
		t.Log("where the change is meant: go test ./test/catalog -update, and review the difference")
	}
}
