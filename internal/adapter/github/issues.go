package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gh "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/core/forge"
)

// Issues are the issues with a label, open or not, by number; pull requests are none.
func (c *Client) Issues(ctx context.Context, label string) ([]forge.Issue, error) {
	owner, name := c.repository()
	found := map[int]forge.Issue{}
	err := pages(func(at gh.ListOptions) (*gh.Response, bool, error) {
		page, answer, err := c.api.Issues.ListByRepo(ctx, owner, name, &gh.IssueListByRepoOptions{
			State: "all", Labels: []string{label}, Sort: "created", Direction: "asc", ListOptions: at,
		})
		for _, one := range page {
			if !one.IsPullRequest() {
				found[one.GetNumber()] = issueOf(one)
			}
		}
		return answer, false, err
	})
	if err != nil {
		return nil, failed(err, "list issues labelled %s", line(label))
	}
	issues := make([]forge.Issue, 0, len(found))
	for _, one := range found {
		issues = append(issues, one)
	}
	slices.SortFunc(issues, func(a, b forge.Issue) int { return a.Number - b.Number })
	return issues, nil
}

// OpenIssue opens one. When no answer comes, it looks whether GitHub has it before it asks again.
func (c *Client) OpenIssue(ctx context.Context, i forge.NewIssue) (forge.Issue, error) {
	owner, name := c.repository()
	labels := append([]string{}, i.Labels...) // Never null.
	for try := 1; ; try++ {
		made, _, err := c.api.Issues.Create(ctx, owner, name, &gh.IssueRequest{Title: &i.Title, Body: &i.Body, Labels: &labels})
		if err == nil {
			return issueOf(made), nil
		}
		err = failed(err, "open the issue %q", line(i.Title))
		var f *failure
		if !errors.As(err, &f) || !f.perhaps || len(i.Labels) == 0 {
			return forge.Issue{}, err
		}
		found, ok, looked := c.openedIssue(ctx, i)
		switch {
		case looked != nil:
			return forge.Issue{}, errors.Join(err, looked)
		case ok:
			return found, nil
		case try == 3:
			return forge.Issue{}, err
		}
	}
}

// openedIssue looks for an issue that may have been opened: ours, with this title and text. GitHub may list it late.
func (c *Client) openedIssue(ctx context.Context, i forge.NewIssue) (forge.Issue, bool, error) {
	login, _, err := c.Login(ctx)
	if err != nil {
		return forge.Issue{}, false, err
	}
	for _, pause := range lag {
		if err := c.times.sleep(ctx, pause); err != nil {
			return forge.Issue{}, false, err
		}
		issues, err := c.Issues(ctx, i.Labels[0])
		if err != nil {
			return forge.Issue{}, false, err
		}
		for _, one := range slices.Backward(issues) {
			if one.Author == login && one.Title == i.Title && one.Body == i.Body {
				return one, true, nil
			}
		}
	}
	return forge.Issue{}, false, nil
}

// EditIssue replaces an issue's text.
func (c *Client) EditIssue(ctx context.Context, number int, body string) error {
	owner, name := c.repository()
	if _, _, err := c.api.Issues.Edit(ctx, owner, name, number, &gh.IssueRequest{Body: &body}); err != nil {
		return failed(err, "change issue #%d", number)
	}
	return nil
}

// Unlabel takes a label away from a pull request or an issue; one that is not there is no error.
func (c *Client) Unlabel(ctx context.Context, number int, label string) error {
	owner, name := c.repository()
	_, err := c.api.Issues.RemoveLabelForIssue(ctx, owner, name, number, url.PathEscape(label))
	if err == nil {
		return nil
	}
	err = failed(err, "take label %s from #%d", line(label), number)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	// GitHub answers alike when there is no such number.
	if _, _, there := c.api.Issues.Get(ctx, owner, name, number); there != nil {
		return errors.Join(err, failed(there, "read #%d", number))
	}
	return nil
}

// MayWrite tells whether somebody may push to the repository. It is asked anew each time: what has not changed costs nothing, and who may not any
// more is heard no more.
func (c *Client) MayWrite(ctx context.Context, login string) (bool, error) {
	account, _ := strings.CutSuffix(login, "[bot]")
	if !partOfName.MatchString(account) {
		return false, nil // GitHub has no such account.
	}
	owner, name := c.repository()
	level, _, err := c.api.Repositories.GetPermissionLevel(ctx, owner, name, url.PathEscape(login))
	switch {
	case status(err) == http.StatusNotFound:
		return false, nil
	case err != nil:
		return false, failed(err, "ask whether %s may write", line(login))
	}
	// It says write of who maintains, too, and of a role of an organization's own what that is based on.
	return slices.Contains([]string{"admin", "maintain", "write"}, level.GetPermission()), nil
}

func issueOf(i *gh.Issue) forge.Issue {
	issue := forge.Issue{
		Number: i.GetNumber(), Title: i.GetTitle(), Body: i.GetBody(), Author: i.GetUser().GetLogin(), Open: i.GetState() != "closed", URL: i.GetHTMLURL(),
	}
	for _, label := range i.Labels {
		issue.Labels = append(issue.Labels, label.GetName())
	}
	slices.Sort(issue.Labels)
	return issue
}
