package github

import (
	"strings"
	"testing"

	standin "github.com/addon-manager/addon-manager/test/github"
)

// place is a server with the repository acme/config: main, release-1.31, and some branches with a commit each.
type place struct {
	*testing.T
	server *standin.Server
	repo   *standin.Repository
	clock  *manual
	app    *standin.App
}

func newPlace(t *testing.T, o standin.Options) *place {
	t.Helper()
	p := &place{T: t, clock: newManual()}
	o.Now = p.clock.now
	p.server = standin.New(t, o)
	p.repo = value(p, p.server.AddRepository)("acme", "config", standin.RepositoryOptions{})
	p.commit("main", "catalog.yaml", "one")
	p.branch("release-1.31", "main")
	var err error
	p.app, err = p.server.AddApp("branch-bot", "acme")
	p.must(err)
	return p
}

func value[R any](p *place, f func(string, string, standin.RepositoryOptions) (R, error)) func(string, string, standin.RepositoryOptions) R {
	return func(owner, name string, o standin.RepositoryOptions) R {
		r, err := f(owner, name, o)
		p.must(err)
		return r
	}
}

func (p *place) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *place) commit(branch, path, content string) string {
	p.Helper()
	sha, err := p.repo.Git.Commit(branch, map[string]string{path: content}, "change "+path)
	p.must(err)
	return sha
}

func (p *place) branch(name, from string) string {
	p.Helper()
	p.must(p.repo.Git.SetBranch(name, from))
	return p.commit(name, "addons/"+strings.ReplaceAll(name, "/", "-"), name)
}

// asApp is the bot; asUser somebody with a token who may write.
func (p *place) asApp(edit ...func(*Options)) *Client {
	p.Helper()
	return p.client(append([]func(*Options){func(o *Options) {
		o.App = &App{ID: p.app.ID, Installation: p.app.Installation, Key: p.app.Key}
	}}, edit...)...)
}

func (p *place) asUser(login string, edit ...func(*Options)) *Client {
	p.Helper()
	p.repo.Allow(login, "admin")
	return p.client(append([]func(*Options){func(o *Options) { o.Token = p.server.AddToken(login) }}, edit...)...)
}

func (p *place) client(edit ...func(*Options)) *Client {
	p.Helper()
	o := Options{APIURL: p.server.URL(), Owner: "acme", Name: "config", Now: p.clock.now, Sleep: p.clock.sleep}
	for _, e := range edit {
		e(&o)
	}
	c, err := New(o)
	p.must(err)
	return c
}
