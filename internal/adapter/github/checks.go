package github

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gh "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
)

// GitHub's bounds of what a check says.
const (
	maxSummary     = 65535
	maxDescription = 140
)

// Checks are the newest check run or status of each name on a commit, by name. Where both are there under one name, the one that is not green
// counts: branch protection asks for both.
func (c *Client) Checks(ctx context.Context, commit string) ([]forge.Check, error) {
	found := map[string]forge.Check{}
	add := func(check forge.Check) {
		if known, ok := found[check.Name]; !ok || known.Conclusion.Green() {
			found[check.Name] = check
		}
	}
	runs, err := c.runs(ctx, commit, "")
	if err != nil {
		return nil, failed(err, "list the check runs of commit %.12s", commit)
	}
	for _, run := range runs {
		add(checkOf(run, commit))
	}
	statuses, err := c.statuses(ctx, commit)
	if err != nil {
		return nil, failed(err, "list the statuses of commit %.12s", commit)
	}
	for _, s := range statuses {
		add(statusOf(s, commit))
	}
	return slices.SortedFunc(maps.Values(found), func(a, b forge.Check) int { return strings.Compare(a.Name, b.Name) }), nil
}

// runs are the newest check run of each name and app, or of one name.
func (c *Client) runs(ctx context.Context, commit, only string) ([]*gh.CheckRun, error) {
	owner, name := c.repository()
	type key struct {
		name string
		app  int64
	}
	newest := map[key]*gh.CheckRun{}
	o := gh.ListCheckRunsOptions{Filter: gh.String("latest")}
	if only != "" {
		o.CheckName = &only
	}
	err := pages(func(at gh.ListOptions) (*gh.Response, bool, error) {
		o.ListOptions = at
		page, answer, err := c.api.Checks.ListCheckRunsForRef(ctx, owner, name, commit, &o)
		if err != nil {
			return answer, false, err
		}
		for _, run := range page.CheckRuns {
			k := key{run.GetName(), run.GetApp().GetID()}
			// Their numbers grow with time. GitHub's newest is that of each suite, of which a commit may have several.
			if known := newest[k]; known == nil || known.GetID() < run.GetID() {
				newest[k] = run
			}
		}
		return answer, false, nil
	})
	return slices.SortedFunc(maps.Values(newest), func(a, b *gh.CheckRun) int { return cmp.Compare(a.GetID(), b.GetID()) }), err
}

// statuses are the newest commit status of each name.
func (c *Client) statuses(ctx context.Context, commit string) ([]*gh.RepoStatus, error) {
	owner, name := c.repository()
	var all []*gh.RepoStatus
	err := pages(func(at gh.ListOptions) (*gh.Response, bool, error) {
		page, answer, err := c.api.Repositories.GetCombinedStatus(ctx, owner, name, commit, &at)
		if err != nil {
			return answer, false, err
		}
		all = append(all, page.Statuses...)
		return answer, false, nil
	})
	newest := map[string]*gh.RepoStatus{}
	for _, s := range all {
		if known := newest[s.GetContext()]; known == nil || known.GetID() < s.GetID() {
			newest[s.GetContext()] = s
		}
	}
	return slices.SortedFunc(maps.Values(newest), func(a, b *gh.RepoStatus) int { return cmp.Compare(a.GetID(), b.GetID()) }), err
}

func checkOf(run *gh.CheckRun, commit string) forge.Check {
	check := forge.Check{Name: run.GetName(), Commit: commit, Title: run.GetOutput().GetTitle(), Summary: run.GetOutput().GetSummary()}
	if run.GetStatus() == "completed" {
		check.Conclusion = forge.Conclusion(run.GetConclusion())
	}
	return check
}

func statusOf(s *gh.RepoStatus, commit string) forge.Check {
	check := forge.Check{Name: s.GetContext(), Commit: commit, Title: s.GetDescription()}
	if state := s.GetState(); state != "pending" {
		check.Conclusion = forge.Conclusion(state)
	}
	return check
}

// SetCheck says how a check ended: as a check run for an App, as a commit status for a token, since only Apps may make check runs. It does
// nothing when the same is there.
func (c *Client) SetCheck(ctx context.Context, check forge.Check) error {
	set := c.setStatus
	if c.app {
		set = c.setRun
	}
	if err := set(ctx, check); err != nil {
		return failed(err, "set check %s of commit %.12s", check.Name, check.Commit)
	}
	return nil
}

