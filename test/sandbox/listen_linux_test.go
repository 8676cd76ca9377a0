package sandbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// assertLoopbackOnly fails for every port that one of the processes opens to other machines.
func assertLoopbackOnly(t *testing.T, pids ...int) {
	t.Helper()
	outside := map[string]string{} // socket → address
	for file, loopback := range map[string]string{
		"/proc/net/tcp":  "0100007F",
		"/proc/net/tcp6": "00000000000000000000000001000000",
	} {
		table, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			const listening = "0A"
			if f := strings.Fields(line); len(f) > 9 && f[3] == listening && !strings.HasPrefix(f[1], loopback) {
				outside["socket:["+f[9]+"]"] = f[1]
			}
		}
	}
	for _, pid := range pids {
		descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil || len(descriptors) == 0 {
			t.Errorf("process %d: no open files to look at (%v)", pid, err)
		}
		for _, descriptor := range descriptors {
			target, _ := os.Readlink(descriptor) // one that was closed meanwhile is no listener
			if address, found := outside[target]; found {
				command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // for the message only
				t.Errorf("%.80q listens on %s, which is not loopback", command, address)
			}
		}
	}
}
