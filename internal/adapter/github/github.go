// Package github is the forge GitHub, or GitHub Enterprise: what the bot asks of it and does there. Every write passes one queue that keeps GitHub's
// limits; reads are conditional, so that asking again for what has not changed costs nothing.
package github

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/forge"
)

// What can be wrong; errors.Is tells which. Each error says in one line what happened and what to do, without credentials.
var (
	// ErrUnreachable means that no usable answer came, also after trying again: try later.
	ErrUnreachable = errors.New("GitHub cannot be reached")
	// ErrAuth means that the credentials are refused, or lack a permission.
	ErrAuth = errors.New("GitHub refuses the credentials")
	// ErrNotFound means that there is no such thing, or that the credentials may not see it.
	ErrNotFound = errors.New("not found on GitHub")
	// ErrExists means that there is such a thing already.
	ErrExists = errors.New("exists already")
	// ErrInvalid means that GitHub refuses what was asked; again will not help.
	ErrInvalid = errors.New("GitHub refuses the request")
	// ErrLimited means that a limit is reached and the wait would be longer than Options.MaxWait.
	ErrLimited = errors.New("GitHub's rate limit is reached")
)

// Options say which repository, and as whom.
type Options struct {
	// APIURL is the REST API: https://api.github.com/ when empty, https://HOST/api/v3/ for GitHub Enterprise.
	APIURL string
	// Owner and Name are the repository's.
	Owner, Name string
	// Token is a token; App an app instead.
	Token string
	App   *App
	// Dir remembers answers between runs; empty for memory only. It holds what the API says, no credentials.
	Dir string
	// WritesPerMinute and WritesPerHour bound writes; 0 means 80 and 500.
	WritesPerMinute, WritesPerHour int
	// MaxWait bounds how long one call waits for a limit to pass; 0 means 15 minutes.
	MaxWait time.Duration
	// Transport is for tests; nil means http.DefaultTransport's like.
	Transport http.RoundTripper
	// Now and Sleep are for tests; nil means the real ones.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Log, when set, hears of waits and repeated requests.
	Log func(message string, pairs ...any)
}

// App is a GitHub App's installation.
type App struct {
	ID, Installation int64
	// Key is the PEM of its private key.
	Key []byte
}

// Client is one repository on GitHub. It may be used from several goroutines.
type Client struct{}

// New makes a client. It does not use the network.
func New(o Options) (*Client, error) { panic("todo") }

// Credentials are user and password for git over HTTP; a token of an App is renewed before it ends.
func (c *Client) Credentials(ctx context.Context) (user, password string, err error) { panic("todo") }

// Login is who the client is: a user's login, or the App's with [bot]. Email is the address that GitHub shows as that account for commits.
func (c *Client) Login(ctx context.Context) (login, email string, err error) { panic("todo") }

// Repository is what GitHub says of it.
func (c *Client) Repository(ctx context.Context) (forge.Repository, error) { panic("todo") }

// OpenPulls are all open pull requests, by number.
func (c *Client) OpenPulls(ctx context.Context) ([]forge.Pull, error) { panic("todo") }

// PullsSince are all pull requests, open or not, that were updated since; by number.
func (c *Client) PullsSince(ctx context.Context, since time.Time) ([]forge.Pull, error) {
	panic("todo")
}

// PullsOf are the pull requests, open or not, whose head is this branch of this repository, newest first.
func (c *Client) PullsOf(ctx context.Context, head string) ([]forge.Pull, error) { panic("todo") }

// Pull is one pull request. ErrNotFound when the number is an issue's.
func (c *Client) Pull(ctx context.Context, number int) (forge.Pull, error) { panic("todo") }

// PullCommits are the hashes of a pull request's commits, oldest first; GitHub lists at most 250.
func (c *Client) PullCommits(ctx context.Context, number int) ([]string, error) { panic("todo") }

// Open opens a pull request. When there is one for the same head and base already, that is the answer, with ErrExists.
func (c *Client) Open(ctx context.Context, p forge.NewPull) (forge.Pull, error) { panic("todo") }

// Edit changes a pull request.
func (c *Client) Edit(ctx context.Context, number int, e forge.PullEdit) (forge.Pull, error) {
	panic("todo")
}

// Label adds labels and Assign assignees; who cannot be assigned is left out silently, as GitHub does.
func (c *Client) Label(ctx context.Context, number int, labels ...string) error { panic("todo") }

// Assign adds assignees; who cannot be assigned is left out, as GitHub does.
func (c *Client) Assign(ctx context.Context, number int, logins ...string) error { panic("todo") }

// Comments are those of a pull request's conversation, oldest first.
func (c *Client) Comments(ctx context.Context, number int) ([]forge.Comment, error) { panic("todo") }

// Comment adds one.
func (c *Client) Comment(ctx context.Context, number int, body string) (forge.Comment, error) {
	panic("todo")
}

// EditComment replaces a comment's text.
func (c *Client) EditComment(ctx context.Context, id int64, body string) error { panic("todo") }

// Checks are the newest check run or status of each name on a commit, by name.
func (c *Client) Checks(ctx context.Context, commit string) ([]forge.Check, error) { panic("todo") }

// SetCheck says how a check ended: as a check run for an App, as a commit status for a token, since only Apps may make check runs.
func (c *Client) SetCheck(ctx context.Context, check forge.Check) error { panic("todo") }

// RequiredChecks are the names that branch protection and rulesets ask for on a branch, sorted. Known is false when the credentials may not ask.
func (c *Client) RequiredChecks(ctx context.Context, branch string) (names []string, known bool, err error) {
	panic("todo")
}

// Release is the release of a tag. ErrNotFound when there is none.
func (c *Client) Release(ctx context.Context, tag string) (forge.Release, error) { panic("todo") }

// CreateRelease makes a release of an existing tag; ErrExists when there is one. It never becomes the repository's latest release by itself,
// because releases of several minors stand side by side.
func (c *Client) CreateRelease(ctx context.Context, r forge.Release) (forge.Release, error) {
	panic("todo")
}

// EditRelease replaces name and body.
func (c *Client) EditRelease(ctx context.Context, r forge.Release) error { panic("todo") }

// Spent says how many requests were made so far: asked counts all, unchanged those answered with 304, writes those that changed something.
func (c *Client) Spent() (asked, unchanged, writes int) { panic("todo") }
