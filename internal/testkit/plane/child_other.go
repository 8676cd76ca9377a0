//go:build unix && !linux

package plane

import (
	"os/exec"
	"syscall"
)

// childAttributes give the child its own process group. Where the kernel cannot tie a child to its parent, a parent that is
// killed leaves its children behind.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func startOnLastingThread(cmd *exec.Cmd) error { return cmd.Start() }

// awaitFrozen has nothing portable to ask.
func awaitFrozen(int) {}
