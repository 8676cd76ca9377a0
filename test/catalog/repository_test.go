package catalog

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// root is the repository, seen from this folder.
const root = "../.."

// load reads the repository's catalog and inspects the folders it names, as validation and the manager do.
func load(t *testing.T) catalog.Catalog {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, catalog.File))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Decode(catalog.File, data)
	if err != nil {
		t.Fatal(err)
	}
	// A copy of what is shipped: the rest of a work tree, such as built programs, is not the catalog's business.
	tree := t.TempDir()
	if err := os.CopyFS(filepath.Join(tree, "addons"), os.DirFS(filepath.Join(root, "addons"))); err != nil {
		t.Fatal(err)
	}
	c, problems := catalog.Inspect(c, os.DirFS(tree))
	for _, p := range problems {
		t.Errorf("%s: %s: %s", p.Code, p.Where, p.Message)
	}
	return c
}

// build is one addon rendered for one minor, with the parameters of one cluster.
type build struct {
	addon   catalog.Addon
	minor   version.Minor
	objects []object
}

func (b build) String() string { return b.addon.Name + "/" + b.minor.String() }

// builds renders every addon for every minor that its range holds, on the given cluster.
func builds(t *testing.T, c catalog.Catalog, on clusterFacts) []build {
	t.Helper()
	var all []build
	for _, m := range c.Minors {
		for _, a := range c.Addons {
			if !a.Kubernetes.HoldsSome(m) {
				continue
			}
			values, err := on.values(a, m)
			if err != nil {
				t.Fatalf("%s: %v", a.Name, err)
			}
			objects, err := render(filepath.Join(root, filepath.FromSlash(a.Path)), request{
				source:     a.Source,
				minor:      m,
				namespace:  namespaceOf(a, on),
				release:    on.name + "-" + a.Name,
				parameters: values,
			})
			if err != nil {
				t.Errorf("%s for Kubernetes %s: %v", a.Name, m, err)
				continue
			}
			all = append(all, build{addon: a, minor: m, objects: objects})
		}
	}
	return all
}

// namespaceOf is where Argo CD would put the addon's objects that name no namespace.
func namespaceOf(a catalog.Addon, on clusterFacts) string {
	if a.Placement == catalog.Management {
		return "addons-" + on.name
	}
	return a.Namespace
}

func TestEveryFolderIsOffered(t *testing.T) {
	offered := map[string]bool{}
	for _, a := range load(t).Addons {
		offered[a.Path] = true
	}
	entries, err := os.ReadDir(filepath.Join(root, "addons"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !offered["addons/"+e.Name()] {
			t.Errorf("addons/%s is a folder that %s does not offer: add an entry or remove the folder", e.Name(), catalog.File)
		}
	}
}

// TestReadmeTable compares the table that people read with the catalog.
func TestReadmeTable(t *testing.T) {
	var want []string
	for _, a := range load(t).Addons {
		source := map[catalog.SourceType]string{
			catalog.Directory: "plain YAML", catalog.Helm: "Helm", catalog.Kustomize: "kustomize",
		}[a.Source]
		if len(a.Parameters) > 0 {
			source += ", parameters"
		}
		name, kubernetes := "`"+a.Name+"`", a.Kubernetes.String()
		if a.Placement == catalog.Management {
			name += " ¹"
		}
		if kubernetes != "" {
			kubernetes = "`" + kubernetes + "`"
		}
		want = append(want, strings.Join([]string{name, source, string(a.Enabled), kubernetes, strings.Join(a.DependsOn, ", ")}, " | "))
	}
	data, err := os.ReadFile(filepath.Join(root, "addons", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(data)) {
		// | addon | what it does | source | enabled | Kubernetes | depends on |
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| `") || len(cells) != 8 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		// What is in parentheses tells people more than the catalog knows.
		source := parentheses.ReplaceAllString(cells[3], "")
		got = append(got, strings.Join([]string{cells[1], source, cells[4], cells[5], cells[6]}, " | "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the table of addons/README.md has\n%s\n%s says\n%s", strings.Join(got, "\n"), catalog.File, strings.Join(want, "\n"))
	}
}

var parentheses = regexp.MustCompile(` \([^)]*\)`)

// TestExactlyOneCinderDriver holds the two ranges together: a gap leaves a minor without storage, and an overlap gives
// the same objects to two Applications.
func TestExactlyOneCinderDriver(t *testing.T) {
	drivers := map[string]catalog.Addon{}
	for _, a := range load(t).Addons {
		if a.Name == "csi-cinder" || a.Name == "csi-cinder-legacy" {
			drivers[a.Name] = a
		}
	}
	if len(drivers) != 2 {
		t.Fatalf("want the drivers csi-cinder and csi-cinder-legacy, have %d of them", len(drivers))
	}
	for _, text := range []string{"v1.29.0", "v1.31.4", "1.32", "v1.32.99", "v1.33.0-rc.1", "v1.33.0", "v1.33.1-eks-99", "v1.34.0"} {
		k, err := version.ParseKubernetes(text)
		if err != nil {
			t.Fatal(err)
		}
		var holds []string
		for name, a := range drivers {
			if a.Kubernetes.Holds(k) {
				holds = append(holds, name)
			}
		}
		if len(holds) != 1 {
			t.Errorf("Kubernetes %s: exactly one driver must be in range, have %v", text, holds)
		}
	}
}
