package proposal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// refusal is a reason, and the versions of an addon that are not proposed for it, newest first.
type refusal struct {
	addon, reason string
	versions      []string
}

// refusals are why newer versions are not proposed, by addon, in the order of the newest version of each reason.
func (w *writer) refusals() (all []*refusal) {
	names := addons(w.Proposal.Changes)
	for addon := range w.Proposal.Refused {
		if !slices.Contains(names, addon) {
			names = append(names, addon)
		}
	}
	slices.Sort(names)
	for _, addon := range names {
		for _, r := range w.Proposal.Refused[addon] {
			i := slices.IndexFunc(all, func(l *refusal) bool { return l.addon == addon && l.reason == r.Reason })
			if i < 0 {
				i = len(all)
				all = append(all, &refusal{addon: addon, reason: r.Reason})
			}
			all[i].versions = append(all[i].versions, r.Version)
		}
	}
	return all
}

// fewReasons are so many that they stand among the first lines.
const fewReasons = 3

// whyNot says in the first lines why nothing newer is proposed.
func (w *writer) whyNot() {
	all := w.refusals()
	if len(all) > fewReasons {
		n := 0
		for _, r := range all {
			n += len(r.versions)
		}
		w.printf("- **Why nothing newer**: %s are refused, for the reasons below.\n", markdown.Count(n, "newer version"))
		return
	}
	for _, r := range all {
		addon := ""
		if several(w.Proposal.Changes) {
			addon = w.prose(r.addon) + " "
		}
		w.printf("- **Why not** %s%s: %s.\n", addon, w.versions(r.versions), strings.TrimSuffix(w.prose(r.reason), "."))
	}
}

// refused adds a table where there are many reasons.
func (w *writer) refused() {
	all := w.refusals()
	if len(all) <= fewReasons {
		return
	}
	w.printf("\n### Newer, and not proposed for %s\n\n", w.code(w.Proposal.Branch))
	addon := slices.ContainsFunc(all, func(r *refusal) bool { return r.addon != all[0].addon })
	w.row(addon, "addon", "version", "why not")
	w.row(addon, "---", "---", "---")
	for i, r := range all {
		if w.more(i, len(all), "reason") {
			break
		}
		w.row(addon, w.prose(r.addon), w.versions(r.versions), w.prose(r.reason))
	}
}

// versions names the first few.
func (w *writer) versions(all []string) string {
	const most = 5
	n := min(len(all), most, w.rows)
	if len(all) == n+1 {
		n++
	}
	codes := make([]string, n)
	for i := range n {
		codes[i] = w.code(all[i])
	}
	if len(all) > n {
		return fmt.Sprintf("%s and %s more, down to %s", strings.Join(codes, ", "), markdown.Number(len(all)-n), w.code(all[len(all)-1]))
	}
	return strings.Join(codes, ", ")
}
