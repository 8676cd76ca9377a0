package branches

import (
	"strings"
	"testing"

	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// hash makes a commit's name out of a word.
func hash(word string) string { return (word + strings.Repeat("0", 40))[:40] }

// source is #12, one change of main.
func source() pick.Source {
	return pick.Source{Pull: &forge.Pull{Number: 12}, Changes: []ledger.Change{{Commit: change.Commit{Hash: hash("c12")}}}}
}

// clean and conflict are what picking it gives, onto a commit.
func clean(onto string) *pick.Outcome {
	return &pick.Outcome{Onto: hash(onto), Tip: hash("c12on" + onto), Picked: []string{hash("c12")}, Content: "clean"}
}

func conflict(onto string) *pick.Outcome {
	return &pick.Outcome{
		Onto: hash(onto), Tip: hash("x12on" + onto), Stopped: hash("c12"), Content: "conflict", Conflicts: []pick.Conflict{{Path: "a.yaml", Kind: pick.Content}},
	}
}

// bots is the bot's pull request of an outcome.
func bots(o *pick.Outcome, edits ...func(*ledger.Pull)) ledger.Pull {
	m := pick.Marker{Kind: "pick", Branch: "release-1.31", Source: []string{hash("c12")}, Content: o.Content, Head: o.Tip}
	p := ledger.Pull{
		Pull: forge.Pull{
			Number: 20, Open: true, Draft: !o.Clean(), Base: "release-1.31", Head: "pick/release-1.31/pr-12", HeadCommit: o.Tip,
			Body: pick.Hide("Picks #12.", m), Author: "bot",
		},
		Ours: true, Brings: []string{hash("c12")},
	}
	for _, e := range edits {
		e(&p)
	}
	return p
}

func persons(edits ...func(*ledger.Pull)) ledger.Pull {
	p := ledger.Pull{
		Pull:   forge.Pull{Number: 30, Open: true, Base: "release-1.31", Head: "my-backport", HeadCommit: hash("mine"), Author: "ann"},
		Brings: []string{hash("c12")},
	}
	for _, e := range edits {
		e(&p)
	}
	return p
}

func closed(p *ledger.Pull)  { p.Open = false }
func retired(p *ledger.Pull) { p.Open, p.Retired = false, true }
func ready(p *ledger.Pull)   { p.Draft = false }
func merged(p *ledger.Pull)  { p.Open, p.Merged, p.Unseen = false, true, true }
func drafted(p *ledger.Pull) { p.Draft = true }
func worked(p *ledger.Pull)  { p.Human = "Ann" }
func rewritten(p *ledger.Pull) {
	p.Body = "I know better what this is."
}

// TestDecide is every situation of one change on one branch, and what becomes of it.
func TestDecide(t *testing.T) {
	for name, tc := range map[string]struct {
		s    situation
		want string
	}{
		"nothing is there": {situation{outcome: clean("t1")}, "push open"},
		"it conflicts":     {situation{outcome: conflict("t1")}, "push open"},
		"it waits for an earlier change": {
			situation{waits: "waits for #11, which changes the same files"}, "wait: waits for #11, which changes the same files",
		},
		"the branch has its content already": {situation{outcome: &pick.Outcome{Onto: hash("t1"), Tip: hash("t1")}}, "leave: nothing is left of it on release-1.31"},
		"the bot was cut off between pushing and opening": {
			situation{outcome: clean("t1"), ref: clean("t1").Tip}, "open: its branch is there already",
		},
		"the bot was cut off, and the branch has moved since": {
			situation{outcome: clean("t2"), ref: clean("t1").Tip}, "push open: what its branch has is out of date",
		},
		"somebody else used the name of the branch": {
			situation{outcome: clean("t1"), ref: hash("mine"), stranger: "Ann"},
			"leave: its branch pick/release-1.31/pr-12 has commits by Ann and no pull request: open one from it, or delete it",
		},

		"it is open and up to date":     {situation{outcome: clean("t1"), ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"))}}, ""},
		"it is open, and nobody looked": {situation{ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"))}}, ""},
		"it is open, and the branch has moved without effect": {
			situation{outcome: clean("t2"), ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"))}}, "",
		},
		"it is open, and what it would merge has changed": {
			situation{outcome: &pick.Outcome{Onto: hash("t2"), Tip: hash("c12on2"), Content: "other"}, ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"))}},
			"push update #20: the branch has changed what comes of it",
		},
		"the bot was cut off between renewing the branch and the text": {
			situation{
				outcome: clean("t2"), ref: clean("t2").Tip,
				pulls: []ledger.Pull{bots(clean("t1"), func(p *ledger.Pull) { p.HeadCommit = clean("t2").Tip })},
			},
			"update #20: its text is about an earlier state",
		},
		"it does not apply any more": {
			situation{outcome: conflict("t2"), ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"))}},
			"push replace #20: it does not apply cleanly any more",
		},
		"main's history was rewritten": {
			situation{outcome: clean("t1"), ref: hash("old"), pulls: []ledger.Pull{bots(clean("t1"), func(p *ledger.Pull) {
				p.Body = pick.Hide("", pick.Marker{Kind: "pick", Branch: "release-1.31", Source: []string{hash("old12")}, Content: "clean", Head: hash("old")})
			})}},
			"push update #20: what is picked has changed",
		},
		"the branch got its content by another way": {
			situation{outcome: &pick.Outcome{Onto: hash("t2"), Tip: hash("t2")}, ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"))}},
			"close #20: the branch has all of it already",
		},

		"it is a draft with a conflict": {
			situation{outcome: conflict("t1"), ref: conflict("t1").Tip, conflicted: true, pulls: []ledger.Pull{bots(conflict("t1"))}}, "",
		},
		"it is a draft, and the branch has changed other files": {
			situation{outcome: conflict("t2"), ref: conflict("t1").Tip, conflicted: true, pulls: []ledger.Pull{bots(conflict("t1"))}}, "",
		},
		"it is a draft, and the branch has changed what is in conflict": {
			situation{outcome: conflict("t2"), ref: conflict("t1").Tip, conflicted: true, moved: true, pulls: []ledger.Pull{bots(conflict("t1"))}},
			"push update #20: the branch has changed what is in conflict",
		},
		"the draft applies cleanly now": {
			situation{outcome: clean("t2"), ref: conflict("t1").Tip, conflicted: true, pulls: []ledger.Pull{bots(conflict("t1"))}},
			"push replace #20: it applies cleanly now, and a draft cannot be made a normal pull request",
		},
		"the bot was cut off between pushing the clean pick and closing the draft": {
			situation{outcome: clean("t2"), ref: clean("t2").Tip, pulls: []ledger.Pull{bots(conflict("t1"))}},
			"replace #20: it applies cleanly now, and a draft cannot be made a normal pull request",
		},
		"the bot was cut off between closing the draft and opening its successor": {
			situation{outcome: clean("t2"), ref: clean("t2").Tip, pulls: []ledger.Pull{bots(conflict("t1"), retired)}},
			"open: its branch is there already",
		},
		"a person made the draft a normal one, and it conflicts otherwise now": {
			situation{
				outcome: &pick.Outcome{Onto: hash("t2"), Tip: hash("x"), Content: "worse", Conflicts: []pick.Conflict{{Path: "b"}}}, ref: conflict("t1").Tip,
				conflicted: true, pulls: []ledger.Pull{bots(conflict("t1"), ready)},
			},
			"push update #20: the branch has changed what comes of it",
		},
		"a person made a draft of a clean one": {
			situation{outcome: clean("t2"), ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"), drafted)}}, "",
		},

		"a person committed to it": {
			situation{outcome: conflict("t2"), ref: hash("anns"), pulls: []ledger.Pull{bots(clean("t1"), worked)}}, "",
		},
		"a person committed a moment ago": {
			situation{outcome: conflict("t2"), ref: hash("anns"), stranger: "Ann", pulls: []ledger.Pull{bots(clean("t1"))}}, "",
		},
		"a person rewrote the text":            {situation{outcome: clean("t1"), ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"), rewritten)}}, ""},
		"a person rewrote the text, and moved": {situation{outcome: clean("t2"), ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"), rewritten)}}, "push update #20: it is out of date"},
		"a person pointed it elsewhere": {
			situation{outcome: clean("t1"), ref: clean("t1").Tip, elsewhere: &forge.Pull{Number: 20, Base: "main"}},
			"leave: a person has pointed #20 from its branch to main",
		},
		"a person closed it": {
			situation{outcome: clean("t2"), ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"), closed)}}, "",
		},
		"a person closed the draft, and it applies cleanly now": {
			situation{outcome: clean("t2"), ref: conflict("t1").Tip, conflicted: true, pulls: []ledger.Pull{bots(conflict("t1"), closed)}},
			"push open: what its branch has is out of date",
		},
		"a person closed it, and deleted its branch": {
			situation{outcome: clean("t1"), pulls: []ledger.Pull{bots(clean("t1"), closed)}}, "",
		},
		"a person closed it and rewrote its text": {
			situation{outcome: clean("t2"), pulls: []ledger.Pull{bots(clean("t1"), closed, rewritten)}}, "",
		},
		"the bot closed it, and the reason has passed": {
			situation{outcome: clean("t1"), ref: clean("t1").Tip, pulls: []ledger.Pull{bots(clean("t1"), retired)}}, "open: its branch is there already",
		},

		"a person brings it by hand":             {situation{outcome: clean("t1"), pulls: []ledger.Pull{persons()}}, ""},
		"a person brings it by hand, in a draft": {situation{outcome: clean("t1"), pulls: []ledger.Pull{persons(drafted)}}, ""},
		"a person brought it by hand, just now":  {situation{outcome: clean("t1"), pulls: []ledger.Pull{persons(merged)}}, ""},
		"a person copied the bot's marker, and closed": {
			situation{outcome: clean("t1"), pulls: []ledger.Pull{persons(closed, func(p *ledger.Pull) { p.Body = bots(clean("t1")).Body })}}, "push open",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.s.branch, tc.s.source = "release-1.31", source()
			if got := tell1(decide(tc.s)); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// tell1 writes a decision in a line.
func tell1(d decision) string {
	var words []string
	if d.push {
		words = append(words, "push")
	}
	if d.verb != nothing {
		words = append(words, string(d.verb))
	}
	if d.pull != nil {
		words = append(words, "#20")
	}
	line := strings.Join(words, " ")
	if d.why != "" {
		line += ": " + d.why
	}
	return line
}

// TestLeftover is about open pull requests of the bot's that nothing calls for any more.
func TestLeftover(t *testing.T) {
	landed := ledger.Entry{State: ledger.Landed, Commit: hash("abc")}
	for name, tc := range map[string]struct {
		pull    ledger.Pull
		entries []ledger.Entry
		want    string
	}{
		"a person picked it by hand": {bots(clean("t1")), []ledger.Entry{landed}, "close #20: release-1.31 has it already, as abc000000000"},
		"the label came later": {
			bots(clean("t1")), []ledger.Entry{{State: ledger.Skipped, Reason: "label no-cherry-pick on #12"}}, "close #20: label no-cherry-pick on #12",
		},
		"main has not got it any more": {bots(clean("t1")), nil, "close #20: main does not have the change any more"},
		"one of two is there":          {bots(clean("t1")), []ledger.Entry{landed, {State: ledger.Missing}}, ""},
		"a person works on it": {
			bots(clean("t1"), worked), []ledger.Entry{landed}, "leave #20: release-1.31 has it already, as abc000000000; it has commits by Ann, so closing it is left to people",
		},
		"a person works on what main has not got any more": {
			bots(clean("t1"), worked), nil, "leave #20: main does not have the change any more; it has commits by Ann, so closing it is left to people",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tell1(leftover("release-1.31", tc.pull, tc.entries)); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}
