package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/addon-manager/addon-manager/internal/bot/branches"
	"github.com/addon-manager/addon-manager/internal/bot/steps"
	"github.com/addon-manager/addon-manager/internal/cli"
	"github.com/addon-manager/addon-manager/internal/manager/show"
	"github.com/spf13/cobra"
)

// planned is the flags of commands that print a plan, and carry it out with --apply.
type planned struct {
	apply  bool
	output string
	format show.Format
}

func (p *planned) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.apply, "apply", false, "do what is planned, instead of only showing it")
	cmd.Flags().StringVarP(&p.output, "output", "o", "table", "table, json or yaml")
}

func (p *planned) check() (err error) {
	if p.format, err = show.ParseFormat(p.output); err != nil {
		return cli.Usagef("%w", err)
	}
	return nil
}

// finish prints a plan, or does it and prints what became of it. Failed is what went wrong while planning: the rest is done all the same.
func (p *planned) finish(cmd *cobra.Command, plan []*steps.Step, failed error) error {
	if plan == nil {
		if failed != nil {
			return failed
		}
		plan = []*steps.Step{}
	}
	if err := p.do(cmd, plan, &failed); err != nil {
		return err
	}
	if failed == nil && slices.ContainsFunc(plan, func(s *steps.Step) bool { return s.Action == branches.Refused }) {
		return cli.ErrFinding
	}
	return failed
}

// do puts what fails into failed; its own error is that of printing.
func (p *planned) do(cmd *cobra.Command, plan []*steps.Step, failed *error) error {
	out := cmd.OutOrStdout()
	if !p.apply {
		if p.format != show.Table {
			return show.Encode(out, p.format, steps.Plan{Steps: plan})
		}
		if err := steps.Table(out, plan); err != nil {
			return err
		}
		if n := len(steps.Pending(plan)); n == 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), "nothing to do")
		} else {
			fmt.Fprintf(cmd.ErrOrStderr(), "%d step(s) to do: --apply does them\n", n)
		}
		return nil
	}
	results := []steps.Result{}
	*failed = errors.Join(*failed, steps.Apply(cmd.Context(), plan, func(r steps.Result) {
		results = append(results, r)
		if p.format == show.Table {
			fmt.Fprintln(out, r.Line())
		}
	}))
	if p.format != show.Table {
		return show.Encode(out, p.format, steps.Report{Steps: results})
	}
	if len(steps.Pending(plan)) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "nothing to do")
	}
	return nil
}
