package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/minors"
	"github.com/addon-manager/addon-manager/internal/bot/proposing"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/bot/tagging"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/spf13/cobra"
)

// upkeep is the flags of what is done to a whole repository: once by reconcile, again and again by serve.
type upkeep struct {
	forge     forgeFlags
	rendering rendering
	following following
	sourcing  sourcing
	reach     reach
	// errs is where it is told what leaves something out.
	errs io.Writer
}

func (u *upkeep) add(cmd *cobra.Command) {
	u.forge.Add(cmd)
	u.rendering.add(cmd)
	u.following.add(cmd)
	u.sourcing.add(cmd)
	u.reach.add(cmd)
}

func (u *upkeep) check() error {
	if _, err := u.rendering.check(); err != nil {
		return err
	}
	return errors.Join(u.following.check(), u.reach.check())
}

// reconcile plans everything that is to be done to a repository.
func (u *upkeep) reconcile(ctx context.Context, p *place, o bot.Options) ([]*steps.Step, error) {
	o.Repository = p.mirror.Repository()
	b := p.branches(o, u.following.minors)
	clusters := &reaching{reach: u.reach, in: os.Stdin, errs: u.errs, repo: p.mirror.Repository()}
	b.Diff = diffs(o, clusters, report.Limit)
	b.Also = func(ctx context.Context, h history.History) ([]*steps.Step, error) {
		t := tagging.Options{Mirror: p.mirror, Rendering: o, Tagger: p.committer, Now: time.Now}
		if p.hub != nil {
			t.Hub = p.hub
		}
		return tagging.Unfinished(ctx, t, h)
	}
	plan, failed := branches.Plan(ctx, b)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	newer, err := u.newer(ctx, p, o, clusters)
	return append(plan, newer...), errors.Join(failed, err)
}

// newer plans the pull requests of upgrades, where main's catalog asks for them.
func (u *upkeep) newer(ctx context.Context, p *place, o bot.Options, clusters *reaching) ([]*steps.Step, error) {
	refs, err := p.mirror.Refs(ctx)
	if err != nil || p.hub == nil {
		return nil, err
	}
	main := p.main
	if main == "" {
		main = refs.Head
	}
	offered, err := bot.CatalogAt(o.Repository, "main", main)
	if err != nil || offered.Upgrades == nil {
		return nil, err
	}
	s, err := u.sourcing.open(u.forge, u.rendering)
	if err != nil {
		return nil, err
	}
	return p.upgrades(ctx, s, upgrading.Options{
		Mirror: p.mirror, Main: p.main, Sources: s, Files: s, Committer: p.committer, Now: time.Now(),
	}, o, clusters)
}

// upgrades plans the pull requests of upgrades, and of a new Kubernetes minor.
func (p *place) upgrades(ctx context.Context, s *sources, o upgrading.Options, rendering bot.Options, clusters *reaching) ([]*steps.Step, error) {
	rendering.Charts = s.charts
	plan, found, failed := proposing.Plan(ctx, p.proposing(o, rendering, clusters))
	// Without a catalog there is no next minor either, and the reason is said already.
	if ctx.Err() != nil || len(o.Addons)+len(o.Branches) > 0 || found.Main == "" {
		return plan, failed
	}
	rendering.Repository = p.mirror.Repository()
	more, err := minors.Plan(ctx, minors.Options{
		Mirror: p.mirror, Hub: p.hub, Main: p.main, Repository: p.name, URL: p.url, Login: p.login, Committer: p.committer, Releases: s.Releases.Releases,
		Across: func(ctx context.Context, ref string, from, to version.Minor) (report.Report, []bot.Ready, error) {
			return bot.Across(ctx, rendering, ref, from, to)
		},
		Fixes: func(ctx context.Context, m version.Minor) (map[string]string, error) {
			return found.On(ctx, o, upgrading.Known{}, m)
		},
	})
	if err != nil {
		failed = errors.Join(failed, fmt.Errorf("propose a Kubernetes minor: %w", err))
	}
	return append(plan, more...), failed
}
