package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

type object = map[string]any

// prose are the keys of an OpenAPI description that say nothing about what is valid.
var prose = []string{"description", "summary", "example", "examples", "externalDocs", "tags", "title", "deprecated", "x-github", "x-webhooks", "x-multi-segment"}

// reduce keeps the operations named and what they refer to, without prose.
func reduce(text []byte, operations []string) (object, error) {
	var doc object
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	paths, missing := object{}, slices.Clone(operations)
	for path, item := range doc["paths"].(object) {
		kept := object{}
		for method, operation := range item.(object) {
			o, ok := operation.(object)
			if !ok {
				continue
			}
			id, _ := o["operationId"].(string)
			if i := slices.Index(missing, id); i >= 0 {
				missing = slices.Delete(missing, i, i+1)
				kept[method] = bare(o, false)
			}
		}
		if len(kept) > 0 {
			paths[path] = kept
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("there is no operation %s", strings.Join(missing, ", "))
	}
	// Errors that any operation may answer with, listed there or not, are described once.
	for _, name := range []string{"basic-error", "validation-error", "validation-error-simple"} {
		paths["/-/"+name] = object{"get": object{"operationId": "-/" + name, "responses": object{"200": object{"description": "", "content": object{
			"application/json": object{"schema": object{"$ref": "#/components/schemas/" + name}},
		}}}}}
	}
	components := object{}
	all := doc["components"].(object)
	amend(paths, all["schemas"].(object))
	for pending := references(paths, nil); len(pending) > 0; {
		var next []string
		for _, ref := range pending {
			kind, name, _ := strings.Cut(strings.TrimPrefix(ref, "#/components/"), "/")
			if kind == "examples" {
				continue
			}
			section, ok := components[kind].(object)
			if !ok {
				section = object{}
				components[kind] = section
			}
			if _, done := section[name]; done {
				continue
			}
			value, ok := all[kind].(object)[name]
			if !ok {
				return nil, fmt.Errorf("%s is referred to but not there", ref)
			}
			section[name] = bare(value, false)
			next = references(section[name], next)
		}
		pending = next
	}
	return object{
		"openapi": doc["openapi"], "info": object{"title": description.String(), "version": description.integrity},
		"paths": paths, "components": components,
	}, nil
}

// amend corrects what this version of the description has wrong.
func amend(paths, schemas object) {
	// Labels may be sent as a bare list, as every client library does; earlier versions of the description list it.
	for _, method := range []string{"post", "put"} {
		labels := paths["/repos/{owner}/{repo}/issues/{issue_number}/labels"].(object)[method].(object)
		content := labels["requestBody"].(object)["content"].(object)["application/json"].(object)
		content["schema"] = object{"anyOf": []any{content["schema"], object{"type": "array", "items": object{"type": "string"}}}}
	}
	// The list of installations wants each account to be a user and an enterprise at once; one installation by itself is described well.
	installations := paths["/app/installations"].(object)["get"].(object)["responses"].(object)["200"].(object)["content"].(object)
	installations["application/json"].(object)["schema"] = object{"type": "array", "items": object{"$ref": "#/components/schemas/installation"}}
	// The repository that a pull request came from may have been deleted.
	for _, name := range []string{"pull-request", "pull-request-simple"} {
		head := schemas[name].(object)["properties"].(object)["head"].(object)["properties"].(object)
		head["repo"] = object{"$ref": "#/components/schemas/nullable-repository"}
	}
}

// bare removes prose. In a map of names (properties, parameters, schemas) the keys are not the description's own.
func bare(v any, names bool) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for key, value := range v {
			if !names && slices.Contains(prose, key) {
				continue
			}
			out[key] = bare(value, !names && (key == "properties" || key == "responses" || key == "content" || key == "headers"))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = bare(v[i], false)
		}
		return out
	}
	return v
}

// references adds the references in v to found.
func references(v any, found []string) []string {
	switch v := v.(type) {
	case object:
		for key, value := range v {
			if ref, ok := value.(string); ok && key == "$ref" {
				found = append(found, ref)
				continue
			}
			found = references(value, found)
		}
	case []any:
		for _, value := range v {
			found = references(value, found)
		}
	}
	return found
}
