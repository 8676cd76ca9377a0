package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/ast"
	"go.yaml.in/yaml/v3"
)

// target is the only target there is: Kubernetes objects.
const target = "admission.k8s.gatekeeper.sh"

// Gatekeeper's engines.
const (
	engineRego = "Rego"
	engineCEL  = "K8sNativeValidation"
)

// template is a compiled ConstraintTemplate.
type template struct {
	document *document
	kind     string
	schema   *schema
	compiler *ast.Compiler
	// query names the rule that finds violations.
	query string
	// referential is set where the Rego looks at data.inventory.
	referential bool
}

// removed are the functions that Rego has not here: they reach the network, or the process itself.
var removed = []string{"http.send", "net.lookup_ip_addr", "opa.runtime"}

// capabilities are what Rego may call.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool { return slices.Contains(removed, b.Name) })
	return c
}

// source is the Rego of a template.
type source struct {
	main    *yaml.Node
	libs    []*yaml.Node
	version ast.RegoVersion
}

func parseTemplate(d *document, allowed *ast.Capabilities) (*template, faults) {
	_, version, _ := strings.Cut(d.head.APIVersion, "/")
	if !slices.Contains([]string{"v1", "v1beta1", "v1alpha1"}, version) {
		return nil, faults{d.at(0, "apiVersion %q is none of %s/v1, v1beta1, v1alpha1", d.head.APIVersion, templateGroup)}
	}
	names := find(d.node, "spec", "crd", "spec", "names", "kind")
	t := &template{document: d, kind: text(names)}
	switch {
	case t.kind == "":
		return nil, faults{d.at(lineOf(names), "spec.crd.spec.names.kind is missing: it is the kind of the constraints")}
	case d.head.Metadata.Name != strings.ToLower(t.kind):
		return nil, faults{d.at(lineOf(find(d.node, "metadata", "name")), "metadata.name is %q and must be %q, the kind in lower case", d.head.Metadata.Name, strings.ToLower(t.kind))}
	}
	from, wrong := sourceOf(d)
	if wrong != nil {
		return nil, wrong
	}
	var err error
	if t.schema, err = newSchema(find(d.node, "spec", "crd", "spec", "validation", "openAPIV3Schema")); err != nil {
		return nil, faults{d.at(lineOf(find(d.node, "spec", "crd", "spec", "validation")), "spec.crd.spec.validation.openAPIV3Schema: %v", err)}
	}
	return t, t.compile(from, allowed)
}

// sourceOf finds the Rego, which stands in one of two places.
func sourceOf(d *document) (source, faults) {
	targets := find(d.node, "spec", "targets")
	all := items(targets)
	if len(all) != 1 {
		return source{}, faults{d.at(lineOf(targets), "spec.targets has %d entries, and must have one", len(all))}
	}
	one := all[0]
	if name := text(find(one, "target")); name != target {
		return source{}, faults{d.at(lineOf(find(one, "target")), "target %q is not %s", name, target)}
	}
	s := source{main: find(one, "rego"), libs: items(find(one, "libs"))}
	var engines []string
	for _, code := range items(find(one, "code")) {
		engine := text(find(code, "engine"))
		engines = append(engines, engine)
		if engine != engineRego {
			continue
		}
		s = source{main: find(code, "source", "rego"), libs: items(find(code, "source", "libs"))}
		switch v := text(find(code, "source", "version")); v {
		case "", "v0":
		case "v1":
			s.version = ast.RegoV1
		default:
			return s, faults{d.at(lineOf(find(code, "source", "version")), "Rego's version %q is none of v0, v1", v)}
		}
	}
	if text(s.main) != "" {
		return s, nil
	}
	if slices.Contains(engines, engineCEL) {
		return s, faults{d.at(lineOf(one), "the template has code for the engine %s (CEL) alone, which runs in API servers: add code for the engine %s, or leave the template out", engineCEL, engineRego)}
	}
	return s, faults{d.at(lineOf(one), "there is no Rego: want it in targets[0].rego, or in targets[0].code with the engine %s", engineRego)}
}

