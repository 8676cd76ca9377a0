package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pairing says which items of two lists are compared with each other.
type pairing struct {
	// of holds for each item of the base its partner in the head, and back; -1 is none.
	of, back []int
}

func newPairing(base, head int) pairing {
	return pairing{slices.Repeat([]int{-1}, base), slices.Repeat([]int{-1}, head)}
}

func (p pairing) pair(i, j int) { p.of[i], p.back[j] = j, i }

// left are the items without a partner, leftIn those of a part of the list.
func left(partners []int) []int { return leftIn(partners, 0, len(partners)) }

func leftIn(partners []int, from, to int) (items []int) {
	for i := from; i < to; i++ {
		if partners[i] < 0 {
			items = append(items, i)
		}
	}
	return items
}

// list compares two lists.
func (w *walker) list(base, head []any, schema map[string]any) {
	if same(base, head) {
		return
	}
	rule, items := w.rule(base, head, schema), itemSchema(schema)
	p, n := newPairing(len(base), len(head)), names{make([]string, len(base)), make([]string, len(head))}
	switch {
	case len(rule.keys) > 0:
		n = named(rule.keys[0], base, head)
		for _, keys := range rule.keys {
			p.byName(named(keys, base, head))
		}
		p.byLikeness(base, head, 0.5, w.budget)
		if rule.ordered && p.reordered() {
			w.report(n.base.list(), n.head.list(), true, true)
		}
	case rule.set:
		p.byValue(base, head)
		if i, j := left(p.of), left(p.back); len(i) == 1 && len(j) == 1 && related(base[i[0]], head[j[0]]) {
			p.pair(i[0], j[0])
		}
		p.byLikeness(base, head, 0.3, w.budget)
	default:
		p.inOrder(base, head, w.budget)
	}
	for _, i := range left(p.of) {
		w.item(base, head, i, -1, n.base[i], "", items)
	}
	for j, i := range p.back {
		if i < 0 {
			w.item(base, head, -1, j, "", n.head[j], items)
		} else {
			w.item(base, head, i, j, n.base[i], n.head[j], items)
		}
	}
}

// related reports whether the two items that are left in a set are one that changed: all but maps that have neither their keys nor any value
// in common.
func related(a, b any) bool {
	x, isMap := a.(map[string]any)
	y, isMap2 := b.(map[string]any)
	return !isMap || !isMap2 || slices.Equal(slices.Sorted(maps.Keys(x)), slices.Sorted(maps.Keys(y))) || likeness(sign(x, nil), sign(y, nil)) > 0
}

func itemSchema(schema map[string]any) map[string]any {
	items, _ := schema["items"].(map[string]any)
	return items
}

// names identify the items of the two lists.
type names struct{ base, head texts }

type texts []string

func (t texts) list() []any {
	list := make([]any, len(t))
	for i, s := range t {
		list[i] = s
	}
	return list
}

// named gives names to the items of two lists by some keys; the second of a name gets a number.
func named(keys []string, base, head []any) names {
	name := func(list []any) texts {
		names, times := make(texts, len(list)), map[string]int{}
		for i, item := range list {
			n, ok := nameOf(item, keys)
			if times[n]++; ok && times[n] > 1 {
				n = fmt.Sprintf("%s#%d", n, times[n])
			}
			names[i] = n
		}
		return names
	}
	return names{name(base), name(head)}
}

// byName pairs what has the same name on both sides.
func (p pairing) byName(n names) {
	where := map[string]int{}
	for _, i := range left(p.of) {
		where[n.base[i]] = i
	}
	for _, j := range left(p.back) {
		if i, ok := where[n.head[j]]; ok && n.head[j] != "" {
			p.pair(i, j)
		}
	}
}

// byValue pairs equal values, wherever they are.
func (p pairing) byValue(base, head []any) {
	where := map[string][]int{}
	for _, i := range left(p.of) {
		c := canonical(base[i])
		where[c] = append(where[c], i)
	}
	for _, j := range left(p.back) {
		c := canonical(head[j])
		if is := where[c]; len(is) > 0 {
			p.pair(is[0], j)
			where[c] = is[1:]
		}
	}
}

// byLikeness pairs maps and lists that have enough in common, the most alike first.
func (p pairing) byLikeness(base, head []any, above float64, budget *int) {
	p.pairLarge(base, head, left(p.of), left(p.back), above, budget)
}

func (p pairing) pairLarge(base, head []any, fromBase, fromHead []int, above float64, budget *int) {
	sign := func(items []any) func(i int) signature {
		return func(i int) signature { return sign(items[i], nil) }
	}
	large := func(items []any, indexes []int) []int {
		return slices.DeleteFunc(indexes, func(i int) bool {
			switch items[i].(type) {
			case map[string]any, []any:
				return false
			}
			return true
		})
	}
	pairAlike(large(base, fromBase), large(head, fromHead), sign(base), sign(head), above, budget, p.pair)
}

