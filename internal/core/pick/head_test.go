package pick

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

func commit(digit string) ledger.Change {
	return ledger.Change{Commit: change.Commit{Hash: strings.Repeat(digit, 40)}}
}

func TestHead(t *testing.T) {
	for want, s := range map[string]Source{
		"pick/release-1.31/pr-12":          {Pull: &forge.Pull{Number: 12}, Changes: []ledger.Change{commit("a"), commit("b")}},
		"pick/release-1.31/c-aaaaaaaaaaaa": {Changes: []ledger.Change{commit("a")}},
	} {
		if got := Head("release-1.31", s); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestParseHead reads the names that picks are known to have, and refuses what only looks like one.
func TestParseHead(t *testing.T) {
	type name struct {
		branch string
		pull   int
		commit string
	}
	const b = "release-1.31"
	for in, want := range map[string]name{
		"pick/release-1.31/pr-12":                                               {b, 12, ""},
		"pick/release-1.31/c-0123456789ab":                                      {b, 0, "0123456789ab"},
		"backport-12-to-release-1.31":                                           {b, 12, ""},
		"mergify/bp/release-1.31/pr-12":                                         {b, 12, ""},
		"cherry-pick-12-to-release-1.31":                                        {b, 12, ""},
		"cherry-pick/release-1.31/pr-12":                                        {b, 12, ""},
		"automated-cherry-pick-of-#12-origin-release-1.31":                      {b, 12, ""},
		"automated-cherry-pick-of-#12-upstream-release-1.31-1700000000":         {b, 12, ""},
		"automated-cherry-pick-of-#12-#13-upstream-release-1.31":                {b, 12, ""},
		"backport/1.31/12":                                                      {b, 12, ""},
		"backport/release-1.31/pr-12":                                           {b, 12, ""},
		"backport/release-1.31/commit-0123456":                                  {b, 0, "0123456"},
		"backport/release-1.31/commit-0123456789012345678901234567890123456789": {b, 0, "0123456789012345678901234567890123456789"},

		"":                                   {},
		"main":                               {},
		"release-1.31":                       {},
		"pick/release-1.31/pr-0":             {},
		"pick/release-1.31/pr-012":           {},
		"pick/release-1.31/pr-12/more":       {},
		"pick/release-1.031/pr-12":           {},
		"pick/main/pr-12":                    {},
		"pick/release-1.31/pr-9999999999":    {},
		"pick/release-1.31/c-012345":         {},
		"my-pick/release-1.31/pr-12":         {},
		"pick/release-1.31/pr-12\n":          {},
		"backport-12-to-main":                {},
		"backport-12-to-1.31":                {},
		"fix/pick/release-1.31/pr-12":        {},
		"pick/release-99999999999999.1/pr-1": {},
	} {
		branch, pull, commit, ok := ParseHead(in)
		if got := (name{branch, pull, commit}); got != want || ok != (want != name{}) {
			t.Errorf("%q is %+v, %v, want %+v", in, got, ok, want)
		}
	}
}

// TestHeadIsParsed reads every name that we give.
func TestHeadIsParsed(t *testing.T) {
	branch, pull, _, ok := ParseHead(Head("release-1.31", Source{Pull: &forge.Pull{Number: 7}}))
	if branch != "release-1.31" || pull != 7 || !ok {
		t.Errorf("got %s, %d, %v", branch, pull, ok)
	}
	branch, pull, hash, ok := ParseHead(Head("release-1.31", Source{Changes: []ledger.Change{commit("f")}}))
	if branch != "release-1.31" || pull != 0 || hash != "ffffffffffff" || !ok {
		t.Errorf("got %s, %d, %s, %v", branch, pull, hash, ok)
	}
}

// TestSources puts together what belongs together, and leaves out what is done.
func TestSources(t *testing.T) {
	const b = "release-1.31"
	f, l := ledger.Facts{}, ledger.Ledger{}
	seven, eight := &forge.Pull{Number: 7}, &forge.Pull{Number: 8}
	for _, c := range []struct {
		digit string
		pull  *forge.Pull
		state ledger.State
	}{
		{"0", nil, ledger.Landed},
		{"1", seven, ledger.Landed},
		{"2", seven, ledger.Missing},
		{"3", nil, ledger.Missing},
		{"4", nil, ledger.Waiting},
		{"5", seven, ledger.Open},
		{"6", eight, ledger.Draft},
		{"7", nil, ledger.Skipped},
	} {
		one := commit(c.digit)
		one.Pull = c.pull
		f.Changes = append(f.Changes, one)
		row := ledger.Row{Commit: one.Hash, Branches: map[string]ledger.Entry{b: {State: c.state}, "release-1.32": {State: ledger.Missing}}}
		l.Changes = append([]ledger.Row{row}, l.Changes...)
	}
	var got []string
	for _, s := range Sources(f, l, b) {
		keys := []string{s.Key()}
		for _, c := range s.Changes {
			keys = append(keys, c.Hash[:1])
		}
		got = append(got, strings.Join(keys, " "))
	}
	if got, want := strings.Join(got, ", "), "pr-7 2 5, c-333333333333 3, c-444444444444 4, pr-8 6"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Sources(f, l, "release-1.33"); len(got) != 0 {
		t.Errorf("a branch that is not in the ledger has %v", got)
	}
}
