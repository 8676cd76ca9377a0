package plane

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// childAttributes make the kernel end the child when the parent is gone, even after a SIGKILL.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

type launch struct {
	cmd *exec.Cmd
	err chan<- error
}

var launches = sync.OnceValue(func() chan<- launch {
	queue := make(chan launch)
	go func() {
		runtime.LockOSThread()
		for l := range queue {
			l.err <- l.cmd.Start()
		}
	}()
	return queue
})

// startOnLastingThread starts the command from a thread that lives as long as this process: the kernel's "parent" of
// Pdeathsig is the thread that forked, and Go ends threads as it likes.
func startOnLastingThread(cmd *exec.Cmd) error {
	err := make(chan error, 1)
	launches() <- launch{cmd, err}
	return <-err
}
