package branches_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	adapter "github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

// clock is time as everybody in a town has it: it goes on when somebody sleeps, and when people do something.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// nextHour goes on to the next full hour.
func (c *clock) nextHour() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Truncate(time.Hour).Add(time.Hour)
}

// town is a config repository on GitHub's stand-in, with the people who work on it.
type town struct {
	*testing.T
	server *github.Server
	repo   *github.Repository
	clock  *clock
	token  string
	// app is who the bot is instead of a user.
	app    *github.App
	mirror string
	// follow are minors to follow.
	follow []version.Minor
	diff   func(ctx context.Context, base, head, baseName string) (string, error)
	// minors are those of main's catalog.
	minors string
}

const catalogText = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: [%s]}
addons:
- {name: cert, namespace: cert}
- {name: dns, namespace: dns}
- {name: new, namespace: new, kubernetes: ">=1.32"}
`

func settings(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata:\n  first: one\n  second: two\n  third: three\n  value: %s\n  fourth: four\n  fifth: five\n", name, value)
}

// newTown has release-1.31 and release-1.32, just cut.
func newTown(t *testing.T, o github.Options) *town {
	t.Helper()
	c := &clock{now: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)}
	o.Now = c.Now
	s := github.New(t, o)
	repo, err := s.AddRepository("acme", "config", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	town := &town{T: t, server: s, repo: repo, clock: c, mirror: filepath.Join(t.TempDir(), "mirror"), minors: `"1.31", "1.32"`}
	for _, login := range []string{"ann", "ben", "branch-bot"} {
		s.AddUser(login)
		repo.Allow(login, "write")
	}
	town.token = s.AddToken("branch-bot")
	town.commit("main", "Begin", map[string]string{
		"catalog.yaml":           fmt.Sprintf(catalogText, town.minors),
		"addons/cert/cert.yaml":  settings("cert", "1"),
		"addons/cert/extra.yaml": settings("extra", "1"),
		"addons/dns/dns.yaml":    settings("dns", "1"),
		"addons/new/new.yaml":    settings("new", "1"),
	})
	town.branch("release-1.31", "main")
	town.branch("release-1.32", "main")
	return town
}

func (town *town) ok(err error) {
	town.Helper()
	if err != nil {
		town.Fatal(err)
	}
}

// commit is what somebody pushes.
func (town *town) commit(branch, message string, files map[string]string) string {
	town.Helper()
	var changes []gitrepo.Change
	for path, text := range files {
		if text == "" {
			changes = append(changes, gitrepo.Remove(path))
		} else {
			changes = append(changes, gitrepo.File(path, text))
		}
	}
	slices.SortFunc(changes, func(a, b gitrepo.Change) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return town.apply(branch, message, changes...)
}

func (town *town) apply(branch, message string, changes ...gitrepo.Change) string {
	town.Helper()
	hash, err := town.repo.Git.Apply(branch, message, changes...)
	town.ok(err)
	town.ok(town.repo.Sync())
	return hash
}

func (town *town) branch(name, at string) {
	town.Helper()
	town.ok(town.repo.Git.SetBranch(name, at))
	town.ok(town.repo.Sync())
}

// change is a pull request of Ann's to main, merged by Ben.
func (town *town) change(title, method string, files map[string]string) (number int) {
	town.Helper()
	branch := "change-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(title))
	town.branch(branch, "main")
	town.commit(branch, title, files)
	number = town.propose(branch, "main", title)
	town.merge(number, method)
	return number
}

func (town *town) propose(head, base, title string) int {
	town.Helper()
	number, err := town.repo.OpenPull(github.NewPull{Author: "ann", Title: title, Head: head, Base: base})
	town.ok(err)
	return number
}

func (town *town) merge(number int, method string) {
	town.Helper()
	// Each at its own full hour, so that the same story has the same commits however long the bot took in between.
	town.clock.nextHour()
	_, err := town.repo.MergePull(number, "ben", github.Merge{Method: method})
	town.ok(err)
}

// options opens the repository as the bot does.
func (town *town) options(ctx context.Context) (o branches.Options, done func(), err error) {
	as := adapter.Options{APIURL: town.server.APIURL(), Owner: "acme", Name: "config", Token: town.token, Now: town.clock.Now, Sleep: town.clock.Sleep}
	if town.app != nil {
		as.Token, as.App = "", &adapter.App{ID: town.app.ID, Installation: town.app.Installation, Key: town.app.Key}
	}
	client, err := adapter.New(as)
	if err != nil {
		return o, nil, err
	}
	login, email, err := client.Login(ctx)
	if err != nil {
		return o, nil, err
	}
	mirror, err := native.Open(ctx, native.Options{URL: town.repo.CloneURL(), Dir: town.mirror, Auth: client.Credentials})
	if err != nil {
		return o, nil, err
	}
	return branches.Options{
		Mirror: mirror, Hub: client, Repository: "acme/config", URL: town.server.URL() + "/acme/config", Login: login,
		Committer: change.Person{Name: login, Email: email}, Follow: town.follow, Diff: town.diff,
	}, func() { _ = mirror.Close() }, nil
}

// try is one run of the bot, which may fail.
func (town *town) try(ctx context.Context) (lines []string, err error) {
	o, done, err := town.options(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	plan, err := branches.Plan(ctx, o)
	failed := steps.Apply(ctx, plan, func(r steps.Result) { lines = append(lines, r.Line()) })
	return lines, errors.Join(err, failed)
}

// run is one that must go well.
func (town *town) run() []string {
	town.Helper()
	lines, err := town.try(town.Context())
	if err != nil {
		town.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
	}
	return lines
}

// settle runs until nothing is left to do, and shows that nothing is then.
func (town *town) settle() {
	town.Helper()
	for range 6 {
		if len(doing(town.run())) == 0 {
			return
		}
	}
	town.Fatalf("still something to do: %q", town.run())
}

// doing leaves out what was only told.
func doing(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "told ") })
}

// expect compares lines.
func (town *town) expect(got []string, want ...string) {
	town.Helper()
	if !slices.Equal(got, want) {
		town.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// pulls shows the pull requests onto release branches.
func (town *town) pulls() (lines []string) {
	for _, p := range town.repo.Pulls() {
		if p.Base == "main" {
			continue
		}
		state := p.State
		if p.Merged {
			state = "merged"
		}
		if p.Draft {
			state += " draft"
		}
		lines = append(lines, fmt.Sprintf("#%d %s ← %s by %s: %s, %s %q", p.Number, p.Base, p.Head, p.Author, p.Title, state, p.Labels))
	}
	return lines
}

// state is everything that people could see, as text: the branches, then each pull request.
func (town *town) state() (parts []string) {
	var b strings.Builder
	refs := town.repo.Refs()
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if strings.HasPrefix(name, "refs/heads/") {
			fmt.Fprintln(&b, name, refs[name])
		}
	}
	parts = append(parts, b.String())
	for _, p := range town.repo.Pulls() {
		b.Reset()
		fmt.Fprintf(&b, "#%d %s\n%s ← %s by %s, state %s, merged %v, draft %v\nlabels %q assignees %q head %s\n%s\n",
			p.Number, p.Title, p.Base, p.Head, p.Author, p.State, p.Merged, p.Draft, p.Labels, p.Assignees, p.HeadSHA, p.Body)
		for _, c := range town.repo.Comments(p.Number) {
			fmt.Fprintf(&b, "comment by %s:\n%s\n", c.Author, c.Body)
		}
		checks := town.repo.Checks(p.HeadSHA)
		slices.SortFunc(checks, func(a, b github.Check) int { return cmp.Compare(a.Name, b.Name) })
		for _, c := range checks {
			fmt.Fprintf(&b, "check %s %s %s\n", c.Name, c.Conclusion, c.Title)
		}
		parts = append(parts, b.String())
	}
	return parts
}

// content is a file of a branch.
func (town *town) content(branch, path string) string {
	town.Helper()
	text, err := town.repo.Git.Git("show", branch+":"+path)
	town.ok(err)
	return text + "\n"
}
