package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A life is when an API version of a kind came and goes, in minors (of Kubernetes 1); 0 is unknown or not planned.
type life struct {
	introduced, deprecated, removed int
	replacement                     string
}

// groupNames are the API groups by their folder in k8s.io/api: rbac is rbac.authorization.k8s.io.
func groupNames(dirs map[module]string) (map[string]string, error) {
	groups := map[string]string{}
	for _, m := range lifecycles {
		if err := addGroups(groups, os.DirFS(dirs[m])); err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
	}
	return groups, nil
}

func addGroups(groups map[string]string, source fs.FS) error {
	files, err := fs.Glob(source, "*/*/register.go")
	if err != nil {
		return err
	}
	for _, name := range files {
		if groups[path.Dir(path.Dir(name))], err = groupName(source, name); err != nil {
			return err
		}
	}
	return nil
}

// groupName reads const GroupName of a register.go.
func groupName(source fs.FS, name string) (string, error) {
	text, err := fs.ReadFile(source, name)
	if err != nil {
		return "", err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec) // what const declares
			if text, ok := v.Values[0].(*ast.BasicLit); ok && v.Names[0].Name == "GroupName" {
				return strconv.Unquote(text.Value)
			}
		}
	}
	return "", fmt.Errorf("%s has no GroupName", name)
}

// lifecycleFile is the text of lifecycle.txt.
func lifecycleFile(dirs map[module]string, groups map[string]string) ([]byte, error) {
	var releases []release
	for _, m := range lifecycles {
		lives, err := readLives(os.DirFS(dirs[m]), "", groups)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		minor, err := strconv.Atoi(strings.TrimPrefix(m.minor(), "1."))
		if err != nil {
			return nil, err
		}
		types, err := readTypes(os.DirFS(dirs[m]), groups)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		if len(releases) == 0 {
			if err := addDeprecations(lives, types, groups); err != nil {
				return nil, fmt.Errorf("%s: %w", m, err)
			}
		}
		releases = append(releases, release{minor, lives, types})
	}
	all := merge(releases)
	for _, m := range extensions {
		lives, err := readLives(os.DirFS(dirs[m]), "pkg/apis", map[string]string{"apiextensions": "apiextensions.k8s.io", "apiregistration": "apiregistration.k8s.io"})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		maps.Copy(all, lives)
	}
	maps.DeleteFunc(all, func(_ string, l life) bool { return l == life{} })
	var b bytes.Buffer
	b.WriteString("# When API versions come and go: group/version, kind, the minors of introduction, deprecation and removal, and the group/version that\n")
	b.WriteString("# takes its place in the end; - is unknown or none. From the newest of these modules that has the kind:\n")
	for _, m := range append(slices.Clone(lifecycles), extensions...) {
		fmt.Fprintf(&b, "#   %s\n", m)
	}
	b.WriteString("# Made by `make generate-apis`; do not edit.\n")
	for _, k := range slices.Sorted(maps.Keys(all)) {
		l := all[k]
		fmt.Fprintln(&b, k, number(l.introduced), number(l.deprecated), number(l.removed), text(l.replacement))
	}
	return b.Bytes(), nil
}

// A release is what one minor's types say: their lifecycles, and which there are at all. Old alpha types have no lifecycle.
type release struct {
	minor int
	lives map[string]life
	types map[string]string
}

// merge takes each life from the newest release that has it; releases come newest first, without a gap.
func merge(releases []release) map[string]life {
	all, last := map[string]life{}, map[string]int{} // last is the newest minor with the type
	for _, r := range slices.Backward(releases) {
		for k := range r.types {
			last[k] = r.minor
			if _, known := all[k]; !known {
				all[k] = life{}
			}
		}
		for k, l := range r.lives {
			last[k] = r.minor
			all[k] = l
		}
	}
	for k, l := range all {
		// A minor that has no such type cannot serve it, whatever was planned. Types may also stay longer than they are served.
		version, _, _ := strings.Cut(k, " ")
		if end := last[k] + 1; end <= releases[0].minor && !stable.MatchString(version) && (l.removed == 0 || l.removed > end) {
			l.removed = end
			if l.deprecated >= l.removed {
				l.deprecated = 0
			}
			all[k] = l
		}
	}
	replace(all)
	return all
}

