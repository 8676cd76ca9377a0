package engine

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
)

// schemaURL is what Helm calls a chart's schema; its errors show it.
const schemaURL = "file:///values.schema.json"

// validate checks a chart's values against its values.schema.json, and those of its dependencies. Helm's own check would fetch what a
// schema refers to.
func validate(c *chart.Chart, values map[string]any) error {
	if text := violations(c, values); text != "" {
		return fmt.Errorf("values don't meet the specifications of the schema(s) in the following chart(s):\n%s", text)
	}
	return nil
}

func violations(c *chart.Chart, values map[string]any) string {
	var all strings.Builder
	if c.Schema != nil {
		if err := violates(c.Schema, values); err != nil {
			fmt.Fprintf(&all, "%s:\n%s\n", c.Name(), strings.TrimPrefix(err.Error(), "jsonschema validation failed with '"+schemaURL+"#'\n"))
		}
	}
	for _, sub := range c.Dependencies() {
		inner, _ := values[sub.Name()].(map[string]any)
		all.WriteString(violations(sub, inner))
	}
	return all.String()
}

func violates(text []byte, values map[string]any) error {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(nowhere{})
	if err := compiler.AddResource(schemaURL, schema); err != nil {
		return err
	}
	compiled, err := compiler.Compile(schemaURL)
	if err != nil {
		return err
	}
	return compiled.Validate(values)
}

// nowhere loads nothing.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("values.schema.json refers to %s: it may refer to itself only", url)
}
