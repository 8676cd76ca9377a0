package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/picking"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/change"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/pick"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
)

// picks is the pick command.
type picks struct {
	forge              forgeFlags
	rendering          rendering
	planned            planned
	branches           []string
	planOnly, noRender bool
}

func newPick() *cobra.Command {
	var k picks
	cmd := &cobra.Command{
		Use:   "pick --repository DIR|URL [--branch BRANCH] [--plan-only | --apply]",
		Short: "Pick changes of main to the release branches, by pull requests",
		Long: "Tries each change of main that a live release branch is missing, oldest first: whether it applies cleanly or conflicts, in which files, and how.\n" +
			"A change is tried on top of the earlier ones of the same files that apply, and without those that conflict. What Git merges must also be YAML\n" +
			"that can be read, and render as before. Versions that both sides changed are decided by the addon's range of Kubernetes versions.\n\n" +
			"That is what --plan-only prints, and what is printed without credentials for GitHub. With them, the pull requests that would be opened, renewed or\n" +
			"closed are listed, and --apply does it, as reconcile does; a change that conflicts becomes a draft that says how to finish it.",
		Example: "  branch-bot pick --repository . --plan-only\n" +
			"  branch-bot pick --repository . --branch release-1.31 --plan-only -o json\n" +
			"  branch-bot pick --repository https://github.com/acme/addons --apply",
		DisableFlagsInUseLine: true,
		Args:                  cli.NoArgs,
		RunE:                  func(cmd *cobra.Command, _ []string) error { return k.run(cmd) },
	}
	k.forge.Add(cmd)
	k.rendering.add(cmd)
	k.planned.add(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&k.branches, "branch", nil, "only these release branches, such as release-1.31")
	f.BoolVar(&k.planOnly, "plan-only", false, "only tell what would apply")
	f.BoolVar(&k.noRender, "no-render", false, "do not render what applies")
	return cmd
}

func (k *picks) run(cmd *cobra.Command) error {
	if err := k.planned.check(); err != nil {
		return err
	}
	if _, err := k.rendering.check(); err != nil {
		return err
	}
	if k.planOnly && k.planned.apply {
		return cli.Usagef("--plan-only and --apply exclude each other")
	}
	p, err := k.forge.open(cmd.Context(), cmd.ErrOrStderr(), k.planned.apply)
	if err != nil {
		return err
	}
	defer p.Close()
	var o bot.Options
	if !k.noRender {
		var done func()
		if o, done, err = k.rendering.open(cmd.ErrOrStderr()); err != nil {
			return err
		}
		defer done()
	}
	if p.hub == nil || k.planOnly {
		return k.tell(cmd, p, o)
	}
	b := p.branches(o, nil)
	if k.noRender {
		b.Renders = nil
	}
	plan, err := branches.Picks(cmd.Context(), b, k.branches)
	return k.planned.finish(cmd, plan, err)
}

// tell prints what would apply.
func (k *picks) tell(cmd *cobra.Command, p *place, rendering bot.Options) error {
	h, err := p.recent(cmd.Context())
	if err != nil {
		return err
	}
	l, err := (&where{branches: k.branches}).chosen(h.Ledger)
	if err != nil {
		return err
	}
	o := picking.Options{Mirror: p.mirror, Committer: p.committer}
	if !k.noRender {
		rendering.Repository = p.mirror.Repository()
		o.Renders = renders(rendering)
	}
	found, failed := k.try(cmd.Context(), o, h, l)
	return errors.Join(printTried(cmd.OutOrStdout(), k.planned.format, found), failed)
}

