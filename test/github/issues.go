package github

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

type label struct {
	id                       int64
	name, color, description string
}

type remark struct {
	id               int64
	pull             *pull
	by               *account
	app              *App
	body             string
	created, updated time.Time
}

func (r *Repository) labelObject(l *label) object {
	return object{
		"id": l.id, "node_id": node("Label", l.id), "url": r.api() + "/labels/" + escape(l.name), "name": l.name, "description": l.description,
		"color": l.color, "default": false,
	}
}

func (r *Repository) labelObjects(all []*label) []any {
	list := []any{}
	for _, l := range all {
		list = append(list, r.labelObject(l))
	}
	return list
}

// label finds a label, case aside as GitHub does, or makes it.
func (r *Repository) label(name string, make bool) *label {
	for _, l := range r.labels {
		if strings.EqualFold(l.name, name) {
			return l
		}
	}
	if !make {
		return nil
	}
	l := &label{id: r.server.id(), name: name, color: "ededed"}
	r.labels = append(r.labels, l)
	return l
}

func (r *Repository) commentObject(c *remark) object {
	page := r.html() + "/pull/" + itoa(c.pull.number) + "#issuecomment-" + itoa(int(c.id))
	o := object{
		"id": c.id, "node_id": node("IssueComment", c.id), "url": r.api() + "/issues/comments/" + itoa(int(c.id)), "html_url": page, "body": c.body,
		"user": r.server.user(c.by), "created_at": stamp(c.created), "updated_at": stamp(c.updated), "issue_url": r.api() + "/issues/" + itoa(c.pull.number),
		"author_association": r.association(c.by), "performed_via_github_app": nil,
	}
	if c.app != nil {
		o["performed_via_github_app"] = r.server.integration(c.app)
	}
	return o
}

func (r *Repository) issueObject(p *pull) object {
	at, page := r.api()+"/issues/"+itoa(p.number), r.html()+"/pull/"+itoa(p.number)
	comments := 0
	for _, c := range r.comments {
		if c.pull == p {
			comments++
		}
	}
	var assignee any
	if len(p.assignees) > 0 {
		assignee = r.server.user(p.assignees[0])
	}
	return object{
		"id": p.id, "node_id": node("PullRequest", p.id), "url": at, "repository_url": r.api(), "labels_url": at + "/labels{/name}",
		"comments_url": at + "/comments", "events_url": at + "/events", "html_url": page, "number": p.number, "state": p.state, "title": p.title,
		"body": text(p.body), "user": r.server.user(p.author), "labels": r.labelObjects(p.labels), "assignee": assignee,
		"assignees": r.server.users(p.assignees), "milestone": nil, "locked": false, "comments": comments, "closed_at": moment(p.closed),
		"created_at": stamp(p.created), "updated_at": stamp(p.updated), "draft": p.draft, "closed_by": r.server.user(p.closedBy),
		"author_association": r.association(p.author), "active_lock_reason": nil,
		"pull_request": object{
			"url": r.api() + "/pulls/" + itoa(p.number), "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch", "merged_at": moment(p.mergedAt),
		},
	}
}

// onIssue hands the pull request of the path to f: here every issue is one. Who is nobody may only read.
func onIssue(c *call, f func(*pull) answer) answer {
	return onPull(c, "issue_number", f)
}

func getIssue(c *call) answer {
	return onIssue(c, func(p *pull) answer { return ok(c.repo.issueObject(p)) })
}

func updateIssue(c *call) answer {
	return onIssue(c, func(p *pull) answer {
		var in struct {
			Title, Body, State *string
			Labels             *[]string
			Assignees          *[]string
		}
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		if a := c.repo.edit(p, c.by.account, in.Title, in.Body, in.State, nil); a != nil {
			return *a
		}
		if in.Labels != nil {
			c.repo.setLabels(p, c.by.account, *in.Labels)
		}
		if in.Assignees != nil {
			p.assignees = nil
			c.repo.assign(p, *in.Assignees)
		}
		return ok(c.repo.issueObject(p))
	})
}

func listComments(c *call) answer {
	return onIssue(c, func(p *pull) answer {
		var all []any
		for _, comment := range c.repo.comments {
			if comment.pull == p {
				all = append(all, c.repo.commentObject(comment))
			}
		}
		return listed(all)
	})
}

func createComment(c *call) answer {
	return onIssue(c, func(p *pull) answer {
		var in struct{ Body string }
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		if c.by.account == nil {
			return failed(http.StatusUnauthorized, "Requires authentication")
		}
		if strings.TrimSpace(in.Body) == "" {
			return invalid(field("IssueComment", "body", "missing_field"))
		}
		if a := tooLong("IssueComment", "", in.Body); a != nil {
			return *a
		}
		return created(c.repo.commentObject(c.repo.comment(p, c.by, in.Body)))
	})
}

func (r *Repository) comment(p *pull, by actor, body string) *remark {
	c := &remark{id: r.server.id(), pull: p, by: by.account, app: by.app, body: body, created: r.server.now(), updated: r.server.now()}
	r.comments = append(r.comments, c)
	p.touch()
	r.tellComment("created", c, by.account)
	return c
}

func onComment(c *call, f func(*remark) answer) answer {
	for _, comment := range c.repo.comments {
		if comment.id == int64(c.number("comment_id")) {
			return f(comment)
		}
	}
	return notFound()
}

func getComment(c *call) answer {
	return onComment(c, func(comment *remark) answer { return ok(c.repo.commentObject(comment)) })
}

