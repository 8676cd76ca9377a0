package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/adapter/git/native"
	"github.com/addon-manager/addon-manager/internal/bot/history"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/bot/tagging"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/core/forge"
	"github.com/addon-manager/addon-manager/internal/core/markdown"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/report"
	"github.com/addon-manager/addon-manager/internal/core/version"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
)

// Environment variables that say how tags are signed where no flag does.
const (
	envSigningKey    = "BRANCH_BOT_SIGNING_KEY"
	envSigningFormat = "BRANCH_BOT_SIGNING_FORMAT"
)

// tag is the tag command.
type tag struct {
	forge         forgeFlags
	rendering     rendering
	signing       native.Signing
	anyway        string
	commit        string
	dryRun, apply bool
	output        string
}

func newTag() *cobra.Command {
	var t tag
	cmd := &cobra.Command{
		Use:   "tag MINOR --repository DIR|URL [--apply]",
		Short: "Make the next release of a release branch",
		Long: "Checks the tip of a release branch and gives it the next tag: the catalog is valid, every addon renders for the minor, no object uses an API that\n" +
			"the minor does not serve, no policy denies one, the checks that the branch requires are green, and nothing is picked to it and not merged. Without --apply it shows\n" +
			"the checks, the tag, its notes and what changes for the clusters, and does nothing.\n\n" +
			"The tag and the branch are pushed at once. A tag that is there is never moved; a number is not given again as long as the --mirror or a\n" +
			"release on the forge remembers it. On GitHub the tag gets a release with the notes, also where an earlier run was cut off before.\n\n" +
			"--anyway overrules checks that are red, running or unknown, picks that are not merged, and releases that are not on the branch; the reason is\n" +
			"told in the notes. What could not be delivered cannot be overruled. Exits with 3 when the checks refuse.",
		Example: "  branch-bot tag 1.31 --repository https://github.com/shop/addons\n" +
			"  branch-bot tag 1.31 --repository https://github.com/shop/addons --apply\n" +
			"  branch-bot tag 1.31 --repository https://github.com/shop/addons --apply --anyway 'CVE-2026-1234 cannot wait for #12'",
		DisableFlagsInUseLine: true,
		Args:                  cli.Exactly(1),
		RunE:                  func(cmd *cobra.Command, args []string) error { return t.run(cmd, args[0]) },
	}
	t.forge.Add(cmd)
	t.rendering.add(cmd)
	f := cmd.Flags()
	f.StringVar(&t.anyway, "anyway", "", "release although a check refuses, for this reason")
	f.StringVar(&t.commit, "commit", "", "release only if the branch is at this commit: what was looked at before")
	f.StringVar(&t.signing.Key, "signing-key", "", "sign with this key: the file of an SSH private key, or the id of an OpenPGP key (default: what "+envSigningKey+" says)")
	f.StringVar(&t.signing.Format, "signing-format", "", "what the key is, ssh or openpgp (default: what "+envSigningFormat+" says, and otherwise ssh)")
	f.BoolVar(&t.dryRun, "dry-run", false, "only show what would be done, as without --apply")
	f.BoolVar(&t.apply, "apply", false, "make the release")
	f.StringVarP(&t.output, "output", "o", "table", "table, json or yaml")
	return cmd
}

func (t *tag) run(cmd *cobra.Command, arg string) error {
	request, format, err := t.check(cmd, arg)
	if err != nil {
		return err
	}
	o, closed, err := t.open(cmd)
	if err != nil {
		return err
	}
	defer closed()
	if !t.apply {
		p, err := tagging.Make(cmd.Context(), o, request)
		if err != nil {
			return err
		}
		return t.print(cmd, format, p, p.Steps)
	}
	results := []steps.Result{}
	p, err := tagging.Run(cmd.Context(), o, request, func(r steps.Result) {
		results = append(results, r)
		fmt.Fprintln(cmd.ErrOrStderr(), r.Line())
	})
	if p != nil {
		if printed := t.print(cmd, format, p, results); err == nil {
			err = printed
		}
	}
	return err
}

