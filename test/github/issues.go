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
	on               *issue
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
	page := r.page(c.on) + "#issuecomment-" + itoa(int(c.id))
	o := object{
		"id": c.id, "node_id": node("IssueComment", c.id), "url": r.api() + "/issues/comments/" + itoa(int(c.id)), "html_url": page, "body": c.body,
		"user": r.server.user(c.by), "created_at": stamp(c.created), "updated_at": stamp(c.updated), "issue_url": r.api() + "/issues/" + itoa(c.on.number),
		"author_association": r.association(c.by), "performed_via_github_app": nil,
	}
	if c.app != nil {
		o["performed_via_github_app"] = r.server.integration(c.app)
	}
	return o
}

func listComments(c *call) answer {
	return onIssue(c, func(i *issue) answer {
		var all []any
		for _, comment := range c.repo.commentsOn(i) {
			all = append(all, c.repo.commentObject(comment))
		}
		return listed(all)
	})
}

func createComment(c *call) answer {
	return onIssue(c, func(i *issue) answer {
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
		return created(c.repo.commentObject(c.repo.comment(i, c.by, in.Body)))
	})
}

// commentsOn are those on one issue or pull request, oldest first.
func (r *Repository) commentsOn(i *issue) (all []*remark) {
	for _, c := range r.comments {
		if c.on == i {
			all = append(all, c)
		}
	}
	return all
}

func (r *Repository) comment(i *issue, by actor, body string) *remark {
	c := &remark{id: r.server.id(), on: i, by: by.account, app: by.app, body: body, created: r.server.now(), updated: r.server.now()}
	r.comments = append(r.comments, c)
	i.touch()
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
	return onIssue(c, func(i *issue) answer { return listed(c.repo.labelObjects(i.labels)) })
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

// addLabel gives an issue or a pull request a label, which is made when the repository has none of that name.
func (r *Repository) addLabel(i *issue, by *account, name string) {
	l := r.label(name, true)
	if slices.Contains(i.labels, l) {
		return
	}
	i.labels = append(i.labels, l)
	i.touch()
	r.tellIssue("labeled", i, by, object{"label": r.labelObject(l)})
}

func (r *Repository) dropLabel(i *issue, by *account, l *label) {
	i.labels = slices.DeleteFunc(i.labels, func(o *label) bool { return o == l })
	i.touch()
	r.tellIssue("unlabeled", i, by, object{"label": r.labelObject(l)})
}

func (r *Repository) setLabels(i *issue, by *account, names []string) {
	for _, l := range slices.Clone(i.labels) {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, l.name) }) {
			r.dropLabel(i, by, l)
		}
	}
	for _, name := range names {
		r.addLabel(i, by, name)
	}
}

func addLabels(c *call) answer {
	return onIssue(c, func(i *issue) answer {
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
			c.repo.addLabel(i, c.by.account, name)
		}
		return ok(c.repo.labelObjects(i.labels))
	})
}

func setLabels(c *call) answer {
	return onIssue(c, func(i *issue) answer {
		names, err := c.labelNames()
		if err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		c.repo.setLabels(i, c.by.account, names)
		return ok(c.repo.labelObjects(i.labels))
	})
}

func removeLabel(c *call) answer {
	return onIssue(c, func(i *issue) answer {
		l := c.repo.label(c.path["name"], false)
		if l == nil || !slices.Contains(i.labels, l) {
			return failed(http.StatusNotFound, "Label does not exist")
		}
		c.repo.dropLabel(i, c.by.account, l)
		return ok(c.repo.labelObjects(i.labels))
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
func (r *Repository) assign(i *issue, logins []string) {
	for _, login := range logins {
		a := r.server.accounts[strings.ToLower(login)]
		if a != nil && r.collaborator(login) && !slices.Contains(i.assignees, a) && len(i.assignees) < 10 {
			i.assignees = append(i.assignees, a)
		}
	}
	i.touch()
}

func addAssignees(c *call) answer {
	return onIssue(c, func(i *issue) answer {
		var in struct{ Assignees []string }
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		c.repo.assign(i, in.Assignees)
		return created(c.repo.issueObject(i))
	})
}

func removeAssignees(c *call) answer {
	return onIssue(c, func(i *issue) answer {
		var in struct{ Assignees []string }
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		i.assignees = slices.DeleteFunc(i.assignees, func(a *account) bool { return contains(in.Assignees, a.login) })
		i.touch()
		return ok(c.repo.issueObject(i))
	})
}

func checkAssignee(c *call) answer {
	if c.repo.collaborator(c.path["assignee"]) {
		return none()
	}
	return notFound()
}
