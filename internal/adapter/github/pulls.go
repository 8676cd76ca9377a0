package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	gh "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/core/forge"
)

// lag is how long GitHub may not list what it has just made; these are the pauses between looking again.
var lag = []time.Duration{time.Second, 4 * time.Second, 10 * time.Second, 20 * time.Second, 25 * time.Second}

// OpenPulls are all open pull requests, by number.
func (c *Client) OpenPulls(ctx context.Context) ([]forge.Pull, error) {
	// Oldest first: new ones come at the end. One that is closed meanwhile moves others from the page to come to the one before, so more than
	// one page is read until twice the same is on them; GitHub counts only what has changed.
	var before []forge.Pull
	for pass := 1; ; pass++ {
		pulls, several, err := c.pulls(ctx, gh.PullRequestListOptions{State: "open", Sort: "created", Direction: "asc"}, nil)
		if err != nil {
			return nil, failed(err, "list open pull requests")
		}
		if !several || pass > 1 && slices.EqualFunc(before, pulls, sameNumber) || pass == 5 {
			return pulls, nil
		}
		before = pulls
	}
}

func sameNumber(a, b forge.Pull) bool { return a.Number == b.Number }

// PullsSince are all pull requests, open or not, that were updated since; by number.
func (c *Client) PullsSince(ctx context.Context, since time.Time) ([]forge.Pull, error) {
	// Newest first. One that is updated meanwhile moves to the front, past a reader: so the front is read again until nothing is new there.
	found := map[int]forge.Pull{}
	for pass := 1; ; pass++ {
		news, newest := 0, since
		pulls, several, err := c.pulls(ctx, gh.PullRequestListOptions{State: "all", Sort: "updated", Direction: "desc"}, func(p forge.Pull) bool { return p.Updated.Before(since) })
		if err != nil {
			return nil, failed(err, "list pull requests updated since %s", since.UTC().Format(time.RFC3339))
		}
		for _, p := range pulls {
			if known, ok := found[p.Number]; !ok || known.Updated.Before(p.Updated) {
				found[p.Number] = p
				news++
			}
			if p.Updated.After(newest) {
				newest = p.Updated
			}
		}
		if !several && pass == 1 || news == 0 || pass == 10 {
			return sorted(found), nil
		}
		since = newest
	}
}

// PullsOf are the pull requests, open or not, whose head is this branch of this repository, newest first.
func (c *Client) PullsOf(ctx context.Context, head string) ([]forge.Pull, error) {
	pulls, err := c.pullsOf(ctx, head)
	if err != nil {
		return nil, failed(err, "list pull requests from %s", head)
	}
	return pulls, nil
}

func (c *Client) pullsOf(ctx context.Context, head string) ([]forge.Pull, error) {
	owner, name := c.repository()
	pulls, _, err := c.pulls(ctx, gh.PullRequestListOptions{State: "all", Head: owner + ":" + head}, nil)
	// GitHub lists all when it does not understand the filter, and those of the owner's forks of the same branch name.
	pulls = slices.DeleteFunc(pulls, func(p forge.Pull) bool {
		return p.Head != head || !strings.EqualFold(p.HeadRepository, owner+"/"+name)
	})
	slices.Reverse(pulls)
	return pulls, err
}

// pulls are those of all pages until enough, by number, and whether there was more than one page.
func (c *Client) pulls(ctx context.Context, o gh.PullRequestListOptions, enough func(forge.Pull) bool) ([]forge.Pull, bool, error) {
	owner, name := c.repository()
	found := map[int]forge.Pull{}
	read := 0
	err := pages(func(at gh.ListOptions) (*gh.Response, bool, error) {
		o.ListOptions = at
		page, answer, err := c.api.PullRequests.List(ctx, owner, name, &o)
		read++
		for _, p := range page {
			pull := pullOf(p)
			if enough != nil && enough(pull) {
				return answer, true, err
			}
			if known, ok := found[pull.Number]; !ok || known.Updated.Before(pull.Updated) {
				found[pull.Number] = pull
			}
		}
		return answer, false, err
	})
	return sorted(found), read > 1, err
}

func sorted(found map[int]forge.Pull) []forge.Pull {
	pulls := make([]forge.Pull, 0, len(found))
	for _, p := range found {
		pulls = append(pulls, p)
	}
	slices.SortFunc(pulls, func(a, b forge.Pull) int { return a.Number - b.Number })
	return pulls
}

// Pull is one pull request. ErrNotFound when the number is an issue's.
func (c *Client) Pull(ctx context.Context, number int) (forge.Pull, error) {
	owner, name := c.repository()
	p, _, err := c.api.PullRequests.Get(ctx, owner, name, number)
	if err != nil {
		return forge.Pull{}, failed(err, "read pull request #%d", number)
	}
	return pullOf(p), nil
}

