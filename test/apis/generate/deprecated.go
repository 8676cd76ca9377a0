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

// addDeprecations completes lives with what the comments of a module's types say.
func addDeprecations(lives map[string]life, source fs.FS, groups map[string]string) error {
	files, err := fs.Glob(source, "*/v*/types.go")
	if err != nil {
		return err
	}
	for _, name := range files {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		group, ok := groups[path.Dir(dir)]
		if !ok {
			return fmt.Errorf("no group is known of %s", name)
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE || len(g.Specs) != 1 {
				continue
			}
			found := deprecation.FindStringSubmatch(g.Doc.Text())
			t := g.Specs[0].(*ast.TypeSpec) // what type declares
			if found == nil || !isObject(t) {
				continue
			}
			k := groupVersion(group, path.Base(dir)) + " " + t.Name.Name
			l := lives[k]
			if l.deprecated, err = strconv.Atoi(found[1]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if use, ok := groups[found[2]]; ok {
				l.replacement = groupVersion(use, found[3])
			}
			lives[k] = l
		}
	}
	return nil
}

// isObject tells kinds from lists of them, and from the types of their fields.
func isObject(t *ast.TypeSpec) bool {
	fields, ok := t.Type.(*ast.StructType)
	if !ok {
		return false
	}
	for _, f := range fields.Fields.List {
		if s, ok := f.Type.(*ast.SelectorExpr); ok && len(f.Names) == 0 && s.Sel.Name == "ObjectMeta" {
			return true
		}
	}
	return false
}
