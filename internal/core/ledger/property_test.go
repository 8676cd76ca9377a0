package ledger_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/addon-manager/addon-manager/internal/core/ledger"
)

// story lets random things happen to a world, and knows what must come of them.
type story struct {
	*world
	t       *rapid.T
	minors  []string
	content int
	// brought are the changes that were carried to a branch, by minor and hash.
	brought map[string]bool
}

func (s *story) fresh() string { s.content++; return fmt.Sprint("content ", s.content) }

func (s *story) path() string {
	return rapid.SampledFrom([]string{cert, crds, dns, "NOTES"}).Draw(s.t, "path")
}

// absent is a random change whose turn it is on a branch: to take whole files of one whose turn it is not would undo others.
func (s *story) absent(minor string) (hash string, ok bool) {
	l := ledger.Build(s.Facts())
	var absent []string
	for _, r := range l.Changes {
		if r.Branches["release-"+minor].State == ledger.Missing {
			absent = append(absent, r.Commit)
		}
	}
	if len(absent) == 0 {
		return "", false
	}
	return rapid.SampledFrom(absent).Draw(s.t, "change"), true
}

// step lets one thing happen. It tells whether that took something away from a branch.
func (s *story) step() (took bool) {
	minor := rapid.SampledFrom(s.minors).Draw(s.t, "minor")
	switch rapid.SampledFrom([]string{"main", "main", "main", "merge", "back", "pick", "pick", "pick", "wordless", "own", "revert", "tag", "propose"}).Draw(s.t, "what") {
	case "main":
		s.Main("Change", edits{s.path(): s.fresh()})
	case "merge":
		s.Merge(len(s.facts.Changes), "Change", edits{s.path(): s.fresh(), s.path(): s.fresh()}, rapid.SampledFrom([]string{"", "no-cherry-pick", "no-cherry-pick/1.31"}).Draw(s.t, "label"))
	case "back":
		// A file goes back to what it was some time ago.
		path := s.path()
		before := rapid.SampledFrom(s.main).Draw(s.t, "before")[path]
		if before != "" {
			s.Main("Back", edits{path: before})
		}
	case "pick":
		if hash, ok := s.absent(minor); ok {
			s.Pick(minor, hash)
			if len(last(s.release[minor].Commits).Files) > 0 {
				s.brought[minor+hash] = true
			}
		}
	case "wordless":
		if hash, ok := s.absent(minor); ok {
			for i, c := range s.facts.Changes {
				if c.Hash == hash {
					e := edits{}
					for _, f := range c.Files {
						e[f.Path] = s.main[i][f.Path]
					}
					s.Commit(minor, "Quietly", e)
				}
			}
		}
	case "own":
		s.Commit(minor, "Own", edits{s.path(): s.fresh()})
	case "revert":
		if b := s.release[minor]; len(b.Commits) > 0 {
			hash := b.Tip
			maps.DeleteFunc(s.brought, func(key string, _ bool) bool { return strings.HasPrefix(key, minor) })
			s.Revert(minor, hash)
			return true
		}
	case "tag":
		s.Tag(minor, 1+len(s.release[minor].Commits)+len(s.facts.Changes))
	case "propose":
		if hash, ok := s.absent(minor); ok {
			s.Propose(minor, 1000+s.content, hash).Draft = rapid.Bool().Draw(s.t, "draft")
		}
	}
	return false
}

// TestProperties lets random things happen, and looks after each: every change has one state on every branch; what was picked landed; what landed
// stays, until a commit of the branch takes it away; the order of the branches and how often one asks make no difference.
func TestProperties(t *testing.T) {
	states := []ledger.State{ledger.Landed, ledger.Open, ledger.Draft, ledger.Skipped, ledger.Waiting, ledger.Missing}
	seen := map[ledger.State]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := &story{world: newWorld(), t: t, minors: []string{"1.31", "1.32"}, brought: map[string]bool{}}
		s.Main("Begin", edits{cert: s.fresh(), crds: s.fresh(), dns: s.fresh(), "NOTES": s.fresh()})
		for _, minor := range s.minors {
			s.Cut(minor)
		}
		before := ledger.Build(s.Facts())
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			took := s.step()
			f := s.Facts()
			l := ledger.Build(f)
			if again := ledger.Build(s.Facts()); !reflect.DeepEqual(l, again) {
				t.Fatalf("twice the same facts, two ledgers:\n%+v\n%+v", l, again)
			}
			slices.Reverse(f.Branches)
			if other := ledger.Build(f); !reflect.DeepEqual(l, other) {
				t.Fatalf("the order of branches makes a difference:\n%+v\n%+v", l, other)
			}
			if len(l.Changes) != len(f.Changes) {
				t.Fatalf("%d changes have %d rows", len(f.Changes), len(l.Changes))
			}
			for _, r := range l.Changes {
				if len(r.Branches) != len(s.minors) {
					t.Fatalf("%s has %d branches", r.Commit, len(r.Branches))
				}
				for name, e := range r.Branches {
					seen[e.State]++
					if !slices.Contains(states, e.State) || (e.State == ledger.Landed) != (e.Commit != "") || e.Tag != "" && e.Commit == "" {
						t.Fatalf("%s on %s is %+v", r.Commit, name, e)
					}
					if e.State == ledger.Waiting && len(e.After) == 0 || len(e.After) > 0 && e.State != ledger.Waiting && e.State != ledger.Missing || (e.State == ledger.Skipped || e.State == ledger.Waiting) && e.Reason == "" {
						t.Fatalf("%s on %s is %+v", r.Commit, name, e)
					}
					if s.brought[name[len("release-"):]+r.Commit] && e.State != ledger.Landed {
						t.Fatalf("%s was picked to %s and is %+v", r.Commit, name, e)
					}
				}
			}
			for _, was := range before.Changes {
				for name, e := range was.Branches {
					if took || e.State != ledger.Landed {
						continue
					}
					// What only looks the same may look the same as something else later; what a commit says stays.
					said := e.Reason == ""
					if now := row(l, was.Commit).Branches[name]; now.State != ledger.Landed || said && now.Commit != e.Commit || said && e.Tag != "" && e.Tag != now.Tag {
						t.Fatalf("%s on %s was %+v and is %+v", was.Commit, name, e, now)
					}
				}
			}
			before = l
		}
	})
	for _, state := range states {
		if seen[state] == 0 {
			t.Errorf("nothing was ever %s", state)
		}
	}
}
