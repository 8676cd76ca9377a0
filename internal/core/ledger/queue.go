package ledger

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// queue tells the changes that are missing from those that wait. Changes of one pull request are picked together, so they wait together, and not
// for each other.
func (d *decision) queue() {
	changes := d.facts.Changes
	for start := 0; start < len(changes); {
		end := start + 1
		for end < len(changes) && sameSource(changes[start], changes[end]) {
			end++
		}
		before := map[int]bool{}
		for i := start; i < end; i++ {
			if d.entries[i].State != "" {
				continue
			}
			for _, file := range changes[i].Files {
				for _, earlier := range d.open[file.Path] {
					if earlier < start {
						before[earlier] = true
					}
				}
			}
		}
		e := Entry{State: Missing}
		if len(before) > 0 {
			e = d.after(slices.Sorted(maps.Keys(before)))
		}
		for i := start; i < end; i++ {
			if d.entries[i].State == "" {
				d.entries[i] = e
			}
		}
		start = end
	}
}

func sameSource(a, b Change) bool {
	return a.Pull != nil && b.Pull != nil && a.Pull.Number == b.Pull.Number
}

// maxNamed is how many changes a sentence names.
const maxNamed = 3

// after is the entry of a change that comes after others of the same files. It waits once one of them is on its way; until then all of them are missing.
func (d *decision) after(before []int) Entry {
	e, verb := Entry{State: Missing}, "comes after"
	var names []string
	for _, i := range before {
		if s := d.entries[i].State; s == Open || s == Draft || s == Waiting {
			e.State, verb = Waiting, "waits for"
		}
		e.After = append(e.After, d.facts.Changes[i].Hash)
		if name := d.name(i); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	why := "which changes the same files"
	if len(names) > 1 {
		why = "which change the same files"
	}
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed], markdown.Number(more)+" more")
	}
	e.Reason = verb + " " + join(names) + ", " + why
	return e
}

// name is how people call a change: by its pull request, or by its commit.
func (d *decision) name(i int) string {
	if p := d.facts.Changes[i].Pull; p != nil {
		return number(p.Number)
	}
	return short(d.facts.Changes[i].Hash)
}

func number(n int) string { return "#" + strconv.Itoa(n) }

// short is enough of a hash for people.
func short(hash string) string { return hash[:min(len(hash), 12)] }

// join writes a, b and c.
func join(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// Labels of a pull request that keep its changes from all release branches, or with a minor behind it from one.
const (
	labelSkip      = "no-cherry-pick"
	labelSkipMinor = labelSkip + "/"
)

// keptBack is why a change is not meant for a branch, empty when it is.
func keptBack(c Change, b *Branch) string {
	if c.Pull != nil {
		for _, label := range []string{labelSkip, labelSkipMinor + b.Minor.String()} {
			if slices.Contains(c.Pull.Labels, label) {
				return "label " + label + " on " + number(c.Pull.Number)
			}
		}
	}
	return c.Outside[b.Name]
}

// proposal is the entry of a pull request that is on its way.
func proposal(p *Pull) Entry {
	e := Entry{State: Open, Pull: p.Number}
	name := "pull request " + number(p.Number)
	if p.Draft && p.Open {
		e.State = Draft
	}
	switch {
	case p.Merged:
		e.Reason = name + " was merged just now"
	case !p.Ours && e.State == Draft:
		e.Reason = name + " by " + p.Author + " is a draft"
	case !p.Ours:
		e.Reason = name + " by " + p.Author + " is open"
	case p.Human != "" && e.State == Draft:
		e.Reason = name + " is being finished by " + p.Human
	case e.State == Draft:
		e.Reason = name + " has conflicts that a person must resolve"
	case p.Human != "":
		e.Reason = name + " is open, with commits of " + p.Human
	default:
		e.Reason = isOpen(p.Number)
	}
	return e
}

func isOpen(pull int) string { return "pull request " + number(pull) + " is open" }
