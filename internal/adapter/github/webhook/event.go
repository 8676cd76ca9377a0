package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/addon-manager/addon-manager/internal/core/proposal"
)

// Event is what of a delivery is of use.
type Event struct {
	// ID is the delivery's, for people who look for it; empty when it has none.
	ID string
	// Name is the event, such as push, Action what happened, such as opened.
	Name, Action string
	// Repository is owner/name, empty where an event is about none. Was is what it was called before, where the event is that it has another name.
	Repository, Was string
	// Sender is the login of who did it.
	Sender string
	// Pull is the number of the pull request, Ref the branch or tag, where there is one.
	Pull int
	Ref  string
	// Comment is the login of who wrote the comment, where the event is about one. Command tells that it is on a pull request and says a command, or
	// something like one that deserves an answer.
	Comment string
	Command bool
}

// payload is what is read of any event. GitHub adds fields at any time; they are passed over.
type payload struct {
	Action      string      `json:"action"`
	Repository  *repository `json:"repository"`
	Sender      *account    `json:"sender"`
	Ref         string      `json:"ref"`
	PullRequest *struct {
		Number int `json:"number"`
	} `json:"pull_request"`
	Issue *struct {
		Number int `json:"number"`
		// PullRequest tells a pull request from an issue.
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`
	Comment *struct {
		User *account `json:"user"`
		Body string   `json:"body"`
	} `json:"comment"`
	Release *struct {
		TagName string `json:"tag_name"`
	} `json:"release"`
	Changes *changes `json:"changes"`
}

type repository struct {
	FullName string `json:"full_name"`
}

type account struct {
	Login string `json:"login"`
}

// changes say what was there before. Only those of a repository are read, others have other shapes under the same names.
type changes struct {
	Repository json.RawMessage `json:"repository"`
	Owner      json.RawMessage `json:"owner"`
}

var (
	eventName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	// deliveryID is a UUID today; anything like it will do.
	deliveryID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	fullName   = regexp.MustCompile(`^[\w.-]{1,100}/[\w.-]{1,100}$`)
)

// read reads a payload whose signature is right. The headers are not signed: what they say is not trusted further than the rest.
func read(h http.Header, body []byte) (Event, error) {
	e := Event{ID: h.Get("X-GitHub-Delivery"), Name: h.Get("X-GitHub-Event")}
	if !deliveryID.MatchString(e.ID) {
		e.ID = ""
	}
	if !eventName.MatchString(e.Name) {
		return Event{}, refuse(http.StatusBadRequest, "X-GitHub-Event names no event")
	}
	if _, known := concerns[e.Name]; !known && e.Name != "ping" {
		return e, nil // GitHub makes new ones at any time; nobody knows what is in them.
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, refuse(http.StatusBadRequest, "%s", explain(err))
	}
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return Event{}, refuse(http.StatusBadRequest, "the payload is no JSON object") // It is null.
	}
	e.Action, e.Ref = p.Action, p.Ref
	if p.Repository != nil {
		if !fullName.MatchString(p.Repository.FullName) {
			return Event{}, refuse(http.StatusBadRequest, "repository.full_name is not like OWNER/NAME")
		}
		e.Repository = p.Repository.FullName
	}
	if p.Sender != nil {
		e.Sender = p.Sender.Login
	}
	switch {
	case p.PullRequest != nil:
		e.Pull = p.PullRequest.Number
	case p.Issue != nil && p.Issue.PullRequest != nil:
		e.Pull = p.Issue.Number
	}
	if p.Comment != nil && p.Comment.User != nil {
		e.Comment = p.Comment.User.Login
	}
	if p.Comment != nil && e.Name == "issue_comment" && e.Pull != 0 {
		command, unknown := proposal.ParseCommand(p.Comment.Body)
		e.Command = command != "" || unknown != ""
	}
	if p.Release != nil {
		e.Ref = p.Release.TagName
	}
	if e.Name == "repository" && p.Changes != nil {
		e.Was = p.Changes.was(e.Repository)
	}
	return e, nil
}

// was is what a repository was called before it was renamed or transferred, empty when it was not.
func (c changes) was(now string) string {
	owner, name, _ := strings.Cut(now, "/")
	var renamed struct {
		Name struct {
			From string `json:"from"`
		} `json:"name"`
	}
	var transferred struct {
		From struct {
			User, Organization *account
		} `json:"from"`
	}
	// What does not have this shape says nothing.
	_ = json.Unmarshal(c.Repository, &renamed)
	_ = json.Unmarshal(c.Owner, &transferred)
	switch {
	case renamed.Name.From != "":
		name = renamed.Name.From
	case transferred.From.User != nil:
		owner = transferred.From.User.Login
	case transferred.From.Organization != nil:
		owner = transferred.From.Organization.Login
	default:
		return ""
	}
	return owner + "/" + name
}

// explain says in one line what is wrong with a payload, and repeats nothing of it.
func explain(err error) string {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return "the payload's field " + kind.Field + " has the wrong type"
	case errors.As(err, &kind):
		return "the payload is no JSON object"
	case errors.As(err, &syntax) && strings.Contains(syntax.Error(), "max depth"):
		return "the payload is nested too deeply"
	default:
		return "the payload is no JSON"
	}
}
