package risk

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

// narrowing finds where a schema of a custom resource allows less than it did.
type narrowing struct{ found map[fault.Code][]place }

func (n *narrowing) add(code fault.Code, path, shown, format string, args ...any) {
	if shown == "" {
		shown = "the object"
	}
	n.found[code] = append(n.found[code], place{path, shown + " " + fmt.Sprintf(format, args...)})
}

// compare compares two schemas of one value; shown is the path for people.
func (n *narrowing) compare(old, now map[string]any, path, shown string) {
	if old == nil || now == nil || reflect.DeepEqual(old, now) {
		return
	}
	narrowed := func(key, format string, args ...any) {
		n.add(CRDSchemaNarrowed, path+pointer(key), shown, format, args...)
	}
	n.types(old, now, narrowed)
	n.bounds(old, now, narrowed)
	n.required(old, now, path, shown)

	open := now["x-kubernetes-preserve-unknown-fields"] == true
	if old["x-kubernetes-preserve-unknown-fields"] == true && !open {
		narrowed("x-kubernetes-preserve-unknown-fields", "drops fields that it does not know")
	}
	was, is := manifest.Map(old, "properties"), manifest.Map(now, "properties")
	_, others := now["additionalProperties"]
	if now["additionalProperties"] == false {
		others = false
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		below := name
		if shown != "" {
			below = shown + "." + name
		}
		inner, stays := is[name].(map[string]any)
		if !stays && !open && !others {
			n.add(CRDSchemaNarrowed, path+pointer("properties", name), below, "is gone")
		}
		if stays {
			n.compare(manifest.Map(was, name), inner, path+pointer("properties", name), below)
		}
	}
	if extra, ok := old["additionalProperties"]; ok && extra != false {
		if !others && !open {
			narrowed("additionalProperties", "takes no other keys")
		}
		n.compare(manifest.Map(old, "additionalProperties"), manifest.Map(now, "additionalProperties"), path+pointer("additionalProperties"), shown+".*")
		if _, typed := now["additionalProperties"].(map[string]any); typed && extra == true {
			narrowed("additionalProperties", "takes only some values")
		}
	}
	n.compare(manifest.Map(old, "items"), manifest.Map(now, "items"), path+pointer("items"), shown+"[]")
}

func (n *narrowing) required(old, now map[string]any, path, shown string) {
	was := texts(manifest.List(old, "required"))
	for i, name := range texts(manifest.List(now, "required")) {
		property := manifest.Map(now, "properties", name)
		if _, filled := property["default"]; filled || slices.Contains(was, name) {
			continue
		}
		full := name
		if shown != "" {
			full = shown + "." + name
		}
		n.found[CRDFieldRequired] = append(n.found[CRDFieldRequired], place{path + pointer("required", i), full})
	}
}

// types compares what kind of value is allowed.
func (n *narrowing) types(old, now map[string]any, narrowed func(key, format string, args ...any)) {
	was, is := kindOf(old), kindOf(now)
	wider := is == "" || was == is || was == "integer" && is == "number" || is == "integer or string" && (was == "integer" || was == "string")
	if !wider {
		if was == "" {
			was = "anything"
		}
		narrowed("type", "was %s and is %s", was, is)
	}
	if old["nullable"] == true && now["nullable"] != true {
		narrowed("nullable", "may not be null")
	}
	allowed := manifest.List(now, "enum")
	switch before := manifest.List(old, "enum"); {
	case len(allowed) == 0:
	case len(before) == 0:
		narrowed("enum", "takes only some values")
	default:
		for _, v := range before {
			if !slices.ContainsFunc(allowed, func(a any) bool { return reflect.DeepEqual(a, v) }) {
				narrowed("enum", "does not take %s", quote(v))
			}
		}
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf", "not"} {
		if now[key] != nil && !reflect.DeepEqual(old[key], now[key]) {
			narrowed(key, "has another condition %s", key)
		}
	}
	rules := rulesOf(old)
	for _, rule := range slices.Sorted(maps.Keys(rulesOf(now))) {
		if !rules[rule] {
			narrowed("x-kubernetes-validations", "must fulfil %s", quote(rule))
		}
	}
	if t := manifest.Text(now, "x-kubernetes-list-type"); (t == "set" || t == "map") && manifest.Text(old, "x-kubernetes-list-type") != t {
		narrowed("x-kubernetes-list-type", "is a %s and takes nothing twice", t)
	}
}

func kindOf(schema map[string]any) string {
	if schema["x-kubernetes-int-or-string"] == true {
		return "integer or string"
	}
	return manifest.Text(schema, "type")
}

func rulesOf(schema map[string]any) map[string]bool {
	rules := map[string]bool{}
	for _, v := range manifest.List(schema, "x-kubernetes-validations") {
		rules[manifest.Text(v, "rule")] = true
	}
	return rules
}

// bounds compares sizes and forms.
func (n *narrowing) bounds(old, now map[string]any, narrowed func(key, format string, args ...any)) {
	for _, key := range []string{"maximum", "maxLength", "maxItems", "maxProperties"} {
		if is, ok := float(now[key]); ok {
			if was, had := float(old[key]); !had || is < was {
				narrowed(key, "has %s %v", key, now[key])
			}
		}
	}
	for _, key := range []string{"minimum", "minLength", "minItems", "minProperties"} {
		if is, ok := float(now[key]); ok {
			// A minimum of 0 for a length says nothing.
			if was, had := float(old[key]); (!had && (is > 0 || key == "minimum")) || had && is > was {
				narrowed(key, "has %s %v", key, now[key])
			}
		}
	}
	for _, key := range []string{"pattern", "format", "multipleOf"} {
		if now[key] != nil && !reflect.DeepEqual(old[key], now[key]) {
			narrowed(key, "has %s %s", key, quote(now[key]))
		}
	}
	for _, key := range []string{"exclusiveMinimum", "exclusiveMaximum", "uniqueItems"} {
		if now[key] == true && old[key] != true {
			narrowed(key, "has %s", key)
		}
	}
}

func float(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