func (c *Client) setRun(ctx context.Context, check forge.Check) error {
	if check.Title == "" {
		check.Title = check.Name
	}
	if check.Summary == "" {
		check.Summary = check.Title
	}
	check.Summary = shorten(check.Summary, maxSummary)
	runs, err := c.runs(ctx, check.Commit, check.Name)
	if err != nil {
		return err
	}
	owner, name := c.repository()
	state, conclusion := gh.String("in_progress"), (*string)(nil)
	if check.Conclusion != "" {
		state, conclusion = gh.String("completed"), gh.String(string(check.Conclusion))
	}
	output := &gh.CheckRunOutput{Title: &check.Title, Summary: &check.Summary}
	for _, run := range runs {
		if run.GetApp().GetID() != c.user.stack.appID {
			continue
		}
		was := checkOf(run, check.Commit)
		if was == check {
			return nil
		}
		// A run that ended cannot become unfinished: that takes a new one.
		if was.Conclusion == "" || check.Conclusion != "" {
			_, _, err := c.api.Checks.UpdateCheckRun(ctx, owner, name, run.GetID(), gh.UpdateCheckRunOptions{Name: check.Name, Status: state, Conclusion: conclusion, Output: output})
			return err
		}
	}
	// Again does no harm: the newest counts.
	_, _, err = c.api.Checks.CreateCheckRun(again(ctx), owner, name, gh.CreateCheckRunOptions{
		Name: check.Name, HeadSHA: check.Commit, Status: state, Conclusion: conclusion, Output: output,
	})
	return err
}

func (c *Client) setStatus(ctx context.Context, check forge.Check) error {
	state := "error"
	switch check.Conclusion {
	case "":
		state = "pending"
	case forge.Success, forge.Neutral, forge.Skipped:
		state = "success"
	case forge.Failure:
		state = "failure"
	}
	description := shorten(check.Title, maxDescription)
	statuses, err := c.statuses(ctx, check.Commit)
	if err != nil {
		return err
	}
	for _, s := range statuses {
		if s.GetContext() == check.Name && s.GetState() == state && s.GetDescription() == description {
			return nil
		}
	}
	owner, name := c.repository()
	_, _, err = c.api.Repositories.CreateStatus(again(ctx), owner, name, check.Commit, &gh.RepoStatus{State: &state, Context: &check.Name, Description: &description})
	return err
}

// shorten cuts a text that GitHub would refuse.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return markdown.Cut(text, most-len("…")) + "…"
}

// RequiredChecks are the names that branch protection and rulesets ask for on a branch, sorted. Known is false when the credentials may not ask
// for all of them; those that could be read are answered all the same.
func (c *Client) RequiredChecks(ctx context.Context, branch string) (names []string, known bool, err error) {
	owner, name := c.repository()
	doing := fmt.Sprintf("read the required checks of branch %s", branch)
	known = true
	protection, _, err := c.api.Repositories.GetRequiredStatusChecks(ctx, owner, name, branch)
	switch {
	case err == nil:
		names = append(names, protection.Contexts...)
		for _, check := range protection.Checks {
			names = append(names, check.Context)
		}
	case hidden(err):
		// Who may administer the repository hears that the branch has no protection; everybody else only that there is nothing.
		said := unwrapped(err).Error()
		known = strings.Contains(said, "Branch not protected") || strings.Contains(said, "Required status checks not enabled")
		if !known {
			if names, known, err = c.publicChecks(ctx, branch); err != nil {
				return nil, false, failed(err, "%s", doing)
			}
		}
	default:
		return nil, false, failed(err, "%s", doing)
	}
	err = pages(func(at gh.ListOptions) (*gh.Response, bool, error) {
		rules, answer, err := c.rules(ctx, branch, at)
		for _, r := range rules {
			if r.Type == "required_status_checks" {
				for _, check := range r.Parameters.RequiredStatusChecks {
					names = append(names, check.Context)
				}
			}
		}
		return answer, false, err
	})
	switch {
	case hidden(err):
		known = false
	case err != nil:
		return nil, false, failed(err, "%s", doing)
	}
	slices.Sort(names)
	return slices.Compact(names), known, nil
}

// publicChecks are those that the branch itself shows to everybody who may read it.
func (c *Client) publicChecks(ctx context.Context, branch string) (names []string, known bool, err error) {
	owner, name := c.repository()
	request, err := c.api.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/branches/%s", owner, name, url.PathEscape(branch)), nil)
	if err != nil {
		return nil, false, err
	}
	var shown struct {
		Protection *struct {
			Enabled              *bool
			RequiredStatusChecks *struct{ Contexts []string } `json:"required_status_checks"`
		}
	}
	switch _, err := c.api.Do(ctx, request, &shown); {
	case hidden(err):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	p := shown.Protection
	if p == nil || p.Enabled == nil {
		return nil, false, nil
	}
	if p.RequiredStatusChecks != nil {
		names = p.RequiredStatusChecks.Contexts
	}
	return names, !*p.Enabled || p.RequiredStatusChecks != nil, nil
}

func hidden(err error) bool {
	return status(err) == http.StatusForbidden || status(err) == http.StatusNotFound
}

// rule is one of a ruleset. The client library refuses kinds that it does not know, and reads no second page.
type rule struct {
	Type       string
	Parameters struct {
		RequiredStatusChecks []struct{ Context string } `json:"required_status_checks"`
	}
}

func (c *Client) rules(ctx context.Context, branch string, at gh.ListOptions) ([]rule, *gh.Response, error) {
	owner, name := c.repository()
	request, err := c.api.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/rules/branches/%s?page=%d&per_page=%d", owner, name, url.PathEscape(branch), at.Page, at.PerPage), nil)
	if err != nil {
		return nil, nil, err
	}
	var rules []rule
	answer, err := c.api.Do(ctx, request, &rules)
	return rules, answer, err
}
