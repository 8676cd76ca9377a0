package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

// CatalogInvalid is the code of a catalog.yaml that is refused.
const CatalogInvalid fault.Code = "CatalogInvalid"

// Decode reads a catalog. It returns either a whole catalog or an error of type Errors with every problem found, so
// that a person fixes them in one go. The file names the catalog in those problems.
//
// Decode looks at the file alone: Inspect checks the folders it names.
func Decode(file string, data []byte) (Catalog, error) {
	c, _, errs := decode(file, data)
	if errs != nil {
		return Catalog{}, errs
	}
	return c, nil
}

// entry is one addon while it is being read.
type entry struct {
	addon Addon
	name  string
	node  *yaml.Node
	// given holds the values of the fields that were written.
	given map[string]*yaml.Node
}

// place is where a field of the addon was written, or the addon when it was not.
func (e entry) place(field string) place {
	if n := e.given[field]; n != nil {
		return at(n)
	}
	return at(e.node)
}

// positions says where things of a decoded catalog were written.
type positions struct {
	minors place
	// addons are in the order of Catalog.Addons.
	addons []entry
	// groups is the value of upgrades.groups, nil when it was not written.
	groups *yaml.Node
}

func decode(file string, data []byte) (Catalog, positions, Errors) {
	d := &decoder{file: file}
	root := d.document(data)
	if root == nil {
		return Catalog{}, positions{}, d.errors()
	}
	var c Catalog
	pos := positions{minors: at(root)}
	d.schema(root)
	if errs := d.errors(); errs != nil {
		return Catalog{}, positions{}, errs
	}
	d.object("", root, []field{
		{"apiVersion", required, func(*decoder, string, *yaml.Node) {}},
		{"kind", required, func(*decoder, string, *yaml.Node) {}},
		{"distribution", required, text(&c.Distribution, release.CheckDistribution)},
		{"kubernetes", false, func(d *decoder, name string, n *yaml.Node) {
			given := d.object(name, n, []field{{"minors", required, minors(&c.Minors)}})
			if pos.minors = at(n); given["minors"] != nil {
				pos.minors = at(given["minors"])
			}
		}},
		{"addons", required, func(d *decoder, name string, n *yaml.Node) {
			d.list(name, n, MaxAddons, func(_ int, name string, n *yaml.Node) {
				pos.addons = append(pos.addons, d.addon(name, n))
			})
		}},
		{"upgrades", false, upgrades(&c.Upgrades, &pos.groups)},
		{"policies", false, policies(&c.Policies)},
	})
	slices.SortStableFunc(pos.addons, func(a, b entry) int { return strings.Compare(a.addon.Name, b.addon.Name) })
	d.names(pos.addons)
	d.paths(pos.addons)
	d.shared(pos.addons)
	d.dependencies(pos.addons, d.ranges(pos.addons))
	if errs := d.errors(); errs != nil {
		return Catalog{}, positions{}, errs
	}
	for i := range pos.addons {
		slices.Sort(pos.addons[i].addon.DependsOn)
		c.Addons = append(c.Addons, pos.addons[i].addon)
	}
	return c, pos, nil
}

// document is the root of the one document in data, or nil when there is a problem.
func (d *decoder) document(data []byte) *yaml.Node {
	if len(data) > MaxSize {
		d.refuse(place{}, "the file has %d bytes, at most %d are read", len(data), MaxSize)
		return nil
	}
	docs, err := documents(data, 1, MaxMarks)
	if syntax := (*syntaxError)(nil); errors.As(err, &syntax) {
		d.refuse(syntax.place, "the file %s", syntax.text)
		return nil
	}
	if len(docs) == 0 || len(docs) == 1 && docs[0].Content[0].ShortTag() == "!!null" {
		d.refuse(place{1, 1}, "the file is empty: want a map with apiVersion: %s and kind: %s", APIVersion, Kind)
		return nil
	}
	root := docs[0].Content[0]
	d.plain(root, 0)
	if len(d.found) > 0 {
		return nil
	}
	return root
}

// schema refuses what is no catalog of ours before its fields are judged: in a newer schema each of them may mean something else.
func (d *decoder) schema(root *yaml.Node) {
	for i := 0; i+1 < len(root.Content) && root.Kind == yaml.MappingNode; i += 2 {
		value := root.Content[i+1]
		switch root.Content[i].Value {
		case "apiVersion":
			if value.Value == APIVersion {
				continue
			}
			if group, _, _ := strings.Cut(APIVersion, "/"); strings.HasPrefix(value.Value, group+"/") {
				d.refuse(at(value), "apiVersion: this addon-manager reads %s, not %s: upgrade addon-manager, or write the catalog in that version", APIVersion, quote(value.Value))
				continue
			}
			d.refuse(at(value), "apiVersion: want %s, found %s", APIVersion, describe(value))
		case "kind":
			if value.Value != Kind {
				d.refuse(at(value), "kind: want %s, found %s", Kind, describe(value))
			}
		}
	}
}

func minors(into *[]version.Minor) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		d.list(name, n, MaxMinors, func(_ int, name string, n *yaml.Node) {
			var m version.Minor
			var s string
			text(&s, func(s string) (err error) {
				m, err = version.ParseMinor(s)
				return err
			})(d, name, n)
			switch {
			case m.IsZero():
			case slices.Contains(*into, m):
				d.refuse(at(n), "%s: %s is listed twice: remove one", name, m)
			default:
				*into = append(*into, m)
			}
		})
		slices.SortFunc(*into, version.Minor.Compare)
	}
}