// spend takes the cost of a comparison from the budget, or nothing when that is too much.
func spend(budget *int, cost int) bool {
	if cost > *budget {
		return false
	}
	*budget -= cost
	return true
}

// likenessCost is what it costs to compare two signatures, beside two numbers.
const likenessCost = 16

// pairAlike pairs values whose likeness is above a threshold: the most alike first, and in their order where it is the same. The values are
// given by their indexes, and signed only when there are few enough to compare each with each.
func pairAlike(base, head []int, signBase, signHead func(int) signature, above float64, budget *int, pair func(i, j int)) {
	if len(base) == 0 || len(head) == 0 || !spend(budget, len(base)*len(head)*likenessCost) {
		return
	}
	type match struct {
		like float64
		i, j int
	}
	var matches []match
	heads := make([]signature, len(head))
	for n, j := range head {
		heads[n] = signHead(j)
	}
	for _, i := range base {
		signed := signBase(i)
		for n, j := range head {
			if like := likeness(signed, heads[n]); like > above {
				matches = append(matches, match{like, i, j})
			}
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { return cmp.Compare(b.like, a.like) })
	paired, taken := map[int]bool{}, map[int]bool{}
	for _, m := range matches {
		if !paired[m.i] && !taken[m.j] {
			pair(m.i, m.j)
			paired[m.i], taken[m.j] = true, true
		}
	}
}

// reordered reports whether the pairs come in another order in the head.
func (p pairing) reordered() bool {
	last := -1
	for _, j := range p.of {
		if j >= 0 && j < last {
			return true
		}
		last = max(last, j)
	}
	return false
}

// inOrder pairs the longest common run of equal items; between them, what takes the place of what.
func (p pairing) inOrder(base, head []any, budget *int) {
	start, endBase, endHead := 0, len(base), len(head)
	for start < endBase && start < endHead && same(base[start], head[start]) {
		p.pair(start, start)
		start++
	}
	for endBase > start && endHead > start && same(base[endBase-1], head[endHead-1]) {
		endBase, endHead = endBase-1, endHead-1
		p.pair(endBase, endHead)
	}
	i, j := start, start
	for _, m := range append(longestCommon(base[start:endBase], head[start:endHead], budget), [2]int{endBase - start, endHead - start}) {
		p.gap(base, head, i, m[0]+start, j, m[1]+start, budget)
		if i, j = m[0]+start, m[1]+start; i < endBase && j < endHead {
			p.pair(i, j)
		}
		i, j = i+1, j+1
	}
}

// gap pairs items that stand between the same neighbours.
func (p pairing) gap(base, head []any, fromBase, toBase, fromHead, toHead int, budget *int) {
	// Options of a command line are the same by their name.
	where := map[string]int{}
	for i := fromBase; i < toBase; i++ {
		if o := option(base[i]); o != "" {
			where[o] = i
		}
	}
	for j := fromHead; j < toHead; j++ {
		if i, ok := where[option(head[j])]; ok {
			p.pair(i, j)
			delete(where, option(head[j]))
		}
	}
	b, h := leftIn(p.of, fromBase, toBase), leftIn(p.back, fromHead, toHead)
	if len(b) == len(h) {
		for k := range b {
			p.pair(b[k], h[k])
		}
		return
	}
	p.pairLarge(base, head, b, h, 0.3, budget)
}

// option is the name of a command line's option, with its value in the same argument: --log-level of --log-level=debug.
func option(v any) string {
	s, _ := v.(string)
	name, _, ok := strings.Cut(s, "=")
	if !ok || strings.ContainsAny(name, " \n") {
		return ""
	}
	return name
}

// longestCommon are the positions of a longest common subsequence, in order. Beyond the budget, it is empty.
func longestCommon(base, head []any, budget *int) (pairs [][2]int) {
	// A single item on both sides is known to be another.
	if len(base)*len(head) <= 1 || !spend(budget, len(base)*len(head)) {
		return nil
	}
	b, h := numbered(base, head)
	width := len(h) + 1
	table := make([]int32, (len(b)+1)*width)
	for i := len(b) - 1; i >= 0; i-- {
		for j := len(h) - 1; j >= 0; j-- {
			if b[i] == h[j] {
				table[i*width+j] = table[(i+1)*width+j+1] + 1
			} else {
				table[i*width+j] = max(table[(i+1)*width+j], table[i*width+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(b) && j < len(h); {
		switch {
		case b[i] == h[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case table[(i+1)*width+j] >= table[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// numbered gives equal items of two lists the same number.
func numbered(base, head []any) (b, h []int32) {
	numbers := map[string]int32{}
	number := func(list []any) []int32 {
		out := make([]int32, len(list))
		for i, item := range list {
			c := canonical(item)
			n, ok := numbers[c]
			if !ok {
				n = int32(len(numbers))
				numbers[c] = n
			}
			out[i] = n
		}
		return out
	}
	return number(base), number(head)
}
