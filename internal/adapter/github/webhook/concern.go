package webhook

import (
	"fmt"
	"slices"
	"strings"
)

// Concern says whether an event is a reason to look, and why not or what happened, in one line. Repositories are the names that ours is known
// by, me is the bot's login there; both are empty while nobody knows, and then every repository counts as ours.
//
// It decides only what can be left to the next look by the clock. A command is only a reason to look, whoever wrote it: whether it is obeyed is decided
// by what GitHub says of the comment and its author then.
func (e Event) Concern(repositories []string, me string) (look bool, why string) {
	ours := func(name string) bool {
		return slices.ContainsFunc(repositories, func(r string) bool { return strings.EqualFold(r, name) })
	}
	foreign := len(repositories) > 0 && e.Repository != "" && !ours(e.Repository) && !ours(e.Was)
	switch actions, known := concerns[e.Name]; {
	case e.Name == "ping" && foreign:
		return false, "pong; but this webhook is another repository's, whose events are ignored"
	case e.Name == "ping":
		return false, "pong"
	case !known:
		return false, "ignored: " + e.Name + " changes nothing here"
	case e.Repository == "":
		return false, "ignored: it names no repository"
	case foreign:
		return false, "ignored: it is about another repository"
	case e.own(me):
		return false, "ignored: it is our own doing"
	case e.Name == "issue_comment" && e.Command && e.Action != "deleted":
		return true, "looking at " + e.Repository + ": there may be a command"
	case e.Name == "issue_comment" && (me == "" || !strings.EqualFold(e.Comment, me)):
		return false, "ignored: the comment is no command"
	case len(actions) > 0 && !slices.Contains(actions, e.Action):
		return false, "ignored: this action of " + e.Name + " changes nothing here"
	}
	return true, "looking at " + e.Repository
}

// concerns are the events that can change what is to be done, with the actions that do; none means all.
var concerns = map[string][]string{
	"push":         nil,
	"create":       nil,
	"delete":       nil,
	"pull_request": nil,
	"release":      nil,
	"repository":   nil,
	// People edit and delete our comments, and have checks run again.
	"issue_comment": {"edited", "deleted"},
	"check_run":     {"rerequested"},
	"check_suite":   {"rerequested"},
}

// own tells that the bot itself did it: it has looked already. The login of a person, whose token it may have, says nothing of the kind.
func (e Event) own(me string) bool {
	return strings.HasSuffix(me, "[bot]") && strings.EqualFold(e.Sender, me)
}

// String is for logs. It has nothing in it that GitHub does not restrict to harmless characters, or that is quoted.
func (e Event) String() string {
	s := e.Name
	if e.Action != "" {
		s += fmt.Sprintf(" %.64q", e.Action)
	}
	if e.Pull != 0 {
		s += fmt.Sprintf(" #%d", e.Pull)
	}
	if e.Ref != "" {
		s += fmt.Sprintf(" %.200q", e.Ref)
	}
	return s
}
