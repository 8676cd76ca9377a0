// Command serve runs the stand-in for GitHub by itself, to look at in a browser and to try branch-bot on:
//
//	go run ./test/github/serve -from ../some-config-repository
//
// It prints where it listens, and tokens. What it holds is gone when it ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/addon-manager/addon-manager/test/github"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to listen; loopback only")
	name := flag.String("repository", "acme/config", "the repository's owner/name")
	from := flag.String("from", "", "a Git repository whose branches and tags are copied; without it the repository is empty")
	user := flag.String("user", "you", "the user as whom the pages merge, close and label")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen, *name, *from, *user); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, name, from, user string) error {
	if !strings.HasPrefix(listen, "127.0.0.1:") && !strings.HasPrefix(listen, "localhost:") && !strings.HasPrefix(listen, "[::1]:") {
		return fmt.Errorf("-listen %q is not loopback: this server gives everybody's rights to whoever reaches it", listen)
	}
	owner, short, found := strings.Cut(name, "/")
	if !found {
		return fmt.Errorf("-repository %q is not owner/name", name)
	}
	dir, err := os.MkdirTemp("", "github-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := github.Start(dir, github.Options{Listen: listen, Merger: user})
	if err != nil {
		return err
	}
	defer s.Close()
	var repo *github.Repository
	if from == "" {
		repo, err = s.AddRepository(owner, short, github.RepositoryOptions{})
	} else {
		repo, err = s.Adopt(owner, short, from, github.RepositoryOptions{})
	}
	if err != nil {
		return err
	}
	repo.Allow(user, "write")
	repo.Allow("branch-bot", "write")
	fmt.Printf("pages       %s/%s\nGit         %s\nAPI         %s\n%-11s %s\nbranch-bot  %s\n",
		s.URL(), repo.Name(), repo.CloneURL(), s.APIURL(), user, s.AddToken(user), s.AddToken("branch-bot"))
	<-ctx.Done()
	for _, problem := range s.Problems() {
		fmt.Fprintln(os.Stderr, "against GitHub's description:", problem)
	}
	return nil
}
