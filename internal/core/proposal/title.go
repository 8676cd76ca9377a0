package proposal

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// maxTitle is in characters. GitHub takes 256; a list of pull requests shows fewer.
const maxTitle = 200

func title(p upgrade.Proposal) string {
	end := ""
	if _, is := release.ParseBranch(p.Branch); is {
		end += " on " + p.Branch
	}
	if p.Major {
		end += " (major)"
	}
	c := shown(p.Changes)
	switch {
	case len(p.Changes) == 0:
		return fit("Upgrade "+p.Unit, end)
	case len(p.Changes) == 1 && c[0].Size == upstream.Digest:
		return fit("Upgrade "+p.Unit+" "+c[0].From+" to its new digest", end)
	case len(p.Changes) == 1:
		return fit(fmt.Sprintf("Upgrade %s from %s to %s", p.Unit, c[0].From, c[0].To), end)
	}
	parts := make([]string, len(c))
	for i, c := range c {
		parts[i] = c.Addon + " to " + c.To
		if !several(p.Changes) {
			parts[i] = thing(c.Pin.Source) + " to " + c.To
		}
		if c.Size == upstream.Digest {
			parts[i] = strings.TrimSuffix(parts[i], c.To) + "a new digest"
		}
	}
	parts = slices.Compact(parts)
	for n := len(parts); n > 0; n-- {
		more := ""
		if n < len(parts) {
			more = fmt.Sprintf(" and %d more", len(parts)-n)
		}
		t := "Upgrade " + p.Unit + ": " + strings.Join(parts[:n], ", ") + more
		if t = markdown.OneLine(t); utf8.RuneCountInString(t+end) <= maxTitle {
			return t + end
		}
	}
	return fit(fmt.Sprintf("Upgrade %s: %d changes", p.Unit, len(parts)), end)
}

// shown are changes with the versions that a reader knows the things by: of images that follow a chart, those that the files have.
func shown(changes []upgrade.Change) []upgrade.Change {
	changes = slices.Clone(changes)
	for i := range changes {
		if c := &changes[i]; c.Pin.App && c.Write != "" {
			c.From, c.To = c.Pin.Version, c.Write
		}
	}
	return changes
}

// several tells whether changes are of more than one addon.
func several(changes []upgrade.Change) bool {
	return slices.ContainsFunc(changes, func(c upgrade.Change) bool { return c.Addon != changes[0].Addon })
}

// thing is the last part of a source's name, which people know it by.
func thing(s upstream.Source) string {
	if s.Name != "" {
		return s.Name
	}
	return s.Repository[strings.LastIndexByte(s.Repository, '/')+1:]
}

func fit(text, end string) string {
	text = markdown.OneLine(text)
	if room := maxTitle - utf8.RuneCountInString(end); utf8.RuneCountInString(text) > room {
		text = string([]rune(text)[:max(0, room-1)]) + "…"
	}
	return text + end
}

func labels(p upgrade.Proposal) []string {
	all := []string{Label}
	if p.Major {
		all = append(all, LabelMajor)
	}
	if p.Security {
		all = append(all, LabelSecurity)
	}
	for _, n := range p.Not {
		if l := never(n.Branch); l != "" && !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	return all
}

// never is the label that keeps a change of main off a release branch.
func never(branch string) string {
	m, is := release.ParseBranch(branch)
	if !is {
		return ""
	}
	return pick.LabelNever + "/" + m.String()
}