// try tries what the branches of a ledger are missing. A branch that cannot be tried does not stop the others.
func (k *picks) try(ctx context.Context, o picking.Options, h history.History, l ledger.Ledger) (found tried, failed error) {
	found.Picks = []triedPick{}
	for _, b := range h.Facts.Branches {
		entries, chosen := map[string]ledger.Entry{}, false
		for _, row := range l.Changes {
			e, is := row.Branches[b.Name]
			entries[row.Commit], chosen = e, chosen || is
		}
		if !chosen {
			continue
		}
		var missing []ledger.Change
		for _, c := range h.Facts.Changes {
			if s := entries[c.Hash].State; s == ledger.Missing || s == ledger.Waiting {
				missing = append(missing, c)
			}
		}
		trials, err := picking.Plan(ctx, o, picking.Target{Branch: b.Name, Minor: b.Minor, Onto: b.Tip}, missing)
		failed = errors.Join(failed, err)
		for _, t := range trials {
			found.Picks = append(found.Picks, triedOf(b.Name, t))
		}
	}
	return found, failed
}

// tried is what -o json prints. Names stay, and lists are never null.
type tried struct {
	Picks []triedPick `json:"picks"`
}

type triedPick struct {
	Commit string `json:"commit"`
	Title  string `json:"title"`
	Pull   int    `json:"pull"`
	Branch string `json:"branch"`
	// Result is clean or conflict.
	Result    string            `json:"result"`
	Conflicts []pick.Conflict   `json:"conflicts"`
	Resolved  []pick.Resolution `json:"resolved"`
	// After are earlier changes of the same files on top of which it was tried, Earlier those that the branch lacks and that conflict themselves.
	After   []string `json:"after"`
	Earlier []string `json:"earlier"`
	Reason  string   `json:"reason"`
	// Warnings are what a reviewer should know.
	Warnings []string `json:"warnings"`
}

func triedOf(branch string, t picking.Trial) triedPick {
	o := t.Outcome
	p := triedPick{
		Commit: t.Change.Hash, Title: change.Title(t.Change.Message), Pull: t.Change.Number, Branch: branch, Result: "clean", Conflicts: notNil(o.Conflicts),
		Resolved: notNil(o.Resolved), After: notNil(t.After), Earlier: notNil(t.Without), Warnings: notNil(o.Warnings),
	}
	switch {
	case !o.Clean():
		p.Result, p.Reason = "conflict", markdown.Count(len(o.Conflicts), "conflict")
		if len(t.Without) > 0 {
			p.Reason += ", and " + markdown.Count(len(t.Without), "earlier change") + " of the same files missing"
		}
	case len(o.Picked) == 0 && len(o.Resolved) > 0:
		p.Reason = "nothing is left of it, as the branch keeps its versions"
	case len(o.Picked) == 0:
		p.Reason = "the branch has all of it, or earlier changes bring it"
	}
	return p
}

func printTried(out io.Writer, f show.Format, found tried) error {
	if f != show.Table {
		return show.Encode(out, f, found)
	}
	if len(found.Picks) == 0 {
		_, err := fmt.Fprintln(out, "nothing is missing on any of the branches")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BRANCH\tCOMMIT\tRESULT\tCHANGE")
	for _, p := range found.Picks {
		fmt.Fprintf(w, "%s\t%.12s\t%s\t%s\n", p.Branch, p.Commit, p.Result, markdown.Clean(p.Title))
		more := func(format string, args ...any) {
			fmt.Fprintf(w, "\t\t\t  %s\n", markdown.OneLine(fmt.Sprintf(format, args...)))
		}
		for _, c := range p.Conflicts {
			switch c.Kind {
			case pick.YAML, pick.Render:
				more("%s: %s: %s", c.Kind, markdown.Clean(c.Path), c.Message)
			default:
				more("%s: %s", c.Kind, markdown.Clean(c.Path))
			}
		}
		for _, r := range p.Resolved {
			more("%s: %s of %s (branch) and %s (main): %s", markdown.Clean(r.Path), r.Taken, r.Ours, r.Theirs, r.Reason)
		}
		for _, earlier := range p.Earlier {
			more("missing before it: %.12s", earlier)
		}
		if p.Result == "clean" && p.Reason != "" {
			more("%s", p.Reason)
		}
		for _, text := range p.Warnings {
			more("warning: %s", text)
		}
	}
	return w.Flush()
}
