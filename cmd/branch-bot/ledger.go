package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/ledger"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
)

// where is the ledger command.
type where struct {
	forge    forgeFlags
	branches []string
	output   string
	all      bool
}

func newLedger() *cobra.Command {
	var w where
	cmd := &cobra.Command{
		Use:   "ledger --repository DIR|URL [--branch BRANCH]",
		Short: "Show where each change of main is: landed, proposed, skipped or missing",
		Long: "Shows for each change of main and each live release branch whether it landed, and in which release, whether a pull request is open or a draft,\n" +
			"whether it is skipped and why, waits for an earlier change, or is missing; and for each branch in what it differs from main, and why.\n\n" +
			"All of it is computed anew from Git, and from the pull requests where there are credentials for GitHub. Without them, labels and pull requests\n" +
			"do not count. JSON and YAML have all changes; the table has those that at least one branch was not cut with, unless --all asks for the others.",
		Example: "  branch-bot ledger --repository .\n" +
			"  branch-bot ledger --repository . --branch release-1.31 -o markdown",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.run(cmd) },
	}
	w.forge.Add(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&w.branches, "branch", nil, "only these release branches, such as release-1.31")
	f.BoolVar(&w.all, "all", false, "also the changes that every branch was cut with")
	f.StringVarP(&w.output, "output", "o", "table", "table, json, yaml or markdown")
	return cmd
}

const asMarkdown = "markdown"

func (w *where) run(cmd *cobra.Command) error {
	if _, err := show.ParseFormat(w.output); err != nil && w.output != asMarkdown {
		return cli.Usagef("-o %q is none of table, json, yaml, markdown", w.output)
	}
	p, err := w.forge.open(cmd.Context(), cmd.ErrOrStderr(), false)
	if err != nil {
		return err
	}
	defer p.Close()
	h, err := p.history(cmd.Context())
	if err != nil {
		return err
	}
	l, err := w.chosen(h.Ledger)
	if err != nil {
		return err
	}
	return w.print(cmd.OutOrStdout(), h, l, p.url)
}

// chosen is what --branch asks for.
func (w *where) chosen(l ledger.Ledger) (ledger.Ledger, error) {
	if err := l.Live(w.branches...); err != nil {
		return l, fmt.Errorf("--branch %w", err)
	}
	if len(w.branches) == 0 {
		return l, nil
	}
	return l.Only(w.branches...), nil
}

// located is what -o json prints. Names stay, and lists are never null.
type located struct {
	ledger.Ledger
	// Retired are release branches whose minor the catalog does not offer, Uncut minors that it offers without a branch.
	Retired []string        `json:"retired"`
	Uncut   []version.Minor `json:"uncut"`
}

func (w *where) print(out io.Writer, h history.History, l ledger.Ledger, page string) error {
	var text string
	switch w.output {
	case string(show.Table):
		text = ledger.Table(l, w.all) + asides(h)
	case asMarkdown:
		text = ledger.Markdown(l, w.all, page)
	default:
		return show.Encode(out, show.Format(w.output), located{l, notNil(h.Retired), notNil(h.Uncut)})
	}
	_, err := io.WriteString(out, text)
	return err
}

func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// asides are the branches that the ledger is not about.
func asides(h history.History) string {
	var b strings.Builder
	if len(h.Retired) > 0 {
		fmt.Fprintf(&b, "\nretired, as the catalog does not offer their minors: %s\n", strings.Join(h.Retired, ", "))
	}
	if len(h.Uncut) > 0 {
		var names []string
		for _, m := range h.Uncut {
			names = append(names, m.String())
		}
		fmt.Fprintf(&b, "\noffered by the catalog and not cut yet: %s\n", strings.Join(names, ", "))
	}
	return b.String()
}
