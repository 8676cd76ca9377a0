package github

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	standin "github.com/addon-manager/addon-manager/test/github"
)

// TestCutConnections cuts the connection at each kind of write, before it is carried out and after, while GitHub lists what is new only after
// 30 seconds: each is done, and none twice.
func TestCutConnections(t *testing.T) {
	writes := []string{
		"pulls/create", "pulls/update", "issues/add-labels", "issues/add-assignees", "issues/create-comment", "issues/update-comment",
		"checks/create", "checks/update", "repos/create-release", "repos/update-release",
	}
	statuses := []string{"repos/create-commit-status"}
	for _, cut := range []standin.Cut{standin.Before, standin.After} {
		for _, operation := range append(writes, statuses...) {
			name := map[standin.Cut]string{standin.Before: "before ", standin.After: "after "}[cut] + strings.ReplaceAll(operation, "/", " ")
			t.Run(name, func(t *testing.T) {
				if testing.Short() && operation != "pulls/create" && operation != "issues/create-comment" {
					t.Skip("those that make no difference the second time")
				}
				p := newPlace(t, standin.Options{ListingDelay: 30 * time.Second})
				p.repo.Allow("alice", "write")
				head := p.branch("pick/release-1.31/pr-12", "release-1.31")
				_, err := p.repo.Git.Git("tag", "v1", "release-1.31")
				p.must(err)
				c := p.asApp()
				if operation == statuses[0] {
					c = p.asUser("robot")
				}
				p.server.Script(standin.Fault{On: operation, Cut: cut, Times: 1})
				got, err := do(t.Context(), c, head)
				if err != nil || got != "1 pull request: closed [cherry-pick] [alice], 1 comment: second, checks [success ok], 1 release: better" {
					t.Errorf("got %s, %v", got, err)
				}
				if n := p.server.FaultsLeft(); n != 0 {
					t.Error("the connection was never cut")
				}
				made := 0
				for _, w := range p.server.Writes() {
					if w.Operation == operation && w.Status == 201 && operation != "checks/create" && operation != statuses[0] {
						made++
					}
				}
				if made > 1 {
					t.Errorf("%d times %s", made, operation)
				}
			})
		}
	}
}

// do makes one of each, and says what is there then.
func do(ctx context.Context, c *Client, head string) (string, error) {
	pull, err := c.Open(ctx, forge.NewPull{Title: "t", Base: "release-1.31", Head: "pick/release-1.31/pr-12"})
	if err != nil && !errors.Is(err, ErrExists) {
		return "", err
	}
	comment, err := c.Comment(ctx, pull.Number, "first")
	if err != nil {
		return "", err
	}
	release, err := c.CreateRelease(ctx, forge.Release{Tag: "v1", Name: "v1"})
	if err != nil && !errors.Is(err, ErrExists) {
		return "", err
	}
	release.Body = "better"
	_, closed := c.Edit(ctx, pull.Number, forge.PullEdit{Closed: true})
	err = errors.Join(
		c.EditComment(ctx, comment.ID, "second"), c.Label(ctx, pull.Number, "cherry-pick"), c.Assign(ctx, pull.Number, "alice"),
		c.SetCheck(ctx, forge.Check{Name: "x", Commit: head, Conclusion: forge.Failure, Title: "bad"}),
		c.SetCheck(ctx, forge.Check{Name: "x", Commit: head, Conclusion: forge.Success, Title: "ok"}),
		c.EditRelease(ctx, release), closed,
	)
	if err != nil {
		return "", err
	}
	if err := c.times.sleep(ctx, time.Minute); err != nil {
		return "", err
	}
	pulls, err1 := c.PullsOf(ctx, "pick/release-1.31/pr-12")
	comments, err2 := c.Comments(ctx, pull.Number)
	checks, err3 := c.Checks(ctx, head)
	release, err4 := c.Release(ctx, "v1")
	if err := errors.Join(err1, err2, err3, err4); err != nil || len(pulls) == 0 || len(comments) == 0 {
		return "", fmt.Errorf("nothing there: %v", err)
	}
	state := "closed"
	if pulls[0].Open {
		state = "open"
	}
	var ended []string
	for _, check := range checks {
		ended = append(ended, string(check.Conclusion)+" "+check.Title)
	}
	return fmt.Sprintf("%d pull request: %s %v %v, %d comment: %s, checks %v, 1 release: %s", len(pulls), state, pulls[0].Labels, pulls[0].Assignees, len(comments), comments[0].Body, ended, release.Body), nil
}
