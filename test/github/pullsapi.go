package github

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// The longest texts GitHub takes.
const (
	maxTitle = 256
	maxText  = 65536
)

// tooLong refuses texts as GitHub does.
func tooLong(resource, title, body string) *answer {
	var problems []object
	if utf8.RuneCountInString(title) > maxTitle {
		problems = append(problems, custom(resource, "title is too long (maximum is 256 characters)"))
		problems[0]["field"] = "title"
	}
	if utf8.RuneCountInString(body) > maxText {
		p := custom(resource, "body is too long (maximum is 65536 characters)")
		p["field"] = "body"
		problems = append(problems, p)
	}
	if len(problems) == 0 {
		return nil
	}
	a := invalid(problems...)
	return &a
}

func listPulls(c *call) answer {
	var all []any
	for _, p := range c.matching() {
		all = append(all, c.repo.simplePull(p))
	}
	return listed(all)
}

// onPull hands the pull request of the path to f.
func onPull(c *call, name string, f func(*pull) answer) answer {
	if p := c.repo.pull(c.number(name)); p != nil {
		return f(p)
	}
	return notFound()
}

// getPull tells the first who asks that GitHub does not know yet whether the pull request can be merged.
func getPull(c *call) answer {
	return onPull(c, "pull_number", func(p *pull) answer {
		body := c.repo.fullPull(p)
		if p.mergeable == "" && p.state == "open" {
			c.repo.tryMerge(p)
		}
		return ok(body)
	})
}

// NewPull is a pull request that a test opens as somebody.
type NewPull struct {
	Author, Title, Body string
	// Head is a branch, of another owner's fork as owner:branch.
	Head, Base string
	Draft      bool
	Labels     []string
}

func createPull(c *call) answer {
	var in struct {
		Title, Body, Head, Base string
		HeadRepo                string `json:"head_repo"`
		Draft                   bool
	}
	if err := c.decode(&in); err != nil {
		return failed(http.StatusBadRequest, "Problems parsing JSON")
	}
	if c.by.account == nil {
		return failed(http.StatusUnauthorized, "Requires authentication")
	}
	p, refused := c.repo.open(c.by.account, NewPull{Title: in.Title, Body: in.Body, Head: in.Head, Base: in.Base, Draft: in.Draft})
	if refused != nil {
		return *refused
	}
	return created(c.repo.fullPull(p))
}

// open opens a pull request. The caller holds the lock.
func (r *Repository) open(by *account, in NewPull) (*pull, *answer) {
	refuse := func(a answer) (*pull, *answer) { return nil, &a }
	if r.archived {
		return refuse(failed(http.StatusForbidden, "Repository was archived so is read-only."))
	}
	if strings.TrimSpace(in.Title) == "" {
		return refuse(invalid(field("PullRequest", "title", "missing_field")))
	}
	if a := tooLong("Issue", in.Title, in.Body); a != nil {
		return nil, a
	}
	from, owner, head := r, r.owner, in.Head
	if o, branch, other := strings.Cut(in.Head, ":"); other {
		owner, head = o, branch
		if !strings.EqualFold(o, r.owner) {
			from = r.server.repositories[strings.ToLower(o+"/"+r.name)]
		}
	}
	var problems []object
	if r.refs["refs/heads/"+in.Base] == "" {
		problems = append(problems, field("PullRequest", "base", "invalid"))
	}
	if from == nil || from.sync() != nil || from.refs["refs/heads/"+head] == "" {
		problems = append(problems, field("PullRequest", "head", "invalid"))
	}
	if len(problems) > 0 {
		return refuse(invalid(problems...))
	}
	for _, p := range r.pulls {
		if p.state == "open" && p.from == from && p.head == head && p.base == in.Base {
			return refuse(invalid(custom("PullRequest", fmt.Sprintf("A pull request already exists for %s:%s.", owner, head))))
		}
	}
	p := &pull{
		issue: r.newIssue(by, in.Title, in.Body), draft: in.Draft, base: in.Base, head: head,
		from: from, fromOwner: owner, baseSHA: r.refs["refs/heads/"+in.Base], headSHA: from.refs["refs/heads/"+head],
	}
	p.pull = p
	r.keepHead(p)
	if len(r.commitsOf(p)) == 0 {
		_, _ = r.facts.run(nil, "", "update-ref", "-d", "refs/pull/"+itoa(p.number)+"/head")
		return refuse(invalid(custom("PullRequest", fmt.Sprintf("No commits between %s:%s and %s:%s", r.owner, in.Base, owner, head))))
	}
	r.pulls = append(r.pulls, p)
	r.tellPull("opened", p, by, nil)
	return p, nil
}

func updatePull(c *call) answer {
	return onPull(c, "pull_number", func(p *pull) answer {
		var in struct {
			Title, Body, State, Base *string
		}
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		if c.by.account == nil {
			return failed(http.StatusUnauthorized, "Requires authentication")
		}
		if c.by.app == nil && c.by.account != p.author && rank(c.repo.level(c.by)) < rank("triage") {
			return failed(http.StatusForbidden, "Must have admin rights to Repository.")
		}
		if a := c.repo.edit(p, c.by.account, in.Title, in.Body, in.State, in.Base); a != nil {
			return *a
		}
		return ok(c.repo.fullPull(p))
	})
}

