package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// identity is who the credentials belong to; asked once.
type identity struct {
	stack *stack
	base  *url.URL
	app   bool

	mu    sync.Mutex
	login string
	email string
}

// Credentials are user and password for git over HTTP; a token of an App is renewed before it ends.
func (c *Client) Credentials(ctx context.Context) (user, password string, err error) {
	token, err := c.user.stack.keys.token(ctx)
	if err != nil {
		return "", "", failed(err, "get credentials for git")
	}
	return "x-access-token", token, nil
}

// Login is who the client is: a user's login, or the App's with [bot]. Email is the address that GitHub shows as that account for commits.
func (c *Client) Login(ctx context.Context) (login, email string, err error) {
	u := c.user
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.login != "" {
		return u.login, u.email, nil
	}
	login, id, err := u.ask(ctx)
	if err != nil {
		return "", "", failed(err, "ask GitHub who the credentials belong to")
	}
	u.login, u.email = login, fmt.Sprintf("%d+%s@users.noreply.%s", id, login, u.site())
	return u.login, u.email, nil
}

func (u *identity) ask(ctx context.Context) (login string, id int64, err error) {
	if u.app {
		app, _, err := u.stack.asApp.Apps.Get(ctx, "")
		if err != nil {
			return "", 0, err
		}
		// The number in the address is the account's, which is not the App's.
		account, _, err := u.stack.client.Users.Get(ctx, app.GetSlug()+"[bot]")
		return account.GetLogin(), account.GetID(), usable(account.GetLogin(), err)
	}
	account, _, err := u.stack.client.Users.Get(ctx, "")
	if status(err) == http.StatusForbidden {
		// A token of an installation, such as a workflow's, belongs to no user; only the other API says who it is.
		return u.viewer(ctx)
	}
	return account.GetLogin(), account.GetID(), usable(account.GetLogin(), err)
}

func usable(login string, err error) error {
	if err == nil && login == "" {
		return unusable("names no account")
	}
	return err
}

// viewer asks GraphQL, whose address is beside that of REST.
func (u *identity) viewer(ctx context.Context) (login string, id int64, err error) {
	at := *u.base
	at.Path = strings.TrimSuffix(at.Path, "v3/") + "graphql"
	request, err := u.stack.client.NewRequest(http.MethodPost, at.String(), map[string]string{"query": "{viewer{login databaseId}}"})
	if err != nil {
		return "", 0, err
	}
	var answer struct {
		Data struct {
			Viewer struct {
				Login      string
				DatabaseID int64 `json:"databaseId"`
			}
		}
	}
	_, err = u.stack.client.Do(ctx, request, &answer)
	viewer := answer.Data.Viewer
	return viewer.Login, viewer.DatabaseID, usable(viewer.Login, err)
}

// site is the host of GitHub's pages.
func (u *identity) site() string { return strings.TrimPrefix(u.base.Hostname(), "api.") }
