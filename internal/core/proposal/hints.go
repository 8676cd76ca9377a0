package proposal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// Words in release notes that a reviewer wants to know of before reading them.
var (
	// rough tells quickly of a text, in lower case, that none of the others is in it.
	rough    = regexp.MustCompile(`breaking|action required|manual|before (you )?upgrad|cve-|ghsa-`)
	breaking = regexp.MustCompile(`(?i)\bbreaking[ -]?(changes?\b|:|\W*$)|^\W*breaking\b`)
	harmless = regexp.MustCompile(`(?i)\b(no|non|not|without|zero)( any)?[ -]*(known )?breaking`)
	action   = regexp.MustCompile(`(?i)\baction required\b|\bmanual (steps?|migration|intervention)\b|\bbefore (you )?upgrad`)
	weakness = regexp.MustCompile(`(?i)\b(CVE-[0-9]{4}-[0-9]{4,7}|GHSA(-[23456789cfghjmpqrvwx]{4}){3})\b`)
)

// hints says what release notes speak of: breaking changes, steps that people have to take, vulnerabilities.
func hints(notes [][]Note) string {
	const most = 3
	var breaks, acts, weak []string
	seen := func(all []string, s string) []string {
		if slices.Contains(all, s) {
			return all
		}
		return append(all, s)
	}
	all := slices.Concat(notes...)
	for _, n := range all[:min(len(all), maxNotes)] {
		v, text := name(n.Version), markdown.Cut(n.Text, maxSource)
		if !rough.MatchString(strings.ToLower(text)) {
			continue
		}
		for line := range strings.SplitSeq(text, "\n") {
			if breaking.MatchString(line) && !harmless.MatchString(line) {
				breaks = seen(breaks, v)
			}
			if action.MatchString(line) {
				acts = seen(acts, v)
			}
			for _, id := range weakness.FindAllString(line, most) {
				weak = seen(weak, "`"+strings.ToUpper(id[:4])+id[4:]+"`")
			}
		}
	}
	few := func(all []string) string {
		if len(all) > most {
			return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
		}
		return and(all)
	}
	var parts []string
	if len(breaks) > 0 {
		parts = append(parts, "**breaking changes** ("+few(breaks)+")")
	}
	if len(acts) > 0 {
		parts = append(parts, "**steps to take** ("+few(acts)+")")
	}
	if len(weak) > 0 {
		parts = append(parts, few(weak))
	}
	return strings.Join(parts, " · ")
}