// mayEdit tells whether the caller may change somebody's comment.
func (c *call) mayEdit(by *account) bool {
	return c.by.account != nil && (c.by.account == by || rank(c.repo.level(c.by)) >= rank("write"))
}

func updateComment(c *call) answer {
	return onComment(c, func(comment *remark) answer {
		var in struct{ Body string }
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		if !c.mayEdit(comment.by) {
			return failed(http.StatusForbidden, "Must have admin rights to Repository.")
		}
		if a := tooLong("IssueComment", "", in.Body); a != nil {
			return *a
		}
		comment.body, comment.updated = in.Body, c.s.now()
		c.repo.tellComment("edited", comment, c.by.account)
		return ok(c.repo.commentObject(comment))
	})
}

func deleteComment(c *call) answer {
	return onComment(c, func(comment *remark) answer {
		if !c.mayEdit(comment.by) {
			return failed(http.StatusForbidden, "Must have admin rights to Repository.")
		}
		c.repo.comments = slices.DeleteFunc(c.repo.comments, func(o *remark) bool { return o == comment })
		c.repo.tellComment("deleted", comment, c.by.account)
		return none()
	})
}

func listLabels(c *call) answer {
	return onIssue(c, func(p *pull) answer { return listed(c.repo.labelObjects(p.labels)) })
}

func listRepositoryLabels(c *call) answer { return listed(c.repo.labelObjects(c.repo.labels)) }

// labelNames reads the two forms in which labels may be sent.
func (c *call) labelNames() ([]string, error) {
	var names []string
	if err := c.decode(&names); err == nil {
		return names, nil
	}
	var in struct{ Labels []string }
	err := c.decode(&in)
	return in.Labels, err
}

// addLabel gives a pull request a label, which is made when the repository has none of that name.
func (r *Repository) addLabel(p *pull, by *account, name string) {
	l := r.label(name, true)
	if slices.Contains(p.labels, l) {
		return
	}
	p.labels = append(p.labels, l)
	p.touch()
	r.tellPull("labeled", p, by, object{"label": r.labelObject(l)})
}

func (r *Repository) dropLabel(p *pull, by *account, l *label) {
	p.labels = slices.DeleteFunc(p.labels, func(o *label) bool { return o == l })
	p.touch()
	r.tellPull("unlabeled", p, by, object{"label": r.labelObject(l)})
}

func (r *Repository) setLabels(p *pull, by *account, names []string) {
	for _, l := range slices.Clone(p.labels) {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, l.name) }) {
			r.dropLabel(p, by, l)
		}
	}
	for _, name := range names {
		r.addLabel(p, by, name)
	}
}

func addLabels(c *call) answer {
	return onIssue(c, func(p *pull) answer {
		names, err := c.labelNames()
		if err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		for _, name := range names {
			if strings.TrimSpace(name) == "" || len([]rune(name)) > 50 {
				return invalid(field("Label", "name", "invalid"))
			}
		}
		for _, name := range names {
			c.repo.addLabel(p, c.by.account, name)
		}
		return ok(c.repo.labelObjects(p.labels))
	})
}

func setLabels(c *call) answer {
	return onIssue(c, func(p *pull) answer {
		names, err := c.labelNames()
		if err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		c.repo.setLabels(p, c.by.account, names)
		return ok(c.repo.labelObjects(p.labels))
	})
}

func removeLabel(c *call) answer {
	return onIssue(c, func(p *pull) answer {
		l := c.repo.label(c.path["name"], false)
		if l == nil || !slices.Contains(p.labels, l) {
			return failed(http.StatusNotFound, "Label does not exist")
		}
		c.repo.dropLabel(p, c.by.account, l)
		return ok(c.repo.labelObjects(p.labels))
	})
}

func createLabel(c *call) answer {
	var in struct{ Name, Color, Description string }
	if err := c.decode(&in); err != nil {
		return failed(http.StatusBadRequest, "Problems parsing JSON")
	}
	if c.repo.label(in.Name, false) != nil {
		return invalid(field("Label", "name", "already_exists"))
	}
	l := c.repo.label(in.Name, true)
	l.color, l.description = orText(in.Color, l.color), in.Description
	return created(c.repo.labelObject(l))
}

func getLabel(c *call) answer {
	if l := c.repo.label(c.path["name"], false); l != nil {
		return ok(c.repo.labelObject(l))
	}
	return notFound()
}

// assign adds assignees; who may not be assigned is left out without a word, as GitHub does.
func (r *Repository) assign(p *pull, logins []string) {
	for _, login := range logins {
		a := r.server.accounts[strings.ToLower(login)]
		if a != nil && r.collaborator(login) && !slices.Contains(p.assignees, a) && len(p.assignees) < 10 {
			p.assignees = append(p.assignees, a)
		}
	}
	p.touch()
}

func addAssignees(c *call) answer {
	return onIssue(c, func(p *pull) answer {
		var in struct{ Assignees []string }
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		c.repo.assign(p, in.Assignees)
		return created(c.repo.issueObject(p))
	})
}

func removeAssignees(c *call) answer {
	return onIssue(c, func(p *pull) answer {
		var in struct{ Assignees []string }
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		p.assignees = slices.DeleteFunc(p.assignees, func(a *account) bool { return contains(in.Assignees, a.login) })
		p.touch()
		return ok(c.repo.issueObject(p))
	})
}

func checkAssignee(c *call) answer {
	if c.repo.collaborator(c.path["assignee"]) {
		return none()
	}
	return notFound()
}
