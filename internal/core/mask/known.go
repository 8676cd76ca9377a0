package mask

import (
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/manifest"
)

const (
	// minKnown is the length from which a Secret's value is looked for elsewhere: shorter ones occur by chance.
	minKnown = 6
	// minInside is the length from which it is looked for within words.
	minInside = 12
	// maxKnown bounds the work: of a longer value its first bytes are enough, and hide the text up to the end of what is equal.
	maxKnown = 512
)

// trie finds many values in a text at once. Each byte of the text costs as many steps as values go on with it, at most maxKnown.
type trie struct {
	next map[byte]*trie
	// value and as are set where a value ends.
	value, as string
	// starts are the bytes in next: to look in a map at each byte of every text would cost most of the time.
	starts [4]uint64
}

// ordinary values are in Secrets, and everywhere else.
var ordinary = []string{
	"enabled", "disabled", "default", "localhost", "127.0.0.1", "0.0.0.0", "kubernetes", "postgres", "postgresql", "mongodb", "mariadb",
	"password", "username", "secret", "Opaque", "string", "production", "staging", "development", "warning", "cluster", "kube-system",
}

// ordinaryKeys are keys of Secrets whose values are no secrets elsewhere, such as a user's or a host's name.
var ordinaryKeys = []string{
	"user", "username", "login", "host", "hostname", "port", "region", "type", "namespace", "name", "url", "uri", "endpoint", "server",
	"database", "dbname", "cluster", "project", "tenant", "email", "bucket", "zone", "domain", "driver", "provider", "version", "ca.crt",
	"tls.crt", "issuer", "scope", "scopes", "audience",
}

// known collects the values of all Secrets, in clear and in base64.
func (m *Masker) known(sets [][]manifest.Object) *trie {
	values := map[string]string{}
	for _, set := range sets {
		for _, o := range set {
			collect(o.Content, func(key, clear, encoded string) {
				if slices.Contains(ordinaryKeys, strings.ToLower(key)) || slices.Contains(ordinary, clear) {
					return
				}
				if strings.HasPrefix(clear, "-----BEGIN CERTIFICATE") || strings.HasPrefix(clear, "-----BEGIN PUBLIC") {
					return
				}
				values[clear] = clear
				values[strings.TrimSpace(clear)] = strings.TrimSpace(clear)
				if encoded != "" {
					values[encoded] = clear
				}
			})
		}
	}
	t := &trie{}
	if len(values) == 0 {
		return t
	}
	common := names(sets)
	for _, v := range slices.Sorted(maps.Keys(values)) {
		if len(v) < minKnown || common[v] || len(v) < minInside && strings.Trim(v, "0123456789.:") == "" || repeats(v) {
			continue
		}
		t.add(v, m.placeholder(values[v]))
	}
	return t
}

// collect calls with each value of a Secret: its key, what it is, and its base64 where it was written so.
func collect(v any, with func(key, clear, encoded string)) {
	switch v := v.(type) {
	case map[string]any:
		if !isSecret(v) {
			for _, inner := range v {
				collect(inner, with)
			}
			return
		}
		for k, s := range manifest.Map(v, "stringData") {
			if s, ok := s.(string); ok {
				with(k, s, "")
			}
		}
		for k, s := range manifest.Map(v, "data") {
			if s, ok := s.(string); ok {
				clear, _ := decode(s)
				with(k, clear, s)
			}
		}
	case []any:
		for _, inner := range v {
			collect(inner, with)
		}
	}
}

// names are words that objects are named and labelled with: to hide them would hide what the objects are.
func names(sets [][]manifest.Object) map[string]bool {
	found := map[string]bool{}
	add := func(s string) {
		found[s] = true
		for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r < 128 && !inWord(byte(r)) }) {
			found[word] = true
		}
	}
	for _, set := range sets {
		for _, o := range set {
			for _, s := range []string{o.Group, o.APIVersion(), o.Kind, o.Namespace, o.Name} {
				add(s)
			}
			for k, v := range manifest.Map(o.Content, "metadata", "labels") {
				add(k)
				if s, ok := v.(string); ok {
					add(s)
				}
			}
		}
	}
	return found
}

// repeats is true for a value of one byte again and again, such as a line of dashes.
func repeats(s string) bool { return strings.Trim(s, s[:1]) == "" }

func (t *trie) add(value, as string) {
	n := t
	for i := range min(len(value), maxKnown) {
		if n.next == nil {
			n.next = map[byte]*trie{}
		}
		next := n.next[value[i]]
		if next == nil {
			next = &trie{}
			n.next[value[i]] = next
			n.starts[value[i]/64] |= 1 << (value[i] % 64)
		}
		n = next
	}
	// Of several that begin alike, the longest hides the most.
	if len(value) > len(n.value) {
		n.value, n.as = value, as
	}
}

// replace puts placeholders for the values in a text, the longest first at each place.
func (t *trie) replace(s string) string {
	if t.next == nil || len(s) < minKnown {
		return s
	}
	var b strings.Builder
	end := 0
	for i := 0; i+minKnown <= len(s); i++ {
		if s[i] == '<' && startsWithPlaceholder(s[i:]) {
			i += length - 1
			continue
		}
		if t.starts[s[i]/64]&(1<<(s[i]%64)) == 0 {
			continue
		}
		to, as := t.at(s, i)
		if to == 0 {
			continue
		}
		b.WriteString(s[end:i])
		b.WriteString(as)
		end, i = to, to-1
	}
	if end == 0 {
		return s
	}
	b.WriteString(s[end:])
	return b.String()
}

// at finds the longest value that starts at i.
func (t *trie) at(s string, i int) (to int, as string) {
	n := t
	for j := i; j < len(s); j++ {
		n = n.next[s[j]]
		if n == nil {
			break
		}
		if n.value != "" && (len(n.value) >= minInside || (i == 0 || !inWord(s[i-1])) && (j+1 == len(s) || !inWord(s[j+1]))) {
			to, as = i+common(s[i:], n.value), n.as
		}
	}
	return to, as
}

// common is the length of what two strings begin with together.
func common(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func inWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
