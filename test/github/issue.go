package github

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// issue is an issue, or what a pull request has in common with one.
type issue struct {
	id                       int64
	number                   int
	title, body, state       string
	author                   *account
	labels                   []*label
	assignees                []*account
	created, updated, closed time.Time
	closedBy                 *account
	rendered                 json.RawMessage
	clock                    func() time.Time
	// pull is the pull request that it is; nil for an issue that is none.
	pull *pull
}

// touch marks it as changed now.
func (i *issue) touch() { i.updated, i.rendered = i.clock(), nil }

// rewrite replaces title and body where they are given, and gives what they were before.
func (i *issue) rewrite(title, body *string) (changes object) {
	changes = object{}
	if title != nil && *title != i.title {
		changes["title"] = object{"from": i.title}
		i.title = *title
	}
	if body != nil && *body != i.body {
		changes["body"] = object{"from": i.body}
		i.body = *body
	}
	return changes
}

// newIssue is an open one with the next number, which issues and pull requests share.
func (r *Repository) newIssue(by *account, title, body string) issue {
	number := 1
	for _, p := range r.pulls {
		number = max(number, p.number+1)
	}
	for _, i := range r.issues {
		number = max(number, i.number+1)
	}
	now := r.server.now()
	return issue{id: r.server.id(), number: number, title: title, body: body, state: "open", author: by, created: now, updated: now, clock: r.server.now}
}

// issue is the issue or the pull request of a number.
func (r *Repository) issue(number int) *issue {
	if p := r.pull(number); p != nil {
		return &p.issue
	}
	for _, i := range r.issues {
		if i.number == number {
			return i
		}
	}
	return nil
}

// page is where a browser finds it.
func (r *Repository) page(i *issue) string {
	if i.pull != nil {
		return r.html() + "/pull/" + itoa(i.number)
	}
	return r.html() + "/issues/" + itoa(i.number)
}

func (r *Repository) issueObject(i *issue) object {
	at, page := r.api()+"/issues/"+itoa(i.number), r.page(i)
	var assignee, reason any
	if len(i.assignees) > 0 {
		assignee = r.server.user(i.assignees[0])
	}
	if i.pull == nil && i.state == "closed" {
		reason = "completed"
	}
	o := object{
		"id": i.id, "node_id": node("Issue", i.id), "url": at, "repository_url": r.api(), "labels_url": at + "/labels{/name}",
		"comments_url": at + "/comments", "events_url": at + "/events", "html_url": page, "number": i.number, "state": i.state, "state_reason": reason, "title": i.title,
		"body": text(i.body), "user": r.server.user(i.author), "labels": r.labelObjects(i.labels), "assignee": assignee,
		"assignees": r.server.users(i.assignees), "milestone": nil, "locked": false, "comments": len(r.commentsOn(i)), "closed_at": moment(i.closed),
		"created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_by": r.server.user(i.closedBy),
		"author_association": r.association(i.author), "active_lock_reason": nil,
	}
	if p := i.pull; p != nil {
		o["node_id"], o["draft"] = node("PullRequest", i.id), p.draft
		o["pull_request"] = object{
			"url": r.api() + "/pulls/" + itoa(i.number), "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch", "merged_at": moment(p.mergedAt),
		}
	}
	return o
}

// onIssue hands the issue or pull request of the path to f.
func onIssue(c *call, f func(*issue) answer) answer {
	if i := c.repo.issue(c.number("issue_number")); i != nil {
		return f(i)
	}
	return notFound()
}

func getIssue(c *call) answer {
	return onIssue(c, func(i *issue) answer { return ok(c.repo.issueObject(i)) })
}

