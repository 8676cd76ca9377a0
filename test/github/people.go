package github

import (
	"fmt"
	"slices"
	"strings"
)

// What follows is what people do on GitHub's pages: it passes no limit and no fault, and is in no journal.

// Pull is what a pull request looks like now.
type Pull struct {
	Number                                 int
	Title, Body, Author, State, Base, Head string
	HeadSHA, MergeSHA                      string
	Draft, Merged                          bool
	Labels, Assignees                      []string
	Commits                                []string
}

// Comment is a comment on a pull request or an issue.
type Comment struct {
	ID           int64
	Author, Body string
}

// Check is a check run, or a commit status without App, as it was last set.
type Check struct {
	Name, SHA, Status, Conclusion, Title, Summary string
	App                                           string
}

// Release is a release.
type Release struct {
	ID                        int64
	Tag, Name, Body           string
	Draft, Latest, PreRelease bool
	Assets                    []Asset
}

// Issue is what an issue looks like now.
type Issue struct {
	Number                     int
	Title, Body, Author, State string
	Labels                     []string
}

func refusal(a *answer) error {
	if a == nil {
		return nil
	}
	return fmt.Errorf("%d %s", a.status, marshal(a.body))
}

// do runs f under the lock, after looking at the refs.
func (r *Repository) do(f func() error) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if err := r.sync(); err != nil {
		return err
	}
	return f()
}

func (r *Repository) with(number int, f func(*pull) error) error {
	return r.do(func() error {
		p := r.pull(number)
		if p == nil {
			return fmt.Errorf("there is no pull request #%d", number)
		}
		return f(p)
	})
}

// OpenPull opens a pull request as in.Author and gives its number.
func (r *Repository) OpenPull(in NewPull) (number int, err error) {
	err = r.do(func() error {
		by := r.server.account(orText(in.Author, r.owner), "User")
		p, refused := r.open(by, in)
		if refused != nil {
			return refusal(refused)
		}
		for _, name := range in.Labels {
			r.addLabel(&p.issue, by, name)
		}
		number = p.number
		return nil
	})
	return number, err
}

// MergePull merges one as login, and gives the commit on the base.
func (r *Repository) MergePull(number int, login string, m Merge) (sha string, err error) {
	err = r.with(number, func(p *pull) error {
		defer func() { sha = p.mergeSHA }()
		return refusal(r.merge(p, r.server.account(login, "User"), m))
	})
	return sha, err
}

// ClosePull closes one without merging it, ReopenPull opens it again.
func (r *Repository) ClosePull(number int, login string) error {
	return r.with(number, func(p *pull) error { r.close(p, r.server.account(login, "User")); return nil })
}

// ReopenPull opens a closed pull request again.
func (r *Repository) ReopenPull(number int, login string) error {
	return r.with(number, func(p *pull) error { return refusal(r.reopen(p, r.server.account(login, "User"))) })
}

// EditPull replaces title, body and base; empty ones stay.
func (r *Repository) EditPull(number int, login, title, body, base string) error {
	given := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return r.with(number, func(p *pull) error {
		return refusal(r.edit(p, r.server.account(login, "User"), given(title), given(body), nil, given(base)))
	})
}

// SetDraft turns a draft into a pull request for review, or back.
func (r *Repository) SetDraft(number int, login string, draft bool) error {
	return r.with(number, func(p *pull) error {
		p.draft = draft
		p.touch()
		r.tellPull(map[bool]string{true: "converted_to_draft", false: "ready_for_review"}[draft], p, r.server.account(login, "User"), nil)
		return nil
	})
}

// LabelPull adds a label, UnlabelPull takes it away.
func (r *Repository) LabelPull(number int, login, label string) error {
	return r.with(number, func(p *pull) error { r.addLabel(&p.issue, r.server.account(login, "User"), label); return nil })
}

// UnlabelPull takes a label away.
func (r *Repository) UnlabelPull(number int, login, label string) error {
	return r.with(number, func(p *pull) error {
		if l := r.label(label, false); l != nil {
			r.dropLabel(&p.issue, r.server.account(login, "User"), l)
		}
		return nil
	})
}

// CommentPull adds a comment, on an issue too.
func (r *Repository) CommentPull(number int, login, body string) error {
	return r.onIssue(number, func(i *issue) error {
		r.comment(i, actor{account: r.server.account(login, "User")}, body)
		return nil
	})
}

func (r *Repository) onIssue(number int, f func(*issue) error) error {
	return r.do(func() error {
		if i := r.issue(number); i != nil {
			return f(i)
		}
		return fmt.Errorf("there is no issue or pull request #%d", number)
	})
}

// OpenIssue opens an issue as in.Author and gives its number.
func (r *Repository) OpenIssue(in NewIssue) (number int, err error) {
	err = r.do(func() error {
		i, refused := r.openIssue(r.server.account(orText(in.Author, r.owner), "User"), in)
		if refused != nil {
			return refusal(refused)
		}
		number = i.number
		return nil
	})
	return number, err
}