// check reads the flags.
func (t *tag) check(cmd *cobra.Command, arg string) (r tagging.Request, format show.Format, err error) {
	if r.Minor, err = version.ParseMinor(arg); err != nil {
		return r, "", cli.Usagef("%w", err)
	}
	if format, err = show.ParseFormat(t.output); err != nil {
		return r, "", cli.Usagef("%w", err)
	}
	r.Anyway, r.Commit = strings.TrimSpace(t.anyway), t.commit
	t.signing.Key = cmp.Or(t.signing.Key, os.Getenv(envSigningKey))
	t.signing.Format = cmp.Or(t.signing.Format, os.Getenv(envSigningFormat), "ssh")
	switch f := t.signing.Format; {
	case t.apply && t.dryRun:
		return r, "", cli.Usagef("--apply and --dry-run exclude each other")
	case cmd.Flags().Changed("anyway") && r.Anyway == "":
		return r, "", cli.Usagef("--anyway needs a reason: it is told in the notes of the release")
	case r.Commit != "" && !hexadecimal(r.Commit):
		return r, "", cli.Usagef("--commit %q is not a commit: want 7 to 40 lower-case hexadecimal digits", r.Commit)
	case f != "ssh" && f != "openpgp":
		return r, "", cli.Usagef("--signing-format %q is neither ssh nor openpgp", f)
	}
	_, err = t.rendering.check()
	return r, format, err
}

