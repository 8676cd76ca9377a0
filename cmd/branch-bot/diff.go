package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/addon-manager/addon-manager/internal/adapter/git"
	"github.com/addon-manager/addon-manager/internal/bot"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/risk"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/spf13/cobra"
)

// diff is the diff command.
type diff struct {
	repository       cli.Repository
	base, head       string
	minors, failOn   []string
	output, html     string
	exitCode, hidden bool
	reach            reach
	rendering        rendering
}

func newDiff() *cobra.Command {
	var d diff
	cmd := &cobra.Command{
		Use:   "diff --repository DIR|URL --base REF --head REF",
		Short: "Show what a change does to the rendered manifests",
		Long: "Renders the addons of two commits as Argo CD would, for each Kubernetes minor that the base is about, and shows what differs:\n" +
			"the risks first, then images, objects and fields. Only addons that the change can affect are rendered. Secrets are masked.\n" +
			"Where the head's catalog names policies, it is said too what these deny or warn of, and what of that is new.\n\n" +
			"The minors are the one of a release branch or tag, and otherwise all that either catalog offers; --minor names others.\n" +
			"Exits with 0 whatever differs, unless --exit-code or --fail-on asks for 3.",
		Example: "  branch-bot diff --repository . --base main --head my-change\n" +
			"  branch-bot diff --repository . --base main --head my-change -o markdown --html diff.html --clusters clusters.yaml",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd) },
	}
	d.repository.Add(cmd)
	f := cmd.Flags()
	f.StringVar(&d.base, "base", "", "what is there: a branch, tag or commit")
	f.StringVar(&d.head, "head", "", "what is proposed: a branch, tag or commit")
	f.StringSliceVar(&d.minors, "minor", nil, "Kubernetes minors to render for, such as 1.31,1.32")
	f.StringVarP(&d.output, "output", "o", "text", "text, markdown or json")
	f.StringVar(&d.html, "html", "", "also write a page with everything to this file")
	f.BoolVar(&d.exitCode, "exit-code", false, "exit with 3 when something changed or cannot be rendered")
	f.StringSliceVar(&d.failOn, "fail-on", nil, "exit with 3 when one of these flags is raised: "+strings.Join(flagNames(), ", "))
	f.BoolVar(&d.hidden, "show-hidden", false, "show known noise too, such as chart version labels")
	d.reach.add(cmd)
	d.rendering.add(cmd)
	return cmd
}

// flagNames are the codes that --fail-on takes.
func flagNames() []string {
	names := []string{string(bot.CodeRenderFailed), string(bot.CodePolicyDenied)}
	for _, c := range risk.Codes() {
		names = append(names, string(c))
	}
	slices.Sort(names)
	return names
}

// formats print a report.
var formats = map[string]func(report.Report) ([]byte, error){
	"text":     func(r report.Report) ([]byte, error) { return []byte(report.Text(r)), nil },
	"markdown": func(r report.Report) ([]byte, error) { return []byte(report.Markdown(r, report.Limit)), nil },
	"json":     report.JSON,
}

func (d *diff) run(cmd *cobra.Command) error {
	minors, err := d.check()
	if err != nil {
		return err
	}
	repo, err := d.repository.Open(cmd.Context())
	if err != nil {
		return err
	}
	defer repo.Close()
	fleet, err := d.reach.read(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr(), repo, d.base)
	if err != nil {
		return err
	}
	r, err := d.compare(cmd, repo, bot.DiffRequest{Base: d.base, Head: d.head, Minors: minors})
	if err != nil {
		return err
	}
	if fleet != nil {
		if r.Clusters, err = touched(repo, *fleet, d.base, d.head, r); err != nil {
			return err
		}
	}
	if d.hidden {
		r = r.WithHidden()
	}
	if err := d.print(cmd.OutOrStdout(), r); err != nil {
		return err
	}
	return d.verdict(cmd.ErrOrStderr(), r)
}

// check reads the flags.
func (d *diff) check() (minors []version.Minor, err error) {
	switch {
	case d.base == "":
		return nil, cli.Usagef("--base is missing: name a branch, tag or commit")
	case d.head == "":
		return nil, cli.Usagef("--head is missing: name a branch, tag or commit")
	case formats[d.output] == nil:
		return nil, cli.Usagef("-o %q is none of text, markdown, json", d.output)
	}
	if err := d.reach.check(); err != nil {
		return nil, err
	}
	for _, name := range d.failOn {
		if !slices.Contains(flagNames(), name) {
			return nil, cli.Usagef("--fail-on %q is none of %s", name, strings.Join(flagNames(), ", "))
		}
	}
	for _, s := range d.minors {
		m, err := version.ParseMinor(s)
		if err != nil {
			return nil, cli.Usagef("--minor: %w", err)
		}
		minors = append(minors, m)
	}
	_, err = d.rendering.check()
	return minors, err
}

func (d *diff) compare(cmd *cobra.Command, repo *git.Repository, r bot.DiffRequest) (report.Report, error) {
	o, done, err := d.rendering.open(cmd.ErrOrStderr())
	if err != nil {
		return report.Report{}, err
	}
	defer done()
	progress := newProgress(cmd.ErrOrStderr())
	defer progress.end()
	o.Repository, o.Progress = repo, progress.show
	return bot.Diff(cmd.Context(), o, r)
}

// print prints the report, and writes the page.
func (d *diff) print(w io.Writer, r report.Report) error {
	if d.html != "" {
		r.Page = filepath.Base(d.html)
		page, err := report.HTML(r)
		if err != nil {
			return err
		}
		if err := writeFile(d.html, page); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	text, err := formats[d.output](r)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// writeFile writes all of a file or nothing of it.
func writeFile(name string, data []byte) error {
	part, err := os.CreateTemp(filepath.Dir(name), ".branch-bot-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	if _, err := part.Write(data); err != nil {
		_ = part.Close()
		return err
	}
	if err := part.Chmod(0o644); err != nil {
		_ = part.Close()
		return err
	}
	if err := part.Close(); err != nil {
		return err
	}
	return os.Rename(part.Name(), name)
}

// verdict is the exit code.
func (d *diff) verdict(w io.Writer, r report.Report) error {
	raised := map[fault.Code]int{}
	for _, f := range r.Flags {
		raised[f.Code]++
	}
	for _, p := range r.Problems {
		if !p.Next {
			raised[bot.CodeRenderFailed]++
		}
	}
	raised[bot.CodePolicyDenied] = len(r.Policies.Denied())
	if p := r.Policies; p != nil && len(p.Problems) > 0 {
		// Who asks for no denials wants to hear that nobody knows.
		raised[bot.CodePolicyDenied] += len(p.Problems)
		fmt.Fprintf(w, "%d problem(s): not everything could be checked against the policies\n", len(p.Problems))
	}
	if n := raised[bot.CodeRenderFailed]; n > 0 {
		fmt.Fprintf(w, "%d problem(s): not everything could be rendered\n", n)
	}
	var found []string
	for _, name := range d.failOn {
		if n := raised[fault.Code(name)]; n > 0 {
			found = append(found, fmt.Sprintf("%s (%d)", name, n))
		}
	}
	if len(found) > 0 {
		fmt.Fprintf(w, "--fail-on found %s\n", strings.Join(found, ", "))
		return cli.ErrFinding
	}
	if d.exitCode && (len(r.Changed()) > 0 || raised[bot.CodeRenderFailed] > 0 || raised[bot.CodePolicyDenied] > 0) {
		return cli.ErrFinding
	}
	return nil
}