// edit changes a pull request. The caller holds the lock.
func (r *Repository) edit(p *pull, by *account, title, body, state, base *string) *answer {
	refuse := func(a answer) *answer { return &a }
	if title != nil && strings.TrimSpace(*title) == "" {
		return refuse(invalid(field("PullRequest", "title", "missing_field")))
	}
	if a := tooLong("Issue", value(title), value(body)); a != nil {
		return a
	}
	if base != nil && *base != p.base {
		sha := r.refs["refs/heads/"+*base]
		if sha == "" {
			return refuse(invalid(field("PullRequest", "base", "invalid")))
		}
		if p.state != "open" {
			return refuse(invalid(custom("PullRequest", "Cannot change the base branch of a closed pull request.")))
		}
		p.base, p.baseSHA, p.mergeable, p.testMerge = *base, sha, "", ""
	}
	changes := p.rewrite(title, body)
	if len(changes) > 0 || base != nil {
		p.touch()
		r.tellPull("edited", p, by, object{"changes": changes})
	}
	if state == nil || *state == p.state {
		return nil
	}
	if *state == "closed" {
		r.close(p, by)
		return nil
	}
	return r.reopen(p, by)
}

func (r *Repository) reopen(p *pull, by *account) *answer {
	refuse := func(message string) *answer {
		a := invalid(custom("PullRequest", message))
		a.body.(object)["errors"].([]any)[0].(object)["field"] = "state"
		return &a
	}
	if p.merged {
		return refuse("state cannot be changed. The pull request cannot be reopened.")
	}
	now := ""
	if p.from != nil {
		now = p.from.refs["refs/heads/"+p.head]
	}
	switch {
	case now == "":
		return refuse("state cannot be changed. The " + p.head + " branch has been deleted.")
	case now != p.headSHA && !r.facts.ancestor(p.headSHA, now):
		return refuse("state cannot be changed. The " + p.head + " branch was force-pushed or recreated.")
	}
	for _, other := range r.pulls {
		if other != p && other.state == "open" && other.from == p.from && other.head == p.head && other.base == p.base {
			return refuse(fmt.Sprintf("state cannot be changed. There is already an open pull request from %s to %s.", p.head, p.base))
		}
	}
	p.state, p.headSHA, p.mergeable = "open", now, ""
	p.closed, p.closedBy = p.mergedAt, nil
	p.touch()
	r.keepHead(p)
	r.tellPull("reopened", p, by, nil)
	return nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func listPullCommits(c *call) answer {
	return onPull(c, "pull_number", func(p *pull) answer {
		var all []any
		for _, sha := range c.repo.commitsOf(p) {
			commit, err := c.repo.facts.commit(sha)
			if err != nil {
				return failed(http.StatusInternalServerError, err.Error())
			}
			if all = append(all, c.repo.commitObject(commit)); len(all) == 250 {
				break // GitHub lists no more.
			}
		}
		return listed(all)
	})
}

func listPullFiles(c *call) answer {
	return onPull(c, "pull_number", func(p *pull) answer {
		var all []any
		for _, f := range c.repo.filesOf(p) {
			all = append(all, c.repo.fileObject(f, p.headSHA))
		}
		return listed(all)
	})
}

func checkMerged(c *call) answer {
	return onPull(c, "pull_number", func(p *pull) answer {
		if p.merged {
			return none()
		}
		return answer{status: http.StatusNotFound, body: notFound().body}
	})
}

// pullsOfCommit are those whose commits have it, and the one that brought it to the base.
func pullsOfCommit(c *call) answer {
	commit, err := c.repo.facts.commit(c.path["commit_sha"])
	if err != nil {
		return invalid(custom("Commit", "No commit found for SHA: "+c.path["commit_sha"]))
	}
	var all []any
	for _, p := range c.repo.pulls {
		if slices.Contains(p.landed, commit.sha) || p.mergeSHA == commit.sha || slices.Contains(c.repo.commitsOf(p), commit.sha) {
			all = append(all, c.repo.simplePull(p))
		}
	}
	return listed(all)
}

func (r *Repository) reviewObject(p *pull, v *review) object {
	at := r.html() + "/pull/" + itoa(p.number) + "#pullrequestreview-" + itoa(int(v.id))
	return object{
		"id": v.id, "node_id": node("PullRequestReview", v.id), "user": r.server.user(v.by), "body": v.body, "state": v.state, "html_url": at,
		"pull_request_url": r.api() + "/pulls/" + itoa(p.number), "author_association": r.association(v.by), "submitted_at": stamp(v.at), "commit_id": v.commit,
		"_links": object{"html": object{"href": at}, "pull_request": object{"href": r.api() + "/pulls/" + itoa(p.number)}},
	}
}

func listReviews(c *call) answer {
	return onPull(c, "pull_number", func(p *pull) answer {
		var all []any
		for _, v := range p.reviews {
			all = append(all, c.repo.reviewObject(p, v))
		}
		return listed(all)
	})
}

func createReview(c *call) answer {
	return onPull(c, "pull_number", func(p *pull) answer {
		var in struct{ Body, Event string }
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		state := map[string]string{"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED", "": "PENDING"}[in.Event]
		if c.by.account == p.author && state == "APPROVED" {
			return answer{status: http.StatusUnprocessableEntity, body: object{
				"message": "Unprocessable Entity", "errors": []any{"Can not approve your own pull request"}, "documentation_url": documentation,
			}}
		}
		v := &review{id: c.s.id(), by: c.by.account, body: in.Body, state: state, commit: p.headSHA, at: c.s.now()}
		p.reviews = append(p.reviews, v)
		p.touch()
		return ok(c.repo.reviewObject(p, v))
	})
}
