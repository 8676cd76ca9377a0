package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// walker hides the secrets of one object. It copies only what it changes.
type walker struct {
	m     *Masker
	known *trie
	// inText is false for CustomResourceDefinitions, whose texts explain fields such as password.
	inText bool
	// sealed is true for a SealedSecret: its encryptedData may be shown.
	sealed bool
}

// value hides what is in a value under a key. Inherited is set where the key's parent holds secrets: password: {value: x}.
func (w walker) value(key string, v any, inherited bool) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		return w.fields(key, v)
	case []any:
		return w.items(key, v, inherited)
	case string:
		masked := w.text(key, v, inherited)
		return masked, masked != v
	case int64, float64:
		// A number too short to be a secret is a setting: token: 0.
		if text := fmt.Sprint(v); w.inText && len(text) >= 4 && (inherited || classify(key) == secret) {
			return w.m.placeholder(text), true
		}
	}
	return v, false
}

// isSecret reports whether a map is a Secret, be it an object or one inside another.
func isSecret(m map[string]any) bool { return m["kind"] == "Secret" && m["apiVersion"] == "v1" }

func (w walker) fields(key string, in map[string]any) (any, bool) {
	out, copied := in, false
	whole, pair := isSecret(in), pairName(in)
	for k, v := range in {
		var masked any
		var changed bool
		switch {
		case whole && (k == "data" || k == "stringData"):
			masked, changed = w.all(v, k == "data")
		case w.sealed && k == "encryptedData":
		case k == "binaryData" && in["kind"] == "ConfigMap":
			masked, changed = w.binary(v)
		case k == lastApplied && key == "annotations":
			masked, changed = w.applied(v)
		case pair != "" && k == "value":
			masked, changed = w.value(pair, v, false)
		default:
			masked, changed = w.value(k, v, k == "value" && w.inText && classify(key) == secret)
		}
		if !changed {
			continue
		}
		if !copied {
			out, copied = maps.Clone(in), true
		}
		out[k] = masked
	}
	return out, copied
}

// pairName is the name in {name: PASSWORD, value: x}, which is how environments and headers are written.
func pairName(m map[string]any) string {
	if _, ok := m["value"]; !ok {
		return ""
	}
	for _, k := range []string{"name", "key"} {
		if s, ok := m[k].(string); ok {
			return s
		}
	}
	return ""
}

func (w walker) items(key string, in []any, inherited bool) (any, bool) {
	out := in
	changed := false
	hidden := w.inText && (inherited || classify(key) == secret)
	for i, v := range in {
		masked, different := w.value("", v, hidden)
		if s, ok := v.(string); ok && i > 0 && w.inText && !different {
			// --password and its value as two arguments.
			if flag, ok := in[i-1].(string); ok && strings.HasPrefix(flag, "-") && !strings.ContainsAny(flag, "= ") && classify(flag).hides(s) && !strings.HasPrefix(s, "-") {
				masked, different = w.m.placeholder(s), true
			}
		}
		if !different {
			continue
		}
		if !changed {
			out, changed = slices.Clone(in), true
		}
		out[i] = masked
	}
	return out, changed
}

// all hides everything in a value. What is base64 counts as what it stands for, so that data and stringData of one value agree.
func (w walker) all(v any, encoded bool) (any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, false
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			out[k], _ = w.all(inner, encoded)
		}
		return out, true
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i], _ = w.all(inner, encoded)
		}
		return out, true
	case string:
		if encoded {
			v, _ = decode(v)
		}
		return w.m.placeholder(v), true
	}
	return w.m.placeholder(fmt.Sprint(v)), true
}

func decode(s string) (string, bool) {
	plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return s, false
	}
	return string(plain), true
}

// binary hides the values of a ConfigMap's binaryData that hold a secret: as a whole, for a part of base64 cannot be replaced.
func (w walker) binary(v any) (any, bool) {
	in, ok := v.(map[string]any)
	if !ok {
		return w.value("", v, false)
	}
	out, changed := make(map[string]any, len(in)), false
	for k, inner := range in {
		out[k] = inner
		s, ok := inner.(string)
		if !ok {
			continue
		}
		text, ok := decode(s)
		if masked := w.text(k, text, false); !ok || masked != text {
			out[k], changed = w.m.placeholder(text), true
		}
	}
	return out, changed
}

// applied hides the secrets of an object that an annotation holds as JSON; as a whole when it is none.
func (w walker) applied(v any) (any, bool) {
	s, ok := v.(string)
	if !ok {
		return w.value("", v, false)
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || d.InputOffset() < int64(len(strings.TrimRight(s, " \n"))) {
		return w.m.placeholder(s), s != ""
	}
	masked, changed := w.value("", object, false)
	if !changed {
		return v, false
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(masked); err != nil {
		return w.m.placeholder(s), true
	}
	return b.String(), true
}

// text hides what is secret in a string under a key.
func (w walker) text(key, s string, inherited bool) string {
	c := classify(key)
	if inherited {
		c = secret
	}
	if w.inText && c.hides(s) {
		return w.m.placeholder(s)
	}
	s = w.m.shapes(w.known.replace(s))
	if !w.inText {
		return s
	}
	// An argument is a flag and all the rest is its value, blanks included.
	if name, value, ok := strings.Cut(s, "="); ok && strings.HasPrefix(name, "-") && !strings.ContainsAny(name, " \n") && classify(name).hides(value) {
		return name + "=" + w.m.placeholder(value)
	}
	return w.m.secretText(w.m.assignments(s, false))
}

// secretText hides the values of Secrets that a text holds as YAML, such as a ConfigMap with manifests.
func (m *Masker) secretText(s string) string {
	if !strings.Contains(s, "kind: Secret") {
		return s
	}
	docs := strings.Split(s, "\n---")
	for i, doc := range docs {
		lines := strings.Split(doc, "\n")
		if !hasLine(lines, "kind: Secret") {
			continue
		}
		inside, indent := false, 0
		encoded := false
		for j, line := range lines {
			text := strings.TrimLeft(line, " ")
			depth := len(line) - len(text)
			switch {
			case strings.TrimSpace(text) == "":
			case strings.HasPrefix(text, "data:") || strings.HasPrefix(text, "stringData:"):
				inside, indent, encoded = true, depth, strings.HasPrefix(text, "data:")
			case inside && depth <= indent:
				inside = false
			case inside:
				lines[j] = line[:depth] + m.line(text, encoded)
			}
		}
		docs[i] = strings.Join(lines, "\n")
	}
	return strings.Join(docs, "\n---")
}

// line hides the value of a line under data, or the whole line of a block scalar.
func (m *Masker) line(text string, encoded bool) string {
	key, value, ok := strings.Cut(text, ":")
	if !ok || strings.ContainsAny(key, " \t") {
		return m.placeholder(text)
	}
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	if harmless(value) && !strings.HasPrefix(value, "/") || strings.HasPrefix(value, "|") || strings.HasPrefix(value, ">") {
		return text
	}
	if encoded {
		value, _ = decode(value)
	}
	return key + ": " + m.placeholder(value)
}

func hasLine(lines []string, want string) bool {
	for _, l := range lines {
		if strings.TrimSpace(l) == want {
			return true
		}
	}
	return false
}
