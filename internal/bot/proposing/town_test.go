package proposing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	adapter "github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

// clock is time as everybody in a town has it: it goes on when somebody sleeps.
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

// town is a config repository on GitHub's stand-in, with the people who work on it and publishers of versions.
type town struct {
	*testing.T
	server *github.Server
	repo   *github.Repository
	clock  *clock
	token  string
	mirror string
	// published are versions by addon, oldest first; limits the newest that a branch can run, by branch and addon.
	published map[string][]string
	limits    map[string]string
	rules     catalog.Upgrades
	// broken are addons whose source does not answer, unbuildable those whose commit cannot be made.
	broken, unbuildable map[string]string
	security            map[string]bool
	// releases are the release branches, as main's catalog has them.
	releases []string
	// branches and addons limit a run; diffs and notes count what was asked for.
	branches, addons []string
	diffs, notes     int
}

const catalogText = `apiVersion: addons.kaas.dev/v1alpha1
kind: Catalog
distribution: ake
kubernetes: {minors: [%s]}
addons:
- {name: cert, namespace: cert}
- {name: dns, namespace: dns}
- {name: log, namespace: log}
`

// newTown has main and release-1.31 and release-1.32, all of which have cert, dns and log at 4.1.0.
func newTown(t *testing.T, o github.Options) *town {
	t.Helper()
	c := &clock{now: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)}
	o.Now = c.Now
	s := github.New(t, o)
	repo, err := s.AddRepository("acme", "config", github.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	town := &town{
		T: t, server: s, repo: repo, clock: c, mirror: filepath.Join(t.TempDir(), "mirror"), published: map[string][]string{}, limits: map[string]string{},
		broken: map[string]string{}, unbuildable: map[string]string{}, security: map[string]bool{},
	}
	for _, login := range []string{"ann", "ben", "branch-bot"} {
		s.AddUser(login)
		repo.Allow(login, "write")
	}
	s.AddUser("mallory")
	town.token = s.AddToken("branch-bot")
	files := map[string]string{"catalog.yaml": fmt.Sprintf(catalogText, `"1.31", "1.32"`), "README.md": "Hello.\n"}
	for _, addon := range []string{"cert", "dns", "log"} {
		files["addons/"+addon+"/version.yaml"] = pinned("4.1.0")
		files["addons/"+addon+"/setting.yaml"] = "setting: one\n"
	}
	town.commit("main", "Begin", files)
	town.branch("release-1.31", "main")
	town.branch("release-1.32", "main")
	return town
}

// pinned is the file that holds an addon's version.
func pinned(version string) string { return "# keep\nname: x\nversion: " + version + "\n" }

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

func (town *town) merge(number int) {
	town.Helper()
	_, err := town.repo.MergePull(number, "ben", github.Merge{Method: "squash"})
	town.ok(err)
}

// options opens the repository as the bot does.
func (town *town) options(ctx context.Context) (o Options, done func(), err error) {
	client, err := adapter.New(adapter.Options{
		APIURL: town.server.APIURL(), Owner: "acme", Name: "config", Token: town.token, Now: town.clock.Now, Sleep: town.clock.Sleep,
	})
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
	o = Options{
		Options: upgrading.Options{
			Mirror: mirror, Committer: change.Person{Name: login, Email: email}, Now: town.clock.Now(), Branches: town.branches, Addons: town.addons,
		},
		Hub: client, Repository: "acme/config", URL: town.server.URL() + "/acme/config", Login: login, Diff: town.diff(mirror),
	}
	return o, func() { _ = mirror.Close() }, nil
}

// try is one run of the bot, which may fail.
func (town *town) try(ctx context.Context) (lines []string, err error) {
	o, done, err := town.options(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	all, _, err := plan(ctx, o, town.upgrader())
	failed := steps.Apply(ctx, all, func(r steps.Result) { lines = append(lines, r.Line()) })
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

// idle runs once more, and shows that nothing is written.
func (town *town) idle() {
	town.Helper()
	town.server.ForgetRequests()
	if lines := doing(town.run()); len(lines) > 0 || len(town.writes()) > 0 {
		town.Errorf("not settled: %q, %v", lines, town.writes())
	}
}

// writes are the operations that changed something since requests were forgotten. Git asks before it pushes: that is none.
func (town *town) writes() (all []string) {
	for _, r := range town.server.Requests() {
		if r.Method != http.MethodGet && r.Operation != "git/fetch" {
			all = append(all, r.Operation)
		}
	}
	return all
}

// doing leaves out what was only told.
func doing(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "told ") })
}

func telling(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, "told ") })
}

// expect compares lines.
func (town *town) expect(got []string, want ...string) {
	town.Helper()
	if !slices.Equal(got, want) {
		town.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// pulls shows the pull requests.
func (town *town) pulls() (lines []string) {
	for _, p := range town.repo.Pulls() {
		state := p.State
		if p.Merged {
			state = "merged"
		}
		slices.Sort(p.Labels)
		lines = append(lines, fmt.Sprintf("#%d %s ← %s by %s: %s, %s %q", p.Number, p.Base, p.Head, p.Author, p.Title, state, p.Labels))
	}
	return lines
}

func (town *town) pull(number int) github.Pull {
	town.Helper()
	for _, p := range town.repo.Pulls() {
		if p.Number == number {
			return p
		}
	}
	town.Fatalf("there is no #%d", number)
	return github.Pull{}
}

// board is the dashboard's text.
func (town *town) board() string {
	town.Helper()
	issues := town.repo.Issues()
	if len(issues) != 1 {
		town.Fatalf("there are %d issues: %+v", len(issues), issues)
	}
	return issues[0].Body
}

// said are the bot's comments on a pull request.
func (town *town) said(number int) (all []string) {
	for _, c := range town.repo.Comments(number) {
		if c.Author == "branch-bot" {
			all = append(all, c.Body)
		}
	}
	return all
}

// state is everything that people could see, as text: the branches, then each pull request and issue.
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
		fmt.Fprintf(&b, "#%d %s\n%s ← %s by %s, state %s, merged %v\nlabels %q head %s\n%s\n",
			p.Number, p.Title, p.Base, p.Head, p.Author, p.State, p.Merged, p.Labels, p.HeadSHA, p.Body)
		for _, c := range town.repo.Comments(p.Number) {
			fmt.Fprintf(&b, "comment by %s:\n%s\n", c.Author, c.Body)
		}
		parts = append(parts, b.String())
	}
	for _, i := range town.repo.Issues() {
		parts = append(parts, fmt.Sprintf("issue #%d %s by %s %s %q\n%s\n", i.Number, i.Title, i.Author, i.State, i.Labels, i.Body))
	}
	return parts
}
