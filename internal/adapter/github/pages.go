package github

import gh "github.com/google/go-github/v58/github"

// maxPages bounds a list: 100,000 pull requests.
const maxPages = 1000

// pages reads a list page by page, until read says that it is enough. A link to the next page is taken for its number alone: what is asked is
// always our address, whatever host the link names.
func pages(read func(at gh.ListOptions) (answer *gh.Response, enough bool, err error)) error {
	for at := 1; ; {
		answer, enough, err := read(gh.ListOptions{Page: at, PerPage: 100})
		switch {
		case err != nil:
			return err
		case enough || answer.NextPage == 0:
			return nil
		case answer.NextPage <= at:
			return unusable("says that page %d comes after page %d", answer.NextPage, at)
		case answer.NextPage > maxPages:
			return unusable("lists more than %d pages of 100", maxPages)
		}
		at = answer.NextPage
	}
}
