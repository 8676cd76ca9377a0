package github

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// Repository is one on the server.
type Repository struct {
	// Git is the bare repository itself: commits made with it are like pushes of somebody with every right.
	Git *gitrepo.Repo

	server      *Server
	id          int64
	owner, name string
	private     bool
	archived    bool
	description string
	created     time.Time
	parent      *Repository

	access      map[string]string
	protections map[string]Protection
	labels      []*label
	pulls       []*pull
	issues      []*issue
	comments    []*remark
	statuses    []*status
	runs        []*checkRun
	releases    []*release
	webhooks    []*webhook
	// refs are those that the server knows of; sync compares them with what Git has.
	refs     map[string]string
	facts    *facts
	rendered map[string]json.RawMessage
}

// RepositoryOptions have useful zero values.
type RepositoryOptions struct {
	Private, Archived bool
	Description       string
}

// AddRepository makes an empty repository whose default branch is main. Its owner is made when not there.
func (s *Server) AddRepository(owner, name string, o RepositoryOptions) (*Repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir := filepath.Join(s.root, owner, name+".git")
	git, err := gitrepo.Create(dir)
	if err != nil {
		return nil, err
	}
	return s.add(git, owner, name, o)
}

// Adopt makes a repository whose content is copied from a bare repository on disk, such as a fixture.
func (s *Server) Adopt(owner, name, dir string, o RepositoryOptions) (*Repository, error) {
	r, err := s.AddRepository(owner, name, o)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := r.Git.Git("fetch", "--quiet", dir, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"); err != nil {
		return nil, err
	}
	// Commits made from now on are dated after those that came.
	if r.Git, err = gitrepo.Open(r.Git.Dir); err != nil {
		return nil, err
	}
	r.facts.git = r.Git
	r.refs, err = r.facts.refs()
	return r, err
}

func (s *Server) add(git *gitrepo.Repo, owner, name string, o RepositoryOptions) (*Repository, error) {
	key := strings.ToLower(owner + "/" + name)
	if s.repositories[key] != nil {
		return nil, fmt.Errorf("there is a repository %s already", key)
	}
	s.account(owner, "Organization")
	r := &Repository{
		Git: git, server: s, id: s.id(), owner: owner, name: name, private: o.Private, archived: o.Archived, description: o.Description,
		created: s.now(), access: map[string]string{}, protections: map[string]Protection{}, refs: map[string]string{},
		facts: newFacts(git), rendered: map[string]json.RawMessage{},
	}
	s.repositories[key] = r
	return r, nil
}

// Fork makes a copy of the repository for another owner, from which pull requests may come.
func (r *Repository) Fork(owner string) (*Repository, error) {
	fork, err := r.server.Adopt(owner, r.name, r.Git.Dir, RepositoryOptions{Private: r.private})
	if err == nil {
		fork.parent = r
		r.server.mu.Lock()
		defer r.server.mu.Unlock()
		r.server.account(owner, "User").kind = "User"
	}
	return fork, err
}

// Delete removes the repository. Pull requests that came from it stay where they went to, without a head repository.
func (r *Repository) Delete() {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	delete(r.server.repositories, strings.ToLower(r.full()))
	for _, other := range r.server.repositories {
		for _, p := range other.pulls {
			if p.from == r {
				p.from = nil
				p.touch()
			}
		}
	}
}

// Rename gives the repository another name; requests to the old one are redirected.
func (r *Repository) Rename(name string) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	old := strings.ToLower(r.full())
	delete(s.repositories, old)
	r.name = name
	r.rendered = map[string]json.RawMessage{}
	for _, p := range r.pulls {
		p.rendered = nil
	}
	s.repositories[strings.ToLower(r.full())] = r
	s.moved[old] = r.full()
}

// Archive makes the repository read-only.
func (r *Repository) Archive() {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.archived = true
	r.rendered = map[string]json.RawMessage{}
}

// Allow gives a user a level: read, triage, write, maintain, admin or none.
func (r *Repository) Allow(login, level string) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.server.account(login, "User")
	r.access[strings.ToLower(login)] = level
}

// Protection is what a protected branch asks for.
type Protection struct {
	// RequiredChecks must be green before a pull request is merged, or a commit pushed.
	RequiredChecks []string
	// PullRequests refuses every push; changes come by pull requests.
	PullRequests bool
	// Push, when set, are the logins that may push; nobody else may.
	Push []string
	// Bypass are logins that the rules do not hold.
	Bypass []string
	// Ruleset makes it a ruleset instead of classic protection: the API shows them in different places.
	Ruleset bool
}

// Protect protects the branches that a pattern such as main or release-* names; force pushes and deletions are refused too.
func (r *Repository) Protect(pattern string, p Protection) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.protections[pattern] = p
}

// CloneURL is the address for Git, without credentials.
func (r *Repository) CloneURL() string { return r.server.url + "/" + r.full() + ".git" }

// Name is owner/name.
func (r *Repository) Name() string { return r.full() }

func (r *Repository) full() string { return r.owner + "/" + r.name }

// api is the repository's address in the API.
func (r *Repository) api() string { return r.server.url + "/api/v3/repos/" + r.full() }

func (r *Repository) html() string { return r.server.url + "/" + r.full() }

// Sync lets the server look at what was done to the repository's refs behind its back, as it does itself before each request.
func (r *Repository) Sync() error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.sync()
}
