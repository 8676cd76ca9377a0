package diff

import (
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"io"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"
)

// same reports whether two values mean the same to Kubernetes: a key with null is no key, and 1 is 1.0.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			return false
		}
		for k, inner := range a {
			if inner != nil && !same(inner, b[k]) {
				return false
			}
		}
		for k, inner := range b {
			if inner != nil && a[k] == nil {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	}
	return sameScalar(a, b)
}

// sameScalar is false for everything that is no scalar.
func sameScalar(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case int64:
		if b, ok := b.(int64); ok {
			return a == b
		}
	}
	x, ok := number(a)
	y, ok2 := number(b)
	return ok && ok2 && x == y
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case int:
		return float64(v), true
	}
	return 0, false
}

// sameQuantity reports whether two scalars are the same amount of a resource: the API server stores 1000m as 1.
func sameQuantity(a, b any) bool {
	x, ok := quantity(a)
	y, ok2 := quantity(b)
	return ok && ok2 && x.Cmp(y) == 0
}

func quantity(v any) (resource.Quantity, bool) {
	text, ok := v.(string)
	if n, isNumber := number(v); isNumber {
		text, ok = strconv.FormatFloat(n, 'f', -1, 64), true
	}
	// ParseQuantity takes its time with numbers of a million digits.
	if !ok || len(text) > 40 {
		return resource.Quantity{}, false
	}
	q, err := resource.ParseQuantity(text)
	return q, err == nil
}

// canonical is a text that equal values share. Those that differ only in what same overlooks may get different ones.
func canonical(v any) string {
	if s, ok := v.(string); ok {
		return "s" + s
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// signature stands for a value when it is compared with many others: the hashes of what it holds, sorted, the smallest signatureSize of them.
type signature []uint64

const signatureSize = 128

// sign makes the signature of a value. Strings are taken as text gives them; nil takes them as they are.
func sign(v any, text func(string) string) signature {
	var s signature
	h := fnv.New64a()
	// Each hash builds on the one of the path above, so that a long path is hashed once.
	sum := func(above uint64, parts ...string) uint64 {
		h.Reset()
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, above))
		for _, p := range parts {
			_, _ = io.WriteString(h, p)
		}
		return h.Sum64()
	}
	var walk func(v any, path uint64)
	walk = func(v any, path uint64) {
		switch v := v.(type) {
		case map[string]any:
			if len(v) == 0 {
				s = append(s, sum(path, "{}"))
			}
			for k, inner := range v {
				if inner != nil {
					walk(inner, sum(path, "/", k))
				}
			}
		case []any:
			if len(v) == 0 {
				s = append(s, sum(path, "[]"))
			}
			// Items count wherever they stand.
			for _, inner := range v {
				walk(inner, sum(path, "[*]"))
			}
		case string:
			if text != nil {
				v = text(v)
			}
			s = append(s, sum(path, canonical(v)))
		default:
			s = append(s, sum(path, canonical(v)))
		}
	}
	walk(v, 0)
	slices.Sort(s)
	s = slices.Compact(s)
	return s[:min(len(s), signatureSize)]
}

// likeness is the share of what two values hold in common, from 0 to 1: exact for small values, an estimate for large ones.
func likeness(a, b signature) float64 {
	common, seen, limit := 0, 0, len(a)+len(b)
	if len(a) == signatureSize || len(b) == signatureSize {
		limit = signatureSize
	}
	i, j := 0, 0
	for seen < limit && (i < len(a) || j < len(b)) {
		seen++
		switch {
		case j == len(b) || i < len(a) && a[i] < b[j]:
			i++
		case i == len(a) || a[i] > b[j]:
			j++
		default:
			common, i, j = common+1, i+1, j+1
		}
	}
	if seen == 0 {
		return 0
	}
	return float64(common) / float64(seen)
}
