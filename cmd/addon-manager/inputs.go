package main

import (
	"context"

	"github.com/addon-manager/addon-manager/internal/cli"

	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/manager/gather"
	"github.com/addon-manager/addon-manager/internal/manager/gather/delivered"
	"github.com/addon-manager/addon-manager/internal/manager/source"
	"github.com/spf13/cobra"
)

// inputs are what a decision is made from: a config repository, and a fleet in files or behind a kubeconfig.
type inputs struct {
	repository        cli.Repository
	connect           connection
	clusters, current string
	tags              bool
}

func (in *inputs) add(cmd *cobra.Command) {
	in.repository.Add(cmd)
	in.connect.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&in.clusters, "clusters", "", "file of cluster Secrets, - for standard input")
	flags.StringVar(&in.current, "current", "", "file of the ApplicationSets, Applications, ClusterAddons and CatalogSources that exist")
	flags.BoolVar(&in.tags, "revision-tag", false, "let Applications name tags, as a CatalogSource with revision: tag does")
}

// check refuses flags that do not go together.
func (in *inputs) check() error {
	switch {
	case in.clusters == "" && in.current != "":
		return cli.Usagef("--current goes with --clusters")
	case in.clusters != "" && in.repository.URL == "":
		return cli.Usagef("--repository is missing: name a folder or a URL")
	}
	return nil
}

// fleet reads what exists.
func (in *inputs) fleet(cmd *cobra.Command) (gather.Fleet, error) {
	if in.clusters != "" {
		return delivered.Files(in.clusters, in.current, cmd.InOrStdin())
	}
	return liveFleet(cmd.Context(), &in.connect)
}

// source reads what the repository offers, as far as this fleet needs it: the repository named, or else that of the fleet's CatalogSource.
func (in *inputs) source(ctx context.Context, fleet *gather.Fleet) (resolve.Source, error) {
	if in.repository.URL == "" {
		in.repository.URL = fleet.URL
	}
	if in.repository.URL == "" {
		return resolve.Source{}, cli.Usagef("--repository is missing, and there is no CatalogSource that would name one: name a folder or a URL")
	}
	repo, err := in.repository.Open(ctx)
	if err != nil {
		return resolve.Source{}, err
	}
	defer repo.Close()
	var loader source.Loader
	src, err := loader.Load(ctx, repo, source.Options{
		FirstSeen: fleet.FirstSeen, RevisionTag: in.tags || fleet.RevisionTag, Wanted: fleet.Pinned(), RolledBack: fleet.Policy.Rollout.RolledBack,
	})
	src.Problems = append(src.Problems, fleet.Problems...)
	return src, err
}
