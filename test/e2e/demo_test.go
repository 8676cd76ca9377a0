//go:build linux

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// TestDemo runs what `make demo ARGS=--once` runs: it ends well, shows the fleet, and leaves nothing behind.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the sandbox; run without -short")
	}
	demo, err := plane.Build(t.Context(), plane.Demo)
	if err != nil {
		t.Fatal(err)
	}
	manager, err := plane.Build(t.Context(), plane.Manager)
	if err != nil {
		t.Fatal(err)
	}
	bot, err := plane.Build(t.Context(), plane.Bot)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, demo, "--once", "--manager", manager, "--branch-bot", bot, "--timeout", "10m")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) >= 5 && regexp.MustCompile(`^\d+/\d+$`).MatchString(fields[4]) {
			rows = append(rows, strings.Join(fields[:5], " "))
		}
	}
	if diff := cmp.Diff([]string{
		"oslo-1 v1.33.0 v1.33-ake.2 v1.33-ake.2 11/11",
		"paris-1 v1.32.0 v1.32-ake.4 v1.32-ake.4 8/8",
		"tokyo-1 v1.32.0 v1.32-ake.4 v1.32-ake.4 9/9",
	}, rows[max(0, len(rows)-3):]); diff != "" {
		t.Errorf("the clusters as the demo shows them at its end (-want +got):\n%s", diff)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files left behind: %v (%v)", left, err)
	}
	if left := processesOf(t, dir); len(left) > 0 {
		t.Errorf("processes left behind: %v", left)
	}
}

// processesOf are the command lines of the processes whose environment names a folder.
func processesOf(t *testing.T, dir string) (commands []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environ, []byte(dir)) {
			continue // gone meanwhile, somebody else's, or not of this folder
		}
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline")) // for the message only
		commands = append(commands, strings.ReplaceAll(string(command), "\x00", " "))
	}
	return commands
}
