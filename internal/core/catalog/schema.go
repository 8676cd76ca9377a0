package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/fault"
)

// Errors are all problems of one catalog, in the order of their places.
type Errors []fault.Problem

// Error is one line for each problem.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// decoder reads values from YAML nodes and collects everything that is wrong with them.
type decoder struct {
	file  string
	found []located
	// more counts the problems beyond MaxProblems.
	more int
}

type located struct {
	place
	fault.Problem
}

func (d *decoder) refuse(p place, format string, args ...any) {
	if len(d.found) == MaxProblems {
		d.more++
		return
	}
	d.found = append(d.found, located{p, fault.Problem{
		Code: CatalogInvalid, Where: p.in(d.file), Message: fmt.Sprintf(format, args...),
	}})
}

// errors are the problems found, or nil.
func (d *decoder) errors() Errors {
	slices.SortStableFunc(d.found, func(a, b located) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var all Errors
	for _, l := range d.found {
		all = append(all, l.Problem)
	}
	if d.more > 0 {
		all = append(all, fault.Problem{
			Code: CatalogInvalid, Where: d.file,
			Message: fmt.Sprintf("%d more problems are not listed, at most %d are", d.more, MaxProblems),
		})
	}
	return all
}

// reader reads the value n of the field called name.
type reader func(d *decoder, name string, n *yaml.Node)

// field is one line of a schema.
type field struct {
	name     string
	required bool
	read     reader
}

const required = true

// object reads a map with exactly these fields, and returns the values that were given.
func (d *decoder) object(name string, n *yaml.Node, fields []field) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		d.refuse(at(n), "%swant a map, found %s", label(name), describe(n))
		return nil
	}
	given := map[string]*yaml.Node{}
	keys := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			d.refuse(at(key), "%sa field's name must be a plain word, found %s", label(name), describe(key))
			continue
		}
		if first, twice := keys[key.Value]; twice {
			d.refuse(at(key), "%s%s is given twice, first in line %d: remove one", label(name), quote(key.Value), first.Line)
			continue
		}
		keys[key.Value] = key
		f := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if f < 0 {
			d.refuse(at(key), "%s", unknown(name, key.Value, fields))
			continue
		}
		given[key.Value] = value
		fields[f].read(d, child(name, key.Value), value)
	}
	for _, f := range fields {
		if f.required && keys[f.name] == nil {
			d.refuse(at(n), "%s is missing: add it", child(name, f.name))
		}
	}
	return given
}

func unknown(name, key string, fields []field) string {
	if key == "<<" {
		return label(name) + "merge keys (<<) are not read in a catalog: write the fields out"
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	hint := "known here: " + strings.Join(names, ", ")
	if near := nearest(key, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	return label(name) + quote(key) + " is not a known field: " + hint
}

// list calls each with every entry.
func (d *decoder) list(name string, n *yaml.Node, limit int, each func(i int, name string, n *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		d.refuse(at(n), "%s: want a list, found %s", name, describe(n))
		return
	}
	if len(n.Content) > limit {
		d.refuse(at(n), "%s has %d entries, at most %d are allowed", name, len(n.Content), limit)
		return
	}
	for i, entry := range n.Content {
		each(i, name+"["+strconv.Itoa(i)+"]", entry)
	}
}

// booleans are words that some YAML readers take for true or false and others for text.
var booleans = []string{"y", "n", "yes", "no", "on", "off", "true", "false"}

func isBoolean(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 &&
		slices.Contains(booleans, strings.ToLower(n.Value))
}

// text reads a string; a value that YAML reads as anything else is refused, never converted.
func (d *decoder) text(name string, n *yaml.Node) (string, bool) {
	switch tag := n.ShortTag(); {
	case n.Kind != yaml.ScalarNode:
		d.refuse(at(n), "%s: want a text, found %s", name, describe(n))
	case len(n.Value) > MaxText:
		d.refuse(at(n), "%s has %d bytes, at most %d are allowed", name, len(n.Value), MaxText)
	case isBoolean(n):
		d.refuse(at(n), "%s: %s is not quoted, so YAML readers take it for a boolean: write %q", name, n.Value, n.Value)
	case tag == "!!null":
		d.refuse(at(n), "%s has no value: write one or remove the field", name)
	case tag == "!!int" || tag == "!!float":
		d.refuse(at(n), "%s: %s is not quoted, so YAML reads it as the number %s: write %s", name, cut(n.Value), number(n.Value), quote(n.Value))
	case tag != "!!str":
		d.refuse(at(n), "%s: %s is not quoted, so YAML does not read it as text: write %s", name, cut(n.Value), quote(n.Value))
	case strings.ContainsFunc(n.Value, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }):
		d.refuse(at(n), "%s: %s holds a control character: remove it", name, quote(n.Value))
	default:
		return n.Value, true
	}
	return "", false
}

// number shows what is left of a number once YAML has read it.
func number(s string) string {
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil {
		return cut(s)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// text reads a non-empty string into a variable when check accepts it.
func text(into *string, check func(string) error) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		s, ok := d.text(name, n)
		if !ok {
			return
		}
		if s == "" {
			d.refuse(at(n), "%s is empty: write a value or remove the field", name)
			return
		}
		if check != nil {
			if err := check(s); err != nil {
				d.refuse(at(n), "%s: %v", name, err)
				return
			}
		}
		*into = s
	}
}

// texts reads a list of strings without repeats.
func texts(into *[]string, check func(string) error) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		seen := map[string]bool{}
		d.list(name, n, MaxList, func(_ int, name string, n *yaml.Node) {
			var s string
			text(&s, check)(d, name, n)
			switch {
			case s == "":
			case seen[s]:
				d.refuse(at(n), "%s: %s is listed twice: remove one", name, quote(s))
			default:
				seen[s] = true
				*into = append(*into, s)
			}
		})
	}
}

