package repo_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tracked are the files that Git has of the repository, relative to its root.
func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("git ls-files: %v: these tests need a clone", err)
	}
	var files []string
	for _, f := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(root, f)); err == nil { // One just deleted is still listed.
			files = append(files, f)
		}
	}
	return files
}

var (
	// privatePath is a folder of somebody's own machine.
	privatePath = regexp.MustCompile(`(?:^|[^\w.$})-])/(?:work|root|Users|home)/\w`)
	// leftover marks work that was put off.
	leftover = regexp.MustCompile(`\b(?:TODO|FIXME|XXX|HACK)\b`)
	conflict = regexp.MustCompile(`(?m)^(?:<{7} |>{7} |={7}$)`)
)

// maxSize is what no file of a source repository needs to exceed.
const maxSize = 1 << 20

func TestFilesBelongInTheRepository(t *testing.T) {
	for _, file := range tracked(t) {
		info, err := os.Lstat(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if !info.Mode().IsRegular() {
			t.Errorf("%s is no regular file", file)
			continue
		}
		if info.Size() > maxSize {
			t.Errorf("%s has %d bytes, at most %d are allowed", file, info.Size(), maxSize)
		}
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(file, "testdata/fuzz/") {
			continue // What fuzzing finds may look like anything.
		}
		if at := privatePath.FindIndex(data); at != nil {
			t.Errorf("%s:%d names a path of one machine: %q", file, line(data, at[0]), data[at[0]:at[1]])
		}
		if at := conflict.FindIndex(data); at != nil {
			t.Errorf("%s:%d has a conflict marker: %q", file, line(data, at[0]), data[at[0]:at[1]])
		}
		if at := leftover.FindIndex(data); at != nil && strings.HasSuffix(file, ".go") && file != "test/repo/files_test.go" {
			t.Errorf("%s:%d says %s: finish it, or file an issue", file, line(data, at[0]), data[at[0]:at[1]])
		}
	}
}

// line is the number of the line that an offset lies on.
func line(data []byte, offset int) int {
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

func TestPrivatePathsAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		"see /ro" + "ot/notes.txt":      true,
		"\"/ho" + "me/me/x\"":           true,
		"/wo" + "rk/x":                  true,
		"internal/work/x.go":            false,
		"$HOME/work/x":                  false,
		"https://example.com/work/item": false,
		"/root/":                        false,
	} {
		if got := privatePath.MatchString(text); got != want {
			t.Errorf("%q: found %v, want %v", text, got, want)
		}
	}
}

func TestScriptsAreExecutable(t *testing.T) {
	for _, file := range tracked(t) {
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte("#!")) {
			continue
		}
		info, err := os.Stat(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o111 == 0 {
			t.Errorf("%s has a #! line and is not executable", file)
		}
		if bytes.Contains(data[:min(len(data), 32)], []byte("bash")) && !bytes.Contains(data, []byte("\nset -euo pipefail\n")) {
			t.Errorf("%s lacks `set -euo pipefail`", file)
		}
	}
}
