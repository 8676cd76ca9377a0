package github

import (
	"context"
	"errors"
	"net/url"

	gh "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/core/forge"
)

// Release is the release of a tag. ErrNotFound when there is none.
func (c *Client) Release(ctx context.Context, tag string) (forge.Release, error) {
	owner, name := c.repository()
	r, _, err := c.api.Repositories.GetReleaseByTag(ctx, owner, name, url.PathEscape(tag))
	if err != nil {
		return forge.Release{}, failed(err, "read the release of tag %s", tag)
	}
	return releaseOf(r), nil
}

// Drafts are the releases that are drafts. GitHub makes one of the release whose tag somebody deletes, and does not find it by its tag any more.
// Only credentials that may write see drafts.
func (c *Client) Drafts(ctx context.Context) (drafts []forge.Release, err error) {
	owner, name := c.repository()
	err = pages(func(at gh.ListOptions) (*gh.Response, bool, error) {
		found, answer, err := c.api.Repositories.ListReleases(ctx, owner, name, &at)
		for _, r := range found {
			if r.GetDraft() {
				drafts = append(drafts, releaseOf(r))
			}
		}
		return answer, false, err
	})
	if err != nil {
		return nil, failed(err, "list releases")
	}
	return drafts, nil
}

// CreateRelease makes a release of an existing tag; ErrExists when there is one, which is the answer then. It never becomes the repository's
// latest release by itself, because releases of several minors stand side by side.
func (c *Client) CreateRelease(ctx context.Context, r forge.Release) (forge.Release, error) {
	owner, name := c.repository()
	// GitHub would make the tag, wherever the default branch stands.
	if _, _, err := c.api.Git.GetRef(ctx, owner, name, "tags/"+r.Tag); err != nil {
		return forge.Release{}, failed(err, "read tag %s, which is to be released", r.Tag)
	}
	// Again is safe: GitHub makes no second one for a tag.
	made, _, err := c.api.Repositories.CreateRelease(again(ctx), owner, name, &gh.RepositoryRelease{
		TagName: &r.Tag, Name: &r.Name, Body: &r.Body, Draft: &r.Draft, MakeLatest: gh.String("false"),
	})
	if err == nil {
		return releaseOf(made), nil
	}
	refused := failed(err, "release tag %s", r.Tag)
	if !errors.Is(refused, ErrExists) {
		return forge.Release{}, refused
	}
	found, err := c.Release(ctx, r.Tag)
	if err != nil {
		return forge.Release{}, errors.Join(refused, err)
	}
	return found, refused
}

// EditRelease replaces name and body.
func (c *Client) EditRelease(ctx context.Context, r forge.Release) error {
	owner, name := c.repository()
	if _, _, err := c.api.Repositories.EditRelease(ctx, owner, name, r.ID, &gh.RepositoryRelease{Name: &r.Name, Body: &r.Body}); err != nil {
		return failed(err, "change the release of tag %s", r.Tag)
	}
	return nil
}

func releaseOf(r *gh.RepositoryRelease) forge.Release {
	return forge.Release{ID: r.GetID(), Tag: r.GetTagName(), Name: r.GetName(), Body: r.GetBody(), URL: r.GetHTMLURL(), Draft: r.GetDraft()}
}