func hexadecimal(s string) bool {
	return len(s) >= 7 && len(s) <= 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// open opens what a release is made with. Closed must be called in the end.
func (t *tag) open(cmd *cobra.Command) (o tagging.Options, closed func(), err error) {
	if t.signing, err = signingOf(t.signing); err != nil {
		return o, nil, err
	}
	if o.Rendering, closed, err = t.rendering.open(cmd.ErrOrStderr()); err != nil {
		return o, nil, err
	}
	p, err := t.forge.open(cmd.Context(), cmd.ErrOrStderr(), false)
	if err != nil {
		closed()
		return o, nil, err
	}
	progress := newProgress(cmd.ErrOrStderr())
	o.Rendering.Progress = progress.show
	o.Mirror, o.Tagger, o.Now, o.Signing = p.mirror, p.committer, time.Now, t.signing
	if p.hub != nil {
		o.Hub = p.hub
	}
	o.History, o.Memory = p.recent, t.forge.folder("releases")
	rendered := closed
	return o, func() {
		progress.end()
		_ = p.Close()
		rendered()
	}, nil
}

// signingOf is how to sign, the zero value for not at all.
func signingOf(s native.Signing) (native.Signing, error) {
	if s.Key == "" {
		return native.Signing{}, nil
	}
	s.Home = os.Getenv("GNUPGHOME")
	if s.Format != "ssh" {
		return s, nil
	}
	var err error
	if s.Key, err = filepath.Abs(s.Key); err == nil {
		_, err = os.Stat(s.Key)
	}
	if err != nil {
		return s, cli.Usagef("--signing-key: %w", err)
	}
	return s, nil
}

// history reads what the ledger is made of: all of it.
func (p *place) history(ctx context.Context) (history.History, error) {
	return p.read(ctx, func(history.Options) ([]forge.Pull, error) { return p.hub.PullsSince(ctx, time.Time{}) })
}

// recent is history without the pull requests of changes that were settled long ago: there may be thousands.
func (p *place) recent(ctx context.Context) (history.History, error) {
	return p.read(ctx, func(o history.Options) ([]forge.Pull, error) { return history.Relevant(ctx, p.hub, o) })
}

func (p *place) read(ctx context.Context, pulls func(history.Options) ([]forge.Pull, error)) (history.History, error) {
	o := history.Options{Mirror: p.mirror, Main: p.main, Me: p.login, Repository: p.name, Email: p.committer.Email, Trial: true}
	if p.hub != nil {
		var err error
		if o.Pulls, err = pulls(o); err != nil {
			return history.History{}, err
		}
	}
	return history.Read(ctx, o)
}

// tagged is what -o json prints. Names stay, and lists are never null.
type tagged struct {
	Branch   string          `json:"branch"`
	Commit   string          `json:"commit"`
	Tag      release.Tag     `json:"tag"`
	Made     bool            `json:"made"`
	Previous release.Tag     `json:"previous"`
	Checks   []tagging.Check `json:"checks"`
	Remarks  []string        `json:"remarks"`
	Steps    any             `json:"steps"`
	Notes    string          `json:"notes"`
	Message  string          `json:"message"`
	Diff     json.RawMessage `json:"diff"`
}

func (t *tag) print(cmd *cobra.Command, format show.Format, p *tagging.Plan, did any) error {
	out := cmd.OutOrStdout()
	if format == show.Table {
		if err := t.table(out, p); err != nil {
			return err
		}
	} else {
		printed := tagged{p.Branch, p.Commit, p.Tag, p.Made, p.Previous, p.Checks, p.Remarks, did, p.Notes, p.Message, json.RawMessage("null")}
		if printed.Checks == nil {
			printed.Checks = []tagging.Check{}
		}
		if printed.Remarks == nil {
			printed.Remarks = []string{}
		}
		if all, ok := did.([]*steps.Step); ok && all == nil {
			printed.Steps = []*steps.Step{}
		}
		if p.Report != nil {
			var err error
			if printed.Diff, err = report.JSON(*p.Report); err != nil {
				return err
			}
		}
		if err := show.Encode(out, format, printed); err != nil {
			return err
		}
	}
	if p.Refused() {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s is not released: the checks refuse\n", p.Branch)
		return cli.ErrFinding
	}
	return nil
}

// table prints a plan for people.
func (t *tag) table(w io.Writer, p *tagging.Plan) error {
	after := ""
	if !p.Previous.IsZero() {
		after = ", after " + p.Previous.String()
	}
	switch {
	case p.Made && t.apply && p.Message != "":
		fmt.Fprintf(w, "%s at %.12s is %s now%s\n", p.Branch, p.Commit, p.Tag, after)
	case p.Made:
		fmt.Fprintf(w, "%s at %.12s is %s already%s: nothing to tag\n", p.Branch, p.Commit, p.Tag, after)
	case t.apply && !p.Refused():
		fmt.Fprintf(w, "%s at %.12s is %s now%s\n", p.Branch, p.Commit, p.Tag, after)
	case p.Refused():
		fmt.Fprintf(w, "%s at %.12s: %s is refused%s\n", p.Branch, p.Commit, p.Tag, after)
	default:
		fmt.Fprintf(w, "%s at %.12s: next is %s%s\n", p.Branch, p.Commit, p.Tag, after)
	}
	if len(p.Checks) > 0 {
		fmt.Fprintln(w)
		var rows [][]string
		for _, c := range p.Checks {
			what := markdown.OneLine(c.Message)
			if c.Do != "" {
				what += " → " + markdown.OneLine(c.Do)
			}
			rows = append(rows, []string{c.Name, string(c.Result), what})
		}
		if err := show.Rows(w, []string{"CHECK", "RESULT", "WHAT"}, rows); err != nil {
			return err
		}
	}
	for _, r := range p.Remarks {
		fmt.Fprintln(w, "note: "+markdown.OneLine(r))
	}
	if t.apply {
		return nil
	}
	if len(p.Steps) > 0 {
		fmt.Fprintln(w)
		if err := steps.Table(w, p.Steps); err != nil {
			return err
		}
	}
	if p.Message != "" {
		fmt.Fprintf(w, "\nThe notes\n\n%s", indented(p.Message))
	}
	if p.Report != nil {
		fmt.Fprintf(w, "\nWhat changes\n\n%s", indented(report.Text(*p.Report)))
	}
	if len(p.Steps) > 0 {
		fmt.Fprintln(w, "\nNothing was done: --apply does it.")
	}
	return nil
}

// indented sets a text off from what is around it.
func indented(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		if strings.TrimSpace(l) != "" {
			b.WriteString("  ")
		}
		b.WriteString(l)
	}
	return b.String()
}
