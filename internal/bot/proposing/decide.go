package proposing

import (
	"fmt"

	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/proposal"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
)

// situation is all that decides what becomes of one proposal.
type situation struct {
	proposal upgrade.Proposal
	// draft is its title and its labels.
	draft proposal.Text
	// tip is what the branch names now, ref what the branch of the proposal does, empty when it is not there. stranger is who besides the bot committed to it.
	tip, ref, stranger string
	// mine is the bot's open pull request, with its marker; known tells that it has one.
	mine   *forge.Pull
	marker proposal.Marker
	known  bool
	// elsewhere is the bot's open pull request from the proposal's branch onto another one, theirs somebody else's from it.
	elsewhere, theirs *forge.Pull
	// merged is a pull request whose merge the branch does not show yet, declined one that a person closed and that would be the same again.
	merged, declined *forge.Pull
	// unknown tells that nobody can say what became of earlier ones, asked that a person wants it to be made anew.
	unknown, asked bool
	// waits says why it is not opened yet.
	waits string
	// moved says what the branch has changed that matters to the open pull request; empty for nothing.
	moved string
	// brought is an open pull request, such as a pick, that brings the same files to the branch.
	brought *forge.Pull
	// built is the commit that it is, as far as that was needed until now; failing why there is none.
	built   *upgrading.Built
	failing string
}

// decision is what to do about a situation, and why.
type decision struct {
	verb, why string
	// pull is the pull request that it is about, if any.
	pull int
}

// decide is the whole of the rules.
func decide(s situation) decision {
	switch {
	case s.elsewhere != nil:
		return decision{verb: leave, pull: s.elsewhere.Number, why: fmt.Sprintf("a person has pointed #%d from its branch to %s", s.elsewhere.Number, s.elsewhere.Base)}
	case s.mine != nil && s.stranger != "":
		return decision{verb: leave, pull: s.mine.Number, why: fmt.Sprintf("%s has committed to it, so it is left to people", s.stranger)}
	case s.mine != nil && s.ref != s.mine.HeadCommit:
		return decision{verb: wait, pull: s.mine.Number, why: "somebody has just pushed to it"}
	case s.mine != nil && s.failing != "":
		return decision{verb: leave, pull: s.mine.Number, why: s.failing}
	case s.mine != nil:
		return s.renew()
	case s.theirs != nil:
		return decision{verb: leave, pull: s.theirs.Number, why: fmt.Sprintf("%s has opened #%d from its branch", s.theirs.Author, s.theirs.Number)}
	case s.unknown:
		return decision{verb: wait, why: "what became of earlier pull requests from its branch cannot be read at the moment"}
	case s.merged != nil:
		return decision{verb: wait, pull: s.merged.Number, why: fmt.Sprintf("#%d was merged just now", s.merged.Number)}
	case s.declined != nil:
		return decision{verb: leave, pull: s.declined.Number, why: fmt.Sprintf("a person has closed #%d, and it would be the same again", s.declined.Number)}
	case s.stranger != "":
		return decision{verb: leave, why: fmt.Sprintf("its branch %s has commits by %s and no open pull request: open one from it, or delete it", s.proposal.Head, s.stranger)}
	case s.failing != "":
		return decision{verb: refuse, why: s.failing}
	case s.brought != nil:
		return decision{verb: leave, pull: s.brought.Number, why: fmt.Sprintf("#%d brings it", s.brought.Number)}
	case s.waits != "":
		return decision{verb: wait, why: s.waits}
	}
	return decision{verb: open}
}

// renew decides about an open pull request that only the bot worked on.
func (s situation) renew() decision {
	d := decision{verb: update, pull: s.mine.Number}
	switch {
	case s.asked && !(s.known && s.marker.Base == s.tip && s.marker.Head == s.ref):
		d.why = "a person asked for it"
	case !s.known:
		// Somebody rewrote the text. It is theirs; what would be merged is what was proposed then.
		return decision{verb: leave, pull: s.mine.Number, why: "a person has rewritten its text; /rebase writes it anew"}
	case !same(s.marker.Versions, versions(s.proposal)):
		d.why = "its versions are out of date"
	case s.marker.Retired != "":
		d.why = "a person has opened it again"
	case s.marker.Told != told(s.proposal):
		d.why = "what it says of other versions or branches is out of date"
	case s.marker.Head != s.ref:
		d.why = "its text is about an earlier state"
	case s.moved != "":
		d.why = s.moved
	case len(missing(s.draft.Labels[:min(1, len(s.draft.Labels))], s.mine.Labels)) > 0:
		// The first one is put on last, with all others.
		return decision{verb: label, pull: s.mine.Number, why: "its labels are missing"}
	default:
		return decision{}
	}
	return d
}

func same(a, b []proposal.Proposed) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
