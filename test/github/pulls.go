package github

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// pull is a pull request: an issue with a branch.
type pull struct {
	issue
	draft      bool
	base, head string
	from       *Repository
	fromOwner  string
	baseSHA    string
	headSHA    string
	reviews    []*review
	merged     bool
	mergedBy   *account
	mergedAt   time.Time
	mergeSHA   string
	// landed are all commits on the base that a merge made.
	landed []string
	// mergeable is empty while GitHub has not tried; then testMerge is the commit it tried with.
	mergeable string
	testMerge string
}

type review struct {
	id          int64
	by          *account
	body, state string
	commit      string
	at          time.Time
}

func (r *Repository) pull(number int) *pull {
	for _, p := range r.pulls {
		if p.number == number {
			return p
		}
	}
	return nil
}

// close closes a pull request; when it was merged before, it says so. The caller holds the lock.
func (r *Repository) close(p *pull, by *account) {
	if p.state == "closed" {
		return
	}
	p.state, p.closed, p.closedBy = "closed", r.server.now(), by
	p.touch()
	r.tellPull("closed", p, by, nil)
}

// association is how GitHub says what an author is to the repository.
func (r *Repository) association(a *account) string {
	switch {
	case a == nil:
		return "NONE"
	case strings.EqualFold(a.login, r.owner):
		return "OWNER"
	case rank(r.access[strings.ToLower(a.login)]) > rank("read"):
		return "COLLABORATOR"
	}
	return "NONE"
}

// commitsOf are the hashes of a pull request's commits, oldest first.
func (r *Repository) commitsOf(p *pull) []string {
	base := p.baseSHA
	if fork := r.facts.mergeBase(base, p.headSHA); fork != "" {
		base = fork
	}
	all, err := r.facts.between(base, p.headSHA)
	if err != nil {
		r.server.problem("commits of #%d: %v", p.number, err)
	}
	return all
}

// filesOf are what a pull request changes since it left its base.
func (r *Repository) filesOf(p *pull) []file {
	all, err := r.facts.changed(r.facts.mergeBase(p.baseSHA, p.headSHA), p.headSHA)
	if err != nil {
		r.server.problem("files of #%d: %v", p.number, err)
	}
	return all
}

// simplePull is a pull request as lists show it.
func (r *Repository) simplePull(p *pull) json.RawMessage {
	if p.rendered == nil {
		p.rendered = marshal(r.pullObject(p))
	}
	return p.rendered
}

func (r *Repository) pullObject(p *pull) object {
	s, at, page := r.server, r.api()+"/pulls/"+itoa(p.number), r.html()+"/pull/"+itoa(p.number)
	issue := r.api() + "/issues/" + itoa(p.number)
	labels := []any{}
	for _, l := range p.labels {
		labels = append(labels, r.labelObject(l))
	}
	var assignee any
	if len(p.assignees) > 0 {
		assignee = s.user(p.assignees[0])
	}
	merge := p.mergeSHA
	if !p.merged {
		merge = p.testMerge
	}
	link := func(href string) object { return object{"href": href} }
	statuses, comments := r.api()+"/statuses/"+p.headSHA, issue+"/comments"
	headOwner := s.account(p.fromOwner, "User")
	return object{
		"url": at, "id": p.id, "node_id": node("PullRequest", p.id), "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch",
		"issue_url": issue, "number": p.number, "state": p.state, "locked": false, "title": p.title, "user": s.user(p.author), "body": text(p.body),
		"created_at": stamp(p.created), "updated_at": stamp(p.updated), "closed_at": moment(p.closed), "merged_at": moment(p.mergedAt),
		"merge_commit_sha": text(merge), "assignee": assignee, "assignees": s.users(p.assignees), "requested_reviewers": []any{}, "requested_teams": []any{},
		"labels": labels, "milestone": nil, "draft": p.draft, "commits_url": at + "/commits", "review_comments_url": at + "/comments",
		"review_comment_url": r.api() + "/pulls/comments{/number}", "comments_url": comments, "statuses_url": statuses,
		"head": object{"label": p.fromOwner + ":" + p.head, "ref": p.head, "sha": p.headSHA, "user": s.user(headOwner), "repo": p.from.render("full")},
		"base": object{
			"label": r.owner + ":" + p.base, "ref": p.base, "sha": p.baseSHA, "user": s.user(s.account(r.owner, "Organization")), "repo": r.render("full"),
		},
		"_links": object{
			"self": link(at), "html": link(page), "issue": link(issue), "comments": link(comments), "review_comments": link(at + "/comments"),
			"review_comment": link(r.api() + "/pulls/comments{/number}"), "commits": link(at + "/commits"), "statuses": link(statuses),
		},
		"author_association": r.association(p.author), "auto_merge": nil, "active_lock_reason": nil,
	}
}

// fullPull is a pull request by itself.
func (r *Repository) fullPull(p *pull) object {
	o := r.pullObject(p)
	additions, deletions := 0, 0
	files := r.filesOf(p)
	for _, f := range files {
		additions += f.additions
		deletions += f.deletions
	}
	var mergeable any
	state := "unknown"
	switch {
	case p.merged || p.state == "closed":
	case p.mergeable == "no":
		mergeable, state = false, "dirty"
	case p.mergeable == "yes":
		mergeable, state = true, "clean"
		protection, _ := r.protection(p.base)
		if p.draft || len(r.missingChecks(protection, p.headSHA)) > 0 {
			state = "blocked"
		}
	}
	for key, value := range (object{
		"merged": p.merged, "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": state, "merged_by": r.server.user(p.mergedBy), "comments": len(r.commentsOn(&p.issue)),
		"review_comments": 0, "maintainer_can_modify": false, "commits": len(r.commitsOf(p)), "additions": additions, "deletions": deletions,
		"changed_files": len(files),
	}) {
		o[key] = value
	}
	return o
}

// matching are the pull requests a list asks for.
func (c *call) matching() []*pull {
	state := orText(c.query.Get("state"), "open")
	head, base := c.query.Get("head"), c.query.Get("base")
	now := c.s.options.Now()
	all := slices.DeleteFunc(slices.Clone(c.repo.pulls), func(p *pull) bool {
		// GitHub wants user:branch, and ignores a filter without a user.
		if owner, branch, both := strings.Cut(head, ":"); both && (!strings.EqualFold(owner, p.fromOwner) || branch != p.head) {
			return true
		}
		return state != "all" && p.state != state || base != "" && p.base != base || now.Sub(p.created) < c.s.options.ListingDelay
	})
	sort := orText(c.query.Get("sort"), "created")
	direction := c.query.Get("direction")
	if direction == "" {
		direction = map[bool]string{true: "desc", false: "asc"}[sort == "created"]
	}
	slices.SortStableFunc(all, func(a, b *pull) int {
		n := a.number - b.number
		if sort == "updated" {
			if by := a.updated.Compare(b.updated); by != 0 {
				n = by
			}
		}
		if direction == "desc" {
			n = -n
		}
		return n
	})
	return all
}

func orText(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
