// Package script runs the programs as processes, the way people do.
package script

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/addon-manager/addon-manager/internal/testkit/gitrepo"
)

// Run runs the scripts of a folder. Beside testscript's own commands, a script has:
//
//	exits CODE PROGRAM ARGS…   runs a program that must end with this exit code
//	commit BRANCH FOLDER       makes a folder the whole content of a branch of $WORK/config.git
//	tag NAME REVISION          tags a release, or moves the tag
//
// UPDATE_SCRIPTS=1 rewrites the files that cmp compares with; review the difference. More are commands that only these scripts have.
func Run(t *testing.T, dir string, more ...map[string]Command) {
	t.Helper()
	commands := map[string]Command{"exits": exits, "commit": commit, "tag": tag}
	for _, m := range more {
		maps.Copy(commands, m)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// Nothing of the machine's own settings may show.
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("KUBECONFIG", filepath.Join(env.WorkDir, "no-kubeconfig"))
			_, err := gitrepo.Create(filepath.Join(env.WorkDir, "config.git"))
			return err
		},
		Cmds: commands,
	})
}

// Command is a command of a script.
type Command = func(ts *testscript.TestScript, neg bool, args []string)

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func repository(ts *testscript.TestScript) *gitrepo.Repo {
	repo, err := gitrepo.Open(filepath.Join(ts.Getenv("WORK"), "config.git"))
	ts.Check(err)
	return repo
}

func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: commit BRANCH FOLDER")
	}
	_, err := repository(ts).CommitFS(args[0], os.DirFS(ts.MkAbs(args[1])), "Change "+args[0])
	ts.Check(err)
}

func tag(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tag NAME REVISION")
	}
	ts.Check(repository(ts).MoveTag(args[0], args[1]))
}