// Open opens a pull request. When there is one for the same head and base already, that is the answer, with ErrExists; without a number when
// GitHub does not list it yet.
func (c *Client) Open(ctx context.Context, p forge.NewPull) (forge.Pull, error) {
	owner, name := c.repository()
	// Again is safe: GitHub opens no second one for the same head and base.
	made, _, err := c.api.PullRequests.Create(again(ctx), owner, name, &gh.NewPullRequest{Title: &p.Title, Body: &p.Body, Base: &p.Base, Head: &p.Head, Draft: &p.Draft})
	if err == nil {
		return pullOf(made), nil
	}
	refused := failed(err, "open a pull request from %s into %s", p.Head, p.Base)
	if !errors.Is(refused, ErrExists) {
		return forge.Pull{}, refused
	}
	for i := 0; ; i++ {
		found, err := c.pullsOf(ctx, p.Head)
		if err != nil {
			return forge.Pull{}, errors.Join(refused, failed(err, "look for it"))
		}
		for _, one := range found {
			if one.Open && one.Base == p.Base {
				return one, refused
			}
		}
		if i == len(lag) {
			return forge.Pull{}, refused
		}
		if err := c.times.sleep(ctx, lag[i]); err != nil {
			return forge.Pull{}, failed(err, "wait for GitHub to list the pull request from %s into %s", p.Head, p.Base)
		}
	}
}

// Edit changes a pull request.
func (c *Client) Edit(ctx context.Context, number int, e forge.PullEdit) (forge.Pull, error) {
	owner, name := c.repository()
	edit := gh.PullRequest{Title: e.Title, Body: e.Body}
	if e.Closed {
		edit.State = gh.String("closed")
	}
	p, _, err := c.api.PullRequests.Edit(ctx, owner, name, number, &edit)
	if err != nil {
		return forge.Pull{}, failed(err, "change pull request #%d", number)
	}
	return pullOf(p), nil
}

// Label adds the labels that the pull request does not have.
func (c *Client) Label(ctx context.Context, number int, labels ...string) error {
	pull, err := c.Pull(ctx, number)
	if err != nil {
		return err
	}
	owner, name := c.repository()
	if labels = missing(labels, pull.Labels); len(labels) == 0 {
		return nil
	}
	if _, _, err := c.api.Issues.AddLabelsToIssue(again(ctx), owner, name, number, labels); err != nil {
		return failed(err, "label pull request #%d %s", number, line(strings.Join(labels, ", ")))
	}
	return nil
}

// Assign adds the assignees that the pull request does not have; who cannot be assigned is left out, as GitHub does. It is asked before, so that
// trying again every time is no write every time.
func (c *Client) Assign(ctx context.Context, number int, logins ...string) error {
	pull, err := c.Pull(ctx, number)
	if err != nil {
		return err
	}
	owner, name := c.repository()
	var able []string
	for _, login := range missing(logins, pull.Assignees) {
		switch _, _, err := c.api.Issues.IsAssignee(ctx, owner, name, url.PathEscape(login)); {
		case err == nil:
			able = append(able, login)
		case status(err) != http.StatusNotFound:
			return failed(err, "ask whether pull request #%d can be assigned to %s", number, line(login))
		}
	}
	if len(able) == 0 {
		return nil
	}
	if _, _, err := c.api.Issues.AddAssignees(again(ctx), owner, name, number, able); err != nil {
		return failed(err, "assign pull request #%d to %s", number, line(strings.Join(able, ", ")))
	}
	return nil
}

// missing are the wanted names that are not among those there, each once. GitHub does not tell their cases apart.
func missing(wanted, there []string) []string {
	var found []string
	for _, name := range wanted {
		same := func(other string) bool { return strings.EqualFold(name, other) }
		if name != "" && !slices.ContainsFunc(there, same) && !slices.ContainsFunc(found, same) {
			found = append(found, name)
		}
	}
	return found
}

// pullOf reads GitHub's pull request. A state that is not known counts as open: what is not certainly closed is left alone.
func pullOf(p *gh.PullRequest) forge.Pull {
	pull := forge.Pull{
		Number: p.GetNumber(), Title: p.GetTitle(), Body: p.GetBody(), Author: p.GetUser().GetLogin(),
		// Lists say only when it was merged.
		Merged: p.GetMerged() || p.MergedAt != nil,
		Draft:  p.GetDraft(),
		Base:   p.GetBase().GetRef(), BaseCommit: p.GetBase().GetSHA(),
		Head: p.GetHead().GetRef(), HeadCommit: p.GetHead().GetSHA(), HeadRepository: p.GetHead().GetRepo().GetFullName(),
		Created: p.GetCreatedAt().UTC(), Updated: p.GetUpdatedAt().UTC(), URL: p.GetHTMLURL(),
	}
	pull.Open = p.GetState() != "closed" && !pull.Merged
	if pull.Merged {
		// Before, it is a merge that GitHub only tried.
		pull.MergeCommit = p.GetMergeCommitSHA()
	}
	for _, label := range p.Labels {
		pull.Labels = append(pull.Labels, label.GetName())
	}
	for _, user := range p.Assignees {
		pull.Assignees = append(pull.Assignees, user.GetLogin())
	}
	slices.Sort(pull.Labels)
	slices.Sort(pull.Assignees)
	return pull
}
