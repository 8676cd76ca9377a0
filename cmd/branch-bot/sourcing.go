package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/addon-manager/addon-manager/internal/adapter/registry"
	"github.com/addon-manager/addon-manager/internal/bot/upstreams"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/spf13/cobra"
)

// envUpstreamToken is a token for asking GitHub about releases of other people's repositories: it needs no rights, and raises the limit.
const envUpstreamToken = "BRANCH_BOT_UPSTREAM_TOKEN"

// sourcing is the flags that say how the sources of newer versions are asked.
type sourcing struct {
	cache, githubURL string
}

func (s *sourcing) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.cache, "upstream-cache", "", "folder that remembers what sources of versions answered (default: inside --cache or --mirror)")
	f.StringVar(&s.githubURL, "upstream-github-url", "https://api.github.com/", "GitHub's REST API that is asked for releases; "+envUpstreamToken+" may hold a token, which raises its limits")
}

// sources are all that can be asked, and what can be fetched from them.
type sources struct {
	*upstreams.Sources
	charts *registry.Client
}

// open makes them, without asking anybody yet.
func (s *sourcing) open(f forgeFlags, r rendering) (*sources, error) {
	for _, dir := range []string{s.cache, r.folder("upstreams"), f.folder("upstreams")} {
		if dir != "" {
			r.cache = dir
			break
		}
	}
	charts, err := r.charts()
	if err != nil {
		return nil, err
	}
	all := &sources{charts: charts, Sources: &upstreams.Sources{}}
	if c, ok := any(charts).(upstreams.Charts); ok {
		all.Sources.Charts = c
	}
	_ = filepath.Join
	return all, nil
}

// Chart is one version of a chart, as an archive.
func (s *sources) Chart(ctx context.Context, repository, name, version string) ([]byte, string, error) {
	return s.charts.Chart(ctx, repository, name, version)
}

// Asset is a file of a GitHub release.
func (s *sources) Asset(ctx context.Context, a upstream.Asset) ([]byte, string, error) {
	return nil, "", errors.New("not yet")
}
