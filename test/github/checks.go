package github

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

type checkRun struct {
	id                   int64
	app                  *App
	name, sha            string
	status, conclusion   string
	title, summary, text string
	external, details    string
	started, completed   time.Time
}

type status struct {
	id                                  int64
	sha, context, state, described, url string
	by                                  *account
	at                                  time.Time
}

// maxCheckText is the most that a check run's summary or text may have.
const maxCheckText = 65535

func (r *Repository) runObject(c *checkRun) object {
	at := r.api() + "/check-runs/" + itoa(int(c.id))
	return object{
		"id": c.id, "head_sha": c.sha, "node_id": node("CheckRun", c.id), "external_id": c.external, "url": at,
		"html_url": r.html() + "/runs/" + itoa(int(c.id)), "details_url": text(c.details), "status": c.status, "conclusion": text(c.conclusion),
		"started_at": moment(c.started), "completed_at": moment(c.completed), "name": c.name, "check_suite": object{"id": c.app.ID},
		"app": r.server.integration(c.app), "pull_requests": []any{},
		"output": object{
			"title": text(c.title), "summary": text(c.summary), "text": text(c.text), "annotations_count": 0, "annotations_url": at + "/annotations",
		},
	}
}

// runInput is what is sent to make or to change a check run.
type runInput struct {
	Name       *string
	HeadSHA    string `json:"head_sha"`
	Status     *string
	Conclusion *string
	ExternalID *string `json:"external_id"`
	DetailsURL *string `json:"details_url"`
	Output     *struct{ Title, Summary, Text string }
}

// change applies what was sent.
func (c *checkRun) change(in runInput, now time.Time) *answer {
	if o := in.Output; o != nil {
		if utf8.RuneCountInString(o.Summary) > maxCheckText || utf8.RuneCountInString(o.Text) > maxCheckText {
			a := unprocessable("Invalid request.\n\nOnly 65535 characters are allowed; more were supplied.")
			return &a
		}
		c.title, c.summary, c.text = o.Title, o.Summary, o.Text
	}
	if in.Name != nil {
		c.name = *in.Name
	}
	if in.Status != nil {
		c.status = *in.Status
	}
	if in.ExternalID != nil {
		c.external = *in.ExternalID
	}
	if in.DetailsURL != nil {
		c.details = *in.DetailsURL
	}
	if in.Conclusion != nil {
		c.conclusion, c.status, c.completed = *in.Conclusion, "completed", now
	} else if c.status == "completed" && c.conclusion == "" {
		a := unprocessable("Invalid request.\n\nMissing conclusion for a completed check run.")
		return &a
	}
	return nil
}

func createRun(c *call) answer {
	if c.by.account == nil {
		return failed(http.StatusUnauthorized, "Requires authentication")
	}
	if c.by.app == nil {
		return failed(http.StatusForbidden, "You must authenticate via a GitHub App.")
	}
	var in runInput
	if err := c.decode(&in); err != nil {
		return failed(http.StatusBadRequest, "Problems parsing JSON")
	}
	if _, err := c.repo.facts.commit(in.HeadSHA); err != nil || len(in.HeadSHA) != 40 {
		return unprocessable("No commit found for SHA: " + in.HeadSHA)
	}
	run := &checkRun{id: c.s.id(), app: c.by.app, sha: in.HeadSHA, status: "queued", started: c.s.now()}
	if refused := run.change(in, c.s.now()); refused != nil {
		return *refused
	}
	c.repo.runs = append(c.repo.runs, run)
	c.repo.tellRun("created", run, c.by.account)
	if run.status == "completed" {
		c.repo.tellRun("completed", run, c.by.account)
	}
	return created(c.repo.runObject(run))
}

func onRun(c *call, f func(*checkRun) answer) answer {
	for _, run := range c.repo.runs {
		if run.id == int64(c.number("check_run_id")) {
			return f(run)
		}
	}
	return notFound()
}

func getRun(c *call) answer {
	return onRun(c, func(run *checkRun) answer { return ok(c.repo.runObject(run)) })
}

func updateRun(c *call) answer {
	return onRun(c, func(run *checkRun) answer {
		if c.by.app != run.app {
			return failed(http.StatusForbidden, "Invalid app_id `"+c.by.login()+"` - check run can only be modified by the GitHub App that created it.")
		}
		var in runInput
		if err := c.decode(&in); err != nil {
			return failed(http.StatusBadRequest, "Problems parsing JSON")
		}
		before := run.status
		if refused := run.change(in, c.s.now()); refused != nil {
			return *refused
		}
		if run.status == "completed" && before != "completed" {
			c.repo.tellRun("completed", run, c.by.account)
		}
		return ok(c.repo.runObject(run))
	})
}

