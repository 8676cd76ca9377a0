package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// versionStorage is the name of the functions that fill in what a version serves: v1Storage, v1beta1Storage, and p.NewRESTStorage of core/v1.
var versionStorage = regexp.MustCompile(`^(v\d+Storage|NewRESTStorage)$`)

// refuseGates fails where a feature gate decides about a kind of a stable version. No release has done that so far: gates guard alpha and
// beta kinds, which are off anyway, and subresources. The first that does needs the gate's default in that release.
func refuseGates(source fs.FS) error {
	names, err := fs.Glob(source, "pkg/registry/*/rest/*.go")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return err
		}
		if err := gatesOf(name, text); err != nil {
			return err
		}
	}
	return nil
}

func gatesOf(name string, text []byte) (found error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !versionStorage.MatchString(f.Name.Name) {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			// The condition, or the statement before it, asks; whatever the if holds, and its else, depends on it.
			if i, ok := n.(*ast.IfStmt); ok && asks(i.Init, i.Cond) {
				for _, r := range append(stored(i.Body), stored(i.Else)...) {
					found = fmt.Errorf("%s: a feature gate decides in %s whether %s is served: the generator must learn its default", name, f.Name.Name, r)
				}
			}
			return found == nil
		})
	}
	return found
}

// asks reports whether a feature gate is asked for.
func asks(nodes ...ast.Node) (found bool) {
	for _, n := range nodes {
		inspect(n, func(n ast.Node) {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "DefaultFeatureGate" {
				found = true
			}
		})
	}
	return found
}

// stored are the resources that a statement puts into a map of storage; subresources do not count.
func stored(n ast.Node) (names []string) {
	inspect(n, func(n ast.Node) {
		a, ok := n.(*ast.AssignStmt)
		if !ok {
			return
		}
		for _, left := range a.Lhs {
			index, ok := left.(*ast.IndexExpr)
			if !ok || !strings.Contains(strings.ToLower(fmt.Sprint(index.X)), "storage") {
				continue
			}
			if resource := constant(index.Index); !strings.Contains(resource, "/") {
				names = append(names, resource)
			}
		}
	})
	return names
}

// constant is the text of an expression such as resource+"/status", with the names of what is not constant.
func constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return constant(e.X) + constant(e.Y)
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value) // parsed source
		return s
	}
	return fmt.Sprint(e)
}

// inspect is ast.Inspect for what may be nil.
func inspect(n ast.Node, visit func(ast.Node)) {
	switch n := n.(type) {
	case nil:
		return
	case *ast.BlockStmt:
		if n == nil {
			return
		}
	}
	ast.Inspect(n, func(n ast.Node) bool {
		if n != nil {
			visit(n)
		}
		return true
	})
}
