package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// large is a report in which 52,000 lines changed: the schemas of many custom resources, and a ConfigMap of many lines.
func large() Report {
	var before, after strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&before, "line %d of the old text\n", i)
		fmt.Fprintf(&after, "line %d of the new text\n", i)
	}
	id := manifest.ID{Version: "v1", Kind: "ConfigMap", Namespace: "monitoring", Name: "dashboards"}
	changes := []diff.Change{changed(id, field("/data/all.json", "data[all.json]", before.String(), after.String()))}
	for i := range 16 {
		properties := map[string]any{}
		for j := range 500 {
			properties[fmt.Sprintf("property%d", j)] = map[string]any{"type": "string", "description": "What it is for, in some words.", "maxLength": int64(j)}
		}
		c := changed(manifest.ID{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Name: fmt.Sprintf("kind%d.example.com", i)},
			field("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties", "spec.versions[name=v1].schema", nil, properties))
		changes = append(changes, c)
	}
	return Report{Minors: three, Results: []Result{{Addon: "monitoring", Minors: three, Result: diff.Result{Changes: changes}}}}
}

func lineCount(r Report) (n int) {
	for _, c := range r.Results[0].Changes {
		for _, l := range lines(c, 0) {
			if l.op == came || l.op == gone {
				n++
			}
		}
	}
	return n
}

func BenchmarkForms(b *testing.B) {
	r := large()
	b.Logf("%d changed lines", lineCount(r))
	for name, form := range map[string]func(){
		"markdown": func() { Markdown(r, Limit) }, "text": func() { Text(r) }, "html": func() { _, _ = HTML(r) }, "json": func() { _, _ = JSON(r) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				form()
			}
		})
	}
}

// TestLargeIsQuick allows many times what a form takes on an idle machine: it notices what grows with the square of a report.
func TestLargeIsQuick(t *testing.T) {
	r := large()
	if n := lineCount(r); n < 50_000 {
		t.Fatalf("only %d lines changed", n)
	}
	for name, form := range map[string]func() int{
		"markdown": func() int { return len(Markdown(r, Limit)) }, "text": func() int { return len(Text(r)) },
		"html": func() int { page, _ := HTML(r); return len(page) }, "json": func() int { data, _ := JSON(r); return len(data) },
	} {
		start := time.Now()
		n := form()
		if took := time.Since(start); took > 5*time.Second || n == 0 {
			t.Errorf("%s took %v for %d bytes", name, took, n)
		}
	}
}
