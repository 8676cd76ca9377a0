package policy

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
	"github.com/addon-manager/addon-manager/internal/core/policy"
	"sigs.k8s.io/yaml"
)

// templateOf is a ConstraintTemplate with this Rego.
func templateOf(kind, rego string, more ...string) string {
	return fmt.Sprintf(`apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: %s}
spec:
  crd: {spec: {names: {kind: %s}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
%s%s`, strings.ToLower(kind), kind, indent(rego), strings.Join(more, ""))
}

func indent(s string) string {
	var b strings.Builder
	for l := range strings.Lines(strings.TrimLeft(s, "\n")) {
		b.WriteString("      " + l)
	}
	return strings.TrimRight(b.String(), "\n ") + "\n"
}

func constraintOf(kind, name, spec string) string {
	return fmt.Sprintf("apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n", kind, name, spec)
}

// set compiles policies, each text a file.
func set(t *testing.T, o Options, texts ...string) (*Set, error) {
	t.Helper()
	e := New(o)
	t.Cleanup(e.Close)
	var files []policy.File
	for i, text := range texts {
		files = append(files, policy.File{Name: fmt.Sprintf("%c.yaml", 'a'+i), Data: []byte(text)})
	}
	return e.Load(context.Background(), files)
}

// objects reads manifests.
func objects(t *testing.T, text string) (read []manifest.Object) {
	t.Helper()
	for part := range strings.SplitSeq(text, "\n---\n") {
		var content map[string]any
		if err := yaml.Unmarshal([]byte(part), &content); err != nil {
			t.Fatal(err)
		}
		group, version, ok := strings.Cut(manifest.Text(content, "apiVersion"), "/")
		if !ok {
			group, version = "", group
		}
		read = append(read, manifest.Object{Content: content, ID: manifest.ID{
			Group: group, Version: version, Kind: manifest.Text(content, "kind"),
			Namespace: manifest.Text(content, "metadata", "namespace"), Name: manifest.Text(content, "metadata", "name"),
		}})
	}
	return read
}

// lines are findings as a person reads them.
func lines(found []policy.Finding) (said []string) {
	for _, f := range found {
		l := fmt.Sprintf("%s %s %s: %s", f.Action, f.Constraint, f.Object, f.Message)
		if f.OptedOut {
			l += " (opted out)"
		}
		said = append(said, l)
	}
	return said
}

func every(manifest.ID) bool { return true }
