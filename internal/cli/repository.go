package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/spf13/cobra"
)

// Repository is the flags that say which config repository a command reads.
type Repository struct {
	// URL is a folder, or what Git clones.
	URL     string
	timeout time.Duration
}

// Add registers the flags.
func (f *Repository) Add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.URL, "repository", "", "config repository: a folder, or a URL (https, http, ssh, git@host:path)")
	cmd.Flags().DurationVar(&f.timeout, "git-timeout", 2*time.Minute, "how long a fetch may take")
}

// Environment variables with the credentials of --repository: flags would show them to everybody on the machine.
const (
	EnvUser     = "ADDON_MANAGER_GIT_USERNAME"
	EnvPassword = "ADDON_MANAGER_GIT_PASSWORD"
)

// Open fetches the repository. The caller closes it.
func (f *Repository) Open(ctx context.Context) (*git.Repository, error) {
	if f.URL == "" {
		return nil, Usagef("--repository is missing: name a folder or a URL")
	}
	auth := git.Auth{Username: os.Getenv(EnvUser), Password: os.Getenv(EnvPassword)}
	repo, err := git.Open(ctx, git.Options{URL: f.URL, AllowLocal: true, Auth: auth, Timeout: f.timeout})
	if err != nil {
		return nil, fmt.Errorf("--repository: %w", err)
	}
	if _, err := repo.Fetch(ctx); err != nil {
		_ = repo.Close()
		return nil, fmt.Errorf("--repository: %w", err)
	}
	return repo, nil
}

// IsDir reports whether the repository is a folder with a work tree, which is what a person who edits in it means.
func (f *Repository) IsDir() bool {
	info, err := os.Stat(f.URL)
	if err != nil || !info.IsDir() {
		return false
	}
	_, err = os.Stat(f.URL + "/HEAD") // A bare repository has no files to look at.
	return err != nil
}

// tree is the state to check: a ref of the repository, or without one the files of the folder as they are, or the default branch.
func (f *Repository) tree(ctx context.Context, ref string) (tree fs.FS, name string, done func(), err error) {
	if ref == "" && f.IsDir() {
		tree, err := git.WorkTree(f.URL)
		if err != nil {
			return nil, "", nil, fmt.Errorf("--repository: %w", err)
		}
		return tree, "the files in " + f.URL, func() {}, nil
	}
	repo, err := f.Open(ctx)
	if err != nil {
		return nil, "", nil, err
	}
	if ref == "" {
		ref = "HEAD"
	}
	commit, err := repo.Resolve(ref)
	if err != nil {
		_ = repo.Close()
		return nil, "", nil, fmt.Errorf("--ref: %w", err)
	}
	tree, err = repo.Tree(commit)
	if err != nil {
		_ = repo.Close()
		return nil, "", nil, err
	}
	return tree, fmt.Sprintf("%s (%.12s)", ref, commit), func() { _ = repo.Close() }, nil
}
