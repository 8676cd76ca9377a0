package repo_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	subsection = regexp.MustCompile(`(?m)^### `)
	codeWord   = regexp.MustCompile("`([A-Z][A-Za-z]+)`")
	alarm      = regexp.MustCompile(`(?m)^- alert: ([A-Za-z]+)$`)
	alarmRow   = regexp.MustCompile(`(?m)^\| ([A-Z][A-Za-z]+) \|`)
)

// subsections are the parts of a section, by the words that their headings begin with.
func subsections(section string) map[string]string {
	parts := map[string]string{}
	for _, part := range subsection.Split(section, -1)[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		parts[heading] = text
	}
	return parts
}

// codesIn are the codes in the first column of all tables of a text.
func codesIn(text string) (codes []string) {
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, m := range codeWord.FindAllStringSubmatch(cells[1], -1) {
				codes = append(codes, m[1])
			}
		}
	}
	return codes
}

// TestEveryHoldHasAnAnswer holds the page for operators to the list of reasons: whatever can hold a pair, a cluster or a release is on it, and
// nothing that does not exist.
func TestEveryHoldHasAnAnswer(t *testing.T) {
	all := section(t, read(t, "docs/reasons.md"), "Codes")
	answers := codesIn(section(t, read(t, "docs/operations.md"), "What a hold means, and how to act"))
	for _, code := range answers {
		if !slices.Contains(rows(all), code) {
			t.Errorf("docs/operations.md: %s is in no table of docs/reasons.md", code)
		}
	}
	lists := subsections(all)
	for _, heading := range []string{
		"Why a pair leaves", "Why a pair is held", "Why a whole cluster is held", "Why a cluster does not have the newest release yet", "The policy",
	} {
		if lists[heading] == "" {
			t.Errorf("docs/reasons.md has no codes under %q", heading)
		}
		for _, code := range codesIn(lists[heading]) {
			if !slices.Contains(answers, code) {
				t.Errorf("docs/operations.md does not say what to do about %s", code)
			}
		}
	}
}

// TestEveryAlarmHasAFirstStep holds the two lists of alarms to each other.
func TestEveryAlarmHasAFirstStep(t *testing.T) {
	names := func(r *regexp.Regexp, text string) (found []string) {
		for _, m := range r.FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		slices.Sort(found)
		return found
	}
	rules := names(alarm, section(t, read(t, "docs/metrics.md"), "What to alert on"))
	steps := names(alarmRow, section(t, read(t, "docs/operations.md"), "Alarms worth having"))
	if len(rules) == 0 {
		t.Fatal("docs/metrics.md has no rules")
	}
	if diff := cmp.Diff(rules, steps); diff != "" {
		t.Errorf("alarms (-docs/metrics.md +docs/operations.md):\n%s", diff)
	}
}
