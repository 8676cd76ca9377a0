package branches

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/pick"
)

// situation is all that decides what becomes of one source on one branch.
type situation struct {
	branch string
	source pick.Source
	// waits says what the source comes after; empty when it need not wait.
	waits string
	// outcome is what picking gives now; nil where that is of no interest.
	outcome *pick.Outcome
	// ref is what the branch of the pick names on the server, empty when it is not there. stranger is who besides the bot committed to it.
	ref, stranger string
	// conflicted tells that ref has commits that left something to a person.
	conflicted bool
	// moved tells that the branch has changed a path in conflict since ref was made.
	moved bool
	// pulls are the pull requests onto the branch that bring any of the source, or come from the branch of the pick.
	pulls []ledger.Pull
	// elsewhere is an open pull request from the branch of the pick onto another branch.
	elsewhere *forge.Pull
}

// verb is what is done about a situation.
type verb string

const (
	nothing verb = ""
	// wait and leave only tell.
	wait  verb = "wait"
	leave verb = "leave"
	// open proposes the pick, update renews it, replace closes the pull request for a fresh one, closes closes it.
	open    verb = "open"
	update  verb = "update"
	replace verb = "replace"
	closes  verb = "close"
)

// decision is what to do about a situation, and why.
type decision struct {
	verb verb
	// pull is the pull request that it is about, if any.
	pull *ledger.Pull
	// push tells that the branch of the pick must first become what the outcome is.
	push bool
	why  string
}

// decide is the whole of the rules.
func decide(s situation) decision {
	mine := s.mine()
	switch {
	case s.elsewhere != nil:
		return decision{verb: leave, why: fmt.Sprintf("a person has pointed #%d from its branch to %s", s.elsewhere.Number, s.elsewhere.Base)}
	case mine == nil && slices.ContainsFunc(s.pulls, coming):
		// Somebody else's brings it, or it was merged just now.
		return decision{}
	case mine != nil && (mine.Human != "" || s.stranger != ""):
		return decision{}
	case s.waits != "" && mine == nil:
		return decision{verb: wait, why: s.waits}
	case s.outcome == nil:
		return decision{}
	case mine == nil:
		return s.propose()
	}
	return s.renew(mine)
}

// coming tells of a pull request that is on its way, or merged so recently that the branch does not show it yet.
func coming(p ledger.Pull) bool { return p.Open || p.Merged && p.Unseen }

// mine is the bot's open pull request.
func (s situation) mine() *ledger.Pull {
	head := pick.Head(s.branch, s.source)
	for i, p := range s.pulls {
		if p.Open && p.Ours && p.Head == head {
			return &s.pulls[i]
		}
	}
	return nil
}

// propose decides where there is no pull request.
func (s situation) propose() decision {
	o := s.outcome
	if o.Tip == o.Onto {
		return decision{verb: leave, why: "nothing is left of it on " + s.branch}
	}
	for _, p := range s.pulls {
		if !p.Ours || p.Open || p.Merged || p.Retired {
			continue
		}
		if m, known := believed(p); !known || m.Content == o.Content {
			// A person said no, and it would be the same again.
			return decision{}
		}
	}
	switch {
	case s.ref == o.Tip:
		return decision{verb: open, why: "its branch is there already"}
	case s.stranger != "":
		return decision{verb: leave, why: fmt.Sprintf("its branch %s has commits by %s and no pull request: open one from it, or delete it",
			pick.Head(s.branch, s.source), s.stranger)}
	case s.ref != "":
		return decision{verb: open, push: true, why: "what its branch has is out of date"}
	}
	return decision{verb: open, push: true}
}

// renew decides about an open pull request that only the bot worked on.
func (s situation) renew(p *ledger.Pull) decision {
	o := s.outcome
	m, known := believed(*p)
	if o.Tip == o.Onto {
		return decision{verb: closes, pull: p, why: "the branch has all of it already"}
	}
	push := s.ref != o.Tip
	if known && m.Content == o.Content && slices.Equal(m.Source, hashes(s.source)) {
		if !push && m.Head != o.Tip {
			return decision{verb: update, pull: p, why: "its text is about an earlier state"}
		}
		if push && s.moved {
			return decision{verb: update, pull: p, push: true, why: "the branch has changed what is in conflict"}
		}
		// The branch has moved on; merging gives the same still.
		return decision{}
	}
	if !known && !push {
		// Somebody rewrote the text. It is right, and so is what would be merged.
		return decision{}
	}
	switch {
	case p.Draft && o.Clean():
		return decision{verb: replace, pull: p, push: push, why: "it applies cleanly now, and a draft cannot be made a normal pull request"}
	case !p.Draft && !o.Clean() && !s.conflicted:
		return decision{verb: replace, pull: p, push: push, why: "it does not apply cleanly any more"}
	case known && !slices.Equal(m.Source, hashes(s.source)):
		return decision{verb: update, pull: p, push: push, why: "what is picked has changed"}
	case known:
		return decision{verb: update, pull: p, push: push, why: "the branch has changed what comes of it"}
	}
	return decision{verb: update, pull: p, push: push, why: "it is out of date"}
}

// believed is the marker of a pull request, if it is the bot's: anybody may copy one.
func believed(p ledger.Pull) (pick.Marker, bool) {
	if !p.Ours {
		return pick.Marker{}, false
	}
	return pick.Find(p.Body)
}

func hashes(s pick.Source) (all []string) {
	for _, c := range s.Changes {
		all = append(all, c.Hash)
	}
	return all
}

// leftover decides about an open pull request of the bot's that no source calls for. Entries are where the changes that it brings are; there are
// none when main does not have them.
func leftover(branch string, p ledger.Pull, entries []ledger.Entry) decision {
	why := []string{"main does not have the change any more"}
	if len(entries) > 0 {
		why = nil
	}
	for _, e := range entries {
		switch e.State {
		case ledger.Landed:
			why = append(why, fmt.Sprintf("%s has it already, as %s", branch, short(e.Commit)))
		case ledger.Skipped:
			why = append(why, e.Reason)
		default:
			return decision{}
		}
	}
	d := decision{verb: closes, pull: &p, why: strings.Join(slices.Compact(why), "; ")}
	if p.Human != "" {
		d.verb, d.why = leave, fmt.Sprintf("%s; it has commits by %s, so closing it is left to people", d.why, p.Human)
	}
	return d
}
