package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v2"
)

// decode reads the first document of YAML text as Argo CD, Helm and kubectl do: YAML 1.1, and the last of two equal keys wins. It refuses
// aliases that contain themselves or grow without end.
func decode(text []byte) (any, error) {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return nil, errors.New(strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", " "))
	}
	return plain(v)
}

// plain turns what YAML libraries give into values as Object.Content has them. The way through JSON, which others take, gives the same.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64:
		return v, nil
	case string:
		return v, readable(v)
	case int:
		return int64(v), nil
	case uint64:
		return number(float64(v)), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v is no number in JSON", v)
		}
		return number(v), nil
	case time.Time: // kustomize's library reads dates; written, they are this
		return v.Format(time.RFC3339Nano), nil
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, inner := range v {
			var err error
			if m[k], err = plain(inner); err != nil {
				return nil, err
			}
		}
		return m, nil
	case map[any]any:
		m := make(map[string]any, len(v))
		for k, inner := range v {
			key, err := keyOf(k)
			if err != nil {
				return nil, err
			}
			if m[key], err = plain(inner); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	return nil, fmt.Errorf("a value of type %T has no place in a manifest", v)
}

// number is an integer where JSON would write one.
func number(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f)
	}
	return f
}

func keyOf(k any) (string, error) {
	switch k := k.(type) {
	case string:
		return k, readable(k)
	case int:
		return strconv.Itoa(k), nil
	case int64:
		return strconv.FormatInt(k, 10), nil
	case bool:
		return strconv.FormatBool(k), nil
	case float64:
		return strconv.FormatFloat(k, 'g', -1, 32), nil
	}
	return "", fmt.Errorf("%v, of type %T, cannot be a key", k, k)
}

// readable refuses what Argo CD cannot read: it writes JSON and reads it as YAML, which forbids some characters.
func readable(s string) error {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x7f {
			return readableRunes(s[i:])
		}
	}
	return nil
}

func readableRunes(s string) error {
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return errors.New("text that is not UTF-8")
		case r == 0x7f, r >= 0x80 && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return fmt.Errorf("the control character %U, which Argo CD cannot read", r)
		}
	}
	return nil
}

// typeOf says what a value is, for errors.
func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a number"
}

// split separates the documents of text that is read as a stream, as the Kubernetes libraries do it.
func split(text []byte) ([][]byte, error) {
	if n := len(text); n > 0 && text[n-1] != '\n' {
		text = append(text[:n:n], '\n') // they end every line
	}
	var documents [][]byte
	start, at := 0, 0
	for at < len(text) {
		line, end := text[at:], len(text)
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line, end = line[:i], at+i+1
		}
		if rest, ok := bytes.CutPrefix(line, []byte("---")); ok {
			if rest = bytes.TrimSpace(rest); len(rest) > 0 && rest[0] != '#' {
				return documents, fmt.Errorf("a line that begins with --- and goes on with %q", rest)
			}
			if start < at {
				documents = append(documents, text[start:at])
			}
			start = end
		}
		at = end
	}
	if start < at {
		documents = append(documents, text[start:])
	}
	return documents, nil
}

// decodeJSON is for JSON text, in which int64 and float64 are told apart as everywhere here.
func decodeJSON(d *json.Decoder) (any, error) {
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v)
}

func numbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return i, nil
		}
		return v.Float64()
	case []any:
		for i := range v {
			if v[i], err = numbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = numbers(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
