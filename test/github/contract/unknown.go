package contract

import (
	"hash/maphash"
	"slices"
	"strconv"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// checked remembers what was found valid: most answers of a test are the same again and again.
var (
	checked sync.Map
	seed    = maphash.MakeSeed()
)

type seen struct {
	schema *openapi3.Schema
	hash   uint64
}

func hash(body []byte) uint64 { return maphash.Bytes(seed, body) }

// unknown are the keys in v that none of the schemas has. GitHub's description allows any further key; a client that comes to rely on one
// that is not described would fail at GitHub, so here there are none.
func unknown(schemas []*openapi3.Schema, v any, at string) (found []string) {
	schemas = spread(schemas, nil)
	switch v := v.(type) {
	case map[string]any:
		if free(schemas) {
			return nil
		}
		for key, value := range v {
			var of []*openapi3.Schema
			for _, s := range schemas {
				if p := s.Properties[key]; p != nil && p.Value != nil {
					of = append(of, p.Value)
				}
			}
			if len(of) == 0 {
				found = append(found, at+"/"+key)
				continue
			}
			found = append(found, unknown(of, value, at+"/"+key)...)
		}
		slices.Sort(found)
	case []any:
		var of []*openapi3.Schema
		for _, s := range schemas {
			if s.Items != nil && s.Items.Value != nil {
				of = append(of, s.Items.Value)
			}
		}
		for i, item := range v {
			found = append(found, unknown(of, item, at+"/"+strconv.Itoa(i))...)
		}
	}
	return found
}

// spread follows allOf, oneOf and anyOf.
func spread(schemas, into []*openapi3.Schema) []*openapi3.Schema {
	for _, s := range schemas {
		into = append(into, s)
		for _, of := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
			for _, ref := range of {
				if ref.Value != nil {
					into = spread([]*openapi3.Schema{ref.Value}, into)
				}
			}
		}
	}
	return into
}

// free tells that any key is allowed: nothing is said of keys, or that they are free.
func free(schemas []*openapi3.Schema) bool {
	said := false
	for _, s := range schemas {
		said = said || len(s.Properties) > 0
		if a := s.AdditionalProperties; a.Schema != nil || a.Has != nil && *a.Has {
			return true
		}
	}
	return !said
}
