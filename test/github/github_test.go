package github_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/google/go-github/v58/github"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
	"github.com/addon-manager/addon-manager/test/github"
)

// world is one server with a repository: a catalog on main, and bob who may write.
type world struct {
	*testing.T
	server *github.Server
	repo   *github.Repository
	clock  *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func start(t *testing.T, o github.Options) *world {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	o.Now = c.Now
	w := &world{T: t, server: github.New(t, o), clock: c}
	var err error
	w.repo, err = w.server.AddRepository("acme", "config", github.RepositoryOptions{Description: "addons of our clusters"})
	w.must(err)
	w.repo.Allow("bob", "write")
	w.server.AddUser("eve")
	w.commit("main", "catalog.yaml", "minors: [1.31]\n", "first")
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// commit sets one file on a branch as somebody with every right would.
func (w *world) commit(branch, path, content, message string) string {
	w.Helper()
	sha, err := w.repo.Git.Commit(branch, map[string]string{path: content}, message)
	w.must(err)
	return sha
}

// branch makes a branch at another, with one commit.
func (w *world) branch(name, from string) string {
	w.Helper()
	w.must(w.repo.Git.SetBranch(name, from))
	return w.commit(name, "addons/"+strings.ReplaceAll(name, "/", "-")+".yaml", name+"\n", "change "+name)
}

func (w *world) client(token string) *api.Client {
	w.Helper()
	c, err := api.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(w.server.APIURL(), w.server.URL())
	w.must(err)
	return c
}

// as is a client with a user's token.
func (w *world) as(login string) *api.Client { return w.client(w.server.AddToken(login)) }

// ask makes a request by hand and gives status, header and body.
func (w *world) ask(token, method, path, body string, header ...string) (int, http.Header, string) {
	w.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, w.server.APIURL()+strings.TrimPrefix(path, "/"), strings.NewReader(body))
	w.must(err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(answer.Body)
	w.must(err)
	return answer.StatusCode, answer.Header, text.String()
}

// push pushes with native git as the token's owner.
func (w *world) push(token string, args ...string) (string, error) {
	w.Helper()
	url := strings.Replace(w.repo.CloneURL(), "://", "://x-access-token:"+token+"@", 1)
	cmd := exec.Command("git", append([]string{"push", "--porcelain", url}, args...)...)
	cmd.Dir, cmd.Env = w.local(), gitrepo.Env()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// local is a clone to push from, whose branches are those of the repository when it was made.
func (w *world) local() string {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("push-%d-%p", os.Getpid(), w))
	if _, err := os.Stat(dir); err != nil {
		cmd := exec.Command("git", "clone", "--quiet", "--mirror", w.repo.Git.Dir, dir)
		cmd.Env = gitrepo.Env()
		if out, err := cmd.CombinedOutput(); err != nil {
			w.Fatal(string(out))
		}
		w.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	return dir
}

var ctx = context.Background()

func TestTheLifeOfAPullRequest(t *testing.T) {
	w := start(t, github.Options{})
	w.branch("fix", "main")
	bob := w.as("bob")
	p, _, err := bob.PullRequests.Create(ctx, "acme", "config", &api.NewPullRequest{
		Title: api.String("Fix"), Head: api.String("fix"), Base: api.String("main"), Body: api.String("why"), Draft: api.Bool(true),
	})
	w.must(err)
	_, _, err = bob.Issues.AddLabelsToIssue(ctx, "acme", "config", p.GetNumber(), []string{"cherry-pick"})
	w.must(err)
	_, _, err = bob.Issues.AddAssignees(ctx, "acme", "config", p.GetNumber(), []string{"bob", "eve", "nobody"})
	w.must(err)
	_, _, err = bob.Issues.CreateComment(ctx, "acme", "config", p.GetNumber(), &api.IssueComment{Body: api.String("hello")})
	w.must(err)
	listed, _, err := bob.PullRequests.List(ctx, "acme", "config", &api.PullRequestListOptions{Head: "acme:fix", State: "all"})
	w.must(err)
	if len(listed) != 1 || listed[0].GetTitle() != "Fix" {
		t.Fatalf("listed %v", listed)
	}
	_, _, err = bob.PullRequests.Edit(ctx, "acme", "config", p.GetNumber(), &api.PullRequest{Title: api.String("Fix it")})
	w.must(err)
	w.must(w.repo.SetDraft(1, "bob", false))
	m, _, err := bob.PullRequests.Merge(ctx, "acme", "config", p.GetNumber(), "", &api.PullRequestOptions{MergeMethod: "squash"})
	w.must(err)
	got := w.repo.Pulls()[0]
	if got.Title != "Fix it" || !got.Merged || got.State != "closed" || strings.Join(got.Labels, " ") != "cherry-pick" || strings.Join(got.Assignees, " ") != "bob" || got.MergeSHA != m.GetSHA() {
		t.Errorf("the pull request is now %+v", got)
	}
}