// CloseIssue closes an issue or a pull request, ReopenIssue opens it again.
func (r *Repository) CloseIssue(number int, login string) error {
	return r.setState(number, login, "closed")
}

// ReopenIssue opens a closed issue or pull request again.
func (r *Repository) ReopenIssue(number int, login string) error {
	return r.setState(number, login, "open")
}

func (r *Repository) setState(number int, login, state string) error {
	return r.onIssue(number, func(i *issue) error {
		return refusal(r.editIssue(i, r.server.account(login, "User"), nil, nil, &state))
	})
}

// EditIssue replaces the text of an issue or a pull request.
func (r *Repository) EditIssue(number int, login, body string) error {
	return r.onIssue(number, func(i *issue) error {
		return refusal(r.editIssue(i, r.server.account(login, "User"), nil, &body, nil))
	})
}

// Issues are all issues that are no pull requests, by number.
func (r *Repository) Issues() []Issue {
	var all []Issue
	_ = r.do(func() error {
		for _, i := range r.issues {
			shown := Issue{Number: i.number, Title: i.title, Body: i.body, Author: i.author.login, State: i.state}
			for _, l := range i.labels {
				shown.Labels = append(shown.Labels, l.name)
			}
			all = append(all, shown)
		}
		return nil
	})
	return all
}

// EditComment gives one another text, as those may who can write to the repository.
func (r *Repository) EditComment(id int64, body string) error {
	return r.do(func() error {
		for _, c := range r.comments {
			if c.id == id {
				c.body, c.updated = body, r.server.now()
				return nil
			}
		}
		return fmt.Errorf("there is no comment %d", id)
	})
}

// DeleteComment removes one.
func (r *Repository) DeleteComment(id int64) error {
	return r.do(func() error {
		before := len(r.comments)
		r.comments = slices.DeleteFunc(r.comments, func(c *remark) bool { return c.id == id })
		if len(r.comments) == before {
			return fmt.Errorf("there is no comment %d", id)
		}
		return nil
	})
}

// SetStatus sets a commit status, as continuous integration does: success, failure, error or pending.
func (r *Repository) SetStatus(sha, context, state string) error {
	return r.do(func() error {
		r.setStatus(r.server.account("ci", "User"), sha, context, state, "", "")
		return nil
	})
}

// Pulls are all pull requests, by number.
func (r *Repository) Pulls() []Pull {
	var all []Pull
	_ = r.do(func() error {
		for _, p := range r.pulls {
			q := Pull{
				Number: p.number, Title: p.title, Body: p.body, Author: p.author.login, State: p.state, Base: p.base, Head: p.head, HeadSHA: p.headSHA,
				MergeSHA: p.mergeSHA, Draft: p.draft, Merged: p.merged, Commits: slices.Clone(r.commitsOf(p)),
			}
			for _, l := range p.labels {
				q.Labels = append(q.Labels, l.name)
			}
			for _, a := range p.assignees {
				q.Assignees = append(q.Assignees, a.login)
			}
			all = append(all, q)
		}
		return nil
	})
	return all
}

// Comments are those of one pull request or issue, oldest first.
func (r *Repository) Comments(number int) []Comment {
	var all []Comment
	_ = r.do(func() error {
		if i := r.issue(number); i != nil {
			for _, c := range r.commentsOn(i) {
				all = append(all, Comment{c.id, c.by.login, c.body})
			}
		}
		return nil
	})
	return all
}

// Checks are the check runs and statuses on a commit, in the order they were made; of statuses the newest of each context.
func (r *Repository) Checks(sha string) []Check {
	var all []Check
	_ = r.do(func() error {
		for _, c := range r.runs {
			if c.sha == sha {
				all = append(all, Check{c.name, c.sha, c.status, c.conclusion, c.title, c.summary, c.app.Slug})
			}
		}
		for _, s := range r.newest(sha) {
			all = append(all, Check{Name: s.context, SHA: s.sha, Status: "completed", Conclusion: s.state, Summary: s.described})
		}
		return nil
	})
	return all
}

// Releases are all, oldest first.
func (r *Repository) Releases() []Release {
	var all []Release
	_ = r.do(func() error {
		for _, l := range r.releases {
			all = append(all, Release{l.id, l.tag, l.name, l.body, l.draft, l.latest, l.prerelease, r.shown(l)})
		}
		return nil
	})
	return all
}

// Refs are the branches and tags with what they name.
func (r *Repository) Refs() map[string]string {
	var all map[string]string
	_ = r.do(func() error {
		all = map[string]string{}
		for name, sha := range r.refs {
			all[name] = sha
		}
		return nil
	})
	return all
}

// Repository is one by owner/name, nil when there is none.
func (s *Server) Repository(name string) *Repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repositories[strings.ToLower(name)]
}

// Email is the address under which GitHub shows commits as an account's.
func (s *Server) Email(login string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[strings.ToLower(login)]; a != nil {
		return a.email()
	}
	return ""
}
