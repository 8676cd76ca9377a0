package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strconv"
)

// deprecation is how the comment of a type says it: stable versions have no end, so their lifecycles do not say that they are deprecated.
// The API server warns of these all the same.
var deprecation = regexp.MustCompile(`(?m)^Deprecated: This API is deprecated in v1\.(\d+)\+(?:\. Use ([a-z]+)(v\d+)\.[A-Z])?`)

// addDeprecations completes lives with what the comments of types say.
func addDeprecations(lives map[string]life, types map[string]string, groups map[string]string) error {
	for k, comment := range types {
		found := deprecation.FindStringSubmatch(comment)
		if found == nil {
			continue
		}
		minor, err := strconv.Atoi(found[1])
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		l := lives[k]
		l.deprecated = minor
		if use, ok := groups[found[2]]; ok {
			l.replacement = groupVersion(use, found[3])
		}
		lives[k] = l
	}
	return nil
}

// readTypes are the kinds that a module has types for, as "group/version Kind", with the comments of the types.
func readTypes(source fs.FS, groups map[string]string) (map[string]string, error) {
	files, err := fs.Glob(source, "*/v*/*types.go")
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, name := range files {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return nil, err
		}
		dir := path.Dir(name)
		group, ok := groups[path.Dir(dir)]
		if !ok {
			return nil, fmt.Errorf("no group is known of %s", name)
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE || len(g.Specs) != 1 {
				continue
			}
			if t := g.Specs[0].(*ast.TypeSpec); isObject(t) { // what type declares
				types[groupVersion(group, path.Base(dir))+" "+t.Name.Name] = g.Doc.Text()
			}
		}
	}
	return types, nil
}

// isObject tells kinds from lists of them, and from the types of their fields, by what they embed.
func isObject(t *ast.TypeSpec) bool {
	fields, ok := t.Type.(*ast.StructType)
	if !ok {
		return false
	}
	embedded := map[string]bool{}
	for _, f := range fields.Fields.List {
		if s, ok := f.Type.(*ast.SelectorExpr); ok && len(f.Names) == 0 {
			embedded[s.Sel.Name] = true
		}
	}
	return embedded["TypeMeta"] && embedded["ObjectMeta"]
}
