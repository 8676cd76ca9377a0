package native

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// hook installs a hook in a repository.
func hook(t *testing.T, repo *gitrepo.Fixture, name, script string) {
	t.Helper()
	dir := filepath.Join(repo.Dir, "hooks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestPushRefused pushes a branch and a tag to a server that changed meanwhile, or refuses: all or nothing is pushed, and the error says what to think of it.
func TestPushRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		before  func(t *testing.T, repo *gitrepo.Fixture, server *githttp.Server)
		updates func(tip, next, tag string) []Update
		kind    error
		text    string
	}{
		"fault 57: somebody pushed to the branch": {
			before: func(_ *testing.T, repo *gitrepo.Fixture, _ *githttp.Server) { repo.Apply("release", "a person's") },
			kind:   ErrStale, text: "push to URL: the ref has moved: refs/heads/release: stale info",
		},
		"the branch was pushed back": {
			before: func(_ *testing.T, repo *gitrepo.Fixture, _ *githttp.Server) { repo.SetBranch("release", "release~1") },
			kind:   ErrStale, text: "push to URL: the ref has moved: refs/heads/release: stale info",
		},
		"the branch is gone": {
			before: func(_ *testing.T, repo *gitrepo.Fixture, _ *githttp.Server) { repo.DeleteBranch("release") },
			kind:   ErrStale, text: "push to URL: the ref has moved: refs/heads/release: stale info",
		},
		"the tag is there": {
			before: func(_ *testing.T, repo *gitrepo.Fixture, _ *githttp.Server) {
				repo.AnnotatedTag("v1", "release", "another's")
			},
			kind: ErrStale, text: "push to URL: the ref has moved: refs/tags/v1: stale info",
		},
		"a branch to create is there": {
			updates: func(_, next, _ string) []Update { return []Update{{"refs/heads/release", "", next}} },
			kind:    ErrStale, text: "push to URL: the ref has moved: refs/heads/release: stale info",
		},
		"a branch to delete has moved": {
			updates: func(_, next, _ string) []Update { return []Update{{"refs/heads/release", next, ""}} },
			kind:    ErrStale, text: "push to URL: the ref has moved: refs/heads/release: stale info",
		},
		"g21: a rule of the server refuses": {
			before: func(t *testing.T, repo *gitrepo.Fixture, _ *githttp.Server) {
				hook(t, repo, "pre-receive", `echo "GH006: Protected branch update failed for refs/heads/release." >&2; exit 1`)
			},
			kind: ErrProtected,
			text: `push to URL: the server refuses it: refs/heads/release: pre-receive hook declined; refs/tags/v1: pre-receive hook declined (the server says "GH006: Protected branch update failed for refs/heads/release.")`,
		},
		"g21: a rule of the server refuses the tag": {
			before: func(t *testing.T, repo *gitrepo.Fixture, _ *githttp.Server) {
				hook(t, repo, "update", `case $1 in refs/tags/*) exit 1; esac`)
			},
			kind: ErrProtected, text: "push to URL: the server refuses it: refs/tags/v1: hook declined (the server says \"error: hook declined to update refs/tags/v1\")",
		},
		"the server forbids pushes": {
			before: func(_ *testing.T, _ *gitrepo.Fixture, server *githttp.Server) {
				server.SetFault(githttp.Fault{Status: http.StatusForbidden})
			},
			kind: ErrProtected, text: "push to URL: the server refuses it: the server forbids it (403)",
		},
		"the server wants other credentials": {
			before: func(_ *testing.T, _ *gitrepo.Fixture, server *githttp.Server) {
				server.SetFault(githttp.Fault{Status: http.StatusUnauthorized})
			},
			kind: git.ErrAuth, text: "git repository URL: refuses the credentials: the server asks for authentication (401); check the repository's credentials and that they may read it",
		},
		"the server is down": {
			before: func(_ *testing.T, _ *gitrepo.Fixture, server *githttp.Server) { server.SetFault(githttp.Down()) },
			kind:   git.ErrUnreachable, text: "git repository URL: cannot be reached: the server answers 503 Service Unavailable; check the address, the server and the network",
		},
		"a name that is an option": {
			updates: func(_, next, _ string) []Update { return []Update{{"--receive-pack=touch x", "", next}} },
			text:    `push: "--receive-pack=touch x" is no full name of a ref`,
		},
		"a name that forces": {
			updates: func(_, next, _ string) []Update { return []Update{{"+refs/heads/release", "", next}} },
			text:    `push: "+refs/heads/release" is no full name of a ref`,
		},
		"a hash that is a name": {
			updates: func(tip, _, _ string) []Update { return []Update{{"refs/heads/release", tip, "main"}} },
			text:    `push refs/heads/release: "main" is no hash of 40 hexadecimal digits`,
		},
		"nothing to do": {
			updates: func(_, _, _ string) []Update { return []Update{{"refs/heads/release", "", ""}} },
			text:    `push refs/heads/release: neither an old nor a new hash is given`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			daily(t, name, "fault 57: somebody pushed to the branch", "the tag is there", "g21: a rule of the server refuses", "the server is down", "a name that forces")
			t.Parallel()
			repo := gitrepo.New(t)
			repo.Apply("release", "one")
			tip := repo.Apply("release", "two")
			next := repo.Git("commit-tree", "-p", tip, "-m", "next", tip+"^{tree}")
			tag := raw(t, repo, "tag", "object "+next+"\ntype commit\ntag v1\ntagger A <a@example.com> 1 +0000\n\nours\n")
			repo.SetRef("refs/pull/1/head", next)
			repo.SetRef("refs/tags/keep", tag)
			url, server := serve(t, repo, githttp.Options{Username: "bot", Password: "hunter2", AllowPush: true})
			m := open(t, Options{URL: url, Auth: auth("bot", "hunter2")})
			if tc.before != nil {
				tc.before(t, repo, server)
			}
			before := repo.Git("for-each-ref")
			updates := []Update{{"refs/heads/release", tip, next}, {"refs/tags/v1", "", tag}}
			if tc.updates != nil {
				updates = tc.updates(tip, next, tag)
			}
			err := m.Push(t.Context(), updates...)
			if err == nil {
				t.Fatal("it was pushed")
			}
			if got := strings.ReplaceAll(err.Error(), url, "URL"); got != tc.text || tc.kind != nil && !errors.Is(err, tc.kind) {
				t.Errorf("got  %s\nwant %s (%v)", got, tc.text, tc.kind)
			}
			if after := repo.Git("for-each-ref"); after != before {
				t.Errorf("refs were\n%s\nand are\n%s", before, after)
			}
		})
	}
}