// word reads one of a few words.
func word[T ~string](into *T, words ...T) reader {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	want := strings.Join(list, ", ")
	return func(d *decoder, name string, n *yaml.Node) {
		if isBoolean(n) {
			d.refuse(at(n), "%s: %s is a boolean to YAML readers: write one of %s", name, n.Value, want)
			return
		}
		if n.Kind != yaml.ScalarNode || !slices.Contains(words, T(n.Value)) {
			d.refuse(at(n), "%s: want one of %s, found %s", name, want, describe(n))
			return
		}
		*into = T(n.Value)
	}
}

// boolean reads true or false, as every YAML reader understands them.
func boolean(into *bool) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Value != "true" && n.Value != "false" {
			d.refuse(at(n), "%s: want true or false without quotes, found %s", name, describe(n))
			return
		}
		*into = n.Value == "true"
	}
}

// duration reads a time such as 1h30m, from 0s to most.
func duration(into **time.Duration, most time.Duration) reader {
	return func(d *decoder, name string, n *yaml.Node) {
		if tag := n.ShortTag(); n.Kind == yaml.ScalarNode && (tag == "!!int" || tag == "!!float") {
			d.refuse(at(n), "%s: %s has no unit: write a duration such as 10m or 1h30m", name, cut(n.Value))
			return
		}
		text(new(string), func(s string) error {
			v, err := time.ParseDuration(s)
			switch {
			case err != nil:
				return fmt.Errorf("%s is not a duration: want a form like 10m or 1h30m", quote(s))
			case v < 0 || v > most:
				return fmt.Errorf("%s is out of range: want 0s to %.0fh", quote(s), most.Hours())
			}
			*into = &v
			return nil
		})(d, name, n)
	}
}

// plain refuses what a catalog never needs and what other readers treat differently: aliases, tags, depth.
func (d *decoder) plain(n *yaml.Node, depth int) {
	switch {
	case depth > MaxDepth:
		d.refuse(at(n), "nests deeper than %d levels", MaxDepth)
		return
	case n.Anchor != "":
		// No alias is without an anchor, so those need no message of their own.
		d.refuse(at(n), "the anchor &%s is not read in a catalog: remove it, and write the value out where it is used", cut(n.Anchor))
	case n.Style&yaml.TaggedStyle != 0:
		d.refuse(at(n), "the tag %s is not read in a catalog: remove it", cut(n.Tag))
	}
	for _, c := range n.Content {
		d.plain(c, depth+1)
	}
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if n.ShortTag() == "!!null" {
			return "nothing"
		}
		return quote(n.Value)
	}
	return "something else"
}

func child(name, field string) string {
	if name == "" {
		return field
	}
	return name + "." + field
}

func label(name string) string {
	if name == "" {
		return ""
	}
	return name + ": "
}

// maxShown is how much of a value from outside lands in a message.
const maxShown = 40

// quote shows a value from outside: escaped, and cut.
func quote(s string) string {
	if len(s) <= maxShown {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%.*q… (%d bytes)", maxShown, s, len(s))
}

// cut is quote without the quotes, for a value that must be shown as it was written.
func cut(s string) string {
	q := strconv.Quote(s)
	if len(s) <= maxShown {
		return q[1 : len(q)-1]
	}
	q = fmt.Sprintf("%.*q", maxShown, s)
	return q[1:len(q)-1] + "…"
}