// listRuns gives the newest of each name and app, unless all are asked for.
func listRuns(c *call) answer {
	commit, err := c.repo.resolve(c.path["ref"])
	if err != nil {
		return unprocessable("No commit found for SHA: " + c.path["ref"])
	}
	type key struct {
		app  *App
		name string
	}
	seen := map[key]bool{}
	var all []any
	for _, run := range slices.Backward(c.repo.runs) {
		k := key{run.app, run.name}
		name, state := c.query.Get("check_name"), c.query.Get("status")
		if run.sha != commit || name != "" && name != run.name || c.query.Get("filter") != "all" && seen[k] {
			continue
		}
		seen[k] = true
		if state == "" || state == run.status {
			all = append(all, c.repo.runObject(run))
		}
	}
	a := listed(all)
	a.wrap = "check_runs"
	return a
}

// resolve is the commit of a branch, a tag or a hash.
func (r *Repository) resolve(rev string) (string, error) {
	for _, name := range []string{"refs/heads/" + rev, "refs/tags/" + rev, "refs/" + rev} {
		if sha := r.refs[name]; sha != "" {
			rev = sha
			break
		}
	}
	commit, err := r.facts.commit(rev)
	if err != nil {
		return "", err
	}
	return commit.sha, nil
}

func (r *Repository) statusObject(s *status) object {
	return object{
		"url": r.api() + "/statuses/" + s.sha, "avatar_url": r.server.url + "/avatars/" + itoa(int(s.by.id)), "id": s.id, "node_id": node("Status", s.id),
		"state": s.state, "description": text(s.described), "target_url": text(s.url), "context": s.context, "created_at": stamp(s.at), "updated_at": stamp(s.at),
		"creator": r.server.user(s.by),
	}
}

func createStatus(c *call) answer {
	var in struct {
		State, Description, Context string
		TargetURL                   string `json:"target_url"`
	}
	if err := c.decode(&in); err != nil {
		return failed(http.StatusBadRequest, "Problems parsing JSON")
	}
	sha := c.path["sha"]
	if _, err := c.repo.facts.commit(sha); err != nil || len(sha) != 40 {
		return unprocessable("No commit found for SHA: " + sha)
	}
	if utf8.RuneCountInString(in.Description) > 140 {
		return invalid(custom("Status", "description is too long (maximum is 140 characters)"))
	}
	return created(c.repo.statusObject(c.repo.setStatus(c.by.account, sha, orText(in.Context, "default"), in.State, in.Description, in.TargetURL)))
}

func (r *Repository) setStatus(by *account, sha, context, state, described, url string) *status {
	s := &status{id: r.server.id(), sha: sha, context: context, state: state, described: described, url: url, by: by, at: r.server.now()}
	r.statuses = append(r.statuses, s)
	return s
}

func listStatuses(c *call) answer {
	commit, err := c.repo.resolve(c.path["ref"])
	if err != nil {
		return notFound()
	}
	var all []any
	for _, s := range slices.Backward(c.repo.statuses) {
		if s.sha == commit {
			all = append(all, c.repo.statusObject(s))
		}
	}
	return listed(all)
}

// newest are the newest status of each context on a commit, in the order they came.
func (r *Repository) newest(sha string) (all []*status) {
	for _, s := range r.statuses {
		if s.sha == sha {
			all = append(slices.DeleteFunc(all, func(o *status) bool { return strings.EqualFold(o.context, s.context) }), s)
		}
	}
	return all
}

func combinedStatus(c *call) answer {
	sha, err := c.repo.resolve(c.path["ref"])
	if err != nil {
		return notFound()
	}
	state, statuses := "success", []any{}
	newest := c.repo.newest(sha)
	if len(newest) == 0 {
		state = "pending"
	}
	for _, s := range newest {
		if s.state == "pending" && state == "success" {
			state = "pending"
		}
		if s.state == "failure" || s.state == "error" {
			state = "failure"
		}
		o := c.repo.statusObject(s)
		delete(o, "creator")
		statuses = append(statuses, o)
	}
	at := c.repo.api() + "/commits/" + sha
	return ok(object{
		"state": state, "statuses": statuses, "sha": sha, "total_count": len(newest), "repository": c.repo.render("minimal"),
		"commit_url": at, "url": at + "/status",
	})
}
