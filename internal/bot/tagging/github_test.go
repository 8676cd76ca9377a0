package tagging_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	adapter "github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/tagging"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

// clock goes on when somebody sleeps, and a little with each look.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(10 * time.Millisecond)
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// town is a config repository on GitHub's stand-in.
type town struct {
	*testing.T
	server *github.Server
	repo   *github.Repository
	clock  *clock
}

func newTown(t *testing.T) *town {
	c := &clock{now: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)}
	s := github.New(t, github.Options{Now: c.Now})
	repo, err := s.AddRepository("acme", "config", github.RepositoryOptions{})
	town := &town{t, s, repo, c}
	town.ok(err)
	for _, login := range []string{"ann", "branch-bot"} {
		s.AddUser(login)
		repo.Allow(login, "write")
	}
	town.commit("main", "Offer web", map[string]string{"catalog.yaml": offers, "addons/web/web.yaml": web("ghcr.io/shop/web:1")})
	town.ok(repo.Git.SetBranch(branch, "main"))
	town.ok(repo.Sync())
	return town
}

func (town *town) ok(err error) {
	town.Helper()
	if err != nil {
		town.Fatal(err)
	}
}

func (town *town) commit(branch, message string, files map[string]string) string {
	town.Helper()
	var changes []gitrepo.Change
	for path, text := range files {
		changes = append(changes, gitrepo.File(path, text))
	}
	hash, err := town.repo.Git.Apply(branch, message, changes...)
	town.ok(err)
	town.ok(town.repo.Sync())
	return hash
}

// propose opens a pull request, from a new branch.
func (town *town) propose(author, base, head, message string, files map[string]string) (number int, commit string) {
	town.Helper()
	town.ok(town.repo.Git.SetBranch(head, base))
	commit = town.commit(head, message, files)
	subject, _, _ := strings.Cut(message, "\n")
	number, err := town.repo.OpenPull(github.NewPull{Author: author, Title: subject, Head: head, Base: base})
	town.ok(err)
	return number, commit
}

func (town *town) merge(number int) string {
	town.Helper()
	hash, err := town.repo.MergePull(number, "ann", github.Merge{Method: "squash"})
	town.ok(err)
	return hash
}

// bot is a run of the bot: all that it knows is in the repository.
func (town *town) bot() tagging.Options {
	town.Helper()
	client, err := adapter.New(adapter.Options{
		APIURL: town.server.APIURL(), Owner: "acme", Name: "config", Token: town.server.AddToken("branch-bot"), Now: town.clock.Now, Sleep: town.clock.Sleep,
	})
	town.ok(err)
	login, email, err := client.Login(town.Context())
	town.ok(err)
	m, err := native.Open(town.Context(), native.Options{URL: town.repo.CloneURL(), Dir: filepath.Join(town.TempDir(), "mirror"), Auth: client.Credentials})
	town.ok(err)
	town.Cleanup(func() { town.ok(m.Close()) })
	return tagging.Options{
		Mirror: m, Hub: client, Rendering: rendering, Tagger: change.Person{Name: login, Email: email}, Now: town.clock.Now,
		History: func(ctx context.Context) (history.History, error) {
			o := history.Options{Mirror: m, Me: login, Repository: "acme/config", Email: email, Trial: true}
			var err error
			if o.Pulls, err = history.Relevant(ctx, client, o); err != nil {
				return history.History{}, err
			}
			return history.Read(ctx, o)
		},
	}
}

