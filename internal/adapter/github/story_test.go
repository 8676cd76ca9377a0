package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gh "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/core/forge"
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

// TestStory does what the bot does with one pick, first as an App and then with a token, and does it all a second time: that changes nothing.
func TestStory(t *testing.T) {
	for _, as := range []string{"app", "token"} {
		t.Run(as, func(t *testing.T) {
			p := newPlace(t, standin.Options{})
			p.repo.Allow("alice", "write")
			p.repo.Protect("release-*", standin.Protection{RequiredChecks: []string{"addons/no-conflicts", "addons/diff"}})
			head := p.branch("pick/release-1.31/pr-12", "release-1.31")
			ctx := t.Context()
			var c *Client
			var login, email string
			if as == "app" {
				c, login, email = p.asApp(), "branch-bot[bot]", p.app.Email
			} else {
				c, login = p.asUser("robot"), "robot"
			}

			gotLogin, gotEmail, err := c.Login(ctx)
			p.must(err)
			if as == "app" {
				email = strings.Replace(email, "github.com", "127.0.0.1", 1)
			} else {
				number, _, _ := strings.Cut(gotEmail, "+")
				email = number + "+robot@users.noreply.127.0.0.1"
			}
			same(t, "login", []string{gotLogin, gotEmail}, []string{login, email})

			repository, err := c.Repository(ctx)
			p.must(err)
			same(t, "repository", repository, forge.Repository{Owner: "acme", Name: "config", DefaultBranch: "main", CloneURL: p.repo.CloneURL()})

			pull, err := c.Open(ctx, forge.NewPull{Title: "[release-1.31] one", Body: "body\r\nof <two> lines & more", Base: "release-1.31", Head: "pick/release-1.31/pr-12", Draft: true})
			p.must(err)
			want := forge.Pull{
				Number: pull.Number, Title: "[release-1.31] one", Body: pull.Body, Author: login, Open: true, Draft: true, Base: "release-1.31", Head: "pick/release-1.31/pr-12",
				HeadCommit: head, HeadRepository: "acme/config", BaseCommit: pull.BaseCommit, Created: p.clock.now(), Updated: p.clock.now(), URL: pull.URL,
			}
			same(t, "opened", pull, want)
			p.must(c.Label(ctx, pull.Number, "cherry-pick", "conflict"))
			p.must(c.Assign(ctx, pull.Number, "alice", "nobody-knows"))
			made, err := c.Comment(ctx, pull.Number, "hello\n\n<!-- marker -->")
			p.must(err)
			p.must(c.EditComment(ctx, made.ID, "hello again"))
			check := forge.Check{Name: "addons/no-conflicts", Commit: head, Conclusion: forge.Failure, Title: "2 files in conflict", Summary: "- a\n- b"}
			p.must(c.SetCheck(ctx, check))

			pull, err = c.Pull(ctx, pull.Number)
			p.must(err)
			want.Labels, want.Assignees, want.Updated = []string{"cherry-pick", "conflict"}, []string{"alice"}, pull.Updated
			same(t, "read", pull, want)
			comments, err := c.Comments(ctx, pull.Number)
			p.must(err)
			same(t, "comments", comments, []forge.Comment{{ID: made.ID, Author: login, Body: "hello again"}})
			checks, err := c.Checks(ctx, head)
			p.must(err)
			if as == "token" {
				check.Summary = "" // A status has none.
			}
			same(t, "checks", checks, []forge.Check{check})
			commits, err := c.PullCommits(ctx, pull.Number)
			p.must(err)
			same(t, "commits", commits, []string{head})
			names, known, err := c.RequiredChecks(ctx, "release-1.31")
			p.must(err)
			same(t, "required", fmt.Sprint(names, known), "[addons/diff addons/no-conflicts] true")
			names, known, err = c.RequiredChecks(ctx, "main")
			p.must(err)
			same(t, "required on main", fmt.Sprint(names, known), "[] true")
			all := map[string]func() ([]forge.Pull, error){
				"open":  func() ([]forge.Pull, error) { return c.OpenPulls(ctx) },
				"since": func() ([]forge.Pull, error) { return c.PullsSince(ctx, p.clock.now().Add(-time.Hour)) },
				"of":    func() ([]forge.Pull, error) { return c.PullsOf(ctx, "pick/release-1.31/pr-12") },
			}
			for what, list := range all {
				pulls, err := list()
				p.must(err)
				same(t, what, pulls, []forge.Pull{want})
			}

			// The second time.
			_, unchanged, writes := c.Spent()
			again, err := c.Open(ctx, forge.NewPull{Title: "another", Base: "release-1.31", Head: "pick/release-1.31/pr-12"})
			if !errors.Is(err, ErrExists) || again.Number != pull.Number {
				t.Errorf("opened again: %d, %v", again.Number, err)
			}
			p.must(c.Label(ctx, pull.Number, "conflict", "Cherry-Pick"))
			p.must(c.Assign(ctx, pull.Number, "ALICE", "nobody-knows", "dependabot[bot]", "../../x"))
			check.Summary = "- a\n- b"
			p.must(c.SetCheck(ctx, check))
			if _, now, written := c.Spent(); written != writes || now == unchanged {
				t.Errorf("the second time: %d writes, %d unchanged", written-writes, now-unchanged)
			}

			// The conflict is solved and merged by a person; the tag is released.
			check.Conclusion, check.Title = forge.Success, "no conflicts"
			p.must(c.SetCheck(ctx, check))
			checks, err = c.Checks(ctx, head)
			p.must(err)
			if len(checks) != 1 || checks[0].Conclusion != forge.Success {
				t.Errorf("checks %+v", checks)
			}
			title := "[release-1.31] one & only"
			pull, err = c.Edit(ctx, pull.Number, forge.PullEdit{Title: &title, Closed: true})
			p.must(err)
			want.Title, want.Open, want.Updated = title, false, pull.Updated
			same(t, "closed", pull, want)
			if open, err := c.OpenPulls(ctx); err != nil || len(open) != 0 {
				t.Errorf("open: %v, %v", open, err)
			}

			if _, err := c.Release(ctx, "v1.31-ake.1"); !errors.Is(err, ErrNotFound) {
				t.Errorf("release: %v", err)
			}
			release := forge.Release{Tag: "v1.31-ake.1", Name: "v1.31-ake.1", Body: "notes"}
			if _, err := c.CreateRelease(ctx, release); !errors.Is(err, ErrNotFound) {
				t.Errorf("a release without its tag: %v", err)
			}
			_, err = p.repo.Git.Git("tag", "v1.31-ake.1", "release-1.31")
			p.must(err)
			released, err := c.CreateRelease(ctx, release)
			p.must(err)
			release.ID, release.URL = released.ID, released.URL
			same(t, "released", released, release)
			if found, err := c.CreateRelease(ctx, forge.Release{Tag: "v1.31-ake.1"}); !errors.Is(err, ErrExists) || found != release {
				t.Errorf("released again: %+v, %v", found, err)
			}
			release.Body, release.Name = "better notes", "1.31, fifth"
			p.must(c.EditRelease(ctx, release))
			found, err := c.Release(ctx, "v1.31-ake.1")
			p.must(err)
			same(t, "release", found, release)
		})
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, _ := json.MarshalIndent(got, "", " ")
	w, _ := json.MarshalIndent(want, "", " ")
	if string(g) != string(w) {
		t.Errorf("%s\ngot  %s\nwant %s", what, g, w)
	}
}

// TestSweep is 40 changes on 4 branches at once: 160 pull requests, each with labels, a check and a comment, through GitHub's limits, which the
// stand-in holds by itself. None is lost, none is made twice, and the server never has to say no.
func TestSweep(t *testing.T) {
	if testing.Short() {
		t.Skip("640 writes")
	}
	p := newPlace(t, standin.Options{})
	ctx := t.Context()
	c := p.asApp(func(o *Options) { o.MaxWait = time.Hour })
	heads := map[string]string{}
	for branch := range 4 {
		base := fmt.Sprintf("release-1.%d", 30+branch)
		if base != "release-1.31" {
			p.branch(base, "main")
		}
		for change := range 40 {
			name := fmt.Sprintf("pick/%s/pr-%d", base, change+1)
			heads[name] = p.branch(name, base)
		}
	}
	started := p.clock.now()
	var all sync.WaitGroup
	problems := make(chan error, 4*len(heads))
	for head, commit := range heads {
		all.Go(func() {
			base := strings.Split(head, "/")[1]
			pull, err := c.Open(ctx, forge.NewPull{Title: "[" + base + "] " + head, Body: head, Base: base, Head: head})
			if err != nil {
				problems <- err
				return
			}
			_, commented := c.Comment(ctx, pull.Number, "about "+head)
			problems <- errors.Join(
				c.Label(ctx, pull.Number, "cherry-pick"), commented,
				c.SetCheck(ctx, forge.Check{Name: "addons/no-conflicts", Commit: commit, Conclusion: forge.Success, Title: "ok"}),
			)
		})
	}
	all.Wait()
	close(problems)
	for err := range problems {
		if err != nil {
			t.Error(err)
		}
	}
	var times []time.Time
	for _, w := range p.server.Writes() {
		times = append(times, w.At)
		if w.Status >= 300 {
			t.Errorf("%s %s was refused with %d", w.Method, w.Path, w.Status)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	perMinute, perHour := most(times, time.Minute), most(times, time.Hour)
	if len(times) != 640 || perMinute > 80 || perHour > 500 {
		t.Errorf("%d writes, %d in a minute, %d in an hour; want 640, at most 80 and 500", len(times), perMinute, perHour)
	}
	open, err := c.OpenPulls(ctx)
	p.must(err)
	for _, pull := range open {
		comments, err := c.Comments(ctx, pull.Number)
		p.must(err)
		checks, err := c.Checks(ctx, pull.HeadCommit)
		p.must(err)
		if heads[pull.Head] != pull.HeadCommit || len(comments) != 1 || comments[0].Body != "about "+pull.Head || len(checks) != 1 || len(pull.Labels) != 1 {
			t.Errorf("#%d from %s: %v %v %v", pull.Number, pull.Head, comments, checks, pull.Labels)
		}
		delete(heads, pull.Head)
	}
	if len(heads) > 0 {
		t.Errorf("lost: %v", heads)
	}
	t.Logf("640 writes took %s by the clock, at most %d in a minute and %d in an hour", p.clock.now().Sub(started).Round(time.Second), perMinute, perHour)
}

// TestUnchangedCostsNothing asks a second time, from another process, for what the reconcile reads of ten pull requests: at most one request for
// each, all answered with 304, which GitHub does not count.
func TestUnchangedCostsNothing(t *testing.T) {
	p := newPlace(t, standin.Options{})
	ctx, dir := t.Context(), t.TempDir()
	remembering := func(o *Options) { o.Dir = dir }
	first := p.asUser("robot", remembering)
	for i := range 10 {
		head := fmt.Sprintf("pick/release-1.31/pr-%d", i+1)
		p.branch(head, "release-1.31")
		_, err := first.Open(ctx, forge.NewPull{Title: head, Base: "release-1.31", Head: head})
		p.must(err)
	}
	read := func(c *Client) {
		t.Helper()
		open, err := c.OpenPulls(ctx)
		p.must(err)
		for _, pull := range open {
			_, err := c.Comments(ctx, pull.Number)
			p.must(err)
		}
		if len(open) != 10 {
			t.Errorf("%d open", len(open))
		}
	}
	read(first)
	second := p.asUser("robot", remembering)
	read(second)
	asked, unchanged, writes := second.Spent()
	if asked != 11 || unchanged != 11 || writes != 0 {
		t.Errorf("the second process asked %d times, %d unchanged, %d writes; want 11, 11, 0", asked, unchanged, writes)
	}
	// What changed is seen.
	p.must(first.Label(ctx, 1, "new"))
	open, err := second.OpenPulls(ctx)
	p.must(err)
	if !slices.Equal(open[0].Labels, []string{"new"}) {
		t.Errorf("labels %v", open[0].Labels)
	}
}

// TestTokensOfApps lets a token end, and be refused before its end: a new one is fetched, once, and what was remembered still holds.
func TestTokensOfApps(t *testing.T) {
	p := newPlace(t, standin.Options{})
	ctx := t.Context()
	c := p.asApp()
	read := func() {
		t.Helper()
		_, err := c.Repository(ctx)
		p.must(err)
	}
	made := func() (n int) {
		for _, r := range p.server.Requests() {
			if r.Operation == "apps/create-installation-access-token" {
				n++
			}
		}
		return n
	}
	read()
	user, token, err := c.Credentials(ctx)
	p.must(err)
	if user != "x-access-token" || made() != 1 {
		t.Errorf("user %s, %d tokens made", user, made())
	}
	p.must(p.clock.sleep(ctx, 45*time.Minute))
	read()
	if made() != 1 {
		t.Errorf("after 45 minutes: %d tokens made, want 1", made())
	}
	// Git may need some minutes.
	p.must(p.clock.sleep(ctx, 6*time.Minute))
	_, renewed, err := c.Credentials(ctx)
	p.must(err)
	if made() != 2 || renewed == token {
		t.Errorf("nine minutes before its end: %d tokens made, want 2", made())
	}
	p.server.Revoke(renewed)
	read()
	if made() != 3 {
		t.Errorf("after it was revoked: %d tokens made, want 3", made())
	}
	if _, _, writes := c.Spent(); writes != 0 {
		t.Errorf("%d writes", writes)
	}
}

// TestAppsThatAreRefused shows what a person is told.
func TestAppsThatAreRefused(t *testing.T) {
	p := newPlace(t, standin.Options{})
	ctx := t.Context()
	for name, tc := range map[string]struct {
		edit func(*App)
		is   error
		want string
	}{
		"no such app": {
			func(a *App) { a.ID = 7 }, ErrAuth,
			"read repository acme/config: GitHub refuses the credentials: no token for installation 5 of app 7: 401 Integration not found: are the token or the app's key right, and not expired?",
		},
		"no such installation": {
			func(a *App) { a.Installation = 7 }, ErrNotFound,
			"read repository acme/config: not found on GitHub: no token for installation 7 of app 4: 404 Not Found: it is not there, or the credentials may not see it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := p.asApp(func(o *Options) { tc.edit(o.App) })
			_, err := c.Repository(ctx)
			want := strings.NewReplacer("installation 5 ", fmt.Sprintf("installation %d ", p.app.Installation), "app 4:", fmt.Sprintf("app %d:", p.app.ID)).Replace(tc.want)
			if err == nil || !errors.Is(err, tc.is) || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// TestMerges merges in each way (a3): the commit that brought the pull request is the branch's.
func TestMerges(t *testing.T) {
	p := newPlace(t, standin.Options{})
	c := p.asUser("robot")
	for i, method := range []string{"merge", "squash", "rebase"} {
		head := "pick/release-1.31/" + method
		p.branch(head, "release-1.31")
		p.commit(head, "addons/second-"+method, "x")
		pull, err := c.Open(t.Context(), forge.NewPull{Title: method, Base: "release-1.31", Head: head})
		p.must(err)
		owner, name := c.repository()
		_, _, err = c.api.PullRequests.Merge(t.Context(), owner, name, pull.Number, "", &gh.PullRequestOptions{MergeMethod: method})
		p.must(err)
		tip, err := p.repo.Git.Resolve("release-1.31")
		p.must(err)
		single, err := c.Pull(t.Context(), pull.Number)
		p.must(err)
		listed, err := c.PullsSince(t.Context(), p.clock.now().Add(-time.Hour))
		p.must(err)
		for _, got := range []forge.Pull{single, listed[i]} {
			if !got.Merged || got.Open || got.MergeCommit != tip {
				t.Errorf("%s: merged %v, open %v, brought by %s, want %s", method, got.Merged, got.Open, got.MergeCommit, tip)
			}
		}
	}
}

// TestLongChecks says more than GitHub takes (a14): it is cut, between two characters, and found again the second time.
func TestLongChecks(t *testing.T) {
	p := newPlace(t, standin.Options{})
	head := p.branch("x", "main")
	check := forge.Check{Name: "addons/diff", Commit: head, Conclusion: forge.Neutral, Title: strings.Repeat("ä", 100), Summary: strings.Repeat("ä", 40_000)}
	for name, c := range map[string]*Client{"app": p.asApp(), "token": p.asUser("robot")} {
		for range 2 {
			if err := c.SetCheck(t.Context(), check); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, _, writes := c.Spent(); writes != 1 {
			t.Errorf("%s: %d writes, want 1", name, writes)
		}
	}
	runs, err := p.asApp().runs(t.Context(), head, "")
	p.must(err)
	if got := runs[0].GetOutput().GetSummary(); len(got) > 65_535 || len(got) < 65_500 || !strings.HasSuffix(got, "ä…") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-10:])
	}
}

// TestChecksOfOtherApps sets a check that another app has set, too: that one's is left alone, and counts as long as it is not green.
func TestChecksOfOtherApps(t *testing.T) {
	p := newPlace(t, standin.Options{})
	head := p.branch("x", "main")
	other, err := p.server.AddApp("other", "acme")
	p.must(err)
	theirs := p.asApp(func(o *Options) { o.App = &App{ID: other.ID, Installation: other.Installation, Key: other.Key} })
	p.must(theirs.SetCheck(t.Context(), forge.Check{Name: "x", Commit: head, Conclusion: forge.Failure, Title: "theirs"}))
	ours := p.asApp()
	// It starts, ends, and starts again, which takes a new run.
	for _, conclusion := range []forge.Conclusion{"", forge.Success, "", forge.Success} {
		p.must(ours.SetCheck(t.Context(), forge.Check{Name: "x", Commit: head, Conclusion: conclusion, Title: "ours"}))
	}
	runs, err := ours.runs(t.Context(), head, "x")
	p.must(err)
	var got []string
	for _, run := range runs {
		got = append(got, fmt.Sprint(run.GetApp().GetSlug(), " ", run.GetConclusion()))
	}
	if _, _, writes := ours.Spent(); fmt.Sprint(got) != "[other failure branch-bot success]" || writes != 4 {
		t.Errorf("%q after %d writes", got, writes)
	}
	checks, err := ours.Checks(t.Context(), head)
	p.must(err)
	same(t, "checks", checks, []forge.Check{{Name: "x", Commit: head, Conclusion: forge.Failure, Title: "theirs", Summary: "theirs"}})
}
