package github

import (
	"context"
	"errors"
	"slices"

	gh "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/core/forge"
)

// Comments are those of a pull request's conversation, oldest first.
func (c *Client) Comments(ctx context.Context, number int) ([]forge.Comment, error) {
	owner, name := c.repository()
	var comments []forge.Comment
	err := pages(func(at gh.ListOptions) (*gh.Response, bool, error) {
		page, answer, err := c.api.Issues.ListComments(ctx, owner, name, number, &gh.IssueListCommentsOptions{ListOptions: at})
		for _, one := range page {
			comments = append(comments, commentOf(one))
		}
		return answer, false, err
	})
	if err != nil {
		return nil, failed(err, "list the comments of pull request #%d", number)
	}
	// Their numbers grow with time. A comment that was removed meanwhile may have moved another to a page that was read already.
	slices.SortStableFunc(comments, func(a, b forge.Comment) int {
		switch {
		case a.ID < b.ID:
			return -1
		case a.ID > b.ID:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(comments, func(a, b forge.Comment) bool { return a.ID == b.ID }), nil
}

// Comment adds one. When no answer comes, it looks whether GitHub has it before it asks again.
func (c *Client) Comment(ctx context.Context, number int, body string) (forge.Comment, error) {
	owner, name := c.repository()
	for try := 1; ; try++ {
		made, _, err := c.api.Issues.CreateComment(ctx, owner, name, number, &gh.IssueComment{Body: &body})
		if err == nil {
			return commentOf(made), nil
		}
		err = failed(err, "comment on pull request #%d", number)
		var f *failure
		if !errors.As(err, &f) || !f.perhaps {
			return forge.Comment{}, err
		}
		found, ok, looked := c.landed(ctx, number, body)
		switch {
		case looked != nil:
			return forge.Comment{}, errors.Join(err, looked)
		case ok:
			return found, nil
		case try == 3:
			return forge.Comment{}, err
		}
	}
}

// landed looks for a comment that may have been made: ours, the newest of ours, with this text. GitHub may list it late.
func (c *Client) landed(ctx context.Context, number int, body string) (forge.Comment, bool, error) {
	login, _, err := c.Login(ctx)
	if err != nil {
		return forge.Comment{}, false, err
	}
	for _, pause := range lag {
		if err := c.times.sleep(ctx, pause); err != nil {
			return forge.Comment{}, false, err
		}
		comments, err := c.Comments(ctx, number)
		if err != nil {
			return forge.Comment{}, false, err
		}
		for _, one := range slices.Backward(comments) {
			if one.Author == login {
				if one.Body == body {
					return one, true, nil
				}
				break
			}
		}
	}
	return forge.Comment{}, false, nil
}

// EditComment replaces a comment's text.
func (c *Client) EditComment(ctx context.Context, id int64, body string) error {
	owner, name := c.repository()
	if _, _, err := c.api.Issues.EditComment(ctx, owner, name, id, &gh.IssueComment{Body: &body}); err != nil {
		return failed(err, "change comment %d", id)
	}
	return nil
}

func commentOf(c *gh.IssueComment) forge.Comment {
	return forge.Comment{ID: c.GetID(), Author: c.GetUser().GetLogin(), Body: c.GetBody()}
}
