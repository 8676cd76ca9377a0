package github

import "strings"

func (r *Repository) listening() bool { return len(r.webhooks) > 0 }

func (r *Repository) tellPull(action string, p *pull, by *account, more object) {
	if !r.listening() {
		return
	}
	payload := object{"number": p.number, "pull_request": r.fullPull(p)}
	for key, value := range more {
		payload[key] = value
	}
	r.tell("pull_request", action, by, payload)
}

// tellIssue says what happened to an issue, or to a pull request in what it has as an issue.
func (r *Repository) tellIssue(action string, i *issue, by *account, more object) {
	switch {
	case i.pull != nil:
		r.tellPull(action, i.pull, by, more)
	case r.listening():
		payload := object{"issue": r.issueObject(i)}
		for key, value := range more {
			payload[key] = value
		}
		r.tell("issues", action, by, payload)
	}
}

func (r *Repository) tellComment(action string, c *remark, by *account) {
	if r.listening() {
		r.tell("issue_comment", action, by, object{"issue": r.issueObject(c.on), "comment": r.commentObject(c)})
	}
}

func (r *Repository) tellRun(action string, c *checkRun, by *account) {
	if r.listening() {
		r.tell("check_run", action, by, object{"check_run": r.runObject(c)})
	}
}

func (r *Repository) tellRelease(action string, l *release, by *account) {
	if r.listening() {
		r.tell("release", action, by, object{"release": r.releaseObject(l)})
	}
}

// tellRef says that a ref came, moved or went.
func (r *Repository) tellRef(name, old, now string, by *account) {
	if !r.listening() {
		return
	}
	kind, short := "branch", strings.TrimPrefix(name, "refs/heads/")
	if tag, isTag := strings.CutPrefix(name, "refs/tags/"); isTag {
		kind, short = "tag", tag
	}
	from, to := orText(old, zero), orText(now, zero)
	push := object{
		"ref": name, "before": from, "after": to, "created": old == "", "deleted": now == "",
		"forced":   old != "" && now != "" && !r.facts.ancestor(old, now),
		"base_ref": nil, "compare": r.html() + "/compare/" + from[:12] + "..." + to[:12], "commits": []any{}, "head_commit": nil,
		"pusher": object{"name": by.login, "email": by.email()},
	}
	if commit, err := r.facts.commit(to); now != "" && err == nil {
		push["head_commit"] = r.pushedCommit(commit)
		commits := []any{}
		if old != "" {
			all, _ := r.facts.between(old, commit.sha)
			for _, sha := range all[:min(len(all), 20)] { // GitHub sends no more than 20 with a push.
				if c, err := r.facts.commit(sha); err == nil {
					commits = append(commits, r.pushedCommit(c))
				}
			}
		}
		push["commits"] = commits
	}
	if old == "" {
		r.tell("create", "", by, object{
			"ref": short, "ref_type": kind, "master_branch": r.facts.head(), "description": text(r.description), "pusher_type": "user",
		})
	}
	if now == "" {
		r.tell("delete", "", by, object{"ref": short, "ref_type": kind, "pusher_type": "user"})
	}
	// Only in this event, GitHub writes some times of the repository as numbers.
	repository := r.repositoryObject()
	repository["created_at"], repository["pushed_at"] = r.created.Unix(), r.server.now().Unix()
	push["repository"] = repository
	r.tell("push", "", by, push)
}

func (r *Repository) pushedCommit(c *commit) object {
	parent := ""
	if len(c.parents) > 0 {
		parent = c.parents[0]
	}
	files, _ := r.facts.changed(parent, c.sha)
	added, removed, modified := []any{}, []any{}, []any{}
	for _, f := range files {
		switch f.status {
		case "added":
			added = append(added, f.path)
		case "removed":
			removed = append(removed, f.path)
		case "renamed":
			added, removed = append(added, f.path), append(removed, f.previous)
		default:
			modified = append(modified, f.path)
		}
	}
	who := func(p person) object {
		o := object{"name": p.name, "email": p.email}
		if a := r.server.byEmail(p.email); a != nil {
			o["username"] = a.login
		}
		return o
	}
	return object{
		"id": c.sha, "tree_id": c.tree, "distinct": true, "message": c.message, "timestamp": stamp(c.committer.at), "url": r.html() + "/commit/" + c.sha,
		"author": who(c.author), "committer": who(c.committer), "added": added, "removed": removed, "modified": modified,
	}
}
