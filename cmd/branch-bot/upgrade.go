package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/proposing"
	"github.com/addon-manager/addon-manager/internal/bot/upgrading"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/upgrade"
	"github.com/addon-manager/addon-manager/internal/core/upstream"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
)

// upgrades is the upgrade command.
type upgrades struct {
	forge            forgeFlags
	rendering        rendering
	sourcing         sourcing
	reach            reach
	planned          planned
	addons, branches []string
	planOnly         bool
}

func newUpgrade() *cobra.Command {
	var u upgrades
	cmd := &cobra.Command{
		Use:   "upgrade --repository DIR|URL [--addon ADDON] [--branch BRANCH] [--plan-only | --apply]",
		Short: "Find newer versions of the addons, and propose them by pull requests",
		Long: "Asks where each addon comes from for newer versions: Helm repositories, registries, releases on GitHub and tags of Git repositories, as the catalog\n" +
			"says with upstream, and without that what the addon's files name. For main and for each release branch the newest version is chosen that its\n" +
			"Kubernetes minor can run; newer ones are listed with the reason. What a branch gets by a pick of main's upgrade is not proposed there again.\n\n" +
			"That is what --plan-only prints, and what is printed without credentials for GitHub. With them, the pull requests that would be opened, renewed or\n" +
			"closed are listed, and --apply does it. A source that cannot be asked is a problem of its addons; the others go on, and the exit code is 0.",
		Example: "  branch-bot upgrade --repository . --plan-only\n" +
			"  branch-bot upgrade --repository . --addon cert-manager --plan-only -o json\n" +
			"  branch-bot upgrade --repository https://github.com/acme/addons --apply",
		DisableFlagsInUseLine: true,
		Args:                  cli.NoArgs,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return u.run(cmd) },
	}
	u.forge.Add(cmd)
	u.rendering.add(cmd)
	u.sourcing.add(cmd)
	u.reach.add(cmd)
	u.planned.add(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&u.addons, "addon", nil, "only these addons, with those that share a group with them")
	f.StringSliceVar(&u.branches, "branch", nil, "only these branches, such as main,release-1.31")
	f.BoolVar(&u.planOnly, "plan-only", false, "only tell which newer versions there are")
	return cmd
}

func (u *upgrades) run(cmd *cobra.Command) error {
	if err := errors.Join(u.planned.check(), u.reach.check()); err != nil {
		return err
	}
	if _, err := u.rendering.check(); err != nil {
		return err
	}
	if u.planOnly && u.planned.apply {
		return cli.Usagef("--plan-only and --apply exclude each other")
	}
	s, err := u.sourcing.open(u.forge, u.rendering)
	if err != nil {
		return err
	}
	p, err := u.forge.open(cmd.Context(), cmd.ErrOrStderr(), u.planned.apply)
	if err != nil {
		return err
	}
	defer p.Close()
	o := upgrading.Options{
		Mirror: p.mirror, Main: p.main, Sources: s, Files: s, Committer: p.committer, Addons: u.addons, Branches: u.branches, Now: time.Now(),
	}
	if p.hub == nil || u.planOnly {
		found, err := upgrading.Look(cmd.Context(), o, upgrading.Known{})
		if err != nil {
			return err
		}
		return printUpgrades(cmd.OutOrStdout(), u.planned.format, found)
	}
	rendering, done, err := u.rendering.open(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer done()
	clusters := &reaching{reach: u.reach, in: cmd.InOrStdin(), errs: cmd.ErrOrStderr(), repo: p.mirror.Repository()}
	plan, err := p.upgrades(cmd.Context(), s, o, rendering, clusters)
	return u.planned.finish(cmd, plan, err)
}

// proposing is for keeping the pull requests of upgrades.
func (p *place) proposing(o upgrading.Options, rendering bot.Options, clusters *reaching) proposing.Options {
	rendering.Repository = p.mirror.Repository()
	return proposing.Options{Options: o, Hub: p.hub, Repository: p.name, URL: p.url, Login: p.login, Diff: reports(rendering, clusters)}
}

// printUpgrades prints what was found.
func printUpgrades(out io.Writer, f show.Format, found upgrading.Found) error {
	if f != show.Table {
		return show.Encode(out, f, found.Plan)
	}
	if len(found.Plan.Upgrades)+len(found.Plan.Held) == 0 {
		fmt.Fprintln(out, "no addon has a newer version that is wanted")
	} else if err := tableOf(out, found.Plan); err != nil {
		return err
	}
	for _, list := range []struct {
		title string
		lines []upgrade.Problem
	}{{"problems", found.Plan.Problems}, {"remarks", found.Plan.Remarks}} {
		if len(list.lines) > 0 {
			fmt.Fprintf(out, "\n%s:\n", list.title)
		}
		for _, p := range list.lines {
			fmt.Fprintf(out, "  %s: %s\n", markdown.Clean(about(p)), markdown.OneLine(p.Message))
		}
	}
	return nil
}

// about says where a problem is.
func about(p upgrade.Problem) string {
	switch {
	case p.Addon == "":
		return p.Branch
	case p.Branch != "":
		return p.Addon + " on " + p.Branch
	}
	return p.Addon
}

func tableOf(out io.Writer, plan upgrade.Plan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDON\tBRANCH\tFROM\tTO")
	row := func(u upgrade.Upgrade, to string) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.Addon, u.Branch, markdown.Clean(u.From), markdown.Clean(to))
		more := func(format string, args ...any) {
			fmt.Fprintf(w, "\t\t\t  %s\n", markdown.OneLine(fmt.Sprintf(format, args...)))
		}
		for _, c := range u.Changes {
			switch several := slices.ContainsFunc(u.Changes, func(o upgrade.Change) bool { return o.Pin.Source != c.Pin.Source || o.From != c.From }); {
			case c.Apart:
				more("also %s to %s, which is no new major, by itself", c.From, c.To)
			case c.Size == upstream.Digest:
				more("%s of %s names other content than it did", c.To, upgrading.Title(c.Pin.Source))
			case several:
				more("%s from %s to %s", upgrading.Title(c.Pin.Source), c.From, c.To)
			}
		}
		if u.Group != "" {
			more("in group %s", u.Group)
		}
		for _, r := range u.Refused {
			more("not %s: %s", r.Version, r.Reason)
		}
		for _, n := range u.Not {
			more("not for %s: %s", n.Branch, n.Reason)
		}
		if len(u.Comes) > 0 {
			more("comes to %s by a pick", strings.Join(u.Comes, ", "))
		}
	}
	for _, u := range plan.Upgrades {
		row(u, u.To)
	}
	for _, u := range plan.Held {
		row(u, "-")
	}
	return w.Flush()
}
