package pick

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

const (
	first  = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	second = "2a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	third  = "3a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	before = "0a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
)

func one(hash, message, author string, parents ...string) ledger.Change {
	return ledger.Change{Commit: change.Commit{Hash: hash, Message: message, Author: change.Person{Name: author, Email: "x@example.com"}, Parents: parents}}
}

func request() Request {
	return Request{
		Repository: "kaas/addons", URL: "https://github.com/kaas/addons", Branch: "release-1.31",
		Source: Source{
			Pull: &forge.Pull{Number: 12, Title: "Bump cert-manager to 1.15.1", Author: "ada"},
			Changes: []ledger.Change{
				one(first, "Merge pull request #12 from ada/bump\n\nBump cert-manager to 1.15.1\n", "Ada Lovelace", before, second),
			},
		},
		Outcome: Outcome{Onto: "aaaa", Tip: "bbbb", Picked: []string{first}, Content: "c"},
		Marker:  Marker{Kind: "pick", Branch: "release-1.31", Source: []string{first}, Content: "c", Head: "bbbb"},
	}
}

// resolved is a pick with a version that the rule decided, and something to know.
func resolved() Request {
	r := request()
	r.Outcome.Resolved = []Resolution{{
		Path: "addons/cert-manager/Chart.yaml", Line: 7, Addon: "cert-manager", Ours: "1.14.3", Theirs: "1.15.1", Taken: "1.15.1",
		Reason: `the addon's range ">=1.29" holds 1.31, and main's is newer`,
	}}
	r.Outcome.Warnings = []string{"velero could not be rendered before the pick either: Chart.yaml is missing"}
	return r
}

// rebased is three changes of one pull request, the second with every kind of conflict.
func rebased() Request {
	r := request()
	r.Source.Changes = []ledger.Change{
		one(first, "Bump cert-manager to 1.15.1\n", "Ada Lovelace", before), one(second, "Move the issuers\n", "Ada Lovelace", first), one(third, "Describe it\n", "Charles Babbage", second),
	}
	r.Outcome = Outcome{Onto: "aaaa", Tip: "bbbb", Picked: []string{first}, Stopped: second, Left: []string{third}, Conflicts: []Conflict{
		{Path: "addons/cert-manager/values.yaml", Kind: Content},
		{Path: "addons/cert-manager/issuers.yaml", Kind: ModifyDelete},
		{Path: "addons/cert-manager/new.yaml", Kind: Rename},
		{Path: "addons/cert-manager/run.sh", Kind: Mode},
		{Path: "addons/cert-manager/logo.png", Kind: Binary},
		{Path: "addons/cert-manager/crds", Kind: FileOrDirectory},
		{Path: "vendor/it", Kind: Submodule},
	}}
	r.Earlier = []Earlier{
		{Commit: before, Title: "Split the issuers", Pull: 9, Entry: ledger.Entry{State: ledger.Open, Pull: 31}},
		{Commit: third, Title: "Raise the limits", Entry: ledger.Entry{State: ledger.Skipped, Reason: "#8 has the label no-cherry-pick/1.31"}},
		{Commit: second, Title: "Add the dashboards", Entry: ledger.Entry{State: ledger.Missing}},
	}
	return r
}

// broken applies, and no longer works.
func broken() Request {
	r := request()
	r.Source.Pull = nil
	r.Outcome = Outcome{Onto: "aaaa", Tip: "bbbb", Stopped: first, Conflicts: []Conflict{
		{Path: "addons/cert-manager/values.yaml", Kind: YAML, Message: `mapping key "replicas" already defined at line 3`},
		{Path: "addons/cert-manager", Kind: Render, Message: "execution error at (cert-manager/templates/x.yaml:3:4): image is required"},
	}}
	return r
}

