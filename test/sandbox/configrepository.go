package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing/fstest"

	"github.com/addon-manager/addon-manager/internal/testkit/githttp"
	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// Distribution is the middle part of the tags: v1.31-ake.4.
const Distribution = "ake"

// ConfigRepository is a config repository with release branches and tags, served over HTTP.
type ConfigRepository struct {
	Repo   *gitrepo.Repo
	Server *githttp.Server // counts requests and can be told to fail
	URL    string          // for Argo CD and addon-manager; it survives Stop and Start

	addr string
	stop context.CancelFunc
	done <-chan struct{}
}

// ServeConfigRepository makes a repository in dir whose main is source, with a branch release-<minor> and the tag
// v<minor>-ake.1 for each minor, and serves it.
func ServeConfigRepository(dir string, source fs.FS, minors []string) (*ConfigRepository, error) {
	repo, err := gitrepo.Create(filepath.Join(dir, "config.git"))
	if err != nil {
		return nil, err
	}
	r := &ConfigRepository{Repo: repo, addr: "127.0.0.1:0"}
	if _, err := repo.CommitFS(gitrepo.DefaultBranch, source, "Start the catalog"); err != nil {
		return nil, err
	}
	for _, minor := range minors {
		if err := repo.SetBranch(branch(minor), gitrepo.DefaultBranch); err != nil {
			return nil, err
		}
		if _, err := r.Tag(minor); err != nil {
			return nil, err
		}
	}
	if r.Server, err = githttp.Handler(dir, githttp.Options{}); err != nil {
		return nil, err
	}
	return r, r.Start()
}

// Start serves the repository, again at the same address after a Stop.
func (r *ConfigRepository) Start() error {
	ctx, stop := context.WithCancel(context.Background())
	url, done, err := r.Server.Serve(ctx, r.addr)
	if err != nil {
		stop()
		return err
	}
	r.stop, r.done = stop, done
	r.addr = strings.TrimPrefix(url, "http://")
	r.URL = url + "/config.git"
	return nil
}

// Stop ends the Git server; the repository stays.
func (r *ConfigRepository) Stop() {
	if r.stop == nil {
		return
	}
	r.stop()
	<-r.done
	r.stop = nil
}

// Commit adds a change to the release branch of a minor, as a merged cherry-pick would.
func (r *ConfigRepository) Commit(minor, message string, changes ...gitrepo.Change) (commit string, err error) {
	return r.Repo.Apply(branch(minor), message, changes...)
}

// Tag makes the next release of a minor from the head of its branch, and returns the tag.
func (r *ConfigRepository) Tag(minor string) (tag string, err error) {
	prefix := fmt.Sprintf("v%s-%s.", minor, Distribution)
	out, err := r.Repo.Git("tag", "--list", prefix+"*")
	if err != nil {
		return "", err
	}
	last := 0
	for tag := range strings.FieldsSeq(out) {
		n, err := strconv.Atoi(strings.TrimPrefix(tag, prefix))
		if err != nil {
			return "", errors.Join(fmt.Errorf("tag %q is no release", tag), err)
		}
		last = max(last, n)
	}
	tag = prefix + strconv.Itoa(last+1)
	return tag, r.Repo.AnnotatedTag(tag, branch(minor), "Release "+tag)
}

func branch(minor string) string { return "release-" + minor }

// ReferenceCatalog is the catalog and the addons of the repository at root, this one: what a config repository holds.
func ReferenceCatalog(root string) (fs.FS, error) {
	all, tree := fstest.MapFS{}, os.DirFS(root)
	for _, name := range []string{"catalog.yaml", "addons"} {
		err := fs.WalkDir(tree, name, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(tree, path)
			all[path] = &fstest.MapFile{Data: content}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
