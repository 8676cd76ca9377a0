package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A kind is one served kind: a line of a minor's data.
type kind struct {
	groupVersion, name string
	namespaced, listed bool
}

func (k kind) String() string {
	s := k.groupVersion + " " + k.name + " cluster"
	if k.namespaced {
		s = k.groupVersion + " " + k.name + " namespaced"
	}
	if !k.listed {
		s += " unlisted"
	}
	return s
}

// elsewhere are the stable versions that instance.go does not name: the servers within kube-apiserver for custom resources and for
// aggregation have their own settings, and these are always on.
var elsewhere = []string{"apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1"}

var stable = regexp.MustCompile(`(^|/)v\d+$`)

// served are the kinds that the kube-apiserver of a source tree serves with default settings.
func served(source fs.FS, groups map[string]string) ([]kind, error) {
	on, err := readDefaults(source, groups)
	if err != nil {
		return nil, err
	}
	if err := refuseGates(source); err != nil {
		return nil, err
	}
	lists, err := published(source)
	if err != nil {
		return nil, err
	}
	var kinds []kind
	for _, l := range lists {
		if stable.MatchString(l.GroupVersion) && !on.versions[l.GroupVersion] && !slices.Contains(elsewhere, l.GroupVersion) {
			return nil, fmt.Errorf("%s is published, is stable, and instance.go does not switch it on: say in elsewhere who does", l.GroupVersion)
		}
		for _, r := range l.Resources {
			resource := l.GroupVersion + "/" + r.Name
			enabled := on.versions[l.GroupVersion] || slices.Contains(elsewhere, l.GroupVersion) || on.resources[resource]
			if !enabled || strings.Contains(r.Name, "/") {
				continue
			}
			delete(on.resources, resource)
			listed := slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "watch")
			kinds = append(kinds, kind{l.GroupVersion, r.Kind, r.Namespaced, listed})
		}
		delete(on.versions, l.GroupVersion)
	}
	// What is on and not published would be missing from the data.
	missing := append(slices.Collect(maps.Keys(on.versions)), slices.Collect(maps.Keys(on.resources))...)
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s is switched on, and api/discovery does not have it", slices.Min(missing))
	}
	slices.SortFunc(kinds, func(a, b kind) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(kinds), nil
}

// A resourceList is a file of api/discovery: metav1.APIResourceList, as far as it matters here.
type resourceList struct {
	GroupVersion string
	Resources    []struct {
		Name, Kind string
		Namespaced bool
		Verbs      []string
	}
}

// published are all lists of resources that a release has, alpha and beta too.
func published(source fs.FS) ([]resourceList, error) {
	names, err := fs.Glob(source, "api/discovery/api*__v*.json")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("api/discovery has no list of resources"), err)
	}
	var lists []resourceList
	for _, name := range names {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, err
		}
		var l resourceList
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if l.GroupVersion == "" {
			return nil, fmt.Errorf("read %s: it has no groupVersion", name)
		}
		lists = append(lists, l)
	}
	return lists, nil
}

// defaults are what is on without any flag: whole versions, and single resources of others (group/version/resource).
type defaults struct{ versions, resources map[string]bool }

// readDefaults reads which lists instance.go passes to EnableVersions and EnableResources, and what is in them.
func readDefaults(source fs.FS, groups map[string]string) (defaults, error) {
	const name = "pkg/controlplane/instance.go"
	text, err := fs.ReadFile(source, name)
	if err != nil {
		return defaults{}, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return defaults{}, err
	}
	imported := imports(file)
	lists := map[string]*ast.CompositeLit{}
	var enabled []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, v := range n.Values {
				if list, ok := v.(*ast.CompositeLit); ok {
					lists[n.Names[i].Name] = list
				}
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "EnableVersions" || f.Sel.Name == "EnableResources") {
				for _, a := range n.Args {
					id, _ := a.(*ast.Ident)
					enabled = append(enabled, fmt.Sprint(id))
				}
			}
		}
		return true
	})
	on := defaults{map[string]bool{}, map[string]bool{}}
	if len(enabled) == 0 {
		return on, fmt.Errorf("%s: it switches nothing on", name)
	}
	for _, list := range enabled {
		literal := lists[list]
		if literal == nil {
			return on, fmt.Errorf("%s: what EnableVersions or EnableResources gets (%s) is not a list in that file", name, list)
		}
		for _, e := range literal.Elts {
			if err := on.add(e, imported, groups); err != nil {
				return on, fmt.Errorf("%s: list %s: %w", name, list, err)
			}
		}
	}
	return on, nil
}

// add takes appsv1.SchemeGroupVersion or flowcontrolv1beta3.SchemeGroupVersion.WithResource("flowschemas").
func (d defaults) add(e ast.Expr, imported, groups map[string]string) error {
	resource := ""
	if call, ok := e.(*ast.CallExpr); ok && len(call.Args) == 1 {
		f, _ := call.Fun.(*ast.SelectorExpr)
		text, _ := call.Args[0].(*ast.BasicLit)
		if f == nil || text == nil || f.Sel.Name != "WithResource" {
			return fmt.Errorf("cannot read an element of type %T", e)
		}
		resource, _ = strconv.Unquote(text.Value) // a literal of parsed source
		e = f.X
	}
	sel, _ := e.(*ast.SelectorExpr)
	if sel == nil || sel.Sel.Name != "SchemeGroupVersion" {
		return fmt.Errorf("cannot read an element of type %T", e)
	}
	alias := fmt.Sprint(sel.X)
	// k8s.io/api/flowcontrol/v1beta3, or k8s.io/kubernetes/pkg/apis/flowcontrol/v1beta3: the folders are the same.
	dir, base := path.Split(imported[alias])
	group, known := groups[path.Base(dir)]
	if !known {
		return fmt.Errorf("no group is known of %s (%s)", alias, imported[alias])
	}
	version := groupVersion(group, base)
	if resource == "" {
		d.versions[version] = true
	} else {
		d.resources[version+"/"+resource] = true
	}
	return nil
}

// imports are a file's imported packages by the names that the file has for them.
func imports(file *ast.File) map[string]string {
	all := map[string]string{}
	for _, i := range file.Imports {
		imported, _ := strconv.Unquote(i.Path.Value) // parsed source
		name := path.Base(imported)
		if i.Name != nil {
			name = i.Name.Name
		}
		all[name] = imported
	}
	return all
}

func groupVersion(group, version string) string {
	if group == "" {
		return version
	}
	return group + "/" + version
}