// hostile has texts that want to be more.
func hostile() Request {
	r := rebased()
	evil := "x | y\n\n# Fixes #1 @kaas/all <img src=x onerror=y> --> `a` ```\n$(rm -rf ~) [x](https://evil.example)\x1b[31m\u202e"
	r.Source.Pull.Title = evil
	for i := range r.Source.Changes {
		r.Source.Changes[i].Message, r.Source.Changes[i].Author.Name = evil, evil
	}
	r.Outcome.Conflicts = []Conflict{
		{Path: "-- $(touch x); 'quoted' `a`", Kind: Content, Message: evil}, {Path: "new\nline | ```", Kind: ModifyDelete}, {Path: ":(glob)**", Kind: Content},
	}
	r.Outcome.Resolved = []Resolution{{Path: evil, Line: 1, Addon: evil, Ours: evil, Theirs: evil, Taken: evil, Reason: evil}}
	r.Outcome.Warnings = []string{evil}
	r.Earlier = []Earlier{{Commit: before, Title: evil, Pull: 9, Entry: ledger.Entry{State: ledger.Skipped, Reason: evil}}}
	r.Marker.Retired = evil
	return r
}

// TestWrite compares pull requests with what a person has read and found good.
func TestWrite(t *testing.T) {
	for name, r := range map[string]Request{"clean": request(), "resolved": resolved(), "conflicts": rebased(), "broken": broken(), "hostile": hostile()} {
		t.Run(name, func(t *testing.T) {
			p := Write(r)
			got := fmt.Sprintf("title: %s\ndraft: %v\nlabels: %q\nassignees: %q\n\n%s", p.Title, p.Draft, p.Labels, p.Assignees, p.Body)
			file := filepath.Join("testdata", name+".md")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestLong writes about more than fits: what decides stays, the rest is counted.
func TestLong(t *testing.T) {
	r := rebased()
	r.Outcome.Conflicts = nil
	for i := range 5000 {
		r.Outcome.Conflicts = append(r.Outcome.Conflicts, Conflict{Path: fmt.Sprintf("addons/%s|%d", strings.Repeat("|", 200), i), Kind: Content})
		r.Earlier = append(r.Earlier, r.Earlier[0])
		r.Outcome.Warnings = append(r.Outcome.Warnings, strings.Repeat("`", 400))
		r.Source.Changes = append(r.Source.Changes, r.Source.Changes[2])
		r.Outcome.Left = append(r.Outcome.Left, third)
	}
	r.Source.Pull.Title = strings.Repeat("ä", 300)
	p := Write(r)
	if len(p.Body) > maxBody {
		t.Errorf("%d bytes", len(p.Body))
	}
	for _, want := range []string{"5,000 conflicts for a person", "git add --update\n", "4,990 conflicts more.\n", "4,993 changes more.\n", "# and so on with 4,993 changes more\n"} {
		if !strings.Contains(p.Body, want) {
			t.Errorf("%q is missing:\n%.4000s", want, p.Body)
		}
	}
	if _, is := Find(p.Body); !is {
		t.Error("the marker is missing")
	}
	if n := utf8.RuneCountInString(p.Title); n != 256 || !strings.HasPrefix(p.Title, "[release-1.31] ää") || !strings.HasSuffix(p.Title, "ä…") {
		t.Errorf("the title has %d characters: %s", n, p.Title)
	}
}

// TestNoAssignee leaves Apps alone, which GitHub assigns nothing.
func TestNoAssignee(t *testing.T) {
	r := request()
	r.Source.Pull.Author = "renovate[bot]"
	if p := Write(r); len(p.Assignees) != 0 {
		t.Errorf("got %q", p.Assignees)
	}
}

// TestQuote has a real shell read words that want to be more than one.
func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"addons/a/x.yaml":  "addons/a/x.yaml",
		"":                 "''",
		"a b":              "'a b'",
		"it's":             `'it'\''s'`,
		"$(touch x)`y`;&|": "'$(touch x)`y`;&|'",
		"*":                "'*'",
		"~":                "'~'",
		"a\nb":             `$'a\012b'`,
		"'\\\x1b\x00ä\xff": `$'\047\134\033\000\303\244\377'`,
		"größe":            "'größe'",
		"=x":               "'=x'",
	} {
		if got := quote(in); got != want {
			t.Errorf("%q is quoted as %s, want %s", in, got, want)
		}
		if strings.Contains(in, "\x00") {
			continue
		}
		out, err := exec.Command("bash", "-c", "printf %s. "+quote(in)).Output()
		if err != nil || string(out) != in+"." {
			t.Errorf("bash reads %s as %q, %v, want %q", quote(in), out, err, in)
		}
	}
}
