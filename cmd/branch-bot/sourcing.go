package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/adapter/github"
	"github.com/addon-manager/addon-manager/internal/adapter/registry"
	"github.com/addon-manager/addon-manager/internal/bot/upstreams"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/spf13/cobra"
)

// envUpstreamToken is a token for asking GitHub about releases of other people's repositories: it needs no rights, and raises the limit.
const envUpstreamToken = "BRANCH_BOT_UPSTREAM_TOKEN"

// publicGitHub is GitHub's API for everybody.
const publicGitHub = "https://api.github.com/"

// sourcing is the flags that say how the sources of newer versions are asked.
type sourcing struct {
	cache, githubURL string
}

func (s *sourcing) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.cache, "upstream-cache", "", "folder that remembers what sources of versions answered (default: inside --cache or --mirror)")
	f.StringVar(&s.githubURL, "upstream-github-url", publicGitHub, "GitHub's REST API that is asked for releases; "+envUpstreamToken+" may hold a token, which raises its limits")
}

// sources are all that can be asked, and what can be fetched from them.
type sources struct {
	*upstreams.Sources
	charts   *registry.Client
	releases *github.Releases
}

// open makes them, without asking anybody yet. They remember what they heard: make them for each run.
func (s *sourcing) open(f forgeFlags, r rendering) (*sources, error) {
	folder := ""
	for _, dir := range []string{s.cache, r.folder("upstreams"), f.folder("upstreams")} {
		if dir != "" {
			folder = dir
			break
		}
	}
	r.cache = folder
	all := &sources{}
	var err error
	if all.charts, err = r.charts(); err != nil {
		return nil, err
	}
	o := github.ReleasesOptions{APIURL: s.githubURL, Token: os.Getenv(envUpstreamToken), TokenName: envUpstreamToken}
	if o.Token == "" && s.githubURL == publicGitHub && f.apiURL == "" {
		// In a workflow on github.com, its own token may ask for what everybody can see.
		o.Token = os.Getenv(envActionToken)
	}
	if folder != "" {
		o.Dir = filepath.Join(folder, "github")
	}
	if all.releases, err = github.NewReleases(o); err != nil {
		return nil, cli.Usagef("--upstream-github-url: %w", err)
	}
	known, err := registry.ReadCredentials(r.registryConfig)
	if err != nil {
		return nil, err
	}
	tags := git.Remotes{Auth: func(host string) git.Auth {
		user, password := known(host)
		return git.Auth{Username: user, Password: password}
	}}
	all.Sources = &upstreams.Sources{Charts: all.charts, Releases: all.releases, Tags: tags, Web: webOf(s.githubURL)}
	return all, nil
}

// webOf is where the pages of a GitHub are whose API is at an address; empty for github.com, which needs no telling.
func webOf(api string) string {
	u, err := url.Parse(api)
	if err != nil || strings.EqualFold(u.Host, "api.github.com") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Chart is one version of a chart, as an archive.
func (s *sources) Chart(ctx context.Context, repository, name, version string) ([]byte, string, error) {
	return s.charts.Chart(ctx, repository, name, version)
}

// Asset is a file of a GitHub release.
func (s *sources) Asset(ctx context.Context, a upstream.Asset) ([]byte, string, error) {
	return s.releases.Asset(ctx, a)
}
