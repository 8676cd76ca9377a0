package main

import (
	"errors"

	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/spf13/cobra"
)

// cut is the cut command.
type cut struct {
	forge     forgeFlags
	rendering rendering
	following following
	planned   planned
}

func newCut() *cobra.Command {
	var c cut
	cmd := &cobra.Command{
		Use:   "cut [MINOR…] --repository DIR|URL [--apply]",
		Short: "Make the release branches that main's catalog asks for",
		Long: "Makes release-MINOR from main for each minor in kubernetes.minors of main's catalog that has no such branch; naming minors limits it to them.\n" +
			"Before that, the catalog is validated and every addon is rendered for the minor: what fails is reported, and the branch is not made.\n" +
			"A minor that the catalog does not offer is refused. Nothing is ever deleted.\n\n" +
			"With --follow, a branch moves along with main as long as it has neither releases nor commits of its own.\n\n" +
			"Exits with 3 when a branch cannot be made or moved because main is not fit for it.",
		Example: "  branch-bot cut --repository https://github.com/acme/addons\n" +
			"  branch-bot cut 1.34 --repository https://github.com/acme/addons --follow 1.34 --apply",
		DisableFlagsInUseLine: true,
		RunE:                  func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.forge.Add(cmd)
	c.rendering.add(cmd)
	c.following.add(cmd)
	c.planned.add(cmd)
	return cmd
}

func (c *cut) run(cmd *cobra.Command, args []string) error {
	if err := errors.Join(c.planned.check(), c.following.check()); err != nil {
		return err
	}
	minors, err := parseMinors("MINOR", args)
	if err != nil {
		return err
	}
	if _, err := c.rendering.check(); err != nil {
		return err
	}
	p, err := c.forge.open(cmd.Context(), cmd.ErrOrStderr(), false)
	if err != nil {
		return err
	}
	defer p.Close()
	o, done, err := c.rendering.open(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer done()
	plan, err := branches.Cut(cmd.Context(), p.branches(o, c.following.minors), minors)
	if errors.Is(err, branches.ErrNotOffered) {
		return cli.Usagef("%w", err)
	}
	return c.planned.finish(cmd, plan, err)
}

// branches are the options with which the branches of the place are kept.
func (p *place) branches(o bot.Options, follow []version.Minor) branches.Options {
	o.Repository = p.mirror.Repository()
	b := branches.Options{
		Mirror: p.mirror, Main: p.main, Repository: p.name, URL: p.url, Login: p.login, Committer: p.committer, Renders: renders(o), Follow: follow,
	}
	if p.hub != nil {
		b.Hub = p.hub
	}
	return b
}

// following is the flag that lets branches follow main.
type following struct {
	texts  []string
	minors []version.Minor
}

func (f *following) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.texts, "follow", nil, "minors whose branches move along with main until their first release, such as 1.34")
}

func (f *following) check() (err error) {
	f.minors, err = parseMinors("--follow", f.texts)
	return err
}

func parseMinors(what string, texts []string) (minors []version.Minor, err error) {
	for _, text := range texts {
		m, err := version.ParseMinor(text)
		if err != nil {
			return nil, cli.Usagef("%s: %w", what, err)
		}
		minors = append(minors, m)
	}
	return minors, nil
}
