// Package github is the forge GitHub, or GitHub Enterprise: what the bot asks of it and does there. Every write passes one queue that keeps GitHub's
// limits; reads are conditional, so that asking again for what has not changed costs nothing.
package github

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"

	gh "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
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

// Client is one repository on GitHub. It may be used from several goroutines.
type Client struct {
	api   *gh.Client
	user  *identity
	times clock
	spent *counter
	// name is the repository as GitHub spells it since Repository was asked.
	name atomic.Pointer[fullName]
	host string
	app  bool
}

type fullName struct{ owner, name string }

// New makes a client. It does not use the network.
func New(o Options) (*Client, error) {
	base, err := o.check()
	if err != nil {
		return nil, err
	}
	stack, err := newStack(o, base)
	if err != nil {
		return nil, err
	}
	c := &Client{api: stack.client, user: &identity{stack: stack, base: base, app: o.App != nil}, times: stack.times, spent: stack.spent, host: base.Host, app: o.App != nil}
	c.name.Store(&fullName{o.Owner, o.Name})
	return c, nil
}

// Spent says how many requests were made so far: asked counts all, unchanged those answered with 304, writes those that changed something.
func (c *Client) Spent() (asked, unchanged, writes int) {
	return int(c.spent.asked.Load()), int(c.spent.unchanged.Load()), int(c.spent.writes.Load())
}

// String says which repository, and nothing of the credentials; GoString too.
func (c *Client) String() string {
	name := c.name.Load()
	return "github(" + c.host + " " + name.owner + "/" + name.name + ")"
}

// GoString is String.
func (c *Client) GoString() string { return c.String() }

// repository is the owner and the name to ask for.
func (c *Client) repository() (owner, name string) {
	known := c.name.Load()
	return known.owner, known.name
}

// Repository is what GitHub says of it. After a rename, the client goes on under the new name: GitHub forwards reads, but not every write.
func (c *Client) Repository(ctx context.Context) (forge.Repository, error) {
	owner, name := c.repository()
	r, _, err := c.api.Repositories.Get(ctx, owner, name)
	if err != nil {
		return forge.Repository{}, failed(err, "read repository %s/%s", owner, name)
	}
	found := forge.Repository{
		Owner: r.GetOwner().GetLogin(), Name: r.GetName(), DefaultBranch: r.GetDefaultBranch(), Private: r.GetPrivate(), Archived: r.GetArchived(), CloneURL: withoutUser(r.GetCloneURL()),
	}
	if !partOfName.MatchString(found.Owner) || !partOfName.MatchString(found.Name) {
		return forge.Repository{}, failed(unusable("calls the repository %q", markdown.Cut(found.Owner+"/"+found.Name, 200)), "read repository %s/%s", owner, name)
	}
	c.name.Store(&fullName{found.Owner, found.Name})
	return found, nil
}

// withoutUser is an address without the user and password that may be in it.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}
