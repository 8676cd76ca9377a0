// Package programs is about programs that a few tests run, and that a machine with Go, git and make may lack.
package programs

import (
	"os"
	"os/exec"
	"testing"
)

// Need leaves a test out where a program is not installed. In CI, which sets CI, it fails instead: there nothing may be left out unseen.
func Need(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed: install it to run this test", name)
	}
}
