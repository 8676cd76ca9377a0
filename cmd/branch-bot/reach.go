package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/addon-manager/addon-manager/internal/adapter/fleet"
	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/impact"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/manager/gather"
	"github.com/spf13/cobra"
)

// envFleetToken is the bearer token for --fleet: a flag would show it to everybody on the machine.
const envFleetToken = "BRANCH_BOT_FLEET_TOKEN"

// reach is the flags that say which clusters there are, so that reports can say which of them a change touches.
type reach struct {
	clusters, current, fleet string
}

func (r *reach) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.clusters, "clusters", "", "file of cluster Secrets, - for standard input: says which clusters a change touches")
	f.StringVar(&r.current, "current", "", "with --clusters, file of the CatalogSources and ClusterAddons that exist: the groups of the rollout, and what clusters have")
	f.StringVar(&r.fleet, "fleet", "", "URL of a running addon-manager's metrics address: says which clusters a change touches; "+envFleetToken+" may hold a token")
}

func (r *reach) check() error {
	switch {
	case r.clusters != "" && r.fleet != "":
		return cli.Usagef("--clusters and --fleet both say which clusters there are: use one")
	case r.current != "" && r.clusters == "":
		return cli.Usagef("--current goes with --clusters")
	}
	return nil
}

// read is nil when nobody asked for it. Base is the ref whose catalog says what clusters have that nothing tells of.
func (r *reach) read(ctx context.Context, in io.Reader, errs io.Writer, repo *git.Repository, base string) (*impact.Fleet, error) {
	switch {
	case r.fleet != "":
		f, err := fleet.Read(ctx, r.fleet, os.Getenv(envFleetToken))
		if err != nil {
			return nil, fmt.Errorf("--fleet: %w", err)
		}
		return &f, nil
	case r.clusters != "":
		files, err := gather.Files(r.clusters, r.current, in, nil)
		if err != nil {
			return nil, err
		}
		for _, p := range files.Problems {
			fmt.Fprintln(errs, p.Error())
		}
		offered, err := catalogAt(repo, "base", base)
		if err != nil {
			return nil, err
		}
		f := gather.Impact(files, offered)
		return &f, nil
	}
	return nil, nil
}

// touched says which clusters of a fleet a change reaches, also by what it brings.
func touched(repo *git.Repository, fleet impact.Fleet, base, head string, r report.Report) (*report.Clusters, error) {
	before, err := catalogAt(repo, "base", base)
	if err != nil {
		return nil, err
	}
	after, err := catalogAt(repo, "head", head)
	if err != nil {
		return nil, err
	}
	found := impact.Touched(impact.WithNew(fleet, before, after), r.Reach())
	return &found, nil
}

// catalogAt is what a ref offers, whatever the minor.
func catalogAt(repo *git.Repository, name, ref string) (impact.CatalogOf, error) {
	offered, err := bot.CatalogAt(repo, name, ref)
	return func(version.Minor) (catalog.Catalog, bool) { return offered, true }, err
}

// reaching tells reports which clusters a change touches. The fleet is read once, when the first report wants it; that it cannot be read is told, and leaves the
// clusters out: a pull request is of use without them.
type reaching struct {
	reach
	in   io.Reader
	errs io.Writer
	repo *git.Repository

	once sync.Once
	read *impact.Fleet
}

func (r *reaching) tell(ctx context.Context, base, head string, out *report.Report) {
	if r == nil || r.fleet == "" && r.clusters == "" {
		return
	}
	r.once.Do(func() {
		var err error
		if r.read, err = r.reach.read(ctx, r.in, r.errs, r.repo, base); err != nil {
			fmt.Fprintf(r.errs, "which clusters are touched is not known: %v\n", err)
		}
	})
	if r.read == nil {
		return
	}
	clusters, err := touched(r.repo, *r.read, base, head, *out)
	if err != nil {
		fmt.Fprintf(r.errs, "which clusters are touched is not known: %v\n", err)
		return
	}
	out.Clusters = clusters
}
