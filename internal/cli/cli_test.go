package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/spf13/cobra"

	"github.com/addon-manager/addon-manager/internal/cli"
)

// TestExecute maps what a command answers to an exit code, and tells it on standard error alone.
func TestExecute(t *testing.T) {
	for name, tc := range map[string]struct {
		args    []string
		answer  error
		stopped bool
		code    int
		stderr  string
	}{
		"fine":              {args: []string{"do"}},
		"failed":            {args: []string{"do"}, answer: errors.New("no luck"), code: 1, stderr: "program: no luck\n"},
		"found something":   {args: []string{"do"}, answer: fmt.Errorf("check: %w", cli.ErrFinding), code: 3},
		"stopped":           {args: []string{"do"}, answer: fmt.Errorf("deep down: %w", context.Canceled), stopped: true, code: 1, stderr: "program: stopped before it was done\n"},
		"given up inside":   {args: []string{"do"}, answer: context.Canceled, code: 1, stderr: "program: context canceled\n"},
		"wrong value":       {args: []string{"do"}, answer: fmt.Errorf("deep down: %w", cli.Usagef("--n %d is too much", 7)), code: 2, stderr: "program: deep down: --n 7 is too much\nTry 'program --help'.\n"},
		"unknown flag":      {args: []string{"do", "--x"}, code: 2, stderr: "program: unknown flag: --x\nTry 'program --help'.\n"},
		"unknown command":   {args: []string{"undo"}, code: 2, stderr: "program: unknown command \"undo\"\nTry 'program --help'.\n"},
		"an argument":       {args: []string{"do", "it"}, code: 2, stderr: "program: \"program do\" takes no argument, got \"it\"\nTry 'program --help'.\n"},
		"too few arguments": {args: []string{"two", "a"}, code: 2, stderr: "program: usage: program two A B\nTry 'program --help'.\n"},
		"two arguments":     {args: []string{"two", "a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := &cobra.Command{Use: "program"}
			root.AddCommand(
				&cobra.Command{Use: "do", Args: cli.NoArgs, RunE: func(*cobra.Command, []string) error { return tc.answer }},
				&cobra.Command{Use: "two A B", DisableFlagsInUseLine: true, Args: cli.Exactly(2), RunE: func(*cobra.Command, []string) error { return nil }},
			)
			var stdout, stderr bytes.Buffer
			root.SetOut(&stdout)
			root.SetErr(&stderr)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			if tc.stopped {
				stop()
			}
			if code := cli.Execute(ctx, root, tc.args); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if stdout.String() != "" || stderr.String() != tc.stderr {
				t.Errorf("stdout %q, stderr %q, want none and %q", stdout.String(), stderr.String(), tc.stderr)
			}
		})
	}
}
