package proposal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

// verdict is what a reviewer reads first: what moves, how far, what rendering says of it, and where it goes.
func (w *writer) verdict() {
	p := w.Proposal
	c := shown(p.Changes)
	branch := w.code(p.Branch)
	switch {
	case len(c) == 0:
		w.printf("Upgrades %s on %s.\n\n", w.code(p.Unit), branch)
	case len(c) == 1:
		w.printf("**%s** on %s: %s%s.\n\n", w.prose(p.Unit), branch, w.step(c[0]), published(c[0]))
	default:
		w.printf("**%s** on %s: %s, %s.\n\n", w.prose(p.Unit), branch, w.several(c), largest(c))
	}
	if p.Security {
		w.printf("- **Security**: %s.\n", w.security(c))
	}
	switch {
	case w.Report == nil:
		w.printf("- **Not rendered**: nobody knows what this changes on clusters. The reason is below.\n")
	default:
		w.printf("- **Rendered**: %s.\n", report.Verdict(*w.Report))
	}
	w.whyNot()
	w.reaches()
	if w.hints != "" {
		w.printf("- **Release notes** speak of %s.\n", w.hints)
	}
}

// step says how one thing moves, and how far.
func (w *writer) step(c upgrade.Change) string {
	if c.Size == upstream.Digest {
		return fmt.Sprintf("%s has another content now, and its digest is pinned anew", w.code(c.From))
	}
	return fmt.Sprintf("%s → %s, %s", w.code(c.From), w.linked(c), sized(c.Size))
}

func sized(s upstream.Size) string {
	switch s {
	case upstream.Major:
		return "a **major** step"
	case upstream.Minor:
		return "a minor step"
	case upstream.Patch:
		return "a patch"
	}
	return "the same version with another content"
}

// several says how much moves at once.
func (w *writer) several(changes []upgrade.Change) string {
	text := markdown.Count(len(changes), "change")
	if n := len(addons(changes)); n > 1 {
		text += " in " + markdown.Count(n, "addon")
	}
	return text
}

// largest says how far the widest step goes.
func largest(changes []upgrade.Change) string {
	for _, s := range []upstream.Size{upstream.Major, upstream.Minor, upstream.Patch} {
		if slices.ContainsFunc(changes, func(c upgrade.Change) bool { return c.Size == s }) {
			return sized(s) + " at most"
		}
	}
	return "only other contents of the same versions"
}

// published says when the new version came out, where its source says so.
func published(c upgrade.Change) string {
	if c.Version.Created.IsZero() {
		return ""
	}
	return ", published on " + day(c)
}

func day(c upgrade.Change) string {
	if c.Version.Created.IsZero() {
		return ""
	}
	return c.Version.Created.UTC().Format("2006-01-02")
}

// linked is the new version, with its page where it has one.
func (w *writer) linked(c upgrade.Change) string {
	if to, ok := w.linker.address(page(c)); ok {
		return "[" + w.code(c.To) + "](<" + to + ">)"
	}
	return w.code(c.To)
}

// page is that of the new version: its own, or the releases of the repository that it is from.
func page(c upgrade.Change) string {
	if c.Version.URL != "" || c.Pin.Source.Kind != upstream.GitHub {
		return c.Version.URL
	}
	return "https://github.com/" + c.Pin.Source.Repository + "/releases/tag/" + c.Version.Name
}

func (w *writer) security(changes []upgrade.Change) string {
	var who []string
	for _, c := range changes {
		if c.Security {
			text := c.To
			if several(changes) {
				text = c.Addon + " " + c.To
			}
			who = append(who, w.code(text))
		}
	}
	if len(who) > w.rows {
		who = append(who[:w.rows], fmt.Sprintf("%d more", len(who)-w.rows))
	}
	if len(who) == 0 {
		return "the publisher says that this fixes a vulnerability"
	}
	return "the publisher says that " + and(who) + " " + verb(len(who), "fixes", "fix") + " a vulnerability"
}

func verb(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// reaches says where main's upgrade goes from main, and where not.
func (w *writer) reaches() {
	p := w.Proposal
	if len(p.Comes) > 0 {
		w.printf("- **Comes by pick** to %s.\n", branches(p.Comes))
	}
	if len(p.Not) == 0 {
		return
	}
	for i, n := range p.Not {
		if w.more(i, len(p.Not), "branch that it does not come to") {
			break
		}
		w.printf("- **Does not come** to %s: %s.\n", w.code(n.Branch), strings.TrimSuffix(w.prose(n.Reason), "."))
	}
}
