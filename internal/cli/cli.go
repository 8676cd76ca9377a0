// Package cli is what the command lines of both programs share: exit codes, the config repository's flags, and validate.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes of both programs.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitFinding = 3
)

// ErrFinding makes the program exit with code 3: the command worked, and the check that it ran found something. The finding is
// already printed.
var ErrFinding = errors.New("the check found something")

// UsageError makes the program exit with code 2.
type UsageError struct{ error }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Version is set when the programs are built for release.
var Version = "development"

// Main runs a program until it ends or is told to stop, and answers its exit code.
func Main(root *cobra.Command, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Execute(ctx, root, args)
}

// Execute is Main with a context of the caller's.
func Execute(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	root.Version = Version
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return UsageError{err} })
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return Usagef("unknown command %q", args[0])
		}
		return nil
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	err := root.ExecuteContext(ctx)
	var usage UsageError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintf(root.ErrOrStderr(), "%s: stopped before it was done\n", root.Name())
		return exitFailed
	case errors.Is(err, ErrFinding):
		return exitFinding
	case errors.As(err, &usage):
		fmt.Fprintf(root.ErrOrStderr(), "%s: %v\nTry '%s --help'.\n", root.Name(), err, root.Name())
		return exitUsage
	default:
		fmt.Fprintf(root.ErrOrStderr(), "%s: %v\n", root.Name(), err)
		return exitFailed
	}
}

// NoArgs refuses arguments.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usagef("%q takes no argument, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// Exactly asks for as many arguments as the command's usage names.
func Exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return Usagef("usage: %s", cmd.UseLine())
		}
		return nil
	}
}