// listIssues has pull requests in it too, as at GitHub. All labels that are asked for must be there.
func listIssues(c *call) answer {
	var found []*issue
	for _, p := range c.repo.pulls {
		found = append(found, &p.issue)
	}
	state, labels := orText(c.query.Get("state"), "open"), c.query.Get("labels")
	now := c.s.options.Now()
	found = slices.DeleteFunc(append(found, c.repo.issues...), func(i *issue) bool {
		if state != "all" && i.state != state || now.Sub(i.created) < c.s.options.ListingDelay {
			return true
		}
		for name := range strings.SplitSeq(labels, ",") {
			if name != "" && !slices.ContainsFunc(i.labels, func(l *label) bool { return strings.EqualFold(l.name, name) }) {
				return true
			}
		}
		return false
	})
	slices.SortFunc(found, func(a, b *issue) int {
		if c.query.Get("direction") == "asc" {
			return a.number - b.number
		}
		return b.number - a.number
	})
	var all []any
	for _, i := range found {
		all = append(all, c.repo.issueObject(i))
	}
	return listed(all)
}

// NewIssue is an issue that a test opens as somebody.
type NewIssue struct {
	Author, Title, Body string
	Labels              []string
}

func createIssue(c *call) answer {
	var in struct {
		Title, Body string
		Labels      []string
		Assignees   []string
	}
	if err := c.decode(&in); err != nil {
		return failed(http.StatusBadRequest, "Problems parsing JSON")
	}
	if c.by.account == nil {
		return failed(http.StatusUnauthorized, "Requires authentication")
	}
	if rank(c.repo.level(c.by)) < rank("triage") {
		in.Labels, in.Assignees = nil, nil // GitHub drops them without a word.
	}
	i, refused := c.repo.openIssue(c.by.account, NewIssue{Title: in.Title, Body: in.Body, Labels: in.Labels})
	if refused != nil {
		return *refused
	}
	c.repo.assign(i, in.Assignees)
	return created(c.repo.issueObject(i))
}

// openIssue opens an issue. The caller holds the lock.
func (r *Repository) openIssue(by *account, in NewIssue) (*issue, *answer) {
	refuse := func(a answer) (*issue, *answer) { return nil, &a }
	if r.archived {
		return refuse(failed(http.StatusForbidden, "Repository was archived so is read-only."))
	}
	if strings.TrimSpace(in.Title) == "" {
		return refuse(invalid(field("Issue", "title", "missing_field")))
	}
	if a := tooLong("Issue", in.Title, in.Body); a != nil {
		return nil, a
	}
	i := r.newIssue(by, in.Title, in.Body)
	r.issues = append(r.issues, &i)
	r.tellIssue("opened", &i, by, nil)
	for _, name := range in.Labels {
		r.addLabel(&i, by, name)
	}
	return &i, nil
}

func updateIssue(c *call) answer {
	return onIssue(c, func(i *issue) answer {
		var in struct {
			Title, Body, State *string
			Labels             *[]string
			Assignees          *[]string
		}
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		if a := c.repo.editIssue(i, c.by.account, in.Title, in.Body, in.State); a != nil {
			return *a
		}
		if in.Labels != nil {
			c.repo.setLabels(i, c.by.account, *in.Labels)
		}
		if in.Assignees != nil {
			i.assignees = nil
			c.repo.assign(i, *in.Assignees)
		}
		return ok(c.repo.issueObject(i))
	})
}

// editIssue changes an issue or a pull request. The caller holds the lock.
func (r *Repository) editIssue(i *issue, by *account, title, body, state *string) *answer {
	if i.pull != nil {
		return r.edit(i.pull, by, title, body, state, nil)
	}
	if title != nil && strings.TrimSpace(*title) == "" {
		a := invalid(field("Issue", "title", "missing_field"))
		return &a
	}
	if a := tooLong("Issue", value(title), value(body)); a != nil {
		return a
	}
	if changes := i.rewrite(title, body); len(changes) > 0 {
		i.touch()
		r.tellIssue("edited", i, by, object{"changes": changes})
	}
	if state == nil || *state == i.state {
		return nil
	}
	i.state, i.closed, i.closedBy = *state, time.Time{}, nil
	action := "reopened"
	if *state == "closed" {
		action, i.closed, i.closedBy = "closed", r.server.now(), by
	}
	i.touch()
	r.tellIssue(action, i, by, nil)
	return nil
}