// addon reads one entry. A new field is one line here and one in Addon.
func (d *decoder) addon(name string, n *yaml.Node) entry {
	a := Addon{Placement: Workload, Enabled: Optional, OnDisable: Prune}
	given := d.object(name, n, []field{
		{"name", required, text(&a.Name, checkAddonName)},
		{"path", false, text(&a.Path, checkPath)},
		{"namespace", false, text(&a.Namespace, checkNamespace)},
		{"placement", false, word(&a.Placement, Workload, Management)},
		{"enabled", false, word(&a.Enabled, Optional, Default, Always)},
		{"kubernetes", false, text(new(string), func(s string) (err error) {
			a.Kubernetes, err = version.ParseRange(s)
			return err
		})},
		{"dependsOn", false, texts(&a.DependsOn, nil)},
		{"onDisable", false, word(&a.OnDisable, Prune, Retain)},
		{"grace", false, duration(&a.Grace, MaxGrace)},
		{"pruneCRDs", false, boolean(&a.PruneCRDs)},
		{"parameters", false, parameters(&a.Parameters)},
		{"argocd", false, argocd(&a.ArgoCD)},
		{"upstream", false, upstream(&a.Upstream)},
	})
	if a.Name != "" {
		if given["path"] == nil {
			a.Path = "addons/" + a.Name
		}
		if given["namespace"] == nil {
			a.Namespace = a.Name
		}
	}
	return entry{addon: a, name: name, node: n, given: given}
}

func parameters(into *[]Parameter) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		d.list(name, n, MaxList, func(_ int, name string, n *yaml.Node) {
			var p Parameter
			given := d.object(name, n, []field{
				{"name", required, text(&p.Name, checkParameterName)},
				{"from", false, source(&p.From)},
				{"default", false, func(d *decoder, name string, n *yaml.Node) {
					// The empty text is a fine default.
					if s, ok := d.text(name, n); ok {
						p.Default = &s
					}
				}},
			})
			switch {
			case given == nil:
				return
			case given["from"] == nil && given["default"] == nil:
				d.refuse(at(n), "%s has neither from nor default: give one", name)
			case p.From.Value != "" && p.Default != nil:
				d.refuse(at(given["default"]), "%s.default is never used beside from.value: remove one", name)
			}
			for _, other := range *into {
				switch {
				case p.Name == "" || !clash(p.Name, other.Name):
				case p.Name == other.Name:
					d.refuse(at(given["name"]), "%s.name: %s is the name of two parameters: remove one", name, quote(p.Name))
				default:
					d.refuse(at(given["name"]), "%s.name: %s and %s write over each other, one is inside the other: remove one", name, quote(other.Name), quote(p.Name))
				}
			}
			*into = append(*into, p)
		})
		slices.SortStableFunc(*into, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	}
}

// clash reports whether two parameters write one value: a value cannot also be the map that holds another.
func clash(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}

func source(into *Source) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		given := d.object(name, n, []field{
			{"field", false, word(&into.Field, Fields...)},
			{"label", false, text(&into.Label, checkKey)},
			{"annotation", false, text(&into.Annotation, checkKey)},
			{"value", false, text(&into.Value, nil)},
		})
		if given != nil && len(given) != 1 {
			d.refuse(at(n), "%s names %d sources: want exactly one of field, label, annotation, value", name, len(given))
		}
	}
}

func argocd(into *ArgoCD) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		d.object(name, n, []field{
			{"syncOptions", false, syncOptions(&into.SyncOptions)},
			{"ignoreDifferences", false, ignoreDifferences(&into.IgnoreDifferences)},
		})
	}
}

func syncOptions(into *[]string) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		keys := map[string]string{}
		texts(into, func(s string) error {
			key, err := checkSyncOption(s)
			if err != nil {
				return err
			}
			if first, twice := keys[key]; twice && first != s {
				return fmt.Errorf("%s contradicts %s: remove one", quote(s), quote(first))
			}
			keys[key] = s
			return nil
		})(d, name, n)
	}
}

// difference has the fields of Argo CD's ResourceIgnoreDifferences.
type difference struct {
	Group                 string   `json:"group,omitempty"`
	Kind                  string   `json:"kind"`
	Name                  string   `json:"name,omitempty"`
	Namespace             string   `json:"namespace,omitempty"`
	JSONPointers          []string `json:"jsonPointers,omitempty"`
	JQPathExpressions     []string `json:"jqPathExpressions,omitempty"`
	ManagedFieldsManagers []string `json:"managedFieldsManagers,omitempty"`
}

func ignoreDifferences(into *[]json.RawMessage) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		d.list(name, n, MaxList, func(_ int, name string, n *yaml.Node) {
			var diff difference
			before := len(d.found) + d.more
			given := d.object(name, n, []field{
				{"group", false, text(&diff.Group, nil)},
				{"kind", required, text(&diff.Kind, nil)},
				{"name", false, text(&diff.Name, nil)},
				{"namespace", false, text(&diff.Namespace, nil)},
				{"jsonPointers", false, texts(&diff.JSONPointers, checkPointer)},
				{"jqPathExpressions", false, texts(&diff.JQPathExpressions, nil)},
				{"managedFieldsManagers", false, texts(&diff.ManagedFieldsManagers, nil)},
			})
			if len(d.found)+d.more > before {
				return
			}
			if given["jsonPointers"] == nil && given["jqPathExpressions"] == nil && given["managedFieldsManagers"] == nil {
				d.refuse(at(n), "%s names no difference: give jsonPointers, jqPathExpressions or managedFieldsManagers", name)
				return
			}
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			// jq expressions hold < and >, which would come out as escapes.
			e.SetEscapeHTML(false)
			if err := e.Encode(diff); err != nil {
				d.refuse(at(n), "%s cannot be written as JSON: %v", name, err)
				return
			}
			*into = append(*into, bytes.TrimSpace(b.Bytes()))
		})
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
