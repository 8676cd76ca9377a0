package policy

import (
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// schema is what a template says of its constraints' parameters.
type schema struct {
	content  map[string]any
	compiled *jsonschema.Schema
}

// newSchema is nil where a template says nothing.
func newSchema(n *yaml.Node) (*schema, error) {
	if n == nil {
		return nil, nil
	}
	s := &schema{}
	if err := n.Decode(&s.content); err != nil || s.content == nil {
		return nil, errors.New("is no schema")
	}
	c := jsonschema.NewCompiler()
	// The schemas of CustomResourceDefinitions are close to this draft.
	c.DefaultDraft(jsonschema.Draft4)
	c.UseLoader(nothing{})
	const at = "template.json"
	err := c.AddResource(at, plain(s.content))
	if err == nil {
		s.compiled, err = c.Compile(at)
	}
	return s, err
}

// nothing loads no schema from elsewhere.
type nothing struct{}

func (nothing) Load(string) (any, error) { return nil, errors.New("refers to another schema") }

// apply gives parameters the defaults of the schema, and says what is wrong with them.
//
// As in an API server, there are no defaults where there are no parameters at all.
func (s *schema) apply(parameters map[string]any) error {
	if s == nil || parameters == nil {
		return nil
	}
	fill(s.content, parameters)
	var invalid *jsonschema.ValidationError
	err := s.compiled.Validate(plain(parameters))
	if !errors.As(err, &invalid) {
		return err
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	text := invalid.Error()
	if i := strings.LastIndex(text, "at '"); i >= 0 {
		text = text[i:]
	}
	return errors.New(text)
}

// unknown are the parameters that the schema does not have: an API server drops them. A schema of nothing has none.
func (s *schema) unknown(parameters map[string]any) (names []string) {
	var properties map[string]any
	if s != nil {
		if s.content["x-kubernetes-preserve-unknown-fields"] == true || s.content["additionalProperties"] != nil {
			return nil
		}
		properties, _ = s.content["properties"].(map[string]any)
	}
	for name := range parameters {
		if _, known := properties[name]; !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// fill sets the defaults of a schema where a value has none.
func fill(schema map[string]any, value any) {
	switch v := value.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for name, p := range properties {
			of, _ := p.(map[string]any)
			if d, has := of["default"]; has && v[name] == nil {
				v[name] = plain(d)
			}
			if inner, has := v[name]; has {
				fill(of, inner)
			}
		}
		if of, ok := schema["additionalProperties"].(map[string]any); ok {
			for name, inner := range v {
				if _, known := properties[name]; !known {
					fill(of, inner)
				}
			}
		}
	case []any:
		if of, ok := schema["items"].(map[string]any); ok {
			for _, inner := range v {
				fill(of, inner)
			}
		}
	}
}

// plain is a copy of a value with the types that JSON has.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, inner := range v {
			m[k] = plain(inner)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, inner := range v {
			l[i] = plain(inner)
		}
		return l
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	}
	return v
}