// TestPushAgain pushes what the server has already, after an answer that was lost (fault 58), and deletes.
func TestPushAgain(t *testing.T) {
	repo := gitrepo.New(t)
	tip := repo.Apply("main", "one")
	url, server := serve(t, repo, githttp.Options{AllowPush: true})
	m := open(t, Options{URL: url})
	commit, err := m.Commit(t.Context(), change.Commit{Tree: emptyTree, Parents: []string{tip}, Message: "two"})
	if err != nil {
		t.Fatal(err)
	}
	update := Update{"refs/heads/main", tip, commit}
	if err := m.Push(t.Context(), update, Update{"refs/heads/new", "", commit}); err != nil {
		t.Fatal(err)
	}
	if err := m.Push(t.Context(), update); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if remote, err := m.Remote(t.Context()); err != nil || remote.Branches["main"] != commit || remote.Branches["new"] != commit {
		t.Errorf("the remote has %+v, %v", remote, err)
	}
	// The answer is cut: whether it was pushed is not known, and Remote tells.
	server.SetFault(githttp.Fault{CutAfter: 1, Times: 1})
	if err := m.Push(t.Context(), Update{"refs/heads/new", commit, ""}); err == nil || errors.Is(err, ErrStale) || errors.Is(err, ErrProtected) {
		t.Errorf("a cut answer: %v", err)
	}
	if err := m.Push(t.Context(), Update{"refs/heads/new", commit, ""}); err != nil {
		t.Error(err)
	}
	if remote, err := m.Remote(t.Context()); err != nil || len(remote.Branches) != 1 {
		t.Errorf("the remote has %+v, %v", remote, err)
	}
	// Forced, with the lease that allows it.
	if err := m.Push(t.Context(), Update{"refs/heads/main", commit, tip}); err != nil {
		t.Error(err)
	}
}

// TestPushRace lets two mirrors make the same tag and move the same branch, many times: one of them does, and the other one hears of it.
func TestPushRace(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 1
	}
	repo := gitrepo.New(t)
	tip := repo.Apply("main", "one")
	url, _ := serve(t, repo, githttp.Options{AllowPush: true})
	bots := []*Mirror{open(t, Options{URL: url}), open(t, Options{URL: url})}
	kinds := map[string]int{}
	for round := range rounds {
		name := fmt.Sprintf("v1.31-ake.%d", round)
		var tips, tags [2]string
		var errs [2]error
		var both sync.WaitGroup
		start := make(chan struct{})
		for i, bot := range bots {
			var err error
			who := change.Person{Name: fmt.Sprintf("bot %d", i)}
			if tips[i], err = bot.Commit(t.Context(), change.Commit{Tree: emptyTree, Parents: []string{tip}, Message: name, Committer: who}); err != nil {
				t.Fatal(err)
			}
			if tags[i], err = bot.Tag(t.Context(), NewTag{Name: name, Commit: tips[i], Message: name, Tagger: who}); err != nil {
				t.Fatal(err)
			}
			both.Go(func() {
				<-start
				errs[i] = bot.Push(t.Context(), Update{"refs/heads/main", tip, tips[i]}, Update{"refs/tags/" + name, "", tags[i]})
			})
		}
		close(start)
		both.Wait()
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		if errs[winner] != nil || !errors.Is(errs[1-winner], ErrStale) {
			t.Fatalf("round %d: %v and %v", round, errs[0], errs[1])
		}
		kinds[regexp.MustCompile(`\d+`).ReplaceAllString(errs[1-winner].Error(), "N")]++
		if got := repo.Git("rev-parse", "main", name); got != tips[winner]+"\n"+tags[winner] {
			t.Fatalf("round %d: bot %d won with %s %s, and there is %s", round, winner, tips[winner], tags[winner], got)
		}
		tip = tips[winner]
		for _, bot := range bots {
			if _, err := bot.Fetch(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("the losers heard %v", kinds)
}
