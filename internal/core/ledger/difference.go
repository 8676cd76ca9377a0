package ledger

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// differences are where the tip of a branch is not as main, and why.
func (d *decision) differences() []Difference {
	found := map[string]*Difference{}
	owner := map[string]string{}
	for path := range d.paths() {
		now, is := d.Files[path]
		if !is {
			now = change.Entry{}
		}
		if now == d.last[path] {
			continue
		}
		addon := d.facts.addonOf(path)
		key := cmp.Or(addon, "/"+path)
		if found[key] == nil {
			found[key] = &Difference{Addon: addon}
		}
		found[key].Paths = append(found[key].Paths, path)
		owner[path] = key
	}
	reasons := map[string]*why{}
	for key := range found {
		reasons[key] = &why{skipped: map[string]int{}}
	}
	for i, c := range d.facts.Changes {
		e := d.entries[i]
		for _, key := range touched(c.Files, owner) {
			if e.State != Landed {
				found[key].Missing = append(found[key].Missing, c.Hash)
				reasons[key].add(e)
			}
		}
	}
	for _, c := range d.Commits {
		if len(c.Parents) > 1 || len(d.picks[c.Hash]) > 0 {
			continue
		}
		for _, key := range touched(c.Files, owner) {
			found[key].Own = append(found[key].Own, c.Hash)
		}
	}
	list := make([]Difference, 0, len(found))
	for _, key := range slices.Sorted(maps.Keys(found)) {
		f := found[key]
		slices.Sort(f.Paths)
		f.Reason = reasons[key].sentence(len(f.Own))
		list = append(list, *f)
	}
	// Addons first, by name.
	slices.SortStableFunc(list, func(a, b Difference) int {
		return cmp.Or(boolean(a.Addon == "", b.Addon == ""), cmp.Compare(a.Addon, b.Addon), cmp.Compare(a.Paths[0], b.Paths[0]))
	})
	return list
}

func boolean(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// paths are all that main or the branch ever touched.
func (d *decision) paths() map[string]bool {
	paths := map[string]bool{}
	for path := range d.last {
		paths[path] = true
	}
	for _, c := range d.Commits {
		for _, f := range c.Files {
			paths[f.Path] = true
		}
	}
	return paths
}

func (f *Facts) addonOf(path string) string {
	addon, length := "", -1
	for name, folder := range f.Folders {
		if len(folder) > length && (path == folder || strings.HasPrefix(path, folder+"/")) {
			addon, length = name, len(folder)
		}
	}
	return addon
}

// touched are the differences that files belong to.
func touched(files []change.File, owner map[string]string) (keys []string) {
	for _, f := range files {
		if key, is := owner[f.Path]; is && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// why counts the changes that a branch does not have.
type why struct {
	total, missing, coming, waiting int
	skipped                         map[string]int
}

func (w *why) add(e Entry) {
	w.total++
	switch e.State {
	case Skipped:
		w.skipped[e.Reason]++
	case Waiting:
		w.waiting++
	case Missing:
		w.missing++
	default:
		w.coming++
	}
}

// maxReasons is how many reasons a sentence names.
const maxReasons = 2

func (w *why) sentence(own int) string {
	var parts []string
	if w.total > 0 {
		var kinds []string
		for _, k := range []struct {
			n    int
			name string
		}{{w.missing, "missing"}, {w.coming, "in a pull request"}, {w.waiting, "waiting"}} {
			if k.n > 0 {
				kinds = append(kinds, w.count(k.n)+k.name)
			}
		}
		reasons := slices.Sorted(maps.Keys(w.skipped))
		for i, r := range reasons {
			if i == maxReasons {
				rest := 0
				for _, r := range reasons[i:] {
					rest += w.skipped[r]
				}
				kinds = append(kinds, markdown.Number(rest)+" skipped for other reasons")
				break
			}
			kinds = append(kinds, w.count(w.skipped[r])+"skipped: "+r)
		}
		verb := " are"
		if w.total == 1 {
			verb = " is"
		}
		parts = append(parts, markdown.Count(w.total, "change")+" of main"+verb+" not on the branch ("+strings.Join(kinds, "; ")+")")
	}
	if own > 0 {
		verb := " are"
		if own == 1 {
			verb = " is"
		}
		parts = append(parts, markdown.Count(own, "commit")+verb+" only on the branch")
	}
	if len(parts) == 0 {
		return "the branch has all changes; a pick, or an own commit, made something else of them"
	}
	return strings.Join(parts, ", and ")
}

// count says how many of all; of one there is nothing to count.
func (w *why) count(n int) string {
	if w.total == 1 {
		return ""
	}
	return markdown.Number(n) + " "
}