// TestOnGitHub goes from a merged change over its pick to the release that has it, through required checks and a server that fails.
func TestOnGitHub(t *testing.T) {
	town := newTown(t)
	town.repo.Protect("release-*", github.Protection{RequiredChecks: []string{"e2e"}})

	// The first release waits for its check.
	tip := town.repo.Refs()["refs/heads/"+branch]
	p := plan(t, town.bot(), request)
	if !p.Refused() || !strings.Contains(told(p), "checks refused: the required check e2e has not run on "+tip[:10]) {
		t.Fatalf("%s", told(p))
	}
	town.ok(town.repo.SetStatus(tip, "e2e", "pending"))
	if p = plan(t, town.bot(), request); !strings.Contains(told(p), "checks refused: the required check e2e is still running on "+tip[:10]) {
		t.Errorf("%s", told(p))
	}
	town.ok(town.repo.SetStatus(tip, "e2e", "success"))
	town.server.Script(github.Fault{On: "repos/create-release", Times: 1, Cut: github.After})
	p, did := run(t, town.bot(), request)
	if len(did) != 2 || town.repo.Refs()["refs/tags/v1.31-ake.1"] == "" || len(town.repo.Releases()) != 1 || town.server.FaultsLeft() > 0 {
		t.Fatalf("did %q, releases %+v", did, town.repo.Releases())
	}
	if r := town.repo.Releases()[0]; r.Tag != "v1.31-ake.1" || r.Name != "v1.31-ake.1" || r.Body != p.Notes || r.Draft || r.Latest {
		t.Errorf("%+v", r)
	}

	// A change of main, and its pick while it is open.
	source, _ := town.propose("ann", "main", "upgrade", "Upgrade web to 2", map[string]string{"addons/web/web.yaml": web("ghcr.io/shop/web:2")})
	merged := town.merge(source)
	pick, head := town.propose("branch-bot", branch, "pick/release-1.31/pr-1", "Upgrade web to 2\n\n(cherry picked from commit "+merged+")\nPicked-From: "+merged, map[string]string{"addons/web/web.yaml": web("ghcr.io/shop/web:2")})
	if p = plan(t, town.bot(), request); !p.Made {
		t.Errorf("the branch is where it was: %+v", p)
	}
	town.commit(branch, "Say whom to ask", map[string]string{"README.md": "Ask us.\n"})
	if p = plan(t, town.bot(), request); !p.Refused() || !strings.Contains(told(p), "picks refused: the pick #2 of #1 (Upgrade web to 2) is open\n") {
		t.Errorf("%s", told(p))
	}
	town.ok(town.repo.SetStatus(head, "e2e", "success"))
	tip = town.merge(pick)
	town.ok(town.repo.SetStatus(tip, "e2e", "success"))

	// GitHub is down between the tag and its release: the next run makes the release.
	town.server.Script(github.Fault{On: "repos/create-release", Status: 503})
	if _, err := tagging.Run(t.Context(), town.bot(), request, nil); err == nil || !strings.HasPrefix(err.Error(), "release release-1.31: make the release v1.31-ake.2: ") {
		t.Errorf("error %v", err)
	}
	town.server.Heal()
	p, did = run(t, town.bot(), request)
	if !p.Made || !slices.Equal(did, []string{"done    release release-1.31: make the release v1.31-ake.2: the tag has none"}) {
		t.Errorf("did %q", did)
	}
	body := town.repo.Releases()[1].Body
	golden(t, "github.md", body)

	// With nothing to do, nothing is written.
	town.server.ForgetRequests()
	if _, did = run(t, town.bot(), request); len(did) > 0 || len(town.server.Writes()) > 0 {
		t.Errorf("did %q, wrote %+v", did, town.server.Writes())
	}
}

// TestTagDeletedOnGitHub deletes the newest tag: a runner that remembers nothing still gives the number after it, because of the draft that its release became.
func TestTagDeletedOnGitHub(t *testing.T) {
	town := newTown(t)
	run(t, town.bot(), request)
	town.commit(branch, "Say whom to ask", map[string]string{"README.md": "Ask us.\n"})
	run(t, town.bot(), request)
	_, err := town.repo.Git.Git("update-ref", "-d", "refs/tags/v1.31-ake.2")
	town.ok(err)
	town.ok(town.repo.Sync())
	p := plan(t, town.bot(), request)
	if p.Tag.String() != "v1.31-ake.3" || p.Previous.String() != "v1.31-ake.1" || !slices.Contains(p.Remarks, "v1.31-ake.2 is not on the remote any more: its number is not given again") {
		t.Errorf("%s after %s, %q", p.Tag, p.Previous, p.Remarks)
	}
}