// replace completes the replacements. Where the source names none, it is the stable version of the same kind.
// Where it names one that has ended since, what replaces that one counts: someone who moves should move once.
func replace(all map[string]life) {
	for _, k := range slices.Sorted(maps.Keys(all)) {
		l := all[k]
		if l.removed == 0 && l.deprecated == 0 {
			continue
		}
		version, name, _ := strings.Cut(k, " ")
		group, _, _ := strings.Cut(version, "/")
		for range all { // as many steps as there could be, so that a circle ends
			next, known := all[l.replacement+" "+name]
			if l.replacement != "" && (!known || next.removed == 0) {
				break
			}
			l.replacement = next.replacement
			if l.replacement == "" {
				l.replacement = lasting(all, group, name)
				break
			}
		}
		all[k] = l
	}
}

// lasting is the stable version of a kind that is to stay, empty when there is none.
func lasting(all map[string]life, group, name string) string {
	for _, k := range slices.Sorted(maps.Keys(all)) {
		version, other, _ := strings.Cut(k, " ")
		if of, _, _ := strings.Cut(version, "/"); of == group && other == name && stable.MatchString(version) && all[k].removed == 0 && all[k].deprecated == 0 {
			return version
		}
	}
	return ""
}

// readLives reads what prerelease-lifecycle-gen wrote, as "group/version Kind". Lists of a kind, and options of requests, are left out.
func readLives(source fs.FS, root string, groups map[string]string) (map[string]life, error) {
	files, err := fs.Glob(source, path.Join(root, "*/*/zz_generated.prerelease-lifecycle.go"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("no file with lifecycles")
	}
	lives := map[string]life{}
	for _, name := range files {
		dir := path.Dir(name)
		group, ok := groups[path.Base(path.Dir(dir))]
		if !ok {
			return nil, fmt.Errorf("no group is known of %s", name)
		}
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, err
		}
		kinds, err := livesOf(name, text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for k, l := range kinds {
			if _, list := kinds[strings.TrimSuffix(k, "List")]; list && strings.HasSuffix(k, "List") || strings.HasSuffix(k, "Options") {
				continue
			}
			lives[groupVersion(group, path.Base(dir))+" "+k] = l
		}
	}
	return lives, nil
}

// livesOf reads methods such as func (in *CronJob) APILifecycleRemoved() (major, minor int) { return 1, 25 }.
func livesOf(name string, text []byte) (map[string]life, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	kinds := map[string]life{}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		what, ok := strings.CutPrefix(f.Name.Name, "APILifecycle")
		if !ok || f.Recv == nil || len(f.Body.List) != 1 {
			return nil, fmt.Errorf("cannot read %s", f.Name.Name)
		}
		star, _ := f.Recv.List[0].Type.(*ast.StarExpr)
		result, _ := f.Body.List[0].(*ast.ReturnStmt)
		if star == nil || result == nil {
			return nil, fmt.Errorf("cannot read %s", f.Name.Name)
		}
		k := fmt.Sprint(star.X)
		l := kinds[k]
		switch what {
		case "Introduced":
			l.introduced, err = minorOf(result)
		case "Deprecated":
			l.deprecated, err = minorOf(result)
		case "Removed":
			l.removed, err = minorOf(result)
		case "Replacement":
			l.replacement, err = replacementOf(result)
		default:
			err = errors.New("it is unknown")
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read %s of %s: %w", f.Name.Name, k, err)
		}
		kinds[k] = l
	}
	return kinds, nil
}

// minorOf reads return 1, 25.
func minorOf(r *ast.ReturnStmt) (int, error) {
	if len(r.Results) != 2 {
		return 0, errors.New("it does not return a version")
	}
	var numbers [2]int
	for i, e := range r.Results {
		literal, ok := e.(*ast.BasicLit)
		if !ok {
			return 0, errors.New("it does not return a version")
		}
		n, err := strconv.Atoi(literal.Value)
		if err != nil {
			return 0, err
		}
		numbers[i] = n
	}
	if numbers[0] != 1 && numbers != [2]int{} {
		return 0, fmt.Errorf("version %d.%d: only Kubernetes 1 is known", numbers[0], numbers[1])
	}
	return numbers[1], nil
}

// replacementOf reads return schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "CronJob"}.
func replacementOf(r *ast.ReturnStmt) (string, error) {
	literal, ok := r.Results[0].(*ast.CompositeLit)
	if !ok {
		return "", errors.New("it does not return a kind")
	}
	fields := map[string]string{}
	for _, e := range literal.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return "", errors.New("it does not return a kind with named fields")
		}
		fields[fmt.Sprint(pair.Key)] = constant(pair.Value)
	}
	return groupVersion(fields["Group"], fields["Version"]), nil
}

func number(minor int) string {
	if minor == 0 {
		return "-"
	}
	return "1." + strconv.Itoa(minor)
}

func text(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