// compile reads the modules, checks what they may refer to, and compiles them together.
func (t *template) compile(from source, allowed *ast.Capabilities) (wrong faults) {
	modules := map[string]*ast.Module{}
	lines := map[string]*yaml.Node{}
	parse := func(name string, n *yaml.Node) *ast.Module {
		lines[name] = n
		options := ast.ParserOptions{Capabilities: allowed, RegoVersion: from.version}
		m, err := ast.ParseModuleWithOpts(name, text(n), options)
		if err == nil && m == nil {
			err = errors.New("there is no package")
		}
		if err != nil {
			wrong = append(wrong, t.faults(err, lines)...)
			return nil
		}
		modules[name] = m
		return m
	}
	main := parse("rego", from.main)
	var libs []ast.Ref
	for i, n := range from.libs {
		if m := parse(fmt.Sprintf("libs[%d]", i), n); m != nil {
			libs = append(libs, m.Package.Path)
			if !m.Package.Path.HasPrefix(ast.MustParseRef("data.lib")) {
				wrong = append(wrong, t.document.at(place(n, m.Package.Location.Row), "a library's package must begin with lib. and is %s", packageName(m)))
			}
		}
	}
	if wrong != nil {
		return wrong
	}
	if !slices.ContainsFunc(main.Rules, func(r *ast.Rule) bool { return r.Head.Ref()[0].Value.Compare(ast.Var("violation")) == 0 }) {
		return faults{t.document.at(lineOf(from.main), `there is no rule violation[{"msg": msg}], which finds what is wrong`)}
	}
	for name, m := range modules {
		wrong = append(wrong, t.references(m, lines[name], libs)...)
	}
	if wrong != nil {
		return wrong
	}
	t.compiler = ast.NewCompiler().WithCapabilities(allowed)
	if t.compiler.Compile(modules); t.compiler.Failed() {
		return t.faults(t.compiler.Errors, lines)
	}
	t.query = main.Package.Path.String() + ".violation"
	return nil
}

func packageName(m *ast.Module) string { return strings.TrimPrefix(m.Package.Path.String(), "data.") }

// references checks what a module refers to in data: libraries of the template, and the other objects.
func (t *template) references(m *ast.Module, n *yaml.Node, libs []ast.Ref) (wrong faults) {
	inventory, lib := ast.MustParseRef("data.inventory"), ast.MustParseRef("data.lib")
	look := func(ref ast.Ref) {
		if !ref.HasPrefix(ast.DefaultRootRef) {
			return
		}
		row := 0
		if l := ref[0].Location; l != nil {
			row = l.Row
		}
		switch ground := ref.GroundPrefix(); {
		case ground.HasPrefix(inventory):
			t.referential = true
		case ground.HasPrefix(lib):
			if !slices.ContainsFunc(libs, func(l ast.Ref) bool { return ground.HasPrefix(l) || l.HasPrefix(ground) }) {
				wrong = append(wrong, t.document.at(place(n, row), "%s is in none of the template's libs", ground))
			}
		case ground.HasPrefix(m.Package.Path):
		default:
			wrong = append(wrong, t.document.at(place(n, row), "refers to %s: templates may refer to data.lib and data.inventory alone", ref))
		}
	}
	// An import is a reference too, and the only one where nothing of it is used.
	for _, i := range m.Imports {
		if ref, ok := i.Path.Value.(ast.Ref); ok {
			look(ref)
		}
	}
	for _, rule := range m.Rules {
		ast.WalkRefs(rule, func(r ast.Ref) bool { look(r); return false })
	}
	return wrong
}

// faults are what the parser or the compiler says, at the lines of the file.
func (t *template) faults(err error, lines map[string]*yaml.Node) (wrong faults) {
	var all ast.Errors
	if !errors.As(err, &all) {
		return faults{t.document.at(lineOf(lines["rego"]), "%v", err)}
	}
	for _, e := range all {
		line := 0
		if e.Location != nil {
			line = place(lines[e.Location.File], e.Location.Row)
		}
		message := e.Message
		for _, name := range removed {
			if strings.HasSuffix(message, "undefined function "+name) {
				message += ": it is switched off here, where policies reach no network"
			}
		}
		wrong = append(wrong, t.document.at(line, "%s: %s", e.Code, message))
	}
	return wrong
}

// place is the line in the file of a row of a text. Only in a block does the text keep the lines of the file.
func place(n *yaml.Node, row int) int {
	if n == nil {
		return 0
	}
	if n.Style&yaml.LiteralStyle == 0 || row == 0 {
		return n.Line
	}
	return n.Line + row
}
