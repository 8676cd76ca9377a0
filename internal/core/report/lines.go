package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"go.yaml.in/yaml/v3"

	"github.com/addon-manager/addon-manager/internal/core/diff"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// line is a line of a diff.
type line struct {
	// op is one of the constants below.
	op   byte
	text string
}

const (
	gone   = '-'
	came   = '+'
	stays  = ' '
	heads  = '@'
	remark = '\\'
)

// lines are what a change does, field by field. A single line longer than width bytes is shortened around what differs; zero means whole lines.
func lines(c diff.Change, width int) []line {
	var out []line
	if c.From != nil {
		out = append(out, line{remark, "was " + markdown.Clean(c.From.String())})
	}
	switch {
	case c.Kind == diff.Added && c.After != nil:
		return appendValue(out, came, c.After.Content, width)
	case c.Kind == diff.Removed && c.Before != nil:
		return appendValue(out, gone, c.Before.Content, width)
	}
	for i := range c.Fields {
		out = append(out, line{heads, markdown.Clean(shown(&c.Fields[i]))})
		out = appendField(out, &c.Fields[i], width)
	}
	return out
}

// shown is the path of a field for people.
func shown(f *diff.Field) string {
	if f.Shown != "" {
		return f.Shown
	}
	if f.Path != "" {
		return f.Path
	}
	return "the whole object"
}

func appendField(out []line, f *diff.Field, width int) []line {
	before, isText := f.Before.(string)
	after, isTextToo := f.After.(string)
	if f.HadBefore && f.HasAfter && isText && isTextToo {
		if strings.Contains(before, "\n") || strings.Contains(after, "\n") {
			return appendTexts(out, before, after, width)
		}
		before, after = around(before, after, width)
		return append(out, line{gone, clip1(markdown.Clean(scalar(before)), width)}, line{came, clip1(markdown.Clean(scalar(after)), width)})
	}
	if f.HadBefore && f.HasAfter && composite(f.Before) && composite(f.After) {
		return appendTexts(out, asYAML(f.Before)+"\n", asYAML(f.After)+"\n", width)
	}
	if f.HadBefore {
		out = appendValue(out, gone, f.Before, width)
	}
	if f.HasAfter {
		out = appendValue(out, came, f.After, width)
	}
	return out
}

// composite reports whether a value is written in several lines.
func composite(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// appendTexts compares two texts line by line.
func appendTexts(out []line, before, after string, width int) []line {
	d, err := udiff.ToUnifiedDiff("", "", before, udiff.Lines(before, after), 2)
	if err != nil {
		// The edits are of this very text, so that this cannot be; all of it is still right.
		return appendValue(appendValue(out, gone, before, width), came, after, width)
	}
	ops := map[udiff.OpKind]byte{udiff.Delete: gone, udiff.Insert: came, udiff.Equal: stays}
	for i, h := range d.Hunks {
		if i > 0 {
			out = append(out, line{remark, "…"})
		}
		for _, l := range h.Lines {
			text, ended := strings.CutSuffix(l.Content, "\n")
			out = append(out, line{ops[l.Kind], clip1(markdown.Clean(text), width)})
			if !ended && l.Kind != udiff.Equal {
				out = append(out, line{remark, "no line break at the end"})
			}
		}
	}
	return out
}

// appendValue writes a whole value as YAML.
func appendValue(out []line, op byte, v any, width int) []line {
	for l := range strings.SplitSeq(asYAML(v), "\n") {
		out = append(out, line{op, clip1(markdown.Clean(l), width)})
	}
	return out
}

// asYAML writes a value as people know it from manifests.
func asYAML(v any) string {
	switch v := v.(type) {
	case string:
		if !strings.Contains(v, "\n") {
			return scalar(v)
		}
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case nil:
		return "null"
	}
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return fmt.Sprintf("%v", v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// scalar writes a string of one line, with quotes only where YAML needs them.
func scalar(s string) string {
	if s == "" {
		return `""`
	}
	if out, err := yaml.Marshal(s); err == nil && strings.Count(string(out), "\n") == 1 {
		return strings.TrimSuffix(string(out), "\n")
	}
	return strconv.Quote(s)
}

// around shortens two long texts to what differs between them, and a little before and after it.
func around(a, b string, width int) (string, string) {
	if width == 0 || len(a) <= width && len(b) <= width {
		return a, b
	}
	const context = 40
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	start = len(markdown.Cut(a, max(0, start-context)))
	if start == 0 {
		return a, b
	}
	return "…" + a[start:], "…" + b[start:]
}

// clip1 is clip, where a width of zero means all.
func clip1(s string, width int) string {
	if width == 0 {
		return s
	}
	return markdown.Clip(s, width)
}

// inline is a field with short values in one line, such as "spec.replicas: 1 → 2"; false where it needs more.
func inline(f *diff.Field, width int) (string, bool) {
	side := func(v any, had bool) (string, bool) {
		if !had || composite(v) {
			return "", !had
		}
		s := asYAML(v)
		return markdown.Clean(s), !strings.Contains(s, "\n")
	}
	before, ok := side(f.Before, f.HadBefore)
	after, okToo := side(f.After, f.HasAfter)
	path := markdown.Clean(shown(f))
	if !ok || !okToo || len(path)+len(before)+len(after) > width {
		return "", false
	}
	switch {
	case !f.HadBefore:
		return path + ": " + after + " (new)", true
	case !f.HasAfter:
		return path + ": " + before + " (gone)", true
	}
	return path + ": " + before + " → " + after, true
}
