package upgrading

import (
	"fmt"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// Trailer begins the line of a commit message that says what was upgraded: <addon> <kind> <name> <from> <to>.
const Trailer = "Upgrade-Of"

// maxSubject is how long the first line of a message may be.
const maxSubject = 100

// message is what the commit of a proposal says.
func message(p upgrade.Proposal) string {
	var b strings.Builder
	b.WriteString(subject(p) + "\n\n")
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "- %s: %s %s\n", c.Addon, Title(c.Pin.Source), step(c))
	}
	b.WriteByte('\n')
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%s: %s %s %s %s %s\n", Trailer, c.Addon, c.Pin.Source.Kind, word(name(c.Pin.Source)), word(c.From), word(c.To))
	}
	return b.String()
}

func subject(p upgrade.Proposal) string {
	if len(p.Changes) > 0 && p.Unit == p.Changes[0].Addon {
		c := p.Changes[0]
		if c.From == c.To {
			return markdown.Clip(fmt.Sprintf("Upgrade %s to what %s is now", p.Unit, word(c.To)), maxSubject)
		}
		return markdown.Clip(fmt.Sprintf("Upgrade %s from %s to %s", p.Unit, word(c.From), word(c.To)), maxSubject)
	}
	var addons []string
	for _, c := range p.Changes {
		if len(addons) == 0 || addons[len(addons)-1] != c.Addon {
			addons = append(addons, c.Addon)
		}
	}
	return markdown.Clip("Upgrade "+p.Unit+": "+strings.Join(addons, ", "), maxSubject)
}

// step says how far a change goes.
func step(c upgrade.Change) string {
	switch {
	case c.From == c.To:
		return word(c.From) + ", which is " + word(c.Digest) + " now"
	case c.Write != c.To:
		return fmt.Sprintf("from %s to %s, which is %s of the application", word(c.From), word(c.To), word(c.Write))
	}
	return fmt.Sprintf("from %s to %s", word(c.From), word(c.To))
}

// Title names a source for people.
func Title(s upstream.Source) string {
	switch s.Kind {
	case upstream.Helm:
		return "chart " + word(s.Name)
	case upstream.Image:
		return "image " + word(s.Repository)
	case upstream.GitHub:
		if s.Name != "" {
			return word(s.Name) + " of " + word(s.Repository)
		}
	}
	return word(s.Repository)
}

// name is what a source is called in a trailer.
func name(s upstream.Source) string {
	if s.Kind == upstream.Helm {
		return s.Name
	}
	return s.Repository
}

// word makes one printable word of anything.
func word(s string) string {
	return markdown.Clip(strings.ReplaceAll(markdown.OneLine(s), " ", "_"), 200)
}
