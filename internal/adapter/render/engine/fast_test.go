package engine

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pieces of which documents are put together that are nearly right, and often wrong.
var (
	indents = []string{"", "", "", " ", "  ", "  ", "  ", "   ", "    ", "    ", "      "}
	starts  = []string{"", "", "", "- ", "- ", "-", "-  ", "a: ", "b: ", "cc: ", "a:", "b:", "'q': ", "\"q\": ", "- a: ", "- b:", "yes: ", "1: ", "a-b/c.d: ", "a:b: ", "- - ", "? ", "a : ", "#", "x #y: ", "<<: ", "~: "}
	ends    = []string{
		"", "", "", "x", "y", "two words", "1", "-1", "0", "007", "1.5", "1e3", "true", "null", "~", "no", "|", "|-", "|+", ">", ">-", "{}", "[]", "{a: b}", "[x]",
		"'s'", "\"d\"", "'it''s'", "\"\\n\"", "\"x\" # c", "x # c", "x#c", "x: y", "x:", ":", "-", "- x", "&a x", "*a", "!!str 1", "\u00e9", "  ", "x  ",
		"2001-01-01", "12:30:45", "0x1F", "1_0", "+1", ".5", "-", "--- x", "...", "'open", "\"open", "'a' b", "@x", "%x", "`x", ",x", "]x", "=", "<<", "123456789012345678901",
	}
)

// nearly is a document that is right, with at most one line of it replaced.
func nearly(r *rand.Rand) string {
	var lines []string
	entries(r, &lines, 0, 0)
	if at := r.IntN(len(lines) * 2); at < len(lines) {
		lines[at] = pick(r, indents) + pick(r, starts) + pick(r, ends)
	}
	if at := r.IntN(len(lines) * 2); at < len(lines) {
		lines[at] += "\n" + pick(r, []string{"", " ", "      ", "# comment", "    # comment", "---", pick(r, indents) + pick(r, ends)})
	}
	return strings.Join(lines, "\n") + pick(r, []string{"", "\n", "\n\n"})
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// end is mostly a value that is easy.
func end(r *rand.Rand) string {
	if r.IntN(5) == 0 {
		return braces(r, 0)
	}
	if r.IntN(8) > 0 {
		return pick(r, []string{"x", "two words", "1", "-1", "0", "true", "null", "'s'", "\"d\"", "{}", "[]", "x#c", "it's", "--a=b", "é", "{a: b}", "[x, {y: 1}]", "{a: b} # c", "{a: [b]", "[a] b", "{a: {b: yes}, c}"})
	}
	return pick(r, ends)
}

// braces is what people write on one line.
func braces(r *rand.Rand, depth int) string {
	var members []string
	keyed := r.IntN(2) == 0
	for range r.IntN(4) {
		v := pick(r, []string{"x", "two words", "1", "-1", "1.5", "true", "'s'", "\"d: e\"", "a=b", "$(X)", "", "x:y", "http://x", "it's", "#", "no", "~", "-x", "x #y"})
		if depth < 3 && r.IntN(4) == 0 {
			v = braces(r, depth+1)
		}
		if keyed {
			v = pick(r, []string{"a", "b", "c-d", "'q'", "\"q\"", "no", "1"}) + pick(r, []string{": ", ": ", ": ", ":  ", ":", ""}) + v
		}
		members = append(members, v)
	}
	text := strings.Join(members, pick(r, []string{", ", ", ", ", ", ",", " , ", ",  "})) + pick(r, []string{"", "", "", " ", ",", ", "})
	if keyed {
		return "{" + pick(r, []string{"", "", " "}) + text + "}"
	}
	return "[" + pick(r, []string{"", "", " "}) + text + "]"
}

func entries(r *rand.Rand, lines *[]string, indent, depth int) {
	for range 1 + r.IntN(4) {
		*lines = append(*lines, strings.Repeat(" ", indent)+pick(r, []string{"a:", "b:", "cc:", "'q':", "d.e/f-g:"}))
		after(r, lines, indent, depth, true)
	}
}

func items(r *rand.Rand, lines *[]string, indent, depth int) {
	for range 1 + r.IntN(3) {
		*lines = append(*lines, strings.Repeat(" ", indent)+"-")
		if n := len(*lines); depth < 4 && r.IntN(2) == 0 {
			entries(r, lines, indent+2, depth+1)
			(*lines)[n-1] += " " + strings.TrimLeft((*lines)[n], " ")
			*lines = append((*lines)[:n], (*lines)[n+1:]...)
			continue
		}
		after(r, lines, indent, depth, false)
	}
}

// after adds the value of the entry or item on the last line.
func after(r *rand.Rand, lines *[]string, indent, depth int, keyed bool) {
	last := &(*lines)[len(*lines)-1]
	deeper := strings.Repeat(" ", indent+1+r.IntN(3))
	switch kind := r.IntN(8); {
	case kind == 0 && depth < 4:
		entries(r, lines, len(deeper), depth+1)
	case kind == 1 && depth < 4 && keyed && r.IntN(2) == 0:
		items(r, lines, indent, depth+1)
	case kind == 1 && depth < 4:
		items(r, lines, len(deeper), depth+1)
	case kind == 2:
		*last += pick(r, []string{" |", " |-", " |", " |-", " |+", " >"})
		for range 1 + r.IntN(3) {
			*lines = append(*lines, pick(r, []string{"", "", deeper, deeper + " ", deeper + "  "})+end(r))
		}
	case kind == 4:
		quote := pick(r, []string{"\"", "'"})
		*last += " " + quote + pick(r, []string{"x", "x  ", "", "it''s", "a\\nb", "a\\", "\\\"", "a: b #c"})
		for range r.IntN(3) {
			*lines = append(*lines, pick(r, []string{"", deeper, deeper, deeper + " "})+pick(r, []string{"", "words", "x\\ty", "''", "- x", "# x", "y\\"}))
		}
		(*lines)[len(*lines)-1] += quote
	case kind == 3:
		*last += " " + end(r)
		for range 1 + r.IntN(2) {
			*lines = append(*lines, pick(r, []string{"", deeper, deeper, deeper + " "})+pick(r, []string{"", "words", "more words", "x", "1"}))
		}
	default:
		*last += " " + end(r)
	}
}

// TestFastIsRightOrSilent holds the fast decoder to the library on documents of random pieces. DOCUMENTS sets how many.
func TestFastIsRightOrSilent(t *testing.T) {
	n := 20_000
	if text := os.Getenv("DOCUMENTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	decoded := 0
	for i := range n {
		text := nearly(rand.New(rand.NewPCG(uint64(i), uint64(n))))
		m, ok := fast([]byte(text))
		if !ok {
			continue
		}
		decoded++
		want, err := reference([]byte(text))
		if err != nil {
			t.Errorf("%q: %v; the library says %v", text, m, err)
		} else if diff := cmp.Diff(want, any(m)); diff != "" {
			t.Errorf("%q: -library +fast:\n%s", text, diff)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d of %d documents decoded", decoded, n)
	if decoded < n/20 {
		t.Error("too few documents decoded to say anything")
	}
}
